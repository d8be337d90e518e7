import { type AgentOptions, understandAgent } from '../agent/agents.ts'
import type { AgentGroup } from '../agent/group.ts'
import type { LogMessage } from '../agent/host/protocol.ts'
import type { Bus } from '../bus/bus.ts'
import { Lease } from '../bus/lease.ts'
import type { HelperHost } from '../helpers/helper.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import type { ClusterFollower } from '../node/cluster-follower.ts'
import { ConsoleOut } from '../node/console-out.ts'
import { NodeAgents, type NodeObserver } from '../node/node-agents.ts'
import type { Note } from '../node/note.ts'
import { publishStatus } from '../node/status-out.ts'
import type { Shared } from '../node/streams.ts'
import type { AgentStore } from '../store/agent-store.ts'
import type { SharedState } from '../store/shared-state.ts'
import { pause } from '../waiting/pause.ts'
import type { ResourceName } from '../wire/network-agents.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import type { OutboxFigures } from '../wire/outbox.ts'
import type { TargetingRules } from '../wire/targeting.ts'
import { NetworkAgents, type NetworkAgentsOptions } from './cluster/network-agents.ts'
import { ClusterWatcher, type ClusterWatcherOptions, type ClusterWatchState } from './cluster/watcher.ts'
import type { CaptureControl } from './control.ts'
import type { EntrySources } from './entry-sources.ts'
import { type Alerting, type Archive, Hub, type HubOptions } from './hub.ts'
import { Leading } from './leading.ts'
import type { PolicyDesk } from './policies/desk.ts'
import { openPolicyDesk, type PolicyParts, type PolicySettings } from './policies/open.ts'

export interface HubServiceOptions {
  readonly bus: Bus
  readonly shared: Shared
  readonly store: AgentStore
  /** What agents share by `cluster.*`: what all nodes have written. */
  readonly values: SharedState
  /** What is known of the cluster; whoever made it closes it. */
  readonly cluster: ClusterFollower
  /** How to ask the cluster while this hub leads; undefined where there is none. */
  readonly kubernetes: ClusterToAsk | undefined
  /** Which pods are captured, as the configuration says. */
  readonly targeting: TargetingRules
  /** What the configuration says of policies. */
  readonly policies: PolicySettings
  readonly archive?: Archive | undefined
  readonly sources?: EntrySources | undefined
  readonly captures?: CaptureControl | undefined
  /** Reports of agents on this hub. */
  readonly reports: HubOptions['reports']
  readonly boot: string
  readonly version: string
  /** Where its metrics are. */
  readonly address: () => string
  readonly agents: AgentOptions
  /** Words of filters. */
  readonly macros: Readonly<Record<string, string>>
  readonly alerting: Alerting
  /** Titles from the configuration: active as soon as they exist. */
  readonly activeTitles: readonly string[]
  /** Nobody else can lead: the bus is in this process. */
  readonly isAlone: boolean
  /** Makes the group in which agents run as on the hub, each time that this hub begins to lead. */
  readonly openGroup: (observer: NodeObserver) => AgentGroup
  /** More that is counted here: API, outbox. */
  readonly counters: () => Readonly<Record<string, number>>
  /** Queued calls of helpers; absent where there are none. */
  readonly outbox?: () => readonly OutboxFigures[]
  readonly health: (status: NodeStatus) => Record<string, unknown>
  readonly note: Note
}

interface ClusterToAsk {
  readonly client: ClusterWatcherOptions['client'] &
    NetworkAgentsOptions['client'] &
    NonNullable<PolicyParts['kubernetes']>['client'] & {
      /** That we are in ourselves. */
      readonly namespace: string
    }
  /** Which to follow; none: all, and nodes; for NetworkAgents our own. */
  readonly namespaces: readonly string[]
}

/** A hub: several may be there, of which one leads at a time. */
export class HubService {
  readonly #options: HubServiceOptions
  readonly hub: Hub
  readonly #console: ConsoleOut
  readonly #lease: Lease
  readonly #status: { now(): void; close(): void }
  readonly #startedAt = Date.now()
  #leading: Leading | undefined
  readonly #closing = new AbortController()
  /** Beginning and ending wait for each other. */
  #changing: Promise<void> = Promise.resolve()

  constructor(options: HubServiceOptions) {
    this.#options = options
    const { bus, shared, store, boot, agents, isAlone, note } = options
    this.#console = new ConsoleOut(shared.console, 'hub', boot)
    this.hub = new Hub({
      bus,
      store,
      ...shared,
      agents,
      isManaged: (resource) => this.#isManaged(resource),
      boot,
      macros: options.macros,
      archive: options.archive,
      sources: options.sources,
      recordings: shared.recordings,
      alerts: shared.alerts,
      alerting: options.alerting,
      captures: options.captures,
      reports: options.reports,
      shared: () => options.values.values(),
      cluster: options.cluster,
      targeting: { configured: options.targeting, hasCluster: options.kubernetes !== undefined },
      health: () => options.health(this.status()),
    })
    void options.values.start()
    this.#status = publishStatus(bus, () => this.status())
    this.#lease = new Lease({
      bucket: shared.state,
      key: 'leader',
      holder: boot,
      isAlone,
      onGain: () => this.#then(() => this.#begin()),
      onLoss: () => this.#then(() => this.#end()),
      report: (error) => note('warning', 'the lease could not be renewed', { error: String(error) }),
    })
  }

  /** What is followed of the cluster; undefined where it is not this hub that does. */
  watches(): readonly ClusterWatchState[] | undefined {
    return this.#leading?.cluster?.watches
  }

  /** Titles of the agents here, by identity. */
  titles(): ReadonlyMap<string, string> {
    return this.#leading?.agents?.titles() ?? new Map()
  }

  /** A line of the log of this program, for agents with `onLogCall`. */
  log(level: LogMessage['level'], message: string, fields: object): void {
    this.#leading?.agents?.group.log(level, 'hub', message, fields)
  }

  status(): NodeStatus {
    const { boot, version, address, bus, counters } = this.#options
    const leading = this.#leading
    const { dropped, queue } = COUNTER_NAMES
    const status: NodeStatus = {
      node: 'hub',
      boot,
      component: 'hub',
      address: address(),
      version,
      generation: leading?.generation ?? 0,
      startedAt: this.#startedAt,
      now: Date.now(),
      leading: leading !== undefined,
      agents: [...(leading?.agents.states() ?? [])],
      outbox: [...(this.#options.outbox?.() ?? [])],
      counters: {
        ...leading?.counters,
        ...this.#options.cluster.counters,
        [queue('console')]: this.#console.depth,
        [dropped('console', 'queue-full')]: this.#console.dropped,
        [dropped('console', 'slow-reader')]: this.hub.lines.dropped,
        [dropped('wire', 'status')]: this.hub.fleet.malformed + this.hub.fleet.refused,
        [dropped('wire', 'console')]: this.hub.lines.malformed,
        'console.interrupted': this.hub.lines.failures,
        ...Object.fromEntries(
          Object.entries(bus.dropped).map(([why, count]) => [dropped('bus', why), count]),
        ),
        ...counters(),
      },
      health: {},
    }
    return { ...status, health: this.#options.health(status) }
  }

  /** Writes a warning on the console of an agent. */
  warn({ id = '', index, title }: HelperHost['agent'], text: string): void {
    this.#console.push({ agent: id, index, title, level: 'warn', text })
  }

  async close(): Promise<void> {
    this.#closing.abort()
    // Who leads next begins behind what this one has brought to its end.
    this.#then(() => this.#end())
    await this.#changing
    await this.#lease.close()
    await this.#changing
    this.#status.close()
    await this.#console.close(CLOSE_MS)
    await this.#options.values.close()
    await this.hub.close()
  }

  #then(step: () => Promise<void>): void {
    this.#changing = this.#changing.then(step).catch((error: unknown) => {
      this.#options.note('error', 'leading could not begin or end', { error: String(error) })
    })
  }

  async #begin(): Promise<void> {
    if (this.#leading !== undefined || !this.#lease.leading || this.#closing.signal.aborted) return
    const { bus, shared, store, boot, agents, activeTitles, note } = this.#options
    const leading = await Leading.begin({
      bus,
      store,
      state: shared.state,
      actions: shared.actions,
      alerts: this.hub.alerts,
      boot,
      agents,
      activeTitles,
      openAgents: () => this.#openAgents(),
      watchCluster: () => this.#watchCluster(),
      followResources: () => this.#followResources(),
      openPolicies: () => this.#openPolicies(),
      applied: () => this.#status.now(),
      note,
    }).catch((error: unknown) => {
      note('error', 'leading could not begin, and is tried again', { error: String(error) })
      this.#beginAgain()
    })
    if (leading === undefined) return
    this.#leading = leading
    await this.hub.targeting
      .seed()
      .catch((error: unknown) =>
        note('warning', 'the rules of targeting could not be kept', { error: String(error) }),
      )
    note('info', 'this hub leads', { boot })
    this.#status.now()
    leading.running.catch((error: unknown) => {
      if (this.#leading !== leading) return
      note('error', 'leading failed, and begins again', { error: String(error) })
      this.#beginAgain()
    })
  }

  #beginAgain(): void {
    this.#then(() => this.#end())
    this.#then(() => pause(AGAIN_MS, this.#closing.signal))
    this.#then(() => this.#begin())
  }

  async #end(): Promise<void> {
    const leading = this.#leading
    if (leading === undefined) return
    this.#leading = undefined
    await leading.close()
    this.#options.note('info', 'this hub does not lead any more', {})
  }

  #watchCluster(): ClusterWatcher | undefined {
    const { bus, kubernetes, note } = this.#options
    if (kubernetes === undefined) return undefined
    return new ClusterWatcher({ ...kubernetes, bus, note, term: this.#lease.fence ?? 0 })
  }

  #followResources(): NetworkAgents | undefined {
    const { kubernetes, store, agents, note } = this.#options
    if (kubernetes === undefined) return undefined
    return new NetworkAgents({
      client: kubernetes.client,
      namespaces: namespacesOfResources(kubernetes),
      store,
      fleet: this.hub.fleet,
      check: (code, title) => void understandAgent(code, title, 0, agents),
      note,
    })
  }

  /** Those whose namespace or definition is gone say nothing any more; of the latter only the hub that leads knows. */
  #isManaged(resource: ResourceName): boolean {
    const { kubernetes } = this.#options
    if (kubernetes === undefined || !namespacesOfResources(kubernetes).includes(resource.namespace))
      return false
    return this.#leading?.mayHaveResource(resource) ?? true
  }

  #openPolicies(): PolicyDesk {
    const { bus, shared, store, cluster, kubernetes, policies, note } = this.#options
    return openPolicyDesk(policies, {
      ...{ bus, bucket: shared.policies, hub: this.hub, store, cluster, kubernetes, note },
      tell: ({ agent, title, index }, text) => {
        if (agent !== '') this.#console.push({ agent, index, title, level: 'warn', text })
      },
    })
  }

  async #openAgents(): Promise<NodeAgents> {
    const { bus, boot, shared, values, note, openGroup } = this.#options
    const agents = new NodeAgents({
      component: 'hub',
      node: 'hub',
      boot,
      bus,
      fleet: this.hub.fleet,
      jobs: shared.jobs,
      shared: values,
      console: this.#console,
      note,
      open: openGroup,
    })
    try {
      await agents.group.start({ live: true, startMs: Date.now() })
      await agents.group.load()
      agents.group.begin()
      return agents
    } catch (error) {
      await agents.close()
      throw error
    }
  }
}

/** Where agents may be resources. */
function namespacesOfResources({ client, namespaces }: ClusterToAsk): readonly string[] {
  return namespaces.length === 0 ? [client.namespace] : namespaces
}

const CLOSE_MS = 2000
const AGAIN_MS = 1000
