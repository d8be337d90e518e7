import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { decodeChunk, encodeChunk } from './chunk.ts'
import { PACKET_HEAD, readPackets, writePacketHead } from './packet-records.ts'

const HEAD = z.object({ a: z.string() })

describe('chunks', () => {
  test('carry JSON and bytes, also as a part of a larger buffer', () => {
    const payload = encodeChunk({ a: 'ä' }, Uint8Array.of(1, 2, 3))
    const inside = new Uint8Array([9, ...payload]).subarray(1)
    assert.deepEqual(decodeChunk(HEAD, inside), { head: { a: 'ä' }, bytes: Uint8Array.of(1, 2, 3) })
  })

  test('that are none are refused', () => {
    const payload = encodeChunk({ a: 'x' }, Uint8Array.of())
    for (const bad of [
      payload.subarray(0, 3),
      payload.subarray(0, 8),
      encodeChunk({ b: 1 }, Uint8Array.of()),
    ])
      assert.equal(decodeChunk(HEAD, bad), undefined)
  })
})

describe('packets on their way', () => {
  const PACKET = { length: 1500, seconds: 4_000_000_000, nanos: 999_999_999, linkType: 113 }
  const piece = new Uint8Array(2 * PACKET_HEAD + 3)
  writePacketHead(piece, 0, 3, PACKET)
  piece.set([1, 2, 3], PACKET_HEAD)
  writePacketHead(piece, PACKET_HEAD + 3, 0, { ...PACKET, linkType: 1 })

  test('come out as they went in', () => {
    assert.deepEqual(readPackets(piece), [
      { ...PACKET, bytes: Uint8Array.of(1, 2, 3) },
      { ...PACKET, linkType: 1, bytes: Uint8Array.of() },
    ])
    assert.deepEqual(readPackets(new Uint8Array()), [])
  })

  test('that are cut are none', () => {
    for (let end = 1; end < piece.length; end++)
      if (end !== PACKET_HEAD + 3) assert.equal(readPackets(piece.subarray(0, end)), undefined, String(end))
  })
})
