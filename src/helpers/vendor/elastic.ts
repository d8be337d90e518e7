import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { jsonOf, PartlyFailed, Refusal, refusalOf, requestOf, retryOfStatus } from '../answer.ts'
import {
  type Arguments,
  type HelperHost,
  type HttpReply,
  type HttpRequest,
  helper,
  type QueuedCall,
} from '../helper.ts'
import { isStandIn, NO_HOST } from '../secrets.ts'

const NAME = 'vendor.elastic'

/** A document: what is no object Elasticsearch does not take. */
const document = z
  .union([z.record(z.string(), z.unknown()), z.string()])
  .transform((value, context): string => {
    const text = typeof value === 'string' ? oneLine(value) : JSON.stringify(value)
    if (text !== undefined) return text
    context.addIssue({ code: 'custom', message: 'an object, or its JSON' })
    return z.NEVER
  })

const params = {
  url: z
    .string()
    .refine(
      (text) => text === '' || /^https?:$/.test(URL.parse(text)?.protocol ?? ''),
      'an http or https URL',
    )
    .describe('Address of Elasticsearch or OpenSearch; "" with `cloudID`'),
  index: z
    .string()
    .regex(/^(?!_)(?!\.{1,2}$)[^*,?]{1,255}$/, 'the name of one index or data stream')
    .describe('Index, data stream or alias to write to'),
  data: document.describe('Document'),
  username: z.string().optional().describe('With `password`'),
  password: z.string().optional(),
  cloudID: z.string().optional().describe('Of Elastic Cloud, instead of `url`'),
  apiKey: z.string().optional().describe('As Kibana shows it (encoded), or `id:key`; goes before the others'),
  serviceToken: z.string().optional().describe('Goes before user and password'),
  certificateFingerprint: z
    .string()
    .regex(
      /^$|^(?:[0-9a-f]{2}:?){32}$/i,
      'a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
    )
    .optional()
    .describe('SHA-256 of the certificate of the server or of its authority: trust that one, and no other'),
}

type Call = Arguments<typeof params>

export const elastic = helper({
  effect: 'network',
  doc: 'Indexes a document in Elasticsearch or OpenSearch. Returns once it is accepted; throws if it is not. How it signs in follows from which values are not empty.',
  params,
  returns: z.void(),
  target: (args) => {
    const { host, hostname } = new URL(addressOf(args))
    return { text: `elastic://${host}/${args.index}`, hosts: [hostname], bucket: args.index }
  },
  queued: {
    key: (args) => `${new URL(addressOf(args)).host}/${args.index}`,
    batch: { most: 1000, mostBytes: 4 * 2 ** 20, send: sendAll },
  },
  example: `try {\n  vendor.elastic('http://127.0.0.1:9', 'http-status', { '200': 12, '500': 1 }, 'elastic', 'secret')\n} catch (error) {\n  console.error(error)\n}`,
  async run(args, host) {
    const id = host.queuedId
    const index = encodeURIComponent(args.index)
    const request = requestFor(args, {
      ...(id === undefined
        ? { method: 'POST', path: `${index}/_doc` }
        : { method: 'PUT', path: `${index}/_create/${encodeURIComponent(id)}` }),
      type: 'application/json',
      body: args.data,
    })
    const reply = await requestOf(NAME, host, request, reasonIn).catch((error) => {
      if (id !== undefined && isThere(error)) return undefined
      throw error
    })
    if (reply !== undefined) jsonOf(NAME, request, reply)
  },
})

/** The same document was created by an earlier attempt, whose reply was lost. */
function isThere(error: unknown): boolean {
  return error instanceof Refusal && error.status === 409
}

interface Sent {
  readonly method: string
  readonly path: string
  readonly type: string
  readonly body: string
}

function requestFor(args: Call, { method, path, type, body }: Sent): HttpRequest {
  const { certificateFingerprint = '' } = args
  return {
    method,
    url: `${addressOf(args).replace(/\/+$/, '')}/${path}`,
    headers: { 'content-type': type, accept: 'application/json', ...credentialsOf(args) },
    body,
    ...(certificateFingerprint === ''
      ? {}
      : { certificateSha256: certificateFingerprint.replaceAll(':', '').toLowerCase() }),
  }
}

/** In the order in which the clients of Elastic go by them. What is in `url` counts when none of these is given. */
function credentialsOf({ apiKey = '', serviceToken = '', username = '', password = '' }: Call) {
  if (apiKey !== '') return { authorization: `ApiKey ${apiKey.includes(':') ? base64(apiKey) : apiKey}` }
  if (serviceToken !== '') return { authorization: `Bearer ${serviceToken}` }
  if (username !== '') return { authorization: `Basic ${base64(`${username}:${password}`)}` }
  return {}
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function addressOf({ url, cloudID = '' }: Call): string {
  if (url !== '' && cloudID !== '')
    throw new Mistake('E_HELPER_ARGUMENT', `${NAME}: give either url or cloudID, and "" for the other`)
  if (isStandIn(cloudID)) return `https://${NO_HOST}/`
  if (cloudID !== '') return addressInCloud(cloudID)
  if (url === '') throw new Mistake('E_HELPER_ARGUMENT', `${NAME}: give url, or cloudID for Elastic Cloud`)
  const { protocol, host, pathname, username, password } = new URL(url)
  const credentials = username === '' ? '' : `${username}:${password}@`
  return `${protocol}//${credentials}${host}${pathname}`
}

/**
 * `<name>:<base64 of host[:port]$elasticsearch[:port]$kibana>`:
 * https://www.elastic.co/docs/deploy-manage/deploy/elastic-cloud/find-cloud-id
 */
function addressInCloud(cloudID: string): string {
  const decoded = Buffer.from(cloudID.slice(cloudID.lastIndexOf(':') + 1), 'base64').toString()
  const [domain = '', cluster = ''] = decoded.split('$')
  const [, host, port = '443'] = /^([a-z0-9.-]+)(?::(\d{1,5}))?$/i.exec(domain) ?? []
  const [, name, ownPort = port] = /^([a-z0-9-]+)(?::(\d{1,5}))?$/i.exec(cluster) ?? []
  const url =
    host === undefined || name === undefined ? null : URL.parse(`https://${name}.${host}:${ownPort}`)
  if (url === null)
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${NAME}: that is no cloud id: copy it from the page of the deployment`,
    )
  return url.href
}

/** JSON text of an object, on one line; undefined: it is none. */
function oneLine(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? JSON.stringify(value)
      : undefined
  } catch {
    return undefined
  }
}

/**
 * By the bulk API, each document under the id of its call: what has arrived before is not there twice.
 * https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-bulk
 */
async function sendAll(calls: readonly QueuedCall<typeof params>[], host: HelperHost): Promise<void> {
  const failures = new Map<number, unknown>()
  const groups = alike(calls)
  for (let places = groups.shift(); places !== undefined; places = groups.shift()) {
    try {
      await sendGroup(places, calls, host, failures)
    } catch (error) {
      if (places.length === calls.length && !isTooLarge(error)) throw error
      if (places.length > 1 && isTooLarge(error)) groups.unshift(...halves(places))
      else for (const place of places) failures.set(place, error)
    }
  }
  if (failures.size > 0)
    throw new PartlyFailed(
      `${NAME}: ${failures.size} of ${calls.length} documents were not accepted`,
      failures,
    )
}

/** Proxies often take less at once than Elasticsearch does, and nothing tells how much. */
function isTooLarge(error: unknown): boolean {
  return error instanceof Refusal && error.status === 413
}

function halves(places: readonly number[]): readonly (readonly number[])[] {
  const middle = Math.ceil(places.length / 2)
  return [places.slice(0, middle), places.slice(middle)]
}

/** Places of those that go to the same index with the same credentials, and so in one request. */
function alike(calls: readonly QueuedCall<typeof params>[]): (readonly number[])[] {
  const groups = Map.groupBy(calls.keys(), (place) => JSON.stringify({ ...calls[place]?.args, data: '' }))
  return [...groups.values()]
}

async function sendGroup(
  places: readonly number[],
  calls: readonly QueuedCall<typeof params>[],
  host: HelperHost,
  failures: Map<number, unknown>,
): Promise<void> {
  const sent = places.map((place) => calls[place]).filter((call) => call !== undefined)
  const [first] = sent
  if (first === undefined) return
  const request = requestFor(first.args, {
    method: 'POST',
    path: `${encodeURIComponent(first.args.index)}/_bulk?filter_path=${FILTER}`,
    type: 'application/x-ndjson',
    body: sent.map(({ id, args }) => `${JSON.stringify({ create: { _id: id } })}\n${args.data}\n`).join(''),
  })
  const reply = await requestOf(NAME, host, request, reasonIn)
  const read = bulkReply.safeParse(jsonOf(NAME, request, reply))
  if (!read.success || read.data.items.length !== sent.length)
    throw new Mistake('E_HELPER_FAILED', `${NAME}: the reply of ${new URL(request.url).host} makes no sense`)
  read.data.items.forEach(({ create: { status, error } }, at) => {
    const isDone = (status >= 200 && status < 300) || status === 409
    if (!isDone)
      failures.set(
        places[at] ?? at,
        refusalOf(
          NAME,
          host,
          request,
          { status, headers: {}, body: '' },
          reasonOf(error),
          retryOfStatus(status),
        ),
      )
  })
}

/** What we read of a reply, and so all that it needs to have. */
const FILTER = 'errors,items.*.status,items.*.error.type,items.*.error.reason'

const errorOfElastic = z.union([
  z.string(),
  z.object({ type: z.string().optional(), reason: z.string().nullish() }),
])

const bulkReply = z.object({
  items: z.array(z.object({ create: z.object({ status: z.int(), error: errorOfElastic.optional() }) })),
})

const refusal = z.object({ error: errorOfElastic })

function reasonIn({ body }: HttpReply): string | undefined {
  try {
    return reasonOf(refusal.safeParse(JSON.parse(body)).data?.error)
  } catch {
    return undefined
  }
}

function reasonOf(error: z.infer<typeof errorOfElastic> | undefined): string | undefined {
  if (typeof error !== 'object') return error
  return [error.type, error.reason].filter((part) => part != null).join(': ')
}
