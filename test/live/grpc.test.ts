import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { Readable, Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { readProtos } from '../../src/config/protos.ts'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'
import { type Call, callEcho, startEcho } from './grpc-node.ts'

const PROTO = `
syntax = "proto3";
package live.v1;
import "google/protobuf/wrappers.proto";
import "google/protobuf/struct.proto";
service Echo {
  rpc Unary(google.protobuf.StringValue) returns (google.protobuf.StringValue);
  rpc Split(google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
  rpc Join(stream google.protobuf.StringValue) returns (google.protobuf.StringValue);
  rpc Chat(stream google.protobuf.StringValue) returns (stream google.protobuf.StringValue);
  rpc Describe(google.protobuf.Struct) returns (google.protobuf.Struct);
}`

test('gRPC for Python: calls of every kind are told as the client knows them', async (t) => {
  if (!hasTools(t, 'tcpdump') || !hasPython(t, 'grpc', 'google.protobuf')) return
  await withFiles({ 'echo.proto': PROTO }, async (folder) => {
    const peer = await startPeer(t)
    const calls: Call[] = []
    const path = await captureLoopback(t, folder, `tcp port ${peer.port}`, async () => {
      calls.push(...(await peer.run()))
    })
    assert.ok(calls.length > 60, `${calls.length} calls`)

    const { entries, counters } = await readCapture(path as string)
    assert.deepEqual(counters.dissection.invalid, {})
    assert.deepEqual(sorted(entries.map((entry) => toldOf(entry, '1'))), sorted(calls.map(knownOf)))
    assert.deepEqual(new Set(entries.map(({ protocol }) => protocol.abbr)), new Set(['gRPC']))
    const codings = entries.flatMap(({ request }) =>
      (request as Request).grpcMessages.some(({ compressed }) => compressed)
        ? [(request as Request).headers['grpc-encoding']]
        : [],
    )
    assert.deepEqual(codings.sort(), ['deflate', 'gzip'])

    const named = await readCapture(path as string, { protos: readProtos(['echo.proto'], folder) })
    assert.deepEqual(sorted(named.entries.map((entry) => toldOf(entry, 'value'))), sorted(calls.map(knownOf)))
    const described = named.entries.find(({ request }) => (request as Request).grpcMethod === 'Describe')
    const fields = {
      n: { number_value: 1.5 },
      list: {
        list_value: { values: [{ number_value: 1 }, { string_value: 'two' }, { null_value: 'NULL_VALUE' }] },
      },
      more: { struct_value: { fields: { yes: { bool_value: true } } } },
    }
    for (const message of [described?.request, described?.response])
      assert.deepEqual(JSON.parse(JSON.stringify((message as Request).grpcMessages[0]?.message)), { fields })
  })
})

test('gRPC for Node: calls of every kind are told as the client knows them', async (t) => {
  if (!hasTools(t, 'tcpdump')) return
  await withFiles({ 'echo.proto': PROTO }, async (folder) => {
    const server = await startEcho()
    t.after(() => server.stop())
    const calls: Call[] = []
    const path = await captureLoopback(t, folder, `tcp port ${server.port}`, async () => {
      for (const compression of [IDENTITY, GZIP]) calls.push(...(await callEcho(server.port, compression)))
    })
    const protos = readProtos(['echo.proto'], folder)
    const { entries, counters } = await readCapture(path as string, { protos })
    assert.deepEqual(counters.dissection.invalid, {})
    assert.deepEqual(sorted(entries.map((entry) => toldOf(entry, 'value'))), sorted(calls.map(knownOf)))
    const compressed = entries.filter(({ request }) => (request as Request).grpcMessages[0]?.compressed)
    assert.equal(compressed.length, calls.filter(({ sent }) => sent.length > 0).length / 2)
  })
})

interface Request {
  readonly headers: Readonly<Record<string, string>>
  readonly grpcMethod: string
  readonly grpcMessages: readonly {
    readonly compressed: boolean
    readonly message: Record<string, unknown> | null
  }[]
}
type Response = Request & {
  readonly grpcStatus: number | null
  readonly grpcMessage: string
  readonly incomplete: boolean
}

/** An entry in the words of the client; `field` is how its texts are called, where there is a schema for them. */
function toldOf({ request, response, base, error }: Entry, field: string): string {
  const { grpcMethod, grpcMessages } = request as Request
  const {
    grpcStatus = null,
    grpcMessage = '',
    grpcMessages: received = [],
  } = (response ?? {}) as Partial<Response>
  const texts = (messages: Request['grpcMessages']) =>
    grpcMethod === 'Describe'
      ? [null]
      : messages.map(({ message }) => message?.[field] ?? message?.['1'] ?? '')
  const told = { method: grpcMethod, sent: texts(grpcMessages), received: texts(received) }
  // When time is up both ends know it: whichever is faster tells the other.
  if (grpcStatus !== null && grpcStatus !== DEADLINE) {
    assert.equal(base.status, grpcStatus)
    return JSON.stringify({ ...told, status: grpcStatus, message: grpcMessage })
  }
  // The client gave up, and told nobody but itself whether it was tired of waiting.
  if (grpcStatus === null) assert.equal(error?.msg, 'RST_STREAM: CANCEL')
  return JSON.stringify({ ...told, status: 'canceled' })
}

function knownOf({ status, message, method, sent, received }: Call): string {
  const told = { method, sent, received }
  return JSON.stringify(
    status === CANCELLED || status === DEADLINE
      ? { ...told, status: 'canceled' }
      : { ...told, status, message },
  )
}

function sorted(lines: readonly string[]): string[] {
  return lines.toSorted()
}

interface Peer {
  readonly port: number
  run(): Promise<Call[]>
}

async function startPeer(t: TestContext): Promise<Peer> {
  const script = join(import.meta.dirname, 'grpc-calls.py')
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn(PYTHON, [script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const { value: port } = await lines.next()
  return {
    port: Number(port),
    async run() {
      const ended = once(child, 'exit')
      child.stdin.end('go\n')
      const calls: Call[] = []
      for await (const line of lines) calls.push(JSON.parse(line) as Call)
      assert.deepEqual(await ended, [0, null])
      return calls
    },
  }
}

/** In CI the modules must be there. */
function hasPython(t: TestContext, ...modules: readonly string[]): boolean {
  if (spawnSync(PYTHON, ['-c', `import ${modules.join(', ')}`]).status === 0) return true
  const message = `${PYTHON} has not all of ${modules.join(', ')}`
  if (process.env.CI) throw new Error(message)
  t.skip(message)
  return false
}

/** Debian's own, for which there are packages. */
const PYTHON = '/usr/bin/python3'
const CANCELLED = 1
const DEADLINE = 4
/** Compression algorithms, as gRPC's channel options number them. */
const IDENTITY = 0
const GZIP = 2
