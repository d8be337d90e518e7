import { Mistake } from '../mistake/mistake.ts'
import type { PacketBatch } from '../packet/batch.ts'
import { pause } from '../waiting/pause.ts'
import { openFile } from './file.ts'
import type { Losses, PacketSource, Progress, Skipped } from './source.ts'

/** The clock that a replay goes by. */
export interface ReplayClock {
  /** ms since the epoch. */
  now(): number
  /** Resolves after so long, or when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>
}

/**
 * A capture file that is read again and again, until it is told to stop, as if it happened now: packets come at the pace
 * of their timestamps, and have the time at which they come. Nobody wants to sit through a silence: of one that is longer
 * than a second, a second is left. Each round begins with a batch that says so (`anew`).
 */
export function openReplay(path: string, clock: ReplayClock = SYSTEM_CLOCK): PacketSource {
  if (path === '-')
    throw new Mistake('E_USAGE', 'standard input can be read once, not again and again', {
      hint: 'Save the capture in a file, and name that.',
    })
  return new Replay(path, clock)
}

class Replay implements PacketSource {
  readonly description: string
  readonly live = true
  readonly #path: string
  readonly #clock: ReplayClock
  readonly #pace: Pace
  /** Of rounds that are over; what the file has of these it has in every round. */
  #bytesRead = 0
  readonly #losses: Record<string, number> = {}
  readonly #skipped: Skipped = { ...NOTHING_SKIPPED }
  readonly #problems = new Set<string>()
  #round: PacketSource
  #begun = false

  constructor(path: string, clock: ReplayClock) {
    this.description = `file ${path}, again and again`
    this.#path = path
    this.#clock = clock
    this.#pace = new Pace(clock)
    this.#round = openFile(path)
  }

  packets(signal: AbortSignal): AsyncIterable<PacketBatch> {
    if (this.#begun) throw new Error(`${this.description} is read already`)
    this.#begun = true
    return this.#rounds(signal)
  }

  get progress(): Progress {
    return { bytesRead: this.#bytesRead + this.#round.progress.bytesRead, totalBytes: 0 }
  }

  losses(): Losses {
    return sum(this.#losses, this.#round.losses())
  }

  get skipped(): Skipped {
    return sum(this.#skipped, this.#round.skipped)
  }

  get problems(): readonly string[] {
    return [...new Set([...this.#problems, ...this.#round.problems])]
  }

  async *#rounds(signal: AbortSignal): AsyncGenerator<PacketBatch, void, void> {
    for (let isFirst = true; ; isFirst = false) {
      let count = 0
      for await (const batch of this.#packetsOf(this.#round, signal)) {
        yield count === 0 && !isFirst ? { ...batch, anew: true } : batch
        count += batch.count
      }
      if (count === 0) this.#problems.add(`there are no packets in ${this.#path}`)
      if (count === 0 || signal.aborted) return
      await this.#clock.pause(BETWEEN_ROUNDS_MS, signal)
      if (signal.aborted || !this.#beginAnew()) return
    }
  }

  /** False when the file is gone, or has become something else. */
  #beginAnew(): boolean {
    const over = this.#round
    try {
      this.#round = openFile(this.#path)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      this.#problems.add(error.message)
      return false
    }
    this.#bytesRead += over.progress.bytesRead
    Object.assign(this.#losses, sum(this.#losses, over.losses()))
    Object.assign(this.#skipped, sum(this.#skipped, over.skipped))
    for (const problem of over.problems) this.#problems.add(problem)
    this.#pace.beginAnew()
    return true
  }

  /** Packets of a source, each when it is due. */
  async *#packetsOf(source: PacketSource, signal: AbortSignal): AsyncGenerator<PacketBatch, void, void> {
    for await (const batch of source.packets(signal)) {
      const times = { seconds: new Float64Array(batch.count), nanos: new Uint32Array(batch.count) }
      let from = 0
      for (let at = 0; at < batch.count; at++) {
        const early = this.#pace.next(batch.seconds[at] as number, batch.nanos[at] as number)
        if (early > 0) {
          if (at > from) yield part(batch, times, from, at)
          from = at
          await this.#clock.pause(Math.max(early, SHORTEST_PAUSE_MS), signal)
          if (signal.aborted) return
        }
        this.#pace.catchUp()
        times.seconds[at] = this.#pace.seconds
        times.nanos[at] = this.#pace.nanos
      }
      if (batch.count > from) yield part(batch, times, from, batch.count)
    }
  }
}

/** When packets are due: as far apart as they were captured, but for silences. */
class Pace {
  /** Of the last packet that was asked about. */
  seconds = 0
  nanos = 0
  readonly #clock: ReplayClock
  #captured: { readonly seconds: number; readonly nanos: number } | undefined

  constructor(clock: ReplayClock) {
    this.#clock = clock
  }

  /** The next packet is due now. */
  beginAnew(): void {
    this.#captured = undefined
  }

  /** How many ms are left until the packet is due that was captured at that time. */
  next(seconds: number, nanos: number): number {
    const before = this.#captured
    this.#captured = { seconds, nanos }
    if (before === undefined) this.#moveToNow()
    else this.#add((seconds - before.seconds) * 1e9 + nanos - before.nanos)
    return this.#dueMs - this.#clock.now()
  }

  /** The machine slept, or nobody took packets: what is late goes on from now, instead of all at once. */
  catchUp(): void {
    if (this.#clock.now() - this.#dueMs > LATEST_MS) this.#moveToNow()
  }

  /** Captures may be a little out of order; one that goes back further was put together of several. */
  #add(apart: number): void {
    const kept = apart < -LONGEST_SILENCE ? 0 : Math.min(apart, LONGEST_SILENCE)
    const nanos = this.nanos + kept
    this.seconds += Math.floor(nanos / 1e9)
    this.nanos = nanos - Math.floor(nanos / 1e9) * 1e9
  }

  #moveToNow(): void {
    const now = this.#clock.now()
    this.seconds = Math.floor(now / 1000)
    this.nanos = Math.floor((now % 1000) * 1e6)
  }

  get #dueMs(): number {
    return this.seconds * 1000 + this.nanos / 1e6
  }
}

/** Some packets of a batch, at other times. */
function part(
  batch: PacketBatch,
  { seconds, nanos }: Pick<PacketBatch, 'seconds' | 'nanos'>,
  from: number,
  to: number,
): PacketBatch {
  return {
    bytes: batch.bytes,
    count: to - from,
    offsets: batch.offsets.subarray(from, to),
    captured: batch.captured.subarray(from, to),
    lengths: batch.lengths.subarray(from, to),
    seconds: seconds.subarray(from, to),
    nanos: nanos.subarray(from, to),
    interfaceIds: batch.interfaceIds.subarray(from, to),
    interfaces: batch.interfaces,
  }
}

function sum<T extends Readonly<Record<string, number>>>(a: T, b: Readonly<Record<string, number>>): T {
  const added = Object.entries(b).map(([key, value]) => [key, (a[key] ?? 0) + value])
  return { ...a, ...Object.fromEntries(added) }
}

const SYSTEM_CLOCK: ReplayClock = { now: Date.now, pause }
const NOTHING_SKIPPED: Skipped = {
  ...{ truncated: 0, absurdLength: 0, damagedBlock: 0, unknownBlock: 0, unknownInterface: 0 },
}
/** ns. */
const LONGEST_SILENCE = 1e9
const BETWEEN_ROUNDS_MS = 1000
/** Timers are no finer, and packets travel better together. */
const SHORTEST_PAUSE_MS = 5
const LATEST_MS = 1000
