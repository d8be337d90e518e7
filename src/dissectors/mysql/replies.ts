import { u8 } from '../../bytes/read.ts'
import { latin1, textOf } from '../../bytes/text.ts'
import { commandName } from './commands.ts'
import { Cursor } from './cursor.ts'
import type { ResultSet } from './results.ts'
import type { Text } from './values.ts'

/** What a server answers, filled in while it is read; texts are made when somebody asks for them. */
export class Reply {
  /** What it answers. */
  readonly code: number
  success = false
  errorCode = 0
  affectedRows = 0
  lastInsertId = 0
  warnings = 0
  rowCount = 0
  /** How many results it has had: more than one after several statements, or a procedure. */
  resultCount = 0
  serverVersion = ''
  connectionId = 0
  authPlugin = ''
  statementId = 0
  parameterCount = 0
  /** It broke off, or some of it was not captured. */
  incomplete = false
  /** The first results that have columns. */
  results: ResultSet[] = []
  #error: Uint8Array = NOTHING
  #info: Uint8Array = NOTHING

  constructor(code: number) {
    this.code = code
  }

  get command(): string {
    return commandName(this.code)
  }
  get sqlState(): string {
    return hasState(this.#error) ? latin1(this.#error, 1, STATE_LENGTH) : ''
  }
  get errorMessage(): string {
    return textOf(this.#error, hasState(this.#error) ? STATE_LENGTH : 0, this.#error.length)
  }
  get info(): string {
    return textOf(this.#info, 0, this.#info.length)
  }
  get columns(): readonly string[] {
    return this.results[0]?.columns ?? []
  }
  get rows(): readonly (readonly Text[])[] {
    return this.results[0]?.rows ?? []
  }
  /** Columns and rows of each result that has some. */
  get resultSets(): readonly ResultRows[] {
    return this.results.map(({ columns, rows, rowCount }) => ({ columns, rows, rowCount }))
  }

  /** ERR_Packet, without its first byte. `text` is kept. */
  fail(code: number, text: Uint8Array): void {
    this.errorCode = code
    this.#error = text
  }

  /** What an OK_Packet says for people. `text` is kept. */
  tell(text: Uint8Array): void {
    this.#info = text
  }
}

export interface ResultRows {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly Text[])[]
  readonly rowCount: number
}

/** OK_Packet, and EOF_Packet as far as it has these. */
export interface Outcome {
  readonly affectedRows: number
  readonly lastInsertId: number
  readonly status: number
  readonly warnings: number
  /** Where its text is. */
  readonly infoStart: number
  readonly infoEnd: number
  /** What the session has become (SESSION_TRACK_SCHEMA); undefined when it did not tell. */
  readonly database: string | undefined
  /** All of it is understood: the packet is what it seems to be. */
  readonly isExact: boolean
}

/** Reads an OK_Packet from after its first byte. Before MySQL 4.1 there are no warnings, and not always a status. */
export function readOk(bytes: Uint8Array, start: number, end: number, is41: boolean): Outcome {
  const cursor = new Cursor(bytes, start, end)
  const affectedRows = cursor.lenenc()
  const lastInsertId = cursor.lenenc()
  const status = is41 || cursor.left >= 2 ? cursor.u16() : 0
  const warnings = is41 ? cursor.u16() : 0
  const isBroken = cursor.isBroken || affectedRows < 0 || lastInsertId < 0
  const rest = readRest(cursor, status)
  return { affectedRows, lastInsertId, status, warnings, ...rest, isExact: !isBroken && rest.isExact }
}

/**
 * The text, and what has changed in the session. The text has its length in front, as all servers send it, or goes to
 * the end, as the documentation says.
 */
function readRest(
  cursor: Cursor,
  status: number,
): Pick<Outcome, 'infoStart' | 'infoEnd' | 'database' | 'isExact'> {
  const start = cursor.at
  if (cursor.left === 0) return { infoStart: start, infoEnd: start, database: undefined, isExact: true }
  const length = cursor.lenenc()
  const infoStart = cursor.at
  cursor.skip(Math.max(0, length))
  const infoEnd = cursor.at
  const hasState = (status & STATUS.stateChanged) !== 0 && cursor.left > 0
  const state = hasState ? readState(cursor) : undefined
  const isExact = !cursor.isBroken && cursor.left === 0 && length >= 0
  if (isExact) return { infoStart, infoEnd, database: state, isExact: true }
  return { infoStart: start, infoEnd: cursor.end, database: undefined, isExact: false }
}

/** The database, if it has changed. */
function readState(cursor: Cursor): string | undefined {
  let database: string | undefined
  const until = Math.min(Math.max(0, cursor.lenenc()) + cursor.at, cursor.end)
  while (cursor.at < until && !cursor.isBroken) {
    const type = cursor.u8()
    const next = Math.max(0, cursor.lenenc()) + cursor.at
    if (type === SESSION_TRACK_SCHEMA) database = cursor.value()
    cursor.skip(Math.max(0, next - cursor.at))
  }
  return database
}

/** `#` and five characters, which servers before 4.1 leave out, and all as long as they do not know the client. */
function hasState(error: Uint8Array): boolean {
  return error.length >= STATE_LENGTH && u8(error, 0) === HASH
}

const NOTHING = new Uint8Array(0)
const HASH = 0x23
const STATE_LENGTH = 6
const SESSION_TRACK_SCHEMA = 1

/** `SERVER_STATUS_flags_enum` */
export const STATUS = {
  inTransaction: 1,
  autocommit: 2,
  moreResults: 8,
  cursorExists: 0x40,
  stateChanged: 0x4000,
} as const
