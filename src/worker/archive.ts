import { Mistake } from '../mistake/mistake.ts'
import type { EntryReader, FollowedEntries } from '../store/entries/entry-store.ts'
import { pause } from '../waiting/pause.ts'
import type { Redact } from './live-queries.ts'

/** Where entries go that are to be kept for longer than a worker keeps them. */
export interface ArchiveSink {
  append(atMs: number, json: string): void
  close(): Promise<void>
}

export interface ArchiveOptions {
  readonly reader: EntryReader
  readonly redact: Redact
  readonly sink: ArchiveSink
}

/**
 * Sends every entry that this worker keeps to an archive as well, as onItemQueried of every agent leaves it: what is redacted
 * does not leave the node. What the way there has no time for is counted.
 */
export class Archive {
  readonly #options: ArchiveOptions
  readonly #abort = new AbortController()
  readonly #running: Promise<void>
  /** Entries that came too fast. */
  dropped = 0
  /** Entries that agents have hidden. */
  hidden = 0

  constructor(options: ArchiveOptions, failed: (error: unknown) => void) {
    this.#options = options
    this.#running = this.#run().catch((error: unknown) => {
      if (!this.#abort.signal.aborted) failed(error)
    })
  }

  async close(): Promise<void> {
    this.#abort.abort()
    await this.#running
    await this.#options.sink.close()
  }

  async #run(): Promise<void> {
    const { reader, sink } = this.#options
    for await (const found of reader.follow('', this.#abort.signal)) {
      this.dropped += found.dropped
      const texts = await this.#redacted(found)
      for (const [at, { atMs }] of found.entries.entries()) {
        const text = texts[at]
        if (text === undefined || text === null) this.hidden++
        else sink.append(atMs, text)
      }
    }
  }

  /** Agents that may hide something may not be there yet, or not at the moment. */
  async #redacted({ entries }: FollowedEntries): Promise<readonly (string | null)[]> {
    const { signal } = this.#abort
    const texts = entries.map(({ json }) => json)
    for (;;)
      try {
        return await this.#options.redact('', texts)
      } catch (error) {
        if (!(error instanceof Mistake) || signal.aborted) throw error
        await pause(AGAIN_MS, signal)
      }
  }
}

const AGAIN_MS = 500
