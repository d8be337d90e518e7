import { z } from 'zod'

/** An HTTP archive of entries, HAR 1.2 (http://www.softwareishard.com/blog/har-12-spec/). */
export interface Har {
  readonly log: {
    readonly version: '1.2'
    readonly creator: { readonly name: string; readonly version: string }
    readonly entries: readonly HarEntry[]
  }
}

type HarEntry = Readonly<Record<string, unknown>>

/** Where a request of an entry went, as HAR wants it: absolute. */
type Address = (request: Pick<Request, 'url' | 'headers'>, dst: End, tls: boolean) => string

/** What of entries is HTTP, the oldest first; others are left out. */
export function harOf(entries: readonly unknown[], version: string, addressOf: Address = hostAddress): Har {
  const read = entries.map((entry) => harEntry(entry, addressOf)).filter((entry) => entry !== undefined)
  read.sort((left, right) => left.at - right.at)
  return {
    log: { version: '1.2', creator: { name: 'Remora', version }, entries: read.map(({ har }) => har) },
  }
}

/** Undefined when it is not HTTP: agents may have changed entries, so nothing is taken for granted. */
function harEntry(
  value: unknown,
  addressOf: Address,
): { readonly at: number; readonly har: HarEntry } | undefined {
  const read = entrySchema.safeParse(value)
  if (!read.success) return undefined
  const { id, tls, src, dst, timestamp, startTime, elapsedTime, request, response, stream } = read.data
  const elapsedMs = elapsedTime / 1000
  return {
    at: timestamp,
    har: {
      startedDateTime: startTime === '' ? new Date(timestamp).toISOString() : startTime,
      time: elapsedMs,
      request: requestOf(request, addressOf(request, dst, tls)),
      response: responseOf(response),
      cache: {},
      // How long each part took cannot be told from outside: what is known is the whole.
      timings: { blocked: -1, dns: -1, connect: -1, send: 0, wait: elapsedMs, receive: 0, ssl: -1 },
      serverIPAddress: dst.ip,
      connection: stream,
      ...(response === null ? { comment: 'no response was seen' } : {}),
      _id: id,
      _client: src.port === '' ? src.ip : hostPort(src.ip, src.port),
    },
  }
}

function requestOf(request: Request, url: string): HarEntry {
  const { method, httpVersion, headers, cookies, queryString, bodySize, postData } = request
  const { mimeType, text, encoding } = postData
  return {
    method,
    url,
    httpVersion,
    cookies: pairsOf(cookies),
    headers: pairsOf(headers),
    queryString: pairsOf(queryString),
    headersSize: -1,
    bodySize,
    ...(text === '' && mimeType === ''
      ? {}
      : {
          postData: {
            mimeType,
            params: [],
            text,
            // HAR has no place for it; tools that know the field do as with responses.
            ...(encoding === '' ? {} : { _encoding: encoding }),
          },
        }),
  }
}

/** Without a response the status is 0, as browsers write it. */
function responseOf(response: Response | null): HarEntry {
  const { status, statusText, httpVersion, headers, cookies, redirectURL, bodySize, content } =
    response ?? NO_RESPONSE
  const { size, mimeType, text, encoding } = content
  return {
    status,
    statusText,
    httpVersion,
    cookies: pairsOf(cookies),
    headers: pairsOf(headers),
    content: { size, mimeType, text, ...(encoding === '' ? {} : { encoding }) },
    redirectURL,
    headersSize: -1,
    bodySize,
  }
}

/** Requests have the host in a header. */
function hostAddress({ url, headers }: Pick<Request, 'url' | 'headers'>, dst: End, tls: boolean): string {
  const named = pairsOf(headers).find(({ name }) => /^(host|:authority)$/i.test(name))?.value
  return absolute(url, named === undefined || named === '' ? hostPort(dst.ip, dst.port) : named, tls)
}

/** By the name of whom it was sent to, as it was resolved; `http:` also where it was encrypted (agent-api §4.10). */
export function nameAddress({ url }: Pick<Request, 'url'>, dst: End): string {
  return absolute(url, dst.name, false)
}

function absolute(url: string, host: string, tls: boolean): string {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(url)) return url
  return `${tls ? 'https' : 'http'}://${host}${url.startsWith('/') ? '' : '/'}${url}`
}

function hostPort(ip: string, port: string): string {
  const host = ip.includes(':') ? `[${ip}]` : ip
  return port === '' || port === '80' ? host : `${host}:${port}`
}

function pairsOf(fields: Request['headers']): { readonly name: string; readonly value: string }[] {
  return Object.entries(fields).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => ({
      name,
      value: typeof each === 'string' ? each : JSON.stringify(each ?? ''),
    })),
  )
}

const text = z.string().catch('')
const number = z.number().catch(0)
const size = z.number().catch(-1)
/** ms; further away there is no date. */
const moment = z.number().min(-8.64e15).max(8.64e15).catch(0)
const fields = z.record(z.string(), z.unknown()).catch({})
const end = z.object({ ip: text, port: text, name: text }).catch({ ip: '', port: '', name: '' })
const noBody = { mimeType: '', text: '', encoding: '' }
const requestSchema = z.object({
  method: z.string(),
  url: text,
  httpVersion: text,
  headers: fields,
  cookies: fields,
  queryString: fields,
  bodySize: size,
  postData: z.object({ mimeType: text, text, encoding: text }).catch(noBody),
})
const responseSchema = z.object({
  status: number,
  statusText: text,
  httpVersion: text,
  headers: fields,
  cookies: fields,
  redirectURL: text,
  bodySize: size,
  content: z.object({ size, mimeType: text, text, encoding: text }).catch({ size: 0, ...noBody }),
})
const entrySchema = z.object({
  id: text,
  stream: text,
  protocol: z.object({ name: z.literal('http') }),
  tls: z.boolean().catch(false),
  src: end,
  dst: end,
  timestamp: moment,
  startTime: text,
  elapsedTime: number,
  request: requestSchema,
  response: responseSchema.nullable().catch(null),
})

type Request = z.infer<typeof requestSchema>
type Response = z.infer<typeof responseSchema>
type End = z.infer<typeof end>

const NO_RESPONSE: Response = {
  status: 0,
  statusText: '',
  httpVersion: '',
  headers: {},
  cookies: {},
  redirectURL: '',
  bodySize: -1,
  content: { size: 0, ...noBody },
}
