import { EntryBuffer } from './entry-buffer.ts'
import { type EntryLine, lineOf } from './entry-line.ts'
import { RateMeter } from './rate-meter.ts'

/** Why the list stands still. */
export type HoldReason = 'paused' | 'pointer' | 'scrolled' | 'cursor'

export interface FeedClock {
  now(): number
  /** Calls back when the next frame is drawn. */
  onFrame(callback: () => void): void
}

/** How much came, and what became of it. */
export interface FeedCounts {
  /** Lines of the list. */
  readonly shown: number
  /** Entries that reached this page. */
  readonly seen: number
  /** Of these, those that made room for newer ones. */
  readonly letGo: number
  /** Entries that matched and did not get here: who sends them, or this page, was behind. */
  readonly lost: number
  /** Entries behind the end of a list that stands still. */
  readonly fresh: number
  readonly perSecond: readonly number[]
}

/**
 * Entries as they come, and the list that is made of them. While something holds the list it stays as it is, and what comes
 * waits behind it. What comes in one frame is put in order together; who shows the list or the counts hears of it as often as
 * eyes can follow.
 */
export class TrafficFeed {
  readonly #clock: FeedClock
  readonly #buffer = new EntryBuffer()
  readonly #meter = new RateMeter()
  readonly #holds = new Set<HoldReason>()
  readonly list = new Changes()
  readonly numbers = new Changes()
  #isLive = true
  #pending: string[] = []
  #pendingLetters = 0
  #isFrameDue = false
  /** More has come than the list shows, and nothing holds it. */
  #isStale = false
  #held: readonly EntryLine[] | undefined
  #acceptedWhenHeld = 0
  #older: readonly EntryLine[] = []
  #lines: readonly EntryLine[] = this.#buffer.lines

  constructor(clock: FeedClock) {
    this.#clock = clock
  }

  /** Oldest first. While the list is not held it changes in place. */
  get lines(): readonly EntryLine[] {
    return this.#lines
  }

  /** How many of `lines` were loaded by going back: they came in front of what was seen. */
  get olderCount(): number {
    return this.#older.length
  }

  get holds(): ReadonlySet<HoldReason> {
    return this.#holds
  }

  get counts(): FeedCounts {
    const { letGo, lost } = this.#buffer
    return {
      shown: this.#lines.length,
      seen: this.#accepted + this.#pending.length,
      letGo,
      lost,
      fresh: this.#held === undefined ? 0 : this.#accepted - this.#acceptedWhenHeld,
      perSecond: this.#meter.history(this.#clock.now()),
    }
  }

  /** From the stream. */
  take(texts: readonly string[], dropped: number): void {
    this.#buffer.lost += dropped
    this.#meter.add(texts.length, this.#clock.now())
    for (const text of texts) {
      this.#pending.push(text)
      this.#pendingLetters += text.length
    }
    // A page in the background draws no frames, and must not pile up what comes.
    if (this.#pending.length > MOST_PENDING || this.#pendingLetters > MOST_PENDING_LETTERS) this.#work()
    this.#tellSoon()
  }

  /** What was kept before this page began to look. */
  addKept(texts: readonly string[]): void {
    this.#buffer.add(texts)
    if (this.#held?.length === 0) this.#holdNow()
    this.#relist()
  }

  /** What was kept before the first line; answers how many of them are new. */
  addOlder(texts: readonly string[]): number {
    const known = new Set(this.#lines.slice(0, OVERLAP).map(({ id }) => id))
    const lines = texts.flatMap((text) => lineOf(text) ?? []).filter(({ id }) => !known.has(id))
    this.#older = [...lines.sort((left, right) => left.at - right.at), ...this.#older]
    this.#relist()
    return lines.length
  }

  hold(reason: HoldReason): void {
    if (this.#holds.has(reason)) return
    this.#holds.add(reason)
    if (this.#held === undefined) this.#holdNow()
    this.#relist()
  }

  /** When nothing holds the list any more, it ends with the newest again, and what was loaded by going back is let go. */
  release(...reasons: readonly HoldReason[]): void {
    const before = this.#holds.size
    for (const reason of reasons) this.#holds.delete(reason)
    if (this.#holds.size === before) return
    if (this.#holds.size === 0) {
      this.#held = undefined
      if (this.#isLive) this.#older = []
    }
    this.#relist()
  }

  /** Another filter, or another time: all anew. A pause goes on. */
  begin(isLive: boolean): void {
    this.#isLive = isLive
    this.#buffer.clear()
    this.#meter.clear()
    this.#pending = []
    this.#pendingLetters = 0
    this.#older = []
    for (const reason of ['scrolled', 'cursor', 'pointer'] as const) this.#holds.delete(reason)
    this.#held = undefined
    if (this.#holds.size > 0) this.#holdNow()
    this.#relist()
  }

  get #accepted(): number {
    return this.#buffer.received - this.#buffer.repeated - this.#buffer.unreadable
  }

  #holdNow(): void {
    this.#held = this.#buffer.snapshot()
    this.#acceptedWhenHeld = this.#accepted
  }

  #relist(): void {
    const shown = this.#held ?? this.#buffer.lines
    this.#lines = this.#older.length === 0 ? shown : [...this.#older, ...shown]
    this.list.tell(this.#clock.now())
    this.numbers.tell(this.#clock.now())
  }

  #work(): void {
    const texts = this.#pending
    this.#pending = []
    this.#pendingLetters = 0
    if (texts.length === 0) return
    this.#buffer.add(texts)
    this.#isStale = this.#held === undefined
  }

  #tellSoon(): void {
    if (this.#isFrameDue) return
    this.#isFrameDue = true
    this.#clock.onFrame(() => this.#frame())
  }

  #frame(): void {
    this.#isFrameDue = false
    this.#work()
    const now = this.#clock.now()
    const pause = (this.#meter.history(now).at(-1) ?? 0) > FAST_PER_SECOND ? FAST_EVERY_MS : 0
    if (this.#isStale && now - this.list.toldAt >= pause) {
      this.#isStale = false
      this.list.tell(now)
    }
    const isCounted = now - this.numbers.toldAt >= COUNT_EVERY_MS
    if (isCounted) this.numbers.tell(now)
    if (this.#isStale || !isCounted) this.#tellSoon()
  }
}

/** Something that changes, for those who show it. */
export class Changes {
  readonly #listeners = new Set<() => void>()
  version = 0
  toldAt = Number.NEGATIVE_INFINITY

  tell(now: number): void {
    this.version++
    this.toldAt = now
    for (const listener of this.#listeners) listener()
  }

  /** Answers how to end it. */
  readonly listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly get = (): number => this.version
}

/** Lines among which what is loaded by going back may come again. */
const OVERLAP = 2000
const MOST_PENDING = 5000
const MOST_PENDING_LETTERS = 32 << 20
/** Beyond it nobody can follow, and the list is drawn less often. */
const FAST_PER_SECOND = 300
const FAST_EVERY_MS = 100
const COUNT_EVERY_MS = 250
