import { REDACTED } from '../../entry/redacted.ts'
import { any, flag, list, number, object, ofBody, text, textList } from '../../entry/shape.ts'
import { BerReader, BOOLEAN, ENUMERATED, INTEGER, OCTET_STRING, SEQUENCE, SET, type Value } from './ber.ts'
import { filterText } from './filter.ts'
import {
  ABANDON_REQUEST,
  ADD_REQUEST,
  BIND_REQUEST,
  COMPARE_REQUEST,
  DEL_REQUEST,
  EXTENDED_REQUEST,
  EXTENDED_RESPONSE,
  INTERMEDIATE_RESPONSE,
  MODIFY_DN_REQUEST,
  MODIFY_REQUEST,
  OID_NAMES,
  PAGED_RESULTS,
  PASSWORD_MODIFY,
  REQUESTS,
  RESPONSES,
  RESULT_NAMES,
  SEARCH_ENTRY,
  SEARCH_REFERENCE,
  SEARCH_REQUEST,
} from './names.ts'
import { isSecret } from './secrets.ts'

const values = '(string | { base64: string })[]'
const attributes = `{ [attribute: string]: ${values} }`

export const requestShape = object('An operation that is asked for', {
  type: text(
    'Bind Request, Unbind Request, Search Request, Modify Request, Add Request, Del Request, Modify DN Request, Compare Request, Abandon Request, Extended Request',
  ),
  messageId: number('Number that the reply repeats'),
  dn: text('Name of the entry it is about, of a search where it begins, of a bind who it is; else ""'),
  version: number('Of a bind the version of LDAP: 3'),
  authentication: text(
    'Of a bind simple, anonymous, unauthenticated (a name without a password), SASL, or Sicily (NTLM before SASL)',
  ),
  mechanism: text('Of a bind with SASL its mechanism: EXTERNAL, GSS-SPNEGO, SCRAM-SHA-256'),
  scope: text('Of a search baseObject, singleLevel, wholeSubtree or subordinateSubtree'),
  filter: text(
    'Of a search what entries are wanted: (&(objectClass=person)(cn=a*)). At most 16,384 characters',
  ),
  attributes: textList('Of a search what attributes are wanted, of an add or modify which it has'),
  derefAliases: text('Of a search neverDerefAliases, derefInSearching, derefFindingBaseObj or derefAlways'),
  sizeLimit: number('Of a search the most entries that are wanted; 0 = all'),
  timeLimit: number('Of a search the seconds that it may take; 0 = any'),
  typesOnly: flag('Of a search that values are not wanted'),
  entry: any<Attributes>('Of an add the attributes with their values; passwords are [REDACTED]', attributes),
  changes: list<Change>(
    'Of a modify what is changed; passwords are [REDACTED]',
    `{ operation: "add" | "delete" | "replace" | "increment", attribute: string, values: ${values} }[]`,
  ),
  newRdn: text('Of a modify DN the new last part of the name'),
  deleteOldRdn: flag('Of a modify DN that the values of the old one go'),
  newSuperior: text('Of a modify DN the new entry above it; "" when it stays'),
  attribute: text('Of a compare the attribute'),
  value: any<Value>('Of a compare the value', 'string | { base64: string }'),
  abandonedId: number('Of an abandon the messageId of what is not wanted any more'),
  oid: text('Of an extended request what it is, as numbers'),
  oidName: text('The same as a name: StartTLS, Who am I?; "" when it is not known'),
  controls: list<Control>(
    'What goes with it',
    '{ oid: string, name: string, critical: boolean, size?: number }[]',
  ),
  truncated: flag('Not all of it was kept'),
})

export const responseShape = object('The final reply, with the entries that came before it', {
  type: text('Bind Response, Search Result Done, Modify Response …; "" when there was none'),
  messageId: number('Number of the request; 0 when the server says it unasked'),
  resultCode: number('0 = success, 14 = a bind goes on, 49 = invalid credentials'),
  result: text('The same as a name: success, noSuchObject, invalidCredentials'),
  matchedDn: text('Of a name that is not there the part that is'),
  diagnosticMessage: text('What the server says about it'),
  referrals: textList('Where to ask instead'),
  entryCount: number('Entries that a search found'),
  entries: ofBody(
    list<SearchEntry>(
      'The first of them, at most 1,000 and as many bytes as a body has; passwords are [REDACTED]',
      `{ dn: string, attributes: ${attributes} }[]`,
    ),
  ),
  references: ofBody(textList('Where a search is to go on, at most 1,000')),
  intermediateCount: number('Replies before the final one that are no entries'),
  oid: text('Of an extended reply what it is, as numbers'),
  oidName: text('The same as a name'),
  value: text('Of an extended reply that says who one is, that'),
  controls: list<Control>(
    'What goes with it',
    '{ oid: string, name: string, critical: boolean, size?: number }[]',
  ),
  truncated: flag('Not all entries are shown'),
  incomplete: flag('Bytes of it were not captured, or the final reply did not come'),
})

export type Attributes = Readonly<Record<string, readonly Value[]>>

interface Change {
  readonly operation: string
  readonly attribute: string
  readonly values: readonly Value[]
}

interface Control {
  readonly oid: string
  readonly name: string
  readonly critical: boolean
  /** Of Paged Results how many are wanted, or there are. */
  readonly size?: number
}

interface SearchEntry {
  readonly dn: string
  readonly attributes: Attributes
}

/** The bytes of one LDAPMessage, or its first ones. */
export class Message {
  readonly id: number
  /** Of the operation. */
  readonly tag: number
  readonly bytes: Uint8Array
  /** Where the content of the operation begins and ends. */
  readonly start: number
  readonly stop: number
  readonly isCut: boolean

  /** `bytes` is this message's own copy, the whole of it or the beginning. */
  constructor(bytes: Uint8Array, isCut: boolean) {
    const reader = new BerReader(bytes)
    reader.next()
    const inside = reader.inside()
    this.id = inside.number(INTEGER)
    inside.next()
    this.tag = inside.tag
    this.bytes = bytes
    this.start = inside.start
    this.stop = inside.stop
    this.isCut = isCut
  }

  /** What is within the operation. */
  operation(): BerReader {
    return new BerReader(this.bytes, this.start, this.stop)
  }

  get controls(): Control[] {
    const behind = new BerReader(this.bytes, this.stop)
    const controls: Control[] = []
    const all = behind.nextIf(CONTROLS) ? behind.inside() : undefined
    while (all?.nextIf(SEQUENCE) === true && controls.length < MOST_CONTROLS) {
      const control = all.inside()
      const oid = control.text()
      const critical = control.number(BOOLEAN) !== 0
      const size = oid === PAGED_RESULTS && control.nextIf(OCTET_STRING) ? pageSize(control.inside()) : {}
      controls.push({ oid, name: OID_NAMES[oid] ?? '', critical, ...size })
    }
    return controls
  }
}

function pageSize(value: BerReader): { size?: number } {
  return value.nextIf(SEQUENCE) ? { size: value.inside().number(INTEGER) } : {}
}

/** What is asked; read from its bytes when somebody wants to know. */
export class LdapRequest {
  readonly #message: Message
  #operation: Operation | undefined

  constructor(message: Message) {
    this.#message = message
  }

  get type(): string {
    return REQUESTS[this.#message.tag] ?? ''
  }
  get messageId(): number {
    return this.#message.id
  }
  get controls(): readonly Control[] {
    return this.#message.controls
  }
  get truncated(): boolean {
    return this.#message.isCut
  }
  /** Rows of lists have it: read without the rest. */
  get dn(): string {
    return BEGINS_WITH_NAME.has(this.#message.tag) ? this.#message.operation().text() : this.#read.dn
  }
  get version() {
    return this.#read.version
  }
  get authentication() {
    return this.#read.authentication
  }
  get mechanism() {
    return this.#read.mechanism
  }
  get scope() {
    return this.#read.scope
  }
  get filter() {
    return this.#read.filter
  }
  get attributes() {
    return this.#read.attributes
  }
  get derefAliases() {
    return this.#read.derefAliases
  }
  get sizeLimit() {
    return this.#read.sizeLimit
  }
  get timeLimit() {
    return this.#read.timeLimit
  }
  get typesOnly() {
    return this.#read.typesOnly
  }
  get entry() {
    return this.#read.entry
  }
  get changes() {
    return this.#read.changes
  }
  get newRdn() {
    return this.#read.newRdn
  }
  get deleteOldRdn() {
    return this.#read.deleteOldRdn
  }
  get newSuperior() {
    return this.#read.newSuperior
  }
  get attribute() {
    return this.#read.attribute
  }
  get value() {
    return this.#read.value
  }
  get abandonedId() {
    return this.#read.abandonedId
  }
  get oid(): string {
    return this.#message.tag === EXTENDED_REQUEST ? this.#read.oid : ''
  }
  get oidName(): string {
    return OID_NAMES[this.oid] ?? ''
  }

  get #read(): Operation {
    this.#operation ??= {
      ...NO_OPERATION,
      ...(READERS[this.#message.tag]?.(this.#message.operation()) ?? {}),
    }
    return this.#operation
  }
}

const BEGINS_WITH_NAME: ReadonlySet<number> = new Set([
  SEARCH_REQUEST,
  MODIFY_REQUEST,
  ADD_REQUEST,
  MODIFY_DN_REQUEST,
  COMPARE_REQUEST,
])

const NO_OPERATION = {
  dn: '',
  version: 0,
  authentication: '',
  mechanism: '',
  scope: '',
  filter: '',
  attributes: [] as readonly string[],
  derefAliases: '',
  sizeLimit: 0,
  timeLimit: 0,
  typesOnly: false,
  entry: {} as Attributes,
  changes: [] as readonly Change[],
  newRdn: '',
  deleteOldRdn: false,
  newSuperior: '',
  attribute: '',
  value: '' as Value,
  abandonedId: 0,
  oid: '',
}
type Operation = typeof NO_OPERATION

/** RFC 4511 §4.2 to §4.12, by tag. Each gets what is within the operation. */
const READERS: Readonly<Record<number, (reader: BerReader) => Partial<Operation>>> = {
  [BIND_REQUEST](reader) {
    const version = reader.number(INTEGER)
    const dn = reader.text()
    if (!reader.next()) return { version, dn }
    if (reader.tag === SASL) return { version, dn, authentication: 'SASL', mechanism: reader.inside().text() }
    if (SICILY.has(reader.tag)) return { version, dn, authentication: 'Sicily', mechanism: 'NTLM' }
    if (reader.tag !== SIMPLE) return { version, dn }
    // Names of RFC 4513 §5.1; the password itself is shown nowhere.
    const isEmpty = reader.start === reader.stop
    const authentication = isEmpty ? (dn === '' ? 'anonymous' : 'unauthenticated') : 'simple'
    return { version, dn, authentication }
  },
  [SEARCH_REQUEST](reader) {
    const dn = reader.text()
    const scope = SCOPES[reader.number(ENUMERATED)] ?? ''
    const derefAliases = DEREF_ALIASES[reader.number(ENUMERATED)] ?? ''
    const sizeLimit = reader.number(INTEGER)
    const timeLimit = reader.number(INTEGER)
    const typesOnly = reader.number(BOOLEAN) !== 0
    const filter = filterText(reader)
    const attributes = reader.nextIf(SEQUENCE) ? texts(reader.inside()) : []
    return { dn, scope, derefAliases, sizeLimit, timeLimit, typesOnly, filter, attributes }
  },
  [MODIFY_REQUEST](reader) {
    const dn = reader.text()
    const changes: Change[] = []
    const all = reader.nextIf(SEQUENCE) ? reader.inside() : undefined
    while (all?.nextIf(SEQUENCE) === true) {
      const change = all.inside()
      const operation = CHANGES[change.number(ENUMERATED)] ?? ''
      if (!change.nextIf(SEQUENCE)) break
      changes.push({ operation, ...readAttribute(change.inside()) })
    }
    return { dn, changes, attributes: changes.map(({ attribute }) => attribute) }
  },
  [ADD_REQUEST](reader) {
    const dn = reader.text()
    const entry = readAttributes(reader)
    return { dn, entry, attributes: Object.keys(entry) }
  },
  [DEL_REQUEST]: (reader) => ({ dn: whole(reader) }),
  [MODIFY_DN_REQUEST](reader) {
    const dn = reader.text()
    const newRdn = reader.text()
    const deleteOldRdn = reader.number(BOOLEAN) !== 0
    return { dn, newRdn, deleteOldRdn, newSuperior: reader.text(NEW_SUPERIOR) }
  },
  [COMPARE_REQUEST](reader) {
    const dn = reader.text()
    if (!reader.nextIf(SEQUENCE)) return { dn }
    const inside = reader.inside()
    const attribute = inside.text()
    if (!inside.nextIf(OCTET_STRING)) return { dn, attribute }
    return { dn, attribute, value: isSecret(attribute) ? REDACTED : inside.value() }
  },
  [ABANDON_REQUEST]: (reader) => ({ abandonedId: abandonedId(reader) }),
  [EXTENDED_REQUEST](reader) {
    const oid = reader.text(REQUEST_NAME)
    if (oid !== PASSWORD_MODIFY || !reader.nextIf(REQUEST_VALUE)) return { oid }
    // RFC 3062 §2: whose password it is, without the passwords.
    const value = reader.inside()
    return { oid, dn: value.nextIf(SEQUENCE) ? value.inside().text(USER_IDENTITY) : '' }
  },
}

/** An abandon is the number itself. */
export function abandonedId(reader: BerReader): number {
  reader.start = reader.at
  reader.stop = reader.end
  return reader.integer()
}

function whole(reader: BerReader): string {
  reader.start = reader.at
  reader.stop = reader.end
  return reader.content()
}

function texts(reader: BerReader): string[] {
  const all: string[] = []
  while (reader.next() && all.length < MOST_NAMES) all.push(reader.content())
  return all
}

/** The list of attributes that is the next element. */
function readAttributes(reader: BerReader): Attributes {
  const attributes: Record<string, readonly Value[]> = {}
  const all = reader.nextIf(SEQUENCE) ? reader.inside() : undefined
  while (all?.nextIf(SEQUENCE) === true) {
    const { attribute, values } = readAttribute(all.inside())
    if (attribute !== '__proto__') attributes[attribute] = values
  }
  return attributes
}

function readAttribute(reader: BerReader): { attribute: string; values: readonly Value[] } {
  const attribute = reader.text()
  const values: Value[] = []
  const isHidden = isSecret(attribute)
  const all = reader.nextIf(SET) ? reader.inside() : undefined
  while (all?.next() === true) values.push(isHidden ? REDACTED : all.value())
  return { attribute, values }
}

/** Entries and their kin that came before the final reply to a search. */
export interface Collected {
  readonly entryCount: number
  readonly intermediateCount: number
  /** The first entries and references as they came, one after another. */
  readonly kept: Uint8Array
  /** Not all of them are there. */
  readonly isCut: boolean
}

/** What was answered; `message` is undefined when the final reply did not come. */
export class LdapResponse {
  readonly #message: Message | undefined
  readonly #collected: Collected
  readonly #id: number
  readonly incomplete: boolean
  #result: Result | undefined

  constructor(message: Message | undefined, collected: Collected, id: number, incomplete: boolean) {
    this.#message = message
    this.#collected = collected
    this.#id = id
    this.incomplete = incomplete
  }

  get type(): string {
    return RESPONSES[this.#message?.tag ?? 0] ?? ''
  }
  get messageId(): number {
    return this.#id
  }
  get resultCode(): number {
    return this.#read.resultCode
  }
  get result(): string {
    const { resultCode } = this
    return this.#message === undefined ? '' : (RESULT_NAMES[resultCode] ?? String(resultCode))
  }
  get matchedDn(): string {
    return this.#read.matchedDn
  }
  get diagnosticMessage(): string {
    return this.#read.diagnosticMessage
  }
  get referrals(): readonly string[] {
    return this.#read.referrals
  }
  get oid(): string {
    return this.#read.oid
  }
  get oidName(): string {
    return OID_NAMES[this.oid] ?? ''
  }
  get value(): string {
    return this.#read.value
  }
  get entryCount(): number {
    return this.#collected.entryCount
  }
  get intermediateCount(): number {
    return this.#collected.intermediateCount
  }
  get entries(): readonly SearchEntry[] {
    return this.#kept(SEARCH_ENTRY, (reader) => [{ dn: reader.text(), attributes: readAttributes(reader) }])
  }
  get references(): readonly string[] {
    return this.#kept(SEARCH_REFERENCE, texts)
  }
  get controls(): readonly Control[] {
    return this.#message?.controls ?? []
  }
  get truncated(): boolean {
    return this.#collected.isCut || this.#message?.isCut === true
  }

  #kept<T>(tag: number, read: (operation: BerReader) => readonly T[]): T[] {
    const all: T[] = []
    const reader = new BerReader(this.#collected.kept)
    while (reader.next()) {
      const message = reader.inside()
      message.number(INTEGER)
      if (message.nextIf(tag)) all.push(...read(message.inside()))
    }
    return all
  }

  get #read(): Result {
    this.#result ??= this.#message === undefined ? NO_RESULT : readResult(this.#message)
    return this.#result
  }
}

/** RFC 4511 §4.1.9, and what an extended reply has behind it (§4.12). An intermediate one has only that (§4.13). */
function readResult(message: Message): Result {
  const reader = message.operation()
  if (message.tag === INTERMEDIATE_RESPONSE) return { ...NO_RESULT, oid: reader.text(INTERMEDIATE_NAME) }
  const resultCode = reader.number(ENUMERATED)
  const matchedDn = reader.text()
  const diagnosticMessage = reader.text()
  const referrals = reader.nextIf(REFERRAL) ? texts(reader.inside()) : []
  const result = { ...NO_RESULT, resultCode, matchedDn, diagnosticMessage, referrals }
  if (message.tag !== EXTENDED_RESPONSE) return result
  const oid = reader.text(RESPONSE_NAME)
  const value = reader.text(RESPONSE_VALUE)
  // RFC 4532 §2.2: who one is. The value of others is not text, and a password in one of them.
  return { ...result, oid, value: /^(dn|u):/.test(value) ? value : '' }
}

const NO_RESULT = {
  resultCode: 0,
  matchedDn: '',
  diagnosticMessage: '',
  referrals: [] as readonly string[],
  oid: '',
  value: '',
}
type Result = typeof NO_RESULT

const SCOPES = ['baseObject', 'singleLevel', 'wholeSubtree', 'subordinateSubtree']
const DEREF_ALIASES = ['neverDerefAliases', 'derefInSearching', 'derefFindingBaseObj', 'derefAlways']
const CHANGES = ['add', 'delete', 'replace', 'increment']
/** Context tags. */
const CONTROLS = 0xa0
const SIMPLE = 0x80
const SASL = 0xa3
/** What Microsoft had before SASL ([MS-ADTS] §5.1.1.1.3): discovery, negotiate, response. */
const SICILY: ReadonlySet<number> = new Set([0x89, 0x8a, 0x8b])
const NEW_SUPERIOR = 0x80
const REQUEST_NAME = 0x80
const REQUEST_VALUE = 0x81
const USER_IDENTITY = 0x80
const REFERRAL = 0xa3
const RESPONSE_NAME = 0x8a
const RESPONSE_VALUE = 0x8b
const INTERMEDIATE_NAME = 0x80
const MOST_CONTROLS = 100
const MOST_NAMES = 1000
