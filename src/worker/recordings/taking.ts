import { compileFilter } from '../../filter/index.ts'
import { mask } from '../../filter/mask.ts'
import type { EntryWriter, FilterSettings, StoredEntry } from '../../store/entries/entry-store.ts'
import type { ConnectionCopies } from './connection-copies.ts'

/** Where entries that are recorded go: into the store of the recording, and their connections to be copied. */
export class Taking {
  readonly #name: string
  readonly #redactions: readonly string[]
  readonly #writer: EntryWriter
  readonly #copies: ConnectionCopies

  constructor(
    plan: { readonly name: string; readonly filter: string },
    settings: FilterSettings,
    writer: EntryWriter,
    copies: ConnectionCopies,
  ) {
    this.#name = plan.name
    this.#redactions = compileFilter(plan.filter, { ...settings, now: Date.now() }).redactions
    this.#writer = writer
    this.#copies = copies
  }

  take(entries: readonly StoredEntry[]): void {
    for (const { atMs, json } of entries) {
      const entry: unknown = JSON.parse(json)
      if (typeof entry !== 'object' || entry === null) continue
      for (const path of this.#redactions) mask(entry, path)
      if ('stream' in entry && typeof entry.stream === 'string') this.#copies.follow(entry.stream)
      this.#writer.append(atMs, JSON.stringify({ ...entry, record: this.#name }))
    }
  }
}
