import { readFileSync } from 'node:fs'
import { type Filter, FilterCache, type FilterLanguage, needlesOf } from '../../filter/index.ts'
import { mask } from '../../filter/mask.ts'
import { Decisions, LINE, NO, type Outcome, YES } from './decisions.ts'
import type { StoredEntry } from './entry-store.ts'
import { type Exclusion, exclusionsOf } from './exclusions.ts'
import { linesFile, pathIn } from './files.ts'
import { LineSource } from './line-source.ts'
import { decodeLine, type Line, lineStarts } from './lines.ts'
import { type EntryMarks, MarksIndex, type MarksSize, marked } from './marks.ts'
import { safely } from './safely.ts'
import { ABSENT, Damaged, IN_LINE, type LoadedColumn, SealedSegment, Shape } from './sealed-segment.ts'
import { SumFindings, type SummedEntries } from './summing.ts'

/** What is looked for in one segment. */
interface LookTask {
  readonly segment: number
  /** File of its columns; undefined while it has none. */
  readonly columns: string | undefined
  /** Only rows before this one, or before this place in the file of its lines. */
  readonly before: number | { readonly byte: number }
  readonly filter: FilterTask
  readonly from: number | undefined
  readonly to: number | undefined
  readonly marks: readonly MarksSize[]
}

export interface ScanTask extends LookTask {
  readonly limit: number
  readonly mostBytes: number
}

export interface SumTask extends LookTask {
  /** Sums are made for each so many milliseconds. */
  readonly stepMs: number
}

export interface FilterTask {
  readonly text: string
  readonly prefer: FilterLanguage
  readonly macros: Readonly<Record<string, string>>
  readonly now: number
}

export interface ScanResult {
  /** Newest first. */
  readonly entries: readonly FoundEntry[]
  readonly scanned: number
  /** Everything before this row has not been looked at; 0 at the end. */
  readonly reached: number
  /** Rows that are damaged. */
  readonly unreadable: number
  /** The columns are damaged: all was read from the lines. */
  readonly damagedColumns: boolean
}

export interface FoundEntry extends StoredEntry {
  readonly row: number
}

/** Looks for entries in segments, one at a time; keeps the columns that were asked for last in memory. */
export class Scanner {
  readonly #folder: string
  /** All of the same settings. */
  readonly #filters = new FilterCache(MOST_FILTERS)
  readonly #segments = new Map<string, SealedSegment>()
  readonly #damaged = new Set<string>()
  readonly #marks: MarksIndex

  constructor(folder: string) {
    this.#folder = folder
    this.#marks = new MarksIndex(folder)
  }

  /** `isCancelled` is asked now and then; what comes after that counts for nothing. */
  scan(task: ScanTask, isCancelled: () => boolean): ScanResult {
    const filter = this.filter(task.filter)
    const { found, reached, damagedColumns } = this.#look(task, () => new Lines(task, filter), isCancelled)
    return { ...found.result(), reached, damagedColumns }
  }

  /** Sums all entries of a segment, by steps of time. */
  sum({ stepMs, ...task }: SumTask, isCancelled: () => boolean): SummedEntries {
    const filter = this.filter(task.filter)
    return this.#look(task, () => new SumFindings(filter, stepMs), isCancelled).found.result()
  }

  #look<F extends Findings>(task: LookTask, newFindings: () => F, isCancelled: () => boolean): Look<F> {
    this.#marks.update(task.marks)
    const filter = this.filter(task.filter)
    const { columns } = task
    if (columns !== undefined && !this.#damaged.has(columns)) {
      try {
        return this.#scanColumns(task, columns, filter, newFindings(), isCancelled)
      } catch (error) {
        if (isGone(error)) return { found: newFindings(), reached: 0, damagedColumns: false }
        if (!(error instanceof Damaged)) throw error
        this.#damaged.add(columns)
        this.#segments.delete(columns)
      }
    }
    return { ...this.#scanLines(task, newFindings(), isCancelled), damagedColumns: columns !== undefined }
  }

  filter({ text, prefer, macros, now }: FilterTask): Filter {
    return this.#filters.get(text, { prefer, macros, now })
  }

  #scanColumns<F extends Findings>(
    task: LookTask,
    columns: string,
    filter: Filter,
    found: F,
    isCancelled: () => boolean,
  ): Look<F> {
    const sealed = this.#sealed(columns)
    const path = pathIn(this.#folder, linesFile(task.segment))
    const scan = new ColumnScan({ sealed, path, task, filter, found, marks: this.#marks })
    try {
      return { found, reached: scan.run(isCancelled), damagedColumns: false }
    } finally {
      scan.close()
      this.#forgetSome()
    }
  }

  #scanLines<F extends Findings>(
    task: LookTask,
    found: F,
    isCancelled: () => boolean,
  ): Pick<Look<F>, 'found' | 'reached'> {
    const bytes = this.#linesOf(task.segment)
    const starts = lineStarts(bytes)
    let row = Math.min(rowBefore(task, starts), starts.length - 1)
    while (row > 0 && !found.isFull) {
      row--
      if ((row & 63) === 0 && isCancelled()) break
      found.scanned++
      const line = decodeLine(bytes.subarray(starts[row], (starts[row + 1] ?? 1) - 1))
      if (line === undefined) found.unreadable++
      else if (isWithin(line.atMs, task)) found.offer(line, row, undefined, this.#marks)
    }
    return { found, reached: row }
  }

  #linesOf(segment: number): Buffer {
    try {
      return readFileSync(pathIn(this.#folder, linesFile(segment)))
    } catch (error) {
      if (isGone(error)) return Buffer.alloc(0)
      throw error
    }
  }

  #sealed(columns: string): SealedSegment {
    const known = this.#segments.get(columns)
    if (known === undefined) {
      const sealed = new SealedSegment(pathIn(this.#folder, columns))
      this.#segments.set(columns, sealed)
      return sealed
    }
    this.#segments.delete(columns)
    this.#segments.set(columns, known)
    return known
  }

  /** Those that were asked for longest ago. */
  #forgetSome(): void {
    let memory = 0
    for (const sealed of this.#segments.values()) memory += sealed.memory
    for (const [name, sealed] of this.#segments) {
      if (memory <= MOST_MEMORY) return
      memory -= sealed.memory
      this.#segments.delete(name)
    }
  }
}

/** What was found so far in a segment. */
export interface Findings {
  readonly isFull: boolean
  scanned: number
  unreadable: number
  /** `outcome` is what the filter says already, if it does. */
  offer(line: Line, row: number, outcome: Outcome | undefined, marks: MarksIndex): void
  /** An entry that matches, for those who may need no more than its columns; false when the line has to be read. */
  takeRow?(sealed: SealedSegment, row: number): boolean
}

interface Look<F extends Findings> {
  readonly found: F
  readonly reached: number
  readonly damagedColumns: boolean
}

/** Matching entries, whole. */
class Lines implements Findings {
  scanned = 0
  unreadable = 0
  readonly #task: ScanTask
  readonly #filter: Filter
  readonly #entries: FoundEntry[] = []
  #bytes = 0

  constructor(task: ScanTask, filter: Filter) {
    this.#task = task
    this.#filter = filter
  }

  get isFull(): boolean {
    return this.#entries.length >= this.#task.limit || this.#bytes >= this.#task.mostBytes
  }

  offer(line: Line, row: number, outcome: Outcome | undefined, marks: MarksIndex): void {
    const { redactions } = this.#filter
    // What columns say of is not marked.
    if (outcome === YES && redactions.length === 0) {
      this.#take(line.atMs, line.json, row)
      return
    }
    let entry: unknown
    try {
      entry = JSON.parse(line.json)
    } catch {
      this.unreadable++
      return
    }
    const its = marks.isEmpty || outcome === YES ? undefined : marksOf(entry, this.#task.segment, marks)
    if (its !== undefined) entry = marked(entry, its)
    if (outcome !== YES && !safely(this.#filter, entry)) return
    for (const path of redactions) mask(entry, path)
    const json = its === undefined && redactions.length === 0 ? line.json : JSON.stringify(entry)
    this.#take(line.atMs, json, row)
  }

  #take(atMs: number, json: string, row: number): void {
    this.#bytes += json.length
    this.#entries.push({ atMs, json, row })
  }

  result(): Pick<ScanResult, 'entries' | 'scanned' | 'unreadable'> {
    return { entries: this.#entries, scanned: this.scanned, unreadable: this.unreadable }
  }
}

interface ColumnScanOptions {
  readonly sealed: SealedSegment
  readonly path: string
  readonly task: LookTask
  readonly filter: Filter
  readonly found: Findings
  readonly marks: MarksIndex
}

/** One pass over the columns of a segment. */
class ColumnScan {
  readonly #sealed: SealedSegment
  readonly #path: string
  readonly #task: LookTask
  readonly #found: Findings
  readonly #decisions: Decisions
  readonly #marks: MarksIndex
  readonly #root: LoadedColumn
  readonly #needles: readonly Buffer[]
  readonly #exclusions: readonly Exclusion[]
  readonly #markedRows: ReadonlySet<number>
  #lines: LineSource | undefined

  constructor({ sealed, path, task, filter, found, marks }: ColumnScanOptions) {
    this.#sealed = sealed
    this.#path = path
    this.#task = task
    this.#found = found
    this.#decisions = new Decisions(sealed, filter.matches)
    this.#marks = marks
    this.#needles = needlesOf(filter.conditions).map((needle) => Buffer.from(needle))
    this.#exclusions = exclusionsOf(sealed, filter.conditions)
    this.#root = sealed.column(sealed.root.index)
    this.#markedRows = marks.isEmpty ? NO_ROWS : rowsWithMarks(sealed, task.segment, marks)
  }

  /** Everything before the row that it answers has not been looked at. */
  run(isCancelled: () => boolean): number {
    const found = this.#found
    const { from, to } = this.#task
    const times = from === undefined && to === undefined ? undefined : this.#sealed.times
    let row = Math.min(rowBefore(this.#task, this.#sealed.starts), this.#sealed.rows)
    while (row > 0 && !found.isFull) {
      row--
      if ((row & 63) === 0 && isCancelled()) break
      found.scanned++
      if (times !== undefined && !isWithin(times[row] ?? 0, this.#task)) continue
      const outcome = this.#outcome(row)
      if (outcome !== NO) this.#read(row, outcome)
    }
    return row
  }

  close(): void {
    this.#lines?.close()
  }

  #outcome(row: number): Outcome {
    const { codes, cells } = this.#root
    const cell = cells[codes[row] ?? 0]
    if (cell === ABSENT) {
      this.#found.unreadable++
      return NO
    }
    if (!(cell instanceof Shape) || this.#markedRows.has(row)) return LINE
    for (const { codes: its, isOut } of this.#exclusions) if (isOut[its[row] ?? 0] === 1) return NO
    return this.#decisions.of(row)
  }

  #read(row: number, outcome: Outcome): void {
    if (outcome === YES && this.#found.takeRow?.(this.#sealed, row) === true) return
    this.#lines ??= new LineSource(this.#path, this.#sealed.starts)
    const bytes = this.#lines.line(row)
    if (bytes !== undefined && outcome === LINE && this.#cannotMatch(bytes, row)) return
    const line = bytes === undefined ? undefined : decodeLine(bytes)
    if (line === undefined) this.#found.unreadable++
    else this.#found.offer(line, row, outcome === LINE ? undefined : outcome, this.#marks)
  }

  /** A text that it would need is not in it: no need to read it. */
  #cannotMatch(line: Buffer, row: number): boolean {
    if (!this.#sealed.isPlain || this.#markedRows.has(row)) return false
    return this.#needles.some((needle) => !line.includes(needle))
  }
}

/** Rows of entries that agents have marked. */
function rowsWithMarks(sealed: SealedSegment, segment: number, marks: MarksIndex): ReadonlySet<number> {
  const streams = sealed.root.children.get('stream')
  const indexes = sealed.root.children.get('index')
  const rows = new Set<number>()
  if (streams === undefined || indexes === undefined) return rows
  const stream = sealed.column(streams.index)
  const index = sealed.column(indexes.index)
  const marksOfStream = stream.cells.map((cell) =>
    typeof cell === 'string' ? marks.of(segment, cell) : undefined,
  )
  if (marksOfStream.every((each) => each === undefined) && !stream.cells.includes(IN_LINE)) return rows
  for (let row = 0; row < sealed.rows; row++) {
    const ofStream = marksOfStream[stream.codes[row] ?? 0]
    const number = index.cells[index.codes[row] ?? 0]
    if (number === IN_LINE || (typeof number === 'number' && ofStream?.get(number) !== undefined))
      rows.add(row)
    if (stream.cells[stream.codes[row] ?? 0] === IN_LINE) rows.add(row)
  }
  return rows
}

function marksOf(entry: unknown, segment: number, marks: MarksIndex): EntryMarks | undefined {
  if (typeof entry !== 'object' || entry === null || !('stream' in entry) || !('index' in entry))
    return undefined
  const { stream, index } = entry
  return typeof stream === 'string' && typeof index === 'number'
    ? marks.of(segment, stream)?.get(index)
    : undefined
}

function rowBefore({ before }: LookTask, starts: ArrayLike<number>): number {
  if (typeof before === 'number') return before
  let [low, high] = [0, starts.length]
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((starts[middle] ?? 0) < before.byte) low = middle + 1
    else high = middle
  }
  return low
}

function isWithin(atMs: number, { from, to }: LookTask): boolean {
  return (from === undefined || atMs >= from) && (to === undefined || atMs <= to)
}

/** Its time has come while it was asked for. */
export function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

const NO_ROWS: ReadonlySet<number> = new Set()
const MOST_FILTERS = 64
/** Bytes of columns that are kept. */
const MOST_MEMORY = 192 << 20
