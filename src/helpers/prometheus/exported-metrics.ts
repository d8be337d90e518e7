import { z } from 'zod'

/** Whose series something is. */
export interface Exporter {
  /** Identity in the store, or the file that it is from. */
  readonly id: string
  readonly title: string
  readonly component: 'worker' | 'hub'
  /** Name of the node, or `hub`. */
  readonly node: string
}

export interface ExportedOptions {
  /** Whether each series says by a label `agent` whose it is. Otherwise those that are the same are made one. */
  readonly agentLabel: boolean
}

/**
 * What agents export by `prometheus.*`, as Prometheus reads it (text format 0.0.4,
 * https://prometheus.io/docs/instrumenting/exposition_formats/). A series is known by agent, name and labels. Whatever
 * agents call their metrics, the text is valid: what is not allowed in a name becomes `_`, and of two that want the same name
 * one gets another.
 */
export class ExportedMetrics {
  readonly #options: ExportedOptions
  readonly #exporters = new Map<string, Exports>()
  readonly #dropped = new Map<string, number>()

  constructor(options: ExportedOptions) {
    this.#options = options
  }

  /** Takes what a sandbox tells: an `ExportMessage`. Anything else is counted, and dropped. */
  take(exporter: Exporter, told: unknown): void {
    const read = message.safeParse(told)
    if (!read.success) {
      this.#drop('invalid', 1)
      return
    }
    const { begins, series, refused } = read.data
    const key = keyOf(exporter)
    if (begins === true) {
      this.#exporters.delete(key)
      this.#exporters.set(key, { exporter, series: new Map() })
    }
    if (refused !== undefined) this.#drop('series', refused)
    const exports = this.#exporters.get(key)
    // It has ended meanwhile.
    if (exports === undefined) return
    exports.exporter = exporter
    for (const each of series) this.#put(exports, each)
  }

  /** The agent was removed, or stopped. */
  end(exporter: Pick<Exporter, 'id' | 'component'>): void {
    this.#exporters.delete(keyOf(exporter))
  }

  /** What was not taken, by reason: series beyond the limit of an agent, and what makes no sense. */
  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped)
  }

  /** `taken`: names of metrics that stand beside these in one text. */
  text(taken: ReadonlySet<string> = new Set()): string {
    const names = new Names(taken)
    const families = new Map<string, Family>()
    const titles = titlesOf([...this.#exporters.values()].map(({ exporter }) => exporter))
    for (const { exporter, series } of this.#exporters.values()) {
      const common = {
        component: exporter.component,
        node: exporter.node,
        ...(this.#options.agentLabel ? { agent: titles.get(exporter.id) ?? exporter.title } : {}),
      }
      for (const each of series.values()) familyOf(families, names, each).add(common, each)
    }
    return [...families.values()].map((family) => family.text()).join('')
  }

  #put({ series }: Exports, { id, is, ...now }: z.output<typeof exportedSeries>): void {
    const known = series.get(id)
    const what = is ?? known?.what
    const isWhole = what?.kind !== 'histogram' || now.counts?.length === what.buckets?.length
    if (what === undefined || !isWhole) this.#drop('invalid', 1)
    else series.set(id, { what, now })
  }

  #drop(reason: string, times: number): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + times)
  }
}

interface Exports {
  exporter: Exporter
  readonly series: Map<number, Series>
}

interface Series {
  readonly what: z.output<typeof described>
  readonly now: Omit<z.output<typeof exportedSeries>, 'id' | 'is'>
}

type Kind = z.output<typeof described>['kind']

/** Series of one name and type. */
class Family {
  readonly #name: string
  readonly #kind: Kind
  readonly #help: string
  /** By their labels, which are all that tells them apart. */
  readonly #samples = new Map<string, Sample>()

  constructor(name: string, { kind, help }: Series['what']) {
    this.#name = name
    this.#kind = kind
    this.#help = help
  }

  add(common: Readonly<Record<string, string>>, { what, now }: Series): void {
    const labels = labelsOf(common, what.labels)
    const before = this.#samples.get(labels)
    const { buckets = [] } = what
    const { value, counts = [], sum = 0 } = now
    // Of several agents without a label for them: sums, but of a gauge the last one.
    const isSummed = this.#kind === 'counter' || this.#kind === 'histogram'
    if (before === undefined || !isSummed) this.#samples.set(labels, { value, counts, sum, buckets })
    else if (before.buckets.join() === buckets.join()) {
      const each = before.counts.map((count, at) => count + (counts[at] ?? 0))
      this.#samples.set(labels, { value: before.value + value, counts: each, sum: before.sum + sum, buckets })
    }
  }

  text(): string {
    const lines = [
      `# HELP ${this.#name} ${escapedHelp(this.#help === '' ? 'Exported by an agent.' : this.#help)}`,
      `# TYPE ${this.#name} ${this.#kind}`,
    ]
    for (const [labels, sample] of this.#samples)
      if (this.#kind === 'histogram') lines.push(...histogramLines(this.#name, labels, sample))
      else lines.push(`${this.#name}{${labels}} ${numberText(sample.value)}`)
    return `${lines.join('\n')}\n`
  }
}

interface Sample {
  readonly value: number
  readonly counts: readonly number[]
  readonly sum: number
  readonly buckets: readonly number[]
}

/** Buckets count all that is not above them. */
function* histogramLines(
  name: string,
  labels: string,
  { value, counts, sum, buckets }: Sample,
): Generator<string> {
  const comma = labels === '' ? '' : ','
  let count = 0
  for (const [at, bound] of buckets.entries()) {
    count += counts[at] ?? 0
    yield `${name}_bucket{${labels}${comma}le="${numberText(bound)}"} ${count}`
  }
  yield `${name}_bucket{${labels}${comma}le="+Inf"} ${value}`
  yield `${name}_sum{${labels}} ${numberText(sum)}`
  yield `${name}_count{${labels}} ${value}`
}

function familyOf(families: Map<string, Family>, names: Names, series: Series): Family {
  const { name, kind } = series.what
  const key = `${kind} ${name}`
  const known = families.get(key)
  if (known !== undefined) return known
  const made = new Family(names.claim(allowedName(name), kind), series.what)
  families.set(key, made)
  return made
}

/** Names that are in use, each once. */
class Names {
  readonly #taken: Set<string>

  constructor(taken: ReadonlySet<string>) {
    this.#taken = new Set(taken)
  }

  /** The name, if it is free; or with the type, or a number, behind it. */
  claim(wanted: string, kind: Kind): string {
    let name = wanted
    for (let other = 1; !this.#isFree(name, kind); other++)
      name = other === 1 ? `${wanted}_${kind}` : `${wanted}_${kind}_${other}`
    for (const each of linesOf(name, kind)) this.#taken.add(each)
    return name
  }

  #isFree(name: string, kind: Kind): boolean {
    return linesOf(name, kind).every((each) => !this.#taken.has(each))
  }
}

/** A histogram is written under several names. */
function linesOf(name: string, kind: Kind): string[] {
  return kind === 'histogram' ? [name, `${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]
}

/** `a="1",b="2"`, those that all have first. */
function labelsOf(common: Readonly<Record<string, string>>, own: Series['what']['labels']): string {
  const labels = new Map(Object.entries(common))
  for (const [name, value] of own) {
    let allowed = allowedLabel(name)
    for (let other = 2; labels.has(allowed); other++) allowed = `${allowedLabel(name)}_${other}`
    labels.set(allowed, value)
  }
  return Array.from(labels, ([name, value]) => `${name}="${escapedLabel(value)}"`).join(',')
}

/** `[a-zA-Z_:][a-zA-Z0-9_:]*` */
function allowedName(name: string): string {
  return withoutDigitBefore(name.replace(/[^a-zA-Z0-9_:]/g, '_'))
}

/** `[a-zA-Z_][a-zA-Z0-9_]*`. Those that mean something already are renamed as Prometheus does it. */
function allowedLabel(name: string): string {
  const allowed = withoutDigitBefore(name.replace(/[^a-zA-Z0-9_]/g, '_')) || '_'
  return RESERVED.has(allowed) || allowed.startsWith('__')
    ? `exported_${allowed.replace(/^_+/, '')}`
    : allowed
}

const RESERVED: ReadonlySet<string> = new Set(['agent', 'component', 'node', 'le', 'quantile'])

function withoutDigitBefore(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name
}

function escapedLabel(value: string): string {
  return wellFormed(value).replace(/[\\"\n]/g, (each) => (each === '\n' ? '\\n' : `\\${each}`))
}

function escapedHelp(help: string): string {
  return wellFormed(help).replace(/[\\\n]/g, (each) => (each === '\n' ? '\\n' : '\\\\'))
}

/** What is UTF-8, and does not end the text for those who read it with C. */
function wellFormed(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\ufffd')
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  return String(value)
}

/** By identity: titles, and of those that several have, which one it is. */
function titlesOf(exporters: readonly Exporter[]): ReadonlyMap<string, string> {
  const owners = new Map<string, Set<string>>()
  for (const { id, title } of exporters) owners.set(title, (owners.get(title) ?? new Set()).add(id))
  return new Map(
    exporters.map(({ id, title }) => [id, owners.get(title)?.size === 1 ? title : `${title} (${id})`]),
  )
}

function keyOf({ id, component }: Pick<Exporter, 'id' | 'component'>): string {
  return `${component} ${id}`
}

const number = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']).transform((text) => Number(text)),
])
const described = z.object({
  name: z.string().min(1).max(200),
  kind: z.enum(['counter', 'gauge', 'untyped', 'histogram']),
  help: z.string().max(500),
  labels: z.array(z.tuple([z.string().max(200), z.string().max(500)])).max(30),
  buckets: z.array(z.number()).max(50).optional(),
})
const exportedSeries = z.object({
  id: z.int().min(0).max(9_999),
  value: number,
  counts: z.array(z.number()).max(50).optional(),
  sum: number.optional(),
  is: described.optional(),
})
const message = z.object({
  begins: z.boolean().optional(),
  series: z.array(exportedSeries).max(10_000),
  refused: z.number().optional(),
})
