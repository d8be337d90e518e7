import { randomUUID } from 'node:crypto'
import { type AgentOptions, understandAgent } from '../agent/agents.ts'
import { agentTitle } from '../agent/source/title.ts'
import type { Bucket, Bus, Stream } from '../bus/bus.ts'
import { compileFilter } from '../filter/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ClusterFollower } from '../node/cluster-follower.ts'
import { ConsoleOut } from '../node/console-out.ts'
import { Fleet } from '../node/fleet.ts'
import { PolicyRequests } from '../node/policy-requests.ts'
import type { AgentStore } from '../store/agent-store.ts'
import type { EntryReader } from '../store/entries/entry-store.ts'
import { LONGEST_TITLE } from '../store/records.ts'
import { pause } from '../waiting/pause.ts'
import { Wake } from '../waiting/wake.ts'
import type { AgentChange, AgentDraft, AgentRecord, AgentVersion } from '../wire/agents.ts'
import { type AuditRecord, auditRecord } from '../wire/audit.ts'
import { decode, encode } from '../wire/codec.ts'
import type { ConsoleFilter, ConsoleLine } from '../wire/console.ts'
import { type EffectRecord, type EffectsPage, type EffectsQuery, effectsAnswer } from '../wire/effects.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import { type JobAnswer, type JobOrder, jobAnswer } from '../wire/jobs.ts'
import type { MapView } from '../wire/map.ts'
import { type ResourceName, resourceOf } from '../wire/network-agents.ts'
import { CLOCK_SKEW_MS } from '../wire/nodes.ts'
import type { OpenPackets } from '../wire/packets.ts'
import { STREAMS, SUBJECTS } from '../wire/subjects.ts'
import type { AgentView, EntriesPage, HubEvent, LivePart, NodeView, SharedValue } from '../wire/views.ts'
import { Alerts, type AlertsOptions } from './alerts/alerts.ts'
import { ConsoleLog } from './console.ts'
import type { CaptureControl, EntryStream, HubControl } from './control.ts'
import { queryWorkers } from './entries.ts'
import { EntrySources } from './entry-sources.ts'
import { LiveEntries } from './live.ts'
import { named } from './node-names.ts'
import { Outboxes } from './outboxes.ts'
import { recordingIn } from './recordings/filter.ts'
import { Recordings } from './recordings/recordings.ts'
import { Reports, type ReportsOptions } from './reports.ts'
import { type MapQuestion, ServiceMaps } from './service-maps.ts'
import { HubTargeting, type TargetingOptions } from './targeting.ts'
import { WorkerPackets } from './worker-packets.ts'

export interface HubOptions {
  readonly bus: Bus
  readonly store: AgentStore
  readonly console: Stream
  readonly audit: Stream
  readonly state: Bucket
  readonly alerts: Bucket
  readonly alerting: Alerting
  /** What is recorded. */
  readonly recordings: Bucket
  /** Reports of agents on this hub. */
  readonly reports: ReportsOptions['own']
  /** Whether a resource of Kubernetes says what its agent is, and nobody else does; absent: none does. */
  readonly isManaged?: (resource: ResourceName) => boolean
  /** How scripts are read, for those that are saved. */
  readonly agents: AgentOptions
  /** Answers queries backwards in time instead of the workers; undefined when there is none. */
  readonly archive?: Archive | undefined
  readonly captures?: CaptureControl | undefined
  /** Entries that are elsewhere; undefined when there are none. */
  readonly sources?: EntrySources | undefined
  readonly boot: string
  /** Words of filters. */
  readonly macros: Readonly<Record<string, string>>
  readonly shared: () => readonly SharedValue[]
  readonly cluster: ClusterFollower
  /** Which pods are captured, as the configuration of this hub says. */
  readonly targeting: Pick<TargetingOptions, 'configured' | 'hasCluster'>
  readonly health: () => Record<string, unknown>
}

/** Where entries of all workers are kept for longer than workers keep them. */
export type Archive = Pick<EntryReader, 'page'>

/** When alerts close, and who is told of them. */
export type Alerting = Pick<AlertsOptions, 'rules' | 'keep' | 'concerns' | 'notify' | 'report'>

/** A hub, leading or not, as the API sees it. */
export class Hub implements HubControl {
  readonly #options: HubOptions
  readonly fleet: Fleet
  readonly lines: ConsoleLog
  readonly recordings: Recordings
  readonly alerts: Alerts
  readonly outboxes: Outboxes
  readonly reports: Reports
  readonly targeting: HubTargeting
  readonly policies: PolicyRequests
  readonly #live: LiveEntries
  readonly #maps: ServiceMaps
  readonly #out: ConsoleOut
  readonly #respond: () => void

  constructor(options: HubOptions) {
    this.#options = options
    const { bus, console, boot } = options
    this.fleet = new Fleet(bus)
    this.lines = new ConsoleLog(console)
    this.#live = new LiveEntries(bus)
    this.recordings = new Recordings({
      ...{ bus, bucket: options.recordings, macros: options.macros },
      workers: () => this.fleet.workers().map(({ node }) => node),
    })
    this.alerts = new Alerts({ bucket: options.alerts, ...options.alerting })
    this.outboxes = new Outboxes({ bus, nodes: () => this.nodes() })
    this.reports = new Reports({
      bus,
      own: options.reports,
      workers: () => this.fleet.workers().map(({ node }) => node),
    })
    this.policies = new PolicyRequests(bus)
    this.#maps = new ServiceMaps(bus)
    this.targeting = new HubTargeting({
      ...options.targeting,
      ...{ bus, bucket: options.state, cluster: options.cluster },
      nodes: () => this.fleet.nodes(),
      seen: () => this.#seenLately(),
    })
    this.#out = new ConsoleOut(console, 'hub', `${boot}/hub`)
    this.#respond = bus.respond(SUBJECTS.targeted, async () => encode(await this.targeted()))
  }

  async agents(): Promise<AgentView[]> {
    return (await this.#options.store.list()).map((record) => this.#view(record))
  }

  async agent(name: string): Promise<AgentView> {
    return this.#view(await this.#find(name))
  }

  async createAgent(draft: AgentDraft, by: string): Promise<AgentView> {
    this.#check(draft.code, draft.title ?? nameOf(draft))
    // One that somebody gives is refused when it is too long.
    const title = draft.title ?? agentTitle(draft.code, nameOf(draft)).slice(0, LONGEST_TITLE)
    return this.#view(await this.#options.store.create({ ...draft, title }, by))
  }

  async updateAgent(name: string, change: AgentChange, by: string): Promise<AgentView> {
    const { store } = this.#options
    const record = await this.#find(name)
    this.#refuseManaged(record)
    if (change.code !== undefined) this.#check(change.code, change.title ?? record.title)
    const updated = await store.update(record.id, change, by)
    if (record.failure === undefined) return this.#view(updated)
    // Whatever was wrong with the version before is over.
    await store.setFailure(record.id, undefined)
    return this.#view(await store.get(record.id))
  }

  async deleteAgent(name: string, by: string, ifVersion?: number): Promise<void> {
    const record = await this.#find(name)
    this.#refuseManaged(record)
    await this.#options.store.delete(record.id, by, ifVersion)
  }

  async history(name: string): Promise<readonly AgentVersion[]> {
    const { id } = await this.#find(name)
    return this.#options.store.history(id)
  }

  async rollback(name: string, version: number, by: string): Promise<AgentView> {
    const found = await this.#find(name)
    this.#refuseManaged(found)
    const { id, failure } = found
    const { store } = this.#options
    const record = await store.rollback(id, version, by)
    if (failure !== undefined) await store.setFailure(id, undefined)
    return this.#view(record)
  }

  activeTitles(): Promise<readonly string[]> {
    return this.#options.store.activeTitles()
  }

  nodes(): NodeView[] {
    return named(this.fleet.nodes())
  }

  async *console(
    filter: ConsoleFilter,
    follow: boolean,
    signal: AbortSignal,
    lost?: (lines: number) => void,
  ): AsyncIterable<ConsoleLine> {
    if (follow) yield* this.lines.follow(filter, signal, lost)
    else yield* this.lines.recent(filter)
  }

  async clearConsole(agent: string | undefined): Promise<void> {
    const record = agent === undefined ? ALL_AGENTS : await this.#find(agent)
    const { id, index, title } = record
    const line = { agent: id, index, title, level: 'clear', text: '' } as const
    await this.#out.keep(`clear/${randomUUID()}`, [line])
  }

  async jobs(asked: JobOrder): Promise<JobAnswer[]> {
    // A job of the cluster runs once for it, however many nodes are asked.
    const order = { ...asked, id: asked.id ?? randomUUID() }
    const names = [...new Set(this.fleet.nodes().map(({ node }) => node))]
    const { node } = order.selector
    if (node !== undefined && !names.includes(node))
      throw new Mistake('E_NOT_FOUND', `there is no node ${node}`, { hint: `nodes: ${names.join(', ')}` })
    const answers = await Promise.all(
      (node === undefined ? names : [node]).map((each) => this.#order(each, order)),
    )
    return eachOnce(answers.filter((answer) => answer !== undefined))
  }

  async entries(query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage> {
    const { archive, sources = NO_SOURCES } = this.#options
    if (query.source !== undefined) return sources.entries(query.source, query, signal)
    const recording = recordingIn(query.filter)
    if (recording !== undefined && this.recordings.has(recording))
      return this.recordings.entries(recording, query, signal)
    if (archive !== undefined) return archived(archive, query, signal)
    const workers = this.fleet.workers().map(({ node }) => node)
    const { bus, macros } = this.#options
    const { limit: most = Number.POSITIVE_INFINITY } = compileFilter(query.filter, {
      prefer: 'kfl2',
      macros,
      now: Date.now(),
    })
    return queryWorkers(bus, workers, query, { signal, most })
  }

  get captures(): CaptureControl | undefined {
    return this.#options.captures
  }

  isRaw(source: string | undefined): boolean {
    const { sources = NO_SOURCES } = this.#options
    return source !== undefined && sources.isRaw(source)
  }

  async packets(
    wanted: readonly EntryStream[],
    source: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly OpenPackets[]> {
    const { bus, sources = NO_SOURCES } = this.#options
    if (source !== undefined) return [await (await sources.packets(source, signal)).open(wanted)]
    const workers = new Set(this.fleet.workers().map(({ node }) => node))
    const byNode = Map.groupBy(wanted, ({ node }) => node)
    const there = [...byNode].filter(([node]) => workers.has(node))
    if (there.length === 0)
      throw new Mistake(
        'E_NOT_FOUND',
        `the packets are gone: ${[...byNode.keys()].join(', ')} cannot be reached`,
      )
    return Promise.all(there.map(([node, streams]) => new WorkerPackets(bus, node, signal).open(streams)))
  }

  live(filter: string, signal: AbortSignal): AsyncIterable<LivePart> {
    return this.#live.watch(filter, signal)
  }

  map(question: MapQuestion, signal: AbortSignal): AsyncIterable<MapView> {
    return this.#maps.watch(question, signal)
  }

  /** Who stands in what workers keep: as it was some seconds ago, for those who ask all the time. */
  #seenLately(): Promise<ReadonlySet<string>> {
    if (performance.now() - this.#seenAt > SEEN_EVERY_MS) {
      this.#seenAt = performance.now()
      const next = this.#askSeen()
      this.#seen = this.#seen === undefined ? next : Promise.race([next, this.#seen])
      void next.then((seen) => {
        this.#seen = Promise.resolve(seen)
      })
    }
    return this.#seen ?? Promise.resolve(new Set())
  }
  #seen: Promise<ReadonlySet<string>> | undefined
  #seenAt = Number.NEGATIVE_INFINITY

  async #askSeen(): Promise<ReadonlySet<string>> {
    const signal = AbortSignal.timeout(SEEN_MS)
    for await (const { ends } of this.#maps.watch({ filter: '', windowMs: 0 }, signal))
      return new Set(ends.flatMap(({ namespace, name, ip }) => [ip, `${namespace}/${name}`]))
    return new Set()
  }

  async shared(): Promise<readonly SharedValue[]> {
    return this.#options.shared()
  }

  /** Pods are known on Kubernetes only. */
  async targeted() {
    return this.targeting.targeted()
  }

  async *events(signal: AbortSignal): AsyncIterable<HubEvent> {
    const waiting = new Set<HubEvent['kind']>(['agents', 'nodes'])
    const wake = new Wake()
    const changed = (kind: HubEvent['kind']) => () => {
      waiting.add(kind)
      wake.ring()
    }
    const stop = this.fleet.onChange(changed('nodes'))
    const end = new AbortController()
    const failures: unknown[] = []
    const watching = this.#watchStore(changed('agents'), AbortSignal.any([signal, end.signal])).catch(
      (error: unknown) => {
        failures.push(error)
        wake.ring()
      },
    )
    try {
      while (!signal.aborted) {
        if (failures.length > 0) throw failures[0]
        // What an agent does is part of how it is shown.
        if (waiting.delete('agents') || waiting.has('nodes'))
          yield { kind: 'agents', agents: await this.agents() }
        if (waiting.delete('nodes')) yield { kind: 'nodes', nodes: this.nodes() }
        await pause(EVENTS_MS, signal)
        if (waiting.size === 0) await wake.next(signal)
      }
    } finally {
      stop()
      end.abort()
      await watching
    }
  }

  ready(): { ready: boolean; reasons: string[] } {
    const reasons: string[] = []
    if (!this.#options.bus.connected) reasons.push(`${this.#options.bus.description} cannot be reached`)
    const leads = this.nodes().some(({ component, leading }) => component === 'hub' && leading)
    if (!leads) reasons.push('no hub leads')
    return { ready: reasons.length === 0, reasons }
  }

  health(): Record<string, unknown> {
    const skewed = this.nodes().filter(({ skewMs }) => Math.abs(skewMs) > CLOCK_SKEW_MS)
    return {
      ...this.#options.health(),
      ...this.ready(),
      clocks: skewed.map(({ node, skewMs }) => ({ node, skewMs })),
    }
  }

  async audit(record: AuditRecord): Promise<void> {
    await this.#options.audit.append(STREAMS.audit, encode(record), { id: randomUUID() })
  }

  async effects(query: EffectsQuery): Promise<EffectsPage> {
    const nodes = this.nodes()
    const answers = await Promise.all(nodes.map((node) => this.#effectsOf(node, query)))
    const effects = answers.flatMap((answer) => answer ?? []).sort((a, b) => b.at - a.at)
    return {
      effects: effects.slice(0, query.limit),
      missing: nodes.filter((_, at) => answers[at] === undefined).map(({ node }) => node),
    }
  }

  async #effectsOf(
    { node, boot, component }: NodeView,
    query: EffectsQuery,
  ): Promise<EffectRecord[] | undefined> {
    try {
      const options = { timeoutMs: EFFECTS_MS }
      const subject = SUBJECTS.effects(component === 'hub' ? boot : node)
      const answer = await this.#options.bus.request(subject, encode(query), options)
      const effects = decode(effectsAnswer, answer)
      return component === 'hub' ? effects?.map((effect) => ({ ...effect, node })) : effects
    } catch (error) {
      if (error instanceof Mistake && ['E_BUS_NO_ANSWER', 'E_BUS'].includes(error.code)) return undefined
      throw error
    }
  }

  async audits(last: number): Promise<AuditRecord[]> {
    const records: AuditRecord[] = []
    const { signal } = new AbortController()
    for await (const { payload } of this.#options.audit.read({ last, follow: false, signal })) {
      const record = decode(auditRecord, payload)
      if (record !== undefined) records.push(record)
    }
    return records
  }

  async close(): Promise<void> {
    this.#respond()
    this.#live.close()
    await this.recordings.close()
    await this.alerts.stop()
    await this.targeting.close()
    this.#maps.close()
    this.fleet.close()
    await this.lines.close()
  }

  /** What is changed here would be put right again. */
  #refuseManaged(record: AgentRecord): void {
    const resource = resourceOf(record)
    if (resource === undefined || this.#options.isManaged?.(resource) !== true) return
    const { namespace, name } = resource
    throw new Mistake(
      'E_CONFLICT',
      `agent ${record.index} "${record.title}" is NetworkAgent ${namespace}/${name}: what that says counts`,
      { hint: `Change it where that comes from, or with kubectl -n ${namespace} edit networkagent ${name}.` },
    )
  }

  /** Refuses what no node could load, before it is stored. */
  #check(code: string, name: string): void {
    understandAgent(code, name, 0, this.#options.agents)
  }

  async #find(name: string): Promise<AgentRecord> {
    const agents = await this.#options.store.list()
    const wanted = name.trim().replace(/\s+/g, ' ')
    const found =
      agents.find(({ id }) => id === name) ??
      agents.find(({ index }) => String(index) === name) ??
      one(agents.filter(({ title }) => title === wanted))
    if (found !== undefined) return found
    throw new Mistake('E_NOT_FOUND', `there is no agent ${name}`, {
      hint:
        agents.length === 0
          ? 'nothing is stored yet'
          : `agents: ${agents.map(({ title }) => title).join(', ')}`,
    })
  }

  #view(record: AgentRecord): AgentView {
    const nodes = this.fleet
      .nodes()
      .flatMap(({ node, agents }) =>
        agents.filter(({ id }) => id === record.id).map((state) => ({ ...state, node })),
      )
    return { ...record, nodes }
  }

  async #order(node: string, order: JobOrder): Promise<JobAnswer | undefined> {
    try {
      const answer = await this.#options.bus.request(SUBJECTS.jobs(node), encode(order), {
        timeoutMs: JOBS_MS,
      })
      return decode(jobAnswer, answer)
    } catch (error) {
      if (error instanceof Mistake && ['E_BUS_NO_ANSWER', 'E_BUS'].includes(error.code)) return undefined
      throw error
    }
  }

  async #watchStore(changed: () => void, signal: AbortSignal): Promise<void> {
    for await (const _ of this.#options.store.watch(signal)) changed()
  }
}

function one(found: readonly AgentRecord[]): AgentRecord | undefined {
  if (found.length < 2) return found[0]
  throw new Mistake('E_CONFLICT', `${found.length} agents have the title ${found[0]?.title}`, {
    hint: `name one by its index: ${found.map(({ index }) => index).join(', ')}`,
  })
}

/** A job of the cluster is one, though every node tells of it. */
function eachOnce(answers: readonly JobAnswer[]): JobAnswer[] {
  const told = new Set<string>()
  return answers.map((answer) => ({
    ...answer,
    jobs: answer.jobs.filter(({ scope, agent, tag }) => {
      const key = `${agent} ${tag}`
      if (scope === 'node') return true
      if (told.has(key)) return false
      told.add(key)
      return true
    }),
  }))
}

/** Everything that workers have kept is there, and for longer. */
async function archived(archive: Archive, query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage> {
  const { entries, cursor, scanned } = await archive.page(query, { signal, mostBytes: MOST_PAGE_BYTES })
  return { entries: entries.map(({ json }) => json), cursor, scanned, missing: [] }
}

/** For the title, when no comment gives one. */
function nameOf({ source }: AgentDraft): string {
  return source?.path.split('/').at(-1) ?? 'New Script'
}

const NO_SOURCES = new EntrySources()
const ALL_AGENTS = { id: '', index: 0, title: '' }
const JOBS_MS = 3000
const EFFECTS_MS = 5000
/** Workers say what they have summed once a second. */
const SEEN_MS = 2500
const SEEN_EVERY_MS = 5000
/** Screens are told of changes so often at most. */
const EVENTS_MS = 500
const MOST_PAGE_BYTES = 32 << 20
