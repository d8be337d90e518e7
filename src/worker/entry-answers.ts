import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { EntryReader } from '../store/entries/entry-store.ts'
import { decode, encodeLines } from '../wire/codec.ts'
import { type EntriesAnswer, entriesQuery } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { parts, type Redact } from './live-queries.ts'

export interface AnswerOptions {
  readonly bus: Bus
  readonly reader: EntryReader
  readonly redact: Redact
  readonly node: string
  readonly dropped: () => Readonly<Record<string, number>>
}

/** Answers what hubs ask of the entries that this worker keeps. Answers how to stop. */
export function answerQueries({ bus, reader, redact, node, dropped }: AnswerOptions): () => void {
  const stop = new AbortController()
  const unsubscribe = bus.respond(SUBJECTS.entries(node), async (payload) => {
    const query = decode(entriesQuery, payload)
    if (query === undefined) throw new Mistake('E_REQUEST', 'this is no query for entries')
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(SLOWEST_MS)])
    const mostBytes = bus.mostBytes - ROOM
    const page = await reader.page(query, { signal, mostBytes })
    const shown = await redact(
      query.filter,
      page.entries.map(({ json }) => json),
    )
    const kept = page.entries.flatMap(({ atMs }, at) => {
      const text = shown[at]
      return text === null || text === undefined ? [] : [{ atMs, text }]
    })
    const texts = parts(
      kept.map(({ text }) => text),
      mostBytes,
    ).flat()
    const answer: EntriesAnswer = {
      node,
      times: kept.map(({ atMs }) => atMs),
      cursor: page.cursor,
      scanned: page.scanned,
      dropped: dropped(),
    }
    return encodeLines(answer, texts)
  })
  return () => {
    stop.abort()
    unsubscribe()
  }
}

/** A query that takes longer is cut by whoever asked. */
const SLOWEST_MS = 30_000
/** For the header, and what onItemQueried adds. */
const ROOM = 128 << 10
