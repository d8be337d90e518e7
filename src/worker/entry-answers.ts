import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { EntryReader, StoredPage } from '../store/entries/entry-store.ts'
import { decode, encodeLines } from '../wire/codec.ts'
import { type EntriesAnswer, entriesQuery } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { Redact } from './live-queries.ts'
import { sizeOf, withinMessage } from './message-parts.ts'

export interface AnswerOptions {
  readonly bus: Bus
  /** Where the entries are that a query names; undefined when there are none here. */
  readonly readerOf: (source: string | undefined) => EntryReader | undefined
  readonly redact: Redact
  readonly node: string
  readonly dropped: () => Readonly<Record<string, number>>
}

/** Answers what hubs ask of the entries that this worker keeps. Answers how to stop. */
export function answerQueries({ bus, readerOf, redact, node, dropped }: AnswerOptions): () => void {
  const stop = new AbortController()
  const unsubscribe = bus.respond(SUBJECTS.entries(node), async (payload) => {
    const query = decode(entriesQuery, payload)
    if (query === undefined) throw new Mistake('E_REQUEST', 'this is no query for entries')
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(SLOWEST_MS)])
    const mostBytes = bus.mostBytes - ROOM
    const page = (await readerOf(query.source)?.page(query, { signal, mostBytes })) ?? NO_ENTRIES
    const shown = await redact(
      query.filter,
      page.entries.map(({ json }) => json),
    )
    const kept = page.entries.flatMap(({ atMs }, at) => {
      const text = shown[at]
      const start = page.starts[at]
      return text === null || text === undefined || start === undefined ? [] : [{ atMs, start, text }]
    })
    const sent = firstThatFit(kept, mostBytes)
    const answer: EntriesAnswer = {
      node,
      times: sent.map(({ atMs }) => atMs),
      starts: sent.map(({ start }) => start),
      cursor: kept[sent.length]?.start ?? page.cursor,
      scanned: page.scanned,
      dropped: dropped(),
    }
    return encodeLines(
      answer,
      sent.map(({ text }) => text),
    )
  })
  return () => {
    stop.abort()
    unsubscribe()
  }
}

interface Shown {
  readonly atMs: number
  readonly start: string
  readonly text: string
}

/** Letters may be several bytes, and agents may have added something. The first always fits. */
function firstThatFit(shown: readonly Shown[], mostBytes: number): readonly Shown[] {
  const fitting: Shown[] = []
  let bytes = 0
  for (const each of shown) {
    const text = withinMessage(each.text, mostBytes)
    bytes += sizeOf(text) + each.start.length + PLACE_BYTES
    if (fitting.length > 0 && bytes > mostBytes) break
    fitting.push({ ...each, text })
  }
  return fitting
}

const NO_ENTRIES: StoredPage = { entries: [], starts: [], cursor: null, scanned: 0 }
/** A query that takes longer is cut by whoever asked. */
const SLOWEST_MS = 30_000
/** Time and place of an entry in the header, beside the text of its cursor. */
const PLACE_BYTES = 24
/** For the rest of the header. */
const ROOM = 128 << 10
