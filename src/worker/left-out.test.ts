import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { PacketBatch } from '../packet/batch.ts'
import { readBatches } from '../testing/read-capture.ts'
import { POD_MARK, Selection } from './selection.ts'

/** A segment of TCP, as it goes over an interface. */
interface Segment {
  readonly on: number
  readonly ms: number
  readonly from: readonly [ip: string, port: number]
  readonly to: readonly [ip: string, port: number]
  readonly seq: number
  readonly ack: number
  readonly flags: number
  readonly text: string
  readonly id: number
  readonly ttl: number
}

const CLIENT = ['10.0.0.1', 40_000] as const
const SERVICE = ['10.96.0.1', 80] as const
const POD = ['10.0.0.2', 8080] as const
const [SYN, ACK, FIN] = [2, 16, 1] as const

test('packets are decoded, ignored or malformed, whatever is left out and why', async () => {
  const ip = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.0.1.1', '10.0.1.2', '192.0.2.1')
  const segment = fc.record({
    ...{ on: fc.integer({ min: 1, max: 3 }), ms: fc.nat(400), seq: fc.nat(3), ack: fc.nat(1) },
    ...{ from: fc.tuple(ip, fc.constantFrom(80, 4000)), to: fc.tuple(ip, fc.constantFrom(80, 4000)) },
    ...{
      flags: fc.constantFrom(SYN, ACK, ACK | FIN),
      text: fc.constantFrom('', 'a', 'GET / HTTP/1.1\r\n\r\n'),
    },
    ...{ id: fc.nat(2), ttl: fc.constantFrom(63, 64) },
  })
  const cut = fc.array(fc.nat(70), { maxLength: 40 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(segment, { maxLength: 40 }),
      cut,
      fc.boolean(),
      fc.nat(100),
      async (segments, cuts, onlyTargeted, sampleRate) => {
        const selection = new Selection()
        selection.set({ onlyTargeted, sampleRate })
        selection.mark([
          ['10.0.0.1', POD_MARK.targeted | POD_MARK.here],
          ['10.0.1.1', POD_MARK.elsewhere],
          ['10.0.1.2', POD_MARK.elsewhere | POD_MARK.targeted],
        ])
        const batch = batchOf(segments)
        for (const [at, bytes] of cuts.entries()) if (at < batch.count) batch.captured[at] = bytes
        const { counters } = await readBatches(only(batch), { selection, duplicatesMs: 200 })
        const { decoded, ignored, malformed } = counters.decode
        assert.equal(counters.packets, segments.length)
        assert.equal(counters.packets, decoded + total(ignored) + total(malformed))
        const left = ['not-targeted', 'duplicate', 'other-node', 'sampled-out']
        assert.deepEqual(
          left.filter((why) => (counters.ignoredBytes[why] ?? 0) > 0),
          left.filter((why) => (ignored[why] ?? 0) > 0),
        )
      },
    ),
    { numRuns: 200 },
  )
})

test('a request through a service address is one entry, however packets of the interfaces come between each other', async () => {
  await fc.assert(
    fc.asyncProperty(lags, async (lag) => {
      const exchanges = await exchangesIn(handedOver(lag))
      assert.deepEqual(exchanges, ['whole'])
    }),
    { numRuns: 300 },
  )
})

test('so is one whose both ends are translated, as through a port of a node', async () => {
  await fc.assert(
    fc.asyncProperty(lags, async (lag) => {
      const exchanges = await exchangesIn(handedOver(lag, ['10.0.0.9', 50_000]))
      assert.deepEqual(exchanges, ['whole'])
    }),
    { numRuns: 300 },
  )
})

test('it is never two, wherever the capture begins', async () => {
  await fc.assert(
    fc.asyncProperty(lags, fc.nat(18), async (lag, begin) => {
      const exchanges = await exchangesIn(handedOver(lag).slice(begin))
      assert.ok(exchanges.filter((each) => each === 'whole').length <= 1, exchanges.join())
    }),
    { numRuns: 300 },
  )
})

const lags = fc.array(fc.nat(40), { minLength: 20, maxLength: 20 })

async function exchangesIn(segments: readonly Segment[]): Promise<string[]> {
  const { exchanges } = await readBatches(only(batchOf(segments)), { duplicatesMs: 200 })
  return exchanges.map(({ request, response }) => (request !== null && response !== null ? 'whole' : 'part'))
}

/** As two interfaces hand them over: each in its own order, some packets later than those of the other. */
function handedOver(lag: readonly number[], outerClient: Segment['from'] = CLIENT): Segment[] {
  const outer = conversation(outerClient, POD)
  // What the client sends is translated on its way out, what the server sends on its way in.
  const all = conversation(CLIENT, SERVICE).flatMap((inner, at) => {
    const behind = { ...(outer[at] as Segment), on: 2 }
    return inner.from === CLIENT ? [inner, { ...behind, ttl: 63 }] : [behind, { ...inner, ttl: 63 }]
  })
  const latest = [0, 0, 0]
  return all
    .map((each, at) => {
      const turn = Math.max(at + (lag[at] ?? 0), latest[each.on] ?? 0)
      latest[each.on] = turn
      return { segment: { ...each, ms: at }, turn }
    })
    .sort((a, b) => a.turn - b.turn)
    .map(({ segment }) => segment)
}

/** A connection with one request. */
function conversation(client: Segment['from'], server: Segment['from']): Segment[] {
  const next = [1000, 5000]
  let id = 0
  const send = (side: 0 | 1, flags: number, text = ''): Segment => {
    const seq = next[side] as number
    const ack = (flags & ACK) === 0 ? 0 : (next[1 - side] as number)
    next[side] = seq + text.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1)
    const [from, to] = side === 0 ? [client, server] : [server, client]
    return { on: 1, ms: 0, from, to, seq, ack, flags, text, id: ++id, ttl: 64 }
  }
  return [
    ...[send(0, SYN), send(1, SYN | ACK), send(0, ACK)],
    ...[send(0, ACK, 'GET /price HTTP/1.1\r\nHost: shop\r\n\r\n'), send(1, ACK)],
    ...[send(1, ACK, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'), send(0, ACK)],
    ...[send(0, ACK | FIN), send(1, ACK | FIN), send(0, ACK)],
  ]
}

/** Link type 276: https://www.tcpdump.org/linktypes/LINKTYPE_LINUX_SLL2.html */
function batchOf(segments: readonly Segment[]): PacketBatch {
  const frames = segments.map(frameOf)
  const starts = frames.map((_, at) => frames.slice(0, at).reduce((sum, { length }) => sum + length, 0))
  return {
    bytes: Buffer.concat(frames),
    count: frames.length,
    offsets: Uint32Array.from(starts),
    captured: Uint32Array.from(frames, ({ length }) => length),
    lengths: Uint32Array.from(frames, ({ length }) => length),
    seconds: Float64Array.from(segments, ({ ms }) => Math.floor(ms / 1000)),
    nanos: Uint32Array.from(segments, ({ ms }) => (ms % 1000) * 1e6),
    interfaceIds: new Uint16Array(frames.length),
    interfaces: [{ name: 'any', linkType: 276, snapLength: 0 }],
  }
}

function frameOf({ on, from, to, seq, ack, flags, text, id, ttl }: Segment): Buffer {
  const link = Buffer.alloc(20)
  link.writeUInt16BE(0x0800, 0)
  link.writeUInt32BE(on, 4)
  const ip = Buffer.alloc(20)
  ip.writeUInt8(0x45, 0)
  ip.writeUInt16BE(40 + text.length, 2)
  ip.writeUInt16BE(id, 4)
  ip.writeUInt8(ttl, 8)
  ip.writeUInt8(6, 9)
  ip.set(from[0].split('.').map(Number), 12)
  ip.set(to[0].split('.').map(Number), 16)
  const tcp = Buffer.alloc(20)
  tcp.writeUInt16BE(from[1], 0)
  tcp.writeUInt16BE(to[1], 2)
  tcp.writeUInt32BE(seq, 4)
  tcp.writeUInt32BE(ack, 8)
  tcp.writeUInt8(5 << 4, 12)
  tcp.writeUInt8(flags, 13)
  return Buffer.concat([link, ip, tcp, Buffer.from(text)])
}

async function* only(batch: PacketBatch): AsyncGenerator<PacketBatch> {
  yield batch
}

function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}
