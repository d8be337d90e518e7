import { u8, u16, u32 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { Side } from '../../dissect/dissector.ts'
import { BASIC, methodOf } from './grammar.ts'
import { isHeader } from './properties.ts'
import { AmqpReader } from './reader.ts'

/** Kinds of frames. §4.2.3 */
export const METHOD = 1
export const HEADER = 2
export const BODY = 3
export const HEARTBEAT = 8
/** Type, channel and length stand in front of the payload … */
export const FRAME_HEAD = 7
/** … and this behind it. */
export const FRAME_END = 0xce
/** Class and method, at the beginning of the payload of a method frame. */
export const METHOD_IDS = 4
/** Longest payload of a method or header frame; those of brokers are of 128 KiB at most. */
export const LONGEST_FRAME = 1 << 20
/** `AMQP` and a version: how a client begins, and how a server refuses a version. */
export const PROTOCOL_HEADER = 8
export const LETTER_A = 0x41

/** What may be a frame. `cut`: as far as it is here. */
export type Frame = 'bad' | 'cut' | { readonly end: number; readonly isTelling: boolean }

/** Looks at a frame that `from` may have sent, to its last bit but for the payload of a body. It is telling when nobody else may send it. */
export function frameAt(bytes: Uint8Array, start: number, end: number, from: Side): Frame {
  const type = u8(bytes, start)
  if (type !== METHOD && type !== HEADER && type !== BODY && type !== HEARTBEAT) return 'bad'
  if (end - start < FRAME_HEAD) return 'cut'
  const channel = u16(bytes, start + 1)
  const length = u32(bytes, start + 3)
  const payload = start + FRAME_HEAD
  const last = payload + length
  if (length > LONGEST_FRAME || (last < end && u8(bytes, last) !== FRAME_END)) return 'bad'
  if (type === METHOD) return methodAt(bytes, payload, last, end, { channel, from })
  if (!isPossible(bytes, payload, last, end, { type, channel })) return 'bad'
  return last >= end ? 'cut' : { end: last + 1, isTelling: false }
}

interface FrameKind {
  readonly type: number
  readonly channel: number
}

function isPossible(
  bytes: Uint8Array,
  payload: number,
  last: number,
  end: number,
  { type, channel }: FrameKind,
): boolean {
  if (type === HEARTBEAT) return channel === 0 && last === payload
  if (channel === 0 || last === payload) return false
  if (type === BODY) return true
  if (last - payload < SHORTEST_HEADER) return false
  if (payload + 4 <= end && u32(bytes, payload) !== BASIC << 16) return false
  return last >= end || isHeader(bytes, payload, last)
}

function methodAt(
  bytes: Uint8Array,
  start: number,
  last: number,
  end: number,
  { channel, from }: { readonly channel: number; readonly from: Side },
): Frame {
  if (last - start < METHOD_IDS) return 'bad'
  if (start + METHOD_IDS > end) return 'cut'
  const classId = u16(bytes, start)
  const method = methodOf(classId, u16(bytes, start + 2))
  if (method === undefined || (classId === CONNECTION) !== (channel === 0)) return 'bad'
  if (method.sender !== 'both' && method.sender !== from) return 'bad'
  if (last >= end) return 'cut'
  const reader = new AmqpReader(bytes, start + METHOD_IDS, last)
  reader.arguments(method.arguments)
  return reader.isExact ? { end: last + 1, isTelling: method.sender !== 'both' } : 'bad'
}

/** 0-9-1, and 0-9, which is the same where RabbitMQ is concerned; 0-8, 0-10 and 1.0 are other protocols. */
export function protocolHeaderAt(
  bytes: Uint8Array,
  start: number,
  end: number,
): 'match' | 'reject' | 'unsure' {
  const header = latin1(bytes, start, Math.min(end, start + PROTOCOL_HEADER))
  if (HEADERS.includes(header)) return 'match'
  return HEADERS.some((each) => each.startsWith(header)) ? 'unsure' : 'reject'
}

const HEADERS: readonly string[] = ['AMQP\0\0\x09\x01', 'AMQP\x01\x01\0\x09']
const CONNECTION = 10
/** Class, weight, length of the body, flags. */
const SHORTEST_HEADER = 14
