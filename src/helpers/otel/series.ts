import { Mistake } from '../../mistake/mistake.ts'
import { PartlyFailed } from '../answer.ts'
import {
  type Exported,
  type HistogramPoint,
  type KeyValue,
  keyOf,
  type Metric,
  type NumberPoint,
  TEMPORALITIES,
  type Temporality,
} from './messages.ts'

/** A value that a script has measured. */
export interface Measured {
  readonly name: string
  readonly value: number
  readonly type: 'counter' | 'updown' | 'gauge' | 'histogram'
  readonly temporality: Temporality
  readonly description?: string | undefined
  readonly unit?: string | undefined
  readonly attributes: readonly KeyValue[]
  readonly resource: readonly KeyValue[]
  /** Upper bounds of the buckets of a histogram, rising. */
  readonly bounds: readonly number[]
  /** ns since the epoch. */
  readonly at: bigint
}

/** Where the sums of a script belong: sums that go to two places are two. */
export interface SeriesOwner {
  readonly agent: string
  readonly destination: string
}

/**
 * Sums of counters and histograms, which OTLP wants as sums since a start: kept for each agent, for as long as the process runs and
 * there are not too many. What falls out begins anew, with a new start, which receivers can tell (resets, in the data model of OTLP).
 */
export class MetricSeries {
  /** By agent, the one that was used last at the end. */
  readonly #books = new Map<string, Book>()
  #refused = 0

  /** Values that found no place: there were too many series. */
  get refused(): number {
    return this.#refused
  }

  /** Series that are kept. */
  get size(): number {
    return [...this.#books.values()].reduce((sum, { series }) => sum + series.size, 0)
  }

  /**
   * Adds what was measured, and hands over the points that say so. They count once `send` has returned: where it throws, as if
   * nothing had been measured, so that it can be tried again. One at a time for each agent.
   */
  record(
    owner: SeriesOwner,
    measured: readonly Measured[],
    send: (metrics: readonly Exported<Metric>[]) => Promise<void>,
  ): Promise<void> {
    const book = this.#bookOf(owner.agent)
    const work = book.last.then(async () => {
      const { changed, refused } = this.#added(book, owner, measured)
      if (changed.size > 0) await send(metricsOf([...changed.values()]))
      for (const [key, series] of changed) if (series.kept) book.series.set(key, series)
      this.#shrink()
      this.#refused += refused.length
      if (refused.length > 0) throw tooMany(refused, measured.length)
    })
    book.last = work.catch(() => {})
    return work
  }

  #added(book: Book, { destination }: SeriesOwner, measured: readonly Measured[]) {
    const changed = new Map<string, Series>()
    const refused: number[] = []
    let more = 0
    for (const [place, each] of measured.entries()) {
      const key = keyOfSeries(destination, each)
      const before = changed.get(key) ?? book.series.get(key)
      const next = advanced(before, each, changed.has(key))
      if (before === undefined && next.kept && book.series.size + more >= MOST_SERIES) {
        refused.push(place)
        continue
      }
      if (before === undefined && next.kept) more++
      changed.set(key, next)
    }
    return { changed, refused }
  }

  #bookOf(agent: string): Book {
    const book = this.#books.get(agent) ?? { series: new Map(), last: Promise.resolve() }
    this.#books.delete(agent)
    this.#books.set(agent, book)
    return book
  }

  /** Lets go of agents that have sent nothing for longest: those that are gone are among them. */
  #shrink(): void {
    for (const agent of this.#books.keys()) {
      if (this.#books.size <= 1 || (this.size <= MOST_SERIES_OF_ALL && this.#books.size <= MOST_AGENTS))
        return
      this.#books.delete(agent)
    }
  }
}

/** Of a gauge each moment is one of its own: nothing is lost where many are sent at once. */
function keyOfSeries(destination: string, measured: Measured): string {
  const { type, at, attributes } = measured
  const moment = type === 'gauge' ? String(at) : ''
  return JSON.stringify([destination, identityOf(measured), keyOf(sorted(attributes)), moment])
}

function tooMany(places: readonly number[], measured: number): Mistake {
  const mistake = new Mistake(
    'E_HELPER_REFUSED',
    `otel.metric: this agent has ${MOST_SERIES} series already`,
    {
      hint: 'Give metrics fewer different attributes: no ids, addresses or paths.',
    },
  )
  if (places.length === measured) return mistake
  return new PartlyFailed(mistake.message, new Map(places.map((place) => [place, mistake])))
}

const MOST_SERIES = 10_000
const MOST_SERIES_OF_ALL = 100_000
const MOST_AGENTS = 1000

interface Book {
  readonly series: Map<string, Series>
  /** Settles when nothing is being recorded. */
  last: Promise<void>
}

interface Series {
  readonly measured: Measured
  /** ns: of what is summed, or, for a delta, of what has not been sent yet. */
  readonly start: bigint
  readonly end: bigint
  readonly sum: number
  readonly count: bigint
  readonly min: number
  readonly max: number
  readonly buckets: readonly bigint[]
  /** Gauges have nothing to be remembered. */
  readonly kept: boolean
}

/** What a series is after one more value. Deltas begin where the last one that was sent ended. */
function advanced(before: Series | undefined, measured: Measured, isUnsent: boolean): Series {
  const { type, temporality, value, at } = measured
  const isFresh = type === 'gauge' || before === undefined || (temporality === 'delta' && !isUnsent)
  // Time does not go back in a series, and an interval is not empty.
  const earliest = before === undefined ? at : isFresh ? before.end + 1n : before.end
  const buckets = isFresh ? new Array<bigint>(measured.bounds.length + 1).fill(0n) : [...before.buckets]
  const place = bucketOf(measured.bounds, value)
  buckets[place] = (buckets[place] ?? 0n) + 1n
  return {
    measured,
    // The first value came after the start: OTLP's intervals leave their beginning out.
    start: before === undefined ? (at > 0n ? at - 1n : 0n) : isFresh ? before.end : before.start,
    end: at > earliest ? at : earliest,
    sum: isFresh ? value : before.sum + value,
    count: isFresh ? 1n : before.count + 1n,
    min: isFresh ? value : Math.min(before.min, value),
    max: isFresh ? value : Math.max(before.max, value),
    buckets,
    kept: type !== 'gauge',
  }
}

/** Bounds belong to the bucket below them. */
function bucketOf(bounds: readonly number[], value: number): number {
  const place = bounds.findIndex((bound) => value <= bound)
  return place < 0 ? bounds.length : place
}

/** One metric for all series of the same name, type, unit and resource. */
function metricsOf(series: readonly Series[]): Exported<Metric>[] {
  const groups = Map.groupBy(series, ({ measured }) => identityOf(measured))
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    return first === undefined ? [] : [{ resource: first.measured.resource, item: metricOf(first, group) }]
  })
}

function identityOf({ name, type, unit, temporality, bounds, resource }: Measured): string {
  return JSON.stringify([name, type, unit, type === 'gauge' ? '' : temporality, bounds, keyOf(resource)])
}

function metricOf({ measured }: Series, group: readonly Series[]): Metric {
  const { name, description, unit, type, temporality } = measured
  const head = {
    name,
    ...(description === undefined ? {} : { description }),
    ...(unit === undefined ? {} : { unit }),
  }
  const aggregationTemporality = TEMPORALITIES[temporality]
  switch (type) {
    case 'gauge':
      return {
        ...head,
        gauge: {
          dataPoints: group.map(({ measured: { attributes, at, value } }) => ({
            attributes,
            timeUnixNano: at,
            asDouble: value,
          })),
        },
      }
    case 'histogram':
      return { ...head, histogram: { dataPoints: group.map(histogramPoint), aggregationTemporality } }
    default:
      return {
        ...head,
        sum: { dataPoints: group.map(numberPoint), aggregationTemporality, isMonotonic: type === 'counter' },
      }
  }
}

function numberPoint({ measured: { attributes }, start, end, sum }: Series): NumberPoint {
  return { attributes, startTimeUnixNano: start, timeUnixNano: end, asDouble: sum }
}

function histogramPoint({ measured, start, end, sum, count, min, max, buckets }: Series): HistogramPoint {
  return {
    attributes: measured.attributes,
    startTimeUnixNano: start,
    timeUnixNano: end,
    count,
    // With values below 0 it could fall, as no sum of a histogram may (opentelemetry/proto/metrics/v1).
    ...(min < 0 ? {} : { sum }),
    bucketCounts: buckets,
    explicitBounds: measured.bounds,
    min,
    max,
  }
}

/** The order in which a script gives attributes makes no other series of them. */
function sorted(attributes: readonly KeyValue[]): readonly KeyValue[] {
  return attributes.toSorted((a, b) => (a.key < b.key ? -1 : 1))
}
