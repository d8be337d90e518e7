import {
  type CaptureOptions,
  type Losses,
  openCapture,
  type PacketSource,
  type Progress,
  type Skipped,
} from '../capture/index.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { PacketBatch } from '../packet/batch.ts'

/**
 * A source of packets that can begin again with another filter, where it captures live. Its books are those of all captures
 * together. What happens between the end of one and the beginning of the next is not captured.
 */
export class SourceInTurn {
  readonly #told: (filter: string, complaint: string | undefined) => void
  #options: CaptureOptions
  #source: PacketSource
  #end = new AbortController()
  #stopped = false
  #next: string | undefined
  /** Of those that have ended. */
  #before: Books = { bytesRead: 0, losses: {}, skipped: undefined, problems: [] }

  /** `told` hears with which filter a capture goes on, and what was wrong with another. Throws as `openCapture` does. */
  constructor(options: CaptureOptions, told: (filter: string, complaint: string | undefined) => void) {
    this.#told = told
    this.#options = options
    this.#source = openCapture(options)
  }

  get description(): string {
    return this.#source.description
  }

  get live(): boolean {
    return this.#source.live
  }

  get progress(): Progress {
    const { bytesRead, totalBytes } = this.#source.progress
    return { bytesRead: this.#before.bytesRead + bytesRead, totalBytes }
  }

  losses(): Losses {
    return sumOf(this.#before.losses, this.#source.losses())
  }

  get skipped(): Skipped {
    const { skipped } = this.#before
    return skipped === undefined ? this.#source.skipped : sumOf(skipped, this.#source.skipped)
  }

  get problems(): readonly string[] {
    return [...this.#before.problems, ...this.#source.problems]
  }

  async *packets(): AsyncGenerator<PacketBatch, void, void> {
    yield* this.#source.packets(this.#end.signal)
    while (this.#next !== undefined && !this.#stopped) yield* this.#again(this.#next)
  }

  /** Of a capture file: nothing happens. */
  refilter(filter: string): void {
    if ('path' in this.#options || (this.#options.filter ?? '') === filter) return
    this.#next = filter
    this.#end.abort()
  }

  stop(): void {
    this.#stopped = true
    this.#end.abort()
  }

  async *#again(filter: string): AsyncGenerator<PacketBatch, void, void> {
    const before = this.#options
    try {
      this.#take({ ...before, filter })
      yield* this.#source.packets(this.#end.signal)
    } catch (error) {
      // It was looked at before: what is in the way now may be in the way of any filter.
      if (!(error instanceof Mistake) || 'path' in before) throw error
      this.#told(before.filter ?? '', error.message)
      this.#take(before)
      yield* this.#source.packets(this.#end.signal)
    }
  }

  #take(options: CaptureOptions): void {
    const { progress, problems } = this.#source
    this.#before = {
      bytesRead: this.#before.bytesRead + progress.bytesRead,
      losses: this.losses(),
      skipped: this.skipped,
      problems: [...this.#before.problems, ...problems],
    }
    this.#next = undefined
    this.#end = new AbortController()
    this.#options = options
    this.#source = openCapture(
      'path' in options
        ? options
        : { ...options, onStart: () => this.#told(options.filter ?? '', undefined) },
    )
    if (this.#stopped) this.#end.abort()
  }
}

interface Books {
  readonly bytesRead: number
  readonly losses: Losses
  readonly skipped: Skipped | undefined
  readonly problems: readonly string[]
}

function sumOf<Counts extends Losses | Skipped>(a: Counts, b: Counts): Counts {
  const counts: Record<string, number> = { ...a }
  for (const [name, count] of Object.entries(b)) counts[name] = (counts[name] ?? 0) + count
  return counts as Counts
}
