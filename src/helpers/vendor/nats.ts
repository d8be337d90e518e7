import { z } from 'zod'
import { PartlyFailed, retryOf } from '../answer.ts'
import { type Arguments, type HelperHost, helper, jsonText, namespace, type QueuedCall } from '../helper.ts'
import type { NatsClient, NatsLogin, NatsMessage } from '../nats/connection.ts'

const server = z
  .string()
  .regex(/^((nats|tls):\/\/)?(\[[0-9a-fA-F:.]+\]|[^\s:/,[\]@]+)(:\d{1,5})?$/, 'a server, such as nats:4222')

const options = z
  .strictObject({
    headers: z
      .record(
        z.string().regex(/^[!-9;-~]{1,200}$/, 'the name of a header'),
        z.string().regex(/^[^\r\n]*$/, 'one line'),
      )
      .optional()
      .describe('Headers of the message'),
    jetStream: z.boolean().optional().describe('Wait until a stream of JetStream has it'),
    id: z
      .string()
      .max(200)
      .regex(/^[^\r\n]*$/, 'one line')
      .optional()
      .describe('Of two messages with the same id a stream keeps one'),
    base64: z.boolean().optional().describe('The payload is base64 of the bytes to be sent'),
    user: z.string().optional(),
    password: z.string().optional(),
    token: z.string().optional(),
    creds: z.string().optional().describe('Text of a credentials file'),
    tls: z
      .union([
        z.boolean(),
        z.strictObject({
          ca: z.string().optional(),
          cert: z.string().optional(),
          key: z.string().optional(),
          servername: z.string().optional(),
        }),
      ])
      .optional()
      .describe(
        'TLS: true, or PEM texts of an authority to trust, and of a certificate and key to log in with',
      ),
  })
  .default({})
  .describe('Headers, JetStream, credentials and TLS')

const params = {
  servers: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((each) => each.split(',').map((name) => name.trim())))
    .pipe(z.array(server).min(1).max(20))
    .describe('Servers, `host:port`, `nats://` or `tls://` before it: a list, or text with commas'),
  subject: z
    .string()
    .max(250)
    .regex(/^[^\s.*>]+(\.[^\s.*>]+)*$/, 'a subject without wildcards')
    .describe('Subject'),
  payload: jsonText.describe('Text as it is; an object is sent as JSON'),
  options,
}

type PutArguments = Arguments<typeof params>

export const nats = namespace('vendor.nats', 'Messages for NATS.', {
  put: helper({
    effect: 'network',
    doc: 'Publishes a message. Returns when the server has it, and with `jetStream` when a stream has it; throws otherwise. Connections are kept for the next call.',
    params,
    returns: z.object({
      stream: z.string().nullable().describe('Where it is; null without JetStream'),
      seq: z.number().nullable(),
      duplicate: z.boolean().describe('The stream had one with this id already'),
    }),
    target: ({ servers, subject }) => {
      const hosts = servers.map((each) => placeOf(each).host)
      return { text: `nats://${hosts[0]}/${subject}`, hosts, bucket: subject }
    },
    queued: {
      key: ({ servers, subject }) => `nats://${servers.join()}/${subject}`,
      batch: { most: 1000, mostBytes: 1 << 20, send: putAll },
    },
    rehearsed: ({ options: { jetStream } }) => ({
      stream: jetStream === true ? 'rehearsed' : null,
      seq: jetStream === true ? 1 : null,
      duplicate: false,
    }),
    example: `try {\n  var kept = vendor.nats.put('127.0.0.1:9', 'alerts.checkout', { path: '/cart', status: 500 }, { jetStream: true, headers: { Team: 'shop' } })\n  console.log(kept.stream, kept.seq)\n} catch (error) {\n  console.error(error)\n}`,
    run: (args, host) =>
      withClient(args, host, async (client) => {
        const message = messageOf(args, host.queuedId)
        if (args.options.jetStream === true) return await client.keep(message, host)
        await client.publish([message], host)
        return { stream: null, seq: null, duplicate: false }
      }),
  }),
})

/** Calls on one subject, in order: when one cannot be sent now, those after it wait for it. */
async function putAll(calls: readonly QueuedCall<typeof params>[], host: HelperHost): Promise<void> {
  const failures = new Map<number, unknown>()
  for (const together of runsOf(calls)) {
    if (failures.size > 0 && [...failures.values()].some(isForLater)) {
      for (const [at] of together) failures.set(at, [...failures.values()].find(isForLater))
      continue
    }
    for (const [at, error] of await putTogether(together, host)) failures.set(at, error)
  }
  const reasons = new Set(failures.values())
  if (failures.size === calls.length && reasons.size === 1) throw [...reasons][0]
  if (failures.size > 0)
    throw new PartlyFailed(
      `vendor.nats.put: ${failures.size} of ${calls.length} messages were not taken`,
      failures,
    )
}

type Placed = readonly [at: number, call: QueuedCall<typeof params>]

/** One after another with the same credentials. */
function runsOf(calls: readonly QueuedCall<typeof params>[]): Placed[][] {
  const runs: Placed[][] = []
  let last = ''
  for (const placed of calls.entries()) {
    const [, { args }] = placed
    const alike = JSON.stringify([loginOf(args), args.options.jetStream])
    if (alike !== last) runs.push([])
    last = alike
    runs.at(-1)?.push(placed)
  }
  return runs
}

/** Answers those that were not taken, by their place. */
async function putTogether(
  calls: readonly Placed[],
  host: HelperHost,
): Promise<ReadonlyMap<number, unknown>> {
  const failures = new Map<number, unknown>()
  const [first] = calls
  if (first === undefined) return failures
  const [, { args }] = first
  const messages = calls.map(([, { args, id }]) => messageOf(args, id))
  try {
    await withClient(args, host, async (client) => {
      if (args.options.jetStream !== true) {
        await client.publish(messages, host)
        return
      }
      for (const [place, message] of messages.entries())
        try {
          await client.keep(message, host)
        } catch (error) {
          const left = isForLater(error) ? calls.slice(place) : calls.slice(place, place + 1)
          for (const [at] of left) failures.set(at, error)
          if (isForLater(error)) return
        }
    })
  } catch (error) {
    for (const [at] of calls) failures.set(at, error)
  }
  return failures
}

function isForLater(error: unknown): boolean {
  return retryOf(error).when === 'later'
}

async function withClient<T>(
  args: PutArguments,
  host: HelperHost,
  use: (client: NatsClient) => Promise<T>,
): Promise<T> {
  const login = loginOf(args)
  const { NatsClient } = await import('../nats/connection.ts')
  return await host.clients.with(
    ['nats', host.agent.id ?? host.agent.title, login],
    () => NatsClient.open(login, host),
    use,
  )
}

function messageOf(
  { subject, payload, options: { headers = {}, id, base64, jetStream } }: PutArguments,
  queuedId: string | undefined,
): NatsMessage {
  const known = id ?? (jetStream === true ? queuedId : undefined)
  return { subject, payload: Buffer.from(payload, base64 === true ? 'base64' : 'utf8'), headers, id: known }
}

function loginOf({ servers, options }: Pick<PutArguments, 'servers' | 'options'>): NatsLogin {
  const { user, password, token, creds, tls } = options
  const wantsTls = (tls !== undefined && tls !== false) || servers.some((each) => each.startsWith('tls://'))
  return {
    servers: servers.map(placeOf),
    user,
    password,
    token,
    creds,
    tls: wantsTls ? (typeof tls === 'object' ? tls : {}) : undefined,
  }
}

function placeOf(server: string): { host: string; port: number } {
  const { hostname, port } = new URL(`nats://${server.replace(/^(nats|tls):\/\//, '')}`)
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || DEFAULT_PORT) }
}

const DEFAULT_PORT = '4222'
