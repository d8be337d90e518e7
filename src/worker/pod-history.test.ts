import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { openCapture } from '../capture/index.ts'
import { captureWriter } from '../capture/pcap-writer.ts'
import { readObject } from '../cluster/objects.ts'
import { RecentPods } from '../cluster/recent-pods.ts'
import { readCapture } from '../testing/read-capture.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { tsharkFields } from '../testing/tshark.ts'
import { PodHistory } from './pod-history.ts'
import { POD_MARK, Selection } from './selection.ts'
import { SpoolReader, SpoolWriter } from './spool/index.ts'

const SECOND = 1000

describe('the history of a pod', () => {
  test('has what it sent and received within the time, and what waits to be written', async (t) => {
    const { writer, pods, textsFor } = await historyFor(t)
    pods.take([added('cart', '10.0.0.1'), added('pay', '10.0.0.2')])
    for (let second = 0; second < 60; second++) {
      writer.append(datagram(second, '10.0.0.1', '10.0.0.9', `out ${second}`), 1)
      writer.append(datagram(second, '10.0.0.2', '10.0.0.9', `other ${second}`), 2)
      writer.append(datagram(second, '10.0.0.9', '10.0.0.1', `in ${second}`), 3)
    }
    const { texts, complaint } = await textsFor('cart', 2, 59 * SECOND)
    assert.deepEqual([texts, complaint], [['out 57', 'in 57', 'out 58', 'in 58', 'out 59', 'in 59'], ''])
    assert.equal((await textsFor('cart', 1000, 100 * SECOND)).texts.length, 120)
  })

  test('has what belongs to connections that another worker reads', async (t) => {
    const { writer, pods, textsFor } = await historyFor(t)
    pods.take([added('cart', '10.0.0.1')])
    writer.append(datagram(1, '10.0.0.1', '10.0.0.9', 'here'), 1)
    writer.append(datagram(2, '10.0.0.1', '10.0.1.9', 'elsewhere'), undefined)
    writer.append(datagram(3, '10.0.0.1', '10.0.0.9', 'here again'), 1)
    assert.deepEqual((await textsFor('cart', 10, 4 * SECOND)).texts, ['here', 'elsewhere', 'here again'])
  })

  test('of one that is gone is the time before it went, and nothing of who has its address since', async (t) => {
    const { writer, pods, textsFor } = await historyFor(t)
    for (let second = 0; second < 60; second++)
      writer.append(datagram(second, '10.0.0.1', '10.0.0.9', `${second}`), 1)
    pods.take([
      added('old', '10.0.0.1'),
      { ...added('old', '10.0.0.1'), type: 'DELETED', at: 20 * SECOND },
      added('new', '10.0.0.1', { startTime: new Date(30 * SECOND).toISOString() }),
    ])
    assert.deepEqual((await textsFor('old', 3, 50 * SECOND)).texts, ['17', '18', '19', '20'])
    assert.deepEqual((await textsFor('new', 600, 31 * SECOND)).texts.slice(0, 2), ['20', '21'])
    assert.deepEqual((await textsFor('new', 1, 31 * SECOND)).texts, ['30', '31'])
  })

  test('is found among many segments, and says what is not kept any more', async (t) => {
    const { writer, pods, textsFor } = await historyFor(t, { maxBytes: 64 << 20 })
    pods.take([added('cart', '10.0.0.1'), added('quiet', '10.0.0.7')])
    const body = 'x'.repeat(60_000)
    for (let second = 0; second < 2000; second++) {
      const address = second % 500 === 499 ? '10.0.0.1' : '10.0.0.2'
      writer.append(datagram(second, address, '10.0.0.9', body), second)
    }
    const { texts } = await textsFor('cart', 600, 1999 * SECOND)
    assert.deepEqual(texts.length, 2)
    const quiet = await textsFor('quiet', 30, 1999 * SECOND)
    assert.match(
      quiet.complaint,
      /^nothing of shop\/quiet is kept of those 30 s; packets are since 1970-01-01T00:1\d/,
    )
    assert.equal((await textsFor('cart', 100, 499 * SECOND)).texts.length, 0)
  })

  test('has ARP, and all pieces of datagrams that were cut, as they were captured', async (t) => {
    const { writer, pods, history, target } = await historyFor(t)
    pods.take([added('cart', '10.0.0.1')])
    const selection = new Selection()
    selection.set({ onlyTargeted: true, sampleRate: 100 })
    selection.mark([['10.0.0.1', POD_MARK.targeted]])
    const asked = ['10.0.0.1', '10.0.0.2'].map((address) => arp(1, '10.0.0.9', address))
    const captured = [...asked, ...fragments(2, '10.0.0.1', '10.0.0.9', 'x'.repeat(3000))]
    const { head, record } = captureWriter(captured[0]?.interfaces ?? [])
    const file = `${target}.captured`
    await writeFile(file, Buffer.concat([head(), ...captured.map(record)]))
    await readCapture(file, { spool: writer, selection })
    writer.flush()
    assert.equal(writer.counters.kept, captured.length - 1)
    const { packets } = await history.write({ name: 'cart' }, 30, 3 * SECOND, target, () => {})
    assert.equal(packets, 5)
    const rows = await tsharkFields(t, target, ['arp.dst.proto_ipv4', 'udp.length'])
    if (rows === undefined) return
    assert.deepEqual(
      rows.map((row) => row.join()).filter((row) => row !== ','),
      ['10.0.0.1,', ',3008'],
    )
  })

  test('is not written where there is no room for it', async (t) => {
    const { history, writer, pods, target } = await historyFor(t)
    pods.take([added('cart', '10.0.0.1')])
    writer.append(datagram(1, '10.0.0.1', '10.0.0.9', 'x'.repeat(1000)), 1)
    const asked: number[] = []
    const refuse = (bytes: number) => {
      asked.push(bytes)
      throw new Error('full')
    }
    await assert.rejects(history.write({ name: 'cart' }, 30, 2 * SECOND, target, refuse), /full/)
    assert.deepEqual([asked, existsSync(target)], [[1028], false])
  })

  test('of a pod on the network of its node is that of its ports', async (t) => {
    const { writer, pods, textsFor } = await historyFor(t)
    const spec = { hostNetwork: true, containers: [{ name: 'main', ports: [{ containerPort: 53 }] }] }
    pods.take([
      added('dns', '10.0.0.1', {}, spec),
      added('agent', '10.0.0.1', {}, { ...spec, containers: [{ name: 'main' }] }),
    ])
    writer.append(datagram(1, '10.0.0.9', '10.0.0.1', 'asked', 53), 1)
    writer.append(datagram(1, '10.0.0.9', '10.0.0.1', 'other', 99), 2)
    assert.deepEqual((await textsFor('dns', 30, 2 * SECOND)).texts, ['asked'])
    assert.match((await textsFor('agent', 30, 2 * SECOND)).complaint, /cannot be told from others/)
  })

  test('is refused for pods that are not known, or not told apart, and where nothing is kept', async (t) => {
    const { pods, textsFor } = await historyFor(t)
    await assert.rejects(textsFor('cart', 1, 0), /no pod cart is known here/)
    pods.take([added('cart', undefined), { ...added('cart', '10.0.0.2'), at: 2 }])
    const other = readObject('pod', { metadata: { name: 'cart', namespace: 'test', uid: 'other' } })
    assert.ok(other !== undefined)
    pods.take([{ kind: 'pod', type: 'ADDED', at: 3, object: other }])
    await assert.rejects(textsFor('cart', 1, 0), /there is a pod cart in shop, test/)
    const history = new PodHistory({
      pods,
      packets: new SpoolReader({ folder: '/none', maxBytes: 0, heads: new SharedArrayBuffer(8) }),
      isKept: false,
      flush: async () => undefined,
    })
    await assert.rejects(
      history.write({ name: 'cart' }, 1, 0, '/none', () => {}),
      /no packets are kept/,
    )
    const nowhere = new PodHistory({
      pods,
      packets: new SpoolReader({ folder: '/none', maxBytes: 0, heads: new SharedArrayBuffer(8) }),
      isKept: true,
      flush: async () => 'packets are not kept for agents: no space',
    })
    assert.deepEqual(await nowhere.write({ name: 'cart', namespace: 'test' }, 1, 0, '/none', () => {}), {
      packets: 0,
      complaint: 'test/cart has no address yet',
    })
    assert.match(
      (await nowhere.write({ name: 'cart', namespace: 'shop' }, 1, 0, '/none', () => {})).complaint,
      /no space/,
    )
  })
})

async function historyFor(t: TestContext, { maxBytes = 1 << 30 } = {}) {
  const folder = await tempFolder(t)
  const options = { folder, maxBytes, heads: new SharedArrayBuffer(64, { maxByteLength: 1 << 20 }) }
  const writer = new SpoolWriter(options)
  const pods = new RecentPods()
  const flush = async () => {
    writer.flush()
    return writer.problem
  }
  const history = new PodHistory({ pods, packets: new SpoolReader(options), isKept: true, flush })
  const target = join(folder, 'out.pcap')
  const textsFor = async (name: string, seconds: number, nowMs: number) => {
    const { packets, complaint } = await history.write({ name }, seconds, nowMs, target, () => {})
    const texts = packets === 0 ? [] : await textsOf(target)
    assert.equal(texts.length, packets)
    return { texts, complaint, isThere: existsSync(target) }
  }
  return { writer, pods, history, target, textsFor }
}

function added(name: string, podIP: string | undefined, status = {}, spec = {}) {
  const metadata = { name, namespace: 'shop', uid: `uid of ${name}` }
  const object = readObject('pod', { metadata, spec, status: { phase: 'Running', podIP, ...status } })
  assert.ok(object !== undefined)
  return { kind: 'pod', type: 'ADDED', at: 0, object } as const
}

/** UDP over IPv4, without a link layer. */
function datagram(seconds: number, from: string, to: string, text: string, port = 1000) {
  const bytes = Buffer.alloc(28 + text.length)
  bytes.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17])
  bytes.writeUInt16BE(bytes.length, 2)
  bytes.set(from.split('.').map(Number), 12)
  bytes.set(to.split('.').map(Number), 16)
  bytes.writeUInt16BE(4000, 20)
  bytes.writeUInt16BE(port, 22)
  bytes.writeUInt16BE(8 + text.length, 24)
  bytes.write(text, 28)
  const interfaces = [{ name: 'any', linkType: 101, snapLength: 0 }]
  const length = bytes.length
  return { bytes, start: 0, captured: length, length, seconds, nanos: 0, interfaceId: 0, interfaces }
}

/** RFC 826: who has that address? */
function arp(seconds: number, from: string, asked: string) {
  const bytes = Buffer.alloc(42)
  bytes.fill(0xff, 0, 6)
  bytes.writeUInt16BE(0x0806, 12)
  bytes.set([0, 1, 8, 0, 6, 4, 0, 1], 14)
  bytes.set(from.split('.').map(Number), 28)
  bytes.set(asked.split('.').map(Number), 38)
  return onEthernet(seconds, bytes)
}

/** A UDP datagram in pieces of 1000 bytes, but for the last one. */
function fragments(seconds: number, from: string, to: string, text: string) {
  const { bytes: whole } = datagram(seconds, from, to, text)
  const pieces = []
  for (let at = 20; at < whole.length; at += 1000) {
    const part = whole.subarray(at, at + 1000)
    const bytes = Buffer.concat([Buffer.alloc(12), Buffer.from([8, 0]), whole.subarray(0, 20), part])
    bytes.writeUInt16BE(20 + part.length, 16)
    bytes.writeUInt16BE(7, 18)
    bytes.writeUInt16BE(((at - 20) >> 3) | (at + 1000 < whole.length ? 0x2000 : 0), 20)
    pieces.push(onEthernet(seconds, bytes))
  }
  return pieces
}

function onEthernet(seconds: number, bytes: Buffer) {
  const interfaces = [{ name: 'eth0', linkType: 1, snapLength: 0 }]
  const length = bytes.length
  return { bytes, start: 0, captured: length, length, seconds, nanos: 0, interfaceId: 0, interfaces }
}

async function textsOf(path: string): Promise<string[]> {
  const texts: string[] = []
  for await (const batch of openCapture({ path }).packets(new AbortController().signal))
    for (let at = 0; at < batch.count; at++) {
      const start = batch.offsets[at] as number
      texts.push(
        Buffer.from(batch.bytes.subarray(start + 28, start + (batch.captured[at] as number))).toString(),
      )
    }
  return texts
}
