import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { pcapngWriter, pcapWriter, type RecordedPacket } from '../capture/pcap-writer.ts'
import { wholePackets } from './whole-packets.ts'

describe('the beginning of a capture file', () => {
  const packet = (bytes: number): RecordedPacket => ({
    bytes: new Uint8Array(bytes).fill(7),
    length: bytes,
    seconds: 1,
    nanos: 2,
    interfaceId: 0,
  })

  for (const writer of [pcapWriter(1), pcapngWriter([{ linkType: 1, snapLength: 0, name: 'lo' }])])
    test(`of ${writer.extension} ends with a packet`, () => {
      const records = [100, 41, 1000].map((bytes) => writer.record(packet(bytes)))
      const file = Buffer.concat([writer.head(), ...records])
      const upTo = (count: number) => Buffer.concat([writer.head(), ...records.slice(0, count)])
      assert.equal(wholePackets(file, file.length), file)
      assert.deepEqual(Buffer.from(wholePackets(file, file.length - 1)), upTo(2))
      assert.deepEqual(Buffer.from(wholePackets(file, upTo(2).length)), upTo(2))
      assert.deepEqual(Buffer.from(wholePackets(file, upTo(2).length - 1)), upTo(1))
      assert.deepEqual(Buffer.from(wholePackets(file, upTo(1).length - 1)), upTo(0))
    })
})
