/**
 * A schedule in plain English, where that is shorter to read than the expression: the forms that people write. Undefined for
 * the others, which are best shown as they are. Times are UTC, as jobs run by it.
 */
export function cronInWords(cron: string): string | undefined {
  const text = cron.trim()
  const every = /^@every\s+(\S+)$/.exec(text)
  if (every !== null) return durationInWords(every[1] ?? '')
  const fields = (DESCRIPTORS[text.toLowerCase()] ?? text).split(/\s+/)
  const [second, minute, hour, day, month, weekday] = fields.length === 5 ? ['0', ...fields] : fields
  if (fields.length > 6 || [second, minute, hour, day, month, weekday].includes(undefined)) return undefined
  const time = timeInWords(second ?? '', minute ?? '', hour ?? '')
  const days = daysInWords(any(day), any(month), any(weekday))
  if (time === undefined || days === undefined) return undefined
  if (time.kind === 'at') return days === '' ? `every day at ${time.text}` : `${days} at ${time.text}`
  return days === '' ? time.text : `${time.text}, ${days}`
}

interface TimeInWords {
  readonly kind: 'at' | 'every'
  readonly text: string
}

function timeInWords(second: string, minute: string, hour: string): TimeInWords | undefined {
  const every = (text: string): TimeInWords => ({ kind: 'every', text })
  if (isAny(minute) && isAny(hour)) {
    const seconds = isAny(second) ? 1 : stepOf(second, 60)
    if (seconds !== undefined) return every(each(seconds, 'second'))
    if (isNumber(second)) return every(second === '0' ? 'every minute' : `every minute at second ${second}`)
    return undefined
  }
  if (!isNumber(second)) return undefined
  const behind = Number(second) === 0 ? '' : `:${two(second)}`
  const minutes = stepOf(minute, 60)
  if (minutes !== undefined && isAny(hour) && behind === '') return every(each(minutes, 'minute'))
  const hours = isAny(hour) ? 1 : stepOf(hour, 24)
  if (isNumber(minute) && hours !== undefined) {
    const at = Number(minute) === 0 && behind === '' ? '' : ` at :${two(minute)}${behind}`
    return every(`${each(hours, 'hour')}${at}`)
  }
  const times = listOf(hour)
  if (isNumber(minute) && times !== undefined)
    return { kind: 'at', text: `${joined(times.map((each) => `${two(each)}:${two(minute)}${behind}`))} UTC` }
  return undefined
}

function daysInWords(day: string, month: string, weekday: string): string | undefined {
  const months = month === '*' ? '' : namesOf(month, MONTHS, 1)
  if (months === undefined) return undefined
  const inMonths = months === '' ? '' : ` in ${months}`
  if (day === '*' && weekday === '*') return months === '' ? '' : `every day${inMonths}`
  if (day === '*') {
    const names =
      weekday.toUpperCase() === '1-5' || weekday.toUpperCase() === 'MON-FRI' ? 'weekdays' : undefined
    const days = names ?? namesOf(weekday, WEEKDAYS, 0)
    return days === undefined
      ? undefined
      : `${days === 'weekdays' ? 'on weekdays' : `every ${days}`}${inMonths}`
  }
  if (weekday !== '*') return undefined
  const days = listOf(day)
  if (days === undefined) return undefined
  return months === ''
    ? `on the ${joined(days.map(ordinal))} of each month`
    : `every ${joined(days.map(ordinal))} of ${months}`
}

/** Names for numbers, names and ranges of these: `1,3`, `MON-FRI`. */
function namesOf(field: string, names: readonly string[], first: number): string | undefined {
  const parts = field.split(',').map((part) => {
    const ends = part.split('-').map((end) => nameOf(end, names, first))
    return ends.length > 2 || ends.includes(undefined) ? undefined : ends.join(' to ')
  })
  return parts.includes(undefined) ? undefined : joined(parts.map(String))
}

function nameOf(text: string, names: readonly string[], first: number): string | undefined {
  const short = text.toUpperCase()
  const named = names.find((name) => name.slice(0, 3).toUpperCase() === short)
  if (named !== undefined || !isNumber(text)) return named
  // Sunday is 0 and 7.
  const at = names === WEEKDAYS ? Number(text) % 7 : Number(text) - first
  return Number(text) > names.length ? undefined : names[at]
}

/** Go's durations: `90s`, `1h30m`. */
function durationInWords(text: string): string | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  const [only] = parts
  if (parts.length === 1 && only !== undefined) return each(Number(only[1]), UNITS[only[2] ?? ''] ?? '')
  return `every ${parts.map(([, amount, unit]) => `${amount} ${unit === 'm' ? 'min' : unit}`).join(' ')}`
}

function each(amount: number, unit: string): string {
  return amount === 1 ? `every ${unit}` : `every ${amount} ${unit}s`
}

/** The step of a field, where it is the same all the time: every seventh minute begins anew with each hour. */
function stepOf(field: string, size: number): number | undefined {
  const found = /^(?:\*|0)\/(\d+)$/.exec(field)
  const step = Number(found?.[1] ?? 0)
  return step > 0 && size % step === 0 ? step : undefined
}

function listOf(field: string): readonly string[] | undefined {
  const parts = field.split(',')
  return parts.length <= 4 && parts.every(isNumber) ? parts : undefined
}

function joined(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

function ordinal(day: string): string {
  const number = Number(day)
  const isTeen = number % 100 >= 11 && number % 100 <= 13
  return `${number}${isTeen ? 'th' : (ENDINGS[number % 10] ?? 'th')}`
}

function isAny(field: string): boolean {
  return field === '*' || field === '?' || field === '*/1'
}

function any(field: string | undefined): string {
  return field === '?' ? '*' : (field ?? '')
}

function isNumber(text: string): boolean {
  return /^\d{1,2}$/.test(text)
}

function two(text: string): string {
  return text.padStart(2, '0')
}

const DESCRIPTORS: Readonly<Record<string, string>> = {
  '@yearly': '0 0 0 1 1 *',
  '@annually': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
}
const UNITS: Readonly<Record<string, string>> = { ms: 'millisecond', s: 'second', m: 'minute', h: 'hour' }
const ENDINGS: readonly string[] = ['th', 'st', 'nd', 'rd']
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]
