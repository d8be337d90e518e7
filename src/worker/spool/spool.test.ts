import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openCapture } from '../../capture/index.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { removeStaleSpools, SpoolReader, SpoolWriter } from './index.ts'
import { SEGMENT_BYTES } from './options.ts'

const INTERFACES = [{ name: 'eth0', linkType: 1, snapLength: 0 }]

describe('the spool', () => {
  test('gives the packets of each connection back, in the order in which they came', async (t) => {
    const { folder, writer, reader } = await spoolFor(t)
    for (let n = 0; n < 100; n++) writer.append(packet(n, `packet ${n}`), n % 3)
    writer.flush()
    assert.deepEqual(await reader.streams(), ['000000000000.pcap', '000000000001.pcap', '000000000002.pcap'])
    const target = join(folder, 'out.pcap')
    assert.equal(await reader.writeStream('000000000001.pcap', target), true)
    assert.deepEqual(
      await textsOf(target),
      Array.from({ length: 33 }, (_, at) => `${1 + 3 * at} packet ${1 + 3 * at}`),
    )
    await reader.writeMerged(['000000000002.pcap', '000000000000.pcap'], target)
    const merged = (await textsOf(target)).map((text) => Number(text.split(' ')[0]))
    assert.deepEqual(
      merged,
      [...merged].sort((a, b) => a - b),
    )
    assert.equal(merged.length, 67)
    assert.equal(await reader.writeStream('000000000009.pcap', target), false)
    assert.deepEqual(writer.counters, { received: 100, kept: 100, evicted: 0, failed: 0 })
  })

  test('lets the oldest go when there is no more room, and counts them', async (t) => {
    const { folder, writer, reader } = await spoolFor(t, 2 * SEGMENT_BYTES)
    const body = 'x'.repeat(60_000)
    const sent = 1000
    for (let n = 0; n < sent; n++) writer.append(packet(n, body), 0)
    writer.flush()
    const { received, kept, evicted, failed } = writer.counters
    assert.deepEqual([received, kept + evicted, failed], [sent, sent, 0])
    assert.ok(evicted > 0)
    const target = join(folder, 'out.pcap')
    assert.equal(await reader.writeStream('000000000000.pcap', target), true)
    const left = (await textsOf(target)).map((text) => Number(text.split(' ')[0]))
    assert.equal(left.length, kept)
    assert.equal(left.at(-1), sent - 1)
  })

  test('goes on without a disk, says why, and counts what is not kept', async (t) => {
    const { folder, writer, reader } = await spoolFor(t)
    writer.append(packet(1, 'kept'), 0)
    writer.flush()
    rmSync(folder, { recursive: true })
    writeFileSync(folder, 'in the way')
    for (let n = 0; n < 1000; n++) writer.append(packet(n, 'x'.repeat(60_000)), 1)
    writer.flush()
    assert.match(writer.problem ?? '', /packets are not kept for agents: ENOTDIR/)
    const { received, kept, evicted, failed } = writer.counters
    assert.equal(received, 1001)
    assert.equal(received, kept + evicted + failed)
    assert.ok(failed > 0)
    assert.deepEqual(await reader.streams(), [])
    writer.close()
  })

  test('is gone on with when there is a disk again', async (t) => {
    const { folder, options, reader } = await spoolFor(t)
    const writer = new SpoolWriter(options, 0)
    writer.append(packet(1, 'kept'), 0)
    writer.flush()
    const aside = `${folder}.aside`
    renameSync(folder, aside)
    writeFileSync(folder, 'in the way')
    for (let n = 0; n < 1000; n++) writer.append(packet(n, 'x'.repeat(60_000)), 1)
    assert.match(writer.problem ?? '', /ENOTDIR|EEXIST/)
    rmSync(folder)
    renameSync(aside, folder)
    writer.append(packet(2000, 'kept again'), 0)
    writer.flush()
    assert.equal(writer.problem, undefined)
    const target = join(folder, 'out.pcap')
    assert.ok(await reader.writeStream('000000000000.pcap', target))
    assert.deepEqual(await textsOf(target), ['1 kept', '2000 kept again'])
    const { received, kept, evicted, failed } = writer.counters
    assert.deepEqual([received, evicted], [1002, 0])
    assert.equal(received, kept + failed)
    writer.close()
  })

  test('of a process that is gone is removed, if that can be done', async (t) => {
    const folder = await tempFolder(t)
    const names = ['4194305', String(process.pid), 'other']
    for (const name of names) mkdirSync(join(folder, name))
    removeStaleSpools(folder)
    assert.deepEqual(readdirSync(folder).sort(), names.slice(1).sort())
    const file = join(folder, 'file')
    writeFileSync(file, '')
    for (const path of [file, join(folder, 'missing')]) removeStaleSpools(path)
  })

  test('says so when its folder cannot be made', async (t) => {
    const { folder } = await spoolFor(t)
    const inTheWay = join(folder, 'file')
    writeFileSync(inTheWay, '')
    const writer = new SpoolWriter({ folder: join(inTheWay, 'spool'), maxBytes: 1, heads: heads() })
    writer.append(packet(1, 'x'), 0)
    assert.match(writer.problem ?? '', /ENOTDIR/)
    assert.deepEqual(writer.counters, { received: 1, kept: 0, evicted: 0, failed: 1 })
  })
})

async function spoolFor(t: TestContext, maxBytes = 1 << 30) {
  const folder = await tempFolder(t)
  const options = { folder, maxBytes, heads: heads() }
  const writer = new SpoolWriter(options)
  return { folder, options, writer, reader: new SpoolReader(options) }
}

function heads(): SharedArrayBuffer {
  return new SharedArrayBuffer(64, { maxByteLength: 1 << 20 })
}

function packet(seconds: number, text: string) {
  const bytes = Buffer.from(text)
  return {
    bytes,
    start: 0,
    captured: bytes.length,
    length: bytes.length,
    seconds,
    nanos: 0,
    interfaceId: 0,
    interfaces: INTERFACES,
  }
}

/** Seconds and bytes of each packet of a file. */
async function textsOf(path: string): Promise<string[]> {
  const texts: string[] = []
  for await (const batch of openCapture({ path }).packets(new AbortController().signal))
    for (let at = 0; at < batch.count; at++) {
      const start = batch.offsets[at] as number
      const bytes = batch.bytes.subarray(start, start + (batch.captured[at] as number))
      texts.push(`${batch.seconds[at]} ${Buffer.from(bytes).toString('latin1')}`)
    }
  return texts
}
