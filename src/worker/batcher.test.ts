import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { BATCH_FIXED, HEADER } from '../agent/host/protocol.ts'
import { readRelayed } from '../agent/host/relayed.ts'
import { configSchema } from '../config/schema.ts'
import type { RelayedEvent } from '../dissect/relay.ts'
import { protocolsNamed } from '../dissectors/index.ts'
import type { EntryProtocol, Exchange } from '../entry/entry.ts'
import type { Identity } from '../entry/identity.ts'
import { object, text } from '../entry/shape.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { Connection, type End, IDLE } from '../reassembly/connection.ts'
import { Batcher, bodyPaths, MOST_ITEMS } from './batcher.ts'

test('bodies are kept for who reads them, or what holds them, and for nobody else', () => {
  const { enabledDissectors } = configSchema.parse({}).tap
  const paths = bodyPaths(protocolsNamed(enabledDissectors))
  for (const path of [
    ...['*', 'request', 'response', 'request.postData', 'response.content.text', 'response.errors'],
    ...['request.payload', 'response.rows', 'response.resultSets', 'response.documents', 'response.entries'],
    ...['request.body', 'response.values', 'request.payloadData', 'base.summary'],
  ])
    assert.ok(paths.has(path), path)
  for (const path of [
    ...['request.path', 'response.status', 'request.query', 'response.rowCount', 'data.state', 'data'],
    ...['response.content.mimeType', 'request.postData.mimeType', 'base.method', 'request.topic', 'protocol'],
  ])
    assert.ok(!paths.has(path), path)
  const more = bodyPaths(protocolsNamed([...enabledDissectors, 'tcp']))
  for (const path of ['data', 'data.payload', 'data.truncated']) assert.ok(more.has(path), path)
})

describe('a frame', () => {
  test('is cut by how long its rows are, not by how long their messages were on the wire', () => {
    const frames = framesOf([CONTROLS, CONTROLS, 'short', 'short'].map((text) => exchange(text)))
    assert.deepEqual(
      frames.map((rows) => rows.map((row) => row.text)),
      [[CONTROLS], [CONTROLS], ['short', 'short']],
    )
  })

  test('has an entry without its content where no row can be made of that', () => {
    const nested = JSON.parse(`${'['.repeat(200_000)}${']'.repeat(200_000)}`)
    const deep = { toJSON: () => nested }
    const long = '\u0001'.repeat(11 << 20)
    const rows = framesOf([deep, 'a', long, 'b'].map((text) => exchange(text))).flat()
    const emptied = {
      text: undefined,
      size: 400,
      error: ['dissection', 'its content is nested too deeply, or too long'],
    }
    assert.deepEqual(rows, [
      emptied,
      { text: 'a', size: 400, error: null },
      emptied,
      { text: 'b', size: 400, error: null },
    ])
  })
})

describe('a frame that is dropped', () => {
  test('is missing from the connections that it told of, which say so before they go on', () => {
    const { batcher, told, relayed } = relaying((frame) => frame !== 1 && frame !== 2)
    const [one, other] = [connection(1), connection(2)]
    const say = (of: Connection, from: End, text: string) => batcher.relayed(of, data(from, text))
    say(one, 0, 'GET be')
    say(other, 0, 'a')
    batcher.flush()
    say(one, 0, 'ta\nGET gam')
    batcher.relayed(one, { kind: 'gap', from: 1, length: 5 })
    batcher.flush()
    say(one, 1, 'OK beta\n')
    batcher.flush()
    say(other, 0, 'b')
    say(one, 0, 'ma\n')
    say(one, 1, 'OK gamma\n')
    batcher.flush()
    assert.deepEqual(told, [
      [1, 'data', 0, 'GET be'],
      [2, 'data', 0, 'a'],
      [2, 'data', 0, 'b'],
      [1, 'gap', 0, 10],
      [1, 'gap', 1, 13],
      [1, 'data', 0, 'ma\n'],
      [1, 'data', 1, 'OK gamma\n'],
    ])
    assert.deepEqual(relayed, [7, 10, 8, 13])
  })

  test('may be the one that says what an earlier one lacks', () => {
    const { batcher, told, relayed } = relaying((frame) => frame === 2)
    const [one, other] = [connection(1), connection(2)]
    batcher.relayed(one, data(0, 'abc'))
    batcher.flush()
    for (let at = 0; at < MOST_ITEMS - 1; at++) batcher.relayed(other, data(0, 'x'))
    batcher.relayed(one, data(0, 'def'))
    batcher.flush()
    assert.equal(relayed.length, 3)
    assert.deepEqual(told, [
      [1, 'gap', 0, 3],
      [1, 'data', 0, 'def'],
    ])
  })
})

test('dissectors of agents are told who the ends of a connection are, and of nobody while that is open', () => {
  const someone: Identity = {
    ...{ name: 'price', namespace: 'shop', mechanism: 'ip', pod: null, service: null, endpointSlice: null },
    ...{ workload: null, nodeName: '' },
  }
  const told: unknown[] = []
  let isOpen = true
  const origin = {
    ...{ worker: 'w', node: { ip: '', name: 'n' }, backend: 'af_packet', nameOf: () => undefined },
    ...{ identityOf: () => someone, mayChange: () => isOpen },
  }
  const batcher = new Batcher([], [], origin, (frame) => {
    for (const row of rowsIn(frame).map(readRelayed)) told.push(row.told?.[11].map(([, who]) => who?.name))
    return true
  })
  batcher.setDemand({ version: 0, items: new Set(), packets: new Set(), relays: true })
  const one = connection(1)
  batcher.relayed(one, data(0, 'abc'))
  batcher.flush()
  isOpen = false
  batcher.relayed(one, data(0, 'def'))
  batcher.flush()
  assert.deepEqual(told, [
    [undefined, undefined],
    ['price', 'price'],
  ])
})

const CONTROLS = '\u0001'.repeat(50_000)

const SAID = {
  name: 'said',
  protocols: [{}],
  request: object('', { text: text('') }),
  response: object('', {}),
} as unknown as EntryProtocol

/** It had 400 bytes on the wire, as what is compressed well has. */
function exchange(said: unknown): Exchange {
  const end = { ip: '192.0.2.1', port: '1' }
  return {
    dissector: SAID,
    variant: 0,
    stream: { name: 'a.pcap', client: end, server: end, vlan: -1, interfaceName: '' },
    index: 0,
    request: { text: said },
    response: null,
    data: null,
    requestSize: 400,
    responseSize: 0,
    seconds: 0,
    nanos: 0,
    elapsedTime: 0,
    error: null,
    matcherKey: '',
  }
}

/** The rows of each frame that is made of these. */
function framesOf(exchanges: readonly Exchange[]) {
  const frames: { text: unknown; size: unknown; error: unknown }[][] = []
  const origin = { worker: 'w', node: { ip: '', name: 'n' }, backend: 'pcap', nameOf: () => undefined }
  const batcher = new Batcher([SAID], [SAID], origin, (frame) => {
    frames.push(
      rowsIn(frame).map((row) => {
        const [, request, size, error] = row as [number, unknown[] | null, unknown, unknown]
        return { text: request?.[0], size, error }
      }),
    )
    return true
  })
  const items = new Set(['request.text', 'size', 'error'])
  batcher.setDemand({ version: 0, items, packets: new Set(), relays: false })
  for (const each of exchanges) batcher.item(each)
  batcher.flush()
  return frames
}

function rowsIn(frame: Uint8Array): unknown[][] {
  const bytes = Buffer.from(frame.buffer)
  const at = HEADER + BATCH_FIXED + bytes.readUInt32LE(HEADER + 4) * 12
  return JSON.parse(bytes.toString('utf8', at, at + bytes.readUInt32LE(HEADER + 12)))
}

/** A batcher whose frames go out or not, what those that do tell of connections, and how many bytes each frame has. */
function relaying(goesOut: (frame: number) => boolean) {
  const told: unknown[][] = []
  const relayed: number[] = []
  const origin = { worker: 'w', node: { ip: '', name: 'n' }, backend: 'af_packet', nameOf: () => undefined }
  const batcher = new Batcher([], [], origin, (frame, _items, _packets, bytes) => {
    const isSent = goesOut(relayed.length)
    relayed.push(bytes)
    for (const row of isSent ? rowsIn(frame).map(readRelayed) : [])
      told.push([row.connection, row.kind, row.from, row.kind === 'gap' ? row.length : row.text])
    return isSent
  })
  batcher.setDemand({ version: 0, items: new Set(), packets: new Set(), relays: true })
  return { batcher, told, relayed }
}

function connection(id: number): Connection {
  const packet = new Packet()
  packet.protocol = PROTOCOL.tcp
  packet.ipVersion = 4
  return new Connection(id, packet, 0, IDLE)
}

function data(from: End, text: string): RelayedEvent {
  const bytes = Buffer.from(text, 'latin1')
  return { kind: 'data', from, bytes, start: 0, end: bytes.length }
}
