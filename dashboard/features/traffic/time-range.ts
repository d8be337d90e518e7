/** What part of the traffic is shown: what comes now, or what was kept of a stretch of time. */
export interface TimeRange {
  /** ms since the epoch. */
  readonly from: number | undefined
  readonly to: number | undefined
}

/**
 * What people write where a time is asked for: `10:30`, `10:30:05`, `2026-11-27 10:30`, RFC 3339, `5m` or `5 min` ago, ms since
 * the epoch. By the clock and the time zone of this machine; a time of day is the last one that has been. Undefined for what is
 * none.
 */
export function timeIn(text: string, now: number): number | undefined {
  const wish = text.trim()
  return timeAgo(wish, now) ?? timeOfDay(wish, now) ?? timeOfDate(wish)
}

function timeAgo(text: string, now: number): number | undefined {
  const [, amount, unit] = /^-?\s*(\d+(?:\.\d+)?)\s*(s|m|h|d)\w*(?:\s+ago)?$/i.exec(text) ?? []
  const ms = UNITS[(unit ?? '').toLowerCase()]
  return ms === undefined ? undefined : now - Number(amount) * ms
}

function timeOfDay(text: string, now: number): number | undefined {
  const [whole, hours = '', minutes = '', seconds = '0'] =
    /^(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d{1,3})?))?$/.exec(text) ?? []
  if (whole === undefined || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) >= 60)
    return undefined
  const day = new Date(now)
  const time = new Date(day.getFullYear(), day.getMonth(), day.getDate(), Number(hours), Number(minutes))
  time.setMilliseconds(Math.round(Number(seconds) * 1000))
  if (time.getTime() > now) time.setDate(time.getDate() - 1)
  return time.getTime()
}

function timeOfDate(text: string): number | undefined {
  if (/^\d{12,14}$/.test(text)) return Number(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined
  const time = Date.parse(text.replace(/^(\S+) (\d)/, '$1T$2'))
  return Number.isNaN(time) ? undefined : time
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }
