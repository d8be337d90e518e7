import { isNumber, isPairs, isRecord, type Shared } from './value.ts'

/**
 * Numbers as DDSketch keeps them (Masson et al., 2019): how many fell into each of the bins whose bounds grow by a factor,
 * so that any quantile is right within 1 % of its value, however the numbers are spread. The bins are those of
 * @datadog/sketches-js with its default accuracy, which gives the answers (`quantile-answers.ts`); it is not used here,
 * since the sandbox counts with this, and since its `merge` leaves negative numbers out (2.1.1).
 */
export class Quantiles implements Shared {
  readonly kind = 'quantile'
  readonly positive = new Map<number, number>()
  readonly negative = new Map<number, number>()
  zeros = 0
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = Number.NEGATIVE_INFINITY

  get isEmpty(): boolean {
    return this.count === 0
  }

  add(value: number): void {
    if (value > SMALLEST) addTo(this.positive, binOf(value), 1)
    else if (value < -SMALLEST) addTo(this.negative, binOf(-value), 1)
    else this.zeros++
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }

  merge(part: Shared): void {
    if (!(part instanceof Quantiles)) return
    for (const [bin, times] of part.positive) addTo(this.positive, bin, times)
    for (const [bin, times] of part.negative) addTo(this.negative, bin, times)
    this.zeros += part.zeros
    this.count += part.count
    this.sum += part.sum
    this.min = Math.min(this.min, part.min)
    this.max = Math.max(this.max, part.max)
  }

  toJSON() {
    collapse(this.positive)
    collapse(this.negative)
    const { zeros, count, sum, min, max } = this
    const [positive, negative] = [[...this.positive].flat(), [...this.negative].flat()]
    return { positive, negative, zeros, count, sum: finite(sum), min: finite(min), max: finite(max) }
  }
}

export function readQuantiles(json: unknown): Quantiles | undefined {
  if (!isRecord(json)) return undefined
  const { positive, negative, zeros, count, sum, min, max } = json
  if (!isPairs(positive, MOST_BINS) || !isPairs(negative, MOST_BINS)) return undefined
  if (!isNumber(zeros) || !isNumber(count) || !isNumber(sum) || !isNumber(min) || !isNumber(max))
    return undefined
  const read = new Quantiles()
  if (!readBins(positive, read.positive) || !readBins(negative, read.negative)) return undefined
  if (zeros < 0 || timesOf(read.positive) + timesOf(read.negative) + zeros !== count) return undefined
  if (count === 0) return read
  if (min > max) return undefined
  return Object.assign(read, { zeros, count, sum, min, max })
}

function readBins(pairs: readonly number[], bins: Map<number, number>): boolean {
  for (let at = 0; at < pairs.length; at += 2) {
    const [bin = 0, times = 0] = pairs.slice(at, at + 2)
    if (!Number.isInteger(bin) || Math.abs(bin) > OUTERMOST_BIN || times <= 0) return false
    addTo(bins, bin, times)
  }
  return true
}

function timesOf(bins: ReadonlyMap<number, number>): number {
  let sum = 0
  for (const times of bins.values()) sum += times
  return sum
}

function addTo(bins: Map<number, number>, bin: number, times: number): void {
  bins.set(bin, (bins.get(bin) ?? 0) + times)
}

/** What lies far below the largest number goes into one bin. */
function collapse(bins: Map<number, number>): void {
  if (bins.size <= MOST_BINS) return
  let largest = Number.NEGATIVE_INFINITY
  for (const bin of bins.keys()) if (bin > largest) largest = bin
  const lowest = largest - MOST_BINS + 1
  for (const [bin, times] of bins) {
    if (bin >= lowest) continue
    bins.delete(bin)
    addTo(bins, lowest, times)
  }
}

/** The bin of a positive number. */
export function binOf(value: number): number {
  return Math.ceil(Math.log2(value) * BINS_PER_DOUBLING)
}

/** JSON has no infinity. */
function finite(value: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, value))
}

/** Of what a quantile is. */
export const ACCURACY = 0.01
/** They reach from a number to a 10^17th of it. */
export const MOST_BINS = 2048
const BINS_PER_DOUBLING = Math.LN2 / Math.log1p((2 * ACCURACY) / (1 - ACCURACY))
/** What is nearer to zero is zero. */
const SMALLEST = 2 ** -1000
const OUTERMOST_BIN = 40_000
