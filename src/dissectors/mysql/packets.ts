import { u8, u24le } from '../../bytes/read.ts'
import { Kept } from './kept.ts'

/** What makes something of the packets of a side. */
export interface PacketReader {
  /**
   * A packet of `length` or more bytes begins, the first of them `first` (−1: it is empty). Returns how many of its bytes
   * are wanted, or `REFUSED`: it cannot be here.
   */
  begins(length: number, sequence: number, first: number): number
  /** It ended, after `size` bytes. `bytes[start, end)` are its first ones: those wanted. True: something is ready. */
  ends(bytes: Uint8Array, start: number, end: number, size: number): boolean
}

/** Instead of a number of bytes. */
export const REFUSED = -1

/**
 * Finds the packets in what a side sends: 3 bytes of length, a sequence number, the payload. One that is 16 MiB − 1 long
 * goes on in the next, and is one packet here. Takes all that it is given, and keeps of it what the reader wants.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_packets.html
 */
export class Packets {
  /** Sequence number of the packet that came last. */
  sequence = 0
  /** Bytes of the packet at hand were not captured. */
  isHoled = false
  /** The reader has refused one. */
  isBroken = false
  /** It stopped because something is ready. */
  isReady = false
  readonly #reader: PacketReader
  readonly #head = new Uint8Array(HEADER)
  #headLength = 0
  /** Of the payload, or `BETWEEN`. */
  #left = BETWEEN
  #length = 0
  #isContinued = false
  #size = 0
  #wanted = 0
  #kept: Kept | undefined

  constructor(reader: PacketReader) {
    this.#reader = reader
  }

  /** Returns where it stopped: at `end`, or after a packet with which something is ready. */
  read(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    this.isReady = false
    for (;;) {
      if (this.#left === BETWEEN) at = this.#header(bytes, at, end)
      if (this.#left === BETWEEN) return at
      const here = Math.min(this.#left, end - at)
      if (here < this.#left) {
        this.#keep(bytes, at, at + here)
        this.#left -= here
        return end
      }
      const payload = at
      at += here
      this.isReady = this.#finish(bytes, payload, at)
      if (this.isReady) return at
    }
  }

  /** No packet has begun that did not end. */
  get isBetween(): boolean {
    return this.#left === BETWEEN && this.#headLength === 0 && !this.#isContinued
  }

  /** Bytes still to come of the packet at hand, of which none are wanted. */
  get rest(): number {
    return this.#left > 0 && (this.#kept?.length ?? 0) >= this.#wanted ? this.#left : 0
  }

  /** So many of them are not even looked at. */
  pass(length: number): void {
    this.#left -= length
  }

  /** So many bytes were lost. Returns how many of them were of the packet at hand, which then has a hole. */
  lose(length: number): number {
    const lost = Math.min(length, Math.max(this.#left, 0))
    if (lost === length) {
      this.#left -= lost
      this.isHoled = true
      this.#wanted = this.#kept?.length ?? 0
    }
    return lost
  }

  /** What was kept of a packet that will not end. */
  get unfinished(): Uint8Array {
    return this.#kept?.bytes ?? NOTHING
  }

  /** A packet begins at the next byte. */
  reset(): void {
    this.#headLength = 0
    this.#left = BETWEEN
    this.#isContinued = false
    this.#kept = undefined
    this.isBroken = false
  }

  get held(): number {
    return this.#kept?.length ?? 0
  }

  #header(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (this.#headLength < HEADER && at < end) this.#head[this.#headLength++] = u8(bytes, at++)
    if (this.#headLength < HEADER) return at
    const length = u24le(this.#head, 0)
    // What the packet is shows in its first byte.
    if (at === end && length > 0 && !this.#isContinued) return at
    this.#headLength = 0
    this.#length = length
    this.sequence = u8(this.#head, 3)
    if (!this.#isContinued) {
      this.#size = 0
      this.#kept = undefined
      this.isHoled = false
      this.#wanted = this.#reader.begins(length, this.sequence, length === 0 ? -1 : u8(bytes, at))
      if (this.#wanted === REFUSED) {
        this.isBroken = true
        return at
      }
    }
    this.#left = length
    return at
  }

  #finish(bytes: Uint8Array, start: number, end: number): boolean {
    this.#left = BETWEEN
    this.#size += this.#length
    if (this.#length === LONGEST) {
      this.#keep(bytes, start, end)
      this.#isContinued = true
      return false
    }
    const isWhole = this.#size === end - start
    this.#isContinued = false
    if (isWhole) return this.#reader.ends(bytes, start, Math.min(end, start + this.#wanted), this.#size)
    this.#keep(bytes, start, end)
    const kept = this.unfinished
    this.#kept = undefined
    return this.#reader.ends(kept, 0, kept.length, this.#size)
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.#wanted === 0) return
    this.#kept ??= new Kept(this.#wanted)
    this.#kept.add(bytes, start, end)
  }
}

const NOTHING = new Uint8Array(0)
const HEADER = 4
const BETWEEN = -1
/** A packet of this length goes on in the next one. */
export const LONGEST = 0xffffff
