import { readSync, writeSync } from 'node:fs'
import { HEADER } from './protocol.ts'

/** A frame as it lies in the reader's buffer: valid until the next one is asked for. */
export interface Frame {
  readonly type: number
  readonly seq: number
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
}

/** Reads frames from a blocking file descriptor, many at a time when many are there. */
export class FrameReader {
  readonly #fd: number
  #buffer = Buffer.alloc(FIRST_BUFFER)
  #from = 0
  #to = 0

  constructor(fd: number) {
    this.#fd = fd
  }

  /** Waits for a frame. Undefined when the other end has gone. */
  next(): Frame | undefined {
    if (!this.#have(HEADER)) return undefined
    const length = this.#buffer.readUInt32LE(this.#from)
    const type = this.#buffer[this.#from + 4] as number
    const seq = this.#buffer.readUInt32LE(this.#from + 8)
    if (!this.#have(HEADER + length)) return undefined
    const start = this.#from + HEADER
    const end = start + length
    this.#from = (end + 7) & ~7
    return { type, seq, bytes: this.#buffer, start, end }
  }

  #have(bytes: number): boolean {
    // Frames are padded to 8 bytes, so that the next one is aligned in the buffer as well.
    const wanted = bytes === HEADER ? bytes : (bytes + 7) & ~7
    while (this.#to - this.#from < wanted) {
      if (this.#from > 0) {
        this.#buffer.copyWithin(0, this.#from, this.#to)
        this.#to -= this.#from
        this.#from = 0
      }
      if (wanted > this.#buffer.length) {
        const larger = Buffer.alloc((wanted + 7) & ~7)
        this.#buffer.copy(larger, 0, 0, this.#to)
        this.#buffer = larger
      }
      const read = readSync(this.#fd, this.#buffer, this.#to, this.#buffer.length - this.#to, null)
      if (read === 0) return false
      this.#to += read
    }
    return true
  }
}

/** Writes a frame of JSON, whole. */
export function writeFrame(fd: number, type: number, seq: number, payload: unknown): void {
  const bytes = frameOf(type, seq, Buffer.from(JSON.stringify(payload)))
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at)
}

/** A frame around a payload, padded. */
export function frameOf(type: number, seq: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc((HEADER + payload.length + 7) & ~7)
  frame.writeUInt32LE(payload.length, 0)
  frame[4] = type
  frame.writeUInt32LE(seq >>> 0, 8)
  frame.set(payload, HEADER)
  return frame
}

const FIRST_BUFFER = 256 << 10
