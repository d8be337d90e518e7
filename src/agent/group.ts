import { knownProtocols } from '../dissectors/known.ts'
import { compileFilter } from '../filter/index.ts'
import { mask } from '../filter/mask.ts'
import { Secrets } from '../helpers/secrets.ts'
import { Mistake } from '../mistake/mistake.ts'
import { nearest } from '../mistake/nearest.ts'
import type { Agent } from './agents.ts'
import { type EntryMarks, type JobFigures, type JobsAnswer, jobRun, jobsAnswer } from './answers.ts'
import { type Demand, layoutsMessage, storedLayouts } from './demand.ts'
import { ErrandPieces } from './errand-pieces.ts'
import type { DissectorSettings } from './host/agent-protocol.ts'
import { placeIn, type ScriptPlace } from './host/place.ts'
import {
  type ActionMeta,
  calendarMs,
  type Errand,
  type HelperStub,
  type HostConfig,
  type HostEvent,
  type JobsOrder,
  type Line,
  type LoadAgent,
  type LogMessage,
  type MadeCounters,
  type Trace,
} from './host/protocol.ts'
import { withoutBodies } from './host/without-bodies.ts'
import type { SandboxLauncher } from './launcher.ts'
import { type AgentAccount, Ledger } from './ledger.ts'
import { NOTHING_MADE, sumMade } from './made.ts'
import { PodDelivery, type PodSource } from './pod-delivery.ts'
import {
  type ErrandAttempt,
  type ErrandOutcome,
  type SandboxLimits,
  SandboxProcess,
} from './sandbox-process.ts'

export type Component = LoadAgent['component']

export interface GroupOptions {
  /** Those to begin with; others may come and go. */
  readonly agents: readonly Agent[]
  readonly nodeName: string
  /**
   * Whether agents also run as they would on the hub: if they can tell, always, or never; `only`: there alone, as in a hub.
   */
  readonly hub: 'auto' | 'always' | 'never' | 'only'
  readonly sandbox: {
    readonly launcher: SandboxLauncher
    readonly limits: SandboxLimits
  }
  readonly host: Pick<HostConfig, 'env' | 'language' | 'budgets' | 'macros' | 'hooks'> & Partial<HostSettings>
  readonly stubs: readonly HelperStub[]
  /** Entries are wanted back, after onItemQueried. */
  readonly query: { readonly filter: string } | null
  /** Where packets and entries come from; absent where there are none. */
  readonly traffic?: TrafficSource
  /** Who tells of pods; absent where nobody knows any. */
  readonly pods?: PodSource
}

/** What a component may have otherwise than `remora run` has it. */
type HostSettings = Pick<
  HostConfig,
  'actions' | 'clusterJobs' | 'ignoredResults' | 'jobsAcrossAgents' | 'marks' | 'traced'
>

/** Whoever captures, as agents see it. */
export interface TrafficSource {
  /** What entries that agents read themselves have in common. */
  readonly origin: HostConfig['origin']
  /** Seconds that a datagram which an agent has read waits for its reply. */
  readonly replyTimeoutSeconds: number
  /** From now on these fields are wanted. Answered by `AgentGroup.demanded`. */
  demand(demand: Demand): void
}

/** What time is for agents. */
export interface GroupClock {
  /** The clock goes on by itself; false: time comes with the traffic. */
  readonly live: boolean
  /** When they begin, ms since the epoch. */
  readonly startMs: number
}

/** What agents tell while they run. */
export interface GroupObserver {
  line(line: ConsoleLine): void
  /** An entry that the query wants, as onItemQueried has left it: JSON text. */
  entry(json: string): void
  /** A broker helper was called. */
  call(call: HelperCall): Promise<unknown>
  /**
   * An agent has added something by `cluster.*`: comes before calls that read it, and before an errand is done. From a broken
   * sandbox it may be nonsense. With an id in what comes of an errand, which is the same when that is done again.
   */
  shared?(agent: Agent, deltas: readonly unknown[], id: string | undefined): void
  /** Series of an agent have changed (`prometheus.*`): an `ExportMessage`, or nonsense from a broken sandbox. */
  exported?(agent: Agent, component: Component, message: unknown): void
  /** It exports nothing any more: it was removed, or stopped. */
  exportsEnded?(agent: Agent, component: Component): void
  /** It runs no more: it was removed, or stopped, and all that it got before has been worked off. */
  ended?(agent: Agent, component: Component): void
  /** What agents have written on entries (`HostConfig.marks`). */
  marks?(marks: readonly EntryMarks[]): void
  /** What an agent has done by now in the process at hand (`HostConfig.traced`). */
  traced?(agent: Agent, component: Component, trace: Trace): void
  /** A job of scope `cluster` has come, is another one now, or has gone (`HostConfig.clusterJobs`). */
  clusterJob?(change: ClusterJobChange): void
  /** A script has run or removed jobs, or stopped the scheduler, on all nodes: here it is done already. */
  ordered?(order: JobsOrder, by: Agent): void
}

/** A job that runs on one of all nodes. */
export interface ClusterJob {
  readonly agent: Agent
  readonly component: Component
  readonly tag: string
  readonly cron: string
  /** Most runs on all nodes together; 0 = no limit. */
  readonly limit: number
}

export type ClusterJobChange = { readonly kind: 'scheduled' | 'removed' } & ClusterJob

/** A job as it does on this node. */
export interface GroupJob extends Omit<JobFigures, 'slot' | 'task'> {
  readonly agent: Agent
  readonly component: Component
}

export interface GroupJobs {
  /** Whether jobs are started at their times. */
  readonly running: boolean
  /** Those that the order was about, as they were then. */
  readonly jobs: readonly GroupJob[]
}

/** How a run of a job of scope `cluster` went. */
export interface ClusterJobRun {
  readonly ok: boolean
  /** Absent when it went well. */
  readonly error?: string
  readonly durationMs: number
  /** In order. They were told to nobody else. */
  readonly lines: readonly ConsoleLine[]
}

/** A script wants something that is outside of its sandbox. */
export interface HelperCall {
  readonly agent: Agent
  readonly component: Component
  readonly path: string
  readonly args: readonly unknown[]
  /** What time it is for the script (ms): on a capture file, that of the traffic. */
  readonly nowMs: number
  /** Id of the entry in whose hook it is, where entries cross with it. */
  readonly entry?: string
  /** Nobody looks at its answer: it may go by way of the outbox. Such calls are begun in their order, without waiting for each other. */
  readonly isIgnored?: boolean
  /** The action that agents are told of, or the job that is run, in which it happens. */
  readonly during?: ErrandAttempt
  /** For its console, before the answer. */
  warn(text: string): void
}

/** Of an action: what came of telling agents of it. */
export interface ActionResult {
  readonly id: string
  /** In order. They were told to nobody else. */
  readonly lines: readonly ConsoleLine[]
}

/** An action on its way to the agents on the hub. */
export interface ActionDelivery {
  /** For `HelperCall.during`, and for who asks for it. */
  readonly id: string
  readonly action: string
  /** JSON text. */
  readonly object?: string
  readonly meta: ActionMeta
}

/** A line of the console with who said it. */
export interface ConsoleLine {
  /** Node name, or `hub`. */
  readonly node: string
  readonly agent: Agent
  readonly level: Line['level']
  readonly text: string
  /** Of an error: where in the script it arose. */
  readonly place?: ScriptPlace
  /** When it was printed by the clock of the agent (ms), and the entry that it is about (`HostConfig.traced`). */
  readonly at?: number
  readonly entry?: string
}

export interface AgentResult {
  readonly agent: Agent
  readonly component: Component
  readonly account: AgentAccount
  /** Why it did not load. */
  readonly loadError: string | undefined
  /** Why it does not want to run on the hub, in its words. */
  readonly declined: string | undefined
  /** It is loaded, was not stopped, and was not removed. */
  readonly runs: boolean
  /** It was removed. */
  readonly isGone: boolean
}

/** Packets and entries on their way to agents, as one frame. */
export interface TrafficFrame {
  readonly frame: Uint8Array
  readonly items: number
  readonly packets: number
  /** What had to be dropped before it. */
  readonly dropped: DroppedEvents
  /** It goes to the sandbox now: until then agents are being loaded. */
  taken(): void
  /** It has been worked off. */
  done(): void
}

/** Events that nobody had time for, and bytes for dissectors of agents. */
export interface DroppedEvents {
  readonly items: number
  readonly packets: number
  readonly relayed: number
}

/** One place where an agent runs. */
interface Place {
  agent: Agent
  readonly slot: number
  readonly component: Component
  hooks: readonly string[]
  dissectors: readonly DissectorSettings[]
  loadError: string | undefined
  /** See `LoadedMessage.declined`. */
  declined: string | undefined
  /** It was removed. */
  gone: boolean
}

/**
 * Agents in a sandbox, with the books on what they get and do: all that a worker and a hub have in common. Agents come and
 * go while it runs. `start`, `load` and `begin` it in this order; then frames, or the clock, drive it until `end` or `close`.
 */
export class AgentGroup {
  readonly #options: GroupOptions
  readonly #observer: GroupObserver
  readonly #ledger = new Ledger()
  readonly #places: Place[] = []
  readonly #clock = Promise.withResolvers<GroupClock>()
  readonly #sandbox: SandboxProcess
  readonly #pods: PodDelivery | undefined
  /** Whatever agents say passes here before anybody sees it. */
  readonly #secrets: Secrets
  #demandVersion = 0
  #demand = ''
  readonly #demanded = new Map<number, () => void>()
  #inFlight: { items: number; packets: number; slots: readonly number[] }[] = []
  /** Frames that came while agents were being loaded; undefined when none are. */
  #held: TrafficFrame[] | undefined = []
  #made = NOTHING_MADE
  readonly #pieces = new ErrandPieces()
  #restarts = 0
  #live = false
  #tick: NodeJS.Timeout | undefined
  #warnedAt = Number.NEGATIVE_INFINITY
  #trafficEnded = false
  #closed = false
  readonly #begun = Promise.withResolvers<void>()
  /** After the first loading, one change after another. */
  #changing: Promise<unknown> = this.#begun.promise

  constructor(options: GroupOptions, observer: GroupObserver) {
    this.#options = options
    this.#observer = observer
    this.#clock.promise.catch(() => {})
    this.#secrets = Secrets.of(options.host.env)
    this.#sandbox = this.#createSandbox()
    this.#pods = options.pods && this.#createPods(options.pods)
    for (const agent of options.agents) this.#addPlaces(agent)
  }

  /** Starts the sandbox, which needs to know the time before it can load agents. */
  async start(clock: Promise<GroupClock> | GroupClock): Promise<void> {
    Promise.resolve(clock).then(this.#clock.resolve, this.#clock.reject)
    await this.#sandbox.start()
    this.#live = (await this.#clock.promise).live
  }

  /** Rejects with a Mistake when there is no sandbox any more and there will be none. */
  get failed(): Promise<never> {
    return this.#sandbox.failed
  }

  /** Process of the sandbox. */
  get pid(): number | undefined {
    return this.#sandbox.pid
  }

  /**
   * Asks for what the agents read before they are loaded, so that reading can go on ahead of them. What dissectors of agents
   * are to read must be known from the first packet on: with those it waits until they are.
   */
  askAhead(): void {
    if (!this.#places.some(({ agent }) => agent.hasDissectors)) void this.#ask(this.#places)
  }

  /** Loads the agents to begin with. Frames that come are held. */
  async load(): Promise<void> {
    for (const place of this.#places) await this.#load(place)
    void this.#ask(this.#running())
  }

  /** Lets frames through, and the clock. */
  begin(): void {
    this.#release()
    this.#begun.resolve()
    if (this.#live) this.#tick = setInterval(() => this.#onTick(), TICK_MS)
  }

  /** A new agent, or a new version of one. The old one keeps running when it does not load: answers why. */
  reload(agent: Agent): Promise<string | undefined> {
    return this.#afterOthers(() => this.#reload(agent))
  }

  /** The same code under another version: what runs, runs on. */
  relabel(agent: Agent): void {
    for (const place of this.#placesOf(agent)) place.agent = { ...place.agent, ...nameAndVersion(agent) }
  }

  /** Stops an agent for good. It gets nothing that is sent from then on; see `settled`. */
  remove(index: number): Promise<void> {
    return this.#afterOthers(async () => this.#remove(index))
  }

  /** Whether some version of an agent is loaded. */
  runs(index: number): boolean {
    return this.#places.some(
      ({ agent, loadError, gone }) => agent.index === index && loadError === undefined && !gone,
    )
  }

  /** All frames from now on are made for the demand of this version. */
  demanded(version: number): void {
    this.#demanded.get(version)?.()
    this.#demanded.delete(version)
  }

  frame(frame: TrafficFrame): void {
    if (this.#held === undefined) this.#send(frame)
    else this.#held.push(frame)
  }

  dropped(dropped: DroppedEvents): void {
    const { items, packets, relayed } = dropped
    if (items + packets + relayed === 0) return
    this.#warnOfDrops(dropped)
    if (relayed > 0) this.#made = sumMade(this.#made, { ...NOTHING_MADE, skipped: { 'queue-full': relayed } })
    for (const place of this.#places)
      if (this.#hasTraffic(place))
        this.#ledger.queueFull(place.slot, this.#itemsFor(place, items), this.#packetsFor(place, packets))
  }

  /** For agents with onLogCall. */
  log(level: LogMessage['level'], component: Component, message: string, more: object): void {
    if (!this.#places.some((place) => place.component === component && place.hooks.includes('onLogCall')))
      return
    this.#sandbox.log({ level, component, record: { message, ...more } })
  }

  /** Changes of pods that wait for agents, and when all that came so far has been told. */
  get podsWaiting(): number {
    return this.#pods?.waiting ?? 0
  }

  async podsTold(): Promise<void> {
    await this.#changing
    await this.#pods?.told()
  }

  /** Agents are to be told of other pods than before: of those that they do not know yet, they are told now. */
  lookAtPods(): void {
    this.#pods?.lookAgain()
  }

  /**
   * Tells the agents on the hub of an action. Resolves when all have been told. When the sandbox dies meanwhile, its successor
   * is told again: the result is what came of that.
   */
  async action({ id, action, object, meta }: ActionDelivery): Promise<ActionResult> {
    if (object !== undefined) refuseNoJson(object, 'the object of an action')
    const errand = { kind: 'action', action, meta } as const
    const { lines } = await this.#errand(object === undefined ? errand : { ...errand, object }, id)
    return { id, lines: this.#consoleLines(lines) }
  }

  /**
   * Entries that were kept, as JSON text, as every agent with onItemQueried in turn leaves them for a person; null for one
   * that is to be hidden. What `redact` of the filter names is masked before. Throws a Mistake for what is no filter.
   */
  async query(filter: string, entries: readonly string[]): Promise<(string | null)[]> {
    const { macros } = this.#options.host
    const { text, redactions } = compileFilter(filter, { prefer: 'kfl1', macros })
    const masked = redactions.length === 0 ? entries : entries.map((entry) => maskedEntry(entry, redactions))
    // Nothing is shown before those that may hide something are there.
    await this.#changing
    if (!this.#places.some((place) => this.#hears(place, 'onItemQueried'))) return [...masked]
    if (!this.#knowsStored) this.#sandbox.stored(storedLayouts())
    this.#knowsStored = true
    const shown: (string | null)[] = []
    for (const part of partsOf(masked)) shown.push(...(await this.#queryPart(text, part)))
    return shown
  }
  #knowsStored = false

  async #queryPart(filter: string, entries: readonly string[]): Promise<(string | null)[]> {
    const hearing = this.#places.filter((place) => this.#hears(place, 'onItemQueried'))
    const outcome = await this.#errand({ kind: 'query', filter, entries })
    for (const line of this.#consoleLines(outcome.lines)) this.#observer.line(line)
    // One for each: nothing is shown that agents have not seen.
    const shown = [...entries.keys()].map((at) => this.#secrets.masked(outcome.entries[at] ?? '') || null)
    const isCulprit = (place: Place) => outcome.attempt > 1 && !this.#hears(place, 'onItemQueried')
    const culprit = hearing.find(isCulprit)
    // It ended the process in the middle of one of them: nobody knows which, and what it would have hidden of that.
    return culprit === undefined ? shown : shown.map((entry) => emptiedFor(entry, culprit.agent))
  }

  #hears(place: Place, hook: string): boolean {
    return place.component === 'worker' && !place.gone && place.hooks.includes(hook)
  }

  /** Measures what each agent holds: `AgentAccount.heapBytes`. It collects garbage, which takes a moment. */
  async measure(): Promise<void> {
    await this.#errand({ kind: 'measure' })
  }

  /**
   * Does something with jobs, and answers those that it is about. Those that are to run do so after the answer. While a job
   * runs for long, a list is what was known before, and says which one that is; all other orders wait for its end.
   */
  async jobs({ order, ...selector }: JobsOrder): Promise<GroupJobs> {
    const { running, jobs } =
      order === 'list' ? await this.#listJobs() : await this.#orderJobs({ order, ...selector })
    return {
      running,
      jobs: jobs.flatMap(({ slot, task: _, ...job }) => {
        const place = this.#placeOf(slot)
        if (place === undefined || !isMeant(selector, place.agent.index, job.tag)) return []
        const lastError = job.lastError === null ? null : this.#secrets.masked(job.lastError)
        return [{ ...job, lastError, agent: place.agent, component: place.component }]
      }),
    }
  }

  async #orderJobs(order: JobsOrder): Promise<JobsAnswer> {
    // What was known before is no answer to who asks after these.
    if (order.order === 'remove' || order.order === 'start' || order.order === 'stop')
      this.#listed = undefined
    const { answer } = await this.#errand({ kind: 'jobs', ...order })
    return jobsAnswer.parse(answer)
  }

  async #listJobs(): Promise<JobsAnswer> {
    this.#listing ??= this.#orderJobs({ order: 'list' }).finally(() => {
      this.#listing = undefined
    })
    for (;;) {
      const listed = await Promise.race([this.#listing, after(LIST_MS, undefined)])
      if (listed !== undefined) {
        this.#listed = listed
        return listed
      }
      const known = this.#listed
      const running = this.#sandbox.runningTask
      if (known !== undefined && running !== undefined) return withRunning(known, running)
    }
  }
  /** The list that is on its way, and the last one that has come. */
  #listing: Promise<JobsAnswer> | undefined
  #listed: JobsAnswer | undefined

  /** Jobs of scope `cluster` that are scheduled here. */
  clusterJobs(): ClusterJob[] {
    return [...this.#clusterJobs.values()].flatMap((jobs) => [...jobs.values()])
  }

  /** Runs such a job once, as it is its turn here. When the sandbox dies meanwhile, its successor runs it again. */
  async runClusterJob(index: number, tag: string, dueMs: number): Promise<ClusterJobRun> {
    await this.#changing
    const place = this.#places.find(
      (each) => each.agent.index === index && this.#clusterJobs.get(each.slot)?.has(tag),
    )
    if (place === undefined) return { ok: false, error: `there is no job "${tag}"`, durationMs: 0, lines: [] }
    const { slot } = place
    const outcome = await this.#errand({ kind: 'job', slot, tag, dueMs }, `${index}/${tag}/${dueMs}`)
    const { ok, error: said, durationMs } = jobRun.parse(outcome.answer)
    const error = this.#secrets.masked(said)
    const lines = this.#consoleLines(outcome.lines)
    if (ok) return { ok, durationMs, lines }
    const { stopped } = this.#ledger.account(slot)
    return {
      ok,
      error: stopped === '' ? error : this.#secrets.masked(`stopped: ${stopped}`),
      durationMs,
      lines,
    }
  }

  /** No frame comes any more, and no answer to a demand. Resolves when no change is under way. */
  async endTraffic(): Promise<void> {
    clearInterval(this.#tick)
    this.#trafficEnded = true
    for (const reached of this.#demanded.values()) reached()
    await this.#changing
  }

  /** Resolves when everything that was sent so far has been worked off, and what came of it has been told. */
  settled(): Promise<void> {
    return this.#sandbox.settled()
  }

  /** Jobs run for the last time: all of them with `finalRun`, or else those that are due by then. */
  end(finalRun: boolean, untilMs: number | null): Promise<void> {
    return this.#sandbox.end(finalRun, untilMs)
  }

  async close(): Promise<void> {
    clearInterval(this.#tick)
    this.#pods?.close()
    this.#closed = true
    this.#begun.resolve()
    await this.#sandbox.close()
    this.#options.sandbox.launcher.close()
  }

  results(): AgentResult[] {
    return this.#places.map((place) => {
      const { agent, component, slot, loadError, declined } = place
      const account = this.#shown(this.#ledger.account(slot))
      const runs = loadError === undefined && declined === undefined && !place.gone && account.stopped === ''
      return { agent, component, account, loadError, declined, runs, isGone: place.gone }
    })
  }

  #shown(account: AgentAccount): AgentAccount {
    const stopped = this.#secrets.masked(account.stopped)
    const faults = account.faults.map((fault) => ({ ...fault, message: this.#secrets.masked(fault.message) }))
    return { ...account, stopped, faults }
  }

  /** Sums that do not add up: none, or there is a bug. */
  discrepancies(): string[] {
    return this.#ledger.discrepancies()
  }

  /** What dissectors of agents have read. */
  get made(): MadeCounters {
    return this.#made
  }

  /** Sandbox processes that died and were replaced. */
  get restarts(): number {
    return this.#restarts
  }

  /** After all changes that were begun before, so that the agents that are meant are there. */
  async #errand(errand: Errand, id?: string): Promise<ErrandOutcome> {
    await this.#changing
    return await this.#sandbox.errand(errand, id)
  }

  // --- agents come and go --------------------------------------------------------------------------------------

  #afterOthers<Answer>(change: () => Promise<Answer>): Promise<Answer> {
    const done = this.#changing.then(() => {
      if (this.#closed) throw new Mistake('E_SANDBOX', 'the sandbox was closed')
      return change()
    })
    this.#changing = done.catch(() => {})
    return done
  }

  async #reload(agent: Agent): Promise<string | undefined> {
    this.#addPlaces(agent)
    // Every batch after this one has what the new version reads, and the old one gets every batch before.
    await this.#ask([...this.#running(), ...this.#placesOf(agent).map((place) => ({ ...place, agent }))])
    await this.#settleOthers(agent)
    this.#held ??= []
    this.#pods?.hold()
    let failure: string | undefined
    for (const place of this.#placesOf(agent)) {
      const { agent: before, loadError } = place
      place.agent = agent
      await this.#load(place)
      if (place.loadError === undefined) continue
      failure = place.loadError
      // The old version, if there is one, keeps running.
      place.agent = before
      if (before !== agent) place.loadError = loadError
    }
    this.#release()
    void this.#ask(this.#running())
    return failure
  }

  /** Another agent has had this place: its account is closed. */
  async #settleOthers({ index, id }: Agent): Promise<void> {
    const others = this.#places.filter((place) => place.agent.index === index && place.agent.id !== id)
    if (others.length === 0) return
    await this.#sandbox.settled()
    for (const { slot } of others) this.#ledger.close(slot)
  }

  #remove(index: number): void {
    for (const place of this.#places) {
      if (place.agent.index !== index || place.gone) continue
      this.#sandbox.unload(place.slot)
      this.#pods?.leave(place.slot)
      place.hooks = []
      place.dissectors = []
      place.gone = true
      this.#forgetJobs(place.slot)
      this.#observer.exportsEnded?.(place.agent, place.component)
      this.#tellOfEnd(place)
      this.log('info', place.component, 'an agent was removed', nameOf(place.agent))
    }
    void this.#ask(this.#running())
  }

  #tellOfEnd({ agent, component }: Place): void {
    void this.#sandbox.settled().then(() => this.#observer.ended?.(agent, component))
  }

  /** Those that are not there yet: a new version may be the first that says something of the hub. */
  #addPlaces(agent: Agent): void {
    const slots = this.#places.map(({ slot }) => slot)
    for (const component of this.#componentsOf(agent)) {
      const slot = agent.index * 2 + (component === 'hub' ? 1 : 0)
      if (slots.includes(slot)) continue
      this.#places.push({
        agent,
        slot,
        component,
        hooks: [],
        dissectors: [],
        loadError: undefined,
        declined: undefined,
        gone: false,
      })
    }
  }

  #componentsOf(agent: Agent): Component[] {
    const { hub } = this.#options
    if (hub === 'only') return ['hub']
    return hub === 'always' || (hub === 'auto' && agent.usesHub) ? ['worker', 'hub'] : ['worker']
  }

  #placesOf({ index }: Agent): Place[] {
    return this.#places.filter((place) => place.agent.index === index)
  }

  #placeOf(slot: number): Place | undefined {
    return this.#places.find((place) => place.slot === slot)
  }

  #running(): Place[] {
    return this.#places.filter((place) => this.#hasTraffic(place))
  }

  async #load(place: Place): Promise<void> {
    const { agent, slot, component } = place
    this.#warnOfEnv(place)
    const loaded =
      agent.problem === undefined
        ? await this.#sandbox.load(loadOf(place))
        : { hooks: [], dissectors: [], error: agent.problem, declined: undefined }
    place.loadError = loaded.error === undefined ? undefined : this.#secrets.masked(loaded.error)
    place.declined = loaded.declined === undefined ? undefined : this.#secrets.masked(loaded.declined)
    if (loaded.error === undefined) {
      place.hooks = loaded.hooks ?? []
      place.dissectors = loaded.dissectors ?? []
      if (place.hooks.includes('onPodEvent')) this.#pods?.hear(slot)
      else this.#pods?.leave(slot)
      place.gone = false
      if (loaded.declined === undefined) this.log('info', component, 'an agent was loaded', nameOf(agent))
      else this.#line({ slot, level: 'info', text: `does not run on the hub: ${loaded.declined}` })
    } else {
      this.#line({ slot, level: 'error', text: loaded.error })
      this.log('error', component, 'an agent does not load', { ...nameOf(agent), error: place.loadError })
    }
  }

  /** Once for each name, also when the agent runs as a worker and as the hub. */
  #warnOfEnv({ agent, slot }: Place): void {
    if (this.#warnedOfEnv.has(agent)) return
    this.#warnedOfEnv.add(agent)
    const { env } = this.#options.host
    const isSet = (name: string) => (env[name] ?? null) !== null
    const unset = agent.neededEnv.filter(({ name, when }) => !isSet(name) && when.every(isSet))
    for (const name of [...new Set(unset.map((each) => each.name))].slice(0, MOST_ENV_WARNINGS)) {
      const meant = nearest(name, Object.keys(env).filter(isSet))
      const hint = meant === undefined ? `set scripting.env.${name}` : `did you mean env.${meant}?`
      this.#line({ slot, level: 'warn', text: `env.${name} is not set, so it is undefined: ${hint}` })
    }
  }
  readonly #warnedOfEnv = new WeakSet<Agent>()

  // --- traffic -------------------------------------------------------------------------------------------------

  /**
   * Tells whoever captures, and before it the sandbox, which fields cross from now on. Resolves when every batch that was
   * made for an earlier demand has come.
   */
  #ask(places: readonly Place[]): Promise<void> {
    const { traffic, query, host } = this.#options
    if (traffic === undefined) return Promise.resolve()
    const workers = places.filter(({ component }) => component === 'worker')
    const items = new Set(workers.flatMap(({ agent }) => agent.wantedItem))
    const packets = new Set(workers.flatMap(({ agent }) => agent.wantedPacket))
    if (query !== null) items.add('*')
    if ((host.traced === true || workers.some(({ agent }) => agent.mayAct)) && items.size > 0) items.add('id')
    if (host.marks === true && items.size > 0) for (const field of ['stream', 'index']) items.add(field)
    const dissectors = workers.flatMap((place) =>
      place.dissectors.map((settings) => ({ slot: place.slot, settings })),
    )
    const demand = JSON.stringify([[...items].sort(), [...packets].sort(), dissectors])
    if (demand === this.#demand || this.#trafficEnded) return Promise.resolve()
    this.#demand = demand
    const version = this.#demandVersion++
    this.#sandbox.layouts(layoutsMessage(version, items, dissectors))
    const reached = new Promise<void>((resolve) => this.#demanded.set(version, resolve))
    traffic.demand({
      version,
      items: [...items],
      packets: [...packets],
      dissectors: dissectors.map(({ settings: { transport, ports } }) => ({ transport, ports })),
    })
    return reached
  }

  /** Agents have been loaded: lets the frames through that came meanwhile. */
  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    // Where time comes with the traffic, changes that wait for theirs are there before it.
    this.#pods?.release()
    for (const frame of held) this.frame(frame)
  }

  #send({ frame, items, packets, dropped, taken, done }: TrafficFrame): void {
    this.dropped(dropped)
    taken()
    const slots: number[] = []
    for (const place of this.#places) {
      if (!this.#hasTraffic(place)) continue
      const wanted = [this.#itemsFor(place, items), this.#packetsFor(place, packets)] as const
      slots.push(place.slot)
      if (wanted[0] + wanted[1] > 0) this.#ledger.sent(place.slot, ...wanted)
    }
    this.#inFlight.push({ items, packets, slots })
    this.#sandbox.batch(frame, () => {
      this.#inFlight.shift()
      done()
    })
  }

  #hasTraffic(place: Place): boolean {
    return place.component === 'worker' && place.loadError === undefined && !place.gone
  }

  #itemsFor(place: Place, items: number): number {
    return place.agent.wantedItem.length > 0 ? items : 0
  }

  #packetsFor(place: Place, packets: number): number {
    return place.agent.wantedPacket.length > 0 ? packets : 0
  }

  #warnOfDrops(dropped: object): void {
    const now = performance.now()
    if (now < this.#warnedAt + WARN_EVERY_MS) return
    this.#warnedAt = now
    this.log('warning', 'worker', 'events are being dropped: agents are too slow', { ...dropped })
  }

  #onTick(): void {
    if (this.#sandbox.behind < TICKS_BEHIND) this.#sandbox.tick(Date.now())
  }

  // --- what the sandbox tells ----------------------------------------------------------------------------------

  #createSandbox(): SandboxProcess {
    const config = this.#clock.promise.then((clock) => this.#configFor(clock))
    config.catch(() => {})
    return new SandboxProcess(
      { ...this.#options.sandbox, config },
      {
        lines: (lines) => {
          for (const line of lines) this.#line(line)
        },
        call: ({ slot, path, args, nowMs, entry }, { warn, isIgnored, during }) => {
          const place = this.#placeOf(slot)
          if (place === undefined) throw new Error(`there is no slot ${slot}`)
          const { agent, component } = place
          const call = {
            agent,
            component,
            path,
            args,
            nowMs,
            warn,
            ...(entry === undefined ? {} : { entry }),
            ...(isIgnored ? { isIgnored } : {}),
          }
          return this.#observer.call(during === undefined ? call : { ...call, during: attemptOf(during) })
        },
        shared: (shares, during) => {
          for (const { slot, deltas, exported } of shares) {
            const place = this.#placeOf(slot)
            if (place === undefined) continue
            if (exported !== undefined) this.#observer.exported?.(place.agent, place.component, exported)
            if (deltas.length === 0) continue
            const id = during === undefined ? undefined : this.#pieces.idOf(during, slot)
            this.#observer.shared?.(place.agent, deltas, id)
          }
        },
        entries: (entries) => {
          for (const entry of entries) this.#observer.entry(this.#secrets.masked(entry))
        },
        marks: (marks) => this.#observer.marks?.(marks.map((each) => this.#shownMarks(each))),
        loaded: (slot, told) => this.#loaded(slot, told),
        told: (events) => {
          for (const event of events) this.#told(event)
        },
        ack: (message) => {
          if (message.made !== undefined) this.#add(message.made)
          this.#ledger.acked(message)
          for (const { slot, trace } of message.slots) if (trace !== undefined) this.#traced(slot, trace)
        },
        stopped: (slot, reason) => this.#stopped(slot, reason),
        restarted: (reason) => this.#restarted(reason),
        notRevived: (slot, reason) => this.#notRevived(slot, reason),
      },
    )
  }

  #createPods(source: PodSource): PodDelivery {
    return new PodDelivery({
      source,
      isLive: () => this.#live,
      timeOf: ({ at }) => (this.#live ? Date.now() : calendarMs(at)),
      send: (message) => this.#sandbox.pods(message),
      sent: (slot, events) => this.#ledger.sentPods(slot, events),
      lost: (slot, events) => this.#ledger.lostPods(slot, events),
      dropped: (slot, events) => {
        this.#ledger.droppedPods(slot, events)
        this.#warnOfDrops({ pods: events })
      },
    })
  }

  #configFor({ live, startMs }: GroupClock): HostConfig {
    const { host, nodeName, stubs, query, traffic } = this.#options
    return {
      ...USUAL,
      ...host,
      nodeName,
      stubs,
      query,
      origin: traffic?.origin ?? { worker: '', node: { ip: '', name: nodeName }, backend: '' },
      replyTimeoutSeconds: traffic?.replyTimeoutSeconds ?? 0,
      protocols: [
        ...new Set(
          knownProtocols.flatMap(({ name, protocols }) => [
            name,
            ...protocols.flatMap((each) => [each.name, each.abbr, each.macro]),
          ]),
        ),
      ],
      virtualTime: !live,
      startMs: live ? startMs : calendarMs(startMs),
    }
  }

  /** What an earlier version has scheduled, and this one has not, is gone. */
  #loaded(slot: number, told: readonly HostEvent[]): void {
    this.#ledger.open(slot)
    const before = this.#clusterJobs.get(slot) ?? new Map<string, ClusterJob>()
    this.#clusterJobs.set(slot, new Map())
    for (const event of told) this.#told(event)
    const now = this.#clusterJobs.get(slot)
    for (const job of before.values())
      if (now?.has(job.tag) !== true) this.#observer.clusterJob?.({ kind: 'removed', ...job })
  }

  #told(event: HostEvent): void {
    const place = this.#placeOf(event.slot)
    if (place === undefined) return
    const { agent, component } = place
    if (event.kind === 'order') {
      this.#observer.ordered?.(event.order, agent)
      return
    }
    const jobs = this.#clusterJobs.get(event.slot) ?? new Map<string, ClusterJob>()
    this.#clusterJobs.set(event.slot, jobs)
    if (event.kind === 'removed') this.#forgetJob(jobs, event.tag)
    else {
      const { tag, cron, limit } = event
      const job = { agent, component, tag, cron, limit }
      jobs.set(tag, job)
      this.#observer.clusterJob?.({ kind: 'scheduled', ...job })
    }
  }
  /** By slot and tag. */
  readonly #clusterJobs = new Map<number, Map<string, ClusterJob>>()

  #forgetJob(jobs: Map<string, ClusterJob>, tag: string): void {
    const job = jobs.get(tag)
    jobs.delete(tag)
    if (job !== undefined) this.#observer.clusterJob?.({ kind: 'removed', ...job })
  }

  #forgetJobs(slot: number): void {
    const jobs = this.#clusterJobs.get(slot)
    for (const tag of [...(jobs?.keys() ?? [])]) if (jobs !== undefined) this.#forgetJob(jobs, tag)
  }

  /** Dissectors of agents have read entries: every agent that takes entries was given these as well. */
  #add(made: MadeCounters): void {
    this.#made = sumMade(this.#made, made)
    const slots = this.#inFlight[0]?.slots ?? []
    for (const place of this.#places)
      if (slots.includes(place.slot)) this.#ledger.sent(place.slot, this.#itemsFor(place, made.items), 0)
  }

  #stopped(slot: number, reason: string): void {
    this.#ledger.stopped(slot, reason)
    this.#pods?.leave(slot)
    this.#line({ slot, level: 'error', text: `stopped: ${reason}` })
    const place = this.#placeOf(slot)
    if (place === undefined) return
    place.hooks = []
    this.#forgetJobs(slot)
    this.#observer.exportsEnded?.(place.agent, place.component)
    this.#tellOfEnd(place)
    this.log('error', place.component, 'an agent was stopped', {
      ...nameOf(place.agent),
      reason: this.#secrets.masked(reason),
    })
    // Connections that begin from now on are for others. A reload has asked for more than what runs, and asks again itself.
    place.dissectors = []
    void this.#changing.then(() => this.#ask(this.#running()))
  }

  #restarted(reason: string): void {
    this.#restarts++
    this.#ledger.restarted((slot) => this.#unackedOf(slot))
    this.#pods?.restarted()
    for (const place of this.#places) {
      if (place.loadError !== undefined || place.declined !== undefined || place.gone) continue
      if (this.#ledger.account(place.slot).stopped !== '') continue
      this.#line({ slot: place.slot, level: 'warn', text: `started anew, its variables are lost: ${reason}` })
    }
  }

  #notRevived(slot: number, reason: string): void {
    this.#stopped(slot, reason)
    this.#ledger.left(slot, this.#unackedOf(slot))
  }

  /** Events that were sent to a slot, and of which nobody knows yet what became of them. */
  #unackedOf(slot: number): { items: number; packets: number } {
    const place = this.#placeOf(slot)
    if (place === undefined) return { items: 0, packets: 0 }
    const mine = this.#inFlight.filter((frame) => frame.slots.includes(slot))
    return {
      items: mine.reduce((sum, frame) => sum + this.#itemsFor(place, frame.items), 0),
      packets: mine.reduce((sum, frame) => sum + this.#packetsFor(place, frame.packets), 0),
    }
  }

  /** Tags are of the agent's making. */
  #shownMarks(marks: EntryMarks): EntryMarks {
    if (marks.tags === undefined) return marks
    return { ...marks, tags: JSON.parse(this.#secrets.masked(JSON.stringify(marks.tags))) }
  }

  #line(line: Line): void {
    for (const each of this.#consoleLines([line])) this.#observer.line(each)
  }

  #consoleLines(lines: readonly Line[]): ConsoleLine[] {
    return lines.flatMap((line) => {
      const place = this.#placeOf(line.slot)
      if (place === undefined) return []
      this.#ledger.printed(line.slot)
      return [this.#consoleLine(place, line)]
    })
  }

  #consoleLine({ component, agent }: Place, { level, text, at, entry }: Line): ConsoleLine {
    const place = level === 'error' ? placeIn(text, agent.file) : undefined
    return {
      node: component === 'hub' ? 'hub' : this.#options.nodeName,
      agent,
      level,
      text: this.#secrets.masked(text),
      ...(place === undefined ? {} : { place }),
      ...(at === undefined ? {} : { at }),
      ...(entry === undefined ? {} : { entry }),
    }
  }

  #traced(slot: number, trace: Trace): void {
    const place = this.#placeOf(slot)
    if (place !== undefined) this.#observer.traced?.(place.agent, place.component, trace)
  }
}

function attemptOf({ id, attempt }: ErrandAttempt): ErrandAttempt {
  return { id, attempt }
}

function emptiedFor(entry: string | null, { title }: Agent): string | null {
  if (entry === null) return null
  const failure = `"${title}" was stopped while it was changing this entry`
  return JSON.stringify(withoutBodies(JSON.parse(entry) as Record<string, unknown>, 'agent', failure))
}

function maskedEntry(text: string, paths: readonly string[]): string {
  const entry: unknown = JSON.parse(text)
  for (const path of paths) mask(entry, path)
  return JSON.stringify(entry)
}

/** As many as cross together: what agents do in between must not have to wait for long. */
function* partsOf(entries: readonly string[]): Iterable<readonly string[]> {
  let part: string[] = []
  let characters = 0
  for (const entry of entries) {
    if (part.length === MOST_TOGETHER || (part.length > 0 && characters + entry.length > MOST_CHARACTERS)) {
      yield part
      part = []
      characters = 0
    }
    part.push(entry)
    characters += entry.length
  }
  if (part.length > 0) yield part
}

function withRunning(
  { running, jobs }: JobsAnswer,
  { slot, task }: { readonly slot: number; readonly task: number },
): JobsAnswer {
  const isRunning = (job: JobFigures) => job.slot === slot && job.task === task
  return { running, jobs: jobs.map((job) => (isRunning(job) ? { ...job, status: 'running' } : job)) }
}

function isMeant(selector: Omit<JobsOrder, 'order'>, index: number, tag: string): boolean {
  return (selector.index ?? index) === index && (selector.tag ?? tag) === tag
}

function after<Value>(ms: number, value: Value): Promise<Value> {
  return new Promise((resolve) => setTimeout(() => resolve(value), ms).unref())
}

function refuseNoJson(text: string, what: string): void {
  try {
    JSON.parse(text)
  } catch (cause) {
    throw new Mistake('E_REQUEST', `${what} is not JSON`, { cause })
  }
}

function loadOf({ agent, slot, component }: Place): LoadAgent {
  return {
    slot,
    index: agent.index,
    title: agent.title,
    file: agent.file,
    component,
    source: agent.source,
    insertions: agent.insertions,
    sharesThis: agent.sharesThis,
    vars: agent.vars,
    wantedItem: component === 'worker' ? agent.wantedItem : [],
    wantedPacket: component === 'worker' ? agent.wantedPacket : [],
    bodies: agent.bodies,
  }
}

function nameOf({ index, title, file }: Agent) {
  return { script: index, title, file }
}

function nameAndVersion({ title, version }: Agent): Pick<Agent, 'title' | 'version'> {
  return { title, ...(version === undefined ? {} : { version }) }
}

/** As `remora run` has it. */
const USUAL: HostSettings = {
  actions: 'inside',
  clusterJobs: false,
  ignoredResults: 'wait',
  jobsAcrossAgents: true,
  marks: false,
  traced: false,
}
/** Jobs are due on whole seconds; this is how late they may be. */
const TICK_MS = 50
const TICKS_BEHIND = 2
const WARN_EVERY_MS = 1000
const MOST_ENV_WARNINGS = 20
/** How long a list of jobs may take. */
const LIST_MS = 500
/** Entries that go through agents together, and their characters. */
const MOST_TOGETHER = 100
const MOST_CHARACTERS = 1 << 20
