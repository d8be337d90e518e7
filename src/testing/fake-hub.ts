import { createHash, randomUUID } from 'node:crypto'
import { parseAgent } from '../agent/source/gate.ts'
import { agentTitle } from '../agent/source/title.ts'
import type { Pod } from '../cluster/objects.ts'
import { compileFilter } from '../filter/index.ts'
import { Alerts } from '../hub/alerts/alerts.ts'
import type { EntryStream, HubControl } from '../hub/control.ts'
import { Outboxes } from '../hub/outboxes.ts'
import { Recordings } from '../hub/recordings/recordings.ts'
import { Reports, type ReportsOptions } from '../hub/reports.ts'
import type { MapQuestion } from '../hub/service-maps.ts'
import { HubTargeting } from '../hub/targeting.ts'
import { Mistake } from '../mistake/mistake.ts'
import { callOf } from '../service-map/call.ts'
import { addCall, type EdgeSums } from '../service-map/edge-sum.ts'
import { mapOf } from '../service-map/view.ts'
import { LONGEST_TIMER_MS, pause } from '../waiting/pause.ts'
import type { AgentChange, AgentDraft, AgentRecord, AgentVersion } from '../wire/agents.ts'
import type { AuditRecord } from '../wire/audit.ts'
import { type ConsoleFilter, type ConsoleLine, wantsLine } from '../wire/console.ts'
import type { EffectRecord, EffectsPage, EffectsQuery } from '../wire/effects.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import type { JobAnswer, JobOrder, JobSelector, JobView } from '../wire/jobs.ts'
import type { MapView } from '../wire/map.ts'
import type { OpenPackets } from '../wire/packets.ts'
import type { PolicyAnswer, PolicyAsker, PolicyOrder } from '../wire/policies.ts'
import type { ReportView } from '../wire/reports.ts'
import { targetingRules } from '../wire/targeting.ts'
import type { AgentView, EntriesPage, HubEvent, LivePart, NodeView, SharedValue } from '../wire/views.ts'
import { Broadcast } from './broadcast.ts'
import { MemoryBucket } from './memory-bucket.ts'

/** A hub in memory, for what stands in front of hubs: what tests put into it comes out of its interface. */
export class FakeHub implements HubControl {
  readonly lines: ConsoleLine[] = []
  /** JSON texts, oldest first. */
  readonly kept: string[] = []
  readonly sharedValues: SharedValue[] = []
  readonly audited: AuditRecord[] = []
  /** Newest first. */
  readonly performed: EffectRecord[] = []
  readonly jobViews: JobView[] = []
  readonly orders: JobOrder[] = []
  readonly nodeViews: NodeView[] = []
  /** Titles that are active as soon as they exist. */
  readonly titles: string[] = []
  /** Workers that do not answer about entries. */
  readonly missing: string[] = []
  reasons: string[] = []
  /** When set, everything fails with it. */
  failure: Error | undefined
  env: Readonly<Record<string, unknown>> = {}
  /** With workers that never answer. */
  readonly alerts = new Alerts({
    bucket: new MemoryBucket(),
    rules: { suppressMs: 300_000, closeAfterMs: 3_600_000 },
    keep: 1000,
    concerns: () => false,
    notify() {},
    report() {},
  })
  /** Answers to orders about policies. */
  readonly policyAnswers: Partial<Record<PolicyOrder['ask'], unknown>> = {}
  readonly policyOrders: PolicyOrder[] = []
  readonly policies: PolicyAsker = {
    ask: async <Ask extends PolicyOrder['ask']>(
      order: Extract<PolicyOrder, { readonly ask: Ask }>,
    ): Promise<PolicyAnswer<Ask>> => {
      if (this.failure !== undefined) throw this.failure
      this.policyOrders.push(order)
      const answer = this.policyAnswers[order.ask]
      if (answer === undefined) throw new Mistake('E_NOT_FOUND', 'there is no such policy')
      return answer as PolicyAnswer<Ask>
    },
  }
  /** Reports of agents on the hub. */
  readonly written: { readonly report: ReportView; readonly content: Buffer }[] = []
  readonly ownReports: ReportsOptions['own'] = {
    list: async () => this.written.map(({ report }) => report),
    read: async (id) => this.#written(id),
    delete: async (id) => void this.written.splice(this.written.indexOf(this.#written(id)), 1),
  }
  readonly reports = new Reports({
    bus: { request: () => Promise.reject(new Mistake('E_BUS_NO_ANSWER', 'nobody answers')) },
    workers: () => [],
    own: this.ownReports,
  })
  readonly recordings = new Recordings({
    bus: { request: () => Promise.reject(new Mistake('E_BUS_NO_ANSWER', 'nobody answers')) },
    bucket: new MemoryBucket(),
    workers: () => [],
    macros: {},
  })
  readonly outboxes = new Outboxes({
    bus: { request: () => Promise.reject(new Mistake('E_BUS_NO_ANSWER', 'nobody answers')) },
    nodes: () => [],
  })
  /** What is known of a cluster. */
  readonly pods: Pod[] = []
  readonly targeting = new HubTargeting({
    bus: { request: () => Promise.reject(new Mistake('E_BUS_NO_ANSWER', 'nobody answers')) },
    bucket: new MemoryBucket(),
    configured: targetingRules.parse({}),
    hasCluster: true,
    cluster: {
      state: 'following',
      objects: (kind) => (kind === 'pod' ? (this.pods as never[]) : []),
    },
    nodes: () => this.nodeViews,
    seen: async () => new Set(this.seen),
  })
  /** Addresses of pods that stand in entries. */
  readonly seen: string[] = []
  readonly #agents = new Map<string, { record: AgentRecord; history: AgentVersion[] }>()
  readonly #printed = new Broadcast<ConsoleLine>()
  readonly #live = new Broadcast<LivePart>()
  readonly #events = new Broadcast<HubEvent>()

  /** Keeps a line and shows it to those who follow. */
  print(line: Partial<ConsoleLine> & { readonly text: string }): ConsoleLine {
    const whole = { ...LINE, id: randomUUID(), at: Date.now(), ...line }
    this.lines.push(whole)
    this.#printed.send(whole)
    return whole
  }

  /** Keeps entries, given as JSON texts, and shows them to those who watch. */
  see(...entries: string[]): void {
    this.kept.push(...entries)
    this.pass({ node: 'fake', entries, dropped: 0 })
  }

  /** Shows entries to those who watch, whatever their filters. */
  pass(part: LivePart): void {
    this.#live.send(part)
  }

  get watchers(): number {
    return this.#live.listeners
  }
  get followers(): number {
    return this.#printed.listeners
  }
  get eventListeners(): number {
    return this.#events.listeners
  }

  /** Tells those who show nodes that something has changed. */
  tellNodes(): void {
    this.#events.send({ kind: 'nodes', nodes: [...this.nodeViews] })
  }

  #written(id: string) {
    const found = this.written.find(({ report }) => report.id === id)
    if (found === undefined) throw new Mistake('E_NOT_FOUND', 'there is no such report')
    return found
  }

  async agents(): Promise<AgentView[]> {
    this.#fail()
    return [...this.#agents.values()]
      .map(({ record }) => view(record))
      .toSorted((left, right) => left.index - right.index)
  }

  async agent(name: string): Promise<AgentView> {
    this.#fail()
    return view(this.#find(name).record)
  }

  async createAgent(draft: AgentDraft, by: string): Promise<AgentView> {
    this.#fail()
    check(draft.code)
    const title = draft.title ?? agentTitle(draft.code, draft.source?.path ?? 'New Script')
    if (title !== 'New Script' && this.#all().some(({ record }) => record.title === title))
      throw new Mistake('E_CONFLICT', `there is an agent "${title}" already`)
    const now = new Date().toISOString()
    const record: AgentRecord = {
      id: randomUUID(),
      index: Math.max(-1, ...this.#all().map((each) => each.record.index)) + 1,
      title,
      code: draft.code,
      active: draft.active ?? this.titles.includes(title),
      version: 1,
      hash: hash(draft.code),
      ...(draft.source === undefined ? {} : { source: draft.source }),
      createdAt: now,
      updatedAt: now,
      updatedBy: by,
    }
    this.#agents.set(record.id, { record, history: [versionOf(record)] })
    await this.#tell()
    return view(record)
  }

  async updateAgent(name: string, change: AgentChange, by: string): Promise<AgentView> {
    this.#fail()
    const { record } = this.#find(name)
    if (change.code !== undefined) check(change.code)
    refuseConflict(record, change.ifVersion)
    return this.#save(record, change, by)
  }

  async deleteAgent(name: string, _by: string, ifVersion?: number): Promise<void> {
    this.#fail()
    const { record } = this.#find(name)
    refuseConflict(record, ifVersion)
    this.#agents.delete(record.id)
    await this.#tell()
  }

  async history(name: string): Promise<AgentVersion[]> {
    this.#fail()
    return this.#find(name).history
  }

  async rollback(name: string, version: number, by: string): Promise<AgentView> {
    this.#fail()
    const { record, history } = this.#find(name)
    const old = history.find((each) => each.version === version)
    if (old === undefined) throw new Mistake('E_NOT_FOUND', `version ${version} is not kept`)
    return this.#save(record, { title: old.title, code: old.code }, by)
  }

  async activeTitles(): Promise<string[]> {
    this.#fail()
    return [...this.titles]
  }

  nodes(): readonly NodeView[] {
    this.#fail()
    return this.nodeViews
  }

  async *console(
    filter: ConsoleFilter,
    follow: boolean,
    signal: AbortSignal,
    _lost?: (lines: number) => void,
  ): AsyncIterable<ConsoleLine> {
    this.#fail()
    const coming = this.#printed.listen(follow ? signal : AbortSignal.abort())
    const wanted = this.lines.filter((line) => wantsLine(filter, line))
    yield* filter.last === undefined ? wanted : filter.last === 0 ? [] : wanted.slice(-filter.last)
    for await (const line of coming) if (wantsLine(filter, line)) yield line
  }

  async clearConsole(agent: string | undefined): Promise<void> {
    this.#fail()
    const left = agent === undefined ? [] : this.lines.filter((line) => !wantsLine({ agent }, line))
    this.lines.splice(0, this.lines.length, ...left)
  }

  async jobs(order: JobOrder): Promise<JobAnswer[]> {
    this.#fail()
    this.orders.push(order)
    const nodes = [...new Set(this.jobViews.map(({ node }) => node))]
    return nodes.map((node) => ({
      node,
      running: true,
      jobs: this.jobViews.filter((job) => job.node === node && wantsJob(order.selector, job)),
    }))
  }

  /** What it has of the packets of any entry … */
  opened: OpenPackets[] = []
  /** … and of which it was asked. */
  readonly wanted: EntryStream[] = []

  isRaw(source: string | undefined): boolean {
    return source?.startsWith('raw:') === true
  }

  async packets(wanted: readonly EntryStream[]): Promise<OpenPackets[]> {
    this.#fail()
    this.wanted.push(...wanted)
    return this.opened
  }

  async entries(query: EntriesQuery, _signal: AbortSignal): Promise<EntriesPage> {
    this.#fail()
    const filter = compileFilter(query.filter, { prefer: 'kfl1', now: Date.now() })
    const newest = this.kept.filter((text) => filter.matches(JSON.parse(text))).toReversed()
    const from = Number(query.cursor ?? 0)
    const entries = newest.slice(from, from + query.limit)
    const end = from + entries.length
    const cursor = end < newest.length ? String(end) : null
    return { entries, cursor, scanned: this.kept.length, missing: this.missing }
  }

  live(filter: string, signal: AbortSignal): AsyncIterable<LivePart> {
    this.#fail()
    compileFilter(filter, { prefer: 'kfl1', now: Date.now() })
    return this.#live.listen(signal)
  }

  /** Of what is kept, once. */
  async *map({ filter: text }: MapQuestion, signal: AbortSignal): AsyncIterable<MapView> {
    this.#fail()
    const filter = compileFilter(text, { prefer: 'kfl2', now: Date.now() })
    const sums: EdgeSums = new Map()
    for (const entry of this.kept.map((each): unknown => JSON.parse(each))) {
      const call = filter.matches(entry) ? callOf(entry) : undefined
      if (call !== undefined) addCall(sums, call)
    }
    const edges = [...sums.values()]
    yield mapOf([{ node: 'worker-1', spanMs: 1000, isFilling: false, isCut: false, edges }])
    await pause(LONGEST_TIMER_MS, signal)
  }

  async shared(): Promise<SharedValue[]> {
    this.#fail()
    return [...this.sharedValues]
  }

  async targeted() {
    this.#fail()
    return { targets: [{ name: 'shop-1', namespace: 'shop' }], excluded: [] }
  }

  events(signal: AbortSignal): AsyncIterable<HubEvent> {
    this.#fail()
    return this.#events.listen(signal)
  }

  async setEnv(env: Readonly<Record<string, unknown>>, _by: string): Promise<void> {
    this.#fail()
    this.env = env
  }

  ready() {
    return { ready: this.reasons.length === 0, reasons: this.reasons }
  }

  health() {
    return { agents: this.#agents.size }
  }

  async audit(record: AuditRecord): Promise<void> {
    this.audited.push(record)
  }

  async effects({ limit }: EffectsQuery): Promise<EffectsPage> {
    this.#fail()
    return { effects: this.performed.slice(0, limit), missing: [...this.missing] }
  }

  async audits(last: number): Promise<AuditRecord[]> {
    this.#fail()
    return last === 0 ? [] : this.audited.slice(-last)
  }

  #all() {
    return [...this.#agents.values()]
  }

  #find(name: string) {
    const found = this.#all().find(({ record }) =>
      [record.id, record.title, String(record.index)].includes(name),
    )
    if (found === undefined)
      throw new Mistake('E_NOT_FOUND', `there is no agent ${JSON.stringify(name)}`, {
        hint: 'Give its identity, its index or its title.',
      })
    return found
  }

  async #save(record: AgentRecord, change: AgentChange, by: string): Promise<AgentView> {
    const { title = record.title, code = record.code, active = record.active } = change
    const isNew = title !== record.title || code !== record.code
    const { source: before, ...rest } = record
    const source = change.source === undefined ? before : (change.source ?? undefined)
    const next: AgentRecord = {
      ...rest,
      ...{ title, code, active, hash: hash(code), updatedBy: by, updatedAt: new Date().toISOString() },
      version: record.version + (isNew ? 1 : 0),
      ...(source === undefined ? {} : { source }),
    }
    const history = this.#find(record.id).history
    this.#agents.set(record.id, { record: next, history: isNew ? [versionOf(next), ...history] : history })
    await this.#tell()
    return view(next)
  }

  async #tell(): Promise<void> {
    this.#events.send({ kind: 'agents', agents: await this.agents() })
  }

  #fail(): void {
    if (this.failure !== undefined) throw this.failure
  }
}

const LINE = { node: 'fake', agent: 'agent-0', index: 0, title: 'Agent 0', level: 'log' } as const

const view = (record: AgentRecord): AgentView => ({ ...record, nodes: [] })

function versionOf({ version, title, code, hash, updatedAt, updatedBy }: AgentRecord): AgentVersion {
  return { version, title, code, hash, at: updatedAt, by: updatedBy }
}

function check(code: string): void {
  parseAgent(code, { language: 'es5', file: 'agent.js' })
}

function hash(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}

function refuseConflict({ title, version }: AgentRecord, ifVersion: number | undefined): void {
  if (ifVersion !== undefined && ifVersion !== version)
    throw new Mistake('E_CONFLICT', `"${title}" has version ${version} by now, not ${ifVersion}`)
}

function wantsJob({ agent, tag, node }: JobSelector, job: JobView): boolean {
  return (
    (agent === undefined || [job.agent, job.title, String(job.index)].includes(agent)) &&
    (tag === undefined || job.tag === tag) &&
    (node === undefined || job.node === node)
  )
}
