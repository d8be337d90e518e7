import { once } from 'node:events'
import { validateHeaderName, validateHeaderValue } from 'node:http'
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Mistake } from '../../mistake/mistake.ts'
import { Refusal, type Retry } from '../answer.ts'
import { OWN_TRAFFIC } from '../egress.ts'
import type { HelperHost } from '../helper.ts'
import type { KeptClient } from '../kept-clients.ts'
import { type Destination, withoutHeaders } from './destination.ts'
import { STATUSES } from './grpc-statuses.ts'
import type { Signal } from './messages.ts'
import { type PartialSuccess, readPartialSuccess, readRetryDelay } from './protobuf.ts'
import { SCOPE } from './resource.ts'

/**
 * A unary call of gRPC (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md) over a connection that the egress rules
 * have let through, which clients of gRPC that connect themselves would not use. It is kept for the next call of the agent.
 */
export async function exportOverGrpc(
  { helper, signal }: { readonly helper: string; readonly signal: Signal },
  message: Uint8Array,
  destination: Destination,
  host: HelperHost,
): Promise<PartialSuccess | undefined> {
  const { url, headers, gzip: isGzip, timeoutMs } = destination
  const fail = (reason: string) => new Mistake('E_HELPER_FAILED', `${helper}: ${url.host} ${reason}`)
  const stop = AbortSignal.any([host.signal, AbortSignal.timeout(timeoutMs)])
  const sent = {
    headers: {
      ...metadataOf(helper, headers),
      ...OWN_TRAFFIC,
      ':method': 'POST',
      ':path': PATHS[signal],
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': `${SCOPE.name}/${SCOPE.version}`,
      'grpc-timeout': `${timeoutMs}m`,
      ...(isGzip ? { 'grpc-encoding': 'gzip' } : {}),
    },
    body: await framed(message, isGzip),
  }
  try {
    const reply = await host.clients.with(
      ['grpc', host.agent.id ?? host.agent.title, url.origin],
      () => GrpcConnection.open(url, host, fail),
      (connection) => connection.call(sent, stop, fail),
    )
    const { status, said, details } = statusIn(reply)
    if (status === OK) return readPartialSuccess(messageIn(reply.body))
    const reason = host.masked(withoutHeaders(said, headers)).slice(0, LONGEST_REASON)
    throw new Refusal(
      `${helper}: ${url.host} answered ${STATUSES[status] ?? status}${reason === '' ? '' : `: ${reason}`}`,
      status,
      retryOf(status, details),
    )
  } catch (error) {
    if (error instanceof Mistake) throw error
    if (stop.aborted) throw fail('did not answer in time')
    const reason = reasonOf(error)
    throw reason === undefined ? error : fail(reason)
  }
}

const PATHS: Readonly<Record<Signal, string>> = {
  traces: '/opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: '/opentelemetry.proto.collector.logs.v1.LogsService/Export',
}

/** The host that was checked is the one that is asked: no other name goes along. HTTP/2 would carry line breaks to those behind. */
function metadataOf(helper: string, headers: Destination['headers']): Record<string, string> {
  const metadata = Object.entries(headers)
    .filter(([name]) => !name.startsWith(':') && !NOT_OURS.has(name))
    .map(([name, value]) => [name, value.trim()] as const)
  try {
    for (const [name, value] of metadata) {
      validateHeaderName(name)
      validateHeaderValue(name, value)
    }
  } catch {
    throw new Mistake('E_HELPER_ARGUMENT', `${helper}: a header is not valid HTTP`)
  }
  return Object.fromEntries(metadata)
}

/** Names of hosts, and what HTTP/2 does not have (RFC 9113 §8.2.2). */
const NOT_OURS: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'],
])

interface Sent {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

interface Reply {
  /** Of the beginning and of the end together. */
  readonly headers: IncomingHttpHeaders
  readonly body: Uint8Array
}

type Fail = (reason: string) => Mistake

/** HTTP/2 for any number of calls at once. While there are none, it keeps no process alive. */
class GrpcConnection {
  readonly #session: ClientHttp2Session
  #calls = 0

  private constructor(session: ClientHttp2Session) {
    this.#session = session
    // The first one is looked at by whoever calls, and those after it say nothing new.
    session.on('error', () => {})
    // Each call has one of its own.
    session.setMaxListeners(0)
  }

  static async open(url: URL, host: HelperHost, fail: Fail): Promise<KeptClient<GrpcConnection>> {
    const socket = await connected(url, host, fail)
    const session = connect(url.origin, { createConnection: () => socket })
    return {
      client: new GrpcConnection(session),
      // Also after a GOAWAY, with which servers end what has been idle.
      isOpen: () => !session.closed && !session.destroyed,
      async close() {
        session.destroy()
      },
    }
  }

  async call({ headers, body }: Sent, stop: AbortSignal, fail: Fail): Promise<Reply> {
    const session = this.#session
    const over = new AbortController()
    const failed = once(session, 'error', { signal: over.signal }).then(([error]) => Promise.reject(error))
    failed.catch(() => {})
    if (this.#calls++ === 0) session.ref()
    try {
      return await Promise.race([failed, replyTo(session.request(headers, { signal: stop }), body, fail)])
    } finally {
      over.abort()
      if (--this.#calls === 0 && !session.destroyed) session.unref()
    }
  }
}

async function connected(url: URL, host: HelperHost, fail: Fail): Promise<Socket> {
  const isTls = url.protocol === 'https:'
  const socket = await host.connect({
    host: url.hostname,
    port: Number(url.port) || (isTls ? 443 : 80),
    ...(isTls ? { tls: { alpn: ['h2'] } } : {}),
  })
  if (!(socket instanceof TLSSocket) || socket.alpnProtocol === 'h2') return socket
  socket.destroy()
  throw fail('speaks no HTTP/2, so no gRPC')
}

async function replyTo(stream: ClientHttp2Stream, body: Uint8Array, fail: Fail): Promise<Reply> {
  let headers: IncomingHttpHeaders = {}
  stream.on('response', (first) => {
    headers = { ...headers, ...first }
  })
  stream.on('trailers', (last) => {
    headers = { ...headers, ...last }
  })
  stream.end(body)
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of stream as AsyncIterable<Uint8Array>) {
    bytes += part.length
    if (bytes > LARGEST_REPLY) throw fail('answered too much')
    parts.push(part)
  }
  if (headers[':status'] === undefined) throw fail('closed the connection')
  return { headers, body: Buffer.concat(parts) }
}

const LARGEST_REPLY = 1 << 20

/** Length-Prefixed-Message. */
async function framed(message: Uint8Array, isGzip: boolean): Promise<Uint8Array> {
  const body = isGzip ? await promisify(gzip)(message) : message
  const head = Buffer.alloc(5)
  head.writeUInt8(isGzip ? 1 : 0)
  head.writeUInt32BE(body.length, 1)
  return Buffer.concat([head, body])
}

/** We accept no compressed replies. */
function messageIn(body: Uint8Array): Uint8Array {
  return body.subarray(5)
}

function statusIn({ headers }: Reply): { status: number; said: string; details: Uint8Array } {
  const text = textOf(headers['grpc-status'])
  const http = Number(headers[':status'])
  if (!/^\d+$/.test(text)) return { status: statusOfHttp(http), said: `HTTP ${http}`, details: Buffer.of() }
  return {
    status: Number(text),
    said: decoded(textOf(headers['grpc-message'])),
    details: Buffer.from(textOf(headers['grpc-status-details-bin']), 'base64'),
  }
}

function textOf(value: string | string[] | undefined): string {
  return [value ?? ''].flat().join(', ')
}

/** Percent-encoded, as far as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md */
function statusOfHttp(status: number): number {
  switch (status) {
    case 400:
      return STATUSES.indexOf('INTERNAL')
    case 401:
      return STATUSES.indexOf('UNAUTHENTICATED')
    case 403:
      return STATUSES.indexOf('PERMISSION_DENIED')
    case 404:
      return STATUSES.indexOf('UNIMPLEMENTED')
    case 429:
    case 502:
    case 503:
    case 504:
      return STATUSES.indexOf('UNAVAILABLE')
    default:
      return STATUSES.indexOf('UNKNOWN')
  }
}

const OK = 0

/** https://opentelemetry.io/docs/specs/otlp/#failures: RESOURCE_EXHAUSTED passes only where the receiver says when. */
function retryOf(status: number, details: Uint8Array): Retry {
  const delay = readRetryDelay(details)
  const passes = status === EXHAUSTED ? delay !== undefined : PASSING.has(STATUSES[status] ?? '')
  if (!passes) return { when: 'never' }
  return delay === undefined
    ? { when: 'later' }
    : { when: 'later', afterMs: Math.min(delay, LONGEST_WAIT_MS) }
}

const EXHAUSTED = STATUSES.indexOf('RESOURCE_EXHAUSTED')
const PASSING: ReadonlySet<string> = new Set([
  'CANCELLED',
  'DEADLINE_EXCEEDED',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNAVAILABLE',
  'DATA_LOSS',
])
const LONGEST_WAIT_MS = 3_600_000
const LONGEST_REASON = 200

/** In our own words; undefined for what is no error of the connection. */
function reasonOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? String(error.code) : undefined
  if (code !== undefined && CLOSED.has(code)) return 'closed the connection'
  return code?.startsWith('ERR_HTTP2') === true
    ? 'does not speak HTTP/2 as it should'
    : code && `failed (${code})`
}

const CLOSED: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'])
