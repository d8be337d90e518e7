import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { MongoClient } from 'mongodb'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools, succeeds } from '../../src/testing/loopback.ts'
import { mongoServer } from '../../src/testing/mongo-server.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

/** No MongoDB server can be had as a package: the drivers are real, the server is our stand-in. */
describe('MongoDB drivers and a stand-in for their server', () => {
  test('the driver for Node: cursors, sequences, errors, compression, several replies to one hello', async (t) => {
    const entries = await compare(t, {}, async (port) => {
      const url = `mongodb://127.0.0.1:${port}/?compressors=zlib&serverMonitoringMode=stream&heartbeatFrequencyMS=500&retryWrites=false`
      const client = new MongoClient(url)
      const shop = client.db('shop')
      const items = shop.collection<{ _id: number; name: string }>('items')
      await items.insertMany(
        Array.from({ length: 250 }, (_, n) => ({ _id: n, name: n % 2 ? 'odd' : 'even' })),
      )
      assert.equal((await items.find({ name: 'odd' }).batchSize(50).toArray()).length, 125)
      await items.find({}).batchSize(10).limit(20).next()
      await items.updateOne({ _id: 1 }, { $set: { name: 'one' } })
      await items.deleteMany({ name: 'even' })
      await items.countDocuments()
      await items.distinct('name')
      await assert.rejects(items.insertOne({ _id: 1, name: 'twice' }), /E11000/)
      await assert.rejects(shop.collection('secret').findOne(), /not authorized/)
      await assert.rejects(shop.command({ nonsense: 1 }), /no such command/)
      await assert.rejects(
        items.insertOne({ _id: 999, name: 'safe' }, { writeConcern: { w: 3 } }),
        /data-bearing/,
      )
      await items.insertOne({ _id: 1000, name: 'unheard' }, { writeConcern: { w: 0 } })
      await Promise.all(Array.from({ length: 20 }, (_, n) => items.findOne({ _id: n })))
      await shop.command({ createUser: 'ann', pwd: 'secret-of-ann', roles: [] })
      // Two more replies to the hello that the driver watches the server with.
      await setTimeout(1200)
      await client.close()
    })
    const further = entries?.filter(({ request, base }) => request === null && base.method === 'hello')
    assert.ok(further === undefined || further.length > 0)
  })

  for (const compressor of ['zlib', 'snappy', 'zstd'])
    test(`the driver for Python with ${compressor}`, async (t) => {
      if (hasPython(t)) await compare(t, {}, (port) => python(port, compressor))
    })

  test('the driver for Python and a server that is old: OP_QUERY, OP_INSERT, OP_GET_MORE and their kin', async (t) => {
    if (!hasPython(t)) return
    const entries = await compare(t, { wireVersion: 2 }, (port) => python(port, ''))
    if (entries === undefined) return
    const opcodes = new Set(entries.map(({ request }) => (request as { opcode?: string } | null)?.opcode))
    for (const opcode of [
      'OP_QUERY',
      'OP_INSERT',
      'OP_UPDATE',
      'OP_DELETE',
      'OP_GET_MORE',
      'OP_KILL_CURSORS',
    ])
      assert.ok(opcodes.has(opcode), opcode)
  })
})

/** What the entries say of commands, collections, documents and errors is what the server did. */
async function compare(
  t: TestContext,
  options: Parameters<typeof mongoServer>[1],
  use: (port: number) => Promise<void>,
): Promise<readonly Entry[] | undefined> {
  if (!hasTools(t, 'tcpdump')) return undefined
  return await withFiles({}, async (folder) => {
    const { port, answered } = await mongoServer(t, options)
    const path = await captureLoopback(t, folder, `tcp port ${port}`, () => use(port))
    const { entries, counters } = await readCapture(path as string)
    const asked = entries.filter(({ request }) => request !== null)
    assert.deepEqual(asked.map(told).sort(), answered.sort())
    assert.deepEqual(counters.dissection.invalid, {})
    assert.equal(
      JSON.stringify(entries.map(({ request }) => request && bodyOf(request))).includes('secret-of'),
      false,
    )
    for (const { error, response } of entries) assert.equal(response === null ? null : error, null)
    return entries
  })
}

/** `find shop.items 50`, `insert shop.items E11000`, as the server tells it. */
function told({ base: { method, summary, status }, response }: Entry): string {
  const hasRows = status === 0 && ['find', 'getMore', 'aggregate'].includes(method)
  const outcome =
    status === 0 ? (hasRows ? (response as { rowCount?: number } | null)?.rowCount : '') : `E${status}`
  return [method, summary, outcome].join(' ').trim()
}

function bodyOf(message: object): unknown {
  const { body, statement } = message as { body: unknown; statement: string }
  return [body, statement]
}

function hasPython(t: TestContext): boolean {
  const packages = 'python3-pymongo, python3-snappy, python3-zstandard'
  return succeeds(t, packages, `${DEBIAN_PYTHON} -c 'import pymongo, snappy, zstandard'`)
}

async function python(port: number, compressor: string): Promise<void> {
  const client = spawn(DEBIAN_PYTHON, ['-c', PYTHON, String(port), compressor], {
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let said = ''
  client.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code] = await once(client, 'close')
  assert.equal(code, 0, said)
}

/** Which has the packages of Debian; another Python may come first. */
const DEBIAN_PYTHON = '/usr/bin/python3'

const PYTHON = `
import sys
from pymongo import MongoClient, CursorType, errors, WriteConcern
from pymongo.cursor import Cursor
port, compressor = sys.argv[1:]
client = MongoClient('127.0.0.1', int(port), retryWrites=False, retryReads=False, **({'compressors': compressor} if compressor else {}))
shop = client.shop
items = shop.items
items.insert_many([{'_id': n, 'name': 'odd' if n % 2 else 'even', 'text': 'x' * 20} for n in range(250)])
assert len(list(items.find({'name': 'odd'}, batch_size=50))) == 125
assert len(list(items.find({}, batch_size=100, cursor_type=CursorType.EXHAUST))) == 250
cursor = items.find({}, batch_size=10)
next(cursor)
cursor.close()
assert items.find_one({'_id': 3})['name'] == 'odd'
items.update_one({'_id': 1}, {'$set': {'name': 'one'}})
items.delete_many({'name': 'even'})
items.distinct('name')
try:
    items.insert_one({'_id': 1})
    raise SystemExit('inserted twice')
except errors.DuplicateKeyError:
    pass
try:
    shop.command('nonsense')
    raise SystemExit('understood nonsense')
except errors.OperationFailure:
    pass
quiet = items.with_options(write_concern=WriteConcern(w=0))
quiet.insert_one({'_id': 1000})
quiet.update_one({'_id': 1000}, {'$set': {'a': 1}})
quiet.delete_one({'_id': 1000})
try:
    MongoClient('127.0.0.1', int(port), username='ann', password='secret-of-ann', authMechanism='PLAIN').shop.items.find_one()
    raise SystemExit('logged in')
except errors.OperationFailure:
    pass
items.find_one({'_id': 5})
client.close()
`
