import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileFilter } from '../../filter/index.ts'
import { CHUNK } from '../../packet/sctp.ts'
import { chunk, dataChunk, numberedChunk, sctpPacket } from '../../testing/sctp-packets.ts'
import { readChunks, sctpChunks } from './chunks.ts'

test('each chunk of a packet says what it is', () => {
  const packet = sctpPacket(0, [
    numberedChunk(CHUNK.sack, 41),
    dataChunk({ tsn: 7, stream: 2, order: 3, payloadProtocol: 46, text: 'abc' }),
    dataChunk({ tsn: 8, stream: 2, order: 4, payloadProtocol: 46, fragment: 1, begins: false, text: 'd' }),
    chunk(99, 0),
  ])
  const chunks = readChunks(packet)
  assert.deepEqual(
    chunks.map(({ chunkType, length, tsn, streamId, streamSequence, payloadProtocolName }) => [
      ...[chunkType, length, tsn, streamId, streamSequence, payloadProtocolName],
    ]),
    [
      ['SACK', 16, 41, -1, -1, ''],
      ['DATA', 19, 7, 2, 3, 'Diameter'],
      ['I-DATA', 21, 8, 2, 4, ''],
      ['Chunk 99', 4, 0, -1, -1, ''],
    ],
  )
  const broken = sctpPacket(0, [chunk(3, 0), Buffer.from([0, 3, 0, 99])])
  assert.deepEqual(
    readChunks(broken).map(({ chunkType, malformed, tsn }) => [chunkType, malformed, tsn]),
    [
      ['SACK', false, 0],
      ['DATA', true, 0],
    ],
  )
  const [, data] = chunks
  assert.ok(data)
  assert.deepEqual(data.chunks, ['SACK', 'DATA', 'I-DATA', 'Chunk 99'])
  assert.equal(data.checksum, Buffer.from(packet.bytes).readUInt32BE(8))

  const base = sctpChunks.summarize(null as never, null as never, data as never)
  const entry = { protocol: sctpChunks.protocols[0], request: null, response: null, data, base }
  for (const query of [base.methodQuery, base.summaryQuery, 'sctp'])
    assert.equal(compileFilter(query, { prefer: 'kfl1' }).matches(entry), true, query)
  const query = `sctp && sctp_chunk_type == "DATA" && sctp_length == 19 && sctp_checksum == ${data.checksum}`
  assert.equal(compileFilter(query, { prefer: 'kfl2' }).matches(entry), true, query)
})

test('the chunks of a packet that has very many are not all named', () => {
  const chunks = readChunks(
    sctpPacket(
      0,
      Array.from({ length: 1000 }, () => chunk(4, 0)),
    ),
  )
  assert.equal(chunks.length, 1000)
  assert.deepEqual(chunks[999]?.chunks, [...new Array(32).fill('HEARTBEAT'), '…'])
})
