import { any, flag, list, number, object, ofBody, text, textList } from '../../entry/shape.ts'
import { type Content, type Kept, readContent } from './content.ts'
import { ERROR_NAMES } from './errors.ts'
import type { Fields } from './plain.ts'
import { hideInCommand, hideInReply } from './secrets.ts'
import type { Asked } from './session.ts'
import type { Facts } from './walker.ts'
import {
  CURSOR_NOT_FOUND,
  OP_DELETE,
  OP_INSERT,
  OP_MSG,
  OP_QUERY,
  OP_REPLY,
  OP_UPDATE,
  OPCODE_NAMES,
  QUERY_FAILURE,
} from './wire.ts'

const document = '{ [name: string]: any }'

export const requestShape = object('A command or another request', {
  opcode: text('OP_MSG, OP_QUERY, OP_INSERT …; of a compressed message the one within'),
  command: text(
    'Name of the command: find, insert, hello. Of the opcodes of old drivers find, insert, update, delete, getMore, killCursors',
  ),
  database: text('Database it is for; "" when that is not to be seen'),
  collection: text('Collection, where the command is about one; else ""'),
  statement: ofBody(
    text(
      'The command as Extended JSON, without lsid, $db, $clusterTime and their kin; at most 32,768 characters',
    ),
  ),
  documents: ofBody(list<Fields>('Documents to insert, or updates, deletes and operations', `${document}[]`)),
  documentCount: number('How many documents came beside the command, in sequences'),
  body: ofBody(
    any<Fields>(
      'The command as Extended JSON (relaxed), documents of sequences within it. Passwords and their kin are [REDACTED]',
      document,
    ),
  ),
  size: number('Bytes, the header included'),
  requestId: number('requestID; the reply names it'),
  flags: textList('Flags that are set: moreToCome, exhaustAllowed, slaveOk, upsert …'),
  compressor: text('noop, snappy, zlib or zstd; "" when it was not compressed'),
  truncated: ofBody(flag('Not all of body and documents is shown')),
  incomplete: flag('Bytes of it were not captured, or it breaks the rules'),
})

export const responseShape = object('A reply', {
  success: flag('ok is 1, and no write failed'),
  errorCode: number('Number of the error, of the first write that failed; 0 without one'),
  errorCodeName: text('Its name, such as DuplicateKey; "" when it is not known'),
  errorMessage: text('What the server says about it, at most 16 KiB'),
  rowCount: number('Documents in this reply; values of distinct, or what a batch of writes became'),
  affectedCount: number('n: documents that were counted, inserted, matched or deleted'),
  modifiedCount: number('nModified: documents that an update changed'),
  cursorId: text('Cursor with which to get more; "" or "0" when there is no more'),
  documents: ofBody(list<Fields>('Documents in this reply', `${document}[]`)),
  body: ofBody(any<Fields>('The reply as Extended JSON (relaxed)', document)),
  opcode: text('OP_MSG, OP_REPLY …; of a compressed message the one within'),
  size: number('Bytes, the header included'),
  requestId: number('requestID of the reply'),
  responseTo: number('requestID of what it answers'),
  flags: textList('Flags that are set: moreToCome, CursorNotFound, QueryFailure, AwaitCapable'),
  compressor: text('noop, snappy, zlib or zstd; "" when it was not compressed'),
  command: text('Of a further reply to the same request (exhaust) what the request asked for; else ""'),
  database: text('The same'),
  collection: text('The same'),
  truncated: ofBody(flag('Not all of body and documents is shown')),
  incomplete: flag('Bytes of it were not captured, or it breaks the rules'),
})

/** What was read of a message on its way. */
export interface Told {
  readonly opcode: number
  readonly requestId: number
  readonly responseTo: number
  readonly size: number
  readonly flags: number
  readonly compressor: string
  readonly facts: Facts
  /** Documents in sequences, or of opcodes that carry several. */
  readonly documents: number
  /** Of OP_GET_MORE and OP_REPLY. */
  readonly cursorId: string
  readonly kept: Kept
  readonly incomplete: boolean
}

/** What a request is about. */
export interface Target {
  readonly command: string
  readonly database: string
  readonly collection: string
}

/** What requests and replies have alike. */
abstract class MongoMessage {
  readonly #told: Told
  #content: Content | undefined

  constructor(told: Told) {
    this.#told = told
  }

  /** No getter: those are fields of entries. */
  protected told(): Told {
    return this.#told
  }

  /** Its content, without what must not be shown. */
  protected abstract read(): Content

  get opcode(): string {
    return OPCODE_NAMES[this.#told.opcode] ?? ''
  }
  get size(): number {
    return this.#told.size
  }
  get requestId(): number {
    return this.#told.requestId
  }
  get compressor(): string {
    return this.#told.compressor
  }
  get incomplete(): boolean {
    return this.#told.incomplete
  }
  get flags(): readonly string[] {
    return flagNames(this.#told)
  }
  get body(): Fields {
    return this.#read.body
  }
  get documents(): readonly Fields[] {
    return this.#read.documents as readonly Fields[]
  }
  get truncated(): boolean {
    return this.#read.isCut
  }

  get #read(): Content {
    this.#content ??= this.read()
    return this.#content
  }
}

export class MongoRequest extends MongoMessage {
  readonly command: string
  readonly database: string
  readonly collection: string

  constructor(told: Told, { command, database, collection }: Target) {
    super(told)
    this.command = command
    this.database = database
    this.collection = collection
  }

  get documentCount(): number {
    const { opcode, documents } = this.told()
    return opcode === OP_MSG || opcode === OP_INSERT ? documents : 0
  }
  get statement(): string {
    const said = Object.entries(this.body).filter(([name]) => !BESIDE.has(name))
    return JSON.stringify(Object.fromEntries(said)).slice(0, LONGEST_STATEMENT)
  }

  protected read(): Content {
    const content = readContent(this.told().kept)
    hideInCommand(this.command, this.collection, content.body)
    return content
  }
}

export class MongoReply extends MongoMessage {
  /** Of further replies to one request. */
  readonly #asked: Asked | undefined
  readonly #isOfCommand: boolean
  #failure: Failure | undefined

  /** `isOfCommand`: its document is not one that a query found. */
  constructor(told: Told, asked: Asked | undefined, isOfCommand: boolean) {
    super(told)
    this.#asked = asked
    this.#isOfCommand = isOfCommand
  }

  get success(): boolean {
    return this.#failed.success
  }
  get errorCode(): number {
    return this.#failed.code
  }
  get errorCodeName(): string {
    return this.#failed.codeName
  }
  get errorMessage(): string {
    return this.#failed.message
  }
  get rowCount(): number {
    const { opcode, facts, documents } = this.told()
    if (opcode === OP_REPLY && !this.#isOfCommand) return this.success ? documents : 0
    return Number(facts.rows ?? 0)
  }
  get affectedCount(): number {
    return this.#isOfCommand ? numberOf(this.told().facts.n) : 0
  }
  get modifiedCount(): number {
    return this.#isOfCommand ? numberOf(this.told().facts.nModified) : 0
  }
  get cursorId(): string {
    const { facts, cursorId } = this.told()
    return facts.cursorId === undefined ? cursorId : String(facts.cursorId)
  }
  get responseTo(): number {
    return this.told().responseTo
  }
  get command(): string {
    return this.#asked?.command ?? ''
  }
  get database(): string {
    return this.#asked?.database ?? ''
  }
  get collection(): string {
    return this.#asked?.collection ?? ''
  }

  protected read(): Content {
    const { opcode, kept } = this.told()
    const { body, documents, isCut } = readContent(kept)
    hideInReply(body, documents)
    // One document of a query is no reply of a command, and the other way round.
    const isDocuments = opcode === OP_REPLY && !this.#isOfCommand
    const inBatch = (body.cursor as { firstBatch?: readonly unknown[] } | undefined)?.firstBatch
    const rows = opcode === OP_REPLY && !isDocuments ? (Array.isArray(inBatch) ? inBatch : []) : documents
    return { body: isDocuments ? {} : body, documents: rows, isCut }
  }

  get #failed(): Failure {
    this.#failure ??= failureOf(this.told(), this.#isOfCommand)
    return this.#failure
  }
}

interface Failure {
  readonly success: boolean
  readonly code: number
  readonly codeName: string
  readonly message: string
}

/**
 * Whether it went wrong, and why: the command as a whole, the query, one of several writes, or what the write was to
 * wait for. The last two come with `ok: 1`.
 */
function failureOf({ opcode, flags, facts }: Told, isOfCommand: boolean): Failure {
  if (opcode === OP_REPLY && (flags & CURSOR_NOT_FOUND) !== 0)
    return failure(43, undefined, 'cursor not found')
  const isFailedQuery = opcode === OP_REPLY && (flags & QUERY_FAILURE) !== 0
  if (isFailedQuery) return failure(facts.code, facts.codeName, facts.$err ?? facts.errmsg)
  if (!isOfCommand) return SUCCESS
  if (facts.ok !== undefined && Number(facts.ok) !== 1)
    return failure(facts.code, facts.codeName, facts.errmsg ?? facts.$err)
  if (numberOf(facts.writeErrors) > 0) return failure(facts.writeCode, undefined, facts.writeMessage)
  if (numberOf(facts.nErrors) > 0) return failure(facts.firstCode, undefined, facts.firstMessage)
  if (facts.concernCode !== undefined || facts.concernMessage !== undefined)
    return failure(facts.concernCode, facts.concernCodeName, facts.concernMessage)
  // getLastError tells of the write before it.
  if (typeof facts.err === 'string') return failure(facts.code, facts.codeName, facts.err)
  return SUCCESS
}

function failure(code: Facts['code'], codeName: Facts['code'], message: Facts['code']): Failure {
  const number = numberOf(code)
  return {
    success: false,
    code: number,
    codeName: typeof codeName === 'string' ? codeName : (ERROR_NAMES[number] ?? ''),
    message: typeof message === 'string' ? message : '',
  }
}

function numberOf(fact: Facts['code']): number {
  return typeof fact === 'number' || typeof fact === 'bigint' ? Number(fact) : 0
}

function flagNames({ opcode, flags }: Told): string[] {
  const names = FLAG_NAMES[opcode] ?? {}
  return Object.entries(names).flatMap(([bit, name]) => ((flags & (1 << Number(bit))) === 0 ? [] : [name]))
}

const SUCCESS: Failure = { success: true, code: 0, codeName: '', message: '' }
/** By their bits. */
const FLAG_NAMES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [OP_MSG]: { 0: 'checksumPresent', 1: 'moreToCome', 16: 'exhaustAllowed' },
  [OP_QUERY]: {
    1: 'tailableCursor',
    2: 'slaveOk',
    3: 'oplogReplay',
    4: 'noCursorTimeout',
    5: 'awaitData',
    6: 'exhaust',
    7: 'partial',
  },
  [OP_REPLY]: { 0: 'CursorNotFound', 1: 'QueryFailure', 2: 'ShardConfigStale', 3: 'AwaitCapable' },
  [OP_UPDATE]: { 0: 'upsert', 1: 'multiUpdate' },
  [OP_INSERT]: { 0: 'continueOnError' },
  [OP_DELETE]: { 0: 'singleRemove' },
}
/** What every command carries, and nobody asks for. */
const BESIDE: ReadonlySet<string> = new Set([
  'lsid',
  '$db',
  '$clusterTime',
  '$configTime',
  '$topologyTime',
  '$readPreference',
  'txnNumber',
  'apiVersion',
])
const LONGEST_STATEMENT = 32 << 10
