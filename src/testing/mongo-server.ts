import { createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { deflateSync, inflateSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { BSON, Long, ObjectId } from 'bson'
import { compress } from 'snappyjs'
import { fromSnappy } from '../bytes/snappy.ts'

type Document = BSON.Document

/**
 * A stand-in for a MongoDB server, since none can be had as a package: enough of one for real drivers to talk to.
 * It keeps documents in memory, finds them by equal fields, and speaks OP_MSG (compressed, with document sequences, with
 * several replies to one `hello`) and, to those who are told that it is old, the opcodes before it.
 */
export async function mongoServer(
  t: Pick<TestContext, 'after'>,
  { wireVersion = 21, compressors = ['zlib', 'zstd', 'snappy'] }: ServerOptions = {},
): Promise<{ readonly port: number; readonly answered: string[] }> {
  const store = new Store(wireVersion, compressors)
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    let held = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      held = Buffer.concat([held, chunk])
      while (held.length >= 16 && held.length >= held.readInt32LE(0)) {
        store.message(held.subarray(0, held.readInt32LE(0)), socket)
        held = held.subarray(held.readInt32LE(0))
      }
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as { port: number }).port, answered: store.answered }
}

interface ServerOptions {
  /** What `hello` says; below 6 drivers use OP_QUERY and its kin. */
  readonly wireVersion?: number
  readonly compressors?: readonly string[]
}

class Store {
  /** What was asked and what became of it: `find shop.items 2`, `insert shop.items E11000`. */
  readonly answered: string[] = []
  readonly #collections = new Map<string, Document[]>()
  readonly #cursors = new Map<string, Document[]>()
  readonly #wireVersion: number
  readonly #compressors: readonly string[]
  #nextId = 1000

  constructor(wireVersion: number, compressors: readonly string[]) {
    this.#wireVersion = wireVersion
    this.#compressors = compressors
  }

  message(message: Buffer, socket: Socket): void {
    const requestId = message.readInt32LE(4)
    let opcode = message.readInt32LE(12)
    let body = message.subarray(16)
    let compressor = 0
    if (opcode === 2012) {
      opcode = body.readInt32LE(0)
      compressor = body[8] as number
      body = unpack(compressor, body.subarray(9))
    }
    const send = (replyOpcode: number, reply: Buffer, responseTo = requestId) =>
      this.#send(socket, responseTo, replyOpcode, reply, compressor)
    if (opcode === 2013) this.#msg(body, send, socket)
    else if (opcode === 2004) this.#query(body, send)
    else if (opcode === 2005) this.#getMore(body, send)
    else this.#legacyWrite(opcode, body)
  }

  #send(socket: Socket, responseTo: number, opcode: number, body: Buffer, compressor: number): number {
    const requestId = this.#nextId++
    const packed = compressor === 0 ? body : pack(compressor, opcode, body)
    const header = Buffer.alloc(16)
    header.writeInt32LE(16 + packed.length, 0)
    header.writeInt32LE(requestId, 4)
    header.writeInt32LE(responseTo, 8)
    header.writeInt32LE(compressor === 0 ? opcode : 2012, 12)
    if (socket.writable) socket.write(Buffer.concat([header, packed]))
    return requestId
  }

  #msg(body: Buffer, send: Send, socket: Socket): void {
    const flags = body.readUInt32LE(0)
    const command: Document = {}
    for (let at = 4; at < body.length - ((flags & 1) === 0 ? 0 : 4); ) {
      const length = body.readInt32LE(at + 1)
      if (body[at] === 0) Object.assign(command, BSON.deserialize(body.subarray(at + 1, at + 1 + length)))
      else {
        const nameEnd = body.indexOf(0, at + 5)
        command[body.toString('utf8', at + 5, nameEnd)] = documentsIn(
          body.subarray(nameEnd + 1, at + 1 + length),
        )
      }
      at += 1 + length
    }
    const reply = this.command(String(command.$db), command)
    if ((flags & 2) !== 0) return
    if ((flags & 0x10000) !== 0 && command.topologyVersion) this.#stream(reply, send, socket)
    else send(2013, msg(reply))
  }

  /** Three replies to one request, each to the one before. */
  #stream(reply: Document, send: Send, socket: Socket): void {
    let last: number | undefined
    let left = 3
    const timer = setInterval(() => {
      left--
      last = send(2013, msg(reply, left === 0 || !socket.writable ? 0 : 2), last)
      if (left === 0 || !socket.writable) clearInterval(timer)
    }, 30)
  }

  #query(body: Buffer, send: Send): void {
    const nameEnd = body.indexOf(0, 4)
    const namespace = body.toString('utf8', 4, nameEnd)
    const [asked = {}] = documentsIn(body.subarray(nameEnd + 9))
    const inside = (asked.$query ?? asked) as Document
    if (namespace.endsWith('.$cmd')) {
      const reply = this.command(namespace.slice(0, -5), inside)
      send(1, reply_([reply]))
      return
    }
    if (namespace.endsWith('.broken')) {
      this.answered.push(`find ${namespace} E17007`)
      send(1, reply_([{ $err: 'unable to execute', code: 17007 }], 2))
      return
    }
    const found = this.#find(namespace, inside)
    const batch = Math.abs(body.readInt32LE(nameEnd + 5)) || 101
    const isSingle = body.readInt32LE(nameEnd + 5) < 0
    let cursor = isSingle ? '0' : this.#keep(found.slice(batch))
    this.answered.push(`find ${namespace} ${Math.min(batch, found.length)}`)
    let last = send(1, reply_(found.slice(0, batch), 8, cursor))
    const isExhaust = (body.readInt32LE(0) & 64) !== 0
    while (isExhaust && cursor !== '0') {
      const more = this.#cursors.get(cursor) ?? []
      this.#cursors.delete(cursor)
      cursor = this.#keep(more.slice(batch))
      last = send(1, reply_(more.slice(0, batch), 8, cursor), last)
    }
  }

  #getMore(body: Buffer, send: Send): void {
    const nameEnd = body.indexOf(0, 4)
    const id = String(body.readBigInt64LE(nameEnd + 5))
    const found = this.#cursors.get(id)
    if (found === undefined) {
      send(1, reply_([], 1))
      return
    }
    this.#cursors.delete(id)
    const batch = body.readInt32LE(nameEnd + 1) || 101
    this.answered.push(`getMore ${body.toString('utf8', 4, nameEnd)} ${Math.min(batch, found.length)}`)
    send(1, reply_(found.slice(0, batch), 8, this.#keep(found.slice(batch))))
  }

  #legacyWrite(opcode: number, body: Buffer): void {
    if (opcode === 2007) {
      this.answered.push('killCursors')
      return
    }
    const nameEnd = body.indexOf(0, 4)
    const namespace = body.toString('utf8', 4, nameEnd)
    if (opcode === 2002) this.#collection(namespace).push(...documentsIn(body.subarray(nameEnd + 1)))
    const command = ({ 2001: 'update', 2002: 'insert', 2006: 'delete' } as Document)[opcode]
    if (command !== undefined) this.answered.push(`${command} ${namespace}`)
  }

  command(database: string, command: Document): Document {
    const name = Object.keys(command)[0] ?? ''
    const collection =
      name === 'getMore' ? command.collection : name === 'createUser' ? undefined : command[name]
    const namespace = typeof collection === 'string' ? `${database}.${collection}` : database
    const reply = this.#run(name, namespace, command)
    const problem = reply.code ?? reply.writeErrors?.[0]?.code ?? reply.writeConcernError?.code
    const rows = (reply.cursor?.firstBatch ?? reply.cursor?.nextBatch)?.length
    this.answered.push(`${name} ${namespace} ${problem === undefined ? (rows ?? '') : `E${problem}`}`.trim())
    return reply
  }

  #run(name: string, namespace: string, command: Document): Document {
    switch (name) {
      case 'hello':
      case 'isMaster':
      case 'ismaster':
        return this.#hello(command)
      case 'insert':
        return this.#insert(namespace, command)
      case 'find':
        if (namespace.endsWith('.secret'))
          return { ok: 0, errmsg: 'not authorized', code: 13, codeName: 'Unauthorized' }
        return this.#batch(namespace, this.#find(namespace, command.filter ?? {}), command.batchSize ?? 101)
      case 'getMore': {
        const id = String(command.getMore)
        const found = this.#cursors.get(id)
        if (found === undefined)
          return { ok: 0, errmsg: `cursor id ${id} not found`, code: 43, codeName: 'CursorNotFound' }
        this.#cursors.delete(id)
        return this.#batch(namespace, found, command.batchSize ?? 101, 'nextBatch')
      }
      case 'update':
        return { n: command.updates.length, nModified: command.updates.length, ok: 1 }
      case 'delete': {
        const found = this.#find(namespace, command.deletes[0].q)
        const rest = this.#collection(namespace).filter((each) => !found.includes(each))
        this.#collections.set(namespace, rest)
        return { n: found.length, ok: 1 }
      }
      case 'aggregate':
        return this.#batch(namespace, this.#collection(namespace), 101)
      case 'count':
        return { n: this.#find(namespace, command.query ?? {}).length, ok: 1 }
      case 'distinct':
        return { values: [...new Set(this.#collection(namespace).map((each) => each[command.key]))], ok: 1 }
      case 'saslStart':
        return { ok: 0, errmsg: 'Authentication failed.', code: 18, codeName: 'AuthenticationFailed' }
      case 'createUser':
      case 'ping':
      case 'endSessions':
      case 'killCursors':
      case 'drop':
        return { ok: 1 }
      default:
        return { ok: 0, errmsg: `no such command: '${name}'`, code: 59, codeName: 'CommandNotFound' }
    }
  }

  #hello(command: Document): Document {
    const modern = this.#wireVersion >= 9
    const shared = this.#compressors.filter((each) => command.compression?.includes(each))
    return {
      ismaster: true,
      isWritablePrimary: true,
      ...(modern
        ? { helloOk: true, topologyVersion: { processId: new ObjectId(), counter: Long.fromNumber(0) } }
        : {}),
      maxBsonObjectSize: 16777216,
      maxMessageSizeBytes: 48000000,
      maxWriteBatchSize: 1000,
      minWireVersion: 0,
      maxWireVersion: this.#wireVersion,
      ...(shared.length > 0 ? { compression: shared } : {}),
      ok: 1,
    }
  }

  #insert(namespace: string, { documents, writeConcern }: Document): Document {
    const stored = this.#collection(namespace)
    for (const [index, document] of documents.entries()) {
      const isTwice = stored.some(
        ({ _id }) => BSON.EJSON.stringify(_id) === BSON.EJSON.stringify(document._id),
      )
      if (isTwice)
        return {
          n: index,
          writeErrors: [{ index, code: 11000, errmsg: 'E11000 duplicate key error' }],
          ok: 1,
        }
      stored.push(document)
    }
    if (typeof writeConcern?.w !== 'number' || writeConcern.w < 2) return { n: documents.length, ok: 1 }
    const errmsg = 'Not enough data-bearing nodes'
    const writeConcernError = { code: 100, codeName: 'UnsatisfiableWriteConcern', errmsg }
    return { n: documents.length, writeConcernError, ok: 1 }
  }

  #batch(namespace: string, found: Document[], size: number, field = 'firstBatch'): Document {
    const id = Long.fromString(this.#keep(found.slice(size)))
    return { cursor: { [field]: found.slice(0, size), id, ns: namespace }, ok: 1 }
  }

  #keep(found: Document[]): string {
    if (found.length === 0) return '0'
    const id = String(7_000_000_000_000_000_000n + BigInt(this.#cursors.size))
    this.#cursors.set(id, found)
    return id
  }

  #find(namespace: string, filter: Document): Document[] {
    const entries = Object.entries(filter)
    return this.#collection(namespace).filter((each) =>
      entries.every(([key, value]) => BSON.EJSON.stringify([each[key]]) === BSON.EJSON.stringify([value])),
    )
  }

  #collection(namespace: string): Document[] {
    const collection = this.#collections.get(namespace) ?? []
    this.#collections.set(namespace, collection)
    return collection
  }
}

type Send = (opcode: number, body: Buffer, responseTo?: number) => number

export function msg(document: Document, flags = 0): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32LE(flags, 0)
  return Buffer.concat([head, BSON.serialize(document)])
}

function reply_(documents: readonly Document[], flags = 8, cursor = '0'): Buffer {
  const head = Buffer.alloc(20)
  head.writeInt32LE(flags, 0)
  head.writeBigInt64LE(BigInt(cursor), 4)
  head.writeInt32LE(documents.length, 16)
  return Buffer.concat([head, ...documents.map((each) => BSON.serialize(each))])
}

function documentsIn(bytes: Buffer): Document[] {
  const documents: Document[] = []
  for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
    documents.push(BSON.deserialize(bytes.subarray(at, at + bytes.readInt32LE(at))))
  return documents
}

function pack(compressor: number, opcode: number, body: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeInt32LE(opcode, 0)
  head.writeInt32LE(body.length, 4)
  head[8] = compressor
  const packers = [(each: Buffer) => each, compress, deflateSync, zstdCompressSync]
  return Buffer.concat([head, packers[compressor]?.(body) ?? body])
}

function unpack(compressor: number, packed: Buffer): Buffer {
  const unpackers = [
    (each: Buffer) => each,
    (each: Buffer) => Buffer.from(fromSnappy(each, 1 << 26) ?? []),
    inflateSync,
    zstdDecompressSync,
  ]
  return unpackers[compressor]?.(packed) ?? packed
}
