import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dissectors } from '../dissectors/index.ts'
import type { Packet } from '../packet/packet.ts'
import { CHUNK } from '../packet/sctp.ts'
import type { End } from '../reassembly/connection.ts'
import { Reassembler } from '../reassembly/reassembler.ts'
import { chunk, type DataFields, dataChunk, initChunk, sctpPacket } from '../testing/sctp-packets.ts'
import { Dissection } from './engine.ts'

const data = (from: End, fields: DataFields) => sctpPacket(from, [dataChunk(fields)])
const INIT = sctpPacket(0, [initChunk(CHUNK.init, 5, 1)], 0)

/** Device-Watchdog, a request or an answer, with this hop-by-hop identifier. */
function watchdog(isRequest: boolean, id: number): Buffer {
  const host = Buffer.from('000001084000000c61626364', 'hex')
  const header = Buffer.from(`01000020 ${isRequest ? '80' : '00'}000118 00000000`.replaceAll(' ', ''), 'hex')
  const ids = Buffer.alloc(8)
  ids.writeUInt32BE(id)
  return Buffer.concat([header, ids, host])
}

/** What is made of packets: `http 5000 GET / 200`, with the port of who asked. */
function read(packets: readonly Packet[]) {
  const seen: string[] = []
  const indices: number[] = []
  const dissection = new Dissection({
    dissectors,
    ports: new Map(),
    context: { wantsBodies: true, maxBody: 1000 },
    replyTimeout: 10,
    exchange: ({ dissector, stream, index, request, response, error }) => {
      const { method, summary, status } = dissector.summarize(
        request as never,
        response as never,
        null as never,
      )
      indices.push(index)
      seen.push(
        `${dissector.name} ${stream.client.port} ${method} ${summary} ${status} ${error?.msg ?? ''}`.trimEnd(),
      )
    },
    memory: 1 << 20,
    conversation: () => {},
    reportEvery: 60,
  })
  const reassembler = new Reassembler({
    ...{ memory: 1 << 20, maxConnections: 100, tcpIdle: 1000, otherIdle: 1000, measure: false },
    open: (connection) => dissection.open(connection),
  })
  for (const packet of packets) reassembler.push(packet)
  reassembler.finish()
  const { dissected, skipped } = dissection.counters
  const sum = dissected + Object.values(skipped).reduce((all, each) => all + each, 0)
  assert.equal(reassembler.counters.deliveredBytes, sum)
  return { seen, indices, skipped }
}

describe('the streams of an association', () => {
  test('are read like connections, each on its own', () => {
    const { seen, indices } = read([
      INIT,
      data(0, { tsn: 1, stream: 1, text: 'GET /one HTTP/1.1\r\nHost: a\r\n' }),
      data(0, { tsn: 2, stream: 2, text: 'GET /two HTTP/1.1\r\nHost: a\r\n\r\n' }),
      data(0, { tsn: 3, stream: 1, order: 1, text: '\r\n' }),
      data(1, { tsn: 1, stream: 2, text: 'HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n' }),
      data(1, { tsn: 2, stream: 1, text: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n' }),
      data(1, { tsn: 3, stream: 1, order: 1, text: 'ok' }),
    ])
    assert.deepEqual(seen, ['http 5000 GET /two 404', 'http 5000 GET /one 200'])
    assert.deepEqual(indices, [0, 1])
  })

  test('go on after a loss that is not theirs', () => {
    const ask = (tsn: number, stream: number, order: number): Packet =>
      data(0, { tsn, stream, order, text: `GET /${stream}${order} HTTP/1.1\r\nHost: a\r\n\r\n` })
    const { seen } = read([INIT, ask(1, 1, 0), ask(2, 2, 0), ask(4, 2, 1), ask(5, 1, 2)])
    assert.deepEqual(
      seen.map((line) => line.split(' ')[3]),
      ['/10', '/12', '/20', '/21'],
    )
  })

  test('that are too many are left out', () => {
    const packets = Array.from({ length: 300 }, (_, stream) => data(0, { tsn: stream, stream, text: 'x' }))
    const { seen, skipped } = read(packets)
    assert.deepEqual(seen, [])
    assert.equal(skipped.unrecognised, 300)
  })

  test('are limited over all associations, as long as these last', () => {
    const from = (host: number, ...chunks: Uint8Array[]) =>
      Object.assign(sctpPacket(0, chunks), { src0: host })
    const many = Array.from({ length: 256 }, (_, stream) => dataChunk({ tsn: stream, stream, text: 'x' }))
    const ask = (path: string) => dataChunk({ tsn: 1, text: `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n` })
    const { seen } = read([
      ...Array.from({ length: 32 }, (_, host) => from(10 + host, ...many)),
      from(1, ask('/one')),
      from(10, chunk(CHUNK.abort, 0)),
      from(3, ask('/two')),
    ])
    assert.deepEqual(seen, ['http 5000 GET /two 0 no reply before the capture ended'])
  })
})

describe('messages of an association', () => {
  test('are read one by one, whatever their streams are, and either end may ask with the same id', () => {
    const { seen } = read([
      INIT,
      data(0, { tsn: 1, text: watchdog(true, 7) }),
      data(1, { tsn: 1, stream: 3, text: watchdog(true, 7) }),
      data(0, { tsn: 2, order: 1, text: watchdog(false, 7) }),
      data(1, { tsn: 2, stream: 4, text: watchdog(false, 7) }),
    ])
    assert.deepEqual(seen, ['diameter 80 Device-Watchdog abcd 0', 'diameter 5000 Device-Watchdog abcd 0'])
  })

  test('that come in the middle are recognised', () => {
    const { seen } = read([data(1, { tsn: 9, text: watchdog(false, 1) }), data(0, { tsn: 9, text: 'odd' })])
    assert.deepEqual(seen, ['diameter 5000 Device-Watchdog abcd 0 reply without a request'])
  })
})
