import type { Agent } from '../agent/agents.ts'
import type { JobOutcome } from '../agent/cluster-job.ts'
import { ClusterJobs } from '../agent/cluster-jobs.ts'
import type { AgentGroup, ClusterJobChange } from '../agent/group.ts'
import type { JobsOrder } from '../agent/host/protocol.ts'
import { nextRun } from '../agent/host/scheduler.ts'
import { jobView } from '../agent/views.ts'
import type { Bucket, Bus } from '../bus/bus.ts'
import { whenReached } from '../bus/when-reached.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { SharedState } from '../store/shared-state.ts'
import { decode, encode } from '../wire/codec.ts'
import { type JobAnswer, type JobOrder, type JobSelector, jobOrder, jobsOrdered } from '../wire/jobs.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { ConsoleOut } from './console-out.ts'
import type { Fleet } from './fleet.ts'
import { newLine } from './node-agents.ts'
import type { Note } from './note.ts'

export interface NodeJobsOptions {
  readonly bus: Bus
  readonly bucket: Bucket
  readonly fleet: Fleet
  readonly node: string
  readonly boot: string
  readonly group: Pick<AgentGroup, 'jobs' | 'clusterJobs' | 'runClusterJob' | 'results'>
  readonly shared: Pick<SharedState, 'unwritten' | 'flush'>
  readonly console: ConsoleOut
  readonly note: Note
}

/**
 * The jobs of a node: those that run on every node by the scheduler in the sandbox, and those of scope `cluster`, about which
 * nodes agree. Answers orders of the hub, and passes on those of scripts to the other nodes.
 */
export class NodeJobs {
  readonly #options: NodeJobsOptions
  readonly #cluster: ClusterJobs
  readonly #stops: (() => void)[]
  /** Agents by identity, for what the cluster asks for by it. */
  readonly #indexes = new Map<string, number>()
  readonly #closing = new AbortController()
  malformed = 0

  constructor(options: NodeJobsOptions) {
    this.#options = options
    const { bus, bucket, fleet, node, boot, group, note } = options
    this.#cluster = new ClusterJobs({
      bucket,
      link: bus,
      alive: fleet,
      node,
      boot,
      nextRun,
      run: (agent, tag, dueMs) => this.#run(agent, tag, dueMs),
      removed: (agent, tag) => {
        const index = this.#indexes.get(agent)
        if (index !== undefined) this.#doHere({ order: 'remove', index, tag })
      },
      tell: (text, fields) => note('info', text, fields),
    })
    for (const job of group.clusterJobs()) this.changed({ kind: 'scheduled', ...job })
    this.#stops = [
      bus.respond(SUBJECTS.jobs(node), (payload) => this.#answer(payload)),
      bus.subscribe(SUBJECTS.ordered, (payload) => this.#ordered(payload)),
    ]
  }

  get counters(): Readonly<Record<string, number>> {
    const { runs, takeovers, missed, failures, malformed } = this.#cluster.counters
    const { dropped } = COUNTER_NAMES
    return {
      'cluster_jobs.runs': runs,
      'cluster_jobs.takeovers': takeovers,
      'cluster_jobs.failures': failures,
      [dropped('cluster-jobs', 'missed')]: missed,
      [dropped('cluster-jobs', 'malformed')]: malformed + this.malformed,
    }
  }

  /** A job of scope `cluster` has come here, is another one, or has gone. */
  changed({ kind, agent, tag, cron, limit }: ClusterJobChange): void {
    const { id, index, title, version = 0 } = agent
    if (id === undefined) return
    this.#indexes.set(id, index)
    if (kind === 'scheduled') this.#cluster.announce({ agent: id, index, title, version, tag, cron, limit })
    else this.#cluster.withdraw(id, tag)
  }

  /** A script has done something with jobs: it is done here, and now on the other nodes as well. */
  tell({ order, index, tag }: JobsOrder): void {
    if (order === 'list') return
    const { bus, boot, group } = this.#options
    const agent = group.results().find((each) => each.agent.index === index)?.agent.id
    bus.publish(
      SUBJECTS.ordered,
      encode({
        boot,
        order,
        ...(agent === undefined ? {} : { agent }),
        ...(tag === undefined ? {} : { tag }),
      }),
    )
    this.#orderCluster(order, {
      ...(agent === undefined ? {} : { agent }),
      ...(tag === undefined ? {} : { tag }),
    })
  }

  /** A job of the cluster is on no node: it is listed with each, and left alone by orders for one. */
  async order({ order, selector, id }: JobOrder): Promise<JobAnswer> {
    const { group, node } = this.#options
    const { agent, tag } = selector
    const isForAll = selector.node === undefined
    const cluster = isForAll || order === 'list' ? this.#cluster.list(selector) : []
    const index = agent === undefined ? undefined : this.#indexOf(agent)
    if (agent !== undefined && index === undefined) {
      const { running } = await group.jobs({ order: 'list' })
      return { node, running, jobs: [] }
    }
    const { running, jobs } = await group.jobs({
      order,
      ...(index === undefined ? {} : { index }),
      ...(tag === undefined ? {} : { tag }),
    })
    if (isForAll) this.#orderCluster(order, selector, id)
    const own = jobs.filter(({ scope }) => scope === 'node').map((job) => jobView(job, node))
    return { node, running, jobs: [...own, ...cluster] }
  }

  /** An agent is active nowhere any more. */
  forget(agent: string): Promise<void> {
    return this.#cluster.forget(agent)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    for (const stop of this.#stops) stop()
    await this.#cluster.close()
  }

  #orderCluster(order: JobOrder['order'], selector: JobSelector, id?: string): void {
    switch (order) {
      case 'run':
        this.#cluster.runNow(selector, id)
        return
      case 'remove':
        for (const { agent, tag } of this.#cluster.list(selector)) this.#cluster.remove(agent, tag)
        return
      case 'start':
        this.#cluster.resume(selector)
        return
      case 'stop':
        this.#cluster.pause(selector)
    }
  }

  async #answer(payload: Uint8Array): Promise<Uint8Array> {
    const order = decode(jobOrder, payload)
    if (order === undefined) throw new Mistake('E_REQUEST', 'this is no order about jobs')
    return encode(await this.order(order))
  }

  #ordered(payload: Uint8Array): void {
    const told = decode(jobsOrdered, payload)
    if (told === undefined) {
      this.malformed++
      return
    }
    const { boot, order, agent, tag } = told
    if (boot === this.#options.boot) return
    const index = agent === undefined ? undefined : this.#indexOf(agent)
    if (agent !== undefined && index === undefined) return
    this.#doHere({
      order,
      ...(index === undefined ? {} : { index }),
      ...(tag === undefined ? {} : { tag }),
    })
  }

  /** Nobody waits for it; a sandbox that is gone has no jobs. */
  #doHere(order: JobsOrder): void {
    this.#options.group.jobs(order).catch((error: unknown) =>
      this.#options.note('warning', 'an order about jobs was not followed', {
        error: String(error),
      }),
    )
  }

  async #run(agent: string, tag: string, dueMs: number): Promise<JobOutcome> {
    const { bus, group, console, shared } = this.#options
    const index = this.#indexes.get(agent)
    if (index === undefined) return { kind: 'not-run', why: 'the agent is not here' }
    const { ok, error = '', lines } = await group.runClusterJob(index, tag, dueMs)
    // Printed once, also when the run is done again because this node dies before it can say that it is done.
    const keep = () => console.keep(`job/${agent}/${tag}/${dueMs}`, lines.map(newLine))
    await whenReached(bus, keep, this.#closing.signal)
    // What a run has shared is not lost when the run counts as done.
    if (shared.unwritten > 0) await whenReached(bus, () => shared.flush(), this.#closing.signal)
    return ok ? { kind: 'passed' } : { kind: 'failed', error }
  }

  /** By identity, index or title. */
  #indexOf(name: string): number | undefined {
    const agents = this.#options.group.results().map(({ agent }) => agent)
    const found = agents.find(
      ({ id, index, title }: Agent) => id === name || String(index) === name || title === name,
    )
    return found?.index
  }
}
