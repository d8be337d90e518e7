import { type EntryLine, lineOf } from './entry-line.ts'

export interface BufferLimits {
  readonly mostEntries: number
  /** Of all texts together. */
  readonly mostLetters: number
}

/**
 * The newest entries, oldest first. What does not fit goes, the oldest first, and is counted: at any time
 * `received = lines + letGo + repeated + unreadable`.
 */
export class EntryBuffer {
  readonly #limits: BufferLimits
  readonly #ids = new Set<string>()
  #lines: EntryLine[] = []
  #letters = 0
  received = 0
  letGo = 0
  repeated = 0
  unreadable = 0
  /** Entries that matched and did not get here: the worker, the way or this page was behind. */
  lost = 0

  constructor(limits: BufferLimits = ROOM) {
    this.#limits = limits
  }

  /** Do not keep it: it changes. */
  get lines(): readonly EntryLine[] {
    return this.#lines
  }

  /** As it is now, for good. */
  snapshot(): readonly EntryLine[] {
    return this.#lines.slice()
  }

  add(texts: readonly string[]): void {
    this.received += texts.length
    const fresh = texts.flatMap((text) => this.#read(text) ?? [])
    if (fresh.length === 0) return
    this.#place(fresh.sort(byTime))
    this.#makeRoom()
  }

  /** Entries that were kept before; of the same filter. */
  clear(): void {
    this.#lines = []
    this.#ids.clear()
    this.#letters = 0
    this.received = 0
    this.letGo = 0
    this.repeated = 0
    this.unreadable = 0
    this.lost = 0
  }

  #read(text: string): EntryLine | undefined {
    const line = lineOf(text)
    if (line === undefined) this.unreadable++
    else if (this.#ids.has(line.id)) this.repeated++
    else {
      this.#ids.add(line.id)
      this.#letters += text.length
      return line
    }
    return undefined
  }

  /** Most come in order; a reply that took long belongs further up. */
  #place(fresh: readonly EntryLine[]): void {
    const first = fresh[0]
    if (first === undefined) return
    const later = this.#lines.splice(placeBehind(this.#lines, first.at))
    let at = 0
    for (const line of fresh) {
      for (let next = later[at]; next !== undefined && next.at <= line.at; next = later[++at])
        this.#lines.push(next)
      this.#lines.push(line)
    }
    for (; at < later.length; at++) this.#lines.push(later[at] as EntryLine)
  }

  #makeRoom(): void {
    let count = Math.max(this.#lines.length - this.#limits.mostEntries, 0)
    for (let at = 0; at < count; at++) this.#forget(this.#lines[at])
    while (this.#letters > this.#limits.mostLetters && count < this.#lines.length - 1)
      this.#forget(this.#lines[count++])
    if (count === 0) return
    this.#lines.splice(0, count)
    this.letGo += count
  }

  #forget(line: EntryLine | undefined): void {
    if (line === undefined) return
    this.#ids.delete(line.id)
    this.#letters -= line.text.length
  }
}

/** Index behind all that are not later. */
export function placeBehind(lines: readonly EntryLine[], time: number): number {
  let [low, high] = [0, lines.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((lines[middle]?.at ?? 0) <= time) low = middle + 1
    else high = middle
  }
  return low
}

const byTime = (left: EntryLine, right: EntryLine) => left.at - right.at
const ROOM: BufferLimits = { mostEntries: 20_000, mostLetters: 128 << 20 }
