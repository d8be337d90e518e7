import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decodeLines, encode } from '../wire/codec.ts'
import { type EntriesQuery, entriesAnswer } from '../wire/entries.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import type { EntriesPage } from '../wire/views.ts'

/** Where a page ended: for each worker, where its part began and how much of it was used. */
type Cursor = ReadonlyMap<string, Place>
type Place = readonly [cursor: string | null, used: number]

/**
 * Entries of all workers as one list, newest first. A worker that does not answer in time is named, and its entries are
 * missing; a page after this one asks it again.
 */
export async function queryWorkers(
  bus: Bus,
  workers: readonly string[],
  query: EntriesQuery,
  signal: AbortSignal,
): Promise<EntriesPage> {
  const start = readCursor(query.cursor)
  const asked = workers.filter((worker) => start.get(worker)?.[0] !== null)
  const parts = await Promise.all(
    asked.map((worker) => Part.open(bus, worker, query, start.get(worker) ?? ['', 0], signal)),
  )
  const entries: string[] = []
  let bytes = 0
  for (;;) {
    const next = newest(parts)
    if (next === undefined || entries.length >= query.limit || bytes > MOST_PAGE_BYTES) break
    const json = next.take()
    entries.push(json)
    bytes += json.length
    // Nothing of this worker is older than what others have until it has answered again.
    if (next.isEmpty) await next.more()
  }
  const cursor = new Map([...start, ...parts.map(({ worker, place }) => [worker, place] as const)])
  const isOver = [...cursor.values()].every(([at]) => at === null)
  return {
    entries,
    cursor: isOver ? null : writeCursor(cursor),
    scanned: parts.reduce((sum, { scanned }) => sum + scanned, 0),
    missing: parts.filter(({ isMissing }) => isMissing).map(({ worker }) => worker),
  }
}

/** What one worker has of a page. */
class Part {
  readonly worker: string
  readonly #ask: (cursor: string, limit: number) => Promise<Answer>
  readonly #limit: number
  /** Where the answer at hand began; null: there is no more. */
  #from: string | null
  #next: string | null = ''
  #used = 0
  #times: readonly number[] = []
  #texts: readonly string[] = []
  scanned = 0
  isMissing = false
  readonly #until = performance.now() + LONGEST_MS

  static async open(
    bus: Bus,
    worker: string,
    query: EntriesQuery,
    [cursor, used]: Place,
    signal: AbortSignal,
  ): Promise<Part> {
    const part = new Part(bus, worker, query, cursor, signal)
    await part.#fetch(used)
    return part
  }

  private constructor(
    bus: Bus,
    worker: string,
    query: EntriesQuery,
    cursor: string | null,
    signal: AbortSignal,
  ) {
    this.worker = worker
    this.#from = cursor
    this.#limit = query.limit
    this.#ask = async (at, limit) => {
      const { cursor: _, ...rest } = query
      const asked = encode({ ...rest, limit, ...(at === '' ? {} : { cursor: at }) })
      return readAnswer(await bus.request(SUBJECTS.entries(worker), asked, { timeoutMs: ANSWER_MS, signal }))
    }
  }

  get isEmpty(): boolean {
    return this.#used >= this.#texts.length
  }

  get time(): number {
    return this.#times[this.#used] ?? Number.NEGATIVE_INFINITY
  }

  get place(): Place {
    if (this.isMissing || !this.isEmpty) return [this.#from, this.#used]
    return [this.#next, 0]
  }

  take(): string {
    return this.#texts[this.#used++] as string
  }

  /** The answer at hand is used up: asks for what comes behind it. */
  async more(): Promise<void> {
    if (this.#next === null) return
    this.#from = this.#next
    await this.#fetch(0)
  }

  async #fetch(used: number): Promise<void> {
    let skip = used
    // A worker cuts its answers where they get too long, or take too long.
    while (this.#from !== null) {
      const answer = await this.#ask(this.#from, Math.min(this.#limit + skip, MOST_LIMIT)).catch(missing)
      // One that goes on where it was, or says nothing for ever, is as good as gone.
      const isStuck = answer?.header.cursor === this.#from || performance.now() > this.#until
      if (answer === undefined || isStuck) {
        this.isMissing = true
        this.#texts = []
        this.#used = skip
        return
      }
      this.scanned += answer.header.scanned
      this.#times = answer.header.times
      this.#texts = answer.texts
      this.#next = answer.header.cursor
      this.#used = Math.min(skip, this.#texts.length)
      if (!this.isEmpty || this.#next === null) return
      skip -= this.#used
      this.#from = this.#next
    }
  }
}

interface Answer {
  readonly header: { times: number[]; cursor: string | null; scanned: number }
  readonly texts: readonly string[]
}

function readAnswer(payload: Uint8Array): Answer {
  const answer = decodeLines(entriesAnswer, payload)
  // One line that is no JSON would spoil the page, with what all others have answered.
  if (
    answer === undefined ||
    answer.texts.length !== answer.header.times.length ||
    !answer.texts.every(isJson)
  )
    throw new Mistake('E_BUS_NO_ANSWER', 'a worker answered with what is no page of entries')
  return answer
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** A worker that is gone, or whose answer makes no sense. What the query got wrong is for who asked. */
function missing(error: unknown): undefined {
  if (error instanceof Mistake && ['E_BUS_NO_ANSWER', 'E_BUS', 'E_STORE'].includes(error.code))
    return undefined
  throw error
}

function newest(parts: readonly Part[]): Part | undefined {
  let found: Part | undefined
  for (const part of parts) if (!part.isEmpty && (found === undefined || part.time > found.time)) found = part
  return found
}

function writeCursor(cursor: Cursor): string {
  return Buffer.from(JSON.stringify(Object.fromEntries(cursor))).toString('base64url')
}

function readCursor(text: string | undefined): Cursor {
  if (text === undefined || text === '') return new Map()
  try {
    const read: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    const places = Object.entries(read as Record<string, unknown>)
    if (places.every(([, place]) => isPlace(place))) return new Map(places) as Cursor
  } catch {
    // Told below.
  }
  throw new Mistake('E_REQUEST', 'the cursor is none that a page has given', {
    hint: 'leave it out to begin with the newest entries',
  })
}

function isPlace(place: unknown): boolean {
  if (!Array.isArray(place) || place.length !== 2) return false
  const [cursor, used] = place as unknown[]
  return (cursor === null || typeof cursor === 'string') && Number.isInteger(used) && (used as number) >= 0
}

const ANSWER_MS = 5000
/** Of one worker for one page. */
const LONGEST_MS = 60_000
const MOST_LIMIT = 10_000
/** Letters of a page; it goes on behind its cursor. */
const MOST_PAGE_BYTES = 32 << 20
