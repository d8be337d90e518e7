import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import {
  type MetricDeclaration,
  type MetricsSnapshot,
  type Sample,
  SNAPSHOT_METRICS,
} from './declarations.ts'

export interface MetricsOptions {
  readonly component: 'worker' | 'hub'
  readonly node: string
  /** What the node is now. Undefined while it is not up yet: then only what the process itself says is there. */
  readonly snapshot: () => MetricsSnapshot | undefined
  /** What the process says of itself (`process_…`, `nodejs_…`). */
  readonly ofProcess?: boolean
  /** Further metrics in the text format, of others; `taken` are names that those here have. */
  readonly others?: (taken: ReadonlySet<string>) => string
}

/** How a call of a helper ended: `refused` by a limit or a setting, `failed` when the other side did. */
export type HelperOutcome = 'ok' | 'failed' | 'refused'

/** The metrics of one program. Labels are bounded: beyond so many agents, helpers or routes the rest is `other`. */
export interface Metrics {
  /** A helper outside of the sandbox has answered. */
  helperCalled(path: string, outcome: HelperOutcome, seconds: number): void
  /** A hook of an agent, by its identity, has come to its end. */
  hookCalled(agent: string, hook: string, seconds: number): void
  /** `route` is the pattern, never the address. */
  apiRequest(route: string, status: number, seconds: number): void
  /** Everything, in the text format of Prometheus. */
  text(): Promise<string>
  readonly contentType: string
}

/** Own registry for each: two in one process (tests, `remora run`) do not know each other. */
export function openMetrics({
  component,
  node,
  snapshot,
  ofProcess = true,
  others = () => '',
}: MetricsOptions): Metrics {
  const registry = new Registry()
  registry.setDefaultLabels({ component, node })
  if (ofProcess) collectDefaultMetrics({ register: registry })
  const names = new AgentNames()
  const families = SNAPSHOT_METRICS.map((declaration) => new SnapshotFamily(declaration, registry, names))
  const recorded = new Recorded(registry, names)
  let scraping: Promise<string> | undefined
  const scrape = async () => {
    const now = snapshot()
    names.begin(now)
    if (now !== undefined) for (const family of families) family.take(now)
    const text = await registry.metrics()
    return text + others(namesIn(text))
  }
  return {
    helperCalled: (path, outcome, seconds) => recorded.helperCalled(path, outcome, seconds),
    hookCalled: (agent, hook, seconds) => recorded.hookCalled(agent, hook, seconds),
    apiRequest: (route, status, seconds) => recorded.apiRequest(route, status, seconds),
    contentType: registry.contentType,
    // Who asks while another is being answered gets the same answer.
    text: () => {
      scraping ??= scrape().finally(() => {
        scraping = undefined
      })
      return scraping
    },
  }
}

/** Names of metrics, and of the lines that a histogram or a summary is written in. */
function namesIn(text: string): ReadonlySet<string> {
  const names = Array.from(text.matchAll(/^# TYPE (\S+) /gm), ([, name = '']) => name)
  return new Set(names.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`]))
}

/** Names of metrics that are recorded as things happen, for the docs. */
export const RECORDED_METRICS = [
  {
    name: 'agent_hook_seconds',
    type: 'histogram',
    labels: ['agent', 'hook'],
    doc: 'How long calls of a hook took.',
  },
  {
    name: 'agent_vendor_calls_total',
    type: 'counter',
    labels: ['helper', 'status'],
    doc: 'Calls of vendor.* helpers: `ok`, `failed` or `refused`.',
  },
  {
    name: 'agent_helper_calls_total',
    type: 'counter',
    labels: ['helper', 'status'],
    doc: 'Calls of all helpers that work outside of the sandbox: `ok`, `failed` or `refused`.',
  },
  {
    name: 'agent_helper_seconds',
    type: 'histogram',
    labels: ['helper'],
    doc: 'How long they took.',
  },
  {
    name: 'remora_api_requests_total',
    type: 'counter',
    labels: ['route', 'status'],
    doc: 'Requests to the API, by route and status.',
  },
  { name: 'remora_api_seconds', type: 'histogram', labels: ['route'], doc: 'How long they took.' },
] as const

type RecordedName = (typeof RECORDED_METRICS)[number]['name']

class Recorded {
  readonly #registry: Registry
  readonly #names: AgentNames
  readonly #helpers = new Bounded(MOST_HELPERS)
  readonly #hooks = new Bounded(MOST_HOOKS)
  readonly #routes = new Bounded(MOST_ROUTES)
  readonly #hookSeconds: Histogram
  readonly #vendorCalls: Counter
  readonly #helperCalls: Counter
  readonly #helperSeconds: Histogram
  readonly #requests: Counter
  readonly #requestSeconds: Histogram

  constructor(registry: Registry, names: AgentNames) {
    this.#registry = registry
    this.#names = names
    this.#hookSeconds = this.#histogram('agent_hook_seconds', HOOK_BUCKETS)
    this.#vendorCalls = this.#counter('agent_vendor_calls_total')
    this.#helperCalls = this.#counter('agent_helper_calls_total')
    this.#helperSeconds = this.#histogram('agent_helper_seconds', CALL_BUCKETS)
    this.#requests = this.#counter('remora_api_requests_total')
    this.#requestSeconds = this.#histogram('remora_api_seconds', CALL_BUCKETS)
    names.onGone((agent) => this.#forget(agent))
  }

  helperCalled(path: string, outcome: HelperOutcome, seconds: number): void {
    const helper = this.#helpers.name(path)
    this.#helperCalls.inc({ helper, status: outcome })
    if (path.startsWith('vendor.')) this.#vendorCalls.inc({ helper, status: outcome })
    this.#helperSeconds.observe({ helper }, sane(seconds))
  }

  hookCalled(agent: string, hook: string, seconds: number): void {
    this.#hookSeconds.observe({ agent: this.#names.of(agent), hook: this.#hooks.name(hook) }, sane(seconds))
  }

  apiRequest(route: string, status: number, seconds: number): void {
    const known = this.#routes.name(route)
    this.#requests.inc({ route: known, status: status >= 100 && status <= 599 ? Math.floor(status) : 0 })
    this.#requestSeconds.observe({ route: known }, sane(seconds))
  }

  #forget(agent: string): void {
    for (const hook of this.#hooks.names()) this.#hookSeconds.remove({ agent, hook })
  }

  #counter(name: RecordedName): Counter {
    return new Counter({ ...declared(name), registers: [this.#registry] })
  }

  #histogram(name: RecordedName, buckets: readonly number[]): Histogram {
    return new Histogram({ ...declared(name), buckets: [...buckets], registers: [this.#registry] })
  }
}

function declared(wanted: RecordedName): { name: string; help: string; labelNames: string[] } {
  const [found] = RECORDED_METRICS.filter(({ name }) => name === wanted)
  return { name: wanted, help: found?.doc ?? wanted, labelNames: [...(found?.labels ?? [])] }
}

/** One metric with all its series, brought up to date when somebody asks. */
class SnapshotFamily {
  readonly #declaration: MetricDeclaration
  readonly #metric: Counter | Gauge
  readonly #names: AgentNames
  /** Of counters: what each had in the last snapshot, by what it is about. */
  #last = new Map<string, number>()
  #series = new Map<string, Record<string, string>>()

  constructor(declaration: MetricDeclaration, registry: Registry, names: AgentNames) {
    const { name, doc, labels, type } = declaration
    const options = { name, help: doc, labelNames: [...labels], registers: [registry] }
    this.#declaration = declaration
    this.#names = names
    this.#metric = type === 'counter' ? new Counter(options) : new Gauge(options)
    // Without labels there would be a zero from the beginning, counted or not.
    if (labels.length === 0) this.#metric.remove({})
  }

  take(snapshot: MetricsSnapshot): void {
    const last = new Map<string, number>()
    const values = new Map<string, number>()
    const series = new Map<string, Record<string, string>>()
    for (const sample of this.#declaration.read(snapshot)) {
      if (!Number.isFinite(sample.value)) continue
      const labels = this.#labels(sample, series.size)
      const key = JSON.stringify(labels)
      series.set(key, labels)
      values.set(key, (values.get(key) ?? 0) + this.#step(sample, last))
    }
    for (const [key, labels] of this.#series) if (!series.has(key)) this.#metric.remove(labels)
    for (const [key, labels] of series) this.#put(labels, values.get(key) ?? 0)
    this.#last = last
    this.#series = series
  }

  /** Of a gauge its value; of a counter what came since the last time: what it is less than then began anew. */
  #step({ agent = '', labels, value }: Sample, last: Map<string, number>): number {
    if (this.#declaration.type === 'gauge') return value
    const about = JSON.stringify([agent, ...labels])
    const before = this.#last.get(about) ?? 0
    last.set(about, value)
    return Math.max(0, value < before ? value : value - before)
  }

  #put(labels: Record<string, string>, value: number): void {
    if (this.#metric instanceof Counter) this.#metric.inc(labels, value)
    else this.#metric.set(labels, value)
  }

  #labels({ agent, labels }: Sample, count: number): Record<string, string> {
    const values = agent === undefined ? labels : [this.#names.of(agent), ...labels]
    const isFull = count >= MOST_SERIES && !this.#series.has(JSON.stringify(this.#named(values)))
    return this.#named(isFull ? values.map(() => OTHER) : values)
  }

  #named(values: readonly string[]): Record<string, string> {
    return Object.fromEntries(
      this.#declaration.labels.map((label, at) => [label, shortened(values[at] ?? '')]),
    )
  }
}

/** What agents are called in labels: their titles. Beyond so many they are `other`, until one of the others is gone. */
class AgentNames {
  readonly #names = new Map<string, string>()
  #titles: ReadonlyMap<string, string> = new Map()
  #isGone: (name: string) => void = () => {}

  onGone(listener: (name: string) => void): void {
    this.#isGone = listener
  }

  /** Makes room for new agents: those that are not there any more are forgotten. */
  begin(snapshot: MetricsSnapshot | undefined): void {
    if (snapshot === undefined) return
    this.#titles = snapshot.titles ?? this.#titles
    const present = new Set(snapshot.agents.map(({ id }) => id))
    for (const [id, name] of this.#names) {
      const isSame = present.has(id) && name === this.#title(id)
      if (!isSame) this.#forget(id, name)
    }
  }

  of(id: string): string {
    const known = this.#names.get(id)
    if (known !== undefined) return known
    if (this.#names.size >= MOST_AGENTS) return OTHER
    const name = this.#title(id)
    this.#names.set(id, name)
    return name
  }

  #title(id: string): string {
    return shortened(this.#titles.get(id) ?? id)
  }

  #forget(id: string, name: string): void {
    this.#names.delete(id)
    if (![...this.#names.values()].includes(name)) this.#isGone(name)
  }
}

/** The first so many names as they are, and all others as one. */
class Bounded {
  readonly #names = new Set<string>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  name(text: string): string {
    const name = shortened(text)
    if (this.#names.has(name)) return name
    if (this.#names.size >= this.#most) return OTHER
    this.#names.add(name)
    return name
  }

  names(): readonly string[] {
    return [...this.#names, OTHER]
  }
}

function shortened(text: string): string {
  return text.length > LONGEST_LABEL ? `${text.slice(0, LONGEST_LABEL - 1)}…` : text
}

function sane(seconds: number): number {
  return Number.isFinite(seconds) && seconds > 0 ? seconds : 0
}

const OTHER = 'other'
const LONGEST_LABEL = 80
/** Agents that have series of their own. */
export const MOST_AGENTS = 200
const MOST_HELPERS = 100
const MOST_HOOKS = 20
const MOST_ROUTES = 100
/** Of one metric. */
const MOST_SERIES = 2000
const HOOK_BUCKETS = [0.00001, 0.0001, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5]
const CALL_BUCKETS = [0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 30]
