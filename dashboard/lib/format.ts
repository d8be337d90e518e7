/** 1536 → `1.5 KiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${Math.round(bytes)} B`
  const power = Math.min(UNITS.length, Math.floor(Math.log2(bytes) / 10))
  return `${formatNumber(bytes / 1024 ** power, 1)} ${UNITS[power - 1]}`
}

/** 1234567 → `1,234,567`. */
export function formatNumber(value: number, digits = 0): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: digits })
}

/** Of the world: `12`, `1.2 k`, `3.4 M`. */
export function formatCount(value: number): string {
  if (value < 10_000) return formatNumber(value)
  return value < 1e6 ? `${formatNumber(value / 1e3, 1)} k` : `${formatNumber(value / 1e6, 1)} M`
}

export function formatRate(perSecond: number): string {
  return `${perSecond < 10 ? formatNumber(perSecond, 1) : formatCount(perSecond)}/s`
}

/** From microseconds, the unit of entries: `430 µs`, `12.3 ms`, `4.5 s`. */
export function formatMicros(us: number): string {
  if (us < 1000) return `${Math.round(us)} µs`
  return us < 1e6 ? `${formatNumber(us / 1000, us < 1e4 ? 1 : 0)} ms` : `${formatNumber(us / 1e6, 1)} s`
}

/** How long something takes or has been: `450 ms`, `12 s`, `3 min`, `5 h`, `2 d`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  for (const [name, size, next] of STEPS) if (ms < next) return `${Math.round(ms / size)} ${name}`
  return `${Math.round(ms / DAY)} d`
}

/** Clock time of a day with milliseconds, where the browser is: `14:03:07.250`. */
export function formatTime(ms: number): string {
  const date = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

/** `2026-11-27 14:03:07`. */
export function formatDateTime(ms: number): string {
  const date = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${formatTime(ms).slice(0, 8)}`
}

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB']
const DAY = 86_400_000
const STEPS = [
  ['s', 1000, 60_000],
  ['min', 60_000, 3_600_000],
  ['h', 3_600_000, DAY],
] as const
