import type { Side } from '../../dissect/dissector.ts'
import { asUtf8 } from '../http/characters.ts'
import { endOfWholeCharacters } from '../http/content.ts'
import { HeaderReader, OPCODE } from './header.ts'
import { unmask } from './payload.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * Whether these are frames, in a connection whose handshake was not seen. Two bytes of header are no evidence: it takes
 * frames that follow on each other, some of them texts. Of compressed and binary messages there is never enough.
 */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  if (!FIRST.has(bytes[start] ?? 0)) return 'reject'
  const seen = look(bytes, start, end, from)
  if (seen.isBroken) return 'reject'
  return isProved(seen) ? 'match' : 'unsure'
}

/**
 * Whether a frame begins here, in a connection that has frames, where bytes before were lost: frames that fill what is
 * here, or several in a row, or one that is longer and gives itself away.
 */
export function beginsFrames(bytes: Uint8Array, start: number, end: number, from: Side): boolean {
  const seen = look(bytes, start, end, from)
  if (seen.isBroken) return false
  return seen.rest === 0 || seen.frames >= ENOUGH_IN_A_ROW || seen.isEvident || isProved(seen)
}

function isProved({ frames, texts, characters }: Seen): boolean {
  return frames >= ENOUGH_FRAMES && texts >= ENOUGH_TEXTS && characters >= ENOUGH_CHARACTERS
}

/** What is found when frames are looked for. */
interface Seen {
  /** Something is not as it must be. */
  readonly isBroken: boolean
  /** Whole frames. */
  readonly frames: number
  /** … of which hold text that is not compressed and looks like text … */
  readonly texts: number
  /** … of so many bytes. */
  readonly characters: number
  /** Bytes of a frame that goes on behind what is here. */
  readonly rest: number
  /** That frame says of itself what no accident would. */
  readonly isEvident: boolean
}

function look(bytes: Uint8Array, start: number, end: number, from: Side): Seen {
  const header = new HeaderReader()
  let [frames, texts, characters] = [0, 0, 0]
  let isInside = (bytes[start] ?? 0) % 16 === OPCODE.continuation
  for (let at = start; at < end; frames++) {
    const isHere = header.read(bytes, at, end)
    if (!isHere) return { ...NONE, frames, texts, characters, rest: end - at }
    const isContinuation = header.opcode === OPCODE.continuation
    if (!header.isPlausible(from) || (!header.isControl && isContinuation !== isInside)) return BROKEN
    const payloadAt = at + header.size
    const shown = Math.min(end, payloadAt + header.length)
    const isText = header.opcode === OPCODE.text && !header.rsv1
    if (isText && !looksLikeText(header, bytes, payloadAt, shown)) return BROKEN
    if (payloadAt + header.length > end) {
      const isEvident = header.length >= 1 << 16 || (isText && shown - payloadAt >= ENOUGH_CHARACTERS)
      return { ...NONE, frames, texts, characters, rest: end - at, isEvident }
    }
    if (isText && header.length > 0) {
      texts++
      characters += header.length
    }
    if (!header.isControl) isInside = !header.fin
    at = shown
  }
  return { ...NONE, frames, texts, characters }
}

/** UTF-8 with few control characters, as far as it is here. STOMP ends with NUL, SignalR with RS; terminals ring and escape. */
function looksLikeText({ key, fin }: HeaderReader, bytes: Uint8Array, start: number, end: number): boolean {
  const length = Math.min(end - start, LONGEST_LOOK)
  const payload = new Uint8Array(length)
  unmask(bytes, start, payload, 0, length, key)
  const isWhole = fin && start + length === end
  const text = asUtf8(isWhole ? payload : payload.subarray(0, endOfWholeCharacters(payload)))
  return text !== undefined && (text.match(CONTROLS)?.length ?? 0) * 8 <= text.length + 8
}

const NONE = { isBroken: false, frames: 0, texts: 0, characters: 0, rest: 0, isEvident: false }
const BROKEN: Seen = { ...NONE, isBroken: true }
const CONTROLS = /[\p{Cc}--[\t\n\r\x80-\x9f]]/gv
/** A text, whole or not, ping, pong. */
const FIRST: ReadonlySet<number> = new Set([0x81, 0x01, 0x89, 0x8a])
const ENOUGH_FRAMES = 3
const ENOUGH_TEXTS = 2
const ENOUGH_CHARACTERS = 16
/** Headers that follow on each other where they must: an accident of one in many millions. */
const ENOUGH_IN_A_ROW = 4
/** Bytes of a text that are looked at. */
const LONGEST_LOOK = 256
