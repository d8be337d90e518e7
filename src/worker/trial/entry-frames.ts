import { BATCH_FIXED, calendarMs, DOWN, HEADER } from '../../agent/host/protocol.ts'
import { StoredEntries } from '../../agent/host/query.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { layoutsFor, type Wanted } from '../../entry/layout.ts'
import { MOST_ITEMS } from '../batcher.ts'

/** Entries that were kept, one after another in the order of time, as frames for a sandbox. */
export class EntryFrames {
  readonly #layouts: StoredEntries
  readonly #version: number
  readonly #wantsItems: boolean
  #seq: number

  /** For a demand of this version; numbers of frames go on behind `seq`. */
  constructor(version: number, wanted: Wanted, seq: number) {
    this.#version = version
    this.#wantsItems = wanted.size > 0
    this.#layouts = new StoredEntries(layoutsFor(knownProtocols, wanted))
    this.#seq = seq
  }

  /** A frame of these entries, which is full or not; `items`: how many of them it has. Others are of unknown protocols. */
  frame(entries: readonly TimedEntry[]): { readonly bytes: Uint8Array; readonly items: number } {
    const rows: string[] = []
    const times: number[] = []
    for (const { entry, ms } of this.#wantsItems ? entries : []) {
      const layout = this.#layouts.layoutOf(entry)
      if (layout === undefined) continue
      rows.push(JSON.stringify(this.#layouts.row(layout, entry)))
      times.push(calendarMs(ms))
    }
    const untilMs = calendarMs(entries.at(-1)?.ms ?? 0)
    return { bytes: this.#bytes(rows, times, untilMs), items: rows.length }
  }

  /** Read by `agent/host/sandbox.ts`, like those of `Batcher`. */
  #bytes(rows: readonly string[], times: readonly number[], untilMs: number): Uint8Array {
    const text = rows.length > 0 ? `[${rows.join(',')}]` : ''
    const textBytes = Buffer.byteLength(text)
    const fixed = BATCH_FIXED + rows.length * 12
    const frame = Buffer.from(new ArrayBuffer((HEADER + fixed + textBytes + 7) & ~7))
    frame.writeUInt32LE(fixed + textBytes, 0)
    frame[4] = DOWN.batch
    frame.writeUInt32LE(this.#seq++ >>> 0, 8)
    frame.writeUInt32LE(this.#version, HEADER)
    frame.writeUInt32LE(rows.length, HEADER + 4)
    frame.writeUInt32LE(textBytes, HEADER + 12)
    frame.writeDoubleLE(untilMs, HEADER + 16)
    for (const [at, ms] of times.entries()) frame.writeDoubleLE(ms, HEADER + BATCH_FIXED + at * 8)
    frame.write(text, HEADER + fixed)
    return frame
  }
}

/** An entry, and when it was whole. */
export interface TimedEntry {
  readonly entry: Record<string, unknown>
  readonly ms: number
  readonly characters: number
}

/** An entry of a line of JSON; undefined when it is none. Time goes on from `after`: it does not go back. */
export function timedEntry(line: string, after: number): TimedEntry | undefined {
  const entry = parsed(line)
  if (entry === undefined) return undefined
  const { timestamp, elapsedTime } = entry
  const start = typeof timestamp === 'number' ? timestamp : after
  const took = typeof elapsedTime === 'number' ? elapsedTime / 1000 : 0
  return { entry, ms: Math.max(after, start + took), characters: line.length }
}

/** As many as cross together. */
export function* chunksOf(entries: Iterable<TimedEntry>): Iterable<readonly TimedEntry[]> {
  let chunk: TimedEntry[] = []
  let characters = 0
  for (const each of entries) {
    chunk.push(each)
    characters += each.characters
    if (chunk.length < MOST_ITEMS && characters < MOST_CHARACTERS) continue
    yield chunk
    chunk = []
    characters = 0
  }
  if (chunk.length > 0) yield chunk
}

function parsed(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const MOST_CHARACTERS = 256 << 10
