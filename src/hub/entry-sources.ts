import { Mistake } from '../mistake/mistake.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import type { OpenPackets } from '../wire/packets.ts'
import type { EntriesPage } from '../wire/views.ts'
import type { EntryStream } from './control.ts'

/** Entries beside those that workers keep now, such as those of a capture that somebody has uploaded. */
export interface EntrySource {
  /** What it shows has not been through `onItemQueried` of the agents: only those may see it who may see packets. */
  readonly isRaw?: boolean
  /** Entries that match, newest first. `name` is what stands behind the prefix; rejects with `E_NOT_FOUND` when there is none. */
  entries(name: string, query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage>
  /** Packets of its entries; absent where there are none. */
  packets?(name: string, signal: AbortSignal): Promise<SourcePackets>
}

/** Where packets of entries are found by what these say of their streams. */
export interface SourcePackets {
  open(streams: readonly EntryStream[]): Promise<OpenPackets>
}

/** What `source` of a query may name: a prefix, a colon, and a name that means something to the source itself. */
export class EntrySources {
  readonly #byPrefix = new Map<string, EntrySource>()

  /** Answers itself, so that sources can be added one after another. */
  add(prefix: string, source: EntrySource): this {
    this.#byPrefix.set(prefix, source)
    return this
  }

  isRaw(source: string): boolean {
    return this.#find(source).found.isRaw === true
  }

  async packets(source: string, signal: AbortSignal): Promise<SourcePackets> {
    const { found, name } = this.#find(source)
    if (found.packets !== undefined) return found.packets(name, signal)
    throw new Mistake('E_NOT_FOUND', `no packets are kept of ${source}`)
  }

  entries(source: string, query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage> {
    const { found, name } = this.#find(source)
    return found.entries(name, query, signal)
  }

  #find(source: string): { readonly found: EntrySource; readonly name: string } {
    const colon = source.indexOf(':')
    const found = this.#byPrefix.get(source.slice(0, Math.max(0, colon)))
    if (found !== undefined) return { found, name: source.slice(colon + 1) }
    const prefixes = [...this.#byPrefix.keys()].map((prefix) => `${prefix}:…`)
    throw new Mistake(
      'E_REQUEST',
      `there is no source of entries ${JSON.stringify(source.slice(0, LONGEST_SHOWN))}`,
      {
        hint: ['Leave it out for what workers keep', ...prefixes].join('; '),
      },
    )
  }
}

const LONGEST_SHOWN = 100
