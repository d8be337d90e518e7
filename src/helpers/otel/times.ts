import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'

/** A time as scripts have it: `data.timestamp` or `data.startTime`. */
export const time = z.union([z.number(), z.string()])

/** ms since the epoch, or RFC 3339 with up to nine digits behind the second → ns since the epoch. */
export function nanosOf(helper: string, name: string, given: number | string): bigint {
  const nanos = typeof given === 'number' ? ofMs(given) : ofText(given)
  if (nanos === undefined || nanos < 0n || nanos > LATEST)
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${helper}: ${name}: expected ms since 1970 or a time such as 2026-01-31T12:00:00.123456789Z, found ${JSON.stringify(given)}`,
    )
  return nanos
}

/** ns: of fixed64, as far as receivers take them for signed. */
export const LATEST = 2n ** 63n - 1n

export function ofMs(ms: number): bigint | undefined {
  if (!Number.isFinite(ms)) return undefined
  const whole = Math.floor(ms)
  return BigInt(whole) * 1_000_000n + BigInt(Math.round((ms - whole) * 1e6))
}

function ofText(text: string): bigint | undefined {
  const found = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)$/i.exec(text)
  const ms = found === null ? Number.NaN : Date.parse(`${found[1]}${found[3]}`)
  if (Number.isNaN(ms)) return undefined
  return BigInt(ms) * 1_000_000n + BigInt((found?.[2] ?? '').padEnd(9, '0'))
}
