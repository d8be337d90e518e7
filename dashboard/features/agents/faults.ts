import type { AgentView } from '../../../src/wire/views.ts'

/** An error that arose at a place of the code while it ran, on all nodes together. */
export interface FaultMark {
  readonly line: number
  readonly column: number
  readonly message: string
  readonly count: number
  readonly nodes: readonly string[]
}

/** Errors of one version by where they arose, in the order of the code. */
export function faultsOf(agent: Pick<AgentView, 'nodes' | 'version'>, version: number): FaultMark[] {
  const marks = new Map<string, FaultMark>()
  for (const { node, version: running, faults } of agent.nodes) {
    // Where it was stopped nothing runs; what it did before is of the version that is stored.
    if ((running === 0 ? agent.version : running) !== version) continue
    for (const { line, column, message, count } of faults) {
      const key = `${line}:${column} ${message}`
      const known = marks.get(key)
      marks.set(key, {
        ...{ line, column, message },
        count: (known?.count ?? 0) + count,
        nodes: [...new Set([...(known?.nodes ?? []), node])],
      })
    }
  }
  return [...marks.values()].toSorted((a, b) => a.line - b.line || a.column - b.column)
}

/** `12 ×` of one line, for its margin: all that arose there, with the message that came most. */
export function byLine(
  faults: readonly FaultMark[],
): ReadonlyMap<number, { count: number; message: string }> {
  const lines = new Map<number, { count: number; message: string; most: number }>()
  for (const { line, count, message } of faults) {
    const known = lines.get(line)
    const isMost = known === undefined || count > known.most
    lines.set(line, {
      count: (known?.count ?? 0) + count,
      message: isMost ? message : known.message,
      most: isMost ? count : known.most,
    })
  }
  return lines
}

/** Where a failure says that it arose: `… (title.js:12:3)`, or `title.js:2:9: …`. */
export function placeInReason(reason: string): { line: number; column: number } | undefined {
  const found = /:(\d+):(\d+)\)\s*$/.exec(reason) ?? /^[^\n]*?\.js:(\d+):(\d+): /.exec(reason)
  return found === null ? undefined : { line: Number(found[1]), column: Number(found[2]) }
}
