/** The service of test/live/grpc.test.ts, with gRPC for Node at both ends. */
import { setTimeout } from 'node:timers/promises'
import {
  Client,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import protobuf from 'protobufjs'

/** A call as the client knows it: what it sent and got, and what came of it. */
export interface Call {
  readonly method: string
  readonly sent: readonly (string | null)[]
  readonly received: readonly (string | null)[]
  readonly status: number
  readonly message: string
}

const SERVICE = 'live.v1.Echo'
const StringValue = new protobuf.Type('StringValue').add(new protobuf.Field('value', 1, 'string'))
const encode = (value: string) => Buffer.from(StringValue.encode({ value }).finish())
const decode = (bytes: Buffer) => (StringValue.decode(bytes) as unknown as { value: string }).value

/** Every method is a stream both ways: on the wire calls of one message look no different. */
export async function startEcho(): Promise<{ readonly port: number; stop(): void }> {
  const server = new Server()
  const method = (name: string) => ({
    path: `/${SERVICE}/${name}`,
    requestStream: true as const,
    responseStream: true as const,
    requestSerialize: encode,
    requestDeserialize: decode,
    responseSerialize: encode,
    responseDeserialize: decode,
  })
  server.addService(
    { Unary: method('Unary'), Split: method('Split'), Join: method('Join'), Chat: method('Chat') },
    {
      Unary: (call: Stream) =>
        call.once('data', async (text: string) => {
          if (text === 'slow') await setTimeout(2000)
          if (text === 'fail') return call.emit('error', failure(text))
          call.write(text.toUpperCase())
          end(call)
        }),
      Split: (call: Stream) =>
        call.once('data', (text: string) => {
          for (const word of text.split(' ')) call.write(word)
          end(call)
        }),
      Join: (call: Stream) => {
        const words: string[] = []
        call.on('data', (text: string) => words.push(text))
        call.on('end', () => {
          call.write(words.join(' '))
          end(call)
        })
      },
      Chat: (call: Stream) =>
        call.on('data', (text: string) => call.write(`re: ${text}`)).on('end', () => end(call)),
    },
  )
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  )
  return { port, stop: () => server.forceShutdown() }
}

type Stream = ServerDuplexStream<string, string>

function end(call: Stream): void {
  const trailer = new Metadata()
  trailer.set('x-cost', '7')
  call.end(trailer)
}

function failure(text: string): Error {
  return Object.assign(new Error(), { code: status.NOT_FOUND, details: `no ${text}, grüße 100%` })
}

/** Makes calls of every kind; `compression` is one of gRPC's numbers for it. */
export async function callEcho(port: number, compression: number): Promise<readonly Call[]> {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.default_compression_algorithm': compression,
  })
  const call = (method: string, sent: readonly string[], options: Limits = {}) =>
    makeCall(client, method, sent, options)
  const words = ['to', 'get', 'her']
  try {
    return [
      ...(await Promise.all(Array.from({ length: 50 }, (_, n) => call('Unary', [String(n)])))),
      await call('Unary', ['x'.repeat(200_000)]),
      await call('Unary', ['grüße']),
      await call('Unary', ['fail']),
      await call('Split', ['one two three']),
      await call('Join', words),
      await call('Chat', words),
      // Refused at once: what else is sent may never leave.
      await call('None', []),
      await call('Unary', ['slow'], { deadlineMs: 300 }),
      await call('Unary', ['slow'], { cancelMs: 300 }),
    ]
  } finally {
    client.close()
  }
}

interface Limits {
  readonly deadlineMs?: number
  readonly cancelMs?: number
}

async function makeCall(
  client: Client,
  method: string,
  sent: readonly string[],
  { deadlineMs, cancelMs }: Limits,
): Promise<Call> {
  const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
  const call = client.makeBidiStreamRequest(`/${SERVICE}/${method}`, encode, decode, options)
  const received: string[] = []
  call.on('data', (text: string) => received.push(text)).on('error', () => {})
  const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve))
  for (const text of sent) call.write(text)
  call.end()
  if (cancelMs !== undefined) await setTimeout(cancelMs).then(() => call.cancel())
  const { code, details } = await ended
  return { method, sent, received, status: code, message: details }
}
