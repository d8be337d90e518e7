import { z } from 'zod'
import { requestOf } from '../answer.ts'
import { type Arguments, type HelperHost, helper, jsonText, namespace } from '../helper.ts'
import { sendTogether } from '../together.ts'

const params = {
  url: z.url({ protocol: /^https?$/ }).describe('Address of the server, such as `http://loki:3100`'),
  labels: z
    .record(z.string(), jsonText)
    .refine((labels) => Object.keys(labels).length > 0, 'at least one label')
    .refine(
      (labels) => Object.keys(labels).every((name) => LABEL.test(name)),
      'labels with names of letters, digits and _',
    )
    .describe('Names and values that tell the stream; few values each, since each set is a stream'),
  line: jsonText.describe('The line; an object becomes JSON'),
  options: z
    .strictObject({
      tenant: z.string().optional(),
      user: z.string().optional(),
      password: z.string().optional(),
      token: z.string().optional(),
      metadata: z.record(z.string(), z.string()).optional(),
      time: z.number().min(0).optional(),
    })
    .default({})
    .describe(
      'Tenant; user and password, or a bearer token; structured metadata of the line; its time in ms since the epoch',
    ),
}

type Line = Arguments<typeof params>

const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/

/** https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs */
const put = helper({
  effect: 'network',
  doc: 'Sends a line to Loki. Returns when it is taken; throws when it is not.',
  params,
  returns: z.void(),
  target: ({ url }) => {
    const { host, hostname } = new URL(url)
    return { text: `Loki ${host}`, hosts: [hostname] }
  },
  queued: {
    key: ({ url, options }) => `${new URL(url).origin} ${options.tenant ?? ''}`,
    batch: {
      most: 1000,
      mostBytes: 1_000_000,
      async send(calls, host) {
        await sendTogether({
          calls,
          alike: ({ args: { url, options } }) =>
            JSON.stringify([url, options.tenant, options.user, options.password, options.token]),
          send: (alike) =>
            push(
              alike.map(({ args, at }) => ({ ...args, at })),
              host,
            ),
        })
      },
    },
  },
  example: `try {\n  vendor.loki.put('http://127.0.0.1:9', { app: 'checkout', node: utils.nodeName() }, 'answers 500', { tenant: 'shop' })\n} catch (error) {\n  console.error(error)\n}`,
  run: (line, host) => push([{ ...line, at: host.now() }], host),
})

export const loki = namespace('vendor.loki', 'Lines for Loki.', { put })

interface TimedLine extends Line {
  /** When it was made, ms; `time` goes before. */
  readonly at: number
}

/** Lines of one tenant at one address. */
async function push(lines: readonly TimedLine[], host: HelperHost): Promise<void> {
  const [first] = lines
  if (first === undefined) return
  const { url, options } = first
  await requestOf('vendor.loki.put', host, {
    method: 'POST',
    url: pushAddress(url),
    headers: {
      'content-type': 'application/json',
      ...loginOf(options),
      ...(options.tenant === undefined ? {} : { 'x-scope-orgid': options.tenant }),
    },
    body: JSON.stringify({ streams: streamsOf(lines) }),
  })
}

function pushAddress(url: string): string {
  const at = new URL(url)
  const path = at.pathname.replace(/\/+$/, '')
  at.pathname = path.endsWith(PUSH) ? path : `${path}${PUSH}`
  return at.href
}

const PUSH = '/loki/api/v1/push'

function loginOf({ user, password = '', token }: Line['options']): Record<string, string> {
  if (user !== undefined)
    return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
  return token === undefined ? {} : { authorization: `Bearer ${token}` }
}

type Value = readonly [ns: string, line: string, metadata?: Readonly<Record<string, string>>]

/** Lines of a stream stay in order. Those of one ms that say the same would be taken for one, sent twice. */
function streamsOf(lines: readonly TimedLine[]) {
  const streams = new Map<string, { readonly stream: Line['labels']; readonly values: Value[] }>()
  const seen = new Map<string, number>()
  for (const { labels, line, options, at } of lines) {
    const id = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
    const stream = streams.get(id) ?? { stream: labels, values: [] }
    streams.set(id, stream)
    const ms = Math.trunc(options.time ?? at)
    const same = JSON.stringify([id, ms, line])
    const before = seen.get(same) ?? 0
    seen.set(same, before + 1)
    const ns = String(BigInt(ms) * 1_000_000n + BigInt(before))
    stream.values.push(options.metadata === undefined ? [ns, line] : [ns, line, options.metadata])
  }
  return [...streams.values()]
}
