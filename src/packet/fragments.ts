import { copyOf } from '../bytes/read.ts'
import type { Packet } from './packet.ts'

export interface FragmentCounters {
  /** Datagrams put together from their fragments. */
  reassembled: number
  /** Datagrams whose fragments did not all come in time … */
  timedOut: number
  /** … or that gave way when memory ran out … */
  evicted: number
  /** … or that were dropped because fragments overlapped (IPv6, RFC 5722). */
  overlapping: number
}

/** A datagram of which some fragments have come. */
interface Partial {
  readonly version: number
  readonly firstSeconds: number
  /** Pieces in order of offset, without overlaps. */
  pieces: { readonly offset: number; readonly bytes: Uint8Array }[]
  bytes: number
  /** Length of the whole payload, once the last fragment has come; −1 before. */
  total: number
}

/**
 * Puts fragmented datagrams together: RFC 791 §3.2, RFC 8200 §4.5. Of bytes that come twice IPv4 keeps the first;
 * an IPv6 datagram with overlapping fragments is dropped as a whole.
 */
export class Fragments {
  readonly counters: FragmentCounters = { reassembled: 0, timedOut: 0, evicted: 0, overlapping: 0 }
  readonly #budget: number
  readonly #partials = new Map<string, Partial>()
  #held = 0

  constructor(budget: number) {
    this.#budget = budget
  }

  /**
   * Takes the fragment `bytes[start, end)` of the packet's datagram. Answers the whole payload when it was the last
   * missing piece.
   */
  add(
    packet: Packet,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    offset: number,
    more: boolean,
  ): Uint8Array | undefined {
    this.#expire(packet.seconds)
    const key = `${packet.ipVersion} ${packet.protocol} ${id} ${packet.src0} ${packet.src1} ${packet.src2} ${packet.src3} ${packet.dst0} ${packet.dst1} ${packet.dst2} ${packet.dst3}`
    const partial = this.#partials.get(key) ?? this.#begin(key, packet)
    if (!more) partial.total = Math.max(partial.total, offset + (end - start))
    if (!this.#insert(partial, bytes, start, end, offset)) {
      this.counters.overlapping++
      this.#drop(key, partial)
      return undefined
    }
    if (partial.total >= 0 && partial.bytes >= partial.total && isWhole(partial)) {
      this.#drop(key, partial)
      this.counters.reassembled++
      return join(partial)
    }
    while (this.#held > this.#budget) this.#evictOldest()
    return undefined
  }

  #begin(key: string, packet: Packet): Partial {
    const partial: Partial = {
      version: packet.ipVersion,
      firstSeconds: packet.seconds,
      pieces: [],
      bytes: 0,
      total: -1,
    }
    this.#partials.set(key, partial)
    return partial
  }

  /** False when an IPv6 fragment overlaps another one. */
  #insert(partial: Partial, bytes: Uint8Array, start: number, end: number, offset: number): boolean {
    const { pieces } = partial
    let at = pieces.length
    while (at > 0 && (pieces[at - 1] as { offset: number }).offset >= offset) at--
    const before = pieces[at - 1]
    let from = before === undefined ? offset : Math.max(offset, before.offset + before.bytes.length)
    const to = offset + (end - start)
    if (partial.version === 6) {
      const same = pieces[at]
      if (same !== undefined && same.offset === offset && same.bytes.length === end - start) return true
      if (from > offset || (same !== undefined && same.offset < to)) return false
    }
    while (from < to && pieces.length < MOST_PIECES) {
      const after = pieces[at]
      const until = after === undefined ? to : Math.min(to, after.offset)
      if (until > from) {
        const copy = copyOf(bytes, start + (from - offset), start + (until - offset))
        pieces.splice(at, 0, { offset: from, bytes: copy })
        partial.bytes += copy.length
        this.#held += copy.length + PIECE_COST
        at++
      }
      if (after === undefined) break
      from = Math.max(from, after.offset + after.bytes.length)
      at++
    }
    return true
  }

  #expire(seconds: number): void {
    for (const [key, partial] of this.#partials) {
      if (seconds - partial.firstSeconds <= TIMEOUT_SECONDS) return
      this.counters.timedOut++
      this.#drop(key, partial)
    }
  }

  #evictOldest(): void {
    const [oldest] = this.#partials
    if (oldest === undefined) {
      this.#held = 0
      return
    }
    this.counters.evicted++
    this.#drop(...oldest)
  }

  #drop(key: string, partial: Partial): void {
    this.#partials.delete(key)
    this.#held -= partial.bytes + partial.pieces.length * PIECE_COST
  }
}

function isWhole({ pieces, total }: Partial): boolean {
  let reached = 0
  for (const { offset, bytes } of pieces) {
    if (offset > reached) return false
    reached = offset + bytes.length
  }
  return reached >= total
}

function join({ pieces, total }: Partial): Uint8Array {
  const whole = new Uint8Array(total)
  for (const { offset, bytes } of pieces) {
    if (offset < total) whole.set(bytes.subarray(0, total - offset), offset)
  }
  return whole
}

/** RFC 791 asks for 15 s, RFC 8200 for 60. */
const TIMEOUT_SECONDS = 30
/** 64 KiB in the smallest fragments of 8 bytes. */
const MOST_PIECES = 8192
/** What a piece costs beside its bytes: tiny fragments must not be free. */
const PIECE_COST = 128
