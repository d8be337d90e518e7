import { closeSync, openSync, readSync } from 'node:fs'
import { SEGMENT_BYTES, segmentPath } from './options.ts'

/** The files of a spool, opened as they are needed, for as long as one question takes. */
export class SegmentFiles {
  readonly #folder: string
  readonly #open = new Map<number, number>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** False when the segment is gone. */
  read(position: number, into: Uint8Array, length: number): boolean {
    const segment = Math.floor(position / SEGMENT_BYTES)
    let fd = this.#open.get(segment)
    if (fd === undefined) {
      try {
        fd = openSync(segmentPath(this.#folder, position), 'r')
      } catch {
        return false
      }
      this.#open.set(segment, fd)
    }
    return readSync(fd, into, 0, length, position % SEGMENT_BYTES) === length
  }

  close(): void {
    for (const fd of this.#open.values()) closeSync(fd)
    this.#open.clear()
  }
}
