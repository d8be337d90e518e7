import { createHash } from 'node:crypto'
import { z } from 'zod'
import { refusalOf } from '../answer.ts'
import {
  type Arguments,
  type HelperHost,
  type HttpReply,
  type HttpRequest,
  helper,
  jsonText,
} from '../helper.ts'
import { sendTogether } from '../together.ts'

const params = {
  url: z.url({ protocol: /^https?$/ }).describe('Address of the server, such as `http://influxdb:8086`'),
  token: z.string().describe('API token; for InfluxDB 1 `user:password`'),
  organization: z.string().describe('Name or id of the organization; InfluxDB 1 has none'),
  bucket: z
    .string()
    .min(1, 'a bucket')
    .describe('Bucket; for InfluxDB 1 `database` or `database/retention policy`'),
  measurement: z.string().regex(/^[^#]/, 'a name that does not begin with #').describe('Measurement'),
  data: z.record(z.string(), z.unknown()).describe('Names and values of the fields'),
  tags: z.record(z.string(), jsonText).default({}).describe('Names and values of the tags'),
}

type Point = Arguments<typeof params>

/** https://docs.influxdata.com/influxdb/v2/api/#operation/PostWrite */
export const influxdb = helper({
  effect: 'network',
  doc: 'Writes a point to InfluxDB: its fields and tags, at the time of the agent. Numbers are floats, and what is in objects becomes a field of its own (`a.b`). Returns when it is stored; throws when it is not.',
  params,
  returns: z.void(),
  target: ({ url, bucket }) => {
    const { host, hostname } = new URL(url)
    return { text: `InfluxDB ${host}, bucket ${bucket}`, hosts: [hostname], bucket }
  },
  queued: {
    key: ({ url, organization, bucket }) => `${new URL(url).origin} ${organization} ${bucket}`,
    batch: {
      most: 5000,
      mostBytes: 1_000_000,
      async send(calls, host) {
        await sendTogether({
          calls,
          alike: ({ args }) => JSON.stringify([args.url, args.token, args.organization, args.bucket]),
          send: async (alike) => {
            const lines = alike.map(({ args, at, id }) => lineOf(args, timeOf(at, id), host))
            await write(alike[0]?.args, lines, host)
          },
        })
      },
    },
  },
  example: `try {\n  vendor.influxdb('http://127.0.0.1:9', 'token', 'shop', 'traffic', 'http', { status: 500, ms: 12.5 }, { node: utils.nodeName() })\n} catch (error) {\n  console.error(error)\n}`,
  async run(point, host) {
    const time = timeOf(host.now(), host.queuedId ?? host.randomName())
    await write(point, [lineOf(point, time, host)], host)
  },
})

async function write(
  to: Omit<Point, 'measurement' | 'data' | 'tags'> | undefined,
  lines: readonly (string | undefined)[],
  host: HelperHost,
): Promise<void> {
  const body = lines.filter((line) => line !== undefined).join('\n')
  if (to === undefined || body === '') return
  const { url, token, organization, bucket } = to
  const request: HttpRequest = {
    method: 'POST',
    url: addressOf(url, 'api/v2/write', { org: organization, bucket, precision: 'ns' }),
    headers: { ...PLAIN, ...(token === '' ? {} : { authorization: `Token ${token}` }) },
    body,
  }
  const reply = await host.request(request)
  if (isBeforeVersion2(reply)) await writeToVersion1(to, body, host)
  else accepted(request, reply, host)
}

/** Its write API for version 2 came with 1.8. */
function isBeforeVersion2({ status, headers }: HttpReply): boolean {
  return status === 404 && /^v?1\./.test(headers['x-influxdb-version'] ?? '')
}

/** https://docs.influxdata.com/influxdb/v1/tools/api/#write-http-endpoint */
async function writeToVersion1(
  { url, token, bucket }: Pick<Point, 'url' | 'token' | 'bucket'>,
  body: string,
  host: HelperHost,
): Promise<void> {
  const [, db = '', rp] = /^(.*?)(?:\/(.*))?$/s.exec(bucket) ?? []
  const login = token.includes(':') ? { authorization: `Basic ${Buffer.from(token).toString('base64')}` } : {}
  const request: HttpRequest = {
    method: 'POST',
    url: addressOf(url, 'write', { db, ...(rp === undefined ? {} : { rp }), precision: 'ns' }),
    headers: { ...PLAIN, ...login },
    body,
  }
  accepted(request, await host.request(request), host)
}

const PLAIN = { 'content-type': 'text/plain; charset=utf-8' }

/** Below a path, if there is one: where a proxy has put the server. */
function addressOf(url: string, path: string, query: Readonly<Record<string, string>>): string {
  const at = new URL(url)
  at.pathname = `${at.pathname.replace(/\/+$/, '')}/${path}`
  at.search = new URLSearchParams(query).toString()
  at.hash = ''
  return at.href
}

function accepted(request: HttpRequest, reply: HttpReply, host: HelperHost): void {
  const isSuccess = reply.status >= 200 && reply.status < 300
  if (!isSuccess) throw refusalOf('vendor.influxdb', host, request, reply, reasonIn(reply))
}

const refusal = z.object({ message: z.string() }).or(z.object({ error: z.string() }))

/** `message` of version 2, `error` of version 1. */
function reasonIn({ body }: HttpReply): string | undefined {
  try {
    const said = refusal.parse(JSON.parse(body))
    return 'message' in said ? said.message : said.error
  } catch {
    return undefined
  }
}

/**
 * Nanoseconds since the epoch. A later point of the same series at the same time would take the place of an earlier one, and
 * the clock gives only ms: what is below that comes from the id of the call, so that one that is sent twice is one point.
 */
function timeOf(ms: number, id: string): bigint {
  const below = createHash('sha256').update(id).digest().readUInt32BE() % 1_000_000
  return BigInt(Math.trunc(ms)) * 1_000_000n + BigInt(below)
}

/** Once for each script: a job that runs everywhere has nothing to write on the hub, minute by minute. */
function tellThatNothingIsWritten(measurement: string, host: HelperHost): void {
  if (told.has(host.agent)) return
  told.add(host.agent)
  host.warn(`vendor.influxdb: ${measurement}: no field has a value, nothing is written`)
}

const told = new WeakSet<HelperHost['agent']>()

/**
 * https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
 * Undefined when nothing is left to write.
 */
function lineOf({ measurement, data, tags }: Point, time: bigint, host: HelperHost): string | undefined {
  const all = [...new Map(fieldsIn(data))]
  if (all.length > MOST_FIELDS)
    host.warn(
      `vendor.influxdb: ${measurement}: only the first ${MOST_FIELDS} of ${all.length} fields are written`,
    )
  const fields = new Map(all.slice(0, MOST_FIELDS))
  const odd = [...fields].filter(([, value]) => typeof value === 'number' && !Number.isFinite(value))
  for (const [name] of odd) fields.delete(name)
  if (odd.length > 0)
    host.warn(`vendor.influxdb: ${odd.map(([name]) => name).join(', ')}: no finite number, left out`)
  if (fields.size === 0) {
    tellThatNothingIsWritten(measurement, host)
    return undefined
  }
  const shownTags = Object.entries(tags)
    .map(([name, value]) => [escapeKey(name), escapeKey(value)])
    .filter(([name, value]) => name !== '' && value !== '')
    .map(([name, value]) => `,${name}=${value}`)
  const shownFields = [...fields].map(([name, value]) => `${escapeKey(name)}=${fieldText(value)}`)
  return `${escapeMeasurement(measurement)}${shownTags.join('')} ${shownFields.join(',')} ${time}`
}

const MOST_FIELDS = 1000

type FieldValue = string | number | boolean

function* fieldsIn(data: object, path = '', depth = 0): Generator<readonly [string, FieldValue]> {
  for (const [key, value] of Object.entries(data)) {
    if (escapeKey(key) === '') continue
    const name = `${path}${key}`
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
      yield [name, value]
    else if (Array.isArray(value)) yield [name, JSON.stringify(value)]
    else if (typeof value === 'object' && value !== null)
      if (depth < DEEPEST) yield* fieldsIn(value, `${name}.`, depth + 1)
      else yield [name, JSON.stringify(value)]
  }
}

const DEEPEST = 8

/** All numbers as floats: scripts have one type for both, and a field that was an integer once takes no 1.5 later. */
function fieldText(value: FieldValue): string {
  return typeof value === 'string' ? `"${value.replace(/["\\]/g, '\\$&')}"` : String(value)
}

function escapeMeasurement(text: string): string {
  return escaped(text, /[, \n\r\t]/g)
}

/** Of tags and fields, and values of tags. */
function escapeKey(text: string): string {
  return escaped(text, /[,= \n\r\t]/g)
}

/**
 * Lines cannot have lines in them. A backslash that stands before what has to be escaped, or at the end, has no form of its own:
 * servers take it, and what follows, for something else. It is left out.
 */
function escaped(text: string, special: RegExp): string {
  return text
    .replace(/(?<!\\)\\+(?=[,= \n\r\t]|$)/g, '')
    .replace(special, (each) => `\\${WHITE[each] ?? each}`)
}

const WHITE: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't' }
