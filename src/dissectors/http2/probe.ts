import { u8, u24 } from '../../bytes/read.ts'
import type { Side } from '../../dissect/dissector.ts'
import { FLAG, FRAME, FRAME_HEADER, mayBecomeFrame, mayBeFrame, PREFACE } from './frames.ts'
import { type HeaderBlock, HpackReader } from './hpack.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * Whether a side speaks HTTP/2: its preface shows it, and midway the head of a message does, whose pseudo-headers also
 * tell who sent it. Other frames are sent by both sides: they fit, and prove nothing.
 */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  if (u8(bytes, start) === PREFACE[0]) return from === 'client' ? probePreface(bytes, start, end) : 'reject'
  let at = start
  for (let count = 0; count < MOST_FRAMES && at + FRAME_HEADER <= end; count++) {
    if (!mayBeFrame(bytes, at, end)) return 'reject'
    const payload = at + FRAME_HEADER
    const next = payload + u24(bytes, at)
    const type = u8(bytes, at + 3)
    if (type === FRAME.headers) return probeHead(bytes, at, Math.min(next, end), next <= end, from)
    if (type === FRAME.pushPromise && from === 'client') return 'reject'
    // Nine bytes, most of them zeros, are nothing to go by.
    if (type === FRAME.data && next > end) return 'reject'
    at = next
  }
  return at >= end || mayBecomeFrame(bytes, at, end) ? 'unsure' : 'reject'
}

/** Whether a frame may begin at `start`, and others after it, in what is known to be HTTP/2. */
export function beginsFrame(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  for (let count = 0; count < ENOUGH_FRAMES && at + FRAME_HEADER <= end; count++) {
    if (!mayBeFrame(bytes, at, end)) return false
    at += FRAME_HEADER + u24(bytes, at)
  }
  return at > start
}

function probePreface(bytes: Uint8Array, start: number, end: number): Verdict {
  const length = Math.min(PREFACE.length, end - start)
  for (let at = 0; at < length; at++) if (u8(bytes, start + at) !== PREFACE[at]) return 'reject'
  return length === PREFACE.length ? 'match' : 'unsure'
}

/** HEADERS at `at`, of which all before `end` is here: `isWhole` if that is all. */
function probeHead(bytes: Uint8Array, at: number, end: number, isWhole: boolean, from: Side): Verdict {
  const flags = u8(bytes, at + 4)
  const padding = (flags & FLAG.padded) !== 0 ? u8(bytes, at + FRAME_HEADER) : 0
  const start =
    at + FRAME_HEADER + ((flags & FLAG.padded) !== 0 ? 1 : 0) + ((flags & FLAG.priority) !== 0 ? 5 : 0)
  const stop = isWhole ? end - padding : end
  if (start >= stop) return isWhole ? 'reject' : 'unsure'
  const block = new HpackReader(false).read(bytes, start, stop)
  const isRead = isWhole && (flags & FLAG.endHeaders) !== 0
  if (isRead && block.isBroken) return 'reject'
  const sender = senderOf(block)
  if (sender === undefined) return 'unsure'
  if (sender !== from) return 'reject'
  // Of what is cut off, or goes on in another frame, the last field may be cut, too.
  const isEnough = isRead
    ? block.count >= (from === 'client' ? FEWEST_OF_REQUEST : FEWEST_OF_REPLY)
    : block.fields.length >= ENOUGH_FIELDS
  return isEnough ? 'match' : 'unsure'
}

/** Who sends such a head, which its first field shows; undefined when that is not known. */
function senderOf({ fields: [first] }: HeaderBlock): Side | undefined {
  if (first?.name === ':status') return STATUS.test(first.value) ? 'server' : undefined
  return first !== undefined && REQUEST_FIELDS.has(first.name) ? 'client' : undefined
}

const REQUEST_FIELDS: ReadonlySet<string> = new Set([
  ':method',
  ':scheme',
  ':path',
  ':authority',
  ':protocol',
])
/** Frames before the first head that are looked at. */
const MOST_FRAMES = 64
/** In a row, where the first of them is looked for. */
const ENOUGH_FRAMES = 8
/** Of a head of which more is to come. */
const ENOUGH_FIELDS = 3
/** Whether they are known or not: method, scheme and path, but for CONNECT; a reply has more than its status. */
const FEWEST_OF_REQUEST = 3
const FEWEST_OF_REPLY = 2
const STATUS = /^[1-5]\d\d$/
