import { Cron } from 'croner'

/** A job of an agent, registered by `jobs.schedule` under a tag that is the agent's own. */
export interface Job<Owner> {
  readonly owner: Owner
  readonly tag: string
  readonly cron: string
  /** Most runs; 0 = no limit. */
  readonly limit: number
  /** Names its function inside the realm. */
  readonly task: number
  /** On each node by itself, or on one of all. */
  readonly scope: JobScope
  /** Somebody else says when it runs. */
  readonly isHeld: boolean
  isPaused: boolean
  runs: number
  failures: number
  /** When it was due, ms since the epoch, and how long it took; null: it has not run. */
  lastRun: number | null
  lastDurationMs: number | null
  /** What the last run threw; null: nothing. */
  lastError: string | null
  /** ms since the epoch; Infinity when it does not run again by itself. */
  due: number
  readonly next: (afterMs: number) => number
}

export type JobScope = 'node' | 'cluster'

/** What a job is made of. */
export type NewJob<Owner> = Pick<Job<Owner>, 'owner' | 'tag' | 'cron' | 'limit' | 'task'> &
  Partial<Pick<Job<Owner>, 'scope' | 'isHeld'>>

export interface JobOutcome {
  /** ms since the epoch at which it was due. */
  readonly at: number
  readonly durationMs: number
  /** What it threw; "" for nothing. */
  readonly failure: string
}

export interface Timer<Owner> {
  readonly owner: Owner
  readonly task: number
  readonly due: number
  /** ms between runs; 0 = once. */
  readonly every: number
}

export interface NewTimer<Owner> {
  readonly owner: Owner
  readonly task: number
  /** ms */
  readonly delay: number
  readonly every: number
}

export type Due<Owner> =
  | { readonly job: Job<Owner>; readonly at: number }
  | { readonly timer: Timer<Owner>; readonly at: number }

/**
 * Jobs and timers of all agents of a sandbox, in the order in which they fall due. It has no clock: whoever drives
 * it says what time it is, so that a capture file gives the same runs each time.
 */
export class Scheduler<Owner> {
  /**
   * What time it really is, when that counts: runs that were missed because a job took long or the machine slept are
   * then one run. Without it every run that fell due happens, as on a capture file, whose time is its own.
   */
  clock: (() => number) | undefined
  #running = true
  #jobs: Job<Owner>[] = []
  readonly #timers = new TimerQueue<Owner>()
  /** Jobs to run as soon as possible (`jobs.run`), each at most once. */
  #now = new Set<Job<Owner>>()

  /** Registers a job; answers the task of the job that it replaces, 0 when there was none. Throws on a bad cron. */
  schedule(job: NewJob<Owner>, nowMs: number): number {
    const next = readCron(job.cron)
    const own = this.#jobs.filter((each) => each.owner === job.owner)
    const earlier = own.find((each) => each.tag === job.tag)
    if (earlier !== undefined) this.#drop(earlier)
    else if (own.length >= MOST_JOBS) throw new Error(`there are ${MOST_JOBS} jobs already`)
    this.#jobs.push({
      scope: 'node',
      isHeld: false,
      ...job,
      isPaused: false,
      runs: 0,
      failures: 0,
      lastRun: null,
      lastDurationMs: null,
      lastError: null,
      due: job.isHeld === true ? Number.POSITIVE_INFINITY : next(nowMs),
      next,
    })
    return earlier?.task ?? 0
  }

  get nextDue(): number {
    let due = this.#now.size > 0 ? 0 : (this.#timers.first?.due ?? Number.POSITIVE_INFINITY)
    if (this.#running) for (const job of this.#jobs) if (job.due < due && !job.isPaused) due = job.due
    return due
  }

  get running(): boolean {
    return this.#running
  }

  stop(): void {
    this.#running = false
  }

  /** What fell due while it was stopped is not made up for. */
  start(nowMs: number): void {
    if (!this.#running) for (const job of this.#jobs) if (job.due <= nowMs) job.due = job.next(nowMs)
    this.#running = true
  }

  /** Takes what is due first, if anything is by `untilMs`. Earlier registered goes first at the same moment. */
  take(untilMs: number, nowMs: number): Due<Owner> | undefined {
    for (const job of this.#now) {
      this.#now.delete(job)
      job.runs++
      if (isUsedUp(job)) job.due = Number.POSITIVE_INFINITY
      return { job, at: nowMs }
    }
    const due = this.nextDue
    if (due > untilMs) return undefined
    const timer = this.#timers.first
    if (timer?.due === due) {
      this.#timers.remove(timer.owner, timer.task)
      if (timer.every > 0) this.#timers.push(nextOf(timer, this.#reached(due)))
      return { timer, at: due }
    }
    const job = this.#jobs.find((each) => each.due === due && !each.isPaused) as Job<Owner>
    job.runs++
    job.due = isUsedUp(job) ? Number.POSITIVE_INFINITY : job.next(this.#reached(due))
    return { job, at: due }
  }

  /** Notes how a run went. */
  ran(job: Job<Owner>, { at, durationMs, failure }: JobOutcome): void {
    job.lastRun = at
    job.lastDurationMs = durationMs
    job.lastError = failure === '' ? null : failure
    if (failure !== '') job.failures++
  }

  /** These are not started at their times, until they are resumed. */
  pause(jobs: readonly Job<Owner>[]): void {
    for (const job of jobs) job.isPaused = true
  }

  /** What fell due meanwhile is not made up for. */
  resume(jobs: readonly Job<Owner>[], nowMs: number): void {
    for (const job of jobs) {
      if (job.isPaused && job.due <= nowMs) job.due = job.next(nowMs)
      job.isPaused = false
    }
  }

  statusOf(job: Job<Owner>): 'waiting' | 'finished' | 'paused' {
    if (!job.isHeld && isUsedUp(job) && !this.#now.has(job)) return 'finished'
    return job.isPaused || !this.#running ? 'paused' : 'waiting'
  }

  /** When it is going to run, ms since the epoch, as far as that is known; null when it does not. */
  nextRunOf(job: Job<Owner>, nowMs: number): number | null {
    if (this.#now.has(job)) return nowMs
    if (this.statusOf(job) !== 'waiting') return null
    const due = job.isHeld ? job.next(nowMs) : job.due
    return due === Number.POSITIVE_INFINITY ? null : due
  }

  /** To where runs are over with when the one of `due` is. */
  #reached(due: number): number {
    return this.clock === undefined ? due : Math.max(due, this.clock())
  }

  /** What fell due by `nowMs` for this owner is not made up for; timers that are set only once are a little late. */
  rest(owner: Owner, nowMs: number): void {
    for (const job of this.#jobs) {
      if (job.owner !== owner) continue
      this.#now.delete(job)
      if (job.due <= nowMs) job.due = job.next(nowMs)
    }
    this.#timers.rest(owner, nowMs)
  }

  addTimer({ delay, every, ...timer }: NewTimer<Owner>, nowMs: number): void {
    if (this.#timers.countOf(timer.owner) >= MOST_TIMERS)
      throw new Error(`there are ${MOST_TIMERS} timers already`)
    this.#timers.push({
      ...timer,
      due: nowMs + delay,
      every: every === 0 ? 0 : Math.max(every, SHORTEST_MS),
    })
  }

  clearTimer(owner: Owner, task: number): void {
    this.#timers.remove(owner, task)
  }

  /** Every job that may still run runs once more. */
  runAllOnceMore(): void {
    for (const job of this.#jobs) if (job.due < Number.POSITIVE_INFINITY) this.#now.add(job)
  }

  /** The job of an agent with this tag. */
  jobOf(owner: Owner, tag: string): Job<Owner> | undefined {
    return this.#jobs.find((each) => each.owner === owner && each.tag === tag)
  }

  /** `jobs.run` and `jobs.remove`: the agent's own job of that tag, or else everybody's. */
  jobsTagged(owner: Owner, tag: string): readonly Job<Owner>[] {
    const own = this.#jobs.filter((each) => each.owner === owner && each.tag === tag)
    return own.length > 0 ? own : this.#jobs.filter((each) => each.tag === tag)
  }

  all(): readonly Job<Owner>[] {
    return this.#jobs
  }

  runSoon(jobs: readonly Job<Owner>[]): void {
    for (const job of jobs) if (!job.isHeld && !isUsedUp(job)) this.#now.add(job)
  }

  remove(jobs: readonly Job<Owner>[]): void {
    for (const job of jobs) this.#drop(job)
  }

  /** Forgets all jobs and timers of an agent. */
  forget(owner: Owner): void {
    this.remove(this.#jobs.filter((each) => each.owner === owner))
    this.#timers.forget(owner)
  }

  #drop(job: Job<Owner>): void {
    this.#jobs = this.#jobs.filter((each) => each !== job)
    this.#now.delete(job)
  }
}

/** It has run as often as it may. */
function isUsedUp({ limit, runs }: { readonly limit: number; readonly runs: number }): boolean {
  return limit > 0 && runs >= limit
}

/** The first of its times after a moment that is not before it. */
function nextOf<Owner>(timer: Timer<Owner>, afterMs: number): Timer<Owner> {
  const { due, every } = timer
  return { ...timer, due: due + (Math.floor((afterMs - due) / every) + 1) * every }
}

/** Timers by when they fall due; of one owner, those of the same moment in the order in which they came. */
class TimerQueue<Owner> {
  readonly #queues = new Map<Owner, OwnTimers<Owner>>()

  get first(): Timer<Owner> | undefined {
    let first: Timer<Owner> | undefined
    for (const queue of this.#queues.values()) {
      const own = queue.first
      if (own !== undefined && (first === undefined || own.due < first.due)) first = own
    }
    return first
  }

  countOf(owner: Owner): number {
    return this.#queues.get(owner)?.size ?? 0
  }

  push(timer: Timer<Owner>): void {
    const queue = this.#queues.get(timer.owner) ?? new OwnTimers<Owner>()
    this.#queues.set(timer.owner, queue)
    queue.push(timer)
  }

  remove(owner: Owner, task: number): void {
    const queue = this.#queues.get(owner)
    queue?.remove(task)
    if (queue?.size === 0) this.#queues.delete(owner)
  }

  /** What is due by `nowMs` waits until a little later. */
  rest(owner: Owner, nowMs: number): void {
    this.#queues.get(owner)?.rest(nowMs + SHORTEST_MS)
  }

  forget(owner: Owner): void {
    this.#queues.delete(owner)
  }
}

/** A heap. */
class OwnTimers<Owner> {
  #heap: Queued<Owner>[] = []
  /** By task; what is not here any more was cleared, and goes when its turn has come. */
  readonly #live = new Map<number, Queued<Owner>>()
  #order = 0
  #notBefore = Number.NEGATIVE_INFINITY

  get size(): number {
    return this.#live.size
  }

  get first(): Timer<Owner> | undefined {
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined) return undefined
      const { timer } = first
      if (this.#live.get(timer.task) === first)
        return timer.due < this.#notBefore ? { ...timer, due: this.#notBefore } : timer
      this.#removeFirst()
    }
  }

  push(timer: Timer<Owner>): void {
    const queued = { timer, order: this.#order++ }
    this.#live.set(timer.task, queued)
    this.#heap.push(queued)
    this.#rise(this.#heap.length - 1)
  }

  remove(task: number): void {
    this.#live.delete(task)
    // Cleared ones must not pile up.
    if (this.#heap.length < 2 * this.size + MOST_CLEARED) return
    const left = [...this.#live.values()]
    this.#heap = []
    this.#live.clear()
    for (const { timer } of left) this.push(timer)
  }

  rest(untilMs: number): void {
    this.#notBefore = untilMs
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last === undefined || this.#heap.length === 0) return
    this.#heap[0] = last
    this.#sink(0)
  }

  #rise(at: number): void {
    while (at > 0) {
      const above = (at - 1) >> 1
      if (!this.#isBefore(at, above)) return
      this.#swap(at, above)
      at = above
    }
  }

  #sink(at: number): void {
    for (;;) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < this.#heap.length && this.#isBefore(left, least)) least = left
      if (right < this.#heap.length && this.#isBefore(right, least)) least = right
      if (least === at) return
      this.#swap(at, least)
      at = least
    }
  }

  #isBefore(at: number, other: number): boolean {
    const a = this.#heap[at] as Queued<Owner>
    const b = this.#heap[other] as Queued<Owner>
    return a.timer.due < b.timer.due || (a.timer.due === b.timer.due && a.order < b.order)
  }

  #swap(at: number, other: number): void {
    const moved = this.#heap[at] as Queued<Owner>
    this.#heap[at] = this.#heap[other] as Queued<Owner>
    this.#heap[other] = moved
  }
}

interface Queued<Owner> {
  readonly timer: Timer<Owner>
  readonly order: number
}

/** When a job of this cron expression runs next after a moment, ms since the epoch; Infinity: never. Throws on a bad one. */
export function nextRun(cron: string, afterMs: number): number {
  return readCron(cron)(afterMs)
}

function readCron(cron: string): (afterMs: number) => number {
  try {
    return timesOf(cron)
  } catch (error) {
    throw new Error(`"${cron}" is not a cron expression: ${(error as Error).message}`)
  }
}

/** When a job runs next after a moment. Six fields, five (minutes), or a descriptor; in UTC. */
function timesOf(cron: string): (afterMs: number) => number {
  const every = /^@every\s+(.+)$/.exec(cron.trim())
  if (every !== null) {
    const ms = durationMs(every[1] as string)
    return (afterMs) => afterMs + ms
  }
  const pattern = new Cron(cron, { utcOffset: 0, sloppyRanges: true, paused: true })
  return (afterMs) => pattern.nextRun(new Date(afterMs))?.getTime() ?? Number.POSITIVE_INFINITY
}

/** Go's notation: `90s`, `1h30m`, `1.5h`. */
function durationMs(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text)
    throw new Error(`"${text}" is not a duration such as 90s or 1h30m`)
  const ms = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit as string] ?? 0), 0)
  if (ms < 1000) throw new Error(`@every ${text}: jobs run at most once a second`)
  return ms
}

const SHORTEST_MS = 1
/** Of one owner. */
const MOST_JOBS = 1000
const MOST_TIMERS = 10_000
/** Timers that were cleared and are still in the heap, beyond as many as are not. */
const MOST_CLEARED = 1000

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
