import {
  ABSENT,
  type Cell,
  type ColumnNode,
  IN_LINE,
  type LoadedColumn,
  type SealedSegment,
  Shape,
} from './sealed-segment.ts'

/** Thrown out of a filter that asks for what only the line of an entry has. */
export class NeedsLine extends Error {}

/**
 * An entry as filters see it, answered from the columns: it looks like the object that JSON gives, as long as nobody writes
 * into it. Notes which columns were asked for, so that what a filter answered is known for all rows that are alike in them.
 */
export class RowView {
  /** The entry of `row`. */
  readonly entry: object
  row = 0
  /** Columns that differ between rows, in the order in which they were asked for since `begin`. */
  readonly asked: number[] = []
  /** A field that only the line has was asked for; whatever the filter made of that counts for nothing. */
  needsLine = false
  readonly #segment: SealedSegment
  readonly #noted: Uint32Array
  #turn = 0

  constructor(segment: SealedSegment) {
    this.#segment = segment
    this.#noted = new Uint32Array(segment.columns)
    this.entry = this.#object(segment.root)
  }

  begin(row: number): void {
    this.row = row
    this.needsLine = false
    this.asked.length = 0
    this.#turn++
  }

  #object(node: ColumnNode): object {
    const proxies = new Map<ColumnNode, object>()
    const shape = (): Shape => {
      const cell = this.#cell(node)
      return cell instanceof Shape ? cell : NO_KEYS
    }
    const valueAt = (key: string): unknown => {
      const child = node.children.get(key)
      const cell = child === undefined ? ABSENT : this.#cell(child)
      if (!(cell instanceof Shape) || child === undefined) return cell
      let proxy = proxies.get(child)
      if (proxy === undefined) {
        proxy = this.#object(child)
        proxies.set(child, proxy)
      }
      return proxy
    }
    return new Proxy(
      {},
      {
        get: (target, key) => {
          const value = typeof key === 'string' ? valueAt(key) : ABSENT
          return value === ABSENT ? Reflect.get(target, key) : value
        },
        has: (target, key) =>
          (typeof key === 'string' && valueAt(key) !== ABSENT) || Reflect.has(target, key),
        ownKeys: () => [...shape().keys],
        // Who wants the value gets it by its name; who only wants to know the names asks for no more columns.
        getOwnPropertyDescriptor: (_target, key) =>
          typeof key === 'string' && shape().has(key) ? PRESENT : undefined,
      },
    )
  }

  #cell(node: ColumnNode): Cell {
    const { index } = node
    const column: LoadedColumn = this.#segment.column(index)
    if (!column.isConstant && this.#noted[index] !== this.#turn) {
      this.#noted[index] = this.#turn
      this.asked.push(index)
    }
    const cell = column.cells[column.codes[this.row] ?? 0]
    if (cell !== IN_LINE) return cell
    this.needsLine = true
    throw new NeedsLine()
  }
}

const NO_KEYS = new Shape([])
const PRESENT = { value: undefined, writable: true, enumerable: true, configurable: true }
