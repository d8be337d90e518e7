import type { Agent } from '../../agent/agents.ts'
import type { EntryMarks } from '../../agent/answers.ts'
import type { Component, ConsoleLine } from '../../agent/group.ts'
import type { CallCounts, Trace } from '../../agent/host/protocol.ts'
import { type Effect, TRIAL_LIMITS, type TrialOutcome } from '../../wire/trials.ts'

type Mark = TrialOutcome['marks']['list'][number]

/** What an agent does while it is tried out, as far as there is room for it; the rest is counted. */
export class TrialRecord {
  readonly #masked: (text: string) => string
  readonly #lines: TrialOutcome['console']['lines'] = []
  #characters = 0
  #droppedLines = 0
  readonly #effects: Effect[] = []
  #droppedEffects = 0
  readonly #marks = new Map<string, Mark>()
  #droppedMarks = 0
  /** By component: of processes that are gone, and of the one at hand. */
  readonly #traces = new Map<Component, { gone: Trace[]; now: Trace }>()

  /** `masked` takes out of texts what is not to be shown. */
  constructor(masked: (text: string) => string) {
    this.#masked = masked
  }

  line({ level, text, node, at, entry, place }: ConsoleLine): void {
    if (this.#lines.length >= TRIAL_LIMITS.lines || this.#characters > TRIAL_LIMITS.lineCharacters) {
      this.#droppedLines++
      return
    }
    this.#characters += text.length
    this.#lines.push({
      ...{ level, text: this.#masked(text), at: at ?? this.#lastMs, node },
      ...(entry === undefined ? {} : { entry }),
      ...(place === undefined ? {} : { place }),
    })
    this.#lastMs = at ?? this.#lastMs
  }
  #lastMs = 0

  effect(effect: Effect): void {
    if (this.#effects.length < TRIAL_LIMITS.effects) this.#effects.push(effect)
    else this.#droppedEffects++
  }

  /** What is written on an entry later adds to what was written before. */
  marks(marks: readonly EntryMarks[]): void {
    for (const { id, stream, index, ...written } of marks) {
      const entry = id ?? `${stream}-${index}`
      const known = this.#marks.get(entry)
      if (known === undefined && this.#marks.size >= TRIAL_LIMITS.marks) this.#droppedMarks++
      else this.#marks.set(entry, { ...known, ...plain(written), entry })
    }
  }

  /** Counts begin anew where the sandbox did. */
  traced(_agent: Agent, component: Component, trace: Trace): void {
    const known = this.#traces.get(component)
    if (known === undefined) this.#traces.set(component, { gone: [], now: trace })
    else {
      if (callsIn(trace) < callsIn(known.now)) known.gone.push(known.now)
      known.now = trace
    }
  }

  /** `nodes`: what each component is called. */
  outcome(nodes: Readonly<Record<Component, string>>) {
    const traces = [...this.#traces].flatMap(([component, { gone, now }]) =>
      [...gone, now].map((trace) => ({ node: nodes[component], trace })),
    )
    return {
      console: { lines: this.#lines, dropped: this.#droppedLines },
      effects: { list: this.#effects, dropped: this.#droppedEffects },
      marks: { list: [...this.#marks.values()], dropped: this.#droppedMarks },
      calls: callsOf(traces),
    }
  }
}

interface NodeTrace {
  readonly node: string
  readonly trace: Trace
}

function callsIn(trace: Trace): number {
  return Object.values(trace).reduce((sum, counts) => sum + counts.calls, 0)
}

function callsOf(traces: readonly NodeTrace[]): TrialOutcome['calls'] {
  const sums = new Map<string, { node: string; name: string } & CallCounts>()
  for (const { node, trace } of traces)
    for (const [name, { calls, errors, micros }] of Object.entries(trace)) {
      const key = JSON.stringify([node, name])
      const sum = sums.get(key) ?? { node, name, calls: 0, errors: 0, micros: 0 }
      sums.set(key, {
        ...sum,
        calls: sum.calls + calls,
        errors: sum.errors + errors,
        micros: sum.micros + micros,
      })
    }
  return [...sums.values()].filter(({ name }) => name !== '')
}

/** Without what is undefined. */
function plain(written: Omit<EntryMarks, 'id' | 'stream' | 'index'>): Omit<Mark, 'entry'> {
  const { passed, failed, tags, queried, changes } = written
  return {
    ...(passed === undefined ? {} : { passed }),
    ...(failed === undefined ? {} : { failed }),
    ...(tags === undefined ? {} : { tags }),
    ...(queried === undefined ? {} : { queried }),
    ...(changes === undefined ? {} : { changes }),
  }
}
