import { u8, u32 } from '../../bytes/read.ts'
import type { Side } from '../../dissect/dissector.ts'
import {
  BODY,
  FRAME_END,
  FRAME_HEAD,
  frameAt,
  LETTER_A,
  METHOD,
  METHOD_IDS,
  protocolHeaderAt,
} from './frames.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * Begins with the protocol header, or with frames, or has a method frame behind the end of another. One method frame that
 * is whole, ends with its arguments, and that only this side may send, is enough: type, length, class, method, arguments
 * and end agree. What either side may send says nothing about who is the client.
 */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  if (u8(bytes, start) === LETTER_A) return protocolHeaderAt(bytes, start, end)
  const verdict = probeFrames(bytes, start, end, from)
  if (verdict === 'match') return verdict
  const found = seek(bytes, start, end, (at) => {
    const frame = frameAt(bytes, at, end, from)
    return typeof frame === 'object' && frame.isTelling
  })
  return found >= 0 ? 'match' : verdict
}

function probeFrames(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
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

/**
 * Where frames go on that this side sends, in bytes that may begin anywhere: at their beginning, or at a method frame
 * behind the end of another one; −1 when nowhere. Bodies may be anything, and are no place to go on.
 */
export function resumption(bytes: Uint8Array, start: number, end: number, from: Side): number {
  if (u8(bytes, start) === LETTER_A && protocolHeaderAt(bytes, start, end) === 'match') return start
  const canResumeAt = (at: number) => {
    const frame = frameAt(bytes, at, end, from)
    if (frame === 'cut') return u8(bytes, at) === METHOD && end - at >= FRAME_HEAD + METHOD_IDS
    return frame !== 'bad' && u8(bytes, at) !== BODY
  }
  return canResumeAt(start) ? start : seek(bytes, start, end, canResumeAt)
}

/** The first place behind the end of a frame where a method frame of usual length fits. */
function seek(bytes: Uint8Array, start: number, end: number, fits: (at: number) => boolean): number {
  const seen = bytes.subarray(start, end)
  let looked = 0
  for (let at = seen.indexOf(FRAME_END) + 1; at > 0; at = seen.indexOf(FRAME_END, at) + 1) {
    if (seen.length - at < FRAME_HEAD + METHOD_IDS || looked === MOST_LOOKED_AT) return -1
    if (u8(seen, at) !== METHOD || u32(seen, at + 3) > LONGEST_SOUGHT) continue
    looked++
    if (fits(start + at)) return start + at
  }
  return -1
}

/** Frames of a chunk that are looked at, from its beginning … */
const MOST_FRAMES = 64
/** … and anywhere, where they are no longer than this. */
const MOST_LOOKED_AT = 16
const LONGEST_SOUGHT = 4096
