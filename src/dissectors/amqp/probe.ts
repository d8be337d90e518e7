import { u8, u16, u32 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { Side } from '../../dissect/dissector.ts'
import { BASIC, methodOf } from './grammar.ts'
import {
  BODY,
  FRAME_END,
  FRAME_HEAD,
  HEADER,
  HEARTBEAT,
  LETTER_A,
  LONGEST_FRAME,
  METHOD,
  PROTOCOL_HEADER,
} from './parser.ts'
import { isHeader } from './properties.ts'
import { ValueReader } from './reader.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * Begins with the protocol header, or with frames. One method frame that is whole, ends with its arguments, and that only
 * this side may send, is enough: type, length, class, method, arguments and end agree. What either side may send says
 * nothing about who is the client.
 */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  if (u8(bytes, start) === LETTER_A) return probeProtocolHeader(bytes, start, end)
  let at = start
  for (let count = 0; count < MOST_FRAMES && at < end; count++) {
    const frame = frameAt(bytes, at, end, from)
    if (frame === 'bad') return 'reject'
    if (frame === 'cut') return 'unsure'
    if (frame.isTelling) return 'match'
    at = frame.end
  }
  return 'unsure'
}

/** Whether a frame begins here that says so by itself. */
export function resumes(bytes: Uint8Array, start: number, end: number, from: Side): boolean {
  const frame = frameAt(bytes, start, end, from)
  const type = u8(bytes, start)
  if (frame === 'cut') return type === METHOD && end - start >= FRAME_HEAD + METHOD_IDS
  return frame !== 'bad' && type !== BODY
}

/** `cut`: as far as it is here, it may be one. */
type Frame = 'bad' | 'cut' | { readonly end: number; readonly isTelling: boolean }

function frameAt(bytes: Uint8Array, start: number, end: number, from: Side): Frame {
  const type = u8(bytes, start)
  if (type !== METHOD && type !== HEADER && type !== BODY && type !== HEARTBEAT) return 'bad'
  if (end - start < FRAME_HEAD) return 'cut'
  const channel = u16(bytes, start + 1)
  const length = u32(bytes, start + 3)
  const payload = start + FRAME_HEAD
  const last = payload + length
  if (length > LONGEST_FRAME || (last < end && u8(bytes, last) !== FRAME_END)) return 'bad'
  switch (type) {
    case METHOD:
      return methodAt(bytes, payload, last, end, { channel, from })
    case HEADER:
      if (channel === 0 || length < SHORTEST_HEADER) return 'bad'
      if (payload + 4 <= end && u32(bytes, payload) !== BASIC << 16) return 'bad'
      if (last >= end) return 'cut'
      return isHeader(bytes, payload, last) ? { end: last + 1, isTelling: false } : 'bad'
    case BODY:
      if (channel === 0 || length === 0) return 'bad'
      return last >= end ? 'cut' : { end: last + 1, isTelling: false }
    default:
      if (channel !== 0 || length !== 0) return 'bad'
      return last >= end ? 'cut' : { end: last + 1, isTelling: false }
  }
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
  const reader = new ValueReader(bytes, start + METHOD_IDS, last)
  reader.arguments(method.arguments)
  return reader.isExact ? { end: last + 1, isTelling: method.sender !== 'both' } : 'bad'
}

/** 0-9-1, and 0-9, which is the same where RabbitMQ is concerned; 0-8, 0-10 and 1.0 are other protocols. */
function probeProtocolHeader(bytes: Uint8Array, start: number, end: number): Verdict {
  const header = latin1(bytes, start, Math.min(end, start + PROTOCOL_HEADER))
  if (HEADERS.includes(header)) return 'match'
  return HEADERS.some((each) => each.startsWith(header)) ? 'unsure' : 'reject'
}

const HEADERS: readonly string[] = ['AMQP\0\0\x09\x01', 'AMQP\x01\x01\0\x09']
const CONNECTION = 10
const METHOD_IDS = 4
/** Class, weight, length of the body, flags. */
const SHORTEST_HEADER = 14
/** Frames that are looked at. */
const MOST_FRAMES = 64
