import { crc32 } from 'node:zlib'
import {
  type ColumnsHeader,
  MAGIC,
  MOST_ROWS,
  type Part,
  type StoredColumn,
  type StoredValue,
} from './column-format.ts'

type Json = Readonly<Record<string, unknown>>

/** Makes the columns of a segment, row by row. */
export class ColumnBuilder {
  readonly #root = new Column(-1, 0, '')
  readonly #columns: Column[] = [this.#root]
  readonly #times = new Float64Array(MOST_ROWS)
  readonly #starts = new Uint32Array(MOST_ROWS + 1)
  #rows = 0

  get isFull(): boolean {
    return this.#rows === MOST_ROWS
  }

  /** The next row, whose line ends before `end`; undefined for one that cannot be read. */
  add(atMs: number, end: number, entry: { readonly value: unknown } | undefined): void {
    const row = this.#rows++
    this.#times[row] = atMs
    this.#starts[row + 1] = end
    if (entry !== undefined) this.#put(this.#root, row, entry.value, 0)
  }

  get range(): { readonly firstMs: number; readonly lastMs: number } {
    let first = Number.POSITIVE_INFINITY
    let last = Number.NEGATIVE_INFINITY
    for (let row = 0; row < this.#rows; row++) {
      const atMs = this.#times[row] ?? 0
      first = Math.min(first, atMs)
      last = Math.max(last, atMs)
    }
    return this.#rows === 0
      ? { firstMs: 0, lastMs: 0 }
      : { firstMs: Math.floor(first), lastMs: Math.ceil(last) }
  }

  /** As they lie on disk. `isPlain`: nothing in the lines is escaped that need not be. */
  finish(isPlain: boolean): Buffer {
    const parts = new Parts()
    const rows = this.#rows
    const starts = parts.add(bytesOf(this.#starts.subarray(0, rows + 1)))
    const times = parts.add(bytesOf(this.#times.subarray(0, rows)))
    const columns = this.#columns.map((column) => stored(column, rows, parts))
    const header: ColumnsHeader = { rows, covers: this.#starts[rows] ?? 0, isPlain, starts, times, columns }
    const text = Buffer.from(JSON.stringify(header))
    const prefix = Buffer.alloc(8)
    prefix.writeUInt32LE(text.length, 0)
    prefix.writeUInt32LE(crc32(text), 4)
    return Buffer.concat([Buffer.from(MAGIC), prefix, text, ...parts.bytes])
  }

  #put(column: Column, row: number, value: unknown, depth: number): void {
    if (typeof value !== 'object' || value === null) column.codes[row] = column.scalar(value)
    else if (Array.isArray(value)) column.codes[row] = column.array(value)
    else this.#putObject(column, row, value as Json, depth)
  }

  #putObject(column: Column, row: number, value: Json, depth: number): void {
    const keys = Object.keys(value)
    const shape = depth < DEEPEST ? (column.shapeLike(keys) ?? this.#newShape(column, keys)) : undefined
    if (shape === undefined) {
      column.codes[row] = column.opaque()
      return
    }
    column.codes[row] = shape.code
    for (let at = 0; at < keys.length; at++)
      this.#put(shape.children[at] as Column, row, value[keys[at] as string], depth + 1)
  }

  #newShape(column: Column, keys: readonly string[]): Shape | undefined {
    const fresh = keys.filter((key) => !column.children.has(key))
    if (this.#columns.length + fresh.length > MOST_COLUMNS || !column.hasRoom) return undefined
    for (const key of fresh) {
      const child = new Column(column.index, this.#columns.length, key)
      column.children.set(key, child)
      this.#columns.push(child)
    }
    return column.addShape(keys)
  }
}

interface Shape {
  readonly code: number
  readonly keys: readonly string[]
  readonly children: readonly Column[]
}

class Column {
  readonly parent: number
  readonly index: number
  readonly key: string
  readonly codes = new Uint16Array(MOST_ROWS)
  readonly values: StoredValue[] = []
  readonly children = new Map<string, Column>()
  readonly #scalars = new Map<unknown, number>()
  readonly #arrays = new Map<string, number>()
  readonly #shapes = new Map<string, Shape>()
  #lastShape: Shape | undefined
  #opaque = 0
  #bytes = 0

  constructor(parent: number, index: number, key: string) {
    this.parent = parent
    this.index = index
    this.key = key
  }

  get hasRoom(): boolean {
    return this.#bytes < MOST_BYTES
  }

  scalar(value: unknown): number {
    const known = this.#scalars.get(value)
    if (known !== undefined && !Object.is(value, -0)) return known
    if (!this.hasRoom || !isPlain(value)) return this.opaque()
    const code = this.#code(value)
    this.#scalars.set(value, code)
    this.#bytes += typeof value === 'string' ? value.length : 8
    return code
  }

  array(value: readonly unknown[]): number {
    if (value.length > LONGEST_ARRAY || !isPlainArray(value, LONGEST_ARRAY)) return this.opaque()
    const text = JSON.stringify(value)
    const known = this.#arrays.get(text)
    if (known !== undefined) return known
    if (!this.hasRoom || text.length > LONGEST_TEXT) return this.opaque()
    const code = this.#code({ j: value })
    this.#arrays.set(text, code)
    this.#bytes += text.length
    return code
  }

  shapeLike(keys: readonly string[]): Shape | undefined {
    const last = this.#lastShape
    if (
      last !== undefined &&
      last.keys.length === keys.length &&
      keys.every((key, at) => key === last.keys[at])
    )
      return last
    this.#lastShape = this.#shapes.get(JSON.stringify(keys))
    return this.#lastShape
  }

  addShape(keys: readonly string[]): Shape {
    const children = keys.map((key) => this.children.get(key) as Column)
    const shape = { code: this.#code({ k: keys }), keys, children }
    this.#shapes.set(JSON.stringify(keys), shape)
    for (const key of keys) this.#bytes += key.length
    this.#lastShape = shape
    return shape
  }

  opaque(): number {
    if (this.#opaque === 0) this.#opaque = this.#code({ o: 1 })
    return this.#opaque
  }

  #code(value: StoredValue): number {
    return this.values.push(value)
  }
}

/** What JSON gives back as it was, and is short. */
function isPlain(value: unknown): value is string | number | boolean | null {
  if (typeof value === 'string') return value.length <= LONGEST_TEXT
  return typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))
}

function isPlainArray(value: readonly unknown[], left: number): boolean {
  return value.every((each) => {
    if (typeof each !== 'object' || each === null) return isPlain(each)
    if (left <= 0) return false
    return isPlainArray(Array.isArray(each) ? each : Object.values(each), left >> 1)
  })
}

/** Parts of the file behind its header. */
class Parts {
  readonly bytes: Uint8Array[] = []
  #length = 0

  add(bytes: Uint8Array): Part {
    const part: Part = [this.#length, bytes.length, crc32(bytes)]
    this.bytes.push(bytes)
    this.#length += bytes.length
    return part
  }
}

function stored({ parent, key, codes, values }: Column, rows: number, parts: Parts): StoredColumn {
  const used = codes.subarray(0, rows)
  const first = used[0] ?? 0
  const isConstant = first > 0 && values.length === 1 && used.every((code) => code === first)
  const width = isConstant ? 0 : values.length < 256 ? 1 : 2
  const packed = isConstant ? EMPTY : width === 1 ? Uint8Array.from(used) : bytesOf(used)
  return [parent, key, width, parts.add(packed), parts.add(Buffer.from(JSON.stringify(values)))]
}

function bytesOf(array: Uint16Array | Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}

const EMPTY = new Uint8Array(0)
const DEEPEST = 8
const MOST_COLUMNS = 1024
/** Of texts; longer ones are read from the line. */
const LONGEST_TEXT = 256
const LONGEST_ARRAY = 32
/** Of the dictionary of a column; what would not fit is read from the line. */
const MOST_BYTES = 1 << 20
