import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs'
import type { Filter } from '../../filter/index.ts'
import { ConnectionsFollowing, headOf, NO_CONNECTIONS, type TakenConnections } from './connections.ts'
import type { StoredEntry } from './entry-store.ts'
import { linesFile, listed, pathIn } from './files.ts'
import { decodeLine, LINE_END, type Line, lineStarts } from './lines.ts'
import { safely } from './safely.ts'
import { NEVER, SumFollowing, type TakenSums } from './summing.ts'

/** Entries that somebody waits for, the newest of those that match. */
class Following {
  readonly #filter: Filter
  #entries: StoredEntry[] = []
  #characters = 0
  #dropped = 0

  constructor(filter: Filter) {
    this.#filter = filter
  }

  get hasSome(): boolean {
    return this.#entries.length > 0 || this.#dropped > 0
  }

  offer(line: Line, entry: unknown): void {
    if (!safely(this.#filter, entry)) return
    this.#entries.push(line)
    this.#characters += line.json.length
    while (
      this.#entries.length > MOST_ENTRIES ||
      (this.#characters > MOST_CHARACTERS && this.#entries.length > 1)
    ) {
      this.#characters -= this.#entries.shift()?.json.length ?? 0
      this.#dropped++
    }
  }

  take(): { readonly entries: readonly StoredEntry[]; readonly dropped: number } {
    const taken = { entries: this.#entries, dropped: this.#dropped }
    this.#entries = []
    this.#characters = 0
    this.#dropped = 0
    return taken
  }
}

/** Somebody who is told of what is appended. */
type Follows = Following | SumFollowing | ConnectionsFollowing

/** Between two entries. */
export interface PlaceInStore {
  /** 0 where there was none yet. */
  readonly segment: number
  readonly byte: number
}

/** Reads what is appended to a folder, once for all who follow it. */
export class Follower {
  readonly #folder: string
  readonly #all = new Map<number, Follows>()
  /** Place of the next line. */
  #segment = 0
  #offset = 0
  #chunk = CHUNK

  constructor(folder: string) {
    this.#folder = folder
  }

  get isIdle(): boolean {
    return this.#all.size === 0
  }

  start(number: number, filter: Filter): void {
    this.#begin(number, new Following(filter))
  }

  /** Answers the place behind which it sums. */
  startSumming(number: number, filter: Filter): PlaceInStore {
    this.#begin(number, new SumFollowing(filter))
    return { segment: this.#segment, byte: this.#offset }
  }

  startConnections(number: number): void {
    this.#begin(number, new ConnectionsFollowing())
  }

  #begin(number: number, following: Follows): void {
    if (this.isIdle) this.#goToEnd()
    else this.poll()
    this.#all.set(number, following)
  }

  stop(number: number): void {
    this.#all.delete(number)
  }

  /** Undefined while there is nothing. */
  take(number: number): ReturnType<Following['take']> | undefined {
    const following = this.#all.get(number)
    return following instanceof Following && following.hasSome ? following.take() : undefined
  }

  /** What was summed since the last time, up to now. */
  takeSums(number: number): TakenSums {
    const following = this.#all.get(number)
    if (!(following instanceof SumFollowing)) return { sums: new Map(), times: NEVER }
    this.poll()
    return following.take()
  }

  /** Who has connected to whom since the last time, up to now. */
  takeConnections(number: number): TakenConnections {
    const following = this.#all.get(number)
    if (!(following instanceof ConnectionsFollowing)) return NO_CONNECTIONS
    this.poll()
    return following.take()
  }

  /** Reads on. */
  poll(): void {
    for (let id: number | undefined = this.#segment; id !== undefined; id = this.#segmentAfter(id)) {
      if (id !== this.#segment) {
        this.#segment = id
        this.#offset = 0
      }
      while (this.#readSome());
    }
  }

  #goToEnd(): void {
    const ids = this.#ids()
    this.#segment = ids.at(-1) ?? 0
    this.#offset = 0
    if (this.#segment === 0) return
    this.#withFile((fd) => {
      this.#offset = lastLineEnd(fd, fstatSync(fd).size)
    })
  }

  #segmentAfter(id: number): number | undefined {
    return this.#ids().find((each) => each > id)
  }

  #ids(): number[] {
    try {
      return listed(readdirSync(this.#folder)).segments.map(({ id }) => id)
    } catch {
      return []
    }
  }

  /** False when nothing more is there. */
  #readSome(): boolean {
    let hasRead = false
    this.#withFile((fd) => {
      const size = fstatSync(fd).size
      if (size <= this.#offset) return
      const chunk = readFrom(fd, this.#offset, Math.min(this.#chunk, size - this.#offset))
      const end = chunk.lastIndexOf(LINE_END) + 1
      if (end === 0) {
        // A line of some length, or one without an end that is longer than any: pass over that.
        if (chunk.length < this.#chunk) return
        if (this.#chunk < LONGEST_CHUNK) this.#chunk *= 2
        else this.#offset += chunk.length
        hasRead = true
        return
      }
      this.#offset += end
      this.#chunk = CHUNK
      this.#offer(chunk.subarray(0, end))
      hasRead = true
    })
    return hasRead
  }

  #offer(bytes: Buffer): void {
    const starts = lineStarts(bytes)
    const needsAll = this.#all.values().some((each) => !(each instanceof ConnectionsFollowing))
    for (let at = 0; at + 1 < starts.length; at++) {
      const line = decodeLine(bytes.subarray(starts[at], (starts[at + 1] ?? 1) - 1))
      const entry = line === undefined ? undefined : parsed(line.json, needsAll)
      if (line !== undefined && entry !== undefined)
        for (const following of this.#all.values()) following.offer(line, entry.value)
    }
  }

  #withFile(use: (fd: number) => void): void {
    let fd: number
    try {
      fd = openSync(pathIn(this.#folder, linesFile(this.#segment)), 'r')
    } catch {
      return // There is none, or its time has come.
    }
    try {
      use(fd)
    } finally {
      closeSync(fd)
    }
  }
}

function parsed(json: string, needsAll: boolean): { readonly value: unknown } | undefined {
  const head = needsAll ? undefined : headOf(json)
  if (head !== undefined) return { value: head }
  try {
    return { value: JSON.parse(json) }
  } catch {
    return undefined
  }
}

/** A line may be on its way just now. */
function lastLineEnd(fd: number, size: number): number {
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - (64 << 10))
    const at = readFrom(fd, from, end - from).lastIndexOf(LINE_END)
    if (at >= 0) return from + at + 1
    end = from
  }
  return 0
}

function readFrom(fd: number, position: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  return bytes.subarray(0, readSync(fd, bytes, 0, length, position))
}

const CHUNK = 1 << 20
const LONGEST_CHUNK = 64 << 20
/** That wait for one who is slow. */
const MOST_ENTRIES = 2000
const MOST_CHARACTERS = 8 << 20
