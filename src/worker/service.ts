import type { Agent, AgentOptions } from '../agent/agents.ts'
import type { LogMessage } from '../agent/host/protocol.ts'
import type { Bus } from '../bus/bus.ts'
import { nodeOf } from '../cluster/targeting.ts'
import type { HelperHost } from '../helpers/helper.ts'
import { COUNTER_NAMES, COUNTERS } from '../metrics/counters.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { ClusterFollower } from '../node/cluster-follower.ts'
import { ConsoleOut } from '../node/console-out.ts'
import { type AgentRunner, DeploymentFollower } from '../node/deployment-follower.ts'
import { Fleet } from '../node/fleet.ts'
import { lateBucket, lateStream } from '../node/late.ts'
import { NodeAgents, type NodeObserver } from '../node/node-agents.ts'
import type { Note } from '../node/note.ts'
import { publishStatus } from '../node/status-out.ts'
import type { Shared } from '../node/streams.ts'
import { TargetingFollower } from '../node/targeting-follower.ts'
import type { EntryReader, EntrySums } from '../store/entries/entry-store.ts'
import type { SharedState } from '../store/shared-state.ts'
import { pause } from '../waiting/pause.ts'
import type { ClusterObject } from '../wire/cluster.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import type { OutboxFigures } from '../wire/outbox.ts'
import type { PacketPlace } from '../wire/packets.ts'
import { Archive, type ArchiveSink } from './archive.ts'
import type { CaptureStats } from './capture-messages.ts'
import { captureCounters } from './counters.ts'
import { answerQueries } from './entry-answers.ts'
import { LiveQueries, type Redact } from './live-queries.ts'
import { MapQueries } from './map-queries.ts'
import { answerPackets } from './packet-answers.ts'
import { type RecordingSettings, Recordings } from './recordings/index.ts'
import type { Run, RunObserver, RunResult } from './run.ts'
import { type TargetingOptions, WorkerTargeting } from './targeting.ts'

export interface WorkerServiceOptions {
  readonly bus: Bus
  /** What all programs share; known when the bus has been reached for the first time. */
  readonly shared: Promise<Shared>
  /** What agents share by `cluster.*`. */
  readonly values: SharedState
  /** What is known of the cluster; whoever made it closes it. */
  readonly cluster: ClusterFollower
  readonly node: string
  readonly boot: string
  readonly version: string
  /** Where its metrics are. */
  readonly address: () => string
  readonly agents: AgentOptions
  /** The capture with the agents to begin with. */
  readonly makeRun: (
    agents: readonly Agent[],
    observer: NodeObserver & Pick<RunObserver, 'entry' | 'progress' | 'stats' | 'marks' | 'filtered'>,
  ) => Run
  /** A capture file is read once, by the agents that are deployed when it begins. */
  readonly isFile: boolean
  /** Entries that are kept here; undefined when none are. */
  /** Packets that are kept here; undefined when none are. */
  readonly packets: PacketPlace | undefined
  readonly reader: (EntryReader & EntrySums) | undefined
  /** Which pods are captured. */
  readonly targeting: Omit<TargetingOptions, 'bus' | 'node'>
  /** Where entries go besides; undefined when nowhere. */
  readonly archive: ArchiveSink | undefined
  readonly recordings: RecordingSettings
  /** More that is counted here: the outbox. */
  readonly counters: () => Readonly<Record<string, number>>
  /** Queued calls of helpers; absent where there are none. */
  readonly outbox?: () => readonly OutboxFigures[]
  readonly health: (status: NodeStatus) => Record<string, unknown>
  readonly note: Note
}

/**
 * A worker: captures, runs the agents that are deployed, keeps entries, and answers hubs. It goes on by itself while no hub
 * and no bus is there.
 */
export class WorkerService {
  readonly #options: WorkerServiceOptions
  readonly #console: ConsoleOut
  readonly #fleet: Fleet
  readonly #targetingFollower: TargetingFollower
  readonly #targeting: WorkerTargeting
  readonly #startedAt = Date.now()
  readonly #status: { now(): void; close(): void }
  #run: Run | undefined
  #agents: NodeAgents | undefined
  #follower: DeploymentFollower | undefined
  #live: LiveQueries | undefined
  #recordings: Recordings | undefined
  #maps: MapQueries | undefined
  readonly #closers: (() => void | Promise<void>)[] = []
  #stats: CaptureStats | undefined
  #closing = false
  readonly #ending = Promise.withResolvers<void>()
  readonly #captured: Promise<RunResult>

  constructor(options: WorkerServiceOptions) {
    this.#options = options
    const { bus, shared, node, boot, isFile, note } = options
    this.#console = new ConsoleOut(lateStream(shared.then((each) => each.console)), node, boot)
    this.#fleet = new Fleet(bus)
    this.#targetingFollower = new TargetingFollower(lateBucket(shared.then((each) => each.state)))
    this.#targeting = new WorkerTargeting(
      { ...options.targeting, bus, node },
      { follower: this.#targetingFollower, cluster: options.cluster, fleet: this.#fleet, note },
    )
    // After the rules have been taken up.
    this.#targetingFollower.onChange(() => this.#agents?.group.lookAtPods())
    void options.values.start()
    this.#status = publishStatus(bus, () => this.status())
    const starting = new StartingAgents()
    const linked = shared.then((each) => this.#link(each, starting))
    linked.catch((error: unknown) => {
      if (!this.#closing) note('error', 'the worker is not linked', { error: String(error) })
    })
    // What is deployed is known soon, if a hub is there: a file must not be over before.
    const begin = isFile
      ? Promise.race([
          linked.then(() => Promise.all([this.#deployed(), this.#recorded()])),
          this.#ending.promise,
        ])
      : Promise.resolve()
    this.#captured = begin.then(() => this.#capture(starting))
    this.#captured.catch(() => {})
  }

  /** Settles when the capture is over: rejects when it has failed. */
  get captured(): Promise<RunResult> {
    return this.#captured
  }

  /** Titles of the agents here, by identity. */
  titles(): ReadonlyMap<string, string> {
    return this.#agents?.titles() ?? new Map()
  }

  /** What `hub.targeted` answers. */
  targeted() {
    return this.#targeting.targeted()
  }

  /** Whether agents here are told of a pod: one that is captured, or runs on this node. */
  means(pod: ClusterObject): boolean {
    return this.#targeting.has(pod) || nodeOf(pod) === this.#options.node
  }

  /** A line of the log of this program, for agents with `onLogCall`. */
  log(level: LogMessage['level'], message: string, fields: object): void {
    this.#agents?.group.log(level, 'worker', message, fields)
  }

  status(): NodeStatus {
    const { node, boot, version, address } = this.#options
    const status: NodeStatus = {
      node,
      boot,
      component: 'worker',
      address: address(),
      version,
      generation: this.#follower?.generation ?? 0,
      startedAt: this.#startedAt,
      now: Date.now(),
      leading: false,
      agents: [...(this.#agents?.states() ?? [])],
      outbox: [...(this.#options.outbox?.() ?? [])],
      counters: this.#counters(),
      captures: this.#targeting.captures,
      health: {},
    }
    return { ...status, health: { ...this.#options.health(status), targeting: this.#targeting.warning } }
  }

  /** Ends the capture, works off what was captured, and says goodbye. */
  async close(): Promise<RunResult | undefined> {
    this.#closing = true
    this.#ending.resolve()
    await this.#follower?.close()
    this.#run?.stop()
    const result = await this.#captured.catch(() => undefined)
    await this.#agents?.close()
    for (const close of this.#closers.reverse()) await close()
    this.#targeting.close()
    await this.#targetingFollower.close()
    this.#status.close()
    this.#fleet.close()
    await this.#console.close(CLOSE_MS)
    await this.#options.values.close()
    return result
  }

  /** Writes a warning on the console of an agent. */
  warn({ id = '', index, title }: HelperHost['agent'], text: string): void {
    this.#console.push({ agent: id, index, title, level: 'warn', text })
  }

  #counters(): Record<string, number> {
    const live = this.#live
    const { dropped, queue } = COUNTER_NAMES
    const { bus } = this.#options
    return {
      ...(this.#stats === undefined ? {} : statsCounters(this.#stats)),
      ...this.#agents?.counters,
      [COUNTERS.itemsSent]: live?.sent ?? 0,
      [dropped('live', 'too-many')]: live?.dropped ?? 0,
      [dropped('archive', 'too-many')]: this.#archive?.dropped ?? 0,
      [dropped('live', 'too-many-queries')]: (live?.refused ?? 0) + (this.#maps?.refused ?? 0),
      [dropped('recordings', 'entries')]: this.#recordings?.lost ?? 0,
      [dropped('console', 'queue-full')]: this.#console.dropped,
      [queue('console')]: this.#console.depth,
      ...this.#options.cluster.counters,
      [dropped('wire', 'malformed')]:
        (live?.malformed ?? 0) +
        (this.#maps?.malformed ?? 0) +
        (this.#follower?.malformed ?? 0) +
        (this.#recordings?.malformed ?? 0) +
        this.#targetingFollower.malformed,
      ...Object.fromEntries(Object.entries(bus.dropped).map(([why, count]) => [dropped('bus', why), count])),
      ...this.#options.counters(),
    }
  }

  async #deployed(): Promise<void> {
    const until = performance.now() + FILE_WAITS_MS
    while ((this.#follower?.generation ?? 0) === 0 && performance.now() < until && !this.#closing)
      await pause(LOOK_MS)
  }

  /** What is to be recorded of a file is known before it is read, if it can be known soon. */
  async #recorded(): Promise<void> {
    await Promise.race([this.#recordings?.ready, pause(FILE_WAITS_MS)])
  }

  async #capture(starting: StartingAgents): Promise<RunResult> {
    const { node, boot, bus, shared, values, note, makeRun } = this.#options
    if (this.#closing) throw new Mistake('E_BUS', 'it was stopped before it began')
    const { promise, resolve } = Promise.withResolvers<Run>()
    const agents = new NodeAgents({
      component: 'worker',
      node,
      boot,
      bus,
      fleet: this.#fleet,
      jobs: lateBucket(shared.then((each) => each.jobs)),
      shared: values,
      console: this.#console,
      note,
      open: (observer) => {
        const run = makeRun(starting.agents, {
          ...observer,
          entry: () => {},
          progress: () => {},
          stats: (stats) => {
            this.#stats = stats
          },
          marks: (marks) => {
            run.mark(marks)
            this.#recordings?.mark(marks)
          },
          filtered: (...filter) => this.#targeting.filtered(...filter),
        })
        resolve(run)
        return run.agents
      },
    })
    // At once: what is deployed from here on must not get lost in between.
    starting.passTo(agents)
    const run = await promise
    this.#run = run
    this.#agents = agents
    if (this.#follower !== undefined) agents.follow(this.#follower)
    this.#targeting.drive(run)
    const running = run.run()
    this.#closers.push(this.#options.cluster.onChanges((changes) => run.hear(changes)))
    if (this.#closing) run.stop()
    return running
  }

  #archiveTo(sink: ArchiveSink, reader: EntryReader, redact: Redact): void {
    const failed = (error: unknown) =>
      this.#options.note('error', 'entries do not go to the archive any more', { error: String(error) })
    const archive = new Archive({ reader, redact, sink }, failed)
    this.#archive = archive
    this.#closers.push(() => archive.close())
  }
  #archive: Archive | undefined

  /** The bus can be reached. */
  #link(shared: Shared, runner: StartingAgents): void {
    const { bus, node, boot, agents, reader, packets, note } = this.#options
    const follower = new DeploymentFollower(runner, {
      ...{ bus, state: shared.state, node, boot, agents, note },
      applied: () => this.#status.now(),
    })
    follower.running.catch((error: unknown) =>
      note('error', 'deployments are not followed any more', { error: String(error) }),
    )
    this.#follower = follower
    this.#agents?.follow(follower)
    this.#closers.push(answerPackets({ bus, node, packets }))
    const recordings = this.#record(shared)
    if (reader === undefined) return
    const redact = async (filter: string, entries: readonly string[]) => {
      // Nothing is shown before those that may hide something are there.
      if (this.#run === undefined || follower.generation === 0)
        throw new Mistake('E_BUS_NO_ANSWER', 'what is deployed does not run here yet')
      return await this.#run.agents.query(filter, entries)
    }
    const live = new LiveQueries({ bus, reader, redact, node })
    this.#live = live
    const maps = new MapQueries({ bus, reader, node })
    this.#maps = maps
    this.#closers.push(
      () => live.close(),
      () => maps.close(),
    )
    if (this.#options.archive !== undefined) this.#archiveTo(this.#options.archive, reader, redact)
    this.#closers.push(
      answerQueries({
        ...{ bus, redact, node, dropped: () => this.#stats?.store?.dropped ?? {} },
        readerOf: (source) => (source === undefined ? reader : recordings.readerOf(source)),
      }),
    )
  }

  #record(shared: Shared): Recordings {
    const { bus, node, reader, isFile, note, recordings: settings } = this.#options
    const recordings = new Recordings({
      ...settings,
      bus,
      bucket: shared.recordings,
      node,
      reader,
      isFile,
      note,
    })
    this.#recordings = recordings
    this.#closers.push(() => recordings.close())
    return recordings
  }
}

function statsCounters({ store, droppedInAll, ...stats }: CaptureStats): Record<string, number> {
  const counted = captureCounters({ ...stats, dropped: droppedInAll })
  if (store === undefined) return counted
  const { dropped, queue } = COUNTER_NAMES
  const gone = Object.entries(store.dropped).map(([why, count]) => [dropped('store', why), count])
  return {
    ...counted,
    // Were there when the store was opened: with them the books of a run add up.
    'entries.found': store.found,
    [COUNTERS.entriesStored]: store.kept,
    [COUNTERS.entriesBytes]: store.bytes,
    [queue('entries')]: store.waiting,
    ...Object.fromEntries(gone),
  }
}

/** Agents that are deployed before the capture begins; from then on those who run them. */
class StartingAgents implements AgentRunner {
  readonly #agents = new Map<number, Agent>()
  #runner: AgentRunner | undefined

  get agents(): readonly Agent[] {
    return [...this.#agents.values()].sort((a, b) => a.index - b.index)
  }

  passTo(runner: AgentRunner): void {
    this.#runner = runner
  }

  async reload(agent: Agent): Promise<string | undefined> {
    if (this.#runner !== undefined) return this.#runner.reload(agent)
    if (agent.problem === undefined) this.#agents.set(agent.index, agent)
    return agent.problem
  }

  relabel(agent: Agent): void {
    if (this.#runner !== undefined) this.#runner.relabel(agent)
    else this.#agents.set(agent.index, agent)
  }

  async remove(index: number): Promise<void> {
    if (this.#runner !== undefined) await this.#runner.remove(index)
    else this.#agents.delete(index)
  }
}

const CLOSE_MS = 2000
const FILE_WAITS_MS = 5000
const LOOK_MS = 50
