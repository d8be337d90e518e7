import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FLAG, Packet, PROTOCOL } from '../packet/packet.ts'
import { type Connection, type End, IDLE } from './connection.ts'
import { Reassembler } from './reassembler.ts'

interface Sent {
  readonly from?: End
  readonly at: number
  readonly flags?: number
  readonly seq?: number
  readonly ack?: number
  readonly length?: number
  readonly window?: number
  readonly scale?: number
}

/** What is reported after these packets; `at` in µs. Client 0 begins at 0, the server at 5000. */
function measured(packets: readonly Sent[]) {
  let connection: Connection | undefined
  const reassembler = new Reassembler({
    ...{ memory: 1 << 20, maxConnections: 10, tcpIdle: 1000, otherIdle: 1000, measure: true },
    open: (each) => {
      connection = each
      return IDLE
    },
  })
  for (const { from = 0, at, length = 0, scale = -1, ...fields } of packets) {
    const { flags = FLAG.ack, seq = 1, ack = 1, window = 100 } = fields
    const packet = new Packet()
    Object.assign(packet, {
      protocol: PROTOCOL.tcp,
      ipVersion: 4,
      flags,
      seq,
      ack,
      window,
      windowScale: scale,
    })
    Object.assign(packet, { src0: 1 + from, dst0: 2 - from, srcPort: 80 + from, dstPort: 81 - from })
    Object.assign(packet, { bytes: Buffer.alloc(length), payloadEnd: length, payloadLength: length })
    packet.seconds = Math.floor(at / 1e6)
    packet.nanos = (at % 1e6) * 1000
    reassembler.push(packet)
  }
  const report = connection?.metrics?.report()
  assert.ok(report)
  return report
}

const HANDSHAKE: readonly Sent[] = [
  { at: 0, flags: FLAG.syn, seq: 0, ack: 0, scale: 7 },
  { from: 1, at: 900, flags: FLAG.syn | FLAG.ack, seq: 5000, ack: 1, scale: 2 },
  { at: 1000, ack: 5001 },
]

describe('the metrics of a TCP connection', () => {
  test('have the time of its handshake and what was seen of it', () => {
    const report = measured([...HANDSHAKE, { at: 2000, ack: 5001, length: 10 }])
    assert.equal(report.initial_rtt_us, 1000)
    assert.equal(report.connection_completeness, 1 + 2 + 4 + 8)
    assert.equal(report.window_scale, 7)
    assert.equal(measured([{ at: 0, length: 5 }]).initial_rtt_us, 0)
  })

  test('scale the windows that both ends give, when both say so', () => {
    const server = { from: 1, at: 1, seq: 5001, window: 10 } as const
    assert.equal(measured([...HANDSHAKE.slice(0, 2), server]).avg_receive_window, 10 * 2 ** 2)
    const [syn, answer] = HANDSHAKE as readonly [Sent, Sent]
    assert.equal(measured([syn, { ...answer, scale: -1 }, server]).avg_receive_window, 10)
  })

  test('count what is sent again, and whether duplicate acknowledgements asked for it', () => {
    const data = (at: number, seq: number): Sent => ({ at, seq, length: 100 })
    const ack = (at: number): Sent => ({ from: 1, at, seq: 5001, ack: 101 })
    const timedOut = measured([data(0, 1), data(300_000, 1)])
    assert.deepEqual([timedOut.retransmissions, timedOut.fast_retransmissions], [1, 0])
    assert.equal(timedOut.retransmission_rate, 0.5)
    const asked = measured([
      data(0, 1),
      data(10, 101),
      data(20, 201),
      ack(30),
      ack(40),
      ack(50),
      data(60, 101),
    ])
    assert.deepEqual([asked.retransmissions, asked.fast_retransmissions, asked.dup_acks], [1, 1, 2])
  })

  test('tell a segment that was overtaken from one that was lost on its way here', () => {
    const order = (at: number) =>
      measured([
        { at: 0, seq: 1, length: 100 },
        { at: 10, seq: 201, length: 100 },
        { at, seq: 101, length: 100 },
      ])
    assert.deepEqual([order(100).out_of_order, order(100).retransmissions], [1, 0])
    assert.deepEqual([order(90_000).out_of_order, order(90_000).retransmissions], [0, 1])
    assert.equal(order(100).missing_segments, 1)
  })

  test('take bytes that wait behind a hole for sent again when they come once more', () => {
    const after = (...more: readonly (readonly [seq: number, length: number])[]) => {
      const before = [1, 201, 301].map((seq) => ({ at: seq, seq, length: 100 }))
      const again = more.map(([seq, length], index) => ({ at: 400 + index, seq, length }))
      const { retransmissions, out_of_order } = measured([...before, ...again])
      return [retransmissions, out_of_order]
    }
    assert.deepEqual(after([201, 100], [301, 100], [201, 200], [250, 100], [1, 100]), [5, 0])
    // Of these not all was there, or nothing.
    assert.deepEqual(after([101, 100]), [0, 1])
    assert.deepEqual(after([150, 100]), [0, 1])
    assert.deepEqual(after([101, 300]), [0, 1])
  })

  test('take no probe that keeps the connection alive for a retransmission', () => {
    const { retransmissions, dup_acks } = measured([
      { at: 0, seq: 1, length: 100 },
      { from: 1, at: 1, seq: 5001, ack: 101 },
      { at: 60e6, seq: 100, length: 1 },
      { from: 1, at: 60e6 + 1, seq: 5001, ack: 101 },
    ])
    assert.deepEqual([retransmissions, dup_acks], [0, 0])
  })

  test('take no probe of a shut window for a segment, nor its answer for a duplicate', () => {
    const answer = (at: number, ack: number, window: number): Sent => ({
      ...{ from: 1, at, seq: 5001, ack, window },
    })
    const probed = (taken: number) =>
      measured([
        { at: 0, seq: 1, length: 100 },
        answer(500, 101, 0),
        ...[1e6, 2e6, 3e6].flatMap((at): Sent[] => [{ at, seq: 101, length: 1 }, answer(at + 500, 101, 0)]),
        answer(4e6, 101 + taken, 100),
        { at: 4.1e6, seq: 101 + taken, length: 50 },
        answer(4.2e6, 151 + taken, 100),
      ])
    for (const taken of [0, 1]) {
      const { retransmissions, dup_acks, out_of_order, missing_segments, zero_window_events } = probed(taken)
      assert.deepEqual([retransmissions, dup_acks, out_of_order, missing_segments], [0, 0, 0, 0])
      assert.equal(zero_window_events, 4)
    }
  })

  test('count a SYN and a FIN that are sent again', () => {
    const { retransmissions } = measured([
      { at: 0, flags: FLAG.syn, seq: 0, ack: 0 },
      { at: 1e6, flags: FLAG.syn, seq: 0, ack: 0 },
      { at: 2e6, flags: FLAG.fin | FLAG.ack, seq: 1 },
      { at: 3e6, flags: FLAG.fin | FLAG.ack, seq: 1 },
    ])
    assert.equal(retransmissions, 2)
  })

  test('count windows that are shut or filled, resets and ends', () => {
    const report = measured([
      { from: 1, at: 0, seq: 5001, ack: 1, window: 300 },
      { at: 1, seq: 1, length: 300 },
      { from: 1, at: 2, seq: 5001, ack: 301, window: 0 },
      { at: 3, seq: 301, flags: FLAG.fin | FLAG.ack },
      { from: 1, at: 4, seq: 5001, flags: FLAG.rst, window: 0 },
    ])
    const { zero_window_events, window_full_events, fin_count, rst_count, connection_completeness } = report
    assert.deepEqual([zero_window_events, window_full_events, fin_count, rst_count], [1, 1, 1, 1])
    assert.equal(connection_completeness, 8 + 16 + 32)
  })

  test('count the window of a SYN-ACK that is filled, which is not scaled', () => {
    const filled = (length: number) =>
      measured([...HANDSHAKE, { at: 2000, ack: 5001, length }]).window_full_events
    assert.deepEqual([filled(100), filled(400), filled(99)], [1, 0, 0])
  })

  test('average the time to acknowledgements, but of what was sent twice', () => {
    const rounds: Sent[] = [100, 300, 200].flatMap((rtt, round) => [
      { at: round * 1000, seq: 1 + round * 10, length: 10 },
      { from: 1, at: round * 1000 + rtt, seq: 5001, ack: 11 + round * 10 },
    ])
    const { rtt_avg_us, jitter_us } = measured(rounds)
    assert.deepEqual([rtt_avg_us, jitter_us], [200, 150])
    const twice = measured([
      { at: 0, seq: 1, length: 10 },
      { at: 500_000, seq: 1, length: 10 },
      { from: 1, at: 500_100, seq: 5001, ack: 11 },
    ])
    assert.equal(twice.rtt_avg_us, 0)
  })

  test('hold where sequence numbers wrap', () => {
    const top = 2 ** 32 - 50
    const report = measured([
      { at: 0, seq: top, length: 100 },
      { from: 1, at: 70, seq: 5001, ack: 50 },
      { at: 100, seq: 50, length: 10 },
    ])
    assert.deepEqual([report.missing_segments, report.retransmissions, report.rtt_avg_us], [0, 0, 70])
  })
})
