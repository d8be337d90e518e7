import { Counter } from '../../shared-state/counter.ts'
import { Quantiles } from '../../shared-state/quantiles.ts'
import { TopKeys } from '../../shared-state/top-keys.ts'
import { Unique } from '../../shared-state/unique.ts'
import {
  type Kind,
  LONGEST_KEY,
  LONGEST_NAME,
  LONGEST_VALUE,
  MOST_NAMES,
  type Shared,
} from '../../shared-state/value.ts'
import type { SharedDelta } from './protocol.ts'

/**
 * What an agent has added by `cluster.*` since it was last sent on. Hooks add for every entry, so nothing crosses the bridge
 * for it: sums wait here, out of the agent's reach, and leave with the acknowledgement of the frame at hand, or before the
 * agent reads one. What it is called with are primitives. Throws for those that make no sense, into the agent.
 */
export class PendingShares {
  readonly #begins: () => void
  readonly #counters = new Names(() => new Counter())
  readonly #tops = new Names(() => new TopKeys())
  readonly #uniques = new Names(() => new Unique())
  readonly #quantiles = new Names(() => new Quantiles())
  #changed: Pending[] = []

  /** `begins` is called when something waits, and nothing did. */
  constructor(begins: () => void) {
    this.#begins = begins
  }

  count(name: string, by: number): void {
    refuse(COUNTER, 'by', by)
    const pending = this.#counters.of('counter', COUNTER, name)
    pending.value.add(by)
    this.#note(pending)
  }

  countKey(name: string, key: string, by: number): void {
    refuse(TOPK, 'by', by)
    if (by <= 0) throw new Error(`${TOPK}: by: expected more than 0, found ${by}`)
    if (key.length > LONGEST_KEY)
      throw new Error(`${TOPK}: key: ${key.length} characters are more than ${LONGEST_KEY}`)
    const pending = this.#tops.of('topk', TOPK, name)
    pending.value.add(key, by)
    this.#note(pending)
  }

  countUnique(name: string, value: string): void {
    if (value.length > LONGEST_VALUE)
      throw new Error(`${UNIQUE}: value: ${value.length} characters are more than ${LONGEST_VALUE}`)
    const pending = this.#uniques.of('unique', UNIQUE, name)
    pending.value.add(value)
    this.#note(pending)
  }

  measure(name: string, value: number): void {
    refuse(QUANTILE, 'value', value)
    const pending = this.#quantiles.of('quantile', QUANTILE, name)
    pending.value.add(value)
    this.#note(pending)
  }

  /** All that waits, once. */
  take(): SharedDelta[] {
    const changed = this.#changed
    this.#changed = []
    return changed.map((pending) => {
      const { name, value } = pending
      pending.value = pending.empty()
      pending.waits = false
      return { kind: value.kind, name, value }
    })
  }

  #note(pending: Pending): void {
    if (pending.waits) return
    pending.waits = true
    this.#changed.push(pending)
    if (this.#changed.length === 1) this.#begins()
  }
}

/** What waits for one name. Stays, empty, when it has been sent: names are counted. */
interface Pending<Value extends Shared = Shared> {
  readonly name: string
  readonly empty: () => Value
  value: Value
  waits: boolean
}

class Names<Value extends Shared> {
  readonly #empty: () => Value
  readonly #names = new Map<string, Pending<Value>>()

  constructor(empty: () => Value) {
    this.#empty = empty
  }

  of(kind: Kind, path: string, name: string): Pending<Value> {
    return this.#names.get(name) ?? this.#add(kind, path, name)
  }

  #add(kind: Kind, path: string, name: string): Pending<Value> {
    if (name === '') throw new Error(`${path}: name: it is empty`)
    if (name.length > LONGEST_NAME)
      throw new Error(`${path}: name: ${name.length} characters are more than ${LONGEST_NAME}`)
    if (this.#names.size >= MOST_NAMES[kind])
      throw new Error(`${path}: name: an agent has ${MOST_NAMES[kind]} names for it at most`)
    const pending = { name, empty: this.#empty, value: this.#empty(), waits: false }
    this.#names.set(name, pending)
    return pending
  }
}

function refuse(path: string, parameter: string, value: number): void {
  if (!Number.isFinite(value))
    throw new Error(`${path}: ${parameter}: expected a finite number, found ${value}`)
}

const COUNTER = 'cluster.counter.add(name, by?)'
const TOPK = 'cluster.topk.add(name, key, by?)'
const UNIQUE = 'cluster.unique.add(name, value)'
const QUANTILE = 'cluster.quantile.add(name, value)'
