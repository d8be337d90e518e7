/** Bytes of a size as settings write it: `1Gi`, `500MB`. */
export function bytesOf(size: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]i?)?B?$/i.exec(size) ?? []
  const scale = UNITS[(unit ?? '').toLowerCase()] ?? 1
  return Math.floor(Number(amount ?? 0) * scale)
}

/** Milliseconds of a time as settings write it: `5m`, `1h30m`, `0`. */
export function msOf(time: string): number {
  const parts = [...time.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)]
  return parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (UNIT_MS[unit ?? ''] ?? 0), 0)
}

const UNITS: Readonly<Record<string, number>> = {
  k: 1e3,
  m: 1e6,
  g: 1e9,
  t: 1e12,
  ki: 1 << 10,
  mi: 1 << 20,
  gi: 1 << 30,
  ti: 2 ** 40,
}
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }
