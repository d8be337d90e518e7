import { isNumber, type Shared } from './value.ts'

/**
 * A sum. Only the node itself writes its part, so there is no need to keep what was added apart from what was taken away, as
 * counters do whose parts have several writers.
 */
export class Counter implements Shared {
  readonly kind = 'counter'
  value = 0

  get isEmpty(): boolean {
    return this.value === 0
  }

  add(by: number): void {
    this.value = finite(this.value + by)
  }

  merge(part: Shared): void {
    if (part instanceof Counter) this.add(part.value)
  }

  toJSON(): number {
    return this.value
  }
}

export function readCounter(json: unknown): Counter | undefined {
  if (!isNumber(json)) return undefined
  const counter = new Counter()
  counter.add(json)
  return counter
}

/** JSON has no infinity. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value))
}
