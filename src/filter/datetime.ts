/** `10/19/2025, 6:29:02.000 PM`: month first, 12 hours, with or without milliseconds; UTC. Undefined when it is none. */
export function parseDatetime(text: string): number | undefined {
  const match = /^(\d{1,2})\/(\d{1,2})\/(\d{4}),? (\d{1,2}):(\d{2}):(\d{2})(?:\.(\d{1,3}))? ?([AP])M$/i.exec(
    text.trim(),
  )
  if (match === null) return undefined
  const [month, day, year, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const ms = Number((match[7] ?? '').padEnd(3, '0'))
  const isPm = match[8]?.toUpperCase() === 'P'
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour < 1 || hour > 12 || minute > 59 || second > 59)
    return undefined
  return Date.UTC(year, month - 1, day, (hour % 12) + (isPm ? 12 : 0), minute, second, ms)
}
