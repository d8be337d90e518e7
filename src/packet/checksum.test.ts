import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataChunk, sctpPacket } from '../testing/sctp-packets.ts'
import { transportChecksumHolds } from './checksum.ts'
import { PROTOCOL } from './packet.ts'

test('the checksum of SCTP is that of all its bytes', () => {
  const packet = sctpPacket(0, [dataChunk({ tsn: 1, text: 'abc' })])
  const { bytes } = packet
  const holds = () => transportChecksumHolds(packet, PROTOCOL.sctp, bytes, 0, bytes.length)
  assert.equal(holds(), true)
  for (const at of [0, 8, bytes.length - 2]) {
    bytes[at] = (bytes[at] as number) ^ 1
    assert.equal(holds(), false)
    bytes[at] = (bytes[at] as number) ^ 1
  }
})
