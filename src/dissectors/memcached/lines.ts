import { u8 } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'

/** Finds the ends of lines that come in pieces, looking at each byte once. */
export class Lines {
  /** Where the line that was found is followed by the next. */
  next = 0
  #searched = 0

  /**
   * The line at `start`, without its end; undefined while that is not here, or null where none is to be expected: it is
   * too long, or does not begin with a word.
   */
  at(bytes: Uint8Array, start: number, end: number): string | null | undefined {
    const last = Math.min(end, start + LONGEST_LINE)
    let at = start + this.#searched
    if (!beginsWithWord(bytes, start, last)) return this.#give(null)
    while (at < last && u8(bytes, at) !== LF) at++
    if (at < last) {
      this.next = at + 1
      return this.#give(latin1(bytes, start, at > start && u8(bytes, at - 1) === CR ? at - 1 : at))
    }
    if (last < end) return this.#give(null)
    this.#searched = at - start
    return undefined
  }

  reset(): void {
    this.#searched = 0
  }

  #give<T>(found: T): T {
    this.#searched = 0
    return found
  }
}

/** Keys may have any bytes but blanks and ends of lines; what stands before them is a word. */
function beginsWithWord(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < Math.min(end, start + LONGEST_WORD); at++) {
    const byte = u8(bytes, at)
    if (byte === SPACE || byte === CR || byte === LF) return true
    if (byte < SPACE || byte > 0x7e) return false
  }
  return true
}

const LONGEST_WORD = 16
/** Many keys may be asked for at once. */
const LONGEST_LINE = 64 << 10
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
