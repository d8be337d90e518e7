import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  Server as GrpcServer,
  type handleUnaryCall,
  Metadata,
  ServerCredentials,
  type ServiceDefinition,
  status as STATUS,
  type StatusObject,
} from '@grpc/grpc-js'
import type { Signal } from '../helpers/otel/messages.ts'
import { attributesIn, type Fields, readJson, readProtobuf, typeOf } from './otlp-messages.ts'

/** A receiver of OTLP over HTTP and gRPC on the loopback, which takes nothing that OTLP does not allow. */
export interface OtlpReceiver {
  readonly http: string
  readonly grpc: string
  readonly requests: readonly ReceivedRequest[]
  /** Spans, metrics or log records, with whose they are, in the order in which they came. */
  items(signal: Signal): readonly ReceivedItem[]
  /** What was wrong with requests that it refused. */
  readonly complaints: readonly string[]
}

export interface ReceivedRequest {
  readonly signal: Signal
  readonly how: 'grpc' | 'http/protobuf' | 'http/json'
  readonly isGzip: boolean
  readonly headers: IncomingHttpHeaders
  readonly request: Fields
}

export interface ReceivedItem {
  readonly resource: Readonly<Record<string, unknown>>
  readonly scope: Fields
  readonly item: Fields
  readonly attributes: Readonly<Record<string, unknown>>
}

/** What it says of requests that are as they should be. */
export interface ReceiverAnswers {
  /** Items that it does not take, and why. */
  readonly partial?: { readonly rejected: number; readonly message: string }
  /** A status of gRPC, with a pause in its RetryInfo. */
  readonly grpc?: { readonly code: number; readonly message: string; readonly retryMs?: number }
}

export async function otlpReceiver(
  t: Pick<TestContext, 'after'>,
  answers: ReceiverAnswers = {},
  tls?: { readonly cert: string; readonly key: string },
): Promise<OtlpReceiver> {
  const requests: ReceivedRequest[] = []
  const complaints: string[] = []
  const take = (request: () => ReceivedRequest): boolean => {
    try {
      requests.push(request())
      return true
    } catch (error) {
      complaints.push((error as Error).message)
      return false
    }
  }
  return {
    http: await httpReceiver(t, answers, take),
    grpc: await grpcReceiver(t, answers, take, tls),
    requests,
    complaints,
    items: (signal) =>
      requests.filter((each) => each.signal === signal).flatMap(({ request }) => itemsIn(signal, request)),
  }
}

type Take = (request: () => ReceivedRequest) => boolean

async function httpReceiver(
  t: Pick<TestContext, 'after'>,
  { partial }: ReceiverAnswers,
  take: Take,
): Promise<string> {
  const server = createServer(async (request, response) => {
    const body = await buffer(request)
    const signal = SIGNALS.find((each) => request.url === `/v1/${each}`)
    const isJson = request.headers['content-type'] === 'application/json'
    if (request.method !== 'POST' || signal === undefined) return response.writeHead(404).end()
    if (!isJson && request.headers['content-type'] !== 'application/x-protobuf')
      return response.writeHead(415).end()
    const isGzip = request.headers['content-encoding'] === 'gzip'
    const plain = isGzip ? gunzipSync(body) : body
    const isGood = take(() => ({
      ...{ signal, isGzip, headers: request.headers, how: isJson ? 'http/json' : 'http/protobuf' },
      request: isJson ? readJson(signal, plain.toString()) : readProtobuf(signal, plain),
    }))
    const answer = isGood
      ? responseOf(signal, partial)
      : { type: 'RpcStatus', content: { message: 'not OTLP' } }
    response.writeHead(isGood ? 200 : 400, {
      'content-type': isJson ? 'application/json' : 'application/x-protobuf',
    })
    response.end(
      isJson ? JSON.stringify(answer.content) : typeOf(answer.type).encode(answer.content).finish(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const SIGNALS: readonly Signal[] = ['traces', 'metrics', 'logs']
const WORDS = { traces: 'Trace', metrics: 'Metrics', logs: 'Logs' } as const
const REJECTED = {
  traces: 'rejectedSpans',
  metrics: 'rejectedDataPoints',
  logs: 'rejectedLogRecords',
} as const

function responseOf(signal: Signal, partial: ReceiverAnswers['partial']) {
  const content =
    partial === undefined
      ? {}
      : { partialSuccess: { [REJECTED[signal]]: partial.rejected, errorMessage: partial.message } }
  return { type: `Export${WORDS[signal]}ServiceResponse`, content }
}

async function grpcReceiver(
  t: Pick<TestContext, 'after'>,
  { partial, grpc }: ReceiverAnswers,
  take: Take,
  tls: { readonly cert: string; readonly key: string } | undefined,
): Promise<string> {
  const server = new GrpcServer()
  for (const signal of SIGNALS)
    server.addService(serviceOf(signal), {
      export: ((call, answer) => {
        const headers = call.metadata.getMap() as IncomingHttpHeaders
        const isGood = take(() => ({
          ...{ signal, headers, how: 'grpc', isGzip: headers['grpc-encoding'] === 'gzip' },
          request: readProtobuf(signal, call.request),
        }))
        if (!isGood) return answer({ code: STATUS.INVALID_ARGUMENT, details: 'not OTLP' })
        if (grpc !== undefined) return answer(errorOf(grpc))
        const { type, content } = responseOf(signal, partial)
        answer(null, Buffer.from(typeOf(type).encode(content).finish()))
      }) satisfies handleUnaryCall<Buffer, Buffer>,
    })
  const credentials =
    tls === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(null, [
          { cert_chain: Buffer.from(tls.cert), private_key: Buffer.from(tls.key) },
        ])
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', credentials, (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  t.after(() => server.forceShutdown())
  return tls === undefined ? `http://127.0.0.1:${port}` : `https://localhost:${port}`
}

function errorOf({ code, message, retryMs }: NonNullable<ReceiverAnswers['grpc']>): Partial<StatusObject> {
  const metadata = new Metadata()
  if (retryMs !== undefined) {
    const delay = { seconds: Math.floor(retryMs / 1000), nanos: (retryMs % 1000) * 1e6 }
    const value = typeOf('RetryInfo').encode({ retryDelay: delay }).finish()
    const detail = { typeUrl: 'type.googleapis.com/google.rpc.RetryInfo', value }
    metadata.set(
      'grpc-status-details-bin',
      Buffer.from(
        typeOf('RpcStatus')
          .encode({ code, message, details: [detail] })
          .finish(),
      ),
    )
  }
  return { code, details: message, metadata }
}

function serviceOf(signal: Signal): ServiceDefinition {
  const bytes = (value: Buffer) => value
  return {
    export: {
      path: `/opentelemetry.proto.collector.${signal === 'traces' ? 'trace' : signal}.v1.${WORDS[signal]}Service/Export`,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  }
}

function itemsIn(signal: Signal, request: Fields): ReceivedItem[] {
  const [resources, scopes, items] = NAMES[signal]
  return list(request[resources]).flatMap((group) =>
    list(group[scopes]).flatMap((scoped) =>
      list(scoped[items]).map((item) => ({
        resource: attributesIn(group.resource as Fields),
        scope: scoped.scope as Fields,
        item,
        attributes: attributesIn(item),
      })),
    ),
  )
}

function list(value: unknown): readonly Fields[] {
  return (value ?? []) as readonly Fields[]
}

const NAMES = {
  traces: ['resourceSpans', 'scopeSpans', 'spans'],
  metrics: ['resourceMetrics', 'scopeMetrics', 'metrics'],
  logs: ['resourceLogs', 'scopeLogs', 'logRecords'],
} as const
