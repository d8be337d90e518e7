import type { Bucket } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { JobView } from '../wire/jobs.ts'
import { token } from '../wire/subjects.ts'
import {
  type AnnouncedJob,
  announcedIn,
  askedIn,
  type Backlog,
  claimedIn,
  decodeState,
  encodeState,
  type FinishedRun,
  finishedIn,
  isSameClaim,
  isUsedUp,
  type JobClaim,
  type JobState,
  newState,
  nextWork,
  pausedIn,
  type Work,
} from './cluster-job-state.ts'

/** How a run ended; `not-run`: it was not begun here, and another node may try. */
export type JobOutcome =
  | { readonly kind: 'passed' }
  | { readonly kind: 'failed'; readonly error: string }
  | { readonly kind: 'not-run'; readonly why: string }

/** Nodes of which something was heard lately, by our own clock that never jumps. */
export interface AliveNodes {
  isAlive(boot: string): boolean
  /** How many there are, ourselves included. */
  readonly count: number
}

export interface JobClock {
  /** ms since the epoch: may be off, and may jump. */
  now(): number
  /** ms since some moment: goes on evenly. */
  monotonic(): number
  /** Answers how to call it off. */
  after(ms: number, callback: () => void): () => void
}

export interface ClusterCounters {
  /** Runs that were begun here. */
  runs: number
  /** Somebody else was faster. */
  conflicts: number
  /** Runs of nodes that are gone, begun anew here. */
  takeovers: number
  /** Runs that somebody else had begun anew before they were noted as done. */
  overtaken: number
  /** Due times that were given up. */
  missed: number
  /** The bucket could not be reached, or answered nonsense. */
  failures: number
  malformed: number
}

/** What all jobs of a node have in common. */
export interface JobSurroundings {
  readonly bucket: Bucket
  readonly node: string
  readonly boot: string
  readonly alive: AliveNodes
  readonly clock: JobClock
  readonly random: () => number
  readonly backlog: Backlog
  readonly graceMs: number
  readonly nextRun: (cron: string, afterMs: number) => number
  readonly run: (agent: string, tag: string, dueMs: number) => Promise<JobOutcome>
  readonly counters: ClusterCounters
  readonly connected: () => boolean
  /** The job is not wanted any more, here or anywhere. */
  readonly ended: (job: ClusterJob, byOthers: boolean) => void
  readonly tell: (text: string, fields: Readonly<Record<string, unknown>>) => void
}

/** What is to be written down. Of one kind the latest counts. */
interface Change {
  readonly kind: string
  readonly apply: (state: JobState, nowMs: number) => JobState | undefined
}

interface Known {
  /** Undefined: what is there is no state of a job. */
  readonly state: JobState | undefined
  readonly revision: number
}

/** Key of a job in the bucket. */
export function jobKey(agent: string, tag: string): string {
  return `${token(agent)}.${token(tag)}`
}

/**
 * A job with scope `cluster`, as one node takes part in it. Whatever happens (a change in the bucket, a moment that comes,
 * the end of a run) it looks at what is known and does the one thing that is next; each thing it does is a compare-and-set.
 */
export class ClusterJob {
  readonly key: string
  readonly #around: JobSurroundings
  #job: AnnouncedJob
  /** Undefined: nothing is there. */
  #known: Known | undefined
  /** What is known may be old. */
  #isUnsure = true
  #changes: Change[]
  #running: JobClaim | undefined
  #finished: { readonly claim: JobClaim; readonly run: FinishedRun | undefined } | undefined
  /** Takes no part any more, but for what is under way. */
  #isLeaving = false
  #isRemoving = false
  #isBusy = false
  #isStirred = false
  #calledOff = () => {}
  /** Since when there is something to do, and how long to let others go first. */
  #seen: { readonly what: string; readonly from: number } | undefined
  /** Since when nothing is heard of the owner, and when that was looked at. */
  #silent: { readonly revision: number; readonly from: number; looked: number } | undefined
  /** It could not be run here: others are to try first. */
  #restsUntil = Number.NEGATIVE_INFINITY
  readonly #idle = Promise.withResolvers<void>()

  constructor(job: AnnouncedJob, around: JobSurroundings) {
    this.key = jobKey(job.agent, job.tag)
    this.#around = around
    this.#job = job
    this.#changes = [announcement(job)]
  }

  get job(): AnnouncedJob {
    return this.#job
  }

  /** An agent was loaded, and has scheduled it (again). */
  announce(job: AnnouncedJob): void {
    this.#job = job
    this.#isLeaving = false
    this.#isRemoving = false
    this.#toChange(announcement(job))
  }

  pause(paused: boolean): void {
    this.#toChange({ kind: 'pause', apply: (state, now) => pausedIn(state, paused, now) })
  }

  /** Runs once, on one node, as soon as may be; for the same id not again. */
  ask(id: string): void {
    const asks = this.#changes.filter(({ kind }) => kind.startsWith('ask '))
    if (asks.length >= MOST_ASKS) return
    this.#toChange({ kind: `ask ${id}`, apply: (state, now) => askedIn(state, id, now) })
  }

  /** Takes no part any more. Resolves when what is under way has ended. */
  leave(): Promise<void> {
    this.#isLeaving = true
    this.stir()
    return this.#idle.promise
  }

  /** Is to be no more, on any node. */
  remove(): void {
    this.#isRemoving = true
    this.stir()
  }

  /** No more of it, at once: what it has claimed, others find. */
  drop(): void {
    this.#isLeaving = true
    this.#calledOff()
  }

  changed(value: Uint8Array, revision: number): void {
    this.#learn(value, revision)
    this.stir()
  }

  deleted(revision: number): void {
    if (this.#known === undefined || this.#known.revision > revision) return
    this.#known = undefined
    // An agent that has just scheduled it wants it anew; for the others it is over.
    if (this.#changes.length === 0 && !this.#isRemoving) this.#end(true)
    else this.stir()
  }

  /** The other nodes could not be reached for a while: what is known may be old. */
  reconnected(): void {
    this.#isUnsure = true
    this.#seen = undefined
    this.stir()
  }

  view(): JobView {
    const { agent, index, title, tag, cron, limit } = this.#job
    const state = this.#known?.state
    const work = state === undefined || state.paused ? undefined : this.#nextWork(state)
    return {
      agent,
      index,
      title,
      node: state?.claim?.node ?? state?.lastNode ?? '',
      tag,
      cron: state?.cron ?? cron,
      limit: state?.limit ?? limit,
      scope: 'cluster',
      status: statusOf(state),
      runs: state?.runs ?? 0,
      failures: state?.failures ?? 0,
      lastRun: state?.lastRun ?? null,
      lastDurationMs: state?.lastDurationMs ?? null,
      lastError: state?.lastError ?? null,
      nextRun: work?.due ?? null,
    }
  }

  /** Something may be to be done. */
  stir(): void {
    this.#isStirred = true
    if (!this.#isBusy) void this.#work()
  }

  async #work(): Promise<void> {
    this.#isBusy = true
    this.#calledOff()
    let waitMs = NEVER
    while (this.#isStirred) {
      this.#isStirred = false
      waitMs = await this.#tried()
      if (waitMs <= 0) this.#isStirred = true
    }
    this.#isBusy = false
    if (waitMs < NEVER)
      this.#calledOff = this.#around.clock.after(Math.min(waitMs, LONGEST_NAP_MS), () => this.stir())
  }

  async #tried(): Promise<number> {
    const { counters, random, tell } = this.#around
    try {
      return await this.#step()
    } catch (error) {
      this.#isUnsure = true
      if (error instanceof Mistake && error.code === 'E_CONFLICT') {
        counters.conflicts++
        return 1 + random() * CONFLICT_MS
      }
      counters.failures++
      if (!(error instanceof Mistake)) tell('a job of the cluster cannot go on', { job: this.key, error })
      return RETRY_MS * (1 + random())
    }
  }

  /** Does what is next, and answers in how many ms to look again; 0: at once. */
  async #step(): Promise<number> {
    if (this.#isLeaving && this.#isIdle) return this.#end(false)
    if (!this.#around.connected()) return NEVER
    if (this.#isRemoving) return this.#delete()
    if (this.#isUnsure && !(await this.#refresh())) return RETRY_MS
    const known = this.#known
    if (known === undefined) return this.#create()
    if (known.state === undefined) return this.#write(newState(this.#job, this.#now))
    if (this.#changes.length > 0) return this.#change(known.state)
    if (this.#finished !== undefined) return this.#note(known.state, this.#finished)
    if (this.#running !== undefined || this.#isLeaving) return NEVER
    return this.#takePart(known.state, known.revision)
  }

  #takePart(state: JobState, revision: number): Promise<number> | number {
    const { claim } = state
    if (claim?.owner === this.#around.boot) return this.#confirm(state, claim)
    // Another version of the agent has scheduled it otherwise: this one will be replaced.
    if (state.cron !== this.#job.cron || state.paused) return NEVER
    const rest = this.#restsUntil - this.#around.clock.monotonic()
    if (rest > 0) return rest
    return claim === null ? this.#claim(state) : this.#watchOver(state, claim, revision)
  }

  async #create(): Promise<number> {
    if (this.#isLeaving) return NEVER
    const wait = this.#others('create')
    if (wait > 0) return wait
    const state = newState(this.#job, this.#now)
    const revision = await this.#around.bucket.create(this.key, encodeState(state))
    this.#keep({ state, revision })
    return 0
  }

  async #change(state: JobState): Promise<number> {
    const [change] = this.#changes
    const changed = change?.apply(state, this.#now)
    if (changed !== undefined) {
      // All nodes are told of the same things at the same time, and one is enough to write them down.
      const wait = this.#others('change')
      if (wait > 0) return wait
      await this.#write(changed)
    }
    this.#changes = this.#changes.filter((each) => each !== change)
    this.#seen = undefined
    return 0
  }

  async #delete(): Promise<number> {
    await this.#around.bucket.delete(this.key)
    if (this.#isRemoving) return this.#end(false)
    // It was scheduled again meanwhile.
    this.#known = undefined
    return 0
  }

  async #claim(state: JobState): Promise<number> {
    const work = this.#nextWork(state)
    if (work === undefined) return NEVER
    if (work.asked === null && work.due > this.#now) return Math.max(1, work.due - this.#now)
    const wait = this.#others(work.asked ?? `due ${work.due}`)
    if (wait > 0) return wait
    return this.#begin(claimedIn(state, work, this.#around.boot, this.#around.node), work)
  }

  /** It is ours, so we hear; whether it still is when we begin, asking tells. */
  #confirm(state: JobState, claim: JobClaim): Promise<number> {
    return this.#begin({ ...state, claim: { ...claim } }, undefined)
  }

  /** Writes a state with a claim of ours, and begins when that went quickly: late news may be overtaken news. */
  async #begin(state: JobState, work: Work | undefined): Promise<number> {
    const { clock, graceMs, counters, tell } = this.#around
    const before = clock.monotonic()
    await this.#write(state)
    const missed = work?.missed ?? 0
    counters.missed += missed
    if (missed > 0) tell('due times of a job were given up', { job: this.key, missed })
    if (clock.monotonic() - before > graceMs / 2) return 0
    if (state.claim !== null) this.#start(state.claim)
    return 0
  }

  async #watchOver(state: JobState, claim: JobClaim, revision: number): Promise<number> {
    const { alive, clock, graceMs, counters, boot, node, tell } = this.#around
    if (alive.isAlive(claim.owner)) {
      this.#silent = undefined
      return LOOK_MS
    }
    const now = clock.monotonic()
    const silent = this.#silent
    // When we have not looked for long, it was we who slept.
    if (silent === undefined || silent.revision !== revision || now - silent.looked > 2 * LOOK_MS) {
      this.#silent = { revision, from: now + graceMs + this.#delay(), looked: now }
      return LOOK_MS
    }
    silent.looked = now
    if (now < silent.from) return Math.min(LOOK_MS, silent.from - now)
    this.#silent = undefined
    const wait = await this.#begin({ ...state, claim: { ...claim, owner: boot, node } }, undefined)
    counters.takeovers++
    tell('a run is begun anew, since its node is gone', { job: this.key, due: claim.due, gone: claim.node })
    return wait
  }

  #start(claim: JobClaim): void {
    const { run, clock, counters } = this.#around
    const { agent, tag } = this.#job
    const startedAt = clock.now()
    const from = clock.monotonic()
    this.#running = claim
    counters.runs++
    const ended = (outcome: JobOutcome) => {
      const durationMs = Math.max(0, clock.monotonic() - from)
      this.#running = undefined
      this.#finished = { claim, run: finishedOf(outcome, startedAt, durationMs) }
      this.stir()
    }
    run(agent, tag, claim.due).then(ended, (error: unknown) =>
      ended({ kind: 'failed', error: error instanceof Error ? error.message : String(error) }),
    )
  }

  /** Notes that a run is over, and goes on with what is due already. */
  async #note(
    state: JobState,
    { claim, run }: { claim: JobClaim; run: FinishedRun | undefined },
  ): Promise<number> {
    const { boot, node, counters } = this.#around
    if (!isSameClaim(state.claim, claim)) {
      this.#finished = undefined
      counters.overtaken++
      return 0
    }
    if (run === undefined) {
      await this.#write({ ...state, claim: null })
      this.#finished = undefined
      this.#restsUntil = this.#around.clock.monotonic() + NOT_RUN_MS
      return 0
    }
    const after = finishedIn(state, claim, run)
    const more = this.#isDueAtOnce(after)
    if (more === undefined) await this.#write(after)
    else {
      this.#finished = undefined
      return await this.#begin(claimedIn(after, more, boot, node), more).catch((error: unknown) => {
        this.#finished = { claim, run }
        throw error
      })
    }
    this.#finished = undefined
    return 0
  }

  #isDueAtOnce(state: JobState): Work | undefined {
    if (this.#isLeaving || state.paused) return undefined
    const work = this.#nextWork(state)
    return work !== undefined && (work.asked !== null || work.due <= this.#now) ? work : undefined
  }

  /** Undefined also when others have scheduled it otherwise than we have. */
  #nextWork(state: JobState): Work | undefined {
    if (state.cron !== this.#job.cron) return undefined
    const { nextRun, backlog } = this.#around
    return nextWork(state, (after) => nextRun(state.cron, after), this.#now, backlog)
  }

  /** How long to let others go first: all nodes see the same at the same time, and one is enough. */
  #others(what: string): number {
    const now = this.#around.clock.monotonic()
    if (this.#seen?.what !== what) this.#seen = { what, from: now + this.#delay() }
    return this.#seen.from - now
  }

  #delay(): number {
    const { alive, random } = this.#around
    return alive.count <= 1 ? 0 : random() * Math.min(LONGEST_SPREAD_MS, alive.count * SPREAD_MS)
  }

  /** Whether it is known now how things are. */
  async #refresh(): Promise<boolean> {
    const before = this.#known
    const found = await this.#around.bucket.get(this.key)
    if (found !== undefined) this.#learn(found.value, found.revision)
    // What was there and is not: the watch will say whether it was deleted, or the answer is an old one.
    else if (before !== undefined && this.#known === before) return false
    this.#isUnsure = false
    return true
  }

  async #write(state: JobState): Promise<number> {
    const revision = this.#known?.revision ?? 0
    this.#keep({ state, revision: await this.#around.bucket.update(this.key, encodeState(state), revision) })
    return 0
  }

  #learn(value: Uint8Array, revision: number): void {
    if (this.#known !== undefined && this.#known.revision >= revision) return
    const state = decodeState(value)
    if (state === undefined) this.#around.counters.malformed++
    this.#keep({ state, revision })
  }

  /** Revisions only grow: what is older comes late. */
  #keep(known: Known): void {
    if (this.#known === undefined || this.#known.revision < known.revision) this.#known = known
  }

  #toChange(change: Change): void {
    this.#changes = [...this.#changes.filter(({ kind }) => kind !== change.kind), change]
    this.stir()
  }

  #end(byOthers: boolean): number {
    this.#isLeaving = true
    this.#calledOff()
    this.#idle.resolve()
    this.#around.ended(this, byOthers)
    return NEVER
  }

  get #isIdle(): boolean {
    return this.#running === undefined && this.#finished === undefined
  }

  get #now(): number {
    return this.#around.clock.now()
  }
}

function announcement(job: AnnouncedJob): Change {
  return { kind: 'announce', apply: (state, now) => announcedIn(state, job, now) }
}

function finishedOf(outcome: JobOutcome, startedAt: number, durationMs: number): FinishedRun | undefined {
  if (outcome.kind === 'not-run') return undefined
  return { startedAt, durationMs, error: outcome.kind === 'failed' ? outcome.error : null }
}

function statusOf(state: JobState | undefined): JobView['status'] {
  if (state === undefined) return 'waiting'
  if (state.claim !== null) return 'running'
  if (isUsedUp(state)) return 'finished'
  return state.paused ? 'paused' : 'waiting'
}

/** Requests that wait to be written down. */
const MOST_ASKS = 10
const NEVER = Number.POSITIVE_INFINITY
/** Clocks that jump are noticed after so long. */
const LONGEST_NAP_MS = 30_000
/** How often an owner is looked after; only in our own books. */
const LOOK_MS = 1000
const RETRY_MS = 1000
const CONFLICT_MS = 50
/** Who could not run it lets others try first. */
const NOT_RUN_MS = 2000
/** For each node that takes part. */
const SPREAD_MS = 20
const LONGEST_SPREAD_MS = 1000
