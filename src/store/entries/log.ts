import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { MOST_ROWS } from './column-format.ts'
import { columnsFile, linesFile, listFolder, marksFile, pathIn, type Segment } from './files.ts'
import { encodeLine, LINE_END } from './lines.ts'
import type { StoredMarks } from './marks.ts'
import { Sealer } from './sealer.ts'

export interface LogLimits {
  readonly folder: string
  readonly ttlMs: number
  readonly mostBytes: number
}

export interface LogCounters {
  readonly found: number
  readonly taken: number
  readonly kept: number
  readonly written: number
  readonly marksLost: number
  readonly bytes: number
  readonly segments: number
  readonly dropped: Readonly<Record<string, number>>
}

/** What a disk can refuse. */
export interface Disk {
  write(fd: number, bytes: Uint8Array): number
}

interface Kept {
  readonly id: number
  rows: number
  lineBytes: number
  otherBytes: number
  firstWriteMs: number
  lastWriteMs: number
  columns: string | undefined
}

/** The segments of a folder, as the thread that writes them has them. One at a time may write: see `lockFolder`. */
export class EntryLog {
  readonly #limits: LogLimits
  readonly #disk: Disk
  readonly #now: () => number
  readonly #first: number
  /** Oldest first. */
  readonly #segments: Kept[] = []
  readonly #toSeal: Kept[] = []
  readonly #dropped: Record<string, number> = {}
  #sealing: { readonly segment: Kept; readonly sealer: Sealer } | undefined
  #active: { readonly segment: Kept; readonly fd: number } | undefined
  #next: number
  #found = 0
  #taken = 0
  #written = 0
  #marksLost = 0

  constructor(limits: LogLimits, disk: Disk = DISK, now: () => number = Date.now) {
    this.#limits = limits
    this.#disk = disk
    this.#now = now
    const { segments, marks, leftovers } = listFolder(limits.folder)
    for (const name of leftovers) this.#remove(name)
    for (const segment of segments) this.#recover(segment)
    const last = segments.at(-1)?.id ?? 0
    for (const id of marks) {
      const segment = this.#segments.find((each) => each.id === id)
      if (segment === undefined) this.#remove(marksFile(id))
      else segment.otherBytes += sizeOf(pathIn(limits.folder, marksFile(id)))
    }
    this.#next = last + 1
    this.#first = this.#next
    this.tidy()
  }

  get counters(): LogCounters {
    const segments = this.#segments
    return {
      found: this.#found,
      taken: this.#taken,
      written: this.#written,
      marksLost: this.#marksLost,
      kept: segments.reduce((sum, { rows }) => sum + rows, 0),
      bytes: segments.reduce((sum, each) => sum + each.lineBytes + each.otherBytes, 0),
      segments: segments.length,
      dropped: { ...this.#dropped },
    }
  }

  /** Writes entries, in order: `texts` are lines of JSON. */
  append(times: Float64Array, texts: readonly string[]): void {
    this.#taken += texts.length
    this.#noticeDeleted()
    for (let at = 0; at < texts.length; ) at += this.#appendSome(times, texts, at)
    this.tidy()
  }

  mark(marks: readonly Omit<StoredMarks, 'from'>[]): void {
    const segment = this.#active?.segment ?? this.#segments.at(-1)
    if (segment === undefined || segment.id < this.#first) return // Nothing that it could be of is left.
    const lines = marks.map((each) => encodeLine(0, JSON.stringify({ from: this.#first, ...each })))
    const path = pathIn(this.#limits.folder, marksFile(segment.id))
    try {
      const fd = openSync(path, 'a')
      const before = fstatSync(fd).size
      const bytes = Buffer.concat(lines)
      if (this.#write(fd, bytes, before)) segment.otherBytes += bytes.length
      else this.#marksLost += marks.length
      closeSync(fd)
    } catch {
      this.#marksLost += marks.length
    }
  }

  /** Lets go of what is too old or too much, and begins a new segment when the present one is old enough. */
  tidy(): void {
    const now = this.#now()
    const { ttlMs, mostBytes } = this.#limits
    const active = this.#active?.segment
    if (active !== undefined && now - active.firstWriteMs > Math.max(1000, Math.min(60_000, ttlMs / 10)))
      this.finish()
    for (;;) {
      const oldest = this.#segments[0]
      if (oldest === undefined) return
      if (now - oldest.lastWriteMs > ttlMs) this.#drop(oldest, 'expired')
      else if (this.counters.bytes > mostBytes) this.#drop(oldest, 'over-size')
      else return
    }
  }

  /** Works on the columns of complete segments for a little while. False when there is nothing to do. */
  seal(): boolean {
    const segment = this.#sealing?.segment ?? this.#toSeal.shift()
    if (segment === undefined) return false
    const path = pathIn(this.#limits.folder, linesFile(segment.id))
    try {
      this.#sealing ??= { segment, sealer: new Sealer(readFileSync(path)) }
      if (this.#sealing.sealer.work()) return true
      this.#storeColumns(segment, this.#sealing.sealer)
    } catch {
      // Without columns it is slow to read, no more: they are tried again when the folder is opened next.
    }
    this.#sealing = undefined
    this.tidy()
    return true
  }

  #appendSome(times: Float64Array, texts: readonly string[], from: number): number {
    const { segment, fd } = this.#active ?? this.#begin() ?? {}
    if (segment === undefined || fd === undefined) {
      this.#count('disk-full', texts.length - from)
      return texts.length - from
    }
    const lines: Buffer[] = []
    let bytes = 0
    for (let at = from; at < texts.length && segment.rows + lines.length < MOST_ROWS; at++) {
      const line = encodeLine(times[at] ?? 0, texts[at] ?? '')
      if (bytes + line.length > MOST_WRITTEN && lines.length > 0) break
      lines.push(line)
      bytes += line.length
    }
    if (this.#write(fd, Buffer.concat(lines), segment.lineBytes)) {
      segment.rows += lines.length
      segment.lineBytes += bytes
      segment.lastWriteMs = this.#now()
      this.#written += lines.length
    } else this.#count('disk-full', lines.length)
    if (segment.rows >= MOST_ROWS || segment.lineBytes >= this.#segmentBytes) this.finish()
    return lines.length
  }

  get #segmentBytes(): number {
    return Math.max(64 << 10, Math.min(MOST_SEGMENT_BYTES, this.#limits.mostBytes / 16))
  }

  /** All of it or nothing: what was written in part is taken back. */
  #write(fd: number, bytes: Uint8Array, before: number): boolean {
    try {
      for (let at = 0; at < bytes.length; ) {
        const written = this.#disk.write(fd, bytes.subarray(at))
        if (written === 0) throw new Error('nothing was written')
        at += written
      }
      return true
    } catch {
      try {
        ftruncateSync(fd, before)
      } catch {
        // Readers pass over the torn line by its checksum.
        this.finish()
      }
      return false
    }
  }

  #begin(): { readonly segment: Kept; readonly fd: number } | undefined {
    const id = this.#next
    try {
      const fd = openSync(pathIn(this.#limits.folder, linesFile(id)), 'ax')
      const now = this.#now()
      const segment = {
        id,
        rows: 0,
        lineBytes: 0,
        otherBytes: 0,
        firstWriteMs: now,
        lastWriteMs: now,
        columns: undefined,
      }
      this.#next++
      this.#segments.push(segment)
      this.#active = { segment, fd }
      return this.#active
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EEXIST') this.#next++
      return code === 'ENOENT' && this.#makeAgain() ? this.#begin() : undefined
    }
  }

  /** Somebody has deleted files that we have: what would go on into one without a name goes into a new one. */
  #noticeDeleted(): void {
    if (this.#active === undefined || fstatSync(this.#active.fd).nlink > 0) return
    this.finish()
    this.#makeAgain()
  }

  /** Forgets what is not there any more. Answers whether the folder had to be made. */
  #makeAgain(): boolean {
    const { folder } = this.#limits
    for (const segment of [...this.#segments])
      if (!existsSync(pathIn(folder, linesFile(segment.id)))) this.#drop(segment, 'deleted')
    try {
      return mkdirSync(folder, { recursive: true }) !== undefined
    } catch {
      // It is tried again with the next entries.
      return false
    }
  }

  /** The segment that is written to is complete. */
  finish(): void {
    if (this.#active === undefined) return
    const { segment, fd } = this.#active
    this.#active = undefined
    closeSync(fd)
    this.#toSeal.push(segment)
  }

  #drop(segment: Kept, reason: string): void {
    if (this.#active?.segment === segment) this.finish()
    this.#segments.splice(this.#segments.indexOf(segment), 1)
    const waiting = this.#toSeal.indexOf(segment)
    if (waiting >= 0) this.#toSeal.splice(waiting, 1)
    if (this.#sealing?.segment === segment) this.#sealing = undefined
    for (const name of [segment.columns, linesFile(segment.id), marksFile(segment.id)])
      if (name !== undefined) this.#remove(name)
    this.#count(reason, segment.rows)
  }

  #storeColumns(segment: Kept, sealer: Sealer): void {
    const bytes = sealer.columns()
    const name = columnsFile(segment.id, sealer)
    const path = pathIn(this.#limits.folder, name)
    const made = `${path}.tmp`
    try {
      writeFileSync(made, bytes)
      renameSync(made, path)
    } catch (error) {
      rmSync(made, { force: true })
      throw error
    }
    segment.columns = name
    segment.otherBytes += bytes.length
  }

  #recover({ id, sealed }: Segment): void {
    const path = pathIn(this.#limits.folder, linesFile(id))
    try {
      const { size, mtimeMs, birthtimeMs } = statSync(path)
      const times = { firstWriteMs: Math.min(birthtimeMs, mtimeMs), lastWriteMs: mtimeMs }
      if (sealed !== undefined) {
        const otherBytes = sizeOf(pathIn(this.#limits.folder, sealed.file))
        this.#keep({ id, rows: sealed.rows, lineBytes: size, otherBytes, ...times, columns: sealed.file })
        return
      }
      const segment = { id, ...this.#readLines(path), otherBytes: 0, ...times, columns: undefined }
      this.#keep(segment)
      this.#toSeal.push(segment)
    } catch {
      // It cannot even be looked at; readers will say so.
    }
  }

  /** Of a segment whose writer may have died: its last line may be torn, and goes. */
  #readLines(path: string): { rows: number; lineBytes: number } {
    const bytes = readFileSync(path)
    const lineBytes = bytes.lastIndexOf(LINE_END) + 1
    let rows = 0
    for (let at = bytes.indexOf(LINE_END); at >= 0; at = bytes.indexOf(LINE_END, at + 1)) rows++
    if (lineBytes < bytes.length) {
      truncateSync(path, lineBytes)
      this.#found++
      this.#count('unreadable', 1)
    }
    return { rows, lineBytes }
  }

  #keep(segment: Kept): void {
    this.#found += segment.rows
    this.#segments.push(segment)
  }

  #count(reason: string, entries: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + entries
  }

  #remove(name: string): void {
    try {
      rmSync(pathIn(this.#limits.folder, name), { force: true })
    } catch {
      // It is tried again when the folder is opened next.
    }
  }
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size
  } catch {
    return 0
  }
}

const DISK: Disk = { write: (fd, bytes) => writeSync(fd, bytes) }
/** Bytes of one write: a disk that fills up loses no more at once. */
const MOST_WRITTEN = 1 << 20
const MOST_SEGMENT_BYTES = 16 << 20
