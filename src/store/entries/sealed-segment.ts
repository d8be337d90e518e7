import { closeSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import {
  type ColumnsHeader,
  MAGIC,
  MOST_ROWS,
  type Part,
  PREFIX_BYTES,
  type StoredColumn,
} from './column-format.ts'

/** What a row has at a path: a value as JSON has it, an object with these keys, or one of the two below. */
export type Cell = unknown
export const ABSENT = Symbol('absent')
/** Only the line knows. */
export const IN_LINE = Symbol('in the line')
export class Shape {
  readonly keys: readonly string[]
  readonly #set: ReadonlySet<string>

  constructor(keys: readonly string[]) {
    this.keys = keys
    this.#set = new Set(keys)
  }

  has(key: string): boolean {
    return this.#set.has(key)
  }
}

/** A column in memory: `cells[codes[row]]`. */
export interface LoadedColumn {
  readonly codes: Uint16Array
  readonly cells: readonly Cell[]
  readonly isConstant: boolean
}

/** One path of keys in a segment. */
export interface ColumnNode {
  readonly index: number
  readonly children: ReadonlyMap<string, ColumnNode>
}

/** Thrown for columns that are damaged; the lines are there all the same. */
export class Damaged extends Error {}

/** The columns of one segment, each read when it is asked for first. Throws `Damaged`. */
export class SealedSegment {
  readonly rows: number
  /** Bytes of lines that the rows stand for. */
  readonly covers: number
  /** Nothing in its lines is escaped that need not be. */
  readonly isPlain: boolean
  readonly root: ColumnNode
  /** How many there are. */
  readonly columns: number
  readonly #path: string
  readonly #header: ColumnsHeader
  readonly #partsAt: number
  readonly #loaded: (LoadedColumn | undefined)[] = []
  #starts: Uint32Array | undefined
  #times: Float64Array | undefined
  #memory: number

  constructor(path: string) {
    this.#path = path
    const { header, bytes } = readHeader(path)
    this.#header = header
    this.#partsAt = PREFIX_BYTES + bytes
    this.#memory = bytes * 4
    this.rows = header.rows
    this.covers = header.covers
    this.isPlain = header.isPlain
    this.columns = header.columns.length
    this.root = treeOf(header.columns)
  }

  /** Bytes that are kept of it, about. */
  get memory(): number {
    return this.#memory
  }

  get starts(): Uint32Array {
    if (this.#starts === undefined) {
      const bytes = this.#read(this.#header.starts)
      this.#starts = new Uint32Array(bytes.buffer, 0, bytes.length >> 2)
      if (this.#starts.length !== this.rows + 1) throw new Damaged('lines')
      this.#memory += bytes.length
    }
    return this.#starts
  }

  get times(): Float64Array {
    if (this.#times === undefined) {
      const bytes = this.#read(this.#header.times)
      this.#times = new Float64Array(bytes.buffer, 0, bytes.length >> 3)
      if (this.#times.length !== this.rows) throw new Damaged('times')
      this.#memory += bytes.length
    }
    return this.#times
  }

  column(index: number): LoadedColumn {
    const known = this.#loaded[index]
    if (known !== undefined) return known
    const loaded = this.#load(this.#header.columns[index])
    this.#loaded[index] = loaded
    return loaded
  }

  #load(stored: StoredColumn | undefined): LoadedColumn {
    if (stored === undefined) throw new Damaged('column')
    const [, , width, codesPart, valuesPart] = stored
    const text = this.#read(valuesPart).toString()
    const cells: readonly Cell[] = [ABSENT, ...(JSON.parse(text) as unknown[]).map(cellOf)]
    this.#memory += text.length * 2
    if (width === 0) return { codes: ONES, cells, isConstant: true }
    const bytes = this.#read(codesPart)
    const codes = width === 1 ? Uint16Array.from(bytes) : new Uint16Array(bytes.buffer, 0, bytes.length >> 1)
    if (codes.length !== this.rows) throw new Damaged('codes')
    this.#memory += codes.byteLength
    return { codes, cells, isConstant: false }
  }

  #read([offset, length, crc]: Part): Buffer {
    const bytes = readAt(this.#path, this.#partsAt + offset, length)
    if (crc32(bytes) !== crc) throw new Damaged('part')
    return bytes
  }
}

function readHeader(path: string): { header: ColumnsHeader; bytes: number } {
  const prefix = readAt(path, 0, PREFIX_BYTES)
  if (prefix.toString('latin1', 0, MAGIC.length) !== MAGIC) throw new Damaged('magic')
  const bytes = prefix.readUInt32LE(MAGIC.length)
  if (bytes > LONGEST_HEADER) throw new Damaged('header')
  const text = readAt(path, PREFIX_BYTES, bytes)
  if (crc32(text) !== prefix.readUInt32LE(MAGIC.length + 4)) throw new Damaged('header')
  // What has the right checksum is as it was written.
  return { header: JSON.parse(text.toString()) as ColumnsHeader, bytes }
}

function treeOf(columns: readonly StoredColumn[]): ColumnNode {
  const nodes = columns.map((_, index) => ({ index, children: new Map<string, ColumnNode>() }))
  for (const [index, [parent, key]] of columns.entries()) {
    const node = nodes[index]
    if (node !== undefined) nodes[parent]?.children.set(key, node)
  }
  const [root] = nodes
  if (root === undefined) throw new Damaged('no root')
  return root
}

function cellOf(stored: unknown): Cell {
  if (typeof stored !== 'object' || stored === null) return stored
  if ('k' in stored) return new Shape(stored.k as readonly string[])
  return 'j' in stored ? stored.j : IN_LINE
}

/** Exactly `length` bytes, in memory of their own. */
function readAt(path: string, position: number, length: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.from(new ArrayBuffer(length))
  const fd = openSync(path, 'r')
  try {
    for (let at = 0; at < length; ) {
      const read = readSync(fd, bytes, at, length - at, position + at)
      if (read === 0) throw new Damaged('cut off')
      at += read
    }
    return bytes
  } finally {
    closeSync(fd)
  }
}

const ONES = new Uint16Array(MOST_ROWS).fill(1)
const LONGEST_HEADER = 16 << 20
