import type { RecordingPlan } from './recordings.ts'

/** Where a recording is in its life. Times are ms since the epoch. */
export type RecordingPhase =
  | { readonly kind: 'scheduled'; readonly startsAt: number }
  /** `since` tells the days of one recording apart. */
  | { readonly kind: 'recording'; readonly since: number; readonly until: number }
  | { readonly kind: 'over'; readonly endedAt: number; readonly expiresAt: number }
  | { readonly kind: 'expired'; readonly expiredAt: number }

type Schedule = Pick<RecordingPlan, 'startAt' | 'durationMs' | 'iterations' | 'expirationMs' | 'stoppedAt'>

export function phaseAt(plan: Schedule, now: number): RecordingPhase {
  const { startAt, durationMs, expirationMs } = plan
  const end = endOf(plan)
  if (now >= end) {
    const expiresAt = end + expirationMs
    return now >= expiresAt
      ? { kind: 'expired', expiredAt: expiresAt }
      : { kind: 'over', endedAt: end, expiresAt }
  }
  if (now < startAt) return { kind: 'scheduled', startsAt: startAt }
  const since = startAt + Math.floor((now - startAt) / DAY_MS) * DAY_MS
  return now < since + durationMs
    ? { kind: 'recording', since, until: since + durationMs }
    : { kind: 'scheduled', startsAt: since + DAY_MS }
}

/** When it is over for good; infinity when it goes on every day. */
export function endOf({ startAt, durationMs, iterations, stoppedAt = Number.POSITIVE_INFINITY }: Schedule) {
  const last = iterations === 0 ? Number.POSITIVE_INFINITY : startAt + (iterations - 1) * DAY_MS + durationMs
  return Math.min(last, stoppedAt)
}

/** The next time that it is `HH:mm`, UTC. */
export function nextTimeOfDay(time: string, now: number): number {
  const [hours = 0, minutes = 0] = time.split(':').map(Number)
  const at = new Date(now).setUTCHours(hours, minutes, 0, 0)
  return at >= now ? at : at + DAY_MS
}

export const DAY_MS = 86_400_000
