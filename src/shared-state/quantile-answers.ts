import { LogCollapsingLowestDenseDDSketch } from '@datadog/sketches-js'
import { ACCURACY, MOST_BINS, type Quantiles } from './quantiles.ts'

export interface QuantileSummary {
  readonly count: number
  readonly sum: number
  readonly min: number
  readonly max: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p95: number
  readonly p99: number
}

/** Undefined when there are no numbers. Right within 1 % of the value, and never beyond what there was. */
export function quantileOf(numbers: Quantiles, q: number): number | undefined {
  return numbers.isEmpty ? undefined : answerer(numbers)(q)
}

/** Undefined when there are no numbers. Count, sum, least and largest are exact. */
export function summaryOf(numbers: Quantiles): QuantileSummary | undefined {
  if (numbers.isEmpty) return undefined
  const { count, sum, min, max } = numbers
  const at = answerer(numbers)
  return { count, sum, min, max, mean: sum / count, p50: at(0.5), p90: at(0.9), p95: at(0.95), p99: at(0.99) }
}

function answerer(numbers: Quantiles): (q: number) => number {
  const sketch = new LogCollapsingLowestDenseDDSketch({ relativeAccuracy: ACCURACY, binLimit: MOST_BINS })
  // The largest first: the sketch need not make room, and then collapse, over and over.
  for (const [bin, times] of descending(numbers.positive)) sketch.store.add(bin, times)
  for (const [bin, times] of descending(numbers.negative)) sketch.negativeStore.add(bin, times)
  sketch.zeroCount = numbers.zeros
  sketch.count = numbers.count
  const { min, max } = numbers
  return (q) => (q === 0 ? min : q === 1 ? max : Math.max(min, Math.min(max, sketch.getValueAtQuantile(q))))
}

function descending(bins: ReadonlyMap<number, number>): (readonly [bin: number, times: number])[] {
  return [...bins].sort(([a], [b]) => b - a)
}
