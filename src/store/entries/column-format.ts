/**
 * Columns of a segment: for each path of keys, what the entries have there, as numbers of a dictionary. They stand for the
 * entries when filters are asked.
 *
 *     magic, length of the header, its checksum, header (JSON), then the parts that it names
 */
export const MAGIC = 'RMRCOLS1'
/** Magic, length, checksum. */
export const PREFIX_BYTES = MAGIC.length + 8

export interface ColumnsHeader {
  readonly rows: number
  /** Bytes of the lines file that the rows stand for. */
  readonly covers: number
  /** Nothing in the lines is escaped that need not be. */
  readonly isPlain: boolean
  /** Where each line begins, and where the last one ends: four bytes each. */
  readonly starts: Part
  /** Time of each row: eight bytes each. */
  readonly times: Part
  /** Parents before their children. */
  readonly columns: readonly StoredColumn[]
}

/** Offset from the end of the header, bytes, checksum. */
export type Part = readonly [offset: number, bytes: number, crc: number]

/**
 * Number of the parent (-1 for the root), its key there, bytes of a code (0: all rows have the only value), codes,
 * dictionary. A dictionary is a JSON array of `StoredValue`s; code 0 is for rows without a value, others count from 1.
 */
export type StoredColumn = readonly [parent: number, key: string, width: 0 | 1 | 2, codes: Part, values: Part]

/** Itself; `{k}` for an object with these keys, in order; `{j}` for an array; `{o}`: look at the line. */
export type StoredValue =
  | string
  | number
  | boolean
  | null
  | { readonly k: readonly string[] }
  | { readonly j: readonly unknown[] }
  | { readonly o: 1 }

/** Rows of a segment: codes have two bytes. */
export const MOST_ROWS = 8192
