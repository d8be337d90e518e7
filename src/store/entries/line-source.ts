import { closeSync, openSync, readSync } from 'node:fs'

/**
 * Lines of a file, asked for from the end to its beginning. Reads little where few are asked for, and ahead (that is, towards
 * the beginning) where all are.
 */
export class LineSource {
  readonly #fd: number
  readonly #starts: Uint32Array
  #memory = Buffer.alloc(0)
  #window = Buffer.alloc(0)
  #windowAt = 0
  #ahead = 0

  constructor(path: string, starts: Uint32Array) {
    this.#fd = openSync(path, 'r')
    this.#starts = starts
  }

  /** Without its line end; undefined when the file has become shorter. Valid until the next one is asked for. */
  line(row: number): Buffer | undefined {
    const start = this.#starts[row] ?? 0
    const end = (this.#starts[row + 1] ?? 1) - 1
    if (end < start) return undefined
    if (start < this.#windowAt || end > this.#windowAt + this.#window.length) this.#load(start, end)
    const from = start - this.#windowAt
    const line = this.#window.subarray(from, from + end - start)
    return line.length === end - start ? line : undefined
  }

  close(): void {
    closeSync(this.#fd)
  }

  #load(start: number, end: number): void {
    const isNext = end < this.#windowAt && this.#windowAt - end < NEAR
    this.#ahead = isNext ? Math.min(MOST_AHEAD, this.#ahead * 2 + LEAST_AHEAD) : 0
    this.#windowAt = Math.max(0, start - this.#ahead)
    const length = end - this.#windowAt
    // Fresh memory costs as much as reading.
    if (this.#memory.length < length) this.#memory = Buffer.allocUnsafeSlow(length + MOST_AHEAD)
    const bytes = this.#memory.subarray(0, length)
    this.#window = bytes.subarray(0, readFully(this.#fd, bytes, this.#windowAt))
  }
}

function readFully(fd: number, bytes: Buffer, position: number): number {
  let at = 0
  while (at < bytes.length) {
    const read = readSync(fd, bytes, at, bytes.length - at, position + at)
    if (read === 0) break
    at += read
  }
  return at
}

const NEAR = 16 << 10
const LEAST_AHEAD = 32 << 10
/** What the processor has near at hand. */
const MOST_AHEAD = 512 << 10
