import { Worker as Thread } from 'node:worker_threads'
import type { EntryStoreCounters, EntryWriter } from './entry-store.ts'
import { lockFolder } from './lock.ts'
import type { LogCounters, LogLimits } from './log.ts'
import type { EntryMarks, StoredMarks } from './marks.ts'
import type { FromWriter, ToWriter } from './writer-messages.ts'

/**
 * Opens a folder of entries for the one who writes it; `beforeEntries` is called before anybody can read what was appended, and may
 * make readable what those who read it ask for next. Throws E_STORE when another writes it, or it cannot be written to.
 */
export function openEntryWriter(limits: LogLimits, beforeEntries: () => void = () => {}): EntryWriter {
  return new ThreadedWriter(limits, lockFolder(limits.folder), beforeEntries)
}

/** Collects what is appended, and hands it to a thread that writes. */
class ThreadedWriter implements EntryWriter {
  readonly #lock: { release(): void }
  readonly #beforeEntries: () => void
  readonly #thread: Thread
  readonly #dropped = { behind: 0, 'too-large': 0 }
  readonly #flushes = new Map<number, () => void>()
  #log: LogCounters = NOTHING
  #appended = 0
  #marksLost = 0
  #texts: string[] = []
  #times: number[] = []
  #marks: Omit<StoredMarks, 'from'>[] = []
  /** Characters of the texts. */
  #collected = 0
  #sent = 0
  #worked = 0
  #number = 0
  #timer: NodeJS.Timeout | undefined
  #closed: Promise<void> | undefined
  #isGone = false

  constructor(limits: LogLimits, lock: { release(): void }, beforeEntries: () => void) {
    this.#lock = lock
    this.#beforeEntries = beforeEntries
    this.#thread = new Thread(new URL('./writer-thread.cjs', import.meta.url))
    this.#thread.on('message', (message: FromWriter) => this.#receive(message))
    // Capture goes on without it: everything is dropped, and counted.
    this.#thread.on('error', () => this.#onGone())
    this.#thread.on('exit', () => this.#onGone())
    this.#thread.unref()
    this.#post({ kind: 'open', limits })
  }

  get counters(): EntryStoreCounters {
    const { found, taken, kept, written, marksLost, bytes, segments, dropped } = this.#log
    const tooLarge = this.#dropped['too-large']
    const waiting = this.#isGone ? 0 : this.#appended - tooLarge - this.#dropped.behind - taken
    const behind = this.#appended - tooLarge - waiting - taken
    return {
      found,
      appended: this.#appended,
      waiting,
      kept,
      written,
      marksLost: marksLost + this.#marksLost,
      bytes,
      segments,
      dropped: {
        ...dropped,
        ...(behind === 0 ? {} : { behind }),
        ...(tooLarge === 0 ? {} : { 'too-large': tooLarge }),
      },
    }
  }

  append(atMs: number, json: string): void {
    this.#appended++
    if (json.length > LONGEST_ENTRY) {
      this.#dropped['too-large']++
      return
    }
    if (
      this.#isGone ||
      this.#closed !== undefined ||
      this.#sent - this.#worked + this.#collected > MOST_WAITING
    ) {
      this.#dropped.behind++
      return
    }
    // A line end in JSON is nothing but space.
    this.#texts.push(json.includes('\n') ? json.replaceAll('\n', ' ') : json)
    this.#times.push(atMs)
    this.#collected += json.length + 1
    if (this.#collected >= BATCH) this.#send()
    else this.#sendSoon()
  }

  mark(stream: string, index: number, marks: EntryMarks): void {
    if (this.#isGone || this.#marks.length >= MOST_MARKS) {
      this.#marksLost++
      return
    }
    this.#marks.push({ stream, index, marks })
    this.#sendSoon()
  }

  flush(): Promise<void> {
    return this.#ask(false)
  }

  settle(): Promise<void> {
    return this.#ask(true)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    if (!this.#isGone) {
      this.#send()
      const gone = new Promise((resolve) => this.#thread.once('exit', resolve))
      this.#thread.ref()
      this.#post({ kind: 'close' })
      await gone
    }
    this.#lock.release()
  }

  #ask(settled: boolean): Promise<void> {
    if (this.#isGone || this.#closed !== undefined) return Promise.resolve()
    this.#send()
    const number = this.#number++
    this.#thread.ref()
    return new Promise((resolve) => {
      this.#flushes.set(number, resolve)
      this.#post({ kind: 'flush', number, settled })
    })
  }

  #sendSoon(): void {
    this.#timer ??= setTimeout(() => this.#send(), FLUSH_MS).unref()
  }

  #send(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#texts.length === 0 && this.#marks.length === 0) return
    this.#beforeEntries()
    const text = this.#texts.join('\n')
    this.#post({ kind: 'entries', times: Float64Array.from(this.#times), text, marks: this.#marks })
    this.#sent += text.length
    this.#texts = []
    this.#times = []
    this.#marks = []
    this.#collected = 0
  }

  #receive(message: FromWriter): void {
    if (message.kind === 'done') {
      this.#flushes.get(message.number)?.()
      this.#flushes.delete(message.number)
      if (this.#flushes.size === 0 && this.#closed === undefined) this.#thread.unref()
      return
    }
    this.#log = message.counters
    if (message.kind === 'counters') this.#worked = message.characters
  }

  #onGone(): void {
    this.#isGone = true
    for (const resolve of this.#flushes.values()) resolve()
    this.#flushes.clear()
  }

  #post(message: ToWriter): void {
    this.#thread.postMessage(message)
  }
}

const NOTHING: LogCounters = {
  found: 0,
  taken: 0,
  kept: 0,
  written: 0,
  marksLost: 0,
  bytes: 0,
  segments: 0,
  dropped: {},
}
/** How long an entry may wait for others to be written with. */
const FLUSH_MS = 50
/** Characters that are handed over at once. */
const BATCH = 256 << 10
/** Characters that may be on their way to the disk. */
const MOST_WAITING = 64 << 20
/** Characters of one. */
const LONGEST_ENTRY = 16 << 20
const MOST_MARKS = 100_000
