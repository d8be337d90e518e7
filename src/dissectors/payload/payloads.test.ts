import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Summary } from '../../dissect/dissector.ts'
import { compileFilter } from '../../filter/index.ts'
import { FLAG, Packet, PROTOCOL } from '../../packet/packet.ts'
import { payloadOf } from './payloads.ts'

const BOTH = { tcp: true, udp: true }
const ALL = 1 << 20

/** A packet of which `payload` was captured; its header says `sum` where the checksum is. */
function packetOf(protocol: number, payload: Uint8Array | string, changes: Partial<Packet> = {}): Packet {
  const header = Buffer.alloc(3 + (protocol === PROTOCOL.tcp ? 20 : 8))
  header.writeUInt16BE(0xbeef, 3 + (protocol === PROTOCOL.tcp ? 16 : 6))
  const bytes = Buffer.concat([header, Buffer.from(payload), Buffer.from('behind')])
  const payloadLength = Buffer.from(payload).length
  const ends = { payloadStart: header.length, payloadEnd: header.length + payloadLength, payloadLength }
  return Object.assign(new Packet(), { protocol, bytes, headerStart: 3, ...ends, ...changes })
}

const found = (packet: Packet, wanted = BOTH, most = ALL) => payloadOf(packet, wanted, most)
const dataOf = (packet: Packet, most?: number) => found(packet, BOTH, most)?.data

test('a segment says what it carries', () => {
  const data = dataOf(
    packetOf(PROTOCOL.tcp, 'GET /grüße', { flags: FLAG.ack | FLAG.psh, seq: 7, ack: 9, window: 512 }),
  )
  const { payload, length, checksum, flags, seq, ack, window, truncated } = data as never
  assert.deepEqual(
    [payload, length, checksum, flags, seq, ack, window, truncated],
    ['GET /grüße', 12, 0xbeef, 'PSH ACK', 7, 9, 512, false],
  )
})

test('a datagram has the length of its header', () => {
  const { payload, length, checksum, truncated } = dataOf(packetOf(PROTOCOL.udp, '\0\xff')) as never
  assert.deepEqual([payload, length, checksum, truncated], ['\0\xff', 11, 0xbeef, false])
})

test('what is no UTF-8 is a character a byte', () => {
  assert.equal(dataOf(packetOf(PROTOCOL.udp, Buffer.from([0x41, 0xff, 0xfe])))?.payload, 'A\xff\xfe')
})

test('the bytes are kept as they were', () => {
  const packet = packetOf(PROTOCOL.tcp, 'first')
  const data = dataOf(packet)
  packet.bytes.fill(0)
  assert.equal(data?.payload, 'first')
})

test('what is too long, was not captured or is not kept is cut between characters', () => {
  const long = dataOf(packetOf(PROTOCOL.tcp, `x${'ü'.repeat(40_000)}`))
  assert.deepEqual([long?.payload, long?.length, long?.truncated], [`x${'ü'.repeat(32_767)}`, 80_001, true])
  const none = dataOf(packetOf(PROTOCOL.tcp, 'secret'), 0)
  assert.deepEqual([none?.payload, none?.length, none?.truncated], ['', 6, true])
  const cut = dataOf(packetOf(PROTOCOL.tcp, 'abc', { payloadLength: 1000 }))
  assert.deepEqual([cut?.payload, cut?.length, cut?.truncated], ['abc', 1000, true])
})

test('what carries nothing, or is not wanted, is no entry', () => {
  assert.equal(found(packetOf(PROTOCOL.tcp, '')), undefined)
  assert.equal(found(packetOf(PROTOCOL.icmp, 'x')), undefined)
  assert.equal(found(packetOf(PROTOCOL.tcp, 'x'), { tcp: false, udp: true }), undefined)
  assert.equal(found(packetOf(PROTOCOL.udp, 'x'), { tcp: true, udp: false }), undefined)
})

test('filters of both languages find it', () => {
  for (const [packet, kfl2] of [
    [
      packetOf(PROTOCOL.tcp, 'GET /', { flags: FLAG.ack }),
      'tcp && tcp_method == "ACK" && tcp_payload == "GET /"',
    ],
    [
      packetOf(PROTOCOL.udp, 'GET /'),
      'udp && udp_length == 13 && udp_checksum == 48879 && udp_payload != ""',
    ],
  ] as const) {
    const { dissector, data } = found(packet) as NonNullable<ReturnType<typeof found>>
    const base: Summary = dissector.summarize(null as never, null as never, data as never)
    const [protocol] = dissector.protocols
    const entry = { protocol, request: null, response: null, data, base } as never
    const { methodQuery, summaryQuery } = base
    for (const query of [methodQuery, summaryQuery, 'data.payload.startsWith("GET")', protocol?.macro ?? ''])
      assert.equal(compileFilter(query, { prefer: 'kfl1' }).matches(entry), true, query)
    assert.equal(compileFilter('conn or flow', { prefer: 'kfl1' }).matches(entry), false)
    assert.equal(compileFilter(kfl2, { prefer: 'kfl2' }).matches(entry), true, kfl2)
  }
})
