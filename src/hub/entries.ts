import { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decodeLines, encode, isJson } from '../wire/codec.ts'
import { type EntriesQuery, entriesAnswer } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { EntriesPage } from '../wire/views.ts'

const cursorSchema = z.object({
  /** Entries on the pages before. */
  shown: z.number().int().nonnegative(),
  /** Of each worker where its part goes on; "" at its beginning, null when there is no more. */
  places: z.record(z.string(), z.string().nullable()),
})
/** Where a page ended. */
interface Cursor {
  readonly shown: number
  readonly places: ReadonlyMap<string, string | null>
}

/**
 * Entries of all workers as one list, newest first. A worker that does not answer in time is named, and its entries are
 * missing; a page after this one asks it again. `most` is how many there are on all pages.
 */
export async function queryWorkers(
  bus: Pick<Bus, 'request'>,
  workers: readonly string[],
  query: EntriesQuery,
  { signal, most }: { readonly signal: AbortSignal; readonly most: number },
): Promise<EntriesPage> {
  const { shown, places: start } = readCursor(query.cursor)
  const asked = workers.filter((worker) => start.get(worker) !== null)
  const parts = await Promise.all(
    asked.map((worker) => Part.open({ bus, worker, query, signal }, start.get(worker) ?? '')),
  )
  const entries = await merged(parts, Math.min(query.limit, most - shown))
  const places = new Map([...start, ...parts.map(({ worker, place }) => [worker, place] as const)])
  const gone = [...start.keys()].filter((worker) => start.get(worker) !== null && !workers.includes(worker))
  const missing = [...parts.filter(({ isMissing }) => isMissing).map(({ worker }) => worker), ...gone]
  // Who reads on until there is no more must come to an end, also when a worker never answers again.
  const isOver =
    shown + entries.length >= most ||
    [...places].every(
      ([worker, place]) => place === null || (entries.length === 0 && missing.includes(worker)),
    )
  return {
    entries,
    cursor: isOver ? null : writeCursor({ shown: shown + entries.length, places }),
    scanned: parts.reduce((sum, { scanned }) => sum + scanned, 0),
    missing,
  }
}

async function merged(parts: readonly Part[], limit: number): Promise<string[]> {
  const entries: string[] = []
  let letters = 0
  while (entries.length < limit && letters <= MOST_PAGE_LETTERS) {
    const next = newest(parts)
    if (next === undefined) break
    const json = next.take()
    entries.push(json)
    letters += json.length
    // Nothing of this worker is older than what others have until it has answered again.
    if (next.isEmpty && entries.length < limit) await next.more()
  }
  return entries
}

interface PartOptions {
  readonly bus: Pick<Bus, 'request'>
  readonly worker: string
  readonly query: EntriesQuery
  readonly signal: AbortSignal
}

/** What one worker has of a page. */
class Part {
  readonly #options: PartOptions
  #answer: Answer = NOTHING
  #used = 0
  /** Where the next answer begins; null: there is no more. */
  #next: string | null
  scanned = 0
  isMissing = false
  readonly #until = performance.now() + LONGEST_MS

  static async open(options: PartOptions, from: string): Promise<Part> {
    const part = new Part(options, from)
    await part.more()
    return part
  }

  private constructor(options: PartOptions, from: string) {
    this.#options = options
    this.#next = from
  }

  get worker(): string {
    return this.#options.worker
  }

  get isEmpty(): boolean {
    return this.#used >= this.#answer.texts.length
  }

  get time(): number {
    return this.#answer.header.times[this.#used] ?? Number.NEGATIVE_INFINITY
  }

  /** Where a page goes on behind what was taken, whatever the worker gets meanwhile. */
  get place(): string | null {
    return this.#answer.header.starts[this.#used] ?? this.#next
  }

  take(): string {
    return this.#answer.texts[this.#used++] ?? ''
  }

  /** The answer at hand is used up: asks for what comes behind it. Answers may be cut anywhere, also before the first entry. */
  async more(): Promise<void> {
    while (this.isEmpty && this.#next !== null && !this.isMissing) {
      const answer = await this.#ask(this.#next).catch(missing)
      // One that goes on where it was, or says nothing for ever, is as good as gone.
      const isStuck = answer?.header.cursor === this.#next || performance.now() > this.#until
      this.isMissing = answer === undefined || isStuck
      if (answer === undefined || this.isMissing) return
      this.scanned += answer.header.scanned
      this.#answer = answer
      this.#used = 0
      this.#next = answer.header.cursor
    }
  }

  async #ask(from: string): Promise<Answer> {
    const { bus, worker, signal } = this.#options
    const { cursor: _, ...query } = this.#options.query
    const asked = encode(from === '' ? query : { ...query, cursor: from })
    return readAnswer(await bus.request(SUBJECTS.entries(worker), asked, { timeoutMs: ANSWER_MS, signal }))
  }
}

interface Answer {
  readonly header: {
    readonly times: readonly number[]
    readonly starts: readonly string[]
    readonly cursor: string | null
    readonly scanned: number
  }
  readonly texts: readonly string[]
}

function readAnswer(payload: Uint8Array): Answer {
  const answer = decodeLines(entriesAnswer, payload)
  const count = answer?.texts.length
  if (
    answer === undefined ||
    answer.header.times.length !== count ||
    answer.header.starts.length !== count ||
    // One that is no JSON would spoil the page, with what all others have answered.
    !answer.texts.every(isJson)
  )
    throw new Mistake('E_BUS_NO_ANSWER', 'a worker answered with what is no page of entries')
  return answer
}

/** A worker that is gone, or whose answer makes no sense. What the query got wrong is for who asked. */
function missing(error: unknown): undefined {
  if (error instanceof Mistake && ['E_BUS_NO_ANSWER', 'E_BUS', 'E_STORE', 'E_SANDBOX'].includes(error.code))
    return undefined
  throw error
}

function newest(parts: readonly Part[]): Part | undefined {
  let found: Part | undefined
  for (const part of parts) if (!part.isEmpty && (found === undefined || part.time > found.time)) found = part
  return found
}

function writeCursor({ shown, places }: Cursor): string {
  return Buffer.from(JSON.stringify({ shown, places: Object.fromEntries(places) })).toString('base64url')
}

function readCursor(text: string | undefined): Cursor {
  if (text === undefined || text === '') return { shown: 0, places: new Map() }
  try {
    const { shown, places } = cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    return { shown, places: new Map(Object.entries(places)) }
  } catch {
    throw new Mistake('E_REQUEST', 'the cursor is none that a page has given', {
      hint: 'leave it out to begin with the newest entries',
    })
  }
}

const NOTHING: Answer = { header: { times: [], starts: [], cursor: null, scanned: 0 }, texts: [] }
/** As long as people wait for a page. */
const ANSWER_MS = 5000
/** Of one worker for one page. */
const LONGEST_MS = 60_000
/** Of a page; it goes on behind its cursor. */
const MOST_PAGE_LETTERS = 32 << 20
