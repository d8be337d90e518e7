import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Entry } from '../../entry/entry.ts'
import { readCapture } from '../../testing/read-capture.ts'
import { REPOSITORY } from '../../testing/remora.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { SpoolPackets, SpoolWriter } from './index.ts'
import { SEGMENT_BYTES } from './options.ts'
import { SpoolReader } from './reader.ts'

const WHOLE = { limit: 1000, snap: 1 << 20, mostBytes: 1 << 20 }

describe('packets of a spool', () => {
  test('are those of a stream in the order of time, in parts of any size', async (t) => {
    const { options, writer } = await spoolFor(t)
    for (let n = 0; n < 100; n++) writer.append(packet(n, `packet ${n}`), n % 3)
    writer.flush()
    const open = await new SpoolPackets(options).open([{ stream: stream(1), atMs: 50_000 }])
    assert.partialDeepStrictEqual(open, { packets: 33, begin: 17, isCut: false, lost: NOTHING_LOST })
    assert.equal(open.bytes, 'packet 1'.length * 3 + 'packet 10'.length * 30)
    const texts: string[] = []
    for (let from = 0; from < open.packets; ) {
      const part = await open.read({ ...WHOLE, from, limit: 10, mostBytes: 20 })
      assert.ok(part.packets.length > 0 && part.packets.length <= 2)
      texts.push(...part.packets.map(({ bytes }) => String(bytes)))
      from = part.next
    }
    assert.deepEqual(
      texts,
      Array.from({ length: 33 }, (_, at) => `packet ${1 + 3 * at}`),
    )
    const [first] = (await open.read({ ...WHOLE, from: 0, snap: 3 })).packets
    assert.deepEqual([String(first?.bytes), first?.captured], ['pac', 8])
    assert.deepEqual(await open.read({ ...WHOLE, from: 33 }), { packets: [], next: 33 })
  })

  test('of several streams are merged, each of which is told of when it is not there', async (t) => {
    const { options, writer } = await spoolFor(t)
    for (let n = 0; n < 10; n++) writer.append(packet(n, `packet ${n}`), n % 2)
    writer.flush()
    const wanted = [stream(1), stream(0), stream(7), 'no stream'].map((name) => ({
      stream: name,
      atMs: 2000,
    }))
    const open = await new SpoolPackets(options).open(wanted)
    assert.partialDeepStrictEqual(open, { packets: 10, lost: { evicted: 0, otherRun: 0, never: 2 } })
    const { packets } = await open.read({ ...WHOLE, from: 0 })
    assert.deepEqual(
      packets.map(({ seconds }) => seconds),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    )
  })

  test('that have gone for newer ones are told of, also when they go while somebody reads', async (t) => {
    const { options, writer } = await spoolFor(t, { maxBytes: 2 * SEGMENT_BYTES })
    const body = 'x'.repeat(60_000)
    const append = (from: number, to: number) => {
      for (let n = from; n < to; n++) writer.append(packet(n, body), n === 0 ? 0 : 1)
      writer.flush()
    }
    append(0, 300)
    const before = await new SpoolPackets(options).open([{ stream: stream(1), atMs: 1000 }])
    assert.partialDeepStrictEqual(before, { packets: 299, lost: NOTHING_LOST })
    append(300, 1000)
    const after = await new SpoolPackets(options).open([{ stream: stream(1), atMs: 1000 }])
    assert.deepEqual(after.lost, { evicted: 1, otherRun: 0, never: 0 })
    assert.ok(after.packets < 1000 && after.packets > 100)
    const first = await new SpoolPackets(options).open([{ stream: stream(0), atMs: 0 }])
    assert.partialDeepStrictEqual(first, { packets: 0, lost: { evicted: 1, otherRun: 0, never: 0 } })
    assert.deepEqual(await before.read({ ...WHOLE, from: 0, limit: 200 }), { packets: [], next: 200 })
  })

  test('are only those of the run that an entry is of', async (t) => {
    const { options, writer } = await spoolFor(t)
    const { entries } = await readCapture(SAMPLE, { spool: writer })
    writer.flush()
    const packets = new SpoolPackets(options)
    const lossOf = async ({ stream, timestamp, src, dst }: Named) =>
      (await packets.open([{ stream, atMs: timestamp, ends: [src, dst] }])).lost
    for (const entry of entries) assert.deepEqual(await lossOf(entry), NOTHING_LOST)
    const other = { evicted: 0, otherRun: 1, never: 0 }
    for (const { stream, timestamp, src, dst } of entries.slice(0, 3)) {
      const entry = { stream, timestamp, src, dst }
      assert.deepEqual(await lossOf({ ...entry, src: { ip: '192.0.2.1', port: '1' } }), other)
      assert.deepEqual(await lossOf({ ...entry, timestamp: timestamp - 3_600_000 }), other)
      assert.deepEqual(await lossOf({ ...entry, timestamp: timestamp + 36_000_000 }), other)
    }
  })

  test('are found where streams are numbered from anywhere on, and those before are of another run', async (t) => {
    const firstStream = 3_000_000_000
    const { options, writer } = await spoolFor(t, { firstStream })
    for (const id of [firstStream, firstStream + 20_000, firstStream])
      writer.append(packet(id - firstStream, `${id}`), id)
    writer.flush()
    const found = async (id: number) => {
      const { packets, lost } = await new SpoolPackets(options).open([{ stream: stream(id), atMs: 0 }])
      return [packets, lost.otherRun]
    }
    assert.deepEqual(await found(firstStream), [2, 0])
    assert.deepEqual(await found(firstStream + 20_000), [0, 1], 'its time is another')
    assert.deepEqual(await found(firstStream - 1), [0, 1])
    assert.deepEqual(await found(0), [0, 1])
    assert.deepEqual(await new SpoolReader(options).streams(), [
      stream(firstStream),
      stream(firstStream + 20_000),
    ])
  })

  test('of a stream that is longer than what is looked at are the newest', async (t) => {
    const { options, writer } = await spoolFor(t)
    for (let n = 0; n < 2000; n++) writer.append(packet(n, 'x'), 0)
    writer.flush()
    const open = await new SpoolPackets(options, 700).open([{ stream: stream(0), atMs: 1_999_000 }])
    assert.partialDeepStrictEqual(open, { packets: 700, isCut: true, begin: 699, lost: NOTHING_LOST })
    const { packets } = await open.read({ ...WHOLE, from: 0, limit: 1 })
    assert.equal(packets[0]?.seconds, 1300)
  })
})

const SAMPLE = `${REPOSITORY}samples/sample.pcap`
const NOTHING_LOST = { evicted: 0, otherRun: 0, never: 0 }

interface Named extends Pick<Entry, 'stream' | 'timestamp'> {
  readonly src: { readonly ip: string; readonly port: string }
  readonly dst: { readonly ip: string; readonly port: string }
}

async function spoolFor(t: TestContext, { maxBytes = 1 << 30, firstStream = 0 } = {}) {
  const heads = new SharedArrayBuffer(64, { maxByteLength: 1 << 20 })
  const options = { folder: await tempFolder(t), maxBytes, heads, firstStream }
  return { options, writer: new SpoolWriter(options) }
}

function stream(id: number): string {
  return `${String(id).padStart(12, '0')}.pcap`
}

function packet(seconds: number, text: string) {
  const bytes = Buffer.from(text)
  const interfaces = [{ name: 'eth0', linkType: 1, snapLength: 0 }]
  const length = bytes.length
  return { bytes, start: 0, captured: length, length, seconds, nanos: 0, interfaceId: 0, interfaces }
}
