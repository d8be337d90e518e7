import { RECORDING_NAME } from '../../../src/wire/recording-name.ts'
import { nextTimeOfDay } from '../../../src/wire/recording-schedule.ts'
import type { RecordingDraft } from '../../../src/wire/recordings.ts'
import { formatDuration } from '../../lib/format.ts'
import { minutesInWords } from './minutes.ts'

/** What a person fills in. Numbers are minutes, and days. */
export interface RecordingForm {
  readonly name: string
  readonly filter: string
  readonly when: 'now' | 'at' | 'past'
  /** `HH:mm`, UTC */
  readonly start: string
  readonly iterations: number
  readonly duration: number
  readonly expiration: number
  readonly lastMinutes: number
}

export function newForm(filter: string, now: number, taken: readonly string[]): RecordingForm {
  return {
    name: freeName(now, taken),
    filter,
    when: 'now',
    start: timeOfDay(now + 3_600_000),
    iterations: 1,
    duration: 240,
    expiration: 2880,
    lastMinutes: 5,
  }
}

/** What the hub is asked for. */
export function draftOf(form: RecordingForm): Partial<RecordingDraft> {
  const { name, filter, when, start, iterations, duration, expiration, lastMinutes } = form
  const common = { name: name.trim(), filter: filter.trim(), expiration }
  if (when === 'past') return { ...common, lastMinutes }
  return when === 'now' ? { ...common, duration } : { ...common, duration, start, iterations }
}

/** What is wrong with a name; undefined when it is good. */
export function nameProblem(name: string, taken: readonly string[]): string | undefined {
  const given = name.trim()
  if (given === '') return 'A recording needs a name.'
  if (given.length > 60) return 'At most 60 characters.'
  if (!RECORDING_NAME.test(given)) return 'Lower-case letters, digits and dashes, no dash first.'
  return taken.includes(given) ? 'There is one of this name already.' : undefined
}

/** What will happen, in a sentence. */
export function summaryOf(form: RecordingForm, now: number): string {
  const { when, start, iterations, duration, expiration, lastMinutes } = form
  const kept = `kept for ${minutesInWords(expiration)}`
  if (when === 'past')
    return `Takes what workers still have of the last ${minutesInWords(lastMinutes)}; ${kept}.`
  const length = minutesInWords(duration)
  if (when === 'now')
    return `Records for ${length} from now, until ${timeOfDay(now + duration * MINUTE_MS)} UTC; ${kept}.`
  if (!isTimeOfDay(start)) return 'Needs a time to start at.'
  const first = formatDuration(nextTimeOfDay(start, now) - now)
  const days = iterations === 0 ? 'every day' : iterations === 1 ? 'once' : `on ${iterations} days in a row`
  const each = iterations === 1 ? '' : ' each time'
  return `Records ${days} at ${start} UTC, for ${length}, first in ${first}; ${kept} after the end${each}.`
}

/** Whether it can be sent. */
export function isComplete(form: RecordingForm, taken: readonly string[]): boolean {
  const { when, start, iterations, duration, expiration, lastMinutes } = form
  if (nameProblem(form.name, taken) !== undefined || !isWithin(expiration, 1, 525_600)) return false
  if (when === 'past') return isWithin(lastMinutes, 1, 1440)
  if (!isWithin(duration, 1, when === 'at' && iterations !== 1 ? 1440 : 10_080)) return false
  return when === 'now' || (isTimeOfDay(start) && isWithin(iterations, 0, 3650))
}

function freeName(now: number, taken: readonly string[]): string {
  const date = new Date(now).toISOString()
  const base = `traffic-${date.slice(5, 7)}${date.slice(8, 10)}-${date.slice(11, 16).replace(':', '')}`
  for (let number = 2, name = base; ; name = `${base}-${number++}`) if (!taken.includes(name)) return name
}

function timeOfDay(at: number): string {
  return new Date(at).toISOString().slice(11, 16)
}

function isTimeOfDay(text: string): boolean {
  return /^([01]\d|2[0-3]):[0-5]\d$/.test(text)
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most
}

const MINUTE_MS = 60_000
