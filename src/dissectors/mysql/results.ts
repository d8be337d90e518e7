import { latin1 } from '../../bytes/text.ts'
import { Cursor } from './cursor.ts'
import { Kept } from './kept.ts'
import { binaryValue, type Text, type ValueType } from './values.ts'

/** A column as its definition has it. */
interface Column extends ValueType {
  readonly name: string
}

/** Definitions of columns as they came, and how they are to be read. */
export class Definitions {
  readonly kept: Kept
  readonly #is41: boolean | undefined
  readonly #isExtended: boolean | undefined
  #columns: readonly Column[] | undefined

  /** `is41`: of MySQL 4.1 or later. `isExtended`: whether they have MariaDB's additional text; undefined when that is not known. */
  constructor(limit: number, is41: boolean | undefined, isExtended: boolean | undefined) {
    this.kept = new Kept(limit)
    this.#is41 = is41
    this.#isExtended = isExtended
  }

  get columns(): readonly Column[] {
    this.#columns ??= [...this.kept.packets()].map(({ start, end }) =>
      this.#column(new Cursor(this.kept.bytes, start, end)),
    )
    return this.#columns
  }

  /** Protocol::ColumnDefinition41 and 320. */
  #column(cursor: Cursor): Column {
    if (!(this.#is41 ?? isDefinition41(cursor))) {
      cursor.skipText()
      return { name: cursor.value() ?? '', type: 0, isUnsigned: false }
    }
    for (let each = 0; each < 4; each++) cursor.skipText()
    const name = cursor.value() ?? ''
    cursor.skipText()
    if (this.#isExtended ?? cursor.left > FIXED) cursor.skipText()
    cursor.skip(1 + 2 + 4)
    const type = cursor.u8()
    const isUnsigned = (cursor.u16() & UNSIGNED) !== 0
    const decimals = cursor.u8()
    return decimals <= MOST_DECIMALS ? { name, type, isUnsigned, decimals } : { name, type, isUnsigned }
  }
}

/** The first text always is `def`. */
function isDefinition41({ bytes, at }: Cursor): boolean {
  return latin1(bytes, at, at + 4) === '\x03def'
}

/** One of the results of a command: columns and rows. */
export class ResultSet {
  rowCount = 0
  definitions: Definitions | undefined
  /** 0 = as many as there are definitions. */
  readonly columnCount: number
  readonly #kept: Kept
  readonly #isBinary: boolean

  /** `room`: bytes of rows that are kept. */
  constructor(columnCount: number, isBinary: boolean, definitions: Definitions | undefined, room: number) {
    this.columnCount = columnCount
    this.definitions = definitions
    this.#isBinary = isBinary
    this.#kept = new Kept(room)
  }

  get room(): number {
    return this.#kept.isCut ? 0 : this.#kept.room
  }

  /** Bytes of rows that are kept. */
  get held(): number {
    return this.#kept.length
  }

  /** `bytes[start, end)` is what was kept of a row of `size` bytes. */
  addRow(bytes: Uint8Array, start: number, end: number, size: number): void {
    this.rowCount++
    if (size > end - start) this.#kept.isCut = true
    else this.#kept.addPacket(bytes, start, end)
  }

  /** Not all rows were kept. */
  get isCut(): boolean {
    return this.#kept.isCut
  }

  get columns(): readonly string[] {
    return this.definitions?.columns.map(({ name }) => name) ?? []
  }

  /** The rows that were kept, the first ones. */
  get rows(): readonly (readonly Text[])[] {
    const { bytes } = this.#kept
    const rows: (readonly Text[])[] = []
    for (const { start, end } of this.#kept.packets()) {
      const cursor = new Cursor(bytes, start, end)
      rows.push(this.#isBinary ? this.#binaryRow(cursor) : this.#textRow(cursor))
    }
    return rows
  }

  #textRow(cursor: Cursor): readonly Text[] {
    const row: Text[] = []
    while (cursor.left > 0 && row.length < this.columnCount) row.push(cursor.value() ?? null)
    return row
  }

  /** Nothing of a row whose columns are not known, or do not fit it. */
  #binaryRow(cursor: Cursor): readonly Text[] {
    const columns = this.definitions?.columns ?? []
    if (columns.length !== (this.columnCount || columns.length)) return []
    cursor.skip(1)
    const nulls = cursor.at
    cursor.skip((columns.length + 9) >> 3)
    const row = columns.map((column, at) =>
      isNull(cursor.bytes, nulls, at + 2) ? null : binaryValue(cursor, column),
    )
    return cursor.isBroken ? [] : row
  }
}

/** Bit `index` of the bits at `at`. */
export function isNull(bytes: Uint8Array, at: number, index: number): boolean {
  return (((bytes[at + (index >> 3)] ?? 0) >> (index & 7)) & 1) === 1
}

/** Bytes of a definition after its texts, with the length of them in front. */
const FIXED = 13
const UNSIGNED = 0x20
/** More means that there are as many as there are. */
const MOST_DECIMALS = 6
