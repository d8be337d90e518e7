import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import type { Socket } from 'node:net'
import { networkInterfaces } from 'node:os'
import { relative, resolve } from 'node:path'
import type { Config } from '../config/index.ts'
import { msOf } from '../config/quantities.ts'
import { openDataFolder } from '../helpers/data-folder.ts'
import { type DispatchOptions, dispatch, helperAt } from '../helpers/dispatch.ts'
import { type Egress, openEgress } from '../helpers/egress.ts'
import type {
  Arguments,
  BrokerHelper,
  DataFolder,
  HelperHost,
  HttpRequest,
  PacketStore,
  Params,
  PodPackets,
  SharedValues,
  Targeted,
} from '../helpers/helper.ts'
import { namespaces } from '../helpers/index.ts'
import { KeptClients } from '../helpers/kept-clients.ts'
import { MetricSeries } from '../helpers/otel/series.ts'
import { ExportedMetrics } from '../helpers/prometheus/exported-metrics.ts'
import { deliver, leavesSomething, queuedPath } from '../helpers/queued.ts'
import { Rehearsal } from '../helpers/rehearsal.ts'
import { Secrets } from '../helpers/secrets.ts'
import { Mistake } from '../mistake/mistake.ts'
import { WORKERS_ONLY } from '../mistake/workers-only.ts'
import { firstOf } from '../waiting/first-of.ts'
import { type AlertSaid, alertSaid } from '../wire/alerts.ts'
import type { EffectOutcome, EffectRecord } from '../wire/effects.ts'
import type { OutboxFigures } from '../wire/outbox.ts'
import type { PolicyAsker } from '../wire/policies.ts'
import type { Effect, EffectKind } from '../wire/trials.ts'
import type { Agent } from './agents.ts'
import { AlertDesk, type AlertingAgent } from './alert-desk.ts'
import { DeliveryWarnings } from './delivery-warnings.ts'
import { type CalledEffects, type CallOutcome, EffectBook } from './effect-book.ts'
import type { Component, HelperCall } from './group.ts'
import { HUB_ACTION } from './host/protocol.ts'
import { NO_POLICIES } from './no-policies.ts'
import { egressOptions, Permissions } from './permissions.ts'
import { type CallDelivery, QueuedCalls } from './queued-calls.ts'
import { TemporaryFiles } from './temporary-files.ts'

export interface BrokerOptions {
  readonly config: Config
  readonly nodeName: string
  /** Packets of connections; a hub has none. */
  readonly packets?: PacketStore
  readonly podPackets?: PodPackets
  readonly link: ComponentLink
  /** What agents share by `cluster.*`. Absent: they cannot. */
  readonly shared?: SharedSource
  /** Takes what would leave the machine, instead of letting it. Files are written all the same: `scripting.data` says where. */
  readonly rehearse?: ((effect: Effect) => void) | undefined
  /** Takes a line for each effect. Must not throw. Absent: nobody wants them. */
  readonly audit?: ((record: EffectRecord) => void) | undefined
  /** Takes lines for the log of the component. Absent: they go to standard output, those of a rehearsal nowhere. */
  readonly log?: ((line: string) => void) | undefined
  /** Keeps reports: `ReportFolder`. Absent: there are none. */
  readonly reports?: HelperHost['reports'] | undefined
  /** Where queued calls of helpers are kept: a folder of this program alone. Absent: nothing can be queued. */
  readonly outbox?: OutboxPlace | undefined
}

export interface OutboxPlace {
  readonly folder: string
  /** Told what goes wrong with it. */
  report(text: string): void
  /** Writes a warning on the console of an agent whose queued calls are being sent. Absent: it is reported. */
  warn?(agent: HelperHost['agent'], text: string): void
}

/** Where what agents share is kept: `SharedState`. */
export interface SharedSource {
  of(agent: SharingAgent): SharedValues
  /** Adds what an agent has added. With an id: once, however often it comes. */
  apply(agent: SharingAgent, deltas: readonly unknown[], options?: { readonly id?: string }): void
}

/** Who shares something: its identity, and what it is called. */
interface SharingAgent {
  readonly id: string
  readonly title: string
}

/** What goes from agents to other components. */
export interface ComponentLink {
  /**
   * `hub.action`, where actions go outside (`HostConfig.actions`). Returns when the action is sure to arrive; throws a
   * Mistake for the script.
   */
  action(call: SentAction): void | Promise<void>
  /** What an agent says of an alert: as `action`, for whoever keeps alerts. */
  alert(sent: SentAlert): void | Promise<void>
  /** Pods under capture, and pods that are left out. */
  targeted(): Targeted | Promise<Targeted>
  /** Asks the hub that leads about policies. Absent: there is none. */
  readonly policies?: PolicyAsker
  /** State of this component, for `utils.health`. */
  health(nodeName: string): unknown
}

/** What an agent has said of an alert, on its way to whoever keeps them. */
export interface SentAlert {
  readonly agent: AlertingAgent
  readonly said: AlertSaid
  /** Writes a line on its console; absent when no call waits. */
  readonly warn?: (text: string) => void
}

export interface SentAction extends Pick<HelperCall, 'agent' | 'component' | 'nowMs'> {
  readonly action: string
  /** JSON text; absent when the script gave no object. */
  readonly object?: string
}

/**
 * Answers the helpers that scripts call: the only way from a script to anything outside. It lives on the main thread,
 * which never decodes packets, so that an answer does not wait for traffic.
 */
export class HelperBroker {
  readonly #root: string
  readonly #quotaBytes: number
  #files: Promise<DataFolder> | undefined
  readonly #egress: Egress
  readonly #permissions: Permissions
  readonly #nodeName: string
  readonly #nodeIp = ownAddress()
  readonly #runId = randomBytes(4).toString('hex')
  readonly #env: HelperHost['env']
  readonly #aiAssistantEnabled: boolean
  readonly #secrets: Secrets
  readonly #otel: HelperHost['otel']
  readonly #metricSeries = new MetricSeries()
  readonly #packets: PacketStore
  readonly #podPackets: PodPackets
  readonly #link: ComponentLink
  readonly #shared: SharedSource | undefined
  readonly #rehearsal: Rehearsal | undefined
  readonly #audit: BrokerOptions['audit']
  readonly #alerts: AlertDesk
  readonly #exported: ExportedMetrics
  readonly #clients = new KeptClients()
  readonly #temporary = new TemporaryFiles()
  readonly #book = new EffectBook()
  readonly #reports: HelperHost['reports']
  readonly #log: (line: string) => void

  /** Absent where nothing can be queued. */
  readonly queued: QueuedCalls | undefined

  constructor({
    config,
    nodeName,
    packets,
    podPackets,
    link,
    shared,
    rehearse,
    audit,
    log,
    outbox,
    reports,
  }: BrokerOptions) {
    const { scripting, aiAssistantEnabled } = config
    this.#root = resolve(scripting.data)
    this.#quotaBytes = scripting.dataQuotaMb * 2 ** 20
    this.#egress = openEgress(egressOptions(config))
    this.#permissions = new Permissions(config)
    this.#nodeName = nodeName
    this.#secrets = new Secrets({ ...scripting.env, otel: scripting.otel.headers })
    this.#env = scripting.env
    this.#aiAssistantEnabled = aiAssistantEnabled
    this.#otel = scripting.otel
    this.#packets = packets ?? new NoPackets()
    this.#podPackets = podPackets ?? { write: () => Promise.reject(noPackets()) }
    this.#link = link
    this.#shared = shared
    this.#audit = audit
    this.#alerts = new AlertDesk({
      packets: this.#packets,
      root: this.#root,
      closeAfterMs: msOf(scripting.alerts.closeAfter),
      say: (sent) => link.alert({ ...sent, said: this.#shown(sent.said) }),
    })
    this.#exported = new ExportedMetrics(scripting.metrics)
    this.#reports = reports ?? { write: refuseReports }
    this.#log = log ?? (rehearse === undefined ? toStandardOutput : () => {})
    if (rehearse !== undefined)
      this.#rehearsal = new Rehearsal({
        namespaces,
        env: scripting.env,
        tell: rehearse,
        check: (request) => this.#egress.check(request),
      })
    makeFolder(this.#root)
    if (outbox !== undefined && rehearse === undefined) {
      const warnings = new DeliveryWarnings({
        now: () => performance.now(),
        tell: (agent, text) => {
          if (agent.index === NO_AGENT || outbox.warn === undefined) outbox.report(`${agent.title}: ${text}`)
          else outbox.warn(agent, text)
        },
      })
      this.queued = new QueuedCalls({
        ...outbox,
        scripting,
        hostOf: (agent) => this.#hostFor(this.#nobody(agent, warnings)),
        died: ({ agent, path, key, id, reason }) => {
          const kind = helperAt(namespaces, path)?.effect
          if (kind === undefined) return
          const call = { ...this.#nobody(agent, warnings), path, queuedId: id }
          const told = { ...nothingTold(), target: key }
          const error = new Mistake('E_HELPER_FAILED', reason)
          this.#tell(call, { kind, began: performance.now(), told, outcome: 'dead', error })
        },
        send: async ({ agent, path, calls, ending }) => {
          const last = calls.at(-1)
          const call = { ...this.#nobody(agent, warnings), path, nowMs: last?.at ?? 0 }
          await this.#perform(last === undefined ? call : { ...call, queuedId: last.id }, {
            run: async (host, permit) => {
              const { signal, release } = firstOf(host.signal, ending)
              try {
                await deliver(namespaces, { path, calls }, { ...host, signal }, permit)
              } finally {
                release()
              }
            },
            done: 'delivered',
          })
        },
      })
    }
  }

  /** What was refused, by its name among counters. */
  get counters(): Readonly<Record<string, number>> {
    return { 'effects.refused': this.#permissions.refused, 'effects.crowded': this.#egress.crowded }
  }

  async call(call: HelperCall): Promise<unknown> {
    if (call.path === HUB_ACTION) return await this.#perform(call, { run: () => this.#act(call) })
    if (call.isIgnored !== true) return await this.#answer(call)
    const path = queuedPath(namespaces, call.path) ?? call.path
    if (!this.#canKeep(path) || leavesSomething(namespaces, path)) return await this.#inTurn(call)
    return await this.#answer(call)
  }

  /** After all that came before: what is done for one takes longer than for another, and they are to stay in order. */
  async #inTurn(call: HelperCall): Promise<unknown> {
    const before = this.#turn
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#turn = promise
    await before
    try {
      return await this.#answer(call)
    } finally {
      resolve()
    }
  }
  #turn: Promise<void> | undefined

  async #answer(call: HelperCall): Promise<unknown> {
    const path = queuedPath(namespaces, call.path)
    if (path !== undefined) return await this.#keep({ ...call, path })
    if (call.isIgnored === true && this.#canKeep(call.path)) {
      await this.#keep(call)
      return undefined
    }
    return await this.#perform(call, {
      run: (host, permit) =>
        this.#rehearsal === undefined
          ? dispatch(namespaces, call.path, call.args, host, { permit })
          : this.#rehearsal.dispatch(call, host, {
              permit,
              check: (request) => this.#wayOf(call.agent).check(request),
            }),
    })
  }

  /** The way of each effect, whoever makes it happen: is it permitted? → carry it out → a line for the audit. */
  async #perform(call: EffectCall, { run, done = 'ok' }: Performance): Promise<unknown> {
    const kind = helperAt(namespaces, call.path)?.effect
    const began = performance.now()
    const told = nothingTold()
    const host = await this.#hostFor(call, told)
    const permit = (helper: BrokerHelper, read: Arguments<Params>) =>
      this.#permit(helper, read, call, { host, told })
    // What the outbox delivers was counted when it was called.
    const isCall = kind !== undefined && done !== 'delivered'
    if (isCall) this.#book.began(call.agent.title, call.path)
    try {
      const answer = await run(host, permit)
      const outcome = this.#rehearsal === undefined ? done : 'rehearsed'
      if (isCall) this.#book.ended(call.agent.title, call.path, outcome)
      if (kind !== undefined) this.#tell(call, { kind, began, told, outcome })
      return answer
    } catch (error) {
      const outcome = error instanceof Mistake && REFUSALS.has(error.code) ? 'refused' : 'failed'
      if (isCall) this.#book.ended(call.agent.title, call.path, outcome)
      if (kind !== undefined) this.#tell(call, { kind, began, told, outcome, error })
      throw error
    }
  }

  /** Throws E_HELPER_REFUSED for what the agent may not do. */
  #permit(
    helper: BrokerHelper,
    read: Arguments<Params>,
    call: EffectCall,
    { host, told }: { readonly host: HelperHost; readonly told: Told },
  ): void {
    const target = helper.target?.(read, host)
    told.target = target?.text ?? firstText(call.args)
    if (helper.effect === undefined && target === undefined) return
    const { agent, path, queuedId } = call
    const paths = (helper.writes?.(read) ?? []).map((each) => relative(this.#root, host.files.resolve(each)))
    // What is delivered was counted when it was called.
    const nowMs = queuedId === undefined ? call.nowMs : undefined
    this.#permissions.check(agent, { helper: path, target, paths }, this.#wayOf(agent), nowMs)
  }

  #tell(
    { agent, component, path, args, entry, queuedId }: EffectCall,
    { kind, began, told, outcome, error }: Outcome,
  ): void {
    const { bytes, status, sockets } = told
    const text = told.target === '' ? firstText(args) : told.target
    this.#audit?.({
      at: Date.now(),
      agent: agent.id ?? '',
      title: agent.title,
      ...(agent.version === undefined ? {} : { version: agent.version }),
      node: this.#nodeOf(component),
      component,
      ...(entry === undefined ? {} : { entry }),
      helper: path,
      kind,
      target: this.#secrets.masked(text).slice(0, LONGEST_TARGET),
      outcome,
      ...(status === undefined ? {} : { status }),
      ms: Math.round((performance.now() - began) * 100) / 100,
      bytes: bytes + sockets.reduce((sum, socket) => sum + socket.bytesWritten, 0),
      ...(queuedId === undefined ? {} : { queuedId }),
      ...(error === undefined
        ? {}
        : { error: this.#secrets.masked(messageOf(error)).slice(0, LONGEST_ERROR) }),
    })
  }

  /** `hub.action`, which the sandbox passes on. */
  async #act(call: HelperCall): Promise<void> {
    const { agent, path, nowMs } = call
    this.#permissions.check(agent, { helper: path, paths: [] }, this.#wayOf(agent), nowMs)
    if (this.#rehearsal === undefined) return await this.#action(call)
    const [action, object] = call.args
    this.#rehearsal.note(
      { ...call, args: typeof object === 'string' ? [action, JSON.parse(object)] : [action] },
      await this.#hostFor(call),
    )
  }

  /** What became of the calls of helpers with an effect: at once, and in the outbox, which may have calls of earlier runs. */
  effects(): Effects {
    return { calls: this.#book.counts(), queues: this.queued?.figures() ?? [] }
  }

  /** Calls a helper for Remora itself, under a name for the audit, such as `alerts`. */
  async own(
    name: string,
    { path, args, warn }: Pick<HelperCall, 'path' | 'args' | 'warn'>,
  ): Promise<unknown> {
    const agent = { index: NO_AGENT, title: name, path: name }
    const call = { agent, component: 'hub', path, args, nowMs: Date.now(), warn } as const
    if (this.#canKeep(path)) return await this.#keep(call)
    return await this.#perform(call, {
      run: (host, permit) => dispatch(namespaces, path, args, host, { permit }),
    })
  }

  #canKeep(path: string): boolean {
    return this.queued !== undefined && queuedPath(namespaces, `${path}.queue`) !== undefined
  }

  /** Keeps a call until it can be made. What the agent may not do is not kept. */
  async #keep(call: EffectCall): Promise<string> {
    const run: Performance['run'] = (host, permit) => this.#queue(call, host, permit)
    return String(await this.#perform(call, { run, done: 'queued' }))
  }

  async #queue(call: EffectCall, host: HelperHost, permit: Permit): Promise<string> {
    if (this.#rehearsal !== undefined) return this.#rehearsal.queued(call, host, permit)
    if (this.queued === undefined)
      throw new Mistake('E_HELPER_REFUSED', `${call.path}: there is no outbox here`)
    const { grants } = call.agent
    return await this.queued.push({ ...call, grants, identity: sharingOf(call.agent).id }, host, permit)
  }

  /** Stands for a script that waits no longer. */
  #nobody(agent: CallDelivery['agent'], warnings: DeliveryWarnings): EffectCall {
    const component = this.#nodeName === 'hub' ? 'hub' : 'worker'
    const warn = (text: string) => warnings.take(agent, this.#secrets.masked(text))
    return { agent: { path: agent.title, ...agent }, component, path: '', args: [], nowMs: 0, warn }
  }

  /** Alerts go to people, and stay where they are kept. */
  #shown(said: AlertSaid): AlertSaid {
    return alertSaid.parse(JSON.parse(this.#secrets.masked(JSON.stringify(said))))
  }

  /** Text as it may be shown of a rehearsal. */
  masked(text: string): string {
    return this.#rehearsal?.masked(text, this.#root) ?? text
  }

  async #hostFor(call: EffectCall, told: Told = nothingTold()): Promise<HelperHost> {
    const { agent, component, nowMs, warn, queuedId } = call
    const node = this.#nodeOf(component)
    const way = this.#wayOf(agent)
    let signal: AbortSignal | undefined
    // Counting what is in it may take a while: when somebody uses it.
    this.#files ??= openDataFolder(this.#root, this.#quotaBytes)
    return {
      agent,
      component,
      nodeName: node,
      env: this.#env,
      aiAssistantEnabled: this.#aiAssistantEnabled,
      files: await this.#files,
      temporary: (path) => this.#temporary.add(ownerOf(agent, component), path),
      packets: this.#packets,
      podPackets: this.#podPackets,
      shared: this.#sharedOf(agent),
      alerts: this.#alerts.of({ agent, node, now: nowMs, warn }),
      // Nobody waits for what the outbox delivers, and helpers have limits of their own. What is only kept needs no clock.
      get signal() {
        signal ??= AbortSignal.timeout(queuedId === undefined ? CALL_MS : DELIVERY_MS)
        return signal
      },
      warn,
      log: (line) => this.#log(this.#secrets.masked(line)),
      clients: this.#clients,
      reports: this.#reports,
      nodeIp: this.#nodeIp,
      runId: this.#runId,
      ...(queuedId === undefined ? {} : { queuedId }),
      request: async (options) => {
        told.bytes += sizeOf(options.body)
        const reply = await way.request(options)
        told.status = reply.status
        return reply
      },
      connect: async (options) => {
        const socket = await way.connect(options)
        told.sockets.push(socket)
        return socket
      },
      addressOf: (host, port) => way.addressOf(host, port),
      queue: (path, args) => this.#keep({ ...call, path, args }),
      otel: this.#otel,
      metricSeries: this.#metricSeries,
      masked: (text) => this.#secrets.masked(text),
      randomName: () => randomBytes(8).toString('hex'),
      now: () => nowMs,
      health: () => this.#link.health(node),
      targeted: () => this.#link.targeted(),
      policies: {
        ask: (order) => this.#policies.ask(order, AbortSignal.timeout(CALL_MS)),
        by: { agent: sharingOf(agent).id, title: agent.title, node, index: agent.index },
      },
    }
  }

  /** What is only rehearsed puts nothing in force. */
  get #policies(): PolicyAsker {
    return (this.#rehearsal === undefined ? this.#link.policies : undefined) ?? NO_POLICIES
  }

  #wayOf(agent: CallingAgent): Egress {
    return this.#permissions.wayOf(agent, this.#egress)
  }

  #nodeOf(component: HelperCall['component']): string {
    return component === 'hub' ? 'hub' : this.#nodeName
  }

  /** An agent has added something by `cluster.*`: see `GroupObserver.shared`. */
  share(agent: Agent, deltas: readonly unknown[], id: string | undefined): void {
    this.#shared?.apply(sharingOf(agent), deltas, id === undefined ? {} : { id })
  }

  /** Series of an agent have changed: see `GroupObserver.exported`. */
  exported(agent: Agent, component: Component, message: unknown): void {
    const node = component === 'hub' ? 'hub' : this.#nodeName
    this.#exported.take({ ...sharingOf(agent), component, node }, message)
  }

  /** It exports nothing any more: see `GroupObserver.exportsEnded`. */
  exportsEnded(agent: Agent, component: Component): void {
    this.#exported.end({ id: sharingOf(agent).id, component })
  }

  /** It runs no more: what it has made to use for a while goes. See `GroupObserver.ended`. */
  ended(agent: Agent, component: Component): void {
    this.#removeTemporary(ownerOf(agent, component))
  }

  /** The program ends, and no agent runs any more: what all of them have made to use for a while goes. */
  tidy(): void {
    for (const owner of this.#temporary.owners()) this.#removeTemporary(owner)
  }

  #removeTemporary(owner: string): void {
    if (this.#files === undefined) return
    const tidied = this.#temporary.remove(owner, this.#files).then((left) => {
      for (const { path, error } of left)
        this.#log(this.#secrets.masked(`the temporary file ${path} stays: ${error}`))
    })
    // Perhaps nobody reads the log.
    this.#tidying = Promise.allSettled([this.#tidying, tidied])
  }
  #tidying: Promise<unknown> = Promise.resolve()

  /** What agents export by `prometheus.*`. `taken`: names of metrics that stand beside these. */
  exportedText(taken?: ReadonlySet<string>): string {
    return this.#secrets.masked(this.#exported.text(taken))
  }

  /** What agents exported and was not taken, by reason. */
  get exportsDropped(): Readonly<Record<string, number>> {
    return this.#exported.dropped
  }

  /** Values of `otel.metric` for which there was no series any more. */
  get otelValuesRefused(): number {
    return this.#metricSeries.refused
  }

  #sharedOf(agent: CallingAgent): SharedValues {
    return this.#shared?.of(sharingOf(agent)) ?? new NothingShared()
  }

  async close(): Promise<void> {
    await this.#tidying
    await this.queued?.close()
    await this.#alerts.close()
    await this.#clients.close()
    await this.#egress.close()
  }

  async #action({ agent, component, nowMs, args }: HelperCall): Promise<void> {
    const [action, object] = args
    const sent = { agent, component, nowMs, action: String(action) }
    await this.#link.action(typeof object === 'string' ? { ...sent, object } : sent)
  }
}

/** An effect that an agent wants, as it calls for it or as the outbox delivers it. */
interface EffectCall extends Omit<HelperCall, 'agent' | 'during'> {
  readonly agent: CallingAgent
  /** Id of the call in the outbox, the same for each attempt. */
  readonly queuedId?: string
}

type Permit = NonNullable<DispatchOptions['permit']>

/** What became of effects. */
export interface Effects {
  readonly calls: readonly CalledEffects[]
  readonly queues: readonly OutboxFigures[]
}

/** How an effect is carried out, once it is permitted. */
interface Performance {
  run(host: HelperHost, permit: Permit): Promise<unknown>
  /** What the audit says when that goes well; `ok` by default. */
  readonly done?: CallOutcome | 'delivered'
}

/** What becomes known of an effect while it is carried out. */
interface Told {
  target: string
  /** Sent by HTTP; what goes through sockets is counted by these. */
  bytes: number
  status: number | undefined
  readonly sockets: Socket[]
}

interface Outcome {
  readonly kind: EffectKind
  readonly began: number
  readonly told: Told
  readonly outcome: EffectOutcome
  readonly error?: unknown
}

function nothingTold(): Told {
  return { target: '', bytes: 0, status: undefined, sockets: [] }
}

/** Of a stream nobody knows it before it has been sent. */
function sizeOf(body: HttpRequest['body']): number {
  if (typeof body === 'string') return Buffer.byteLength(body)
  return body instanceof Uint8Array ? body.length : 0
}

/** Most helpers name first what they are about. */
function firstText([first]: readonly unknown[]): string {
  return typeof first === 'string' ? first : ''
}

function messageOf(error: unknown): string {
  return error instanceof Mistake ? error.message : 'an error of Remora'
}

type CallingAgent = Pick<Agent, 'index' | 'id' | 'version' | 'path' | 'title'> &
  Partial<Pick<Agent, 'grants'>>

function refuseReports(): Promise<never> {
  return Promise.reject(new Mistake('E_HELPER_REFUSED', 'report.write: there are no reports here'))
}

/** Throws for the script when nobody reads what is there: a program whose output stands still must not grow. */
function toStandardOutput(line: string): void {
  if (process.stdout.writableLength > MOST_UNREAD)
    throw new Mistake('E_HELPER_REFUSED', 'the standard output of this program is not being read')
  process.stdout.write(`${line}\n`)
}

const MOST_UNREAD = 4 << 20

/** One that comes out of no store is known by its file. */
function sharingOf({ id, path, title }: CallingAgent): SharingAgent {
  return { id: id ?? path, title }
}

/** The same agent may run as a worker and as the hub, and ends in each of them by itself. */
function ownerOf(agent: CallingAgent, component: Component): string {
  return `${component} ${sharingOf(agent).id}`
}

/** Where agents share nothing. */
class NothingShared implements SharedValues {
  counter = refuseShared
  top = refuseShared
  unique = refuseShared
  quantile = refuseShared
  summary = refuseShared
  reset = refuseShared
}

function refuseShared(): never {
  throw new Mistake('E_HELPER_REFUSED', 'agents share nothing here')
}

/** Where no packets come by. */
class NoPackets implements PacketStore {
  async writeStream(): Promise<boolean> {
    return false
  }

  async streams(): Promise<readonly string[]> {
    return []
  }

  writeMerged(): Promise<void> {
    return Promise.reject(noPackets())
  }

  writeMergedFiles(): Promise<void> {
    return Promise.reject(noPackets())
  }

  nameHistory(): Promise<never> {
    return Promise.reject(noPackets())
  }
}

function noPackets(): Mistake {
  return new Mistake('E_HELPER_REFUSED', WORKERS_ONLY)
}

/** Of the first interface that leads outside; the loopback where there is none. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address ?? '127.0.0.1'
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (cause) {
    throw new Mistake(
      'E_CONFIG_VALUE',
      `the data folder ${path} cannot be made: ${(cause as Error).message}`,
      {
        hint: 'Give yourself the right to write there, or set scripting.data to another folder.',
        cause,
      },
    )
  }
}

/** Index of what is no agent. */
const NO_AGENT = -1
const CALL_MS = 60_000
/** Uploads of large files. */
const DELIVERY_MS = 16 * 60_000
/** Of errors that are said before anything was done. */
const REFUSALS: ReadonlySet<string> = new Set(['E_HELPER_REFUSED', 'E_HELPER_ARGUMENT', 'E_TOO_LARGE'])
const LONGEST_TARGET = 500
const LONGEST_ERROR = 1000
