import { u8, u16, u32 } from '../bytes/read.ts'
import type { Packet } from './packet.ts'

/** Chunk types that are told apart here. https://www.iana.org/assignments/sctp-parameters */
export const CHUNK = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  cookieEcho: 10,
  cookieAck: 11,
  shutdownComplete: 14,
  nrSack: 16,
  iData: 64,
  forwardTsn: 192,
  iForwardTsn: 194,
} as const

/** Of DATA and I-DATA: the last and the first fragment of a message, and one that may come out of order. RFC 9260 §3.3.1 */
export const DATA_FLAG = { end: 1, begin: 2, unordered: 4 } as const

/** Where a chunk of a packet is. */
export interface Chunk {
  readonly type: number
  readonly flags: number
  /** Its first byte; the value begins four bytes on. */
  readonly start: number
  /** Behind its last byte, its padding left out … */
  readonly end: number
  /** … and where the capture cut it off, or the same. */
  readonly capturedEnd: number
  /** Its length is not that of any chunk here: nothing else of it makes sense, and it is the last one. */
  readonly isBroken: boolean
}

/** The chunks of an SCTP packet. RFC 9260 §3.2 */
export function* chunksOf(packet: Packet): Generator<Chunk> {
  const { bytes, payloadEnd } = packet
  const wireEnd = packet.payloadStart + packet.payloadLength
  for (let start = packet.payloadStart; start + CHUNK_HEADER <= payloadEnd; ) {
    const length = u16(bytes, start + 2)
    const end = start + length
    const isBroken = length < CHUNK_HEADER || end > wireEnd
    yield {
      type: u8(bytes, start),
      flags: u8(bytes, start + 1),
      start,
      end: isBroken ? wireEnd : end,
      capturedEnd: Math.min(isBroken ? wireEnd : end, payloadEnd),
      isBroken,
    }
    if (isBroken) return
    start += (length + 3) & ~3
  }
}

/** Chosen by the receiver, and repeated in all that it is sent; 0 in front of INIT. RFC 9260 §8.5 */
export function verificationTag(packet: Packet): number {
  return u32(packet.bytes, packet.payloadStart - 8)
}

/** CRC32c of the packet, in the order in which its bytes are sent. */
export function checksumOf(packet: Packet): number {
  return u32(packet.bytes, packet.payloadStart - 4)
}

/** Bytes of DATA and of I-DATA in front of what the user sends. RFC 9260 §3.3.1, RFC 8260 §2.1 */
export const DATA_HEADER = 16
export const I_DATA_HEADER = 20
const CHUNK_HEADER = 4
