import { u8, u16, u24, u32 } from '../../bytes/read.ts'

/** RFC 9113 §6 */
export const FRAME = {
  data: 0,
  headers: 1,
  priority: 2,
  rstStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const

export const FLAG = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const

/** Length (24 bits), type, flags, and the number of the stream (RFC 9113 §4.1). */
export const FRAME_HEADER = 9

/** What a client says first (RFC 9113 §3.4). */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

/** Its number; the bit before it is reserved. */
export function streamAt(bytes: Uint8Array, at: number): number {
  return u32(bytes, at) & 0x7fffffff
}

/** `CANCEL` (RFC 9113 §7) */
export function errorName(code: number): string {
  return ERRORS[code] ?? `0x${code.toString(16)}`
}

/** Whether the header at `at` breaks a rule of its type; the rules after which the rest of the connection is worth nothing. */
export function headerProblem(type: number, length: number, stream: number): string | undefined {
  switch (type) {
    case FRAME.data:
    case FRAME.headers:
    case FRAME.pushPromise:
    case FRAME.continuation:
      return stream === 0 ? 'a frame of a message without its stream' : undefined
    case FRAME.rstStream:
      return stream === 0 || length !== 4 ? 'RST_STREAM that is none' : undefined
    case FRAME.settings:
      return stream !== 0 || length % SETTING !== 0 ? 'SETTINGS that are none' : undefined
    case FRAME.ping:
      return stream !== 0 || length !== 8 ? 'PING that is none' : undefined
    case FRAME.goaway:
      return stream !== 0 || length < 8 ? 'GOAWAY that is none' : undefined
    case FRAME.windowUpdate:
      return length !== 4 ? 'WINDOW_UPDATE that is none' : undefined
    default:
      return undefined
  }
}

/**
 * Whether a frame may begin at `start`, of which at least the header is here: stricter than the rules, as it is asked
 * where nobody knows that it is HTTP/2, or where frames begin.
 */
export function mayBeFrame(bytes: Uint8Array, start: number, end: number): boolean {
  const length = u24(bytes, start)
  const type = u8(bytes, start + 3)
  const flags = u8(bytes, start + 4)
  const stream = u32(bytes, start + 5)
  if (type >= FLAGS.length || (flags & ~(FLAGS[type] as number)) !== 0) return false
  if (stream > LARGEST_STREAM || length > (type === FRAME.data ? LONGEST_DATA : LONGEST_OTHER)) return false
  if (headerProblem(type, length, stream) !== undefined) return false
  return hasLikelyPayload(bytes, start + FRAME_HEADER, Math.min(end, start + FRAME_HEADER + length), {
    length,
    type,
    flags,
    stream,
  })
}

/** The same of a header that is not all here. */
export function mayBecomeFrame(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start >= 4 && u8(bytes, start + 3) >= FLAGS.length) return false
  return u8(bytes, start) <= LONGEST_DATA >> 16
}

interface FrameHeader {
  readonly length: number
  readonly type: number
  readonly flags: number
  readonly stream: number
}

function hasLikelyPayload(
  bytes: Uint8Array,
  start: number,
  end: number,
  { length, type, flags, stream }: FrameHeader,
): boolean {
  const isHere = end - start >= Math.min(length, 8)
  const extra = ((flags & FLAG.padded) !== 0 ? 1 : 0) + ((flags & FLAG.priority) !== 0 ? 5 : 0)
  switch (type) {
    case FRAME.data:
      return length >= extra && (length > 0 || (flags & FLAG.endStream) !== 0)
    case FRAME.headers:
      return length > extra
    case FRAME.continuation:
      return length > 0
    case FRAME.priority:
      return length === 5 && stream !== 0
    case FRAME.pushPromise:
      return length > 4 && stream % 2 === 1
    case FRAME.rstStream:
      return !isHere || u32(bytes, start) < ERRORS.length
    case FRAME.settings:
      return (flags & FLAG.ack) !== 0
        ? length === 0
        : length <= MOST_SETTINGS * SETTING && areSettings(bytes, start, end)
    case FRAME.goaway:
      return !isHere || (u32(bytes, start) <= LARGEST_STREAM && u32(bytes, start + 4) < ERRORS.length)
    case FRAME.windowUpdate:
      return !isHere || (u32(bytes, start) <= LARGEST_STREAM && u32(bytes, start) > 0)
    default:
      return true
  }
}

/** As far as they are here. Numbers that are not assigned are few, and of those that are the values are in their range. */
function areSettings(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at + SETTING <= end; at += SETTING) {
    const id = u16(bytes, at)
    const value = u32(bytes, at + 2)
    const isKnown = (id >= 1 && id <= 9) || id === GRPC_SETTING || (id & 0x0f0f) === GREASE
    if (!isKnown || (id === ENABLE_PUSH && value > 1)) return false
    if (id === MAX_FRAME_SIZE && (value < DEFAULT_FRAME_SIZE || value > LARGEST_FRAME_SIZE)) return false
  }
  return true
}

/** What a side lets the other one send in one frame, when it says so in its SETTINGS; 0 when it does not. */
export function maxFrameSize(bytes: Uint8Array, start: number, end: number): number {
  let size = 0
  for (let at = start; at + SETTING <= end; at += SETTING)
    if (u16(bytes, at) === MAX_FRAME_SIZE) size = u32(bytes, at + 2)
  return size
}

export const DEFAULT_FRAME_SIZE = 16384
export const LARGEST_FRAME_SIZE = 0xffffff
const SETTING = 6
const MOST_SETTINGS = 32
const ENABLE_PUSH = 2
const MAX_FRAME_SIZE = 5
/** https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md: GRPC_ALLOW_TRUE_BINARY_METADATA */
const GRPC_SETTING = 0xfe03
/** RFC 8701 reserves numbers like 0x2a4a, so that nobody comes to rely on knowing them all. */
const GREASE = 0x0a0a
const LARGEST_STREAM = 0x7fffffff
/** Peers may agree on more than 16 KiB, of which few make use for bodies, and none for what is not. */
const LONGEST_DATA = 1 << 20
const LONGEST_OTHER = 64 << 10
/** Flags that have a meaning, by type. */
const FLAGS: readonly number[] = [
  FLAG.endStream | FLAG.padded,
  FLAG.endStream | FLAG.endHeaders | FLAG.padded | FLAG.priority,
  0,
  0,
  FLAG.ack,
  FLAG.endHeaders | FLAG.padded,
  FLAG.ack,
  0,
  0,
  FLAG.endHeaders,
]
const ERRORS: readonly string[] = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
]
