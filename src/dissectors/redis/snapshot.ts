import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import type { Step } from '../../dissect/dissector.ts'
import { BULK, CR, LF } from './walker.ts'

/**
 * The database that a server sends to a new replica after `+FULLRESYNC`: line feeds while it is being written, then
 * `$LENGTH` and the bytes, or `$EOF:MARK`, the bytes, and the mark again. Unlike a string it has no line end behind it.
 * All of it passes by unread.
 */
export class Snapshot {
  #mark: Buffer | undefined
  #isOver = false

  /** Undefined once it is over, or when it does not come. */
  next(bytes: Uint8Array, start: number, end: number): Step<never> | undefined {
    if (this.#isOver) return undefined
    if (start === end) return { kind: 'incomplete', need: 1 }
    if (this.#mark !== undefined) return this.#search(this.#mark, bytes, start, end)
    if (u8(bytes, start) === LF) return { kind: 'skip', length: 1 }
    return u8(bytes, start) === BULK ? this.#head(bytes, start, end) : undefined
  }

  #head(bytes: Uint8Array, start: number, end: number): Step<never> | undefined {
    let at = start
    while (at < end && at - start < LONGEST_HEAD && u8(bytes, at) !== CR) at++
    if (at + 1 >= end && at - start < LONGEST_HEAD) return { kind: 'incomplete', need: end - start + 1 }
    const [, length, mark] = HEAD.exec(latin1(bytes, start, at)) ?? []
    this.#isOver = mark === undefined
    if (length === undefined && mark === undefined) return undefined
    if (mark !== undefined) this.#mark = Buffer.from(mark, 'latin1')
    return { kind: 'skip', length: at + 2 - start + Number(length ?? 0) }
  }

  #search(mark: Buffer, bytes: Uint8Array, start: number, end: number): Step<never> {
    const found = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).indexOf(mark)
    this.#isOver = found >= 0
    if (found >= 0) return { kind: 'skip', length: found + MARK }
    // Its end may be the beginning of the mark.
    if (end - start >= MARK) return { kind: 'skip', length: end - start - (MARK - 1) }
    return { kind: 'incomplete', need: MARK }
  }
}

const MARK = 40
const HEAD = /^\$(?:(\d{1,15})|EOF:(.{40}))$/s
const LONGEST_HEAD = '$EOF:'.length + MARK + 1
