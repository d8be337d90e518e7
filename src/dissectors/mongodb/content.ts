import { u8, u32le } from '../../bytes/read.ts'
import { latin1 } from '../../bytes/text.ts'
import { type Fields, PlainReader, put } from './plain.ts'
import {
  BODY_SECTION,
  cstringEnd,
  i32le,
  i64le,
  OP_COMMAND,
  OP_COMMANDREPLY,
  OP_DELETE,
  OP_GET_MORE,
  OP_INSERT,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_QUERY,
  OP_REPLY,
  OP_UPDATE,
  type Prelude,
  readPrelude,
} from './wire.ts'

/** Bytes of a message that were kept to be read when somebody asks for its documents. */
export interface Kept {
  readonly opcode: number
  /** What came after the header, uncompressed, without a checksum. */
  readonly bytes: Uint8Array
  /** There was more. */
  readonly isCut: boolean
}

/** What a message says, as plain values. */
export interface Content {
  /** The command or its reply, documents of sequences within it. */
  readonly body: Fields
  /** Documents that are stored, changed, removed or found. */
  readonly documents: readonly unknown[]
  /** Not all of it is here. */
  readonly isCut: boolean
}

export function readContent({ opcode, bytes, isCut }: Kept): Content {
  const prelude = readPrelude(opcode, bytes, 0, bytes.length)
  if (prelude === undefined) return { ...NO_CONTENT, isCut }
  if (opcode === OP_MSG) return readSections(bytes, prelude.at, isCut)
  const reader = new PlainReader(bytes, prelude.at, bytes.length)
  const documents: Fields[] = []
  if (opcode !== OP_GET_MORE && opcode !== OP_KILL_CURSORS)
    while (reader.hasMore) documents.push(reader.document())
  return {
    body: bodyOf(opcode, bytes, prelude, documents),
    documents: ARE_ROWS.has(opcode) ? documents : [],
    isCut: isCut || reader.isCut,
  }
}

/** Documents in sequences are elements of the body that are sent beside it. */
function readSections(bytes: Uint8Array, start: number, isCut: boolean): Content {
  const body: Fields = {}
  const sequences: [name: string, documents: Fields[]][] = []
  let at = start
  let whole = true
  while (whole && at + 5 <= bytes.length) {
    const isBody = u8(bytes, at) === BODY_SECTION
    const end = Math.min(at + 1 + u32le(bytes, at + 1), bytes.length)
    const nameEnd = isBody ? at : cstringEnd(bytes, at + 5, end, end)
    if (nameEnd < 0) break
    const reader = new PlainReader(bytes, isBody ? at + 1 : nameEnd + 1, end)
    if (isBody) reader.document(body)
    else sequences.push([latin1(bytes, at + 5, nameEnd), documentsOf(reader)])
    whole = !reader.isCut
    at += 1 + u32le(bytes, at + 1)
  }
  for (const [name, documents] of sequences) put(body, name, documents)
  return { body, documents: rowsIn(body), isCut: isCut || !whole }
}

function documentsOf(reader: PlainReader): Fields[] {
  const documents: Fields[] = []
  while (reader.hasMore) documents.push(reader.document())
  return documents
}

function rowsIn(body: Fields): readonly unknown[] {
  const cursor = body.cursor as Fields | undefined
  const lists = [body.documents, body.updates, body.deletes, body.ops, cursor?.firstBatch, cursor?.nextBatch]
  return (lists.find(Array.isArray) as unknown[] | undefined) ?? []
}

/** What the opcodes before OP_MSG say, by the names that their fields have. */
function bodyOf(opcode: number, bytes: Uint8Array, prelude: Prelude, documents: readonly Fields[]): Fields {
  const [first = {}, second = {}] = documents
  const { flags, at, namespace } = prelude
  switch (opcode) {
    case OP_QUERY: {
      if (isCommandNamespace(namespace)) return unwrapped(first)
      const numbers = { numberToSkip: i32le(bytes, at - 8), numberToReturn: i32le(bytes, at - 4) }
      return { query: first, ...(documents.length > 1 ? { fields: second } : {}), ...numbers }
    }
    case OP_INSERT:
      return { documents, continueOnError: (flags & 1) !== 0 }
    case OP_UPDATE:
      return { selector: first, update: second, upsert: (flags & 1) !== 0, multi: (flags & 2) !== 0 }
    case OP_DELETE:
      return { selector: first, single: (flags & 1) !== 0 }
    case OP_GET_MORE:
      return { numberToReturn: i32le(bytes, at - 12), cursorId: String(i64le(bytes, at - 8)) }
    case OP_KILL_CURSORS:
      return { cursorIds: cursorIds(bytes, at, prelude.count) }
    case OP_COMMAND:
      return Object.keys(first)[0] === prelude.command || documents.length < 2 ? first : second
    case OP_COMMANDREPLY:
      return 'ok' in first || documents.length < 2 ? first : second
    default:
      return documents.length === 1 ? first : {}
  }
}

export function isCommandNamespace(namespace: string): boolean {
  return namespace.endsWith('.$cmd')
}

/** Old drivers put a command into `$query` to say beside it who may answer. */
function unwrapped(document: Fields): Fields {
  const { $query = document.query, query, ...others } = document
  const isWrapped = ['$query', 'query'].includes(Object.keys(document)[0] ?? '')
  return isWrapped && typeof $query === 'object' && $query !== null ? { ...$query, ...others } : document
}

function cursorIds(bytes: Uint8Array, start: number, count: number): string[] {
  const here = Math.min(count, Math.floor((bytes.length - start) / 8), MOST_CURSORS)
  return Array.from({ length: here }, (_, each) => String(i64le(bytes, start + 8 * each)))
}

const ARE_ROWS: ReadonlySet<number> = new Set([OP_REPLY, OP_INSERT])
const MOST_CURSORS = 1000
const NO_CONTENT: Content = { body: {}, documents: [], isCut: false }
