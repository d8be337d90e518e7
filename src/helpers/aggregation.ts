import { z } from 'zod'
import { type HelperHost, helper, namespace } from './helper.ts'

const tag = z
  .string()
  .regex(/^[^\s\p{Cc}]{1,20}$/u, 'a word of 1 to 20 characters')
  .describe('A short level of your own, such as `AP0`')
const name = z
  .string()
  .regex(/^[^\s=\p{Cc}]{1,100}$/u, 'a word of 1 to 100 characters without =')
  .describe('What the value is called')
const object = z.unknown().describe('Anything JSON can say; its keys are sorted')
const message = z.string().describe('Line breaks are written as `\\n`')

/** Formats: agent-api §4.12. */
export const aggregation = namespace(
  'aggregation',
  'Lines in the log of the worker or the hub itself, on its standard output, for tools that gather logs. They are not on the console.',
  {
    msg: helper({
      doc: 'Writes `<time> <TAG> <message>`.',
      params: { tag, message },
      returns: z.void(),
      example: `aggregation.msg('AP0', 'the report is ready')`,
      run: ({ tag, message }, host) => write(host, tag, message),
    }),
    json: helper({
      doc: 'Writes `<time> <TAG> <name>=<JSON>`.',
      params: { tag, name, object },
      returns: z.void(),
      example: `aggregation.json('AP1', 'report', { calls: 12, errors: 0 })`,
      run: ({ tag, name, object }, host) => write(host, tag, `${name}=${sortedJson(object)}`),
    }),
    jsonWithMsg: helper({
      doc: 'Writes `<time> <TAG> <message> <name>=<JSON>`.',
      params: { tag, name, object, message },
      returns: z.void(),
      example: `aggregation.jsonWithMsg('AP2', 'report', { calls: 12 }, 'the last minute')`,
      run: ({ tag, name, object, message }, host) =>
        write(host, tag, `${message} ${name}=${sortedJson(object)}`),
    }),
  },
)

/** One line, whatever is in it: nobody can make a second one out of it. */
function write(host: HelperHost, tag: string, text: string): void {
  const line = `${zonedTime(new Date(host.now()))} ${tag} ${text}`.replace(/[\p{Cc}\u2028\u2029]/gu, escaped)
  host.log(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line)
}

function escaped(control: string): string {
  if (control === '\n') return '\\n'
  if (control === '\t') return '\t'
  return `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Compact, with the keys of all objects in order. */
function sortedJson(value: unknown): string {
  return JSON.stringify(value ?? null, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** RFC 3339 with the offset of this machine: `2024-12-14T19:02:45-08:00`, or `Z` where it is none. */
function zonedTime(time: Date): string {
  const east = -time.getTimezoneOffset()
  const local = new Date(time.getTime() + east * 60_000).toISOString().slice(0, 19)
  const [hours, minutes] = [Math.floor(Math.abs(east) / 60), Math.abs(east) % 60]
  const two = (part: number) => String(part).padStart(2, '0')
  return east === 0 ? `${local}Z` : `${local}${east < 0 ? '-' : '+'}${two(hours)}:${two(minutes)}`
}

const LONGEST_LINE = 64 << 10
