import { crc32c } from '../bytes/crc32c.ts'
import { Packet, PROTOCOL } from '../packet/packet.ts'
import { CHUNK, DATA_FLAG } from '../packet/sctp.ts'
import type { End } from '../reassembly/connection.ts'

/** What a user sends, or a fragment of it; by default a whole message. */
export interface DataFields {
  readonly tsn: number
  readonly stream?: number
  /** Of its message within the stream. */
  readonly order?: number
  readonly begins?: boolean
  readonly ends?: boolean
  readonly unordered?: boolean
  readonly payloadProtocol?: number
  readonly text: string | Uint8Array
  /** Of I-DATA: which of the fragments of its message it is. */
  readonly fragment?: number
}

/** RFC 9260 §3.3.1; with `fragment` I-DATA, RFC 8260 §2.1. */
export function dataChunk(fields: DataFields): Buffer {
  const { tsn, stream = 0, order = 0, begins = true, ends = true, unordered = false, fragment, text } = fields
  const flags =
    (begins ? DATA_FLAG.begin : 0) | (ends ? DATA_FLAG.end : 0) | (unordered ? DATA_FLAG.unordered : 0)
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  const { payloadProtocol = 0 } = fields
  const value =
    fragment === undefined
      ? [...word(tsn), ...half(stream), ...half(order), ...word(payloadProtocol)]
      : [...word(tsn), ...half(stream), 0, 0, ...word(order), ...word(begins ? payloadProtocol : fragment)]
  return chunk(fragment === undefined ? CHUNK.data : CHUNK.iData, flags, [...value, ...bytes])
}

/** INIT, or INIT ACK. RFC 9260 §3.3.2 */
export function initChunk(type: number, tag: number, tsn: number): Buffer {
  return chunk(type, 0, [...word(tag), ...word(0xffff), ...half(10), ...half(10), ...word(tsn)])
}

/** SACK, SHUTDOWN or FORWARD TSN: those that begin with a number. */
export function numberedChunk(type: number, tsn: number): Buffer {
  return chunk(type, 0, type === CHUNK.sack ? [...word(tsn), ...word(0xffff), 0, 0, 0, 0] : word(tsn))
}

export function chunk(type: number, flags: number, value: readonly number[] = []): Buffer {
  const length = 4 + value.length
  return Buffer.from([type, flags, ...half(length), ...value, ...new Array((4 - (length % 4)) % 4).fill(0)])
}

/** From end 0, which has port 5000, to end 1, or back. */
export function sctpPacket(from: End, chunks: readonly Uint8Array[], tag = 1, seconds = 0): Packet {
  const [source, target] = from === 0 ? [5000, 80] : [80, 5000]
  const bytes = Buffer.from([
    ...[...half(source), ...half(target), ...word(tag), ...word(0)],
    ...chunks.flatMap((each) => [...each]),
  ])
  bytes.writeUInt32LE(crc32c(bytes, 0, bytes.length, 8), 8)
  return Object.assign(new Packet(), {
    ...{ protocol: PROTOCOL.sctp, ipVersion: 4, seconds, bytes },
    ...{ src0: from === 0 ? 1 : 2, dst0: from === 0 ? 2 : 1, srcPort: source, dstPort: target },
    ...{ payloadStart: 12, payloadEnd: bytes.length, payloadLength: bytes.length - 12 },
  })
}

function word(value: number): number[] {
  return [...half(value >>> 16), ...half(value)]
}

function half(value: number): number[] {
  return [(value >>> 8) & 0xff, value & 0xff]
}
