import type { RecordingView } from '../../../src/wire/recordings.ts'
import { formatDuration } from '../../lib/format.ts'
import { minutesInWords } from './minutes.ts'

/** Recordings in whose name, filter or author there is this text, in small letters or capitals. */
export function found(recordings: readonly RecordingView[], searched: string): readonly RecordingView[] {
  const wanted = searched.trim().toLowerCase()
  return recordings.filter(({ name, filter, createdBy }) =>
    [name, filter, createdBy].some((text) => text.toLowerCase().includes(wanted)),
  )
}

/** What comes next for it and when, by the clock of the hub. */
export function nextStep(recording: RecordingView, now: number): string {
  const { state, nextStart, until, expires, end } = recording
  if (state === 'expired') return 'deleted'
  if (state === 'scheduled' && nextStart !== null) return `starts in ${left(nextStart, now)}`
  if (state === 'recording' && until !== null) return `${left(until, now)} left`
  if (state === 'recording') return 'is being ended'
  return expires === null || end === null ? '' : `kept for ${left(expires, now)}`
}

/** How long it takes from now on; never less than nothing. */
function left(until: number, now: number): string {
  return formatDuration(Math.max(1000, until - now))
}

/** How much of the present stretch has passed, from 0 to 1; undefined when it does not record. */
export function progress({ state, until, duration }: RecordingView, now: number): number | undefined {
  if (state !== 'recording' || until === null || duration === 0) return undefined
  return Math.min(1, Math.max(0, 1 - (until - now) / (duration * MINUTE_MS)))
}

/** When it records, in words: `once, for 4 h`. */
export function scheduleOf({ iterations, duration, lastMinutes, start }: RecordingView): string {
  if (lastMinutes !== null) return `the last ${minutesInWords(lastMinutes)} before`
  const length = minutesInWords(duration)
  if (iterations === 1) return `once, for ${length}`
  const at = new Date(start).toISOString().slice(11, 16)
  const days = iterations === 0 ? 'every day' : `on ${iterations} days`
  return `${days} at ${at} UTC, for ${length}`
}

/** Whether there is something left to stop. */
export function canStop({ state }: RecordingView): boolean {
  return state === 'recording' || state === 'scheduled'
}

/** What was lost, in words; undefined when nothing was. */
export function lossesOf({ lostEntries, cutConnections }: RecordingView): string | undefined {
  const losses = [
    ...(lostEntries > 0 ? [`${counted(lostEntries, 'entry', 'entries')} came too fast to be kept`] : []),
    ...(cutConnections > 0
      ? [`of ${counted(cutConnections, 'connection', 'connections')} the first packets were gone already`]
      : []),
  ]
  return losses.length === 0 ? undefined : losses.join('; ')
}

export function counted(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`
}

const MINUTE_MS = 60_000
