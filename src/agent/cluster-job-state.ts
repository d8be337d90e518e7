import { z } from 'zod'

/** What is known of a job with scope `cluster`: one value in the bucket, the only truth there is of it. */
const jobState = z.object({
  cron: z.string(),
  /** Most runs in the whole cluster; 0: no limit. */
  limit: z.number().int().nonnegative(),
  /** Of the agent, the newest that has announced the job: with a new one runs are counted anew. */
  version: z.number().int().nonnegative(),
  /** Runs that have ended. */
  runs: z.number().int().nonnegative(),
  failures: z.number().int().nonnegative(),
  /** The last due time that is over with, ms since the epoch: the next one follows from it alone. */
  done: z.number(),
  claim: z
    .object({
      due: z.number(),
      /** `boot` of the program that runs it. */
      owner: z.string(),
      node: z.string(),
      /** The request that it answers; null: its time had come. */
      asked: z.string().nullable(),
    })
    .nullable(),
  /** Requests to run it now, and those that were answered lately. */
  asked: z.array(z.object({ id: z.string(), at: z.number() })),
  answered: z.array(z.string()),
  paused: z.boolean(),
  /** Due times that were too many or too long ago to be caught up. */
  missed: z.number().nonnegative(),
  lastRun: z.number().nullable(),
  lastDurationMs: z.number().nullable(),
  lastError: z.string().nullable(),
  lastNode: z.string(),
})

export type JobState = z.infer<typeof jobState>
export type JobClaim = NonNullable<JobState['claim']>

/** What a sandbox has scheduled. */
export interface AnnouncedJob {
  readonly agent: string
  readonly index: number
  readonly title: string
  /** Of the agent. */
  readonly version: number
  readonly tag: string
  readonly cron: string
  readonly limit: number
}

/** How far back due times are caught up that nobody could run. */
export interface Backlog {
  readonly runs: number
  readonly ms: number
}

export interface FinishedRun {
  readonly startedAt: number
  readonly durationMs: number
  /** Why it failed. */
  readonly error: string | null
}

/** What there is to do next: at a due time, or now since somebody asked. */
export interface Work {
  readonly due: number
  readonly asked: string | null
  /** Due times before it that are given up. */
  readonly missed: number
}

export function encodeState(state: JobState): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(state))
}

/** Undefined for what is no state of a job. */
export function decodeState(value: Uint8Array): JobState | undefined {
  try {
    return jobState.parse(JSON.parse(new TextDecoder().decode(value)))
  } catch {
    return undefined
  }
}

/** A job that nobody has heard of begins now. */
export function newState({ cron, limit, version }: AnnouncedJob, nowMs: number): JobState {
  return {
    cron,
    limit,
    version,
    runs: 0,
    failures: 0,
    done: nowMs,
    claim: null,
    asked: [],
    answered: [],
    paused: false,
    missed: 0,
    lastRun: null,
    lastDurationMs: null,
    lastError: null,
    lastNode: '',
  }
}

/** The state with what an agent says now; undefined when that changes nothing. A changed cron begins now. */
export function announcedIn(state: JobState, job: AnnouncedJob, nowMs: number): JobState | undefined {
  const isNewer = job.version > state.version
  const isSame = state.cron === job.cron && state.limit === job.limit && !isNewer
  if (isSame) return undefined
  const begins = state.cron !== job.cron || isUsedUp(state)
  return {
    ...state,
    cron: job.cron,
    limit: job.limit,
    version: Math.max(state.version, job.version),
    runs: isNewer ? 0 : state.runs,
    failures: isNewer ? 0 : state.failures,
    done: begins ? Math.max(state.done, state.claim?.due ?? 0, nowMs) : state.done,
  }
}

/** What fell due while it was paused is not made up for. */
export function pausedIn(state: JobState, paused: boolean, nowMs: number): JobState | undefined {
  if (state.paused === paused) return undefined
  return { ...state, paused, done: paused ? state.done : Math.max(state.done, nowMs) }
}

export function askedIn(state: JobState, id: string, nowMs: number): JobState | undefined {
  const isKnown = state.asked.some((each) => each.id === id) || state.answered.includes(id)
  if (isKnown || state.asked.length >= MOST_ASKED || isUsedUp(state)) return undefined
  return { ...state, asked: [...state.asked, { id, at: nowMs }] }
}

/** What is to be done next, and when; undefined when it does not run again. */
export function nextWork(
  state: JobState,
  next: (afterMs: number) => number,
  nowMs: number,
  backlog: Backlog,
): Work | undefined {
  if (isUsedUp(state)) return undefined
  const [request] = state.asked
  if (request !== undefined) return { due: request.at, asked: request.id, missed: 0 }
  const first = next(state.done)
  if (!Number.isFinite(first)) return undefined
  const { due, missed } = caughtUp(first, next, nowMs, backlog)
  return Number.isFinite(due) ? { due, asked: null, missed } : undefined
}

export function claimedIn(state: JobState, work: Work, owner: string, node: string): JobState {
  const { due, asked, missed } = work
  return { ...state, missed: state.missed + missed, claim: { due, owner, node, asked } }
}

/** The claim has been worked off. */
export function finishedIn(state: JobState, claim: JobClaim, run: FinishedRun): JobState {
  const { asked, due, node } = claim
  return {
    ...state,
    claim: null,
    done: asked === null ? Math.max(state.done, due) : state.done,
    asked: state.asked.filter(({ id }) => id !== asked),
    answered: asked === null ? state.answered : [...state.answered, asked].slice(-MOST_ASKED),
    runs: state.runs + 1,
    failures: state.failures + (run.error === null ? 0 : 1),
    lastRun: run.startedAt,
    lastDurationMs: run.durationMs,
    lastError: run.error?.slice(0, LONGEST_ERROR) ?? null,
    lastNode: node,
  }
}

export function isUsedUp({ limit, runs }: Pick<JobState, 'limit' | 'runs'>): boolean {
  return limit > 0 && runs >= limit
}

/** Whether both are of the same run. */
export function isSameClaim(one: JobClaim | null, other: JobClaim): boolean {
  return one !== null && one.owner === other.owner && one.due === other.due && one.asked === other.asked
}

/** The first due time that is still caught up, and how many before it are not. */
function caughtUp(
  first: number,
  next: (afterMs: number) => number,
  nowMs: number,
  { runs, ms }: Backlog,
): { due: number; missed: number } {
  let due = first
  let missed = 0
  const oldest = nowMs - ms
  for (; due < oldest; due = next(due)) {
    // Years of seconds: they are not counted one by one.
    if (missed++ >= MOST_COUNTED) return { due: next(oldest), missed }
  }
  const excess = dueBetween(due, next, nowMs, runs) - runs
  for (let given = 0; given < excess; given++, missed++) due = next(due)
  return { due, missed }
}

function dueBetween(first: number, next: (afterMs: number) => number, nowMs: number, enough: number): number {
  // Nothing runs more often than once a second.
  if ((nowMs - first) / SHORTEST_INTERVAL_MS < enough) return 0
  let count = 0
  for (let due = first; due <= nowMs && count < MOST_COUNTED; due = next(due)) count++
  return count
}

const SHORTEST_INTERVAL_MS = 1000
const MOST_COUNTED = 10_000
const MOST_ASKED = 10
const LONGEST_ERROR = 500
