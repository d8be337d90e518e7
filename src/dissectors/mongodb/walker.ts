import { u8, u32le } from '../../bytes/read.ts'
import { latin1, utf8Text } from '../../bytes/text.ts'
import { BODY_SECTION, cstringEnd, f64le, i32le, i64le, SEQUENCE_SECTION } from './wire.ts'

/** What is picked out of a document on the way: plain values by the name that the plan gives them. */
export type Facts = Partial<Record<Fact, string | number | bigint | boolean>>

/** What to pick out of a document. */
export interface Plan {
  /** Under which names the key of the first element goes, and its value where that is text. */
  readonly first?: { readonly name: Fact; readonly value: Fact }
  readonly keys: ReadonlyMap<string, Want>
}

/** A fact that the value becomes; or what to do with the document or array that it is. */
type Want = Fact | { readonly inside: Plan } | { readonly count: Fact; readonly first?: Plan }

const plan = (keys: Readonly<Record<string, Want>>, first?: Plan['first']): Plan => ({
  keys: new Map(Object.entries(keys)),
  ...(first === undefined ? {} : { first }),
})

const EXPLAINED = plan({}, { name: 'explained', value: 'target' })
const COMMAND_KEYS: Readonly<Record<string, Want>> = {
  $db: 'database',
  collection: 'collection',
  explain: { inside: EXPLAINED },
}
const NAMED = { name: 'command', value: 'target' } as const
const WRAPPING: Want = { inside: plan(COMMAND_KEYS, NAMED) }
/** A command: its name is the key of the first element. Old drivers wrap it, to say beside it who may answer. */
export const COMMAND: Plan = plan({ ...COMMAND_KEYS, $query: WRAPPING, query: WRAPPING }, NAMED)
/** What a command is answered with. */
export const REPLY: Plan = plan({
  ok: 'ok',
  code: 'code',
  codeName: 'codeName',
  errmsg: 'errmsg',
  $err: '$err',
  err: 'err',
  n: 'n',
  nModified: 'nModified',
  nErrors: 'nErrors',
  values: { count: 'rows' },
  cursor: {
    inside: plan({
      id: 'cursorId',
      // Of a `bulkWrite` these are not documents, but what became of each write.
      firstBatch: { count: 'rows', first: plan({ code: 'firstCode', errmsg: 'firstMessage' }) },
      nextBatch: { count: 'rows' },
    }),
  },
  writeErrors: { count: 'writeErrors', first: plan({ code: 'writeCode', errmsg: 'writeMessage' }) },
  writeConcernError: {
    inside: plan({ code: 'concernCode', codeName: 'concernCodeName', errmsg: 'concernMessage' }),
  },
})
export type Fact =
  | 'command'
  | 'target'
  | 'explained'
  | 'database'
  | 'collection'
  | 'ok'
  | 'code'
  | 'codeName'
  | 'errmsg'
  | '$err'
  | 'err'
  | 'n'
  | 'nModified'
  | 'nErrors'
  | 'rows'
  | 'cursorId'
  | 'firstCode'
  | 'firstMessage'
  | 'writeErrors'
  | 'writeCode'
  | 'writeMessage'
  | 'concernCode'
  | 'concernCodeName'
  | 'concernMessage'

/**
 * Walks over the sections or documents of one message after another and picks out some values, without building
 * documents. It may stop after any element and goes on from there: of a message of 48 MB nothing need be kept to know
 * whether it succeeded, which stands at its end. https://bsonspec.org/spec.html
 */
export class Walker {
  facts: Facts = {}
  /** Documents on the first level: of sequences and of opcodes that carry several. */
  documents = 0
  /** Where the walk stopped. */
  at = 0
  /** After `more`: bytes needed from `at` on. */
  need = 0
  /** Bytes from `at` on that are of no interest: they are passed over, here or by whoever calls. */
  rest = 0
  readonly #levels: Level[] = []
  /** Bytes of the message before `at`. */
  #position = 0
  #looked = 0

  /** A message begins of which `length` bytes are sections of OP_MSG … */
  beginSections(length: number, body: Plan): void {
    this.#begin({ kind: 'sections', end: length, plan: body, count: 0, counts: undefined })
  }

  /** … or documents, one after another; the first `looked` of them follow the plan, the others are counted. */
  beginDocuments(length: number, plan: Plan | undefined, looked: number): void {
    this.#looked = looked
    this.#begin({ kind: 'documents', end: length, plan, count: 0, counts: undefined })
  }

  #begin(level: Level): void {
    this.facts = {}
    this.documents = 0
    this.rest = 0
    this.#position = 0
    this.#levels.length = 0
    this.#levels.push(level)
  }

  /** Bytes that were passed over by whoever calls, or lost. */
  passed(length: number): void {
    this.rest -= length
    this.#position += length
  }

  /** `whole`: the message ends at `at`. `more`: `need` bytes are needed from `at` on, or `rest` are to be passed over. */
  walk(bytes: Uint8Array, start: number, end: number): 'whole' | 'more' | 'broken' {
    this.at = start
    while (true) {
      if (this.rest > 0) {
        const passing = Math.min(this.rest, end - this.at)
        this.at += passing
        this.passed(passing)
        if (this.rest > 0) return this.#more(this.rest)
      }
      const level = this.#levels.at(-1)
      if (level === undefined) return 'whole'
      if (level.kind !== 'elements' && this.#position === level.end) {
        this.#levels.pop()
        continue
      }
      if (this.at >= end) return this.#more(1)
      const outcome = this.#next(level, bytes, end)
      if (outcome !== 'next') return outcome
    }
  }

  #next(level: Level, bytes: Uint8Array, end: number): Outcome {
    if (level.kind === 'elements') return this.#element(level, bytes, end)
    return level.kind === 'sections' ? this.#section(level, bytes, end) : this.#document(level, bytes, end)
  }

  #section(level: Level, bytes: Uint8Array, end: number): Outcome {
    const kind = u8(bytes, this.at)
    if (kind === BODY_SECTION) {
      const length = this.#length(bytes, this.at + 1, end, level.end - this.#position - 1)
      if (typeof length === 'string') return length
      return this.#enter(5, this.#position + 1 + length, level.plan)
    }
    if (kind !== SEQUENCE_SECTION) return 'broken'
    const length = this.#length(bytes, this.at + 1, end, level.end - this.#position - 1)
    if (typeof length === 'string') return length
    const nameEnd = cstringEnd(bytes, this.at + 5, end, LONGEST_KEY)
    if (nameEnd < 0) return this.#moreOfKey(this.at + 5, end)
    if (nameEnd + 1 - this.at > length + 1) return 'broken'
    this.#levels.push({
      kind: 'documents',
      end: this.#position + 1 + length,
      plan: undefined,
      count: 0,
      counts: undefined,
    })
    return this.#take(nameEnd + 1 - this.at)
  }

  #document(level: Level, bytes: Uint8Array, end: number): Outcome {
    const length = this.#length(bytes, this.at, end, level.end - this.#position)
    if (typeof length === 'string') return length
    this.documents++
    const isLooked = level.plan !== undefined && level.count++ < this.#looked
    return isLooked ? this.#enter(4, this.#position + length, level.plan) : this.#pass(length)
  }

  #element(level: Level, bytes: Uint8Array, end: number): Outcome {
    const type = u8(bytes, this.at)
    if (type === 0) {
      if (this.#position + 1 !== level.end) return 'broken'
      this.#levels.pop()
      return this.#take(1)
    }
    const keyEnd = cstringEnd(bytes, this.at + 1, end, LONGEST_KEY)
    if (keyEnd < 0) return this.#moreOfKey(this.at + 1, end)
    const valueAt = keyEnd + 1
    const room = level.end - 1 - this.#position - (valueAt - this.at)
    const length = this.#valueLength(type, bytes, valueAt, end, room)
    if (typeof length === 'string') return length
    const want = this.#wanted(level, bytes, this.at + 1, keyEnd)
    if (typeof want === 'string') {
      const outcome = this.#value(want, type, bytes, valueAt, end, length)
      // It will be looked at again.
      if (outcome === 'more') level.count--
      return outcome
    }
    if (want !== undefined && (type === DOCUMENT || type === ARRAY)) {
      const inside = 'inside' in want ? want.inside : undefined
      const counts = 'inside' in want ? undefined : want
      const from = valueAt - this.at
      return this.#enter(from + 4, this.#position + from + length, inside, counts)
    }
    return this.#pass(valueAt - this.at + length)
  }

  /** What to do with the element whose key is `[start, end)`. */
  #wanted(level: Level, bytes: Uint8Array, start: number, end: number): Want | undefined {
    const isFirst = level.count++ === 0
    const { counts } = level
    if (counts !== undefined) {
      this.facts[counts.count] = level.count
      return isFirst && counts.first !== undefined ? { inside: counts.first } : undefined
    }
    const { plan } = level
    if (plan === undefined) return undefined
    const want = plan.keys.get(latin1(bytes, start, end))
    if (plan.first === undefined) return want
    const isWrapped = want === WRAPPING
    if (!isFirst) return isWrapped ? undefined : want
    if (isWrapped) return want
    this.facts[plan.first.name] = utf8Text(bytes, start, end)
    return want ?? plan.first.value
  }

  #value(fact: Fact, type: number, bytes: Uint8Array, at: number, end: number, length: number): Outcome {
    const isText = type === STRING || type === SYMBOL
    const needed = isText ? Math.min(length, 4 + LONGEST_TEXT) : length
    if (type in PLAIN && at + needed > end) return this.#more(at + needed - this.at)
    if (isText) this.facts[fact] = utf8Text(bytes, at + 4, at + needed - (needed === length ? 1 : 0))
    else if (type === INT32) this.facts[fact] = i32le(bytes, at)
    else if (type === DOUBLE) this.facts[fact] = f64le(bytes, at)
    else if (type === BOOLEAN) this.facts[fact] = u8(bytes, at) === 1
    else if (type === INT64) this.facts[fact] = i64le(bytes, at)
    return this.#pass(at - this.at + length)
  }

  /** Length of a value with the count in front of it. */
  #valueLength(
    type: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    room: number,
  ): number | 'more' | 'broken' {
    const fixed = FIXED[type]
    if (fixed !== undefined) return fixed <= room ? fixed : 'broken'
    if (type === REGEX) return this.#regexLength(bytes, at, end, room)
    const around = AROUND[type]
    if (around === undefined) return 'broken'
    if (at + 4 > end) return room < 4 ? 'broken' : this.#more(at + 4 - this.at)
    const length = u32le(bytes, at)
    if (around === 0 ? length < SHORTEST_DOCUMENT : type !== BINARY && length < 1) return 'broken'
    return length + around <= room ? length + around : 'broken'
  }

  #regexLength(bytes: Uint8Array, at: number, end: number, room: number): number | 'more' | 'broken' {
    const patternEnd = cstringEnd(bytes, at, end, LONGEST_TEXT)
    const optionsEnd = patternEnd < 0 ? -1 : cstringEnd(bytes, patternEnd + 1, end, LONGEST_KEY)
    if (optionsEnd >= 0) return optionsEnd + 1 - at <= room ? optionsEnd + 1 - at : 'broken'
    return end - at > LONGEST_TEXT + LONGEST_KEY ? 'broken' : this.#more(end - this.at + 1)
  }

  /** The length at `at` of a document or sequence for which there is so much `room`. */
  #length(bytes: Uint8Array, at: number, end: number, room: number): number | 'more' | 'broken' {
    if (room < SHORTEST_DOCUMENT) return 'broken'
    if (at + 4 > end) return this.#more(at + 4 - this.at)
    const length = u32le(bytes, at)
    return length >= SHORTEST_DOCUMENT && length <= room ? length : 'broken'
  }

  #enter(taken: number, end: number, plan: Plan | undefined, counts?: Level['counts']): 'next' {
    if (counts !== undefined) this.facts[counts.count] = 0
    this.#levels.push({ kind: 'elements', end, plan, count: 0, counts })
    return this.#take(taken)
  }

  #take(length: number): 'next' {
    this.at += length
    this.#position += length
    return 'next'
  }

  #pass(length: number): 'next' {
    this.rest = length
    return 'next'
  }

  #more(need: number): 'more' {
    this.need = need
    return 'more'
  }

  #moreOfKey(start: number, end: number): 'more' | 'broken' {
    return end - start >= LONGEST_KEY ? 'broken' : this.#more(end - this.at + 1)
  }
}

interface Level {
  readonly kind: 'sections' | 'documents' | 'elements'
  /** Bytes of the message before its end. */
  readonly end: number
  readonly plan: Plan | undefined
  /** Elements or documents that were passed. */
  count: number
  readonly counts: { readonly count: Fact; readonly first?: Plan } | undefined
}

type Outcome = 'next' | 'more' | 'broken'

/** Types of elements. */
export const DOUBLE = 0x01
export const STRING = 0x02
export const DOCUMENT = 0x03
export const ARRAY = 0x04
export const BINARY = 0x05
export const UNDEFINED = 0x06
export const OBJECT_ID = 0x07
export const BOOLEAN = 0x08
export const DATE = 0x09
export const NULL = 0x0a
export const REGEX = 0x0b
export const DB_POINTER = 0x0c
export const CODE = 0x0d
export const SYMBOL = 0x0e
export const CODE_WITH_SCOPE = 0x0f
export const INT32 = 0x10
export const TIMESTAMP = 0x11
export const INT64 = 0x12
export const DECIMAL128 = 0x13
export const MIN_KEY = 0xff
export const MAX_KEY = 0x7f

/** Bytes of values that have always the same length. */
export const FIXED: Readonly<Record<number, number>> = {
  [DOUBLE]: 8,
  [UNDEFINED]: 0,
  [OBJECT_ID]: 12,
  [BOOLEAN]: 1,
  [DATE]: 8,
  [NULL]: 0,
  [INT32]: 4,
  [TIMESTAMP]: 8,
  [INT64]: 8,
  [DECIMAL128]: 16,
  [MIN_KEY]: 0,
  [MAX_KEY]: 0,
}
/** Bytes that the length in front of a value does not count. */
export const AROUND: Readonly<Record<number, number>> = {
  [STRING]: 4,
  [DOCUMENT]: 0,
  [ARRAY]: 0,
  [BINARY]: 5,
  [DB_POINTER]: 16,
  [CODE]: 4,
  [SYMBOL]: 4,
  [CODE_WITH_SCOPE]: 0,
}
/** Types whose values become facts. */
const PLAIN: Readonly<Record<number, true>> = {
  [DOUBLE]: true,
  [STRING]: true,
  [BOOLEAN]: true,
  [SYMBOL]: true,
  [INT32]: true,
  [INT64]: true,
}
export const SHORTEST_DOCUMENT = 5
/** Keys of elements that are looked at: those of commands and replies are short. */
const LONGEST_KEY = 1024
/** Bytes of a text that are kept as a fact; a message about a duplicate key has the key. */
const LONGEST_TEXT = 16 << 10
