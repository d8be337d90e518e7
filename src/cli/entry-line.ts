import { z } from 'zod'
import { duration } from './table.ts'
import { fitted, printable } from './text.ts'

/** `11-23 06:51:40.812 HTTP     127.0.0.1:34874 → s.test:80  POST /json/short  400  64 ms`; what is no entry as it is. */
export function entryLine(json: string, columns: number): string {
  const entry = entryOf(json)
  if (entry === undefined) return printable(json)
  const { timestamp, protocol, src, dst, base, elapsedTime } = entry
  const time = new Date(timestamp).toISOString().slice(5, 23).replace('T', ' ')
  const ends = `${endOf(src)} → ${endOf(dst)}`
  const took = elapsedTime === undefined || elapsedTime === 0 ? '' : tookOf(elapsedTime)
  const status = base.status === undefined || base.status === 0 ? '' : printable(String(base.status))
  const tail = [status, took].filter((each) => each !== '').join('  ')
  const head = printable(`${time} ${protocol.abbr.padEnd(8)} ${ends}`).concat('  ')
  const what = `${base.method} ${base.summary}`.trim()
  const room = Math.max(LEAST_TEXT, columns - head.length - tail.length - 2)
  return [`${head}${fitted(what, room)}`.trimEnd(), tail].filter((each) => each !== '').join('  ')
}

function entryOf(json: string): z.infer<typeof shownEntry> | undefined {
  try {
    return shownEntry.parse(JSON.parse(json))
  } catch {
    return undefined
  }
}

function tookOf(microseconds: number): string {
  return microseconds < 1000 ? `${Math.round(microseconds)} µs` : duration(microseconds / 1000)
}

/** In a namespace `price.shop`, as DNS there has it. */
function endOf({ ip, port, name, namespace }: z.infer<typeof endpoint>): string {
  const host = name === '' ? ip : namespace === '' ? name : `${name}.${namespace}`
  return port === '' || port === '0' ? host : `${host.includes(':') ? `[${host}]` : host}:${port}`
}

const endpoint = z.object({
  ip: z.string(),
  port: z.string().default(''),
  name: z.string().default(''),
  namespace: z.string().default(''),
})
const shownEntry = z.object({
  timestamp: z.number().min(0).max(8.64e15),
  protocol: z.object({ abbr: z.string() }),
  src: endpoint,
  dst: endpoint,
  base: z.object({
    method: z.string().default(''),
    summary: z.string().default(''),
    status: z.union([z.number(), z.string()]).optional(),
  }),
  elapsedTime: z.number().optional().describe('µs'),
})
const LEAST_TEXT = 20
