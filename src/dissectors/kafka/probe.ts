import { i32, u8 } from '../../bytes/read.ts'
import { looksLikeRequest, RESPONSE_HEADER, readHeader, requestContentAt, SHORTEST_HEADER } from './header.ts'
import { skimPayload } from './payload.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/**
 * Begins a request: a length, a key and a version that there are, and a name of the client that can be read. What
 * follows must be what this request consists of, as far as it is here, and behind it another one must begin.
 */
export function probeClient(bytes: Uint8Array, start: number, end: number): Verdict {
  // Longer than 16 MB: not the first request that is seen.
  if (u8(bytes, start) > 0) return 'reject'
  const header = readHeader(bytes, start, end)
  if (header === 'incomplete') return mayBecomeHeader(bytes, start, end) ? 'unsure' : 'reject'
  if (header === undefined || !looksLikeRequest(header)) return 'reject'
  const size = i32(bytes, start)
  const frameEnd = start + 4 + size
  if (frameEnd + SHORTEST_HEADER <= end) {
    const next = readHeader(bytes, frameEnd, end)
    if (next === undefined || (next !== 'incomplete' && !looksLikeRequest(next))) return 'reject'
  }
  const layout = header.api?.request(header.apiVersion)
  const wire = requestContentAt(bytes, start, Math.min(end, frameEnd), frameEnd, header)
  const before = wire.at
  const skimmed = layout === undefined ? undefined : skimPayload(wire, layout)
  if (wire.state === 'bad' || (skimmed !== undefined && wire.state === 'good' && !wire.isAtEnd))
    return 'reject'
  if (header.clientId.length >= SHORTEST_NAME) return 'match'
  if (skimmed === undefined) return 'unsure'
  const names = [...skimmed.topics, ...skimmed.others]
  const areLegal = names.length > 0 && names.every((name) => LEGAL_NAME.test(name))
  const tellsMuch = areLegal && wire.at - before >= MUCH
  return tellsMuch || end >= frameEnd ? 'match' : 'unsure'
}

/** Replies have nothing of their own but a length and a number: what asked for them must be known. */
export function probeServer(bytes: Uint8Array, start: number, end: number): Verdict {
  return beginsReply(bytes, start, end) ? 'unsure' : 'reject'
}

/**
 * Whether replies may begin here: one after another to where the bytes end, of which the last may go on in the next
 * segment.
 */
export function beginsReply(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start
  for (let count = 0; count < MOST_LOOKED_AT && at + RESPONSE_HEADER <= end; count++) {
    const size = i32(bytes, at)
    if (size < SHORTEST_REPLY || size > LONGEST_REPLY || i32(bytes, at + 4) < 0) return false
    at += 4 + size
  }
  return at > start && (at === end || end - start >= FULL_SEGMENT)
}

/** The first bytes of one: so long, of a key and in a version that there are. */
function mayBecomeHeader(bytes: Uint8Array, start: number, end: number): boolean {
  const padded = new Uint8Array(SHORTEST_HEADER + 2)
  // What is not here yet is filled up with what fits: a length that is long enough, Produce, version 0, an empty name.
  padded.set([0, 0, 0, 64])
  padded.set(bytes.subarray(start, Math.min(end, start + padded.length)))
  if (end - start < padded.length) padded[13] = padded[12] as number
  const header = readHeader(padded, 0, padded.length)
  return header === 'incomplete' || (header !== undefined && looksLikeRequest(header))
}

const SHORTEST_REPLY = 4
const LONGEST_REPLY = 1 << 30
/** Bytes of a segment that may be full. */
const FULL_SEGMENT = 536
/** Characters of a client's name that are no chance. */
const SHORTEST_NAME = 3
/** Of topics; groups and the like may be called anything, but hardly are. */
const LEGAL_NAME = /^[\w.:/@ -]+$/
/** Bytes of content that are no chance either, when all of them fit. */
const MUCH = 24
const MOST_LOOKED_AT = 8
