import { stripVTControlCharacters, styleText } from 'node:util'
import { type DestinationStream, pino } from 'pino'
import { redacted, redactedText } from './redact.ts'

export const LOG_LEVELS = ['debug', 'info', 'warning', 'error'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]
export type LogFields = Readonly<Record<string, unknown>>

/** One event, as it was written: already without secrets. */
export interface LogRecord {
  /** RFC 3339 */
  readonly time: string
  readonly level: LogLevel
  readonly component: string
  readonly node: string
  readonly msg: string
  readonly fields: LogFields
}

export interface LogOptions {
  readonly level: LogLevel
  readonly component: 'worker' | 'hub'
  readonly node: string
  /** Standard error by default. On a terminal lines are for people, elsewhere they are JSON. */
  readonly stream?: DestinationStream & { readonly isTTY?: boolean }
  readonly now?: () => number
}

/**
 * What a program says of itself: one line an event. The same message again and again is said a few times and then counted
 * (`repeated`). Who listens hears each line that is written, but none that comes of its listening.
 */
export interface Log {
  debug(msg: string, fields?: LogFields): void
  info(msg: string, fields?: LogFields): void
  warning(msg: string, fields?: LogFields): void
  error(msg: string, fields?: LogFields): void
  /** The same log for what comes of listening to it (an `onLogCall` that fails): listeners do not hear it. */
  readonly aside: Log
  /** Called with each line, a hundred a second at most; answers how to stop. */
  onLine(listener: (record: LogRecord) => void): () => void
  /** The most recent lines, oldest first. */
  last(most?: number): readonly LogRecord[]
  /** Lines that were not written since they repeat others, and those that listeners did not get. */
  readonly dropped: Readonly<Record<'repeated' | 'unheard', number>>
  /** Says what was held back. */
  close(): void
}

export function openLog(options: LogOptions): Log {
  return new Book(options).log
}

type Write = (level: LogLevel, msg: string, fields?: LogFields) => void

class Book {
  readonly log: Log
  readonly #options: LogOptions
  readonly #write: (record: LogRecord) => void
  readonly #least: number
  readonly #recent: LogRecord[] = []
  readonly #listeners = new Set<(record: LogRecord) => void>()
  readonly #repeats = new Map<string, Repeat>()
  readonly #dropped = { repeated: 0, unheard: 0 }
  #isTelling = false
  #told = { second: 0, count: 0 }
  #sweep: NodeJS.Timeout | undefined

  constructor(options: LogOptions) {
    const stream = options.stream ?? process.stderr
    this.#options = options
    this.#least = LOG_LEVELS.indexOf(options.level)
    this.#write = stream.isTTY === true ? (record) => stream.write(forPeople(record)) : asJson(stream)
    this.log = this.#face((level, msg, fields) => this.#take(level, msg, fields, true))
  }

  #face(write: Write): Log {
    const book = this
    return {
      debug: (msg, fields) => write('debug', msg, fields),
      info: (msg, fields) => write('info', msg, fields),
      warning: (msg, fields) => write('warning', msg, fields),
      error: (msg, fields) => write('error', msg, fields),
      get aside() {
        return book.#face((level, msg, fields) => book.#take(level, msg, fields, false))
      },
      onLine: (listener) => {
        this.#listeners.add(listener)
        return () => this.#listeners.delete(listener)
      },
      last: (most = MOST_RECENT) => this.#recent.slice(-most),
      dropped: this.#dropped,
      close: () => this.#close(),
    }
  }

  #take(level: LogLevel, msg: string, fields: LogFields = {}, isHeard = true): void {
    if (LOG_LEVELS.indexOf(level) < this.#least) return
    if (this.#isRepeated(level, msg, isHeard)) {
      this.#dropped.repeated++
      return
    }
    this.#say(level, msg, fields, isHeard)
  }

  #say(level: LogLevel, msg: string, fields: LogFields, isHeard: boolean): void {
    const { component, node } = this.#options
    const record = {
      ...{ time: new Date(this.#now).toISOString(), level, component, node },
      msg: redactedText(msg),
      fields: redacted(fields),
    }
    this.#recent.push(record)
    if (this.#recent.length > MOST_RECENT) this.#recent.shift()
    this.#write(record)
    if (isHeard) this.#tell(record)
  }

  /** A listener that logs, and one that throws, must not be told of that. */
  #tell(record: LogRecord): void {
    if (this.#isTelling || this.#listeners.size === 0) return
    const second = Math.floor(this.#now / 1000)
    if (this.#told.second !== second) this.#told = { second, count: 0 }
    if (++this.#told.count > MOST_TOLD_PER_SECOND) {
      this.#dropped.unheard++
      return
    }
    this.#isTelling = true
    try {
      for (const listener of this.#listeners) listener(record)
    } catch {
      this.#dropped.unheard++
    } finally {
      this.#isTelling = false
    }
  }

  #isRepeated(level: LogLevel, msg: string, isHeard: boolean): boolean {
    const key = `${level} ${msg}`
    const known = this.#repeats.get(key)
    if (known === undefined) {
      // So many different messages do not repeat.
      if (this.#repeats.size < MOST_REPEATS)
        this.#repeats.set(key, { level, msg, isHeard, since: this.#now, said: 1, held: 0 })
      this.#sweep ??= setInterval(() => this.#tellRepeats(false), REPEAT_MS).unref()
      return false
    }
    if (known.said < SAID_AT_MOST) {
      known.said++
      return false
    }
    known.held++
    return true
  }

  #tellRepeats(all: boolean): void {
    for (const [key, { level, msg, isHeard, since, held }] of this.#repeats) {
      if (!all && this.#now - since < REPEAT_MS) continue
      this.#repeats.delete(key)
      if (held > 0) this.#say(level, msg, { repeated: held }, isHeard)
    }
    if (this.#repeats.size > 0) return
    clearInterval(this.#sweep)
    this.#sweep = undefined
  }

  #close(): void {
    this.#tellRepeats(true)
  }

  get #now(): number {
    return this.#options.now?.() ?? Date.now()
  }
}

interface Repeat {
  readonly level: LogLevel
  readonly msg: string
  readonly isHeard: boolean
  readonly since: number
  said: number
  held: number
}

function asJson(stream: DestinationStream): (record: LogRecord) => void {
  const logger = pino(
    {
      base: null,
      timestamp: false,
      level: 'debug',
      customLevels: { debug: 20, info: 30, warning: 40, error: 50 },
      useOnlyCustomLevels: true,
      formatters: { level: (level) => ({ level }) },
    },
    stream,
  )
  return ({ time, level, component, node, msg, fields }) =>
    logger[level]({ time, component, node, msg, ...withoutOurs(fields) })
}

/** Fields named like those of each line get another name, so that a line has each once. */
function withoutOurs(fields: LogFields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, each]) => [OURS.has(name) ? `${name}_` : name, each]),
  )
}

function forPeople({ time, level, msg, fields }: LogRecord): string {
  const told = Object.entries(fields).map(
    ([name, each]) => `${name}=${typeof each === 'string' ? each : JSON.stringify(each)}`,
  )
  const text = stripVTControlCharacters([msg, ...told].join(' ')).replaceAll('\n', ' ')
  return `${styleText('dim', time.slice(11, 19))} ${styleText(COLOURS[level], level.padEnd(7))} ${text}\n`
}

const COLOURS = { debug: 'dim', info: 'green', warning: 'yellow', error: 'red' } as const
const OURS: ReadonlySet<string> = new Set(['time', 'level', 'component', 'node', 'msg'])
const MOST_RECENT = 1000
/** Of one message, in ten seconds. */
const SAID_AT_MOST = 5
const REPEAT_MS = 10_000
const MOST_REPEATS = 1000
const MOST_TOLD_PER_SECOND = 100
