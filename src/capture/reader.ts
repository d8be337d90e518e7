import type { Batch } from './batch.ts'
import type { Losses, Skipped } from './source.ts'

/**
 * Reads the records of one file format. It sees a window of the bytes and says how far it came; what was left is in
 * front of the next window, with more behind it.
 */
export interface RecordReader {
  /** Adds the packets of `window` to an empty batch until it is full or a record is not all here. */
  read(window: Window, batch: Batch): void
  /** The input ends with the `left` bytes that nobody took. */
  end(left: number): void
}

/** The bytes `[start, end)` are to be read; a reader moves `start`. */
export interface Window {
  bytes: Uint8Array
  view: DataView
  start: number
  end: number
  /** Bytes that the next record needs from `start` on, as far as is known: the buffer grows to hold them. */
  need: number
  /** Bytes of no interest after `end`: the parser drops them as they come. */
  skip: number
  /** Nothing after this can be read. */
  stopped: boolean
}

/** What a reader has to tell besides packets. */
export interface Notes {
  readonly problems: string[]
  readonly skipped: Skipped
  losses: Losses
}

/** No link type has larger packets than libpcap's usual limit, save those whose file says so in its snap length … */
export const USUAL_LONGEST_PACKET = 256 * 1024
/** … and past this, the most that one record can make us hold, we do not believe that either. */
export const LONGEST_PACKET = 64 * 1024 * 1024

/** The longest packet to believe in where the file's snap length is `snapLength` (0 = unlimited). */
export function longestPacket(snapLength: number): number {
  return Math.min(Math.max(snapLength, USUAL_LONGEST_PACKET), LONGEST_PACKET)
}
