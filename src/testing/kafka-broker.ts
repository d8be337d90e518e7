import { spawn } from 'node:child_process'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'

export interface KafkaBrokers {
  readonly ports: readonly number[]
  /** What they have logged. */
  log(): string
}

/** The brokers of librdkafka, in a kcat that does nothing but keep them: `args` are for it. Topics are made when they are asked for. */
export async function kafkaBrokers(
  t: TestContext,
  { brokers = 1, args = [] }: { readonly brokers?: number; readonly args?: readonly string[] } = {},
): Promise<KafkaBrokers> {
  const child = spawn('kcat', [
    ...['-b', 'none', '-X', `test.mock.num.brokers=${brokers}`, ...args],
    ...['-C', '-t', 'nothing'],
  ])
  t.after(() => child.kill('SIGKILL'))
  let log = ''
  child.stderr.on('data', (chunk: Buffer) => {
    log += chunk.toString()
  })
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await setTimeout(20)) {
    const found = /replaced with ((?:127\.0\.0\.1:\d+,?)+)\s/.exec(log)?.[1]
    if (found !== undefined)
      return { ports: found.split(',').map((each) => Number(each.split(':')[1])), log: () => log }
  }
  throw new Error(`kcat has no broker: ${log}`)
}

/** Runs kcat to its end; what it prints. */
export async function kcat(args: readonly string[], input = ''): Promise<string> {
  const child = spawn('kcat', args, { stdio: ['pipe', 'pipe', 'ignore'], timeout: PATIENCE_MS })
  child.stdin.end(input)
  const [printed] = await Promise.all([text(child.stdout), once(child, 'close')])
  return printed
}

const PATIENCE_MS = 15_000

export interface ScriptedKafka {
  readonly port: number
  /** Batches of records as they came. */
  readonly batches: Buffer[]
  /** What was logged in with, as it came. */
  readonly logins: string[]
}

export interface KafkaScript {
  /** Error codes (https://kafka.apache.org/protocol.html#protocol_error_codes), 0 by default. */
  readonly metadata?: number
  readonly produce?: number
  readonly login?: number
  /** Logs in who knows the password, by SCRAM-SHA-256. */
  readonly scram?: { readonly password: string }
  /** Undefined: there are no idempotent producers. */
  readonly initProducerId?: number
  /** Who leads the partition, instead of this one. */
  readonly leader?: { readonly host: string; readonly port: number }
  /** Requests to produce that get no answer but the end of the connection. */
  readonly dropped?: number
  /** Requests to produce are not answered. */
  readonly isSilent?: boolean
}

/** A broker with one partition of each topic that says what a test wants it to say. */
export async function scriptedKafka(t: TestContext, script: KafkaScript = {}): Promise<ScriptedKafka> {
  const batches: Buffer[] = []
  const logins: string[] = []
  let dropped = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    const scram = script.scram === undefined ? undefined : new ScramServer(script.scram.password)
    requestsOf(socket, (api, version, body) => {
      if (api === API.produce) {
        batches.push(recordsOf(body))
        if (dropped++ < (script.dropped ?? 0)) socket.destroy()
        if (script.isSilent === true) return undefined
      }
      if (api === API.saslAuthenticate) {
        const said = body.subarray(4).toString('latin1')
        logins.push(said)
        if (scram !== undefined) return authenticated(scram.answer(said))
      }
      return reply(api, version, body)
    })
  })
  const reply = (api: number, version: number, body: Buffer): Buffer | undefined => {
    switch (api) {
      case API.apiVersions: {
        const apis = [
          [API.apiVersions, 0, 2],
          [API.metadata, 0, 1],
          [API.produce, 3, 3],
          [API.saslHandshake, 0, 1],
          [API.saslAuthenticate, 0, 0],
          ...(script.initProducerId === undefined ? [] : [[API.initProducerId, 0, 0]]),
        ]
        const ranges = apis.map((range) => Buffer.concat(range.map(int16)))
        return Buffer.concat([int16(0), list(ranges), ...(version > 0 ? [int32(0)] : [])])
      }
      case API.saslHandshake:
        return Buffer.concat([int16(0), list(['PLAIN', 'SCRAM-SHA-256'].map(string))])
      case API.saslAuthenticate:
        return Buffer.concat([int16(script.login ?? 0), string('no'), int32(0)])
      case API.initProducerId:
        return Buffer.concat([int32(0), int16(script.initProducerId ?? 0), int64(77n), int16(0)])
      case API.metadata:
        return metadata(body)
      default:
        return produced(body)
    }
  }
  const metadata = (body: Buffer) => {
    const topics = stringsOf(body)
    const { host, port } = script.leader ?? { host: '127.0.0.1', port: portOf() }
    const leader = Buffer.concat([int32(1), string(host), int32(port), int16(-1)])
    const partition = Buffer.concat([int16(0), int32(0), int32(1), list([int32(1)]), list([int32(1)])])
    const described = topics.map((name) =>
      Buffer.concat([int16(script.metadata ?? 0), string(name), Buffer.from([0]), list([partition])]),
    )
    return Buffer.concat([list([leader]), int32(1), list(described)])
  }
  const produced = (body: Buffer) => {
    const at = 2 + 2 + 4 + 4
    const topic = body.subarray(at + 2, at + 2 + body.readInt16BE(at)).toString()
    const partition = Buffer.concat([int32(0), int16(script.produce ?? 0), int64(41n), int64(-1n)])
    return Buffer.concat([list([Buffer.concat([string(topic), list([partition])])]), int32(0)])
  }
  const portOf = () => (server.address() as AddressInfo).port
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { port: portOf(), batches, logins }
}

const API = {
  produce: 0,
  metadata: 3,
  saslHandshake: 17,
  apiVersions: 18,
  initProducerId: 22,
  saslAuthenticate: 36,
}

/** Undefined: wrong password. */
function authenticated(answer: string | undefined): Buffer {
  const error = int16(answer === undefined ? 58 : 0)
  const bytes = Buffer.from(answer ?? '')
  return Buffer.concat([error, string('no'), int32(bytes.length), bytes])
}

/** The side of the server, RFC 5802 §3 and RFC 7677. */
class ScramServer {
  readonly #salted: Buffer
  readonly #salt = Buffer.from('a salt of a test')
  #messages = ''

  constructor(password: string) {
    this.#salted = pbkdf2Sync(password, this.#salt, ITERATIONS, 32, 'sha256')
  }

  answer(said: string): string | undefined {
    const proof = /,p=(.*)$/.exec(said)?.[1]
    if (proof === undefined) {
      const bare = said.replace(/^n,[^,]*,/, '')
      const nonce = `${/r=([^,]*)/.exec(bare)?.[1]}server`
      const first = `r=${nonce},s=${this.#salt.toString('base64')},i=${ITERATIONS}`
      this.#messages = `${bare},${first}`
      return first
    }
    const messages = `${this.#messages},${said.replace(/,p=.*$/, '')}`
    const clientKey = hmac(this.#salted, 'Client Key')
    const signature = hmac(createHash('sha256').update(clientKey).digest(), messages)
    const expected = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)))
    if (expected.toString('base64') !== proof) return undefined
    return `v=${hmac(hmac(this.#salted, 'Server Key'), messages).toString('base64')}`
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

const ITERATIONS = 4096

function requestsOf(
  socket: Socket,
  answer: (api: number, version: number, body: Buffer) => Buffer | undefined,
): void {
  let buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    buffer = Buffer.concat([buffer, chunk])
    while (buffer.length >= 4 && buffer.length >= 4 + buffer.readInt32BE(0)) {
      const frame = buffer.subarray(4, 4 + buffer.readInt32BE(0))
      buffer = buffer.subarray(4 + frame.length)
      const name = Math.max(0, frame.readInt16BE(8))
      const body = frame.subarray(10 + name)
      const replied = answer(frame.readInt16BE(0), frame.readInt16BE(2), body)
      if (replied === undefined) continue
      socket.write(Buffer.concat([int32(4 + replied.length), frame.subarray(4, 8), replied]))
    }
  })
}

/** A list of texts. */
function stringsOf(body: Buffer): string[] {
  const found: string[] = []
  for (let at = 4, left = body.readInt32BE(0); left > 0; left--) {
    const end = at + 2 + body.readInt16BE(at)
    found.push(body.subarray(at + 2, end).toString())
    at = end
  }
  return found
}

/** Of a request to produce (version 3) to one partition, without a transaction. */
function recordsOf(body: Buffer): Buffer {
  const at = 2 + 2 + 4 + 4
  const records = at + 2 + body.readInt16BE(at) + 4 + 4
  return body.subarray(records + 4, records + 4 + body.readInt32BE(records))
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

function string(text: string): Buffer {
  return Buffer.concat([int16(Buffer.byteLength(text)), Buffer.from(text)])
}

function list(items: readonly Buffer[]): Buffer {
  return Buffer.concat([int32(items.length), ...items])
}
