import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import type { Packet } from '../packet/packet.ts'
import { CHUNK } from '../packet/sctp.ts'
import {
  chunk,
  type DataFields,
  dataChunk,
  initChunk,
  numberedChunk,
  sctpPacket,
} from '../testing/sctp-packets.ts'
import type { Connection, ConnectionHandler, End } from './connection.ts'
import { Reassembler, type ReassemblerOptions } from './reassembler.ts'

/** Notes what a handler is told: `0/3 text` of end 0 on stream 3, `?5` for a hole of five bytes. */
class Recorder implements ConnectionHandler {
  readonly log: string[] = []
  readonly times: number[] = []
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    this.#note(from, Buffer.from(bytes.subarray(start, end)).toString('latin1'))
    this.times.push(this.#connection.seconds)
  }
  gap(from: End, length: number): void {
    this.#note(from, `?${length}`)
  }
  end(from: End): void {
    this.log.push(`${from} ends`)
  }
  close(reason: string): void {
    this.log.push(reason)
  }
  evict(): void {}
  time(): void {}

  #note(from: End, text: string): void {
    this.log.push(`${from}/${this.#connection.sctp?.streamId} ${text}`)
  }
}

function reassembling(options: Partial<ReassemblerOptions> = {}) {
  const recorders: Recorder[] = []
  const reassembler = new Reassembler({
    memory: 1 << 20,
    maxConnections: 1000,
    tcpIdle: 1000,
    otherIdle: 1000,
    measure: false,
    open: (connection) => {
      const recorder = new Recorder(connection)
      recorders.push(recorder)
      return recorder
    },
    ...options,
  })
  let bytes = 0
  return {
    reassembler,
    recorders,
    push: (...packets: Packet[]) => {
      for (const packet of packets) {
        bytes += packet.payloadEnd - packet.payloadStart
        reassembler.push(packet)
      }
    },
    /** What was told of the first association, once all is over and every byte is accounted for. */
    told: () => {
      reassembler.finish()
      const { counters } = reassembler
      const sum =
        counters.deliveredBytes +
        counters.retransmittedBytes +
        counters.outOfWindowBytes +
        counters.afterEndBytes +
        counters.chunkBytes +
        counters.fragmentBytes
      assert.equal(sum, bytes)
      return recorders[0]?.log ?? []
    },
  }
}

/** Bytes of what cannot be collected. */
function memoryInUse(): number {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

const INIT = sctpPacket(0, [initChunk(CHUNK.init, 77, 10)], 0)
const data = (fields: DataFields, from: End = 0) => sctpPacket(from, [dataChunk(fields)])

describe('an association', () => {
  test('has its messages in order, each once, whatever the order of the packets', () => {
    const fragments: DataFields[] = [
      { tsn: 10, text: 'a' },
      { tsn: 11, stream: 1, text: 'bb', ends: false },
      { tsn: 12, stream: 1, text: 'c', begins: false, ends: false },
      { tsn: 13, stream: 1, text: 'd', begins: false },
      { tsn: 14, order: 1, text: 'e' },
      { tsn: 15, stream: 2, unordered: true, text: 'f', ends: false },
      { tsn: 16, stream: 2, unordered: true, text: 'g', begins: false },
    ]
    const packets = fragments.map((each) => data(each))
    const anyOrder = fc.shuffledSubarray([...packets, ...packets], { minLength: packets.length * 2 })
    fc.assert(
      fc.property(anyOrder, (order) => {
        const { push, told } = reassembling()
        push(INIT, ...order)
        assert.deepEqual(told(), ['0/0 a', '0/1 bbcd', '0/0 e', '0/2 fg', 'capture-end'])
      }),
    )
  })

  test('may bundle chunks, and count beyond 2^32', () => {
    const { push, told } = reassembling()
    push(
      sctpPacket(0, [
        numberedChunk(CHUNK.sack, 5),
        dataChunk({ tsn: 0xffffffff, order: 65535, text: 'abc' }),
        dataChunk({ tsn: 0, order: 0, text: 'd' }),
      ]),
      data({ tsn: 1, order: 1, text: 'e' }),
    )
    assert.deepEqual(told(), ['0/0 abc', '0/0 d', '0/0 e', 'capture-end'])
  })

  test('may mix the fragments of several messages', () => {
    const { push, told } = reassembling()
    push(
      data({ tsn: 1, stream: 1, fragment: 0, ends: false, text: 'a' }),
      data({ tsn: 2, stream: 2, fragment: 0, ends: false, text: 'x' }),
      data({ tsn: 3, stream: 1, fragment: 1, begins: false, ends: false, text: 'b' }),
      data({ tsn: 4, stream: 2, fragment: 1, begins: false, text: 'y' }),
      data({ tsn: 5, stream: 1, fragment: 2, begins: false, text: 'c' }),
    )
    assert.deepEqual(told(), ['0/2 xy', '0/1 abc', 'capture-end'])
  })

  test('begins with INIT, and ends when both ends have said so', () => {
    const { push, told, recorders, reassembler } = reassembling()
    push(
      INIT,
      sctpPacket(1, [initChunk(CHUNK.initAck, 78, 50)], 77),
      sctpPacket(0, [chunk(CHUNK.cookieEcho, 0, [1, 2, 3, 4])], 78),
      data({ tsn: 10, text: 'ask' }),
      data({ tsn: 50, text: 'answer' }, 1),
      sctpPacket(0, [numberedChunk(CHUNK.shutdown, 50)]),
      sctpPacket(1, [chunk(CHUNK.shutdownAck, 0)]),
      sctpPacket(0, [chunk(CHUNK.shutdownComplete, 0)]),
      data({ tsn: 11, text: 'late' }),
    )
    assert.deepEqual(told(), ['0/0 ask', '1/0 answer', '0 ends', '1 ends', 'closed'])
    assert.equal(recorders.length, 1)
    assert.equal(reassembler.counters.connections.sctp, 1)
    assert.equal(reassembler.counters.afterEndBytes, 4)
  })

  test('is another one after an INIT that is another, or numbers of elsewhere with another tag', () => {
    const { push, told, recorders } = reassembling()
    push(
      INIT,
      data({ tsn: 10, text: 'a' }),
      INIT,
      data({ tsn: 11, order: 1, text: 'b' }),
      sctpPacket(0, [initChunk(CHUNK.init, 99, 1)], 0),
      data({ tsn: 1, text: 'c' }),
      sctpPacket(0, [dataChunk({ tsn: 1 << 30, text: 'd' })], 2),
    )
    assert.deepEqual(told(), ['0/0 a', '0/0 b', 'replaced'])
    assert.deepEqual(
      recorders.map(({ log }) => log),
      [
        ['0/0 a', '0/0 b', 'replaced'],
        ['0/0 c', 'replaced'],
        ['0/0 d', 'capture-end'],
      ],
    )
  })

  for (const tag of [78, 99])
    test(`begins with the INIT ACK whose tag the COOKIE ECHO has, of several: ${tag}`, () => {
      const first = tag === 78 ? 0x70000000 : 50
      const { push, told, reassembler } = reassembling()
      push(
        INIT,
        sctpPacket(1, [initChunk(CHUNK.initAck, 78, 0x70000000)], 77),
        INIT,
        sctpPacket(1, [initChunk(CHUNK.initAck, 99, 50)], 77),
        sctpPacket(0, [chunk(CHUNK.cookieEcho, 0, [1, 2, 3, 4]), dataChunk({ tsn: 10, text: 'ask' })], tag),
        sctpPacket(1, [chunk(CHUNK.cookieAck, 0), dataChunk({ tsn: first, text: 'answer' })], 77),
        // Sent before the server had the COOKIE ECHO, and late.
        sctpPacket(1, [initChunk(CHUNK.initAck, 100, 60)], 77),
        sctpPacket(1, [dataChunk({ tsn: first + 1, order: 1, text: 'more' })], 77),
      )
      assert.deepEqual(told(), ['0/0 ask', '1/0 answer', '1/0 more', 'capture-end'])
      assert.equal(reassembler.counters.outOfWindowBytes, 0)
    })

  test('does not go back over what was received, whatever INIT ACKs say', () => {
    const { push, told } = reassembling()
    push(
      data({ tsn: 50, text: 'a' }, 1),
      sctpPacket(1, [initChunk(CHUNK.initAck, 99, 50)], 77),
      data({ tsn: 50, text: 'a' }, 1),
      data({ tsn: 51, order: 1, text: 'b' }, 1),
    )
    assert.deepEqual(told(), ['0/0 a', '0/0 b', 'capture-end'])
  })

  test('ends with ABORT', () => {
    const { push, told } = reassembling()
    push(data({ tsn: 1, text: 'a' }), sctpPacket(1, [chunk(CHUNK.abort, 0)]))
    assert.deepEqual(told(), ['0/0 a', 'reset'])
  })
})

describe('an association with several addresses', () => {
  const address = (last: number) => [0, 5, 0, 8, 10, 0, 0, last]
  const elsewhere = (packet: Packet, src: number, dst: number) =>
    Object.assign(packet, { src0: 0x0a000000 + src, dst0: 0x0a000000 + dst })
  const init = (from: End, type: number, tag: number, tsn: number, sent: number, last: number) => {
    const bytes = initChunk(type, tag, tsn)
    bytes.writeUInt16BE(bytes.length + 8, 2)
    return sctpPacket(from, [Buffer.concat([bytes, Buffer.from(address(last))])], sent)
  }
  const opening = [init(0, CHUNK.init, 77, 10, 0, 3), init(1, CHUNK.initAck, 78, 50, 77, 4)]

  test('is one, whatever path its packets take', () => {
    const { push, told, recorders } = reassembling()
    push(
      ...opening,
      sctpPacket(0, [dataChunk({ tsn: 10, text: 'a' })], 78),
      elsewhere(sctpPacket(0, [dataChunk({ tsn: 11, order: 1, text: 'b' })], 78), 3, 4),
      elsewhere(sctpPacket(1, [dataChunk({ tsn: 50, text: 'c' })], 77), 4, 3),
      sctpPacket(0, [dataChunk({ tsn: 12, order: 2, text: 'd' })], 78),
    )
    assert.equal(recorders.length, 1)
    assert.deepEqual(told(), ['0/0 a', '0/0 b', '1/0 c', '0/0 d', 'capture-end'])
  })

  test('is found by the tag that its COOKIE ECHO has', () => {
    const { push, told, recorders } = reassembling()
    push(
      ...opening,
      opening[0] as Packet,
      init(1, CHUNK.initAck, 99, 60, 77, 4),
      sctpPacket(0, [chunk(CHUNK.cookieEcho, 0, [1, 2, 3, 4])], 99),
      elsewhere(sctpPacket(0, [dataChunk({ tsn: 10, text: 'a' })], 99), 3, 4),
      elsewhere(sctpPacket(1, [dataChunk({ tsn: 60, text: 'b' })], 77), 4, 3),
    )
    assert.equal(recorders.length, 1)
    assert.deepEqual(told(), ['0/0 a', '1/0 b', 'capture-end'])
  })

  test('is not that of other addresses, or with other tags', () => {
    const { push, recorders } = reassembling()
    push(
      ...opening,
      elsewhere(sctpPacket(0, [dataChunk({ tsn: 10, text: 'a' })], 78), 5, 4),
      elsewhere(sctpPacket(0, [dataChunk({ tsn: 10, text: 'b' })], 79), 3, 4),
    )
    assert.deepEqual(
      recorders.map(({ log }) => log),
      [[], ['0/0 a'], ['0/0 b']],
    )
  })
})

describe('what an association has lost', () => {
  test('is waited for, and then told of the streams that miss it', () => {
    const { push, told, recorders, reassembler } = reassembling()
    push(
      data({ tsn: 1, order: 0, text: 'a' }),
      data({ tsn: 2, stream: 1, order: 7, text: 'b' }),
      // 3 is lost.
      Object.assign(data({ tsn: 4, stream: 1, order: 8, text: 'd' }), { seconds: 4 }),
      data({ tsn: 5, order: 2, text: 'e' }),
    )
    assert.equal(recorders[0]?.log.length, 2)
    assert.deepEqual(told(), ['0/0 a', '0/1 b', '0/1 d', '0/0 ?1', '0/0 e', 'capture-end'])
    assert.deepEqual([reassembler.counters.holes, reassembler.counters.lostBytes], [1, 1])
    assert.equal(recorders[0]?.times[2], 4)
  })

  test('is given up once it was acknowledged, and some packets have passed', () => {
    const { push, recorders } = reassembling()
    push(data({ tsn: 1, text: 'a' }), data({ tsn: 3, order: 2, text: 'c' }))
    for (let count = 0; count < 15; count++) push(sctpPacket(1, [numberedChunk(CHUNK.sack, 3)]))
    assert.deepEqual(recorders[0]?.log, ['0/0 a'])
    push(sctpPacket(1, [numberedChunk(CHUNK.sack, 3)]))
    assert.deepEqual(recorders[0]?.log, ['0/0 a', '0/0 ?1', '0/0 c'])
  })

  test('is no hole where the sender has given it up', () => {
    const { push, told, reassembler } = reassembling()
    push(
      data({ tsn: 1, text: 'a' }),
      data({ tsn: 3, order: 2, text: 'c' }),
      sctpPacket(0, [numberedChunk(CHUNK.forwardTsn, 2)]),
    )
    assert.deepEqual(told(), ['0/0 a', '0/0 ?1', '0/0 c', 'capture-end'])
    assert.equal(reassembler.counters.holes, 0)
  })

  test('costs a message whose fragments it were', () => {
    const { push, told, reassembler } = reassembling()
    push(
      data({ tsn: 1, begins: false, text: 'before' }),
      data({ tsn: 2, order: 1, ends: false, text: 'aa' }),
      data({ tsn: 4, order: 1, begins: false, text: 'cc' }),
      data({ tsn: 5, order: 2, text: 'd' }),
      data({ tsn: 6, order: 3, ends: false, text: 'unfinished' }),
    )
    assert.deepEqual(told(), ['0/0 ?6', '0/0 ?2', '0/0 ?2', '0/0 d', '0/0 ?10', 'capture-end'])
    assert.equal(reassembler.counters.fragmentBytes, 20)
  })

  test('may be the end of a packet', () => {
    const whole = data({ tsn: 1, text: 'abcdef' })
    const { push, told, reassembler } = reassembling()
    push(Object.assign(whole, { payloadEnd: whole.payloadEnd - 4 }))
    // Two bytes of padding are among the four.
    assert.deepEqual(told(), ['0/0 abcd', '0/0 ?2', 'capture-end'])
    assert.equal(reassembler.counters.lostBytes, 2)
  })
})

describe('memory', () => {
  test('is let go when there is too little', () => {
    const { push, told, reassembler } = reassembling({ memory: 1000 })
    push(data({ tsn: 1, text: 'a' }))
    for (let tsn = 3; tsn < 12; tsn++) push(data({ tsn, order: tsn - 1, text: 'x'.repeat(150) }))
    assert.equal(reassembler.counters.evictions, 1)
    assert.equal(told().length, 12)
  })

  test('does not grow with messages that do not end', () => {
    const { push, told, reassembler } = reassembling({ memory: 64 << 20 })
    for (let tsn = 1; tsn < 3000; tsn++)
      push(data({ tsn, stream: tsn, fragment: 0, ends: false, text: 'x'.repeat(100) }))
    const { fragmentBytes } = reassembler.counters
    assert.ok(fragmentBytes > 2_500 * 100, `${fragmentBytes}`)
    told()
  })

  test('of many small fragments is that of their bytes', () => {
    const { push, told } = reassembling()
    const packets = Array.from({ length: 100 }, (_, packet) =>
      sctpPacket(
        0,
        Array.from({ length: 1000 }, (_, at) => {
          const tsn = packet * 1000 + at
          return dataChunk({ tsn, begins: tsn === 0, ends: tsn === 99_999, text: 'x' })
        }),
      ),
    )
    const before = memoryInUse()
    push(...packets.slice(0, -1))
    const grown = memoryInUse() - before
    push(...packets.slice(-1))
    assert.deepEqual(told(), [`0/0 ${'x'.repeat(100_000)}`, 'capture-end'])
    assert.ok(grown < 4 << 20, `${grown}`)
  })

  test('does not grow with a message that is too long', () => {
    const { push, told } = reassembling({ memory: 64 << 20 })
    const text = 'x'.repeat(60_000)
    for (let tsn = 1; tsn < 100; tsn++) push(data({ tsn, begins: tsn === 1, ends: tsn === 99, text }))
    assert.ok(told().every((line) => line.startsWith('0/0 ?') || line === 'capture-end'))
  })
})

test('any chunks can be read, and every byte is accounted for', () => {
  const small = fc.integer({ min: 0, max: 12 })
  const anyChunk = fc.oneof(
    fc
      .record({ tsn: small, stream: fc.nat(2), order: small, begins: fc.boolean(), ends: fc.boolean() })
      .map((fields) => dataChunk({ ...fields, text: 'abc' })),
    fc
      .record({ tsn: small, order: small, fragment: fc.nat(3), begins: fc.boolean(), ends: fc.boolean() })
      .map((fields) => dataChunk({ ...fields, text: 'abc' })),
    fc
      .tuple(fc.constantFrom(CHUNK.sack, CHUNK.forwardTsn, CHUNK.shutdown), small)
      .map(([type, tsn]) => numberedChunk(type, tsn)),
    fc
      .tuple(fc.constantFrom(CHUNK.init, CHUNK.initAck), small, small)
      .map(([type, tag, tsn]) => initChunk(type, tag, tsn)),
    fc
      .tuple(fc.nat(255), fc.uint8Array({ maxLength: 20 }))
      .map(([type, value]) => chunk(type, 0, [...value])),
    fc.uint8Array({ maxLength: 24 }),
  )
  const anyPacket = fc.tuple(fc.constantFrom<End>(0, 1), fc.array(anyChunk, { maxLength: 4 }), fc.nat(8))
  fc.assert(
    fc.property(fc.array(anyPacket, { maxLength: 30 }), (packets) => {
      const { push, told } = reassembling({ memory: 64 })
      for (const [from, chunks, cut] of packets) {
        const packet = sctpPacket(from, chunks)
        push(Object.assign(packet, { payloadEnd: Math.max(12, packet.payloadEnd - cut) }))
      }
      told()
    }),
    { numRuns: 500 },
  )
})
