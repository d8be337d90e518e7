import { BSON } from 'bson'

/** A message with its header. */
export function message(opcode: number, body: Uint8Array, requestId = 1, responseTo = 0): Buffer {
  const header = Buffer.alloc(16)
  header.writeInt32LE(16 + body.length, 0)
  header.writeInt32LE(requestId, 4)
  header.writeInt32LE(responseTo, 8)
  header.writeInt32LE(opcode, 12)
  return Buffer.concat([header, body])
}

/** OP_MSG with a body, and sequences of documents by their names. */
export function opMsg(
  body: BSON.Document,
  { requestId = 1, responseTo = 0, flags = 0, sequences = {}, first = false }: MsgOptions = {},
): Buffer {
  const sections = Object.entries(sequences).map(([name, documents]) => {
    const content = Buffer.concat([cstring(name), ...documents.map((each) => BSON.serialize(each))])
    return Buffer.concat([Buffer.of(1), int32(4 + content.length), content])
  })
  const main = Buffer.concat([Buffer.of(0), BSON.serialize(body)])
  const checksum = (flags & 1) === 0 ? Buffer.alloc(0) : Buffer.from('cafebabe', 'hex')
  const content = first ? [...sections, main] : [main, ...sections]
  return message(2013, Buffer.concat([int32(flags), ...content, checksum]), requestId, responseTo)
}

interface MsgOptions {
  readonly requestId?: number
  readonly responseTo?: number
  readonly flags?: number
  readonly sequences?: Readonly<Record<string, readonly BSON.Document[]>>
  /** Sequences come before the body. */
  readonly first?: boolean
}

export function opQuery(
  namespace: string,
  query: BSON.Document,
  { requestId = 1, flags = 0, fields }: { requestId?: number; flags?: number; fields?: BSON.Document } = {},
): Buffer {
  const documents = [query, ...(fields === undefined ? [] : [fields])].map((each) => BSON.serialize(each))
  return message(
    2004,
    Buffer.concat([int32(flags), cstring(namespace), int32(0), int32(-1), ...documents]),
    requestId,
  )
}

export function opReply(
  documents: readonly BSON.Document[],
  {
    requestId = 9,
    responseTo = 1,
    flags = 8,
    cursorId = 0n,
  }: { requestId?: number; responseTo?: number; flags?: number; cursorId?: bigint } = {},
): Buffer {
  const head = Buffer.alloc(20)
  head.writeInt32LE(flags, 0)
  head.writeBigInt64LE(cursorId, 4)
  head.writeInt32LE(documents.length, 16)
  return message(
    1,
    Buffer.concat([head, ...documents.map((each) => BSON.serialize(each))]),
    requestId,
    responseTo,
  )
}

/** A message as OP_COMPRESSED, its content being packed by `pack`. */
export function compressed(whole: Buffer, compressor: number, pack: (body: Buffer) => Uint8Array): Buffer {
  const packed = pack(whole.subarray(16))
  const head = Buffer.alloc(9)
  head.writeInt32LE(whole.readInt32LE(12), 0)
  head.writeInt32LE(whole.length - 16, 4)
  head[8] = compressor
  return message(2012, Buffer.concat([head, packed]), whole.readInt32LE(4), whole.readInt32LE(8))
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

export function cstring(text: string): Buffer {
  return Buffer.from(`${text}\0`)
}
