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
  runs: number
  /** ms since the epoch; Infinity when it does not run again. */
  due: number
  readonly next: (afterMs: number) => number
}

export interface Timer<Owner> {
  readonly owner: Owner
  readonly task: number
  readonly due: number
  /** ms between runs; 0 = once. */
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
  #timers: Timer<Owner>[] = []
  /** Jobs to run as soon as possible (`jobs.run`), each at most once. */
  #now = new Set<Job<Owner>>()
  /** From when on (ms) what an owner has asked for runs again, after it has asked too often. */
  readonly #heldUntil = new Map<Owner, number>()

  /**
   * Registers a job; answers the task of the job that it replaces, 0 when there was none. Throws on a bad cron, and when
   * the owner has too many.
   */
  schedule(job: Omit<Job<Owner>, 'runs' | 'due' | 'next'>, nowMs: number): number {
    const next = readCron(job.cron)
    const earlier = this.#jobs.find((each) => each.owner === job.owner && each.tag === job.tag)
    if (earlier !== undefined) this.#drop(earlier)
    else if (hasAtLeast(this.#jobs, job.owner, MOST_JOBS))
      throw new Error(`there are ${MOST_JOBS} jobs already`)
    this.#jobs.push({ ...job, runs: 0, due: next(nowMs), next })
    return earlier?.task ?? 0
  }

  get nextDue(): number {
    let due = Number.POSITIVE_INFINITY
    for (const job of this.#now) due = Math.min(due, this.#soonest(job.owner))
    for (const timer of this.#timers) due = Math.min(due, this.#dueOf(timer))
    if (this.#running) for (const job of this.#jobs) if (job.due < due) due = job.due
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

  /** Takes what is due first, if anything is by `nowMs`. Earlier registered goes first at the same moment. */
  take(nowMs: number): Due<Owner> | undefined {
    for (const job of this.#now) {
      const at = this.#soonest(job.owner)
      if (at > nowMs) continue
      this.#now.delete(job)
      job.runs++
      if (isUsedUp(job)) job.due = Number.POSITIVE_INFINITY
      return { job, at }
    }
    const due = this.nextDue
    if (due > nowMs) return undefined
    const timer = this.#timers.find((each) => this.#dueOf(each) === due)
    if (timer !== undefined) {
      this.#timers = this.#timers.filter((each) => each !== timer)
      if (timer.every > 0) this.#timers.push(nextOf(timer, this.#reached(due)))
      return { timer, at: due }
    }
    const job = this.#jobs.find((each) => each.due === due) as Job<Owner>
    job.runs++
    job.due = isUsedUp(job) ? Number.POSITIVE_INFINITY : job.next(this.#reached(due))
    return { job, at: due }
  }

  /**
   * An owner has had enough for now: nothing happened for a long time, or each run asks for the next. Repeated runs
   * that fell due before `nowMs` are not made up for, and what it asks for itself waits until after that.
   */
  hold(owner: Owner, nowMs: number): void {
    this.#heldUntil.set(owner, nowMs + 1)
    for (const job of this.#jobs) if (job.owner === owner && job.due < nowMs) job.due = job.next(nowMs - 1)
    this.#timers = this.#timers.map((timer) =>
      timer.owner === owner && timer.every > 0 && timer.due < nowMs ? nextOf(timer, nowMs) : timer,
    )
  }

  /** To where runs are over with when the one of `due` is. */
  #reached(due: number): number {
    return this.clock === undefined ? due : Math.max(due, this.clock())
  }

  #soonest(owner: Owner): number {
    return this.#heldUntil.get(owner) ?? 0
  }

  #dueOf(timer: Timer<Owner>): number {
    return Math.max(timer.due, this.#soonest(timer.owner))
  }

  /** Throws when the owner has too many. */
  addTimer(timer: Timer<Owner>): void {
    if (hasAtLeast(this.#timers, timer.owner, MOST_TIMERS))
      throw new Error(`${MOST_TIMERS} timers are waiting already`)
    this.#timers.push(timer)
  }

  clearTimer(owner: Owner, task: number): void {
    this.#timers = this.#timers.filter((each) => each.owner !== owner || each.task !== task)
  }

  /** Every job that may still run runs once more. */
  runAllOnceMore(): void {
    this.#heldUntil.clear()
    for (const job of this.#jobs) if (job.due < Number.POSITIVE_INFINITY) this.#now.add(job)
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
    for (const job of jobs) if (!isUsedUp(job)) this.#now.add(job)
  }

  remove(jobs: readonly Job<Owner>[]): void {
    for (const job of jobs) this.#drop(job)
  }

  /** Forgets all jobs and timers of an agent. */
  forget(owner: Owner): void {
    this.remove(this.#jobs.filter((each) => each.owner === owner))
    this.#timers = this.#timers.filter((each) => each.owner !== owner)
    this.#heldUntil.delete(owner)
  }

  #drop(job: Job<Owner>): void {
    this.#jobs = this.#jobs.filter((each) => each !== job)
    this.#now.delete(job)
  }
}

function hasAtLeast<Owner>(all: readonly { readonly owner: Owner }[], owner: Owner, most: number): boolean {
  return all.length >= most && all.filter((each) => each.owner === owner).length >= most
}

/** The first of its times after a moment that is not before it. */
function nextOf<Owner>(timer: Timer<Owner>, afterMs: number): Timer<Owner> {
  const { due, every } = timer
  return { ...timer, due: due + (Math.floor((afterMs - due) / every) + 1) * every }
}

/** It has run as often as it may. */
function isUsedUp({ limit, runs }: { readonly limit: number; readonly runs: number }): boolean {
  return limit > 0 && runs >= limit
}

function readCron(cron: string): (afterMs: number) => number {
  try {
    return nextRun(cron)
  } catch (thrown) {
    throw new Error(`"${cron}" is not a cron expression: ${(thrown as Error).message}`)
  }
}

/** When a job runs next after a moment. Six fields, five (minutes), or a descriptor; in UTC. */
function nextRun(cron: string): (afterMs: number) => number {
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

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
/** Of one owner at a time. */
const MOST_JOBS = 1000
const MOST_TIMERS = 10_000
