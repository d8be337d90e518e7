import { copyOf, u8 } from '../../bytes/read.ts'
import type { DissectContext, Found, Parser, Side, Step } from '../../dissect/dissector.ts'
import { COMPRESSORS, decompressed, isDense, KeptPacked, type Packed } from './compression.ts'
import { isCommandNamespace, type Kept } from './content.ts'
import type { Told } from './messages.ts'
import { COMMAND, type Plan, REPLY, Walker } from './walker.ts'
import {
  CHECKSUM_PRESENT,
  HEADER,
  type Header,
  i32le,
  isHeader,
  LONGEST_MESSAGE,
  LONGEST_PRELUDE,
  OP_COMMAND,
  OP_COMMANDREPLY,
  OP_COMPRESSED,
  OP_GET_MORE,
  OP_KILL_CURSORS,
  OP_MSG,
  OP_REPLY,
  type Prelude,
  readHeader,
  readPrelude,
  SENT_BY,
} from './wire.ts'

/** Messages up to this length are waited for and read in one go; longer ones as they come, so that a hole does no harm. */
const LONGEST_WAITED_FOR = 1 << 10
/** Bytes that are kept of a compressed message, which must be there to be decompressed. */
export const LONGEST_COMPRESSED = 4 << 20

/** What a message is, and which other it goes with. */
type Find<M> = (told: Told, prelude: Prelude | undefined) => Found<M>

/** Reads the messages of one side. Those that are long are never held as a whole, unless they are compressed. */
export class MessageParser<M> implements Parser<M> {
  readonly #side: Side
  readonly #context: DissectContext
  readonly #find: Find<M>
  readonly #walker = new Walker()
  #long: LongMessage | undefined

  constructor(side: Side, context: DissectContext, find: Find<M>) {
    this.#side = side
    this.#context = context
    this.#find = find
  }

  next(bytes: Uint8Array, start: number, end: number): Step<M> {
    if (this.#long !== undefined) return this.#goOn(this.#long, bytes, start, end)
    if (end - start < HEADER) return { kind: 'incomplete', need: HEADER }
    const header = readHeader(bytes, start)
    if (!isHeader(header, this.#side)) return { kind: 'invalid', reason: 'no header of a message' }
    const { length } = header
    if (end - start >= length) {
      const isPacked = header.opcode === OP_COMPRESSED
      const read = isPacked
        ? this.#unpack(header, bytes, start + HEADER, start + length, false)
        : this.#read(header, header.opcode, undefined, bytes, start + HEADER, start + length, false)
      return this.#message(read, length)
    }
    if (length <= LONGEST_WAITED_FOR) return { kind: 'incomplete', need: length }
    return this.#beginLong(header, bytes, start, end)
  }

  /** Bytes of a long message that were lost: where it ends is known all the same. */
  gap(length: number): number {
    const long = this.#long
    if (long === undefined) return 0
    const lost = Math.min(length, long.left)
    long.left -= lost
    long.hasHole = true
    // What would have been passed over is not missed.
    if (long.isWalked && this.#walker.rest >= lost) this.#walker.passed(lost)
    else long.isWalked = false
    return lost
  }

  missed(): void {
    if (this.#long !== undefined) this.#long.hasHole = true
  }

  rejoin(): void {
    this.#long = undefined
  }

  end(): Found<M> | undefined {
    const long = this.#long
    this.#long = undefined
    if (long !== undefined) long.hasHole = true
    const read = long && this.#readLong(long)
    return read && this.#find(read.told, read.prelude)
  }

  get held(): number {
    return this.#long?.kept.length ?? 0
  }

  /** OP_COMPRESSED: originalOpcode, uncompressedSize, compressorId, and a message without its header. */
  #unpack(header: Header, bytes: Uint8Array, start: number, end: number, isCut: boolean): Read | undefined {
    if (end - start < COMPRESSED_PRELUDE) return undefined
    const opcode = i32le(bytes, start)
    const size = i32le(bytes, start + 4)
    const compressor = u8(bytes, start + 8)
    if (size < 0 || opcode === OP_COMPRESSED || !SENT_BY[this.#side].has(opcode)) return undefined
    const packed = { compressor, bytes: bytes.subarray(start + COMPRESSED_PRELUDE, end), size, isCut }
    const unpacked = decompressed(packed)
    if (unpacked === undefined)
      return { told: unreadable(header, opcode, nameOf(compressor)), prelude: undefined }
    return this.#read(header, opcode, packed, unpacked, 0, unpacked.length, unpacked.length < size)
  }

  /** All of a message but its header, `packed` being what it was made of; with `isCut` the beginning of it. */
  #read(
    header: Header,
    opcode: number,
    packed: Packed | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
    isCut: boolean,
  ): Read | undefined {
    const prelude = readPrelude(opcode, bytes, start, end)
    if (prelude === undefined) return undefined
    const last = isCut ? end : end - checksumLength(opcode, prelude)
    this.#begin(opcode, prelude, isCut ? LONGEST_MESSAGE : last - prelude.at)
    const isWhole = this.#walker.walk(bytes, prelude.at, last) === 'whole'
    const keptEnd = Math.min(last, start + this.#limit)
    const isShortened = isCut || keptEnd < last
    const kept =
      packed !== undefined && isDense(packed, keptEnd - start)
        ? new KeptPacked(opcode, packed, keptEnd - start, isShortened)
        : { opcode, bytes: copyOf(bytes, start, keptEnd), isCut: isShortened }
    const compressor = packed === undefined ? '' : nameOf(packed.compressor)
    return { told: this.#told(header, opcode, compressor, prelude, kept, !isWhole), prelude }
  }

  #begin(opcode: number, prelude: Prelude, length: number): void {
    if (opcode === OP_MSG) this.#walker.beginSections(length, this.#side === 'client' ? COMMAND : REPLY)
    else if (HAS_NO_DOCUMENTS.has(opcode)) this.#walker.beginDocuments(0, undefined, 0)
    else this.#walker.beginDocuments(length, planOf(opcode, prelude), LOOKED_AT[opcode] ?? 1)
  }

  #told(
    { requestId, responseTo, length }: Header,
    opcode: number,
    compressor: string,
    { flags, cursorId }: Prelude,
    kept: Kept,
    incomplete: boolean,
  ): Told {
    const { facts, documents } = this.#walker
    const ids = { requestId, responseTo, cursorId }
    return { opcode, ...ids, size: length, flags, compressor, facts, documents, kept, incomplete }
  }

  #beginLong(header: Header, bytes: Uint8Array, start: number, end: number): Step<M> {
    const { opcode, length } = header
    const isPacked = opcode === OP_COMPRESSED
    const body = start + HEADER
    const prelude = isPacked ? undefined : readPrelude(opcode, bytes, body, end)
    if (!isPacked && prelude === undefined)
      return end - body < LONGEST_PRELUDE ? { kind: 'incomplete', need: end - start + 1 } : BROKEN
    const long = new LongMessage(header, prelude, isPacked ? LONGEST_COMPRESSED : this.#limit)
    const at = prelude?.at ?? body
    long.keep(bytes, body, at)
    long.left = length - (at - start)
    if (prelude !== undefined) this.#begin(opcode, prelude, long.left - checksumLength(opcode, prelude))
    this.#long = long
    return { kind: 'partial', length: at - start }
  }

  #goOn(long: LongMessage, bytes: Uint8Array, start: number, end: number): Step<M> {
    const walker = this.#walker
    if (long.left === 0) return this.#finish(long, 0)
    if (long.isFull) {
      // Nobody needs the bytes that come next.
      const unread = long.isWalked ? walker.rest : long.left
      if (unread > 0) {
        if (long.isWalked) walker.passed(unread)
        long.left -= unread
        return { kind: 'skip', length: unread }
      }
    }
    if (start === end) return { kind: 'incomplete', need: 1 }
    const last = Math.min(end, start + long.left)
    const at = long.isWalked ? this.#walkLong(long, bytes, start, last) : last
    if (at === start) return { kind: 'incomplete', need: walker.need }
    long.keep(bytes, start, at)
    long.left -= at - start
    return long.left === 0 ? this.#finish(long, at - start) : { kind: 'partial', length: at - start }
  }

  /** Returns how far it came: to the end, or to where more bytes are needed at once. */
  #walkLong(long: LongMessage, bytes: Uint8Array, start: number, end: number): number {
    const walker = this.#walker
    const outcome = walker.walk(bytes, start, end)
    const left = long.left - (walker.at - start)
    if (outcome === 'more' && walker.need <= left) return walker.at
    // Behind the documents there is a checksum, or nothing; or they are broken.
    long.isWalked = false
    if (outcome !== 'whole') long.isBroken = true
    return end
  }

  #finish(long: LongMessage, length: number): Step<M> {
    this.#long = undefined
    return this.#message(this.#readLong(long), length)
  }

  #readLong({ header, kept, prelude, hasHole, isBroken }: LongMessage): Read | undefined {
    const { opcode, length } = header
    if (prelude === undefined)
      return this.#unpack(header, kept, 0, kept.length, hasHole || kept.length < length - HEADER)
    const whole = length - HEADER - checksumLength(opcode, prelude)
    const isCut = hasHole || kept.length < whole
    const told = this.#told(
      header,
      opcode,
      '',
      prelude,
      { opcode, bytes: kept.subarray(0, whole), isCut },
      hasHole || isBroken,
    )
    return { told, prelude }
  }

  #message(read: Read | undefined, length: number): Step<M> {
    return read === undefined ? BROKEN : { kind: 'message', length, ...this.#find(read.told, read.prelude) }
  }

  get #limit(): number {
    return this.#context.wantsBodies ? this.#context.maxBody : 0
  }
}

interface Read {
  readonly told: Told
  readonly prelude: Prelude | undefined
}

/** A message that is read as it comes. */
class LongMessage {
  readonly header: Header
  /** Undefined when it is compressed. */
  readonly prelude: Prelude | undefined
  /** Bytes still to come. */
  left = 0
  /** What comes next is walked over. */
  isWalked: boolean
  isBroken = false
  /** Bytes of it were lost, or will not come. */
  hasHole = false
  readonly #limit: number
  #bytes = NOTHING
  #length = 0

  constructor(header: Header, prelude: Prelude | undefined, limit: number) {
    this.header = header
    this.prelude = prelude
    this.isWalked = prelude !== undefined
    this.#limit = limit
  }

  /** No more is kept: there is enough, or what comes does not follow on what is there. */
  get isFull(): boolean {
    return this.#length >= this.#limit || this.hasHole
  }

  /** What came behind the header, as far as it was kept. */
  get kept(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Grows with what has come, not with what was announced. */
  keep(bytes: Uint8Array, start: number, end: number): void {
    const length = this.isFull ? 0 : Math.min(end - start, this.#limit - this.#length)
    if (length <= 0) return
    const needed = this.#length + length
    if (needed > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(2 * needed, this.#limit, this.header.length))
      larger.set(this.kept)
      this.#bytes = larger
    }
    this.#bytes.set(bytes.subarray(start, start + length), this.#length)
    this.#length = needed
  }
}

function planOf(opcode: number, { namespace }: Prelude): Plan | undefined {
  if (opcode === OP_REPLY || opcode === OP_COMMANDREPLY) return REPLY
  return opcode === OP_COMMAND || isCommandNamespace(namespace) ? COMMAND : undefined
}

function checksumLength(opcode: number, { flags }: Prelude): number {
  return opcode === OP_MSG && (flags & CHECKSUM_PRESENT) !== 0 ? 4 : 0
}

function nameOf(compressor: number): string {
  return COMPRESSORS[compressor] ?? String(compressor)
}

/** Of a message that cannot be decompressed only the header is known. */
function unreadable({ requestId, responseTo, length }: Header, opcode: number, compressor: string): Told {
  const ids = { requestId, responseTo, cursorId: '' }
  const kept = { opcode, bytes: NOTHING, isCut: true }
  return {
    opcode,
    ...ids,
    size: length,
    flags: 0,
    compressor,
    facts: {},
    documents: 0,
    kept,
    incomplete: true,
  }
}

const BROKEN = { kind: 'invalid', reason: 'not what a message has behind its header' } as const
const NOTHING = new Uint8Array(0)
/** originalOpcode, uncompressedSize and compressorId. */
const COMPRESSED_PRELUDE = 9
const HAS_NO_DOCUMENTS: ReadonlySet<number> = new Set([OP_GET_MORE, OP_KILL_CURSORS])
/** Documents in which facts are looked for; of a query the second one says which fields it wants. */
const LOOKED_AT: Readonly<Record<number, number>> = { [OP_COMMAND]: 2, [OP_COMMANDREPLY]: 2 }
