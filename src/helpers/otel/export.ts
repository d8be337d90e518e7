import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Refusal, refusalOf, retryOfStatus } from '../answer.ts'
import type { HelperHost, HttpReply, HttpRequest } from '../helper.ts'
import { type Destination, type DestinationOptions, destinationOf, withoutHeaders } from './destination.ts'
import { exportOverGrpc } from './grpc.ts'
import { type Exported, exportRequest, type Items, type Signal, toJson } from './messages.ts'
import { encodeRequest, type PartialSuccess, readPartialSuccess, readStatusMessage } from './protobuf.ts'
import { SCOPE } from './resource.ts'

/** What is sent at once. */
export interface Export<S extends Signal = Signal> {
  readonly helper: string
  readonly signal: S
  readonly items: readonly Exported<Items[S]>[]
}

/**
 * Sends items in one request and throws when they were not taken, with what may be tried again as OTLP has it
 * (https://opentelemetry.io/docs/specs/otlp/#failures). What a receiver says of items that it took is a warning.
 */
export async function send<S extends Signal>(
  batch: Export<S>,
  options: DestinationOptions,
  host: HelperHost,
): Promise<void> {
  const destination = destinationOf(batch.helper, batch.signal, options, host)
  const request = exportRequest(batch.signal, batch.items, SCOPE)
  const partial =
    destination.protocol === 'grpc'
      ? await exportOverGrpc(batch, encodeRequest(batch.signal, request), destination, host)
      : await exportOverHttp(batch, request, destination, host)
  if (partial !== undefined) judge(batch, partial, destination, host)
}

/** What would be sent, for who only rehearses: as JSON, which people can read. Values of headers may be keys. */
export async function rehearse<S extends Signal>(
  batch: Export<S>,
  options: DestinationOptions,
  host: HelperHost,
): Promise<void> {
  const { url, headers } = destinationOf(batch.helper, batch.signal, options, host)
  await host.request({
    method: 'POST',
    url: url.href,
    headers: {
      ...Object.fromEntries(Object.keys(headers).map((name) => [name, '[secret]'])),
      'content-type': 'application/json',
    },
    body: toJson(exportRequest(batch.signal, batch.items, SCOPE)),
  })
}

async function exportOverHttp(
  { helper, signal }: Export,
  request: object,
  { protocol, url, headers, gzip: isGzip, timeoutMs }: Destination,
  host: HelperHost,
): Promise<PartialSuccess | undefined> {
  const isJson = protocol === 'http/json'
  const plain = isJson ? Buffer.from(toJson(request)) : encodeRequest(signal, request)
  const sent: HttpRequest = {
    method: 'POST',
    url: url.href,
    headers: {
      ...headers,
      'content-type': isJson ? 'application/json' : 'application/x-protobuf',
      ...(isGzip ? { 'content-encoding': 'gzip' } : {}),
    },
    body: isGzip ? await compressed(plain) : plain,
    totalMs: timeoutMs,
  }
  const reply = await host.request(sent)
  if (reply.status >= 200 && reply.status < 300) {
    if (reply.headers['content-type']?.startsWith('text/html') === true)
      throw refusalOf(helper, host, sent, reply, 'a web page, so it is no OTLP endpoint', { when: 'never' })
    return partialIn(reply)
  }
  throw refusalOf(helper, host, sent, reply, withoutHeaders(reasonIn(reply), headers), retryOf(reply))
}

const compressed = promisify(gzip)

/** OTLP has four statuses that pass. */
function retryOf({ status, headers }: HttpReply) {
  return PASSING.has(status) ? retryOfStatus(status, headers['retry-after']) : ({ when: 'never' } as const)
}

const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** A receiver answers in the encoding in which it was asked; some say nothing at all, or `ok`. */
function partialIn({ headers, body, bytes }: HttpReply): PartialSuccess | undefined {
  if (bytes === undefined || bytes.length === 0) return undefined
  if (headers['content-type']?.includes('protobuf') === true) return readPartialSuccess(bytes)
  const said = (parsed(body) as { partialSuccess?: Record<string, unknown> } | undefined)?.partialSuccess
  if (typeof said !== 'object' || said === null) return undefined
  const { errorMessage, rejectedSpans, rejectedDataPoints, rejectedLogRecords } = said
  return {
    rejected: Number(rejectedSpans ?? rejectedDataPoints ?? rejectedLogRecords ?? 0) || 0,
    message: typeof errorMessage === 'string' ? errorMessage : '',
  }
}

/** The message of `google.rpc.Status`, which is the body of a refusal. */
function reasonIn({ headers, body, bytes }: HttpReply): string {
  if (headers['content-type']?.includes('protobuf') === true)
    return readStatusMessage(bytes ?? new Uint8Array())
  const said = parsed(body)
  if (typeof said === 'object' && said !== null && 'message' in said) return String(said.message)
  return body
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Items that were refused are lost: they must not be sent again. */
function judge(
  { helper, items }: Export,
  { rejected, message }: PartialSuccess,
  { url, headers }: Destination,
  host: HelperHost,
): void {
  const said = host.masked(withoutHeaders(message, headers)).slice(0, LONGEST_REASON)
  const words = said === '' ? '' : `: ${said}`
  if (rejected >= items.length)
    throw new Refusal(`${helper}: ${url.host} took the request, and nothing that was in it${words}`, 200, {
      when: 'never',
    })
  if (rejected > 0) host.warn(`${helper}: ${url.host} did not take ${rejected} of ${items.length}${words}`)
  else if (said !== '') host.warn(`${helper}: ${url.host} says${words}`)
}

const LONGEST_REASON = 200
