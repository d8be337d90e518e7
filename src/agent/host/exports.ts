import type { ExportedSeries, ExportMessage, MetricKind } from './protocol.ts'

/** What an agent asks for, by `prometheus.*`. All primitives. */
export interface Exported {
  /** Name of the helper, for what it throws. */
  readonly path: string
  /** `counter` is what `prometheus.metric` calls so: a total, or what came since the last call. `inc` always adds. */
  readonly how: MetricKind | 'inc'
  readonly name: string
  readonly help: string
  readonly value: number
  /** JSON of an object. */
  readonly labels: string
  /** `prometheus.counterMode`; "": it is found out, series by series. */
  readonly mode: '' | 'total' | 'delta'
  /** JSON of a list, "" for the usual ones: upper bounds of a histogram. */
  readonly buckets: string
}

/**
 * The metrics that an agent exports. Hooks export for every entry, so nothing crosses the bridge for it: series stand here,
 * out of the agent's reach, and what has changed leaves with the acknowledgement of the frame at hand, as it is by then.
 */
export class PendingExports {
  readonly #begins: () => void
  readonly #say: (level: 'warn' | 'error', text: string) => void
  readonly #families = new Map<string, Family>()
  /** By name and labels as they are, and, for speed, as they were written. */
  readonly #series = new Map<string, Series>()
  readonly #written = new Map<string, Series>()
  #changed: Series[] = []
  #hasBegun = false
  /** Series as they count against the limit, and the characters of their names and labels. */
  #lines = 0
  #characters = 0
  #refused = 0
  #isFull = false

  /** `begins` is called when something waits, and nothing did; `say` prints on the console of the agent. */
  constructor(begins: () => void, say: (level: 'warn' | 'error', text: string) => void) {
    this.#begins = begins
    this.#say = say
  }

  /** Answers `ok`, or why it is not kept. Throws for what makes no sense, into the agent. */
  put(exported: Exported): string {
    const { path, how, name, labels, value } = exported
    const kind = how === 'inc' ? 'counter' : how
    if (Number.isNaN(value) && kind !== 'gauge' && kind !== 'untyped')
      throw new Error(`${path}: value: expected a number`)
    if (kind === 'counter' && (value < 0 || value === Number.POSITIVE_INFINITY))
      throw new Error(`${path}: value: a counter takes finite numbers of 0 and more, found ${value}`)
    const series = this.#written.get(`${name}\n${labels}`) ?? this.#open(exported, kind)
    if (series === undefined) {
      this.#refused++
      if (this.#refused === 1) this.#begins()
      return `refused: an agent may export ${MOST_SERIES} series`
    }
    if (series.family.kind !== kind)
      throw new Error(`${path}: name: ${name} is a ${series.family.kind} already, and no ${kind}`)
    this.#apply(series, exported)
    this.#note(series)
    return 'ok'
  }

  /** It takes the place of another one, whose series end with that. */
  follow(before: PendingExports): void {
    if (before.#hasBegun && !this.#hasBegun) this.#begins()
  }

  /** What has changed, once. */
  take(): ExportMessage {
    const changed = this.#changed
    const refused = this.#refused
    this.#changed = []
    this.#refused = 0
    const begins = !this.#hasBegun
    this.#hasBegun = true
    return {
      series: changed.map(toldOf),
      ...(begins ? { begins } : {}),
      ...(refused === 0 ? {} : { refused }),
    }
  }

  #apply(series: Series, { how, value, mode, name }: Exported): void {
    const { family } = series
    if (family.kind === 'histogram') {
      series.value += 1
      series.sum += value
      const bucket = family.buckets.findIndex((bound) => value <= bound)
      if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] as number) + 1
    } else if (how === 'inc') series.value += value
    else if (how === 'counter') this.#count(series, value, mode, name)
    else series.value = value
  }

  /** A true total never falls while the agent runs: what falls once is what came since the last call. */
  #count(series: Series, value: number, mode: Exported['mode'], name: string): void {
    if (mode === '' && series.mode === 'total' && value < series.last) {
      series.mode = 'delta'
      if (!series.family.isToldOf) this.#say('warn', switched(name, value, series.last))
      series.family.isToldOf = true
    }
    const isTotal = (mode === '' ? series.mode : mode) === 'total'
    series.value = isTotal ? value : series.value + value
    series.last = value
  }

  #note(series: Series): void {
    if (series.waits) return
    series.waits = true
    this.#changed.push(series)
    if (this.#changed.length === 1) this.#begins()
  }

  /** Undefined: there are too many. */
  #open(exported: Exported, kind: MetricKind): Series | undefined {
    const { path, name } = exported
    const written = `${name}\n${exported.labels}`
    const labels = readLabels(path, exported.labels)
    const key = `${name}\n${JSON.stringify(labels)}`
    const series = this.#series.get(key) ?? this.#add(key, this.#family(exported, kind), labels)
    // Labels in another order, and the like: as many again are kept.
    if (series !== undefined && this.#written.size < 2 * MOST_SERIES && written.length < LONGEST_WRITTEN)
      this.#written.set(written, series)
    return series
  }

  #family({ path, name, help, buckets }: Exported, kind: MetricKind): Family {
    const known = this.#families.get(name)
    if (known !== undefined) return known
    if (name === '') throw new Error(`${path}: name: it is empty`)
    if (name.length > LONGEST_NAME)
      throw new Error(`${path}: name: ${name.length} characters are more than ${LONGEST_NAME}`)
    return {
      name,
      kind,
      help: help.slice(0, LONGEST_HELP),
      buckets: kind === 'histogram' ? readBuckets(path, buckets) : [],
      isToldOf: false,
    }
  }

  #add(key: string, family: Family, labels: readonly Label[]): Series | undefined {
    const lines = family.kind === 'histogram' ? family.buckets.length + 3 : 1
    if (this.#lines + lines > MOST_SERIES || this.#characters + key.length > MOST_CHARACTERS) {
      if (!this.#isFull) this.#say('error', FULL)
      this.#isFull = true
      return undefined
    }
    this.#lines += lines
    this.#characters += key.length
    this.#families.set(family.name, family)
    const series: Series = {
      id: this.#series.size,
      family,
      labels,
      counts: family.buckets.map(() => 0),
      value: 0,
      sum: 0,
      last: 0,
      mode: 'total',
      waits: false,
      isKnown: false,
    }
    this.#series.set(key, series)
    return series
  }
}

interface Family {
  readonly name: string
  readonly kind: MetricKind
  readonly help: string
  readonly buckets: readonly number[]
  /** The agent was told that one of its series counts what came since the last call. */
  isToldOf: boolean
}

type Label = readonly [name: string, value: string]

interface Series {
  readonly id: number
  readonly family: Family
  readonly labels: readonly Label[]
  /** Of a histogram: by bucket, each for itself. */
  readonly counts: number[]
  /** Of a histogram: how many were observed. */
  value: number
  sum: number
  /** What the agent said last. */
  last: number
  mode: 'total' | 'delta'
  waits: boolean
  /** It has been told what the series is. */
  isKnown: boolean
}

function toldOf(series: Series): ExportedSeries {
  const { id, family, labels, value, counts, sum, isKnown } = series
  series.waits = false
  series.isKnown = true
  const { name, kind, help, buckets } = family
  return {
    id,
    value: Number.isFinite(value) ? value : String(value),
    ...(kind === 'histogram' ? { counts: [...counts], sum: Number.isFinite(sum) ? sum : String(sum) } : {}),
    ...(isKnown ? {} : { is: { name, kind, help, labels, ...(kind === 'histogram' ? { buckets } : {}) } }),
  }
}

/** In the order of their names. A label without a value is none: to Prometheus they are the same. */
function readLabels(path: string, text: string): Label[] {
  const labels = Object.entries(JSON.parse(text) as Record<string, unknown>)
  if (labels.length > MOST_LABELS)
    throw new Error(`${path}: labels: ${labels.length} are more than ${MOST_LABELS}`)
  const long = labels.find(([name]) => name.length > LONGEST_NAME)
  if (long !== undefined)
    throw new Error(`${path}: labels: a name of ${long[0].length} characters is longer than ${LONGEST_NAME}`)
  return labels
    .map(([name, value]) => [name, labelText(value)] as const)
    .filter(([, value]) => value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function labelText(value: unknown): string {
  if (value === null) return ''
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text
}

function readBuckets(path: string, text: string): readonly number[] {
  const buckets: unknown = text === '' ? USUAL_BUCKETS : JSON.parse(text)
  const isRising =
    Array.isArray(buckets) &&
    buckets.length > 0 &&
    buckets.length <= MOST_BUCKETS &&
    buckets.every((bound, at) => Number.isFinite(bound) && (at === 0 || bound > buckets[at - 1]))
  if (!isRising)
    throw new Error(
      `${path}: buckets: expected 1 to ${MOST_BUCKETS} numbers, each larger than the one before`,
    )
  return buckets
}

function switched(name: string, value: number, last: number): string {
  return `prometheus: ${name} fell from ${last} to ${value}, so from now on its values are taken for what came since the last call, and added up. prometheus.counterMode = "total" or "delta" says which they are.`
}

/** Of one agent; a histogram counts as what it is made of. */
const MOST_SERIES = 10_000
/** Of the names and labels of all its series. */
const MOST_CHARACTERS = 2 << 20
const MOST_LABELS = 30
const MOST_BUCKETS = 50
const LONGEST_NAME = 200
const LONGEST_LABEL = 500
const LONGEST_HELP = 500
/** Labels as they were written, for those that are found by them. */
const LONGEST_WRITTEN = 1000
/** Seconds, as Prometheus' own clients have them. */
const USUAL_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const FULL = `prometheus: an agent may export ${MOST_SERIES} series with ${MOST_CHARACTERS} characters of names and labels; further ones are not exported`
