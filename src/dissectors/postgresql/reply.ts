import { bytesOf, type Octets } from '../../bytes/octets.ts'
import { Columns, readValues } from './fields.ts'
import type { About } from './request.ts'
import type { Notice, Row } from './shapes.ts'
import { typeName } from './types.ts'

/** All that the server says to one message of the client, put together as it comes. */
export class Reply {
  type: string
  error: Readonly<Record<string, string>> | undefined
  transaction = ''
  authentication = ''
  mechanisms: readonly string[] = NONE
  processId = 0
  channel = ''
  payload = ''
  copyMessages = 0
  copyBytes = 0
  incomplete = false
  /** Rows that came … */
  dataRows = 0
  /** … and what the tags of commands count; −1 = none does. */
  #counted = -1
  /** Bytes of rows that are kept. */
  rowBytes = 0
  #tags: string[] | undefined
  #rows: Octets[] | undefined
  #rowDescription: Octets | undefined
  #columns: Columns | undefined
  #notices: Notice[] | undefined
  #parameters: Record<string, string> | undefined
  #parameterTypes: readonly number[] = NONE
  /** What it answers is about this: its columns may have been described before. */
  readonly #about: About | undefined

  constructor(type = '', about?: About) {
    this.type = type
    this.#about = about
  }

  /** A message that tells more than those before. */
  is(type: string): void {
    if (this.error === undefined) this.type = type
  }

  /** All is said. That tells less than what came before. */
  ready(transaction: string): void {
    this.type ||= 'ReadyForQuery'
    this.transaction = transaction
  }

  tagged(tag: string): void {
    this.is('CommandComplete')
    this.#tags ??= []
    if (this.#tags.length < MOST_TAGS) this.#tags.push(tag)
    const count = countIn(tag)
    if (count >= 0) this.#counted = Math.max(this.#counted, 0) + count
  }

  failed(fields: Readonly<Record<string, string>>): void {
    this.error ??= fields
    this.type = 'ErrorResponse'
  }

  noticed({ V, S = '', C: code = '', M: message = '' }: Readonly<Record<string, string>>): void {
    if (this.type === '') this.type = 'NoticeResponse'
    this.#notices ??= []
    if (this.#notices.length < MOST_NOTICES)
      this.#notices.push({ severity: V ?? S, code, message: message.slice(0, LONGEST_NOTICE) })
  }

  reported(name: string, value: string): void {
    if (this.type === '') this.type = 'ParameterStatus'
    this.#parameters ??= {}
    if (Object.keys(this.#parameters).length < MOST_PARAMETERS && name !== '__proto__')
      this.#parameters[name] = value.slice(0, LONGEST_NOTICE)
  }

  described(rows: Octets): void {
    this.is('RowDescription')
    // Of a query with several statements the first that has rows.
    this.#rowDescription ??= rows
  }

  describedParameters(types: readonly number[]): void {
    this.#parameterTypes = types
  }

  copied(length: number): void {
    this.copyMessages++
    this.copyBytes += length
  }

  keeps(row: Octets): void {
    this.#rows ??= []
    this.#rows.push(row)
    this.rowBytes += row.length
  }

  /** Part of it was lost. */
  breakOff(): void {
    this.incomplete = true
    this.#rows = undefined
    this.rowBytes = 0
  }

  /** Whether a row of `length` bytes is among the first that are kept. */
  hasRoomFor(length: number, maxBody: number): boolean {
    return this.dataRows < MOST_ROWS && this.rowBytes + length <= Math.min(maxBody, LONGEST_ROWS)
  }

  get success(): boolean {
    return this.error === undefined
  }
  get errorCode(): string {
    return this.error?.C ?? ''
  }
  get errorMessage(): string {
    return this.error?.M ?? ''
  }
  /** Not translated, where the server says so (since 9.6). */
  get severity(): string {
    return this.error?.V ?? this.error?.S ?? ''
  }
  get detail(): string {
    return this.error?.D ?? ''
  }
  get hint(): string {
    return this.error?.H ?? ''
  }
  get position(): number {
    return Number(this.error?.P ?? 0) || 0
  }
  get errorFields(): Readonly<Record<string, string>> {
    return this.error ?? {}
  }
  get commandTag(): string {
    return this.#tags?.at(-1) ?? ''
  }
  get commandTags(): readonly string[] {
    return this.#tags ?? NONE
  }
  get rowCount(): number {
    return this.#counted >= 0 ? this.#counted : this.dataRows
  }
  get columns(): readonly string[] {
    return this.#described?.names ?? NONE
  }
  get columnTypes(): readonly string[] {
    return this.#described?.typeNames ?? NONE
  }
  get rows(): Row[] {
    const { formats = [], types = [] } = this.#described ?? {}
    const bound = this.#about?.portal?.formats ?? formats
    return (this.#rows ?? []).map((row) => readValues(bytesOf(row), 0, bound, types).values)
  }
  get parameters(): Readonly<Record<string, string>> {
    return this.#parameters ?? {}
  }
  get parameterTypes(): string[] {
    return this.#parameterTypes.map(typeName)
  }
  get notices(): readonly Notice[] {
    return this.#notices ?? NONE
  }

  get #described(): Columns | undefined {
    if (this.#rowDescription !== undefined) this.#columns ??= new Columns(bytesOf(this.#rowDescription))
    // The reply to a Parse or a Bind has no columns, even if there are some by now.
    if (this.dataRows === 0 && this.#tags === undefined) return this.#columns
    return this.#columns ?? this.#about?.portal?.columns ?? this.#about?.statement?.columns
  }
}

/** The number at the end of a tag; −1 when there is none, as in `BEGIN`. */
function countIn(tag: string): number {
  let at = tag.length
  while (at > 0 && tag.charCodeAt(at - 1) >= 0x30 && tag.charCodeAt(at - 1) <= 0x39) at--
  return at === tag.length ? -1 : Number(tag.slice(at))
}

const NONE: readonly never[] = []
const MOST_TAGS = 1000
const MOST_NOTICES = 20
/** Characters of a notice or a setting. */
const LONGEST_NOTICE = 4096
const MOST_PARAMETERS = 64
const MOST_ROWS = 100
const LONGEST_ROWS = 64 << 10
