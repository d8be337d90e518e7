import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  Binary,
  BSON,
  BSONRegExp,
  BSONSymbol,
  Code,
  Decimal128,
  EJSON,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
  UUID,
} from 'bson'
import fc from 'fast-check'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { DEEPEST, PlainReader } from './plain.ts'

function read(bytes: Uint8Array) {
  const reader = new PlainReader(bytes, 0, bytes.length)
  return { document: reader.document(), isCut: reader.isCut, at: reader.at }
}

const decimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 34n) + 1n, max: 10n ** 34n - 1n }), fc.integer({ min: -6176, max: 6111 }))
  .map(([digits, exponent]) => Decimal128.fromString(`${digits}E${exponent}`))

const value = fc.letrec<{ value: unknown; document: Record<string, unknown> }>((tie) => ({
  document: fc.dictionary(
    fc.string().filter((each) => !each.includes('\0')),
    tie('value'),
    {
      maxKeys: 5,
      noNullPrototype: true,
    },
  ),
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n }).map((each) => Long.fromBigInt(each)),
    fc.date({ noInvalidDate: true, min: new Date(-1e14), max: new Date('9000-01-01') }),
    fc.uint8Array({ minLength: 12, maxLength: 12 }).map((each) => new ObjectId(each)),
    fc.uint8Array({ maxLength: 20 }).map((each) => new Binary(each, 5)),
    decimal,
    fc.constantFrom(
      new MinKey(),
      new MaxKey(),
      new Timestamp({ t: 4_000_000_000, i: 7 }),
      new BSONRegExp('^a', 'i'),
      new BSONSymbol('s'),
      new Code('f()'),
      new Code('g()', { x: 1 }),
      new UUID('6f5b0a2e-98c3-4c4f-9a53-0123456789ab'),
      new Binary(Buffer.from('old'), 2),
    ),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('document'),
  ),
}))

describe('a document of BSON', () => {
  test('is read as what the library of MongoDB makes of it', () => {
    fc.assert(
      fc.property(value.document, (document) => {
        const bytes = BSON.serialize(document)
        const { document: plain, isCut, at } = read(bytes)
        const theirs = BSON.deserialize(bytes, {
          promoteLongs: false,
          promoteValues: false,
          bsonRegExp: true,
        } as BSON.DeserializeOptions)
        assert.deepEqual(
          JSON.parse(JSON.stringify(plain)),
          JSON.parse(EJSON.stringify(theirs, { relaxed: true })),
        )
        assert.deepEqual([isCut, at], [false, bytes.length])
      }),
      { numRuns: 300 },
    )
  })

  test('keeps whole numbers that JavaScript cannot hold', () => {
    const bytes = BSON.serialize({ a: Long.fromString('7000000000000000001'), b: Long.fromNumber(5) })
    assert.deepEqual(read(bytes).document, { a: { $numberLong: '7000000000000000001' }, b: 5 })
  })

  test('shows of decimals what they say', () => {
    const shown = (text: string) =>
      (read(BSON.serialize({ d: Decimal128.fromString(text) })).document.d as { $numberDecimal: string })
        .$numberDecimal
    for (const text of [
      '0',
      '-0',
      '1.50',
      '0.000001',
      '1E-7',
      '1.2E+3',
      '9.999999999999999999999999999999999E+6144',
    ])
      assert.equal(shown(text), text)
    for (const text of ['NaN', 'Infinity', '-Infinity']) assert.equal(shown(text), text)
  })

  test('may have a key __proto__', () => {
    const inner = BSON.serialize({ x: 1 })
    const key = Buffer.from('\x03__proto__\0', 'latin1')
    const bytes = Buffer.concat([Buffer.of(5 + key.length + inner.length, 0, 0, 0), key, inner, Buffer.of(0)])
    const { document } = read(bytes)
    assert.deepEqual(Object.keys(document), ['__proto__'])
    assert.equal(({} as { x?: unknown }).x, undefined)
  })

  test('that is cut off is shown up to there', () => {
    const bytes = BSON.serialize({ a: 1, b: { c: 'text that goes on', d: 2 }, e: 3 })
    for (let end = 0; end < bytes.length; end++) {
      const { document, isCut } = read(bytes.subarray(0, end))
      assert.equal(isCut, true, `cut at ${end}`)
      assert.ok(!('e' in document) || document.e === 3)
    }
    assert.deepEqual(read(bytes.subarray(0, bytes.length - 22)).document, { a: 1, b: { c: 'text that go' } })
  })

  test('is read to a depth, and broken or deep ones without an exception and in no time', () => {
    let deep: Record<string, unknown> = {}
    for (let depth = 0; depth < DEEPEST + 10; depth++) deep = { a: deep }
    assert.equal(read(BSON.serialize(deep)).isCut, true)

    // 100,000 documents, each within the one before and all ending at the end.
    const levels = 100_000
    const hostile = Buffer.alloc(4 + levels * 7 + levels + 1)
    hostile.writeInt32LE(hostile.length, 0)
    for (let level = 0; level < levels; level++) {
      hostile[4 + level * 7] = 3
      hostile[5 + level * 7] = 0x61
      hostile.writeInt32LE(hostile.length - 7 - level * 8, 7 + level * 7)
    }
    const started = process.cpuUsage()
    assert.equal(read(hostile).isCut, true)
    read(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0x7f]), Buffer.alloc(1 << 20, 2)]))
    read(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0x7f]), Buffer.alloc(1 << 20, 0x0b)]))
    assert.ok(cpuMsSince(started) < 2000)

    fc.assert(
      fc.property(value.document, fc.nat(), fc.nat(255), (document, at, byte) => {
        const bytes = BSON.serialize(document)
        bytes[at % bytes.length] = byte
        read(bytes)
      }),
      { numRuns: 1000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void read(bytes)),
      { numRuns: 1000 },
    )
  })
})
