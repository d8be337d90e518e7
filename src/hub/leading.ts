import type { AgentOptions } from '../agent/agents.ts'
import type { Bucket, Bus, Stream } from '../bus/bus.ts'
import { whenReached } from '../bus/when-reached.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import { DeploymentFollower } from '../node/deployment-follower.ts'
import type { NodeAgents } from '../node/node-agents.ts'
import type { Note } from '../node/note.ts'
import type { AgentStore } from '../store/agent-store.ts'
import { pause } from '../waiting/pause.ts'
import type { HubAction } from '../wire/actions.ts'
import { alertSaid } from '../wire/alerts.ts'
import { decode, encode } from '../wire/codec.ts'
import type { ResourceName } from '../wire/network-agents.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { ActionConsumer } from './actions.ts'
import type { Alerts } from './alerts/alerts.ts'
import type { NetworkAgents } from './cluster/network-agents.ts'
import type { ClusterWatcher } from './cluster/watcher.ts'
import { Deployer } from './deployer.ts'
import type { PolicyDesk } from './policies/desk.ts'

export interface LeadingOptions {
  readonly bus: Bus
  readonly store: AgentStore
  readonly state: Bucket
  readonly actions: Stream
  readonly alerts: Alerts
  readonly boot: string
  readonly agents: AgentOptions
  /** Titles from the configuration: active as soon as they exist. */
  readonly activeTitles: readonly string[]
  /** Starts the sandbox of the agents on the hub. */
  readonly openAgents: () => Promise<NodeAgents>
  /** Begins to follow the cluster; undefined where there is none. */
  readonly watchCluster: () => ClusterWatcher | undefined
  /** Begins to make agents of resources; undefined where there is no cluster. */
  readonly followResources: () => NetworkAgents | undefined
  /** Begins to look after policies. */
  readonly openPolicies: () => PolicyDesk
  /** A deployment is in force on this hub. */
  readonly applied: () => void
  readonly note: Note
}

/** What a hub does while it leads: deploys what is stored, runs agents as the hub, and hands them what workers send. */
export class Leading {
  readonly #deployer: Deployer
  readonly #follower: DeploymentFollower
  readonly #actions: ActionConsumer
  readonly agents: NodeAgents
  #cluster: ClusterWatcher | undefined
  readonly #following: Promise<void>
  readonly #closing = new AbortController()
  readonly #resources: NetworkAgents | undefined
  readonly #policies: PolicyDesk
  readonly #options: LeadingOptions
  readonly #sweep: NodeJS.Timeout
  readonly #telling: NodeJS.Timeout
  /** Agents; undefined until they are known. */
  #stored: readonly string[] | undefined
  #badAlerts = 0

  static async begin(options: LeadingOptions): Promise<Leading> {
    const { store, activeTitles } = options
    const titles = await store.activeTitles()
    const more = activeTitles.filter((title) => !titles.includes(title))
    if (more.length > 0) await store.setActiveTitles([...titles, ...more])
    return new Leading(options, await options.openAgents())
  }

  private constructor(options: LeadingOptions, agents: NodeAgents) {
    const { bus, store, state, actions, boot, note } = options
    this.agents = agents
    this.#options = options
    this.#resources = options.followResources()
    this.#policies = options.openPolicies()
    this.#deployer = new Deployer({
      store,
      state,
      bus,
      now: Date.now,
      retired: async (agent) => {
        await agents.forget(agent)
        await this.#policies.retired(agent)
      },
      deleted: (left) => agents.prune(left),
      stored: (ids) => {
        this.#stored = ids
        this.#tellStored()
      },
      note,
    })
    this.#follower = new DeploymentFollower(agents, {
      bus,
      state,
      node: 'hub',
      boot,
      agents: options.agents,
      applied: options.applied,
      note,
    })
    agents.follow(this.#follower)
    this.#following = this.#followCluster(this.#follower.current)
    this.#sweep = setInterval(() => {
      options.alerts
        .sweep()
        .catch((error: unknown) => note('warning', 'alerts could not be swept', { error: String(error) }))
    }, SWEEP_MS).unref()
    this.#telling = setInterval(() => this.#tellStored(), TELL_MS).unref()
    this.#actions = new ActionConsumer({
      stream: actions,
      state,
      ready: this.#follower.current,
      deliver: async (action, redelivered, ending) => {
        if (action.kind !== 'alert') await agents.deliver(action, redelivered, ending)
        else await this.#alert(action, ending)
      },
    })
  }

  /** After the agents of the hub that led before are here: what has changed since is told to them, too. */
  async #followCluster(loaded: Promise<void>): Promise<void> {
    const { signal } = this.#closing
    await Promise.race([loaded, pause(LOADING_MS, signal)])
    if (!signal.aborted) this.#cluster = this.#options.watchCluster()
  }

  /** What is read of the cluster; undefined where there is none, and until agents are loaded. */
  get cluster(): ClusterWatcher | undefined {
    return this.#cluster
  }

  /** What makes no sense is counted and left: it would not make any the next time. */
  async #alert({ object = '' }: HubAction, ending: AbortSignal): Promise<void> {
    const { bus, alerts } = this.#options
    const said = decode(alertSaid, Buffer.from(object))
    if (said === undefined) this.#badAlerts++
    else await whenReached(bus, () => alerts.take(said), ending)
  }

  /** Again and again: programs come, and what waited is gone at some time. */
  #tellStored(): void {
    const { bus } = this.#options
    if (this.#stored === undefined) return
    const payload = encode({ ids: this.#stored })
    if (payload.length <= bus.mostBytes) bus.publish(SUBJECTS.agentsLeft, payload)
  }

  /** Rejects when it cannot go on. */
  get running(): Promise<unknown> {
    const { running } = this.#actions
    return Promise.all([this.#deployer.running, this.#follower.running, running, this.agents.failed])
  }

  get generation(): number {
    return this.#follower.generation
  }

  get counters(): Readonly<Record<string, number>> {
    const { delivered, duplicates, malformed, redelivered } = this.#actions.counters
    const { dropped } = COUNTER_NAMES
    return {
      'actions.delivered': delivered,
      'actions.duplicates': duplicates,
      [dropped('wire', 'actions')]: malformed + this.#badAlerts,
      'actions.redelivered': redelivered,
      [dropped('wire', 'reports')]: this.#deployer.malformed + this.#deployer.refused,
      'alerts.raised': this.#options.alerts.counters.raised,
      'alerts.notified': this.#options.alerts.counters.notified,
      [dropped('alerts', 'too-many')]: this.#options.alerts.counters.refused,
      'policies.applied': this.#policies.counters.applied,
      'policies.refused': this.#policies.counters.refused,
      'policies.expired': this.#policies.counters.expired,
      [dropped('wire', 'policies')]: this.#policies.counters.malformed,
      ...this.cluster?.counters,
      ...this.#resources?.counters,
      ...this.agents.counters,
    }
  }

  /** False when it is known that there is no such resource. */
  mayHaveResource(resource: ResourceName): boolean {
    return this.#resources?.mayHave(resource) ?? false
  }

  /** What is under way is brought to an end first: who leads next goes on behind it. */
  async close(): Promise<void> {
    clearInterval(this.#sweep)
    clearInterval(this.#telling)
    await this.#resources?.close()
    this.#closing.abort()
    await this.#following
    await this.#cluster?.close()
    await this.#policies.close()
    await this.#actions.close()
    await this.#deployer.close()
    await this.#follower.close()
    await this.agents.close()
  }
}

/** For agents to be loaded, before everybody hears of the cluster again. */
const LOADING_MS = 5000
const SWEEP_MS = 10_000
const TELL_MS = 10 * 60_000
