import type { Node, Program } from 'acorn'
import { fullAncestor } from 'acorn-walk'
import { THIS } from './host/protocol.ts'

export interface SharedThis {
  readonly source: string
  /** Where text was put in: line (from 1), column (from 1) in the original, and how much. */
  readonly insertions: readonly (readonly [line: number, column: number, length: number])[]
  /** The script says `this` somewhere. */
  readonly shares: boolean
}

/**
 * Makes `this` in plain function calls the object that all agents share (agent-api §2.5). JavaScript would give the
 * global object of the realm there, which is the agent's own; so every `this` inside a function goes through a
 * function that swaps the two. At the top level `this` is the shared object already.
 */
export function shareThis(source: string, program: Program): SharedThis {
  const places: Node[] = []
  let shares = false
  fullAncestor(program, (node, _state, ancestors) => {
    if (node.type !== 'ThisExpression') return
    shares = true
    if (ancestors.some((each) => each.type.startsWith('Function'))) places.push(node)
  })
  places.sort((a, b) => a.start - b.start)

  let text = ''
  let copied = 0
  const insertions: [number, number, number][] = []
  for (const place of places) {
    text += `${source.slice(copied, place.start)}${THIS}(this)`
    copied = place.end
    const { line, column } = placeOf(source, place.start)
    insertions.push([line, column, `${THIS}()`.length])
  }
  return { source: text + source.slice(copied), insertions, shares }
}

/** Line and column, both from 1. */
function placeOf(source: string, offset: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = source.indexOf('\n'); at >= 0 && at < offset; at = source.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return { line, column: offset - lineStart + 1 }
}
