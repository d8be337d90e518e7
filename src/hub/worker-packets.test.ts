import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { openLocalBus } from '../bus/local.ts'
import { encode, encodeBytes } from '../wire/codec.ts'
import type { KeptPacket, OpenPackets, PacketPlace } from '../wire/packets.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { answerPackets } from '../worker/packet-answers.ts'
import { packetFile } from './packet-files.ts'
import { WorkerPackets } from './worker-packets.ts'

describe('packets of workers, over the bus', () => {
  test('come whole, in as many parts as it takes, and merged in the order of time', async (t) => {
    const bus = busFor(t)
    const sizes = [10, 70_000, 0, 300_000, 500_000, 40]
    const at = (first: number) => sizes.map((size, n) => packet(first + 2 * n, size))
    answerPackets({ bus, node: 'n1', packets: placeOf(at(0), 'eth0') })
    answerPackets({ bus, node: 'n2', packets: placeOf(at(1), 'eth1') })
    const { signal } = new AbortController()
    const open = await Promise.all(['n1', 'n2'].map((node) => new WorkerPackets(bus, node, signal).open([])))
    const file = packetFile(open, 64 << 20)
    assert.deepEqual([file.extension, file.packets, file.isCut], ['pcap', 12, false])
    const bytes = Buffer.concat(await Array.fromAsync(file.bytes()))
    assert.equal(bytes.length, 24 + 12 * 16 + 2 * sizes.reduce((sum, size) => sum + size, 0))
    assert.deepEqual(
      timesIn(bytes),
      Array.from({ length: 12 }, (_, n) => n),
    )
    const small = packetFile(open, 200_000)
    assert.equal(small.isCut, true)
    assert.ok(Buffer.concat(await Array.fromAsync(small.bytes())).length <= 200_000 + 24)
  })

  test('of links of several kinds make a pcapng', () => {
    const open = { ...found([], 'lo'), read: async () => ({ packets: [], next: 0 }) }
    const raw = { ...open, interfaces: [{ name: 'tun', linkType: 101, snapLength: 0 }] }
    assert.equal(packetFile([open, raw], 1).extension, 'pcapng')
  })

  test('are not there where a worker keeps none, or has forgotten what it was asked', async (t) => {
    const bus = busFor(t)
    answerPackets({ bus, node: 'off', packets: undefined })
    answerPackets({ bus, node: 'busy', packets: placeOf([packet(1, 10)], 'eth0') })
    const { signal } = new AbortController()
    await assert.rejects(new WorkerPackets(bus, 'off', signal).open([]), {
      code: 'E_NOT_FOUND',
      message: 'off keeps no packets',
    })
    const busy = new WorkerPackets(bus, 'busy', signal)
    const first = await busy.open([])
    for (let n = 0; n < 16; n++) await busy.open([])
    await assert.rejects(first.read(SPAN), { code: 'E_NOT_FOUND' })
    await assert.rejects(bus.request(SUBJECTS.packets('busy'), encode({ ask: 'x' }), { timeoutMs: 1000 }), {
      code: 'E_REQUEST',
    })
  })

  test('that make no sense are no packets', async (t) => {
    const bus = busFor(t)
    let answer: Uint8Array = encode(7)
    bus.respond(SUBJECTS.packets('mad'), async () => answer)
    const { signal } = new AbortController()
    const mad = new WorkerPackets(bus, 'mad', signal)
    await assert.rejects(mad.open([]), { code: 'E_BUS_NO_ANSWER' })
    answer = encode({ ...found([packet(1, 1)], 'eth0'), id: 'x' })
    const open = await mad.open([])
    for (const [header, bytes] of [
      [{ next: 1, records: [[1, 1, 5, 5, 0, 5]] }, 'four'],
      [{ next: 0, records: [[1, 1, 1, 1, 0, 1]] }, 'x'],
      [{ next: -1, records: [] }, ''],
      [{ next: 1 }, ''],
    ] as const) {
      answer = encodeBytes(header, [Buffer.from(bytes)])
      await assert.rejects(open.read(SPAN), { code: 'E_BUS_NO_ANSWER' })
    }
    answer = encode(7)
    await assert.rejects(open.read(SPAN), { code: 'E_BUS_NO_ANSWER' })
  })
})

const SPAN = { from: 0, limit: 10, snap: 100, mostBytes: 1000 }

function busFor(t: TestContext) {
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  return bus
}

function packet(seconds: number, size: number): KeptPacket {
  return { bytes: Buffer.alloc(size, 7), captured: size, length: size, seconds, nanos: 0, interfaceId: 0 }
}

function found(packets: readonly KeptPacket[], name: string) {
  return {
    packets: packets.length,
    bytes: packets.reduce((sum, { captured }) => sum + captured, 0),
    begin: 0,
    isCut: false,
    lost: { evicted: 0, otherRun: 0, never: 0 },
    interfaces: [{ name, linkType: 1, snapLength: 0 }],
  }
}

function placeOf(packets: readonly KeptPacket[], name: string): PacketPlace {
  const read: OpenPackets['read'] = async ({ from, limit, mostBytes }) => {
    let bytes = 0
    const part = packets.slice(from, from + limit).filter((each, at) => {
      bytes += each.bytes.length
      return at === 0 || bytes <= mostBytes
    })
    return { packets: part, next: from + part.length }
  }
  return { open: async () => ({ ...found(packets, name), read }) }
}

/** Seconds of each packet of a pcap file. */
function timesIn(bytes: Buffer): number[] {
  const times: number[] = []
  for (let at = 24; at < bytes.length; at += 16 + bytes.readUInt32LE(at + 8))
    times.push(bytes.readUInt32LE(at))
  return times
}
