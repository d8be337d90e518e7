import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dns } from '../dissectors/dns/dissector.ts'
import { http } from '../dissectors/http/dissector.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { Connection, type ConnectionHandler, IDLE } from '../reassembly/connection.ts'
import { type Dissector, JOINED } from './dissector.ts'
import { Dissection } from './engine.ts'

/** Half a head. A side that holds it has a buffer of 512 bytes. */
const PART = Buffer.from('GET / HTTP/1.1\r\nHost: a')
const BUFFER = 512

describe('when more is held than may be', () => {
  test('the oldest holders let go, however many', () => {
    const { dissection, open } = dissecting(10_000 * BUFFER)
    for (let each = 0; each < 10_000; each++) say(open(), PART)
    assert.equal(dissection.counters.skipped.evicted, 0)
    dissection.holds(IDLE, 0, 9_000 * BUFFER)
    say(open(), PART)
    assert.equal(dissection.counters.skipped.evicted, 9_001 * PART.length)
  })

  test('so does who asks for more, be it the oldest or the only one', () => {
    const { open, told } = dissecting(1000, [hoarder(() => told.push('shed'))])
    const handler = open()
    for (let each = 0; each < 3; each++) say(handler, Buffer.alloc(600))
    assert.deepEqual(told, ['shed'])
    say(handler, Buffer.alloc(600))
    assert.deepEqual(told, ['shed', 'shed'])
  })

  test('what nobody can let go is not asked for again, and costs nobody else', () => {
    const { dissection, open, told } = dissecting(1000, [hoarder(() => told.push('asked'), false), http])
    say(open(), Buffer.alloc(1200))
    assert.deepEqual(told, ['asked'])
    say(open(), PART)
    assert.equal(dissection.counters.skipped.evicted, 0)
    say(open(), PART)
    assert.equal(dissection.counters.skipped.evicted, PART.length)
    assert.deepEqual(told, ['asked'])
  })

  test('requests that wait for replies count, and the oldest are given up', () => {
    const { dissection, open, told } = dissecting(1 << 20)
    const handler = open()
    for (let each = 0; each < 15; each++) say(handler, post(100_000))
    assert.deepEqual(
      told,
      Array.from({ length: 11 }, () => 'the reply was not captured'),
    )
    handler.data(1, OK, 0, OK.length)
    assert.deepEqual(told.slice(11), ['reply without a request'])
    const other = open()
    say(other, PART)
    for (let each = 0; each < 7; each++) say(handler, post(100_000))
    assert.equal(dissection.counters.skipped.evicted, 0)
  })

  test('requests do not stand for what is unfinished, be it more', () => {
    const reply = hoarder(() => told.push('shed')).open(CONTEXT, JOINED).client
    const client = {
      next: (_: Uint8Array, start: number, end: number) => ({
        ...{ kind: 'message', length: end - start, id: end - start },
        message: {},
      }),
    }
    const dissector = { ...hoarder(() => {}), pairing: 'by-id', open: () => ({ client, server: reply }) }
    const { dissection, open, told } = dissecting(100_000, [dissector, http])
    const handler = open()
    for (let each = 0; each < 20; each++) say(handler, Buffer.alloc(1000 + each))
    say(open(), PART)
    handler.data(1, Buffer.alloc(90_000), 0, 90_000)
    assert.equal(told.pop(), 'shed')
    assert.equal(told.length > 10, true)
    assert.equal(dissection.counters.skipped.evicted, 0)
  })

  test('small requests of many connections count as well', () => {
    const { open, told } = dissecting(1 << 20)
    const get = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const handlers = Array.from({ length: 100 }, () => open())
    for (let each = 0; each < 100; each++) for (const handler of handlers) say(handler, get)
    assert.equal(told.length > 7000, true)
  })

  test('datagrams that wait for replies count, too', () => {
    const { open, told } = dissecting(1 << 20, [dns])
    const name = Array.from({ length: 3 }, () => `3f${'61'.repeat(63)}`).join('')
    const handlers = Array.from({ length: 4 }, () => open(PROTOCOL.udp))
    for (let id = 0; id < 0x800; id++) {
      const hex = `${id.toString(16).padStart(4, '0')}01000001000000000000${name}0000010001`
      for (const handler of handlers) say(handler, Buffer.from(hex, 'hex'))
    }
    assert.equal(told.length > 0x1800, true)
    assert.equal(told.length < 0x2000, true)
    for (const handler of handlers) handler.close('idle')
    assert.equal(told.length, 0x2000)
  })

  test('a conversation that is over holds nothing', () => {
    const { dissection, open } = dissecting(4 * BUFFER)
    for (let each = 0; each < 100; each++) {
      const handler = open()
      say(handler, Buffer.from('POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\nabc'))
      handler.close('reset')
    }
    say(open(), PART)
    assert.equal(dissection.counters.skipped.evicted, 0)
  })
})

const CONTEXT = { wantsBodies: true, maxBody: 1 << 20 }

function dissecting(memory: number, dissectors: readonly unknown[] = [http]) {
  const told: string[] = []
  const dissection = new Dissection({
    dissectors: dissectors as readonly Dissector[],
    ports: new Map(),
    context: CONTEXT,
    replyTimeout: 10,
    memory,
    exchange: ({ error }) => told.push(error?.msg ?? ''),
    conversation: () => {},
    reportEvery: 60,
  })
  const open = (protocol: number = PROTOCOL.tcp) => {
    const packet = new Packet()
    Object.assign(packet, { protocol, ipVersion: 4, srcPort: 50_000, dstPort: 40_000 })
    const connection = new Connection(0, packet, 0, IDLE)
    connection.opener = 0
    return dissection.open(connection)
  }
  return { dissection, open, told }
}

const OK = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')

function post(size: number): Uint8Array {
  return Buffer.concat([
    Buffer.from(`POST / HTTP/1.1\r\nContent-Length: ${size}\r\n\r\n`),
    Buffer.alloc(size),
  ])
}

function say(handler: ConnectionHandler, bytes: Uint8Array): void {
  handler.data(0, bytes, 0, bytes.length)
}

/** Keeps all that comes, from its first byte 0 on, and lets it go when it is asked; or does not. */
function hoarder(asked: () => void, letsGo = true): Dissector {
  const client = {
    held: 0,
    next(_: Uint8Array, start: number, end: number) {
      client.held += end - start
      return { kind: 'partial', length: end - start }
    },
    shed() {
      if (letsGo) client.held = 0
      asked()
    },
  }
  return {
    ...{ name: 'hoarder', transport: 'tcp', ports: [], pairing: 'none', protocols: [] },
    probe: (bytes: Uint8Array, start: number) => (bytes[start] === 0 ? 'match' : 'reject'),
    open: () => ({ client, server: { next: () => ({ kind: 'invalid', reason: '' }) } }),
  } as unknown as Dissector
}
