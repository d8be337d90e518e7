import type { Truth } from '../../src/testing/corpus.ts'
import type { ReadCapture } from '../../src/testing/read-capture.ts'

/** What we and the truth say of one protocol in one capture: how often each thing was seen, by what it is. */
export interface Compared {
  readonly what: string
  readonly ours: Counts
  readonly theirs: Counts
}

/** Compares one protocol; nothing where the truth does not speak of it. */
export type Comparison = (seen: Seen, truth: Truth) => readonly Compared[]

export type Counts = Readonly<Record<string, number>>
export type Fields = Readonly<Record<string, unknown>>
/** A list of messages as the truth files have it. */
export type Rows = { readonly rows: readonly (readonly unknown[])[] } | undefined

/** Our entries of a capture, by protocol. */
export class Seen {
  readonly #read: ReadCapture

  constructor(read: ReadCapture) {
    this.#read = read
  }

  /** Of dissectors so called, as `data.request` has them. */
  requests(...dissectors: readonly string[]): Fields[] {
    return this.#of(dissectors).flatMap(({ request }) => (request === null ? [] : [request as Fields]))
  }

  responses(...dissectors: readonly string[]): Fields[] {
    return this.#of(dissectors).flatMap(({ response }) => (response === null ? [] : [response as Fields]))
  }

  /** Of items that are neither request nor reply. */
  data(...dissectors: readonly string[]): Fields[] {
    return this.#of(dissectors).flatMap(({ data }) => (data === null ? [] : [data as Fields]))
  }

  #of(dissectors: readonly string[]) {
    return this.#read.exchanges.filter(({ dissector }) => dissectors.includes(dissector.name))
  }
}

export function tally(keys: readonly string[]): Counts {
  const counts: Record<string, number> = {}
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1
  return counts
}
