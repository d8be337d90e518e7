import type { Bucket, Bus } from '../bus/bus.ts'
import type { JobSelector, JobView } from '../wire/jobs.ts'
import { token } from '../wire/subjects.ts'
import {
  type AliveNodes,
  type ClusterCounters,
  ClusterJob,
  type JobClock,
  type JobOutcome,
  jobKey,
} from './cluster-job.ts'
import type { AnnouncedJob, Backlog } from './cluster-job-state.ts'

export interface ClusterJobsOptions {
  /** `BUCKETS.jobs`, without a time after which values are gone. */
  readonly bucket: Bucket
  readonly link: Pick<Bus, 'connected' | 'onConnection'>
  readonly alive: AliveNodes
  readonly node: string
  /** This run of the program: another one after each start. */
  readonly boot: string
  /** When a job is due next after a moment, ms since the epoch; Infinity: never. Throws on what is no cron. */
  readonly nextRun: (cron: string, afterMs: number) => number
  /** Runs it here, now. */
  readonly run: (agent: string, tag: string, dueMs: number) => Promise<JobOutcome>
  /** Somebody has removed it, for all nodes. */
  readonly removed?: (agent: string, tag: string) => void
  /** For the log. */
  readonly tell?: (text: string, fields: Readonly<Record<string, unknown>>) => void
  readonly clock?: JobClock
  readonly random?: () => number
  readonly backlog?: Backlog
  /** How long nothing is heard of a node, beyond what `alive` waits, before its runs are begun anew. */
  readonly graceMs?: number
}

/**
 * Jobs with scope `cluster`: each of their due times runs once, on one node, in order. Nodes agree through a bucket: the
 * state of a job says up to when it has run, the next due time follows from that and not from anybody's clock, and who claims
 * it by compare-and-set runs it. Due times that nobody could run are caught up, within `backlog`. When a node dies, or cannot
 * be reached for longer than the grace, the run that it had begun is begun anew elsewhere: what such a run had done by then is
 * done twice, and nothing else is.
 */
export class ClusterJobs {
  readonly #options: ClusterJobsOptions
  readonly #clock: JobClock
  readonly #jobs = new Map<string, ClusterJob>()
  readonly #counters: ClusterCounters = {
    runs: 0,
    conflicts: 0,
    takeovers: 0,
    overtaken: 0,
    missed: 0,
    failures: 0,
    malformed: 0,
  }
  readonly #ending = new AbortController()
  readonly #stopListening: () => void
  readonly #following: Promise<void>
  #asked = 0

  constructor(options: ClusterJobsOptions) {
    this.#options = options
    this.#clock = options.clock ?? OWN_CLOCK
    this.#stopListening = options.link.onConnection((connected) => {
      if (connected) this.#reconnected()
    })
    this.#following = this.#follow(this.#ending.signal)
  }

  get counters(): Readonly<ClusterCounters> {
    return this.#counters
  }

  /** An agent has scheduled a job here. Throws on a bad cron. */
  announce(job: AnnouncedJob): void {
    this.#options.nextRun(job.cron, this.#clock.now())
    const known = this.#jobs.get(jobKey(job.agent, job.tag))
    if (known !== undefined) {
      known.announce(job)
      return
    }
    const added = this.#made(job)
    this.#jobs.set(added.key, added)
    added.stir()
  }

  /** The agent does not run here any more; other nodes go on. */
  withdraw(agent: string, tag?: string): void {
    for (const job of this.#chosen({ agent, ...(tag === undefined ? {} : { tag }) })) void job.leave()
  }

  /** Removes a job on all nodes; until the bucket can be reached, it is tried again. */
  remove(agent: string, tag: string): void {
    this.#jobs.get(jobKey(agent, tag))?.remove()
  }

  /** An agent is active nowhere any more: all that is known of its jobs goes. Rejects when the bucket cannot be reached. */
  async forget(agent: string): Promise<void> {
    const { bucket } = this.#options
    for (const job of this.#chosen({ agent })) job.remove()
    for (const key of await bucket.keys(`${token(agent)}.`)) await bucket.delete(key)
  }

  /**
   * Runs the jobs that are meant once, each on one node: once for an id, however many nodes are asked with it. Answers how
   * many are meant here.
   */
  runNow(selector: JobSelector, id = `${this.#options.boot}/${++this.#asked}`): number {
    const chosen = this.#chosen(selector)
    for (const job of chosen) job.ask(id)
    return chosen.length
  }

  /** No due time is begun on any node until `resume`; those until then are not made up for. */
  pause(selector: JobSelector): void {
    for (const job of this.#chosen(selector)) job.pause(true)
  }

  resume(selector: JobSelector): void {
    for (const job of this.#chosen(selector)) job.pause(false)
  }

  list(selector: JobSelector = {}): readonly JobView[] {
    return this.#chosen(selector).map((job) => job.view())
  }

  /** Begins nothing more, and waits for runs under way; beyond the time they are left to the other nodes. */
  async close(timeoutMs = 10_000): Promise<void> {
    let callOff = () => {}
    const tooLong = new Promise<void>((resolve) => {
      callOff = this.#clock.after(timeoutMs, resolve)
    })
    await Promise.race([tooLong, Promise.all([...this.#jobs.values()].map((job) => job.leave()))])
    callOff()
    this.#stopListening()
    for (const job of this.#jobs.values()) job.drop()
    this.#jobs.clear()
    this.#ending.abort()
    await this.#following
  }

  #made(job: AnnouncedJob): ClusterJob {
    const { bucket, node, boot, alive, nextRun, run, random, backlog, graceMs, tell, link } = this.#options
    return new ClusterJob(job, {
      ...{ bucket, node, boot, alive, nextRun, run },
      clock: this.#clock,
      random: random ?? Math.random,
      backlog: backlog ?? BACKLOG,
      graceMs: graceMs ?? GRACE_MS,
      counters: this.#counters,
      connected: () => link.connected,
      tell: tell ?? (() => {}),
      ended: (ended, byOthers) => this.#ended(ended, byOthers),
    })
  }

  #ended(job: ClusterJob, byOthers: boolean): void {
    if (this.#jobs.get(job.key) !== job) return
    this.#jobs.delete(job.key)
    if (byOthers) this.#options.removed?.(job.job.agent, job.job.tag)
  }

  #chosen({ agent, tag }: JobSelector): ClusterJob[] {
    return [...this.#jobs.values()].filter(
      ({ job }) =>
        (agent === undefined || [job.agent, job.title, String(job.index)].includes(agent)) &&
        (tag === undefined || job.tag === tag),
    )
  }

  async #follow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        for await (const change of this.#options.bucket.watch({ signal })) {
          if (change.kind === 'current') continue
          const job = this.#jobs.get(change.key)
          if (change.kind === 'put') job?.changed(change.value, change.revision)
          else job?.deleted(change.revision)
        }
      } catch {
        this.#counters.failures++
      }
      if (!signal.aborted) await this.#pause(signal)
      this.#reconnected()
    }
  }

  #pause(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const callOff = this.#clock.after(WATCH_AGAIN_MS, resolve)
      signal.addEventListener('abort', () => {
        callOff()
        resolve()
      })
    })
  }

  #reconnected(): void {
    for (const job of this.#jobs.values()) job.reconnected()
  }
}

const OWN_CLOCK: JobClock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, ms)
    return () => clearTimeout(timer)
  },
}

const BACKLOG: Backlog = { runs: 1000, ms: 3_600_000 }
const GRACE_MS = 5000
const WATCH_AGAIN_MS = 1000
