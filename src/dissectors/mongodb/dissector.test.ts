import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { deflateSync, zstdCompressSync } from 'node:zlib'
import { BSON, Long, ObjectId } from 'bson'
import fc from 'fast-check'
import { compress } from 'snappyjs'
import type { Side } from '../../dissect/dissector.ts'
import { compileFilter, type FilterLanguage } from '../../filter/index.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { bytesLeftBy } from '../../testing/heap.ts'
import { readCapture } from '../../testing/read-capture.ts'
import { mongodb } from './dissector.ts'
import { compressed, cstring, int32, message, opMsg, opQuery, opReply } from './test-messages.ts'
import { LONGEST_MESSAGE } from './wire.ts'

type Chunk = readonly [Side, Uint8Array | number | null]
type Fields = Readonly<Record<string, unknown>>

/** All fields of all messages as plain values. */
function read(chunks: readonly Chunk[], context = { wantsBodies: true, maxBody: 1 << 20 }) {
  const { messages, invalid } = feed(mongodb, chunks, context)
  const rows = messages.map(({ side, message: each, id }): Fields => {
    const shape = side === 'client' ? mongodb.request : mongodb.response
    const fields = Object.keys(shape.fields).map((name) => [name, (each as Fields)[name]])
    return { side, id, ...(Object.fromEntries(fields) as Fields) }
  })
  return { rows, invalid }
}

const request = (bytes: Uint8Array) => read([['client', bytes]]).rows[0] as Fields
const reply = (bytes: Uint8Array) => read([['server', bytes]]).rows[0] as Fields
const some = (fields: Fields, ...names: readonly string[]) => names.map((name) => fields[name])
const told = (fields: Fields) => some(fields, 'opcode', 'command', 'database', 'collection', 'id')

describe('a request', () => {
  test('is a command with its database and collection', () => {
    const find = request(opMsg({ find: 'users', filter: { age: { $gt: 5 } }, lsid: { id: 1 }, $db: 'shop' }))
    assert.deepEqual(find, {
      side: 'client',
      id: 1,
      opcode: 'OP_MSG',
      command: 'find',
      database: 'shop',
      collection: 'users',
      statement: '{"find":"users","filter":{"age":{"$gt":5}}}',
      documents: [],
      documentCount: 0,
      body: { find: 'users', filter: { age: { $gt: 5 } }, lsid: { id: 1 }, $db: 'shop' },
      size: 107,
      requestId: 1,
      flags: [],
      compressor: '',
      truncated: false,
      incomplete: false,
    })
    for (const [body, collection] of [
      [{ getMore: Long.fromNumber(7), collection: 'users', $db: 'shop' }, 'users'],
      [{ aggregate: 1, pipeline: [], $db: 'shop' }, ''],
      [{ explain: { count: 'users', query: { a: 1 } }, $db: 'shop' }, 'users'],
      [{ createUser: 'ann', pwd: 'x', $db: 'shop' }, ''],
      [{ findandmodify: 'users', query: { _id: 1 }, $db: 'shop' }, 'users'],
      [{ getLog: 'global', $db: 'shop' }, ''],
    ] as const)
      assert.deepEqual(told(request(opMsg(body))), ['OP_MSG', Object.keys(body)[0], 'shop', collection, 1])
  })

  test('has the documents of its sequences, wherever these stand', () => {
    const documents = [{ _id: 1 }, { _id: 2 }]
    for (const first of [false, true])
      for (const flags of [0, 1]) {
        const bytes = opMsg({ insert: 'users', $db: 'shop' }, { sequences: { documents }, first, flags })
        const insert = request(bytes)
        assert.deepEqual(told(insert), ['OP_MSG', 'insert', 'shop', 'users', 1])
        assert.deepEqual(some(insert, 'documents', 'documentCount', 'size'), [documents, 2, bytes.length])
        assert.deepEqual((insert.body as Fields).documents, documents)
      }
  })

  test('that says that more will come has no reply', () => {
    const quiet = request(opMsg({ insert: 'a', $db: 'b' }, { flags: 2 }))
    assert.deepEqual(some(quiet, 'id', 'flags'), ['no-reply', ['moreToCome']])
  })

  test('of old drivers is called as the commands that came after', () => {
    assert.deepEqual(told(request(opQuery('admin.$cmd', { isMaster: 1 }))), [
      'OP_QUERY',
      'isMaster',
      'admin',
      '',
      1,
    ])
    const wrapped = request(
      opQuery('shop.$cmd', {
        $query: { count: 'users', query: { a: 1 } },
        $readPreference: { mode: 'nearest' },
      }),
    )
    assert.deepEqual(told(wrapped), ['OP_QUERY', 'count', 'shop', 'users', 1])
    assert.equal(wrapped.statement, '{"count":"users","query":{"a":1}}')
    const query = request(opQuery('shop.users.old', { a: 1 }, { fields: { b: 1 }, flags: 4 }))
    assert.deepEqual(told(query), ['OP_QUERY', 'find', 'shop', 'users.old', 1])
    assert.deepEqual(query.body, { query: { a: 1 }, fields: { b: 1 }, numberToSkip: 0, numberToReturn: -1 })
    assert.deepEqual(query.flags, ['slaveOk'])
    assert.equal(request(opQuery('admin.$cmd.sys.inprog', {})).command, 'currentOp')

    const name = cstring('shop.users')
    const [one, two] = [BSON.serialize({ a: 1 }), BSON.serialize({ b: 2 })]
    const insert = request(message(2002, Buffer.concat([int32(1), name, one, two])))
    assert.deepEqual(told(insert), ['OP_INSERT', 'insert', 'shop', 'users', 'no-reply'])
    assert.deepEqual(some(insert, 'documents', 'documentCount'), [[{ a: 1 }, { b: 2 }], 2])
    const update = request(message(2001, Buffer.concat([int32(0), name, int32(3), one, two])))
    assert.deepEqual(told(update), ['OP_UPDATE', 'update', 'shop', 'users', 'no-reply'])
    assert.deepEqual(update.body, { selector: { a: 1 }, update: { b: 2 }, upsert: true, multi: true })
    assert.deepEqual(update.flags, ['upsert', 'multiUpdate'])
    const remove = request(message(2006, Buffer.concat([int32(0), name, int32(1), one])))
    assert.deepEqual(told(remove), ['OP_DELETE', 'delete', 'shop', 'users', 'no-reply'])
    assert.deepEqual(remove.body, { selector: { a: 1 }, single: true })
    const id = Buffer.from('0100000000000080', 'hex')
    const more = request(message(2005, Buffer.concat([int32(0), name, int32(50), id])))
    assert.deepEqual(told(more), ['OP_GET_MORE', 'getMore', 'shop', 'users', 1])
    assert.deepEqual(more.body, { numberToReturn: 50, cursorId: '-9223372036854775807' })
    const kill = request(message(2007, Buffer.concat([int32(0), int32(1), id])))
    assert.deepEqual(told(kill), ['OP_KILL_CURSORS', 'killCursors', '', '', 'no-reply'])
    assert.deepEqual(kill.body, { cursorIds: ['-9223372036854775807'] })
    const command = Buffer.concat([
      cstring('shop'),
      cstring('find'),
      BSON.serialize({ find: 'users' }),
      BSON.serialize({}),
    ])
    assert.deepEqual(told(request(message(2010, command))), ['OP_COMMAND', 'find', 'shop', 'users', 1])
  })

  test('may have fields and sequences of any name', () => {
    const named = Object.fromEntries([['__proto__', { documents: [{ a: 1 }] }]])
    const find = request(opMsg({ find: 'users', ...named, $db: 'shop' }))
    assert.deepEqual(some(find, 'body', 'documents', 'statement'), [
      { find: 'users', ...named, $db: 'shop' },
      [],
      '{"find":"users","__proto__":{"documents":[{"a":1}]}}',
    ])
    const sequences = Object.fromEntries([['__proto__', [{ a: 1 }]]])
    const ping = request(opMsg({ ping: 1, $db: 'shop' }, { sequences }))
    assert.deepEqual(ping.body, { ping: 1, $db: 'shop', ...sequences })
  })

  test('does not show passwords and what is made of them', () => {
    for (const bytes of [
      opMsg({ saslStart: 1, mechanism: 'PLAIN', payload: Buffer.from('\0ann\0secret'), $db: '$external' }),
      opMsg({ createUser: 'ann', pwd: 'secret', roles: [], $db: 'shop' }),
      opMsg({
        hello: 1,
        speculativeAuthenticate: { saslStart: 1, payload: Buffer.from('secret') },
        $db: 'a',
      }),
      opQuery('shop.$cmd', { authenticate: 1, user: 'ann', nonce: '1', key: 'secret' }),
      message(
        2002,
        Buffer.concat([int32(0), cstring('shop.system.users'), BSON.serialize({ user: 'a', pwd: 'secret' })]),
      ),
      opMsg({ update: 'system.users', updates: [{ q: {}, u: { $set: { pwd: 'secret' } } }], $db: 'shop' }),
    ]) {
      const { body, statement, documents } = request(bytes)
      const shown = JSON.stringify([body, statement, documents])
      assert.ok(shown.includes('[REDACTED]') && !/secret|c2VjcmV0|c2Vjcm/.test(shown), shown)
    }
    const step = reply(opMsg({ conversationId: 1, done: false, payload: Buffer.from('secret'), ok: 1 }))
    assert.deepEqual(step.body, { conversationId: 1, done: false, payload: '[REDACTED]', ok: 1 })
    const credentials = { 'SCRAM-SHA-1': { storedKey: 'secret' } }
    const users = reply(opMsg({ users: [{ user: 'ann', db: 'shop', credentials }], ok: 1 }))
    assert.deepEqual(users.body, { users: [{ user: 'ann', db: 'shop', credentials: '[REDACTED]' }], ok: 1 })
  })

  test('does not show passwords in what a query finds, whatever else it finds of the users', () => {
    const found = (...documents: Fields[]) => {
      const { rows } = read([
        ['client', opQuery('shop.system.users', {})],
        ['server', opReply(documents)],
      ])
      return rows[1]?.documents
    }
    const old = { user: 'ann', readOnly: false, pwd: 'secret' }
    assert.deepEqual(found(old), [{ ...old, pwd: '[REDACTED]' }])
    for (const mechanism of ['SCRAM-SHA-1', 'SCRAM-SHA-256', 'MONGODB-CR'])
      assert.deepEqual(found({ _id: 'shop.ann', credentials: { [mechanism]: 'secret' } }), [
        { _id: 'shop.ann', credentials: '[REDACTED]' },
      ])
    const others = [{ pwd: '/home' }, { user: 'ann', credentials: { issuer: 'x' } }, { credentials: 'none' }]
    assert.deepEqual(found(...others), others)
  })
})

describe('a reply', () => {
  const failure = (body: BSON.Document) =>
    some(reply(opMsg(body, { responseTo: 1 })), 'success', 'errorCode', 'errorCodeName', 'errorMessage')

  test('tells how many documents it has and where to get more', () => {
    const documents = [{ _id: new ObjectId('6b03e4733fd9a436173d106a') }, { _id: 2 }]
    const cursor = { firstBatch: documents, id: Long.fromString('7000000000000000001'), ns: 'shop.users' }
    const found = reply(opMsg({ cursor, ok: 1 }, { requestId: 5, responseTo: 3 }))
    assert.deepEqual(found.documents, [{ _id: { $oid: '6b03e4733fd9a436173d106a' } }, { _id: 2 }])
    assert.deepEqual(some(found, 'id', 'success', 'errorCode', 'rowCount', 'cursorId', 'responseTo'), [
      3,
      true,
      0,
      2,
      '7000000000000000001',
      3,
    ])
    const more = reply(opMsg({ cursor: { nextBatch: documents, id: Long.ZERO }, ok: 1 }))
    assert.deepEqual(some(more, 'rowCount', 'cursorId'), [2, '0'])
    assert.equal(reply(opMsg({ values: [1, 'a', null], ok: 1 })).rowCount, 3)
    assert.deepEqual(
      some(reply(opMsg({ n: 3, nModified: 2, ok: 1 })), 'affectedCount', 'modifiedCount'),
      [3, 2],
    )
  })

  test('tells what went wrong: the command, a write, or what it was to wait for', () => {
    assert.deepEqual(failure({ ok: 0, errmsg: 'no', code: 59, codeName: 'CommandNotFound' }), [
      false,
      59,
      'CommandNotFound',
      'no',
    ])
    assert.deepEqual(failure({ ok: 0, errmsg: 'no', code: 11600 }), [
      false,
      11600,
      'InterruptedAtShutdown',
      'no',
    ])
    const writeErrors = [
      { index: 1, code: 11000, keyPattern: { _id: 1 }, errmsg: 'E11000 duplicate' },
      { index: 2, code: 1, errmsg: 'other' },
    ]
    assert.deepEqual(failure({ n: 1, writeErrors, ok: 1 }), [
      false,
      11000,
      'DuplicateKey',
      'E11000 duplicate',
    ])
    const writeConcernError = { code: 64, codeName: 'WriteConcernFailed', errmsg: 'waiting' }
    assert.deepEqual(failure({ n: 1, writeConcernError, ok: 1 }), [
      false,
      64,
      'WriteConcernFailed',
      'waiting',
    ])
    const firstBatch = [{ ok: 0, idx: 0, code: 11000, errmsg: 'twice', n: 0 }]
    assert.deepEqual(failure({ cursor: { id: Long.ZERO, firstBatch }, nErrors: 1, ok: 1 }), [
      false,
      11000,
      'DuplicateKey',
      'twice',
    ])
    assert.deepEqual(failure({ n: 0, err: 'E11000', code: 11000, ok: 1 }), [
      false,
      11000,
      'DuplicateKey',
      'E11000',
    ])
    assert.deepEqual(failure({ n: 0, err: null, ok: 1 }), [true, 0, '', ''])
    for (const ok of [1, Long.ONE, true, new BSON.Double(1)]) assert.equal(failure({ ok })[0], true)
    for (const ok of [0, Long.ZERO, false, new BSON.Double(0)]) assert.equal(failure({ ok })[0], false)
  })

  test('of old servers is documents, or what a command answers, as the request asked', () => {
    const documents = [{ ok: 0, code: 5, n: 7 }]
    const outcome = (query: Buffer, answer: Buffer) => {
      const [, found] = read([
        ['client', query],
        ['server', answer],
      ]).rows
      return some(found as Fields, 'id', 'success', 'errorCode', 'rowCount', 'affectedCount')
    }
    assert.deepEqual(outcome(opQuery('shop.users', {}), opReply(documents)), [1, true, 0, 1, 0])
    assert.deepEqual(outcome(opQuery('shop.$cmd', { count: 'a' }), opReply(documents)), [1, false, 5, 0, 7])
    assert.deepEqual(outcome(opQuery('shop.a', {}), opReply([{ $err: 'x', code: 17007 }], { flags: 2 })), [
      1,
      false,
      17007,
      0,
      0,
    ])
    const gone = reply(opReply([], { flags: 1 }))
    assert.deepEqual(some(gone, 'success', 'errorCode', 'errorCodeName'), [false, 43, 'CursorNotFound'])
    // Nobody saw what was asked.
    assert.equal(reply(opReply(documents)).success, false)
    assert.equal(reply(opReply(documents, { cursorId: 5n })).success, true)
    assert.deepEqual(reply(opReply([{ a: 1 }, { b: 2 }])).documents, [{ a: 1 }, { b: 2 }])
    const old = Buffer.concat([BSON.serialize({ ok: 1, n: 4 }), BSON.serialize({})])
    assert.deepEqual(some(reply(message(2011, old, 2, 1)), 'opcode', 'success', 'affectedCount'), [
      'OP_COMMANDREPLY',
      true,
      4,
    ])
  })

  test('may be followed by others to the same request, each of which answers the one before', () => {
    const hello = opMsg({ hello: 1, maxAwaitTimeMS: 10, $db: 'admin' }, { requestId: 4, flags: 1 << 16 })
    const answer = (requestId: number, responseTo: number, flags: number) =>
      [['server', opMsg({ isWritablePrimary: true, ok: 1 }, { requestId, responseTo, flags })]] as const
    const { rows } = read([
      ['client', hello],
      ...answer(90, 4, 2),
      ...answer(91, 90, 2),
      ...answer(92, 91, 0),
      ['client', opMsg({ ping: 1, $db: 'admin' }, { requestId: 5 })],
      ...answer(93, 5, 0),
    ])
    assert.deepEqual(
      rows.map(({ side, id, command, database }) => [side, id, command, database]),
      [
        ['client', 4, 'hello', 'admin'],
        ['server', 4, '', ''],
        ['server', 'push', 'hello', 'admin'],
        ['server', 'push', 'hello', 'admin'],
        ['client', 5, 'ping', 'admin'],
        ['server', 5, '', ''],
      ],
    )
  })
})

describe('a compressed message', () => {
  const whole = opMsg(
    { insert: 'users', $db: 'shop' },
    { sequences: { documents: [{ text: 'a'.repeat(500) }] } },
  )
  const packers = {
    noop: (body: Buffer) => body,
    snappy: compress,
    zlib: deflateSync,
    zstd: zstdCompressSync,
  }

  for (const [compressor, [name, pack]] of Object.entries(packers).entries())
    test(`with ${name} is read as what is in it`, () => {
      const bytes = compressed(whole, compressor, pack as (body: Buffer) => Uint8Array)
      const insert = request(bytes)
      assert.deepEqual(told(insert), ['OP_MSG', 'insert', 'shop', 'users', 1])
      assert.deepEqual(some(insert, 'compressor', 'size', 'documentCount'), [name, bytes.length, 1])
      assert.deepEqual(insert.documents, [{ text: 'a'.repeat(500) }])
      assert.equal(insert.incomplete, false)
    })

  test('that is broken, or becomes too much, is shown as far as that goes', () => {
    const broken = request(compressed(whole, 2, () => Buffer.from('nothing that zlib made')))
    assert.deepEqual(some(broken, 'id', 'command', 'incomplete', 'compressor'), [1, '', true, 'zlib'])
    const bomb = opMsg({ insert: 'users', $db: 'shop', filler: 'a'.repeat(40_000_000) })
    for (const [compressor, pack] of [packers.snappy, packers.zlib, packers.zstd].entries()) {
      const bytes = compressed(bomb, compressor + 1, pack as (body: Buffer) => Uint8Array)
      const started = process.cpuUsage()
      const insert = request(bytes)
      assert.deepEqual(some(insert, 'command', 'database', 'incomplete'), ['insert', 'shop', true])
      assert.ok(cpuMsSince(started) < 1000)
    }
  })

  test('that is long is collected, and unpacked as far as it is kept', () => {
    const text = () => Buffer.from(Array.from({ length: 30_000 }, () => Math.floor(Math.random() * 256)))
    const long = opMsg({ insert: 'users', $db: 'shop', fillers: Array.from({ length: 10 }, text) })
    const insert = request(compressed(long, 2, deflateSync))
    assert.deepEqual(some(insert, 'command', 'database', 'incomplete', 'truncated'), [
      'insert',
      'shop',
      false,
      false,
    ])
    const huge = opMsg({ insert: 'users', $db: 'shop', fillers: Array.from({ length: 200 }, text) })
    const bytes = compressed(huge, 2, deflateSync)
    const { rows } = read([
      ['client', bytes.subarray(0, 100_000)],
      ['client', bytes.subarray(100_000)],
    ])
    assert.deepEqual(some(rows[0] as Fields, 'command', 'database', 'incomplete', 'truncated'), [
      'insert',
      'shop',
      true,
      true,
    ])
  })
})

describe('a message that was compressed well', () => {
  const documents = Array.from({ length: 400 }, (_, n) => ({ text: `${n} ${'a'.repeat(1000)}` }))
  const store = (requestId = 1) =>
    compressed(
      opMsg({ insert: 'users', $db: 'shop' }, { requestId, sequences: { documents } }),
      2,
      deflateSync,
    )

  test('is shown like any other, as far as it is kept', () => {
    const whole = request(store())
    assert.deepEqual(some(whole, 'documents', 'documentCount', 'truncated'), [documents, 400, false])
    const { rows } = read([['client', store()]], { wantsBodies: true, maxBody: 100_000 })
    const [cut] = rows as [Fields]
    assert.deepEqual(some(cut, 'documentCount', 'truncated', 'incomplete'), [400, true, false])
    const shown = cut.documents as Fields[]
    assert.deepEqual(shown.slice(0, 90), documents.slice(0, 90))
    assert.ok(shown.length < 100)
  })

  test('takes a few times the memory that it had bytes, while nobody has asked for its content', () => {
    const { client } = mongodb.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const messages: unknown[] = []
    let sent = 0
    const kept = bytesLeftBy(() => {
      for (let id = 0; id < 200; id++) {
        const bytes = store(id)
        sent += bytes.length
        messages.push(client.next(bytes, 0, bytes.length))
      }
    })
    assert.ok(kept < 8 * sent)
    assert.equal(messages.length, 200)
  })
})

describe('a long message', () => {
  const documents = Array.from({ length: 3000 }, (_, n) => ({ _id: n, text: 'x'.repeat(500) }))
  const found = opMsg({ cursor: { firstBatch: documents, id: Long.ZERO }, ok: 0, code: 7 }, { responseTo: 1 })
  const stored = opMsg({ insert: 'users', documents, ordered: true, $db: 'shop' }, { flags: 1 })

  for (const context of [
    { wantsBodies: true, maxBody: 1 << 20 },
    { wantsBodies: true, maxBody: 5000 },
    { wantsBodies: false, maxBody: 1 << 20 },
  ])
    for (const step of [1 << 30, 100_000, 1448, 700])
      test(`is read as it comes: ${JSON.stringify(context)}, ${step} bytes at once`, () => {
        const pieces = (side: Side, bytes: Buffer) =>
          Array.from(
            { length: Math.ceil(bytes.length / step) },
            (_, at): Chunk => [side, bytes.subarray(at * step, (at + 1) * step)],
          )
        const ping = opMsg({ ping: 1, $db: 'shop' })
        const { rows, invalid } = read(
          [...pieces('client', stored), ['client', ping], ...pieces('server', found)],
          context,
        )
        assert.equal(invalid, undefined)
        assert.deepEqual(
          rows.map((row) =>
            some(row, 'command', 'database', 'rowCount', 'errorCode', 'size', 'incomplete', 'truncated'),
          ),
          [
            ['insert', 'shop', undefined, undefined, stored.length, false, true],
            ['ping', 'shop', undefined, undefined, ping.length, false, !context.wantsBodies],
            ['', '', 3000, 7, found.length, false, true],
          ],
        )
        const kept = rows[2]?.documents as unknown[] | undefined
        assert.equal((kept?.length ?? 0) > 0, context.wantsBodies)
      })

  test('with a hole is shown, marked as incomplete, and the next is read', () => {
    for (const hole of [1, 5000, 300_000]) {
      const at = 700_000
      const { rows } = read([
        ['server', found.subarray(0, at)],
        ['server', hole],
        ['server', Buffer.concat([found.subarray(at + hole), opMsg({ n: 3, ok: 1 })])],
      ])
      assert.deepEqual(
        rows.map((row) => some(row, 'size', 'incomplete', 'affectedCount')),
        [
          [found.length, true, 0],
          [38, false, 3],
        ].map(([size, ...rest]) => [size === 38 ? rows[1]?.size : size, ...rest]),
      )
    }
  })

  test('that breaks off is shown, marked as incomplete', () => {
    const { rows } = read([
      ['client', stored.subarray(0, 200_000)],
      ['client', null],
    ])
    assert.deepEqual(some(rows[0] as Fields, 'command', 'collection', 'incomplete'), [
      'insert',
      'users',
      true,
    ])
  })

  test('costs what has come of it, not what it says', () => {
    const parsers = mongodb.open({ wantsBodies: true, maxBody: 1 << 30 }, {} as never)
    const head = opMsg({ insert: 'users', $db: 'shop' })
    head.writeUInt32LE(LONGEST_MESSAGE, 0)
    const bytes = Buffer.concat([head, Buffer.alloc(4000)])
    parsers.client.next(bytes, 0, bytes.length)
    assert.ok((parsers.client.held ?? 0) < 10_000)
  })
})

describe('it is recognised', () => {
  const probe = (bytes: Uint8Array, from: Side = 'client') => mongodb.probe(bytes, 0, bytes.length, from)
  const ping = opMsg({ ping: 1, $db: 'admin' })
  const pong = opMsg({ ok: 1 }, { responseTo: 1 })

  test('by any first message, from either side', () => {
    for (const bytes of [ping, opQuery('admin.$cmd', { isMaster: 1 }), compressed(ping, 2, deflateSync)]) {
      assert.equal(probe(bytes), 'match')
      assert.equal(probe(bytes, 'server'), 'reject')
      for (let end = 1; end < 26; end++)
        assert.notEqual(probe(bytes.subarray(0, end)), 'reject', `${end} bytes`)
    }
    for (const bytes of [pong, opReply([{ ok: 1 }]), compressed(pong, 1, compress)]) {
      assert.equal(probe(bytes, 'server'), 'match')
      assert.equal(probe(bytes), 'reject')
    }
    assert.equal(probe(Buffer.concat([ping, ping])), 'match')
  })

  test('and nothing else is', () => {
    const changed = (change: (bytes: Buffer) => void, bytes = ping) => {
      const copy = Buffer.from(bytes)
      change(copy)
      return copy
    }
    for (const bytes of [
      changed((each) => each.writeInt32LE(15, 0)),
      changed((each) => each.writeInt32LE(0x7fffffff, 0)),
      changed((each) => each.writeInt32LE(2014, 12)),
      changed((each) => each.writeInt32LE(4, 16)),
      changed((each) => each.writeInt8(3, 20)),
      changed((each) => each.writeInt32LE(1000, 21)),
      changed((each) => each.writeInt8(0x33, 25)),
      changed((each) => each.writeInt8(1, 26)),
      Buffer.concat([ping, Buffer.from('something that is no header')]),
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      Buffer.from('16030100c8010000c40303a1b2c3d4e5f6', 'hex'),
    ])
      for (const from of ['client', 'server'] as const)
        assert.equal(probe(bytes, from), 'reject', bytes.toString('hex'))
  })

  test('from where a message begins, after a loss', () => {
    for (const from of ['client', 'server'] as const)
      for (const bytes of [ping, pong]) assert.equal(mongodb.resumes?.(bytes, 0, bytes.length, from), true)
    assert.equal(mongodb.resumes?.(Buffer.alloc(64, 1), 0, 64, 'client'), false)
  })
})

describe('laws', () => {
  const session: readonly (readonly [Side, Buffer])[] = [
    ['client', opQuery('admin.$cmd', { isMaster: 1 })],
    ['server', opReply([{ ismaster: true, ok: 1 }])],
    [
      'client',
      opMsg({ insert: 'a', $db: 'b' }, { requestId: 2, sequences: { documents: [{ a: 1 }, { b: 'text' }] } }),
    ],
    ['server', opMsg({ n: 2, writeErrors: [{ code: 1, errmsg: 'x' }], ok: 1 }, { responseTo: 2, flags: 1 })],
    ['client', compressed(opMsg({ find: 'a', $db: 'b' }, { requestId: 3 }), 1, compress)],
    [
      'client',
      opMsg(
        { update: 'a', updates: [{ q: { a: 'x'.repeat(1500) }, u: { b: 1 } }], $db: 'b' },
        { requestId: 4 },
      ),
    ],
    [
      'server',
      opMsg(
        { cursor: { firstBatch: [{ a: 'x'.repeat(2000) }, { b: 1 }] }, ok: 0, errmsg: 'no' },
        { responseTo: 4 },
      ),
    ],
    [
      'server',
      compressed(
        opMsg({ cursor: { firstBatch: [{ a: 1 }], id: Long.ONE }, ok: 1 }, { responseTo: 3 }),
        3,
        zstdCompressSync,
      ),
    ],
  ]

  test('messages are the same however they are cut', () => {
    const whole = read(session).rows
    for (let size = 1; size < 80; size++) {
      const cut = session.flatMap(([side, bytes]) =>
        Array.from(
          { length: Math.ceil(bytes.length / size) },
          (_, at): Chunk => [side, bytes.subarray(at * size, (at + 1) * size)],
        ),
      )
      assert.deepEqual(read(cut).rows, whole, `${size} bytes at once`)
    }
  })

  test('changed, cut and random bytes are read without an exception', () => {
    const all = session.map(([, bytes]) => bytes)
    const piece = fc.oneof(
      fc
        .tuple(fc.constantFrom(...all), fc.nat(), fc.integer({ min: 0, max: 255 }))
        .map(([bytes, at, byte]) => {
          const copy = Buffer.from(bytes)
          copy[at % copy.length] = byte
          return copy
        }),
      fc
        .tuple(fc.constantFrom(...all), fc.nat(), fc.constantFrom(0, 1, 0x7fffffff, -1, 70_000))
        .map(([bytes, at, number]) => {
          const copy = Buffer.from(bytes)
          copy.writeInt32LE(number, at % (copy.length - 3))
          return copy
        }),
      fc.uint8Array({ maxLength: 60 }),
      fc.integer({ min: 1, max: 300 }),
      fc.constant(null),
    )
    const chunk = fc.tuple(fc.constantFrom<Side[]>('client', 'server'), piece)
    fc.assert(
      fc.property(fc.array(chunk, { maxLength: 8 }), (chunks) => {
        for (const row of read(chunks).rows) JSON.stringify(row)
      }),
      { numRuns: 1500 },
    )
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 80 }),
        fc.constantFrom<Side[]>('client', 'server'),
        (bytes, from) => {
          assert.notEqual(mongodb.probe(bytes, 0, bytes.length, from), 'match')
        },
      ),
      { numRuns: 2000 },
    )
  })

  test('hostile documents take time in proportion to their length', () => {
    const started = process.cpuUsage()
    const flood = Buffer.concat([Buffer.from('10', 'hex'), cstring('a'), int32(0)])
    const content = Buffer.concat(Array.from({ length: 100_000 }, () => flood))
    const bytes = message(
      2013,
      Buffer.concat([int32(0), Buffer.of(0), int32(content.length + 5), content, Buffer.of(0)]),
    )
    for (let at = 0; at < bytes.length; at += 100) mongodb.probe(bytes, at, bytes.length, 'client')
    const step = 50
    read(
      Array.from({ length: Math.ceil(bytes.length / step) }, (_, at) => [
        'client',
        bytes.subarray(at * step, at * step + step),
      ]),
    )
    assert.ok(cpuMsSince(started) < 5000)
  })
})

test('entries have a row, and are found by the filters of both languages', async () => {
  const path = new URL('../../../test/captures/mongodb-node-zlib.pcap', import.meta.url).pathname
  const { entries } = await readCapture(path)
  const count = (text: string, prefer: FilterLanguage) => {
    const filter = compileFilter(text, { prefer })
    return entries.filter((entry) => filter.matches(entry)).length
  }
  const expected = JSON.parse(readFileSync(path.replace('.pcap', '.entries.json'), 'utf8')) as Fields[]
  const finds = expected.filter(({ method }) => method === 'find').length
  assert.equal(count('mongodb', 'kfl1'), expected.length)
  assert.equal(count('mongodb && mongodb_command == "find"', 'kfl2'), finds)
  assert.equal(count('mongodb_database == "shop" && mongodb_collection == "secret"', 'kfl2'), 1)
  assert.equal(
    count('mongodb_opcode == "OP_MSG" && !mongodb_success && mongodb_error_code == 11000', 'kfl2'),
    1,
  )
  assert.equal(
    count('mongodb_error_code_name == "DuplicateKey" && mongodb_error_message.contains("E11000")', 'kfl2'),
    1,
  )
  assert.equal(
    count('mongodb_request_size > 0 && mongodb_total_size > mongodb_response_size', 'kfl2'),
    expected.length,
  )
  const row = entries.find(({ base }) => base.status === 11000)?.base
  assert.deepEqual(row, {
    method: 'insert',
    methodQuery: 'request.command == "insert"',
    summary: 'shop.items',
    summaryQuery: 'request.database == "shop" and request.collection == "items"',
    status: 11000,
    statusQuery: 'response.errorCode == 11000',
  })
  assert.equal(count(`${row?.methodQuery} and ${row?.summaryQuery} and ${row?.statusQuery}`, 'kfl1'), 1)
})
