import { stripVTControlCharacters } from 'node:util'
import { Mistake } from '../mistake/mistake.ts'

/** Text that others gave, on one line and without anything that a terminal would obey. */
export function printable(text: string): string {
  return stripVTControlCharacters(text)
    .replace(TURNS, '')
    .replace(/ *[\p{Cc}\u2028\u2029]+ */gu, ' ')
}

/** The same for text that has lines of its own. */
export function printableLines(text: string): string {
  return text.split('\n').map(printable).join('\n')
}

/** What an agent has printed: with its lines, tabs and colours, and without all else that a terminal would obey. */
export function consoleText(text: string): string {
  if (!UNSAFE.test(text)) return text
  return text
    .split(COLOUR)
    .map((part, at) =>
      at % 2 === 1
        ? part
        : stripVTControlCharacters(part)
            .replace(TURNS, '')
            .replace(/[^\P{Cc}\n\t]/gu, ''),
    )
    .join('')
}

/** The same in so many columns. */
export function fitted(text: string, columns: number): string {
  const line = printable(text)
  return line.length <= columns ? line : `${line.slice(0, columns - 1)}…`
}

/** `in 5 s`, `2 min ago` */
export function distance(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1000)
  return at > now ? `in ${roughly(seconds)}` : `${roughly(seconds)} ago`
}

function roughly(seconds: number): string {
  if (seconds < 100) return `${seconds} s`
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min`
  const hours = seconds / 3600
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} d`
}

/** `10m` before now, `1h30m` before now, or a time: RFC 3339, or a date. Answers ms since the epoch. */
export function momentOf(text: string, option: string, now: number): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text)
    return Math.round(
      parts.reduce((at, [, number, unit]) => at - Number(number) * (UNITS[unit ?? ''] ?? 0), now),
    )
  const at = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at))
    throw new Mistake('E_USAGE', `${option} ${text} is no time`, {
      hint: `${option} 10m (ten minutes ago), or ${option} ${new Date(now).toISOString()}`,
    })
  return at
}

/** A whole number that is given as an option. */
export function wholeNumber(text: string, option: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new Mistake('E_USAGE', `${option} ${text} is no whole number`, { hint: `for example: ${option} 100` })
}

export function plural(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`
}

/** What makes text run backwards, so that it looks like another. */
const TURNS = /[\u202a-\u202e\u2066-\u2069]/g
const UNSAFE = /[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/u
/** Select Graphic Rendition. */
const COLOUR = new RegExp(`(${String.fromCharCode(27)}\\[[0-9;:]*m)`)
const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
