import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { captureWriter, type RecordedPacket } from './pcap-writer.ts'
import { parse } from './test-captures.ts'

const eth0 = { name: 'eth0', linkType: 1, snapLength: 96 }
const eth1 = { name: 'eth1', linkType: 1, snapLength: 0 }
const any = { name: 'any – all', linkType: 113, snapLength: 65_535 }

const packet = fc.record({
  bytes: fc.uint8Array({ maxLength: 200 }),
  length: fc.nat(65_535),
  seconds: fc.nat(2 ** 32 - 1),
  nanos: fc.nat(999_999_999),
  interfaceId: fc.nat(1),
})

describe('a capture that was written', () => {
  for (const [kind, interfaces] of [
    ['pcap', [eth0, eth1]],
    ['pcapng', [eth0, any]],
  ] as const)
    test(`as ${kind} is read back as it was`, () => {
      fc.assert(
        fc.property(fc.array(packet), (packets) => {
          const writer = captureWriter(interfaces)
          assert.equal(writer.extension, kind)
          const file = Buffer.concat([writer.head(), ...packets.map((packet) => writer.record(packet))])
          const { packets: read, problems } = parse(file)
          assert.deepEqual(problems, [])
          assert.deepEqual(
            read,
            packets.map((packet) =>
              asSeen(packet, kind === 'pcap' ? { name: '', linkType: 1 } : interfaces[packet.interfaceId]),
            ),
          )
        }),
      )
    })

  test('without interfaces is a pcap file of Ethernet without packets', () => {
    const head = captureWriter([]).head()
    assert.equal(Buffer.from(head).toString('hex'), '4d3cb2a1020004000000000000000000000004000100' + '0000')
  })

  test('keeps times that its format cannot hold at the nearest that it can', () => {
    const writer = captureWriter([eth0])
    const record = writer.record({
      bytes: new Uint8Array(0),
      length: 0,
      seconds: -5,
      nanos: 1,
      interfaceId: 0,
    })
    assert.equal(parse(Buffer.concat([writer.head(), record])).packets[0]?.time, '0.000000001')
  })
})

function asSeen(packet: RecordedPacket, from: { name: string; linkType: number } | undefined) {
  return {
    interface: from?.name,
    linkType: from?.linkType,
    time: `${packet.seconds}.${String(packet.nanos).padStart(9, '0')}`,
    length: packet.length,
    hex: Buffer.from(packet.bytes).toString('hex'),
  }
}
