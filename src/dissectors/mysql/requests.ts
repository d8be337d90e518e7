import { u8, u32le } from '../../bytes/read.ts'
import { endOfCharacters, textOf } from '../../bytes/text.ts'
import { COM, commandName } from './commands.ts'
import { Cursor } from './cursor.ts'
import { type LoginFields, readChangeUser } from './handshake.ts'
import { isNull } from './results.ts'
import type { Statement } from './statements.ts'
import { binaryValue, type Text, type ValueType } from './values.ts'

/** What is known of a connection when a command is sent on it. */
export interface Sender {
  readonly user: string
  readonly database: string
}

/** What a client asks. The rest of it is read when somebody asks for it. */
export class Request {
  readonly code: number
  /** Its first bytes, as many as are kept. */
  readonly wire: Uint8Array
  /** Not all of it was kept, or captured. */
  readonly truncated: boolean
  readonly #sender: Sender

  constructor(code: number, wire: Uint8Array, truncated: boolean, sender: Sender) {
    this.code = code
    this.wire = wire
    this.truncated = truncated
    this.#sender = sender
  }

  get command(): string {
    return commandName(this.code)
  }
  get user(): string {
    return this.#sender.user
  }
  get database(): string {
    return this.#sender.database
  }
  get query(): string {
    return ''
  }
  get statementId(): number {
    return 0
  }
  get parameters(): readonly Text[] {
    return []
  }
  get queryAttributes(): Readonly<Record<string, string>> {
    return {}
  }
  /** What a command without a query is about: a table, the number of a connection. */
  get argument(): string {
    const { wire } = this
    switch (this.code) {
      case COM.createDb:
      case COM.dropDb:
        return textOf(wire, 1, wire.length)
      case COM.fieldList:
        return new Cursor(wire, 1, wire.length).nulText()
      case COM.binlogDump:
        return textOf(wire, Math.min(BINLOG_NAME, wire.length), wire.length)
      case COM.processKill:
        return String(u32le(wire, 1))
      case COM.refresh:
      case COM.setOption:
        return String(wire[1] ?? 0)
      default:
        return ''
    }
  }
  get authPlugin(): string {
    return ''
  }
  get connectionAttributes(): Readonly<Record<string, string>> {
    return {}
  }
}

/** COM_INIT_DB, which names the database that it is about. */
export class InitDb extends Request {
  override get database(): string {
    return textOf(this.wire, 1, this.wire.length)
  }
}

/** The first answer of a client to the greeting, or its request for TLS (without a user then). */
export class Login extends Request {
  readonly fields: LoginFields

  constructor(code: number, fields: LoginFields) {
    super(code, NOTHING, false, NOBODY)
    this.fields = fields
  }

  override get user(): string {
    return this.fields.user
  }
  override get database(): string {
    return this.fields.database
  }
  override get authPlugin(): string {
    return this.fields.authPlugin
  }
  override get connectionAttributes(): Readonly<Record<string, string>> {
    return this.fields.attributes
  }
}

/** COM_CHANGE_USER */
export class ChangeUser extends Request {
  readonly #capabilities: number
  #fields: ReturnType<typeof readChangeUser> | undefined

  constructor(wire: Uint8Array, truncated: boolean, capabilities: number) {
    super(COM.changeUser, wire, truncated, NOBODY)
    this.#capabilities = capabilities
  }

  override get user(): string {
    return this.#all.user
  }
  override get database(): string {
    return this.#all.database
  }
  override get authPlugin(): string {
    return this.#all.authPlugin
  }
  override get connectionAttributes(): Readonly<Record<string, string>> {
    return this.#all.attributes
  }

  get #all(): ReturnType<typeof readChangeUser> {
    this.#fields ??= readChangeUser(this.wire, 1, this.wire.length, this.#capabilities)
    return this.#fields
  }
}

/** COM_QUERY and COM_STMT_PREPARE */
export class Query extends Request {
  readonly #hasAttributes: boolean | undefined
  #read: QueryParts | undefined

  /** `hasAttributes`: whether they stand before the text; undefined when that is not known. */
  constructor(
    code: number,
    wire: Uint8Array,
    truncated: boolean,
    sender: Sender,
    hasAttributes: boolean | undefined,
  ) {
    super(code, wire, truncated, sender)
    this.#hasAttributes = code === COM.query ? hasAttributes : false
  }

  override get query(): string {
    return this.#parts.text
  }
  override get queryAttributes(): Readonly<Record<string, string>> {
    return this.#parts.attributes
  }

  get #parts(): QueryParts {
    this.#read ??= readQuery(this.wire, this.#hasAttributes, this.truncated)
    return this.#read
  }
}

/** What is about a prepared statement: COM_STMT_CLOSE, _RESET, _FETCH, _SEND_LONG_DATA. */
export class OfStatement extends Request {
  readonly #statement: Statement | undefined

  constructor(
    code: number,
    wire: Uint8Array,
    truncated: boolean,
    sender: Sender,
    statement: Statement | undefined,
  ) {
    super(code, wire, truncated, sender)
    this.#statement = statement
  }

  /** As it was prepared; "" when that was not seen. */
  override get query(): string {
    return this.#statement?.prepared.query ?? ''
  }
  override get statementId(): number {
    const id = u32le(this.wire, 1)
    return id === LAST_PREPARED ? (this.#statement?.id ?? 0) : id
  }
  /** −1 = not known. */
  protected get parameterCount(): number {
    return this.#statement?.parameterCount ?? -1
  }
  override get argument(): string {
    return this.code === COM.sendLongData ? String(new Cursor(this.wire, 5, this.wire.length).u16()) : ''
  }
}

/** COM_STMT_EXECUTE and COM_STMT_BULK_EXECUTE, with the values of the parameters. */
export class Execute extends OfStatement {
  readonly #hasAttributes: boolean
  readonly #bound: Execute | undefined
  readonly #longData: ReadonlySet<number>
  #read: ExecuteParts | undefined

  /** `hasAttributes`: those of the query are among the parameters. */
  constructor(
    code: number,
    wire: Uint8Array,
    truncated: boolean,
    sender: Sender,
    statement: Statement | undefined,
    hasAttributes: boolean,
  ) {
    super(code, wire, truncated, sender, statement)
    this.#hasAttributes = hasAttributes
    this.#longData = statement?.takeLongData() ?? NONE
    // Else each execution would hold the one before.
    this.#bound = this.binds ? undefined : statement?.bound
    statement?.executed(this)
  }

  /** Empty as well when they cannot be known: the statement was prepared before the capture began. */
  override get parameters(): readonly Text[] {
    return this.#parts.parameters
  }
  override get queryAttributes(): Readonly<Record<string, string>> {
    return this.#parts.attributes
  }

  get #parts(): ExecuteParts {
    this.#read ??= this.code === COM.execute ? this.#readOne() : this.#readBulk()
    return this.#read
  }

  /** It says of what types its parameters are; those that follow may leave that out. */
  get binds(): boolean {
    if (this.code === COM.bulkExecute) return (this.#bulkFlags & BULK_TYPES) !== 0
    const cursor = new Cursor(this.wire, 0, this.wire.length)
    const count = this.#countAt(cursor)
    if (count <= 0) return false
    cursor.skip((count + 7) >> 3)
    return cursor.u8() === 1
  }

  /** Types of its parameters, and with attributes their names. */
  #types(): readonly NamedType[] {
    if (this.code === COM.bulkExecute) {
      const count = Math.max(0, this.parameterCount)
      return readTypes(new Cursor(this.wire, BULK_HEADER, this.wire.length), count, false)
    }
    const cursor = new Cursor(this.wire, 0, this.wire.length)
    const count = this.#countAt(cursor)
    cursor.skip(((count + 7) >> 3) + 1)
    return readTypes(cursor, count, this.#hasAttributes)
  }

  get #earlierTypes(): readonly NamedType[] {
    return this.#bound === undefined ? [] : this.#bound.#types()
  }

  /** Steps to the NULL bits. Returns how many parameters there are, −1 when that is not known. */
  #countAt(cursor: Cursor): number {
    cursor.skip(5)
    const isCounted = this.#hasAttributes && (cursor.u8() & PARAMETER_COUNT_AVAILABLE) !== 0
    if (!this.#hasAttributes) cursor.skip(1)
    cursor.skip(4)
    if (isCounted || (this.#hasAttributes && this.parameterCount > 0)) return cursor.lenenc()
    return this.parameterCount
  }

  #readOne(): ExecuteParts {
    const cursor = new Cursor(this.wire, 0, this.wire.length)
    const count = this.#countAt(cursor)
    if (count <= 0 || count >> 3 > cursor.left) return NO_PARAMETERS
    const nulls = cursor.at
    cursor.skip((count + 7) >> 3)
    const binds = cursor.u8() === 1
    const types = binds ? readTypes(cursor, count, this.#hasAttributes) : this.#earlierTypes
    if (types.length !== count) return NO_PARAMETERS
    const values = types.map((type, at): Text => {
      if (this.#longData.has(at)) return SENT_BEFORE
      return isNull(this.wire, nulls, at) ? null : valueIn(cursor, type)
    })
    if (cursor.isBroken && !this.truncated) return NO_PARAMETERS
    // What follows the parameters of the statement are attributes of the query.
    const own = this.#hasAttributes && this.parameterCount >= 0 ? this.parameterCount : count
    return { parameters: values.slice(0, own), attributes: attributesOf(types, values, own) }
  }

  /** Parameters of one row after another. */
  #readBulk(): ExecuteParts {
    const binds = (this.#bulkFlags & BULK_TYPES) !== 0
    const types = binds ? this.#types() : this.#earlierTypes
    const cursor = new Cursor(this.wire, BULK_HEADER + (binds ? 2 * types.length : 0), this.wire.length)
    const parameters: Text[] = []
    while (types.length > 0 && cursor.left > 0 && !cursor.isBroken)
      for (const type of types) {
        const indicator = cursor.u8()
        parameters.push(indicator === 0 ? valueIn(cursor, type) : (INDICATORS[indicator] ?? null))
      }
    return cursor.isBroken && !this.truncated ? NO_PARAMETERS : { parameters, attributes: {} }
  }

  get #bulkFlags(): number {
    return new Cursor(this.wire, 5, this.wire.length).u16()
  }
}

interface QueryParts {
  readonly text: string
  readonly attributes: Readonly<Record<string, string>>
}

interface ExecuteParts {
  readonly parameters: readonly Text[]
  readonly attributes: Readonly<Record<string, string>>
}

interface NamedType extends ValueType {
  readonly name: string
}

/** Where the text of a query begins: COM_QUERY may have attributes before it. SQL has no such bytes. */
export function hasAttributes(wire: Uint8Array, at: number): boolean {
  return u8(wire, at + 1) === 1 && u8(wire, at) < 0xfb
}

function readQuery(wire: Uint8Array, isAllowed: boolean | undefined, isCut: boolean): QueryParts {
  const cursor = new Cursor(wire, 1, wire.length)
  const attributes = (isAllowed ?? hasAttributes(wire, 1)) ? readAttributes(cursor) : {}
  let end = isCut ? endOfCharacters(wire, cursor.at, wire.length) : wire.length
  // Some clients send the end of their strings, too.
  while (end > cursor.at && wire[end - 1] === 0) end--
  return { text: textOf(wire, cursor.at, end), attributes }
}

function readAttributes(cursor: Cursor): Readonly<Record<string, string>> {
  const count = cursor.lenenc()
  cursor.lenenc()
  if (count <= 0 || count >> 3 > cursor.left) return {}
  const nulls = cursor.at
  cursor.skip(((count + 7) >> 3) + 1)
  const types = readTypes(cursor, count, true)
  const values = types.map((type, at) => (isNull(cursor.bytes, nulls, at) ? null : valueIn(cursor, type)))
  return attributesOf(types, values, 0)
}

function attributesOf(
  types: readonly NamedType[],
  values: readonly Text[],
  from: number,
): Readonly<Record<string, string>> {
  const named = types.map(({ name }, at) => [name, values[at] ?? ''] as const).slice(from)
  return Object.fromEntries(named)
}

function readTypes(cursor: Cursor, count: number, hasNames: boolean): readonly NamedType[] {
  const types: NamedType[] = []
  while (types.length < count && cursor.left > 0) {
    const type = cursor.u8()
    const isUnsigned = (cursor.u8() & 0x80) !== 0
    types.push({ type, isUnsigned, name: hasNames ? (cursor.value() ?? '') : '' })
  }
  return types
}

/** Nothing of what was cut off. */
function valueIn(cursor: Cursor, type: ValueType): Text {
  const value = binaryValue(cursor, type)
  return cursor.isBroken ? null : value
}

const NOTHING = new Uint8Array(0)
const NOBODY: Sender = { user: '', database: '' }
const NO_PARAMETERS: ExecuteParts = { parameters: [], attributes: {} }
const NONE: ReadonlySet<number> = new Set()
/** In the place of a value that came with COM_STMT_SEND_LONG_DATA. */
const SENT_BEFORE = '(sent before)'
/** In the place of a statement's number: the one that was prepared just before (MariaDB). */
export const LAST_PREPARED = 0xffffffff
const PARAMETER_COUNT_AVAILABLE = 8
/** Command, statement, flags. */
const BULK_HEADER = 7
const BULK_TYPES = 128
/** Place of the name of a file in COM_BINLOG_DUMP. */
const BINLOG_NAME = 11
/** In the place of a value (MariaDB). */
const INDICATORS: Readonly<Record<number, string>> = { 2: '(default)', 3: '(ignored)', 4: '(row ignored)' }
