import { ColumnBuilder } from './column-builder.ts'
import { MOST_ROWS } from './column-format.ts'
import { decodeLine, lineStarts } from './lines.ts'

/** Makes columns of the lines of a segment, a few at a time: the thread has other things to do. */
export class Sealer {
  readonly #bytes: Buffer
  readonly #starts: readonly number[]
  readonly #builder = new ColumnBuilder()
  #rows = 0
  #isPlain = true

  constructor(bytes: Buffer) {
    this.#bytes = bytes
    this.#starts = lineStarts(bytes)
    if (this.#starts.length - 1 > MOST_ROWS) throw new RangeError('more lines than a segment has')
  }

  get rows(): number {
    return this.#rows
  }

  get firstMs(): number {
    return this.#builder.range.firstMs
  }

  get lastMs(): number {
    return this.#builder.range.lastMs
  }

  /** False when all is done. */
  work(): boolean {
    const end = Math.min(this.#starts.length - 1, this.#rows + ROWS_AT_ONCE)
    for (; this.#rows < end; this.#rows++)
      this.#add(this.#starts[this.#rows] ?? 0, this.#starts[this.#rows + 1] ?? 0)
    return end < this.#starts.length - 1
  }

  columns(): Buffer {
    return this.#builder.finish(this.#isPlain)
  }

  #add(start: number, end: number): void {
    const line = decodeLine(this.#bytes.subarray(start, end - 1))
    if (line !== undefined && ESCAPED.test(line.json)) this.#isPlain = false
    this.#builder.add(line?.atMs ?? 0, end, line === undefined ? undefined : parsed(line.json))
  }
}

function parsed(json: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(json) }
  } catch {
    return undefined
  }
}

/** What JSON may escape and need not; it may take more for that. */
const ESCAPED = /\\(?:\/|u(?!00[01]|[dD][89a-fA-F]))/
const ROWS_AT_ONCE = 128
