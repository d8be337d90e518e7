import { readFileSync } from 'node:fs'
import { marksFile, pathIn } from './files.ts'
import { decodeLine, LINE_END, lineStarts } from './lines.ts'

/** What agents have noted on an entry after it was captured. */
export interface EntryMarks {
  readonly passed?: boolean | undefined
  readonly failed?: boolean | undefined
  readonly tags?: unknown
}

/** Marks as they lie on disk: of an entry in segments `from` to the one that the file belongs to. */
export interface StoredMarks {
  readonly from: number
  readonly stream: string
  readonly index: number
  readonly marks: EntryMarks
}

export interface MarksSize {
  readonly id: number
  readonly bytes: number
}

interface Known {
  readonly from: number
  readonly upto: number
  readonly marks: EntryMarks
}

/** All marks of a folder. */
export class MarksIndex {
  readonly #folder: string
  /** By stream, then index. */
  #known = new Map<string, Map<number, Known[]>>()
  /** Bytes that were read of each file. */
  #read = new Map<number, number>()
  /** Changes when marks do. */
  version = 0

  constructor(folder: string) {
    this.#folder = folder
  }

  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  /** Reads what has come since the last time; all of it when files have gone. */
  update(files: readonly MarksSize[]): void {
    const there = new Set(files.map(({ id }) => id))
    if ([...this.#read.keys()].some((id) => !there.has(id))) {
      this.#known = new Map()
      this.#read = new Map()
      this.version++
    }
    for (const { id, bytes } of files) if (bytes > (this.#read.get(id) ?? 0)) this.#readFile(id)
  }

  /** Marks of entries of this stream in a segment. */
  of(segment: number, stream: string): { get(index: number): EntryMarks | undefined } | undefined {
    const indexes = this.#known.get(stream)
    if (indexes === undefined) return undefined
    return {
      get: (index) => {
        const marks = indexes.get(index)?.filter(({ from, upto }) => from <= segment && segment <= upto)
        return marks === undefined || marks.length === 0
          ? undefined
          : Object.assign({}, ...marks.map((each) => each.marks))
      },
    }
  }

  #readFile(id: number): void {
    let bytes: Buffer
    try {
      bytes = readFileSync(pathIn(this.#folder, marksFile(id)))
    } catch {
      return // It has gone meanwhile.
    }
    const from = this.#read.get(id) ?? 0
    const end = bytes.lastIndexOf(LINE_END) + 1
    if (end <= from) return
    const fresh = bytes.subarray(from, end)
    const starts = lineStarts(fresh)
    for (let at = 0; at + 1 < starts.length; at++) {
      const line = decodeLine(fresh.subarray(starts[at], (starts[at + 1] ?? 1) - 1))
      if (line !== undefined) this.#add(id, JSON.parse(line.json) as StoredMarks)
    }
    this.#read.set(id, end)
    this.version++
  }

  #add(upto: number, { from, stream, index, marks }: StoredMarks): void {
    const indexes = this.#known.get(stream) ?? new Map<number, Known[]>()
    this.#known.set(stream, indexes)
    const all = indexes.get(index) ?? []
    indexes.set(index, all)
    all.push({ from, upto, marks })
  }
}

/** An entry with its marks. */
export function marked(entry: unknown, marks: EntryMarks): unknown {
  return typeof entry === 'object' && entry !== null ? { ...entry, ...marks } : entry
}
