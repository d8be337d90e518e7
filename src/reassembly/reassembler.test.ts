import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { FLAG, Packet, PROTOCOL } from '../packet/packet.ts'
import type { Connection, ConnectionHandler, End } from './connection.ts'
import { Reassembler, type ReassemblerOptions } from './reassembler.ts'

/** Notes everything that a handler is told. */
class Recorder implements ConnectionHandler {
  readonly streams: [string, string] = ['', '']
  readonly gaps: number[] = []
  readonly ends: End[] = []
  /** Everything in the order in which it was told: `0 abc`, `1 ???`. */
  readonly log: string[] = []
  readonly times: number[] = []
  closed: string | undefined
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    const text = Buffer.from(bytes.subarray(start, end)).toString('latin1')
    this.streams[from] += text
    this.log.push(`${from} ${text}`)
    this.times.push(this.#connection.seconds)
  }
  gap(from: End, length: number): void {
    this.gaps.push(length)
    this.log.push(`${from} ${'?'.repeat(length)}`)
    this.streams[from] += '?'.repeat(length)
  }
  end(from: End): void {
    this.ends.push(from)
  }
  close(reason: string): void {
    this.closed = reason
  }
  evict(): void {}
  time(): void {}
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
  return { reassembler, recorders }
}

interface Segment {
  readonly from?: End
  readonly seq: number
  readonly ack?: number
  readonly flags?: number
  readonly text?: string
  readonly seconds?: number
  readonly cut?: number
}

function segment({
  from = 0,
  seq,
  ack = 0,
  flags = FLAG.ack,
  text = '',
  seconds = 0,
  cut = 0,
}: Segment): Packet {
  const packet = new Packet()
  packet.protocol = PROTOCOL.tcp
  packet.ipVersion = 4
  packet.src0 = from === 0 ? 1 : 2
  packet.dst0 = from === 0 ? 2 : 1
  packet.srcPort = from === 0 ? 1000 : 80
  packet.dstPort = from === 0 ? 80 : 1000
  packet.seq = seq >>> 0
  packet.ack = ack >>> 0
  packet.flags = flags
  packet.seconds = seconds
  packet.bytes = Buffer.from(text, 'latin1')
  packet.payloadEnd = text.length - cut
  packet.payloadLength = text.length
  return packet
}

/** What was not captured of connections. */
function seen({ counters: { begunBefore, oneSided } }: Reassembler) {
  return { begunBefore, oneSided }
}

const SYN = { seq: 99, flags: FLAG.syn }

/** A connection whose ends have shaken hands. */
function dialogue() {
  const { reassembler, recorders } = reassembling()
  reassembler.push(segment(SYN))
  reassembler.push(segment({ from: 1, seq: 499, ack: 100, flags: FLAG.syn | FLAG.ack }))
  return { reassembler, recorders }
}

describe('reassembly', () => {
  test('delivers the same stream in whatever order its segments come', () => {
    const text = 'The quick brown fox jumps over the lazy dog, again and again.'
    const cuts = fc.array(fc.tuple(fc.nat(text.length - 1), fc.integer({ min: 1, max: 20 })), {
      maxLength: 20,
    })
    fc.assert(
      fc.property(
        cuts,
        fc.integer({ min: 0, max: 0xffffffff }),
        fc.infiniteStream(fc.nat()),
        (extra, start, random) => {
          const pieces: Segment[] = []
          for (let at = 0; at < text.length; at += 7)
            pieces.push({ seq: start + 1 + at, text: text.slice(at, at + 7) })
          for (const [at, length] of extra)
            pieces.push({ seq: start + 1 + at, text: text.slice(at, at + length) })
          const shuffled = pieces
            .map((piece) => ({ piece, key: random.next().value as number }))
            .sort((a, b) => a.key - b.key)
          const { reassembler, recorders } = reassembling()
          reassembler.push(segment({ seq: start, flags: FLAG.syn }))
          for (const { piece } of shuffled) reassembler.push(segment(piece))
          reassembler.finish()
          assert.equal(recorders[0]?.streams[0], text)
          assert.deepEqual(recorders[0]?.gaps, [])
          const { deliveredBytes, retransmittedBytes } = reassembler.counters
          const sent = pieces.reduce((sum, { text: piece = '' }) => sum + piece.length, 0)
          assert.equal(deliveredBytes, text.length)
          assert.equal(deliveredBytes + retransmittedBytes, sent)
        },
      ),
    )
  })

  test('does not depend on the buffer that packets came in', () => {
    const { reassembler, recorders } = reassembling()
    reassembler.push(segment(SYN))
    const early = segment({ seq: 103, text: 'def' })
    reassembler.push(early)
    early.bytes.fill(0)
    reassembler.push(segment({ seq: 100, text: 'abc' }))
    assert.equal(recorders[0]?.streams[0], 'abcdef')
  })

  test('keeps what came first where segments contradict each other', () => {
    const { reassembler, recorders } = reassembling()
    reassembler.push(segment(SYN))
    reassembler.push(segment({ seq: 102, text: 'cd' }))
    reassembler.push(segment({ seq: 101, text: 'XYZW' }))
    reassembler.push(segment({ seq: 100, text: 'a' }))
    assert.equal(recorders[0]?.streams[0], 'aXcdW')
  })

  test('gives up a hole that the receiver has acknowledged', () => {
    const { reassembler, recorders } = reassembling()
    reassembler.push(segment(SYN))
    reassembler.push(segment({ seq: 100, text: 'ab' }))
    for (let n = 0; n < 40; n++) {
      reassembler.push(segment({ seq: 110 + n, text: 'x' }))
      reassembler.push(segment({ from: 1, seq: 500, ack: 111 + n }))
    }
    assert.deepEqual(recorders[0]?.gaps, [8])
    assert.match(recorders[0]?.streams[0] ?? '', /^ab\?{8}x{30}/)
  })

  test('passes on what an end had received before what it sent then', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ from: 1, seq: 500, ack: 103, text: 'reply' }))
    reassembler.push(segment({ seq: 100, ack: 500, text: 'ask' }))
    reassembler.push(segment({ from: 1, seq: 505, ack: 107, text: 'again' }))
    reassembler.push(segment({ seq: 103, ack: 505, text: 'more' }))
    assert.deepEqual(recorders[0]?.log, ['0 ask', '1 reply', '0 more', '1 again'])
  })

  test('does not wait for ever for bytes that were received and not captured', () => {
    const { reassembler, recorders } = dialogue()
    let ack = 110
    for (let n = 0; n < 20; n++, ack += 3) {
      reassembler.push(segment({ from: 1, seq: 500 + 2 * n, ack, text: 'ok', seconds: 2 * n }))
      reassembler.push(segment({ seq: ack, ack: 502 + 2 * n, text: 'ask', seconds: 2 * n + 1 }))
    }
    const { log, times } = recorders[0] as Recorder
    assert.deepEqual(log.slice(0, 4), ['0 ??????????', '1 ok', '0 ask', '1 ok'])
    assert.deepEqual(times, [...times.keys()], 'each came when it was captured')
    assert.equal(log.length, 41)
  })

  test('gives up what was received and not captured when nothing comes any more', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ seq: 100, ack: 500, text: 'as' }))
    reassembler.push(segment({ from: 1, seq: 500, ack: 105, text: 'reply' }))
    const other = segment({ ...SYN, seconds: 6 })
    other.srcPort = 2000
    reassembler.push(other)
    assert.deepEqual(recorders[0]?.log, ['0 as', '0 ???', '1 reply'])
  })

  test('ends a connection whose last bytes were not captured', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ seq: 100, ack: 500, text: 'ask' }))
    reassembler.push(segment({ from: 1, seq: 500, ack: 103, text: 're' }))
    reassembler.push(segment({ from: 1, seq: 505, ack: 103, flags: FLAG.fin | FLAG.ack }))
    reassembler.push(segment({ seq: 103, ack: 506, flags: FLAG.fin | FLAG.ack }))
    assert.equal(recorders[0]?.closed, undefined)
    const other = segment({ ...SYN, seconds: 6 })
    other.srcPort = 2000
    reassembler.push(other)
    assert.deepEqual(recorders[0]?.log, ['0 ask', '1 re', '1 ???'])
    assert.deepEqual([recorders[0]?.ends, recorders[0]?.closed], [[0, 1], 'closed'])
  })

  test('reads on where a segment is sent again with a later acknowledgement', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ from: 1, seq: 500, ack: 103, text: 'reply' }))
    reassembler.push(segment({ seq: 100, ack: 505, text: 'ask' }))
    assert.deepEqual(recorders[0]?.log, ['0 ask', '1 reply'])
  })

  test('does not take an acknowledged FIN for a byte that is missing', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ seq: 100, ack: 500, text: 'ask', flags: FLAG.fin | FLAG.ack }))
    reassembler.push(segment({ from: 1, seq: 500, ack: 104, text: 'reply' }))
    assert.deepEqual(recorders[0]?.log, ['0 ask', '1 reply'])
    const lost = dialogue()
    lost.reassembler.push(segment({ seq: 100, ack: 500, text: 'ask' }))
    lost.reassembler.push(segment({ from: 1, seq: 500, ack: 104, text: 'reply' }))
    lost.reassembler.finish()
    assert.deepEqual(lost.recorders[0]?.log, ['0 ask', '1 reply'])
  })

  test('does not end where a reset or FIN of another connection says', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ seq: 100, text: 'one' }))
    reassembler.push(segment({ seq: 900_000_000, flags: FLAG.rst }))
    reassembler.push(segment({ seq: 3, flags: FLAG.fin | FLAG.ack }))
    reassembler.push(segment({ seq: 103, text: 'two' }))
    assert.deepEqual(recorders[0]?.streams, ['onetwo', ''])
    reassembler.push(segment({ seq: 106, flags: FLAG.rst }))
    assert.equal(recorders[0]?.closed, 'reset')
  })

  test('tells nothing of an end that sends no more, wherever it goes on', () => {
    const { reassembler, recorders } = dialogue()
    reassembler.push(segment({ seq: 100, text: 'one', flags: FLAG.fin | FLAG.ack }))
    reassembler.push(segment({ seq: 110, text: 'two' }))
    reassembler.finish()
    assert.deepEqual(recorders[0]?.log, ['0 one'])
    assert.deepEqual(recorders[0]?.ends, [0])
    assert.equal(reassembler.counters.afterEndBytes, 3)
  })

  test('marks what the capture cut off a packet', () => {
    const { reassembler, recorders } = reassembling()
    reassembler.push(segment(SYN))
    reassembler.push(segment({ seq: 100, text: 'abcdef', cut: 4 }))
    reassembler.push(segment({ seq: 106, text: 'g' }))
    assert.equal(recorders[0]?.streams[0], 'ab????g')
  })

  test('takes a new SYN on old ports for a new connection, and the same one for the old', () => {
    const { reassembler, recorders } = reassembling()
    reassembler.push(segment(SYN))
    reassembler.push(segment(SYN))
    reassembler.push(segment({ seq: 100, text: 'one' }))
    reassembler.push(segment({ seq: 7000, flags: FLAG.syn }))
    reassembler.push(segment({ seq: 7001, text: 'two' }))
    assert.deepEqual(
      recorders.map(({ streams, closed }) => [streams[0], closed]),
      [
        ['one', 'replaced'],
        ['two', undefined],
      ],
    )
  })

  test('knows of each packet before it is read which connection it is of', () => {
    const { reassembler, recorders } = reassembling({ tcpIdle: 10 })
    const ids = [
      segment(SYN),
      segment({ seq: 100, text: 'one' }),
      segment({ seq: 7000, flags: FLAG.syn }),
      segment({ seq: 7001, text: 'two' }),
      segment({ seq: 7004, text: 'three', seconds: 100 }),
    ].map((packet) => {
      const connection = reassembler.connectionOf(packet)
      reassembler.push(packet, connection)
      return connection?.id
    })
    assert.deepEqual(ids, [0, 0, 1, 1, 2])
    assert.deepEqual(
      recorders.map(({ streams, closed }) => [streams[0], closed]),
      [
        ['one', 'replaced'],
        ['two', 'idle'],
        ['three', undefined],
      ],
    )
  })

  test('starts midway, ends with FIN of both sides, and passes over keep-alives', () => {
    const { reassembler, recorders } = reassembling()
    reassembler.push(segment({ seq: 5000, text: 'mid' }))
    reassembler.push(segment({ seq: 5002, text: 'd' }))
    reassembler.push(segment({ seq: 5003, flags: FLAG.fin | FLAG.ack }))
    reassembler.push(segment({ from: 1, seq: 10, text: 'ok', flags: FLAG.fin | FLAG.ack }))
    assert.deepEqual(recorders[0]?.streams, ['mid', 'ok'])
    assert.deepEqual(recorders[0]?.ends, [0, 1])
    assert.equal(recorders[0]?.closed, 'closed')
    assert.equal(reassembler.counters.retransmittedBytes, 1)
    assert.deepEqual(seen(reassembler), { begunBefore: 1, oneSided: 0 })
  })

  test('counts connections of which one end, or the beginning, was not captured', () => {
    const { reassembler } = reassembling()
    reassembler.push(segment(SYN))
    assert.deepEqual(seen(reassembler), { begunBefore: 0, oneSided: 0 })
    reassembler.push(segment({ seq: 100, text: 'nobody answers' }))
    reassembler.push(segment({ seq: 114, text: 'again' }))
    reassembler.finish()
    assert.deepEqual(seen(reassembler), { begunBefore: 0, oneSided: 1 })
    reassembler.push(segment({ from: 1, seq: 5000, text: 'from before' }))
    assert.deepEqual(seen(reassembler), { begunBefore: 1, oneSided: 1 })
  })

  test('counts nothing of a connection that was refused, or to which nothing was said', () => {
    const { reassembler } = reassembling()
    reassembler.push(segment(SYN))
    reassembler.finish()
    reassembler.push(segment(SYN))
    reassembler.push(segment({ from: 1, seq: 0, flags: FLAG.rst | FLAG.ack }))
    reassembler.finish()
    assert.deepEqual(seen(reassembler), { begunBefore: 0, oneSided: 0 })
  })

  test('stays within its memory, whatever waits', () => {
    const { reassembler, recorders } = reassembling({ memory: 10_000 })
    for (let port = 0; port < 50; port++) {
      const syn = segment(SYN)
      syn.srcPort = 2000 + port
      reassembler.push(syn)
      const late = segment({ seq: 200, text: 'y'.repeat(1000) })
      late.srcPort = 2000 + port
      reassembler.push(late)
    }
    assert.equal(reassembler.counters.evictions, 40)
    assert.equal(recorders.filter(({ streams }) => streams[0].endsWith('y')).length, 40)
  })

  test('forgets idle connections, and the idlest when there are too many', () => {
    const { reassembler, recorders } = reassembling({ tcpIdle: 10, maxConnections: 2 })
    for (const [port, seconds] of [
      [1, 0],
      [2, 1],
      [3, 2],
      [4, 100],
    ] as const) {
      const packet = segment({ seq: 1, text: 'x', seconds })
      packet.srcPort = port
      reassembler.push(packet)
    }
    assert.deepEqual(
      recorders.map(({ closed }) => closed),
      ['evicted', 'idle', 'idle', undefined],
    )
  })
})
