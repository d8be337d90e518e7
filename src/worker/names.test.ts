import assert from 'node:assert/strict'
import { test } from 'node:test'
import { u16 } from '../bytes/read.ts'
import { readCapture } from '../testing/read-capture.ts'
import { recordFrames } from '../testing/recorded.ts'
import { DnsNames } from './names.ts'

test('a name is what was said last, unless that was of one that had the address before', () => {
  const names = new DnsNames()
  names.learn(100, '10.1.0.2', 'db-0.db.shop.svc.cluster.local')
  assert.equal(names.nameOf('10.1.0.2'), 'db-0.db.shop.svc.cluster.local')
  assert.equal(names.nameOf('10.1.0.2', 90_000), 'db-0.db.shop.svc.cluster.local')
  assert.equal(names.nameOf('10.1.0.2', 101_000), undefined)
  names.learn(102, '10.1.0.2', 'db-0.db.shop.svc.cluster.local')
  assert.equal(names.nameOf('10.1.0.2', 101_000), 'db-0.db.shop.svc.cluster.local', 'it was said again')
  names.learn(103, '10.1.0.2', 'cart')
  assert.equal(names.nameOf('10.1.0.2', 101_000), 'cart')
})

test('nothing is learned from replies that nobody asked for', async () => {
  const frames = await recordFrames(SAMPLE, Infinity)
  const isQuery = frames.map(({ bytes }) => bytes.length > TO_PORT + 2 && u16(bytes, TO_PORT) === 53)
  const learned = async (losing: (packet: number) => boolean) => {
    const names = new Set<string>()
    const { exchanges } = await readCapture(SAMPLE, { names: { learn: (_, ip) => names.add(ip) } }, losing)
    const replies = exchanges.filter(
      ({ dissector, response }) => dissector.name === 'dns' && response !== null,
    )
    return { names: [...names], replies: replies.length }
  }
  const all = await learned(() => false)
  const unasked = await learned((packet) => isQuery[packet] === true)
  assert.ok(all.names.includes('10.1.1.1'))
  assert.ok(unasked.replies > 0)
  assert.deepEqual(unasked.names, [])
})

const SAMPLE = 'samples/sample.pcap'
/** Where the destination port is, after the headers of Ethernet and IPv4. */
const TO_PORT = 36
