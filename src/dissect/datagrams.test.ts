import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { dns } from '../dissectors/dns/dissector.ts'
import { radius } from '../dissectors/radius/dissector.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { Reassembler } from '../reassembly/reassembler.ts'
import type { Dissector } from './dissector.ts'
import { Dissection } from './engine.ts'

/** A question for `test`, A. */
const QUESTION = Buffer.from('00010100000100000000000004746573740000010001', 'hex')
const ANSWER = Buffer.from('00018100000100000000000004746573740000010001', 'hex')

describe('a datagram that nobody answers', () => {
  test('is an entry when its time is up, though nothing more comes on its conversation', () => {
    const { reassembler, seen } = reading()
    reassembler.push(question(4000, 100))
    reassembler.push(question(4001, 109))
    assert.deepEqual(seen, [])
    reassembler.push(question(4002, 115))
    assert.deepEqual(seen, ['4000 no reply'])
  })

  test('is an entry when its time is up, though nothing more comes at all', () => {
    const { reassembler, seen } = reading()
    reassembler.push(question(4000, 100))
    reassembler.advance(110)
    assert.deepEqual(seen, [])
    reassembler.advance(116)
    assert.deepEqual(seen, ['4000 no reply'])
    reassembler.finish()
    assert.equal(seen.length, 1)
  })
})

test('both ends may ask with the same ids', () => {
  const { reassembler, seen } = reading()
  const asked = question(4000, 100)
  reassembler.push(asked)
  reassembler.push(back(asked, QUESTION))
  reassembler.push(back(asked, ANSWER))
  assert.deepEqual(seen, ['4000 undefined'])
  reassembler.finish()
  assert.deepEqual(seen, ['4000 undefined', '53 no reply'])
})

test('a message that says what it is counts as that, however it looks', () => {
  const { reassembler, seen } = reading()
  const access = (attributes: string) =>
    Buffer.from(
      `0101${(20 + attributes.length / 2).toString(16).padStart(4, '0')}${'0'.repeat(32)}${attributes}`,
      'hex',
    )
  reassembler.push(datagram(access('0105626f62'), 4000, 100))
  reassembler.push(datagram(access('ff00'), 4000, 101))
  reassembler.finish()
  assert.deepEqual(seen, ['4000 undefined', '4000 no reply'])
})

function reading() {
  const seen: string[] = []
  const dissection = new Dissection({
    dissectors: [dns, radius] as unknown as Dissector[],
    ports: new Map(),
    context: { wantsBodies: true, maxBody: 1000 },
    replyTimeout: 10,
    exchange: ({ stream, error }) => seen.push(`${stream.client.port} ${error?.msg}`),
    memory: 1 << 20,
    conversation: () => {},
    reportEvery: 60,
  })
  const reassembler = new Reassembler({
    memory: 1 << 20,
    maxConnections: 10,
    tcpIdle: 1000,
    otherIdle: 1000,
    measure: false,
    open: (connection) => dissection.open(connection),
  })
  return { reassembler, seen }
}

function question(port: number, seconds: number): Packet {
  return datagram(QUESTION, port, seconds)
}

function datagram(bytes: Uint8Array, port: number, seconds: number): Packet {
  return Object.assign(new Packet(), {
    ...{ protocol: PROTOCOL.udp, ipVersion: 4, src0: 1, dst0: 2, srcPort: port, dstPort: 53, seconds },
    ...{ bytes, payloadEnd: bytes.length, payloadLength: bytes.length },
  })
}

/** From the other end. */
function back(packet: Packet, bytes: Uint8Array): Packet {
  const { src0, dst0, srcPort, dstPort } = packet
  return Object.assign(new Packet(), packet, {
    ...{ src0: dst0, dst0: src0, srcPort: dstPort, dstPort: srcPort },
    ...{ bytes, payloadEnd: bytes.length, payloadLength: bytes.length },
  })
}
