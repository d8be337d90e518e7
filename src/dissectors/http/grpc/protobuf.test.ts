import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type protobuf from 'protobufjs'
import type { ProtoField, ProtoSchema } from '../../../dissect/protos.ts'
import { cpuMsSince } from '../../../testing/cpu-time.ts'
import { readProtobuf } from './protobuf.ts'

const hexBytes = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex')
const read = (text: string, schema?: ProtoSchema, type = '') => readProtobuf(hexBytes(text), schema, type)
const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as unknown

describe('without a schema', () => {
  test('fields have their numbers, and how they are written', () => {
    assert.deepEqual(
      plain(read('08 96 01 12 07 74657374696e67 1a 03 08 96 01 21 182d4454fb210940 2d d00f4940')),
      {
        message: { 1: 150, 2: 'testing', 3: { 1: 150 }, 4: '0x400921fb54442d18', 5: '0x40490fd0' },
        wireTypes: { 1: 'varint', 2: 'len', 3: 'len', '3.1': 'varint', 4: 'i64', 5: 'i32' },
      },
    )
    assert.deepEqual(plain(read('')), { message: {}, wireTypes: {} })
  })

  test('fields that are repeated are arrays', () => {
    assert.deepEqual(plain(read('0801 0802 0803 1200')?.message), { 1: [1, 2, 3], 2: '' })
  })

  test('groups are messages', () => {
    assert.deepEqual(plain(read('0b 0801 13 1001 14 0c')), {
      message: { 1: { 1: 1, 2: { 2: 1 } } },
      wireTypes: { 1: 'group', '1.1': 'varint', '1.2': 'group', '1.2.2': 'varint' },
    })
    for (const broken of ['0b', '0b 0801', '0b 14', '0c', '0b 13 0c 14'])
      assert.equal(read(broken), undefined, broken)
  })

  test('integers beyond 2^53 are text', () => {
    assert.deepEqual(
      plain(read('08 ffffffffffffff0f 10 ffffffffffffff1f 18 ffffffffffffffffff01')?.message),
      {
        1: 9007199254740991,
        2: '18014398509481983',
        3: '18446744073709551615',
      },
    )
  })

  test('what can be read as text is text, as a message that, else it is bytes', () => {
    const inside = (text: string) =>
      plain(read(`0a ${Buffer.of(hexBytes(text).length).toString('hex')} ${text}`)?.message)
    const text = (value: string) => inside(Buffer.from(value).toString('hex'))
    assert.deepEqual(text('(1'), { 1: '(1' }, 'also a varint of field 5')
    assert.deepEqual(text('grüße\n'), { 1: 'grüße\n' })
    assert.deepEqual(text(`2${'0'.repeat(49)}`), { 1: `2${'0'.repeat(49)}` })
    assert.deepEqual(
      text(`\n ${'a'.repeat(32)}`),
      { 1: { 1: 'a'.repeat(32) } },
      'its own length behind a line feed',
    )
    assert.deepEqual(inside('08 01'), { 1: { 1: 1 } })
    assert.deepEqual(inside('ff fe'), { 1: '//4=' })
    assert.deepEqual(inside('00'), { 1: 'AA==' })
  })

  test('only what is one to its end is a message', () => {
    for (const broken of [
      '08',
      '0a 05 61',
      '00',
      '07 00',
      '08 ffffffffffffffffffff01',
      '0f',
      '09 00',
      'f8ffffffff1f 00',
      '0a ffffffffffffffffff01',
    ])
      assert.equal(read(broken), undefined, broken)
  })

  test('messages within messages are read to a depth', () => {
    let bytes = Buffer.from('0801', 'hex')
    for (let depth = 0; depth < 1000; depth++) {
      const length: number[] = []
      for (let rest = bytes.length; ; rest >>= 7) {
        length.push(rest > 127 ? (rest & 127) | 128 : rest)
        if (rest <= 127) break
      }
      bytes = Buffer.concat([Buffer.of(0x0a, ...length), bytes])
    }
    const started = process.cpuUsage()
    let depth = 0
    for (
      let at: unknown = readProtobuf(bytes, undefined, '')?.message;
      typeof at === 'object';
      at = (at as Record<string, unknown>)['1']
    )
      depth++
    assert.ok(depth > 10 && depth < 100)
    const groups = Buffer.concat([Buffer.alloc(5000, 0x0b), Buffer.alloc(5000, 0x0c)])
    assert.equal(readProtobuf(groups, undefined, ''), undefined)
    assert.ok(cpuMsSince(started) < 1000)
  })
})

/** proto2, whose encoders leave nothing out. */
const SOURCE = `syntax = "proto2"; package t;
message All {
  optional double d = 1; optional float f = 2; optional int32 i32 = 3; optional int64 i64 = 4; optional uint32 u32 = 5;
  optional uint64 u64 = 6; optional sint32 s32 = 7; optional sint64 s64 = 8; optional fixed32 x32 = 9; optional fixed64 x64 = 10;
  optional sfixed32 sx32 = 11; optional sfixed64 sx64 = 12; optional bool b = 13; optional string s = 14; optional bytes raw = 15;
  optional E e = 16; optional All inner = 17; repeated int32 list = 18 [packed = true]; repeated string words = 19;
  repeated All many = 20; map<string, int32> counts = 21; map<int32, All> byId = 22; repeated E kinds = 23 [packed = true];
  repeated double doubles = 24 [packed = true]; repeated sint64 unpacked = 25; optional group Part = 26 { optional string a = 1; }
}
enum E { ZERO = 0; ONE = 1; MINUS = -1; }`

const library = createRequire(import.meta.url)('protobufjs') as typeof protobuf
const oracle = library.parse(SOURCE, { keepCase: true }).root.resolveAll().lookup('t.All') as protobuf.Type

function fieldOf(field: protobuf.Field): ProtoField {
  const isEnum = field.resolvedType instanceof library.Enum
  const message = field.delimited ? 'group' : 'message'
  const type = field.resolvedType === null ? (field.type as ProtoField['type']) : isEnum ? 'enum' : message
  const typeName = field.resolvedType?.fullName.slice(1) ?? ''
  const own: ProtoField = { name: field.name, type, typeName, isRepeated: field.repeated }
  if (!(field instanceof library.MapField)) return own
  return { ...own, type: field.keyType as ProtoField['type'], typeName: '', mapValue: own }
}

const schema: ProtoSchema = {
  messages: new Map(
    [oracle, oracle.lookupType('Part')].map((type) => [
      type.fullName.slice(1),
      new Map(type.fieldsArray.map((field) => [field.id, fieldOf(field)])),
    ]),
  ),
  enums: new Map([
    [
      't.E',
      new Map([
        [0, 'ZERO'],
        [1, 'ONE'],
        [-1, 'MINUS'],
      ]),
    ],
  ]),
  methods: new Map(),
}

describe('with a schema', () => {
  const int32 = fc.integer()
  const uint32 = fc.integer({ min: 0, max: 0xffffffff })
  const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
  const double = fc.double({ noNaN: true, noDefaultInfinity: true })
  const scalars = {
    d: double,
    f: fc.float({ noNaN: true, noDefaultInfinity: true }),
    i32: int32,
    i64: int64,
    u32: uint32,
    u64: uint64,
    s32: int32,
    s64: int64,
    x32: uint32,
    x64: uint64,
    sx32: int32,
    sx64: int64,
    b: fc.boolean(),
    s: fc.string({ unit: 'grapheme' }),
    raw: fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    e: fc.constantFrom('ZERO', 'ONE', 'MINUS'),
    list: fc.array(int32),
    words: fc.array(fc.string()),
    counts: fc.dictionary(
      fc.string({ minLength: 1 }).filter((key) => key !== '__proto__'),
      int32,
      { noNullPrototype: true },
    ),
    kinds: fc.array(fc.constantFrom('ZERO', 'ONE', 'MINUS')),
    doubles: fc.array(double),
    unpacked: fc.array(int64),
    part: fc.record({ a: fc.string() }),
  }
  const flat = fc.record(scalars, { requiredKeys: [], noNullPrototype: true })
  const all = fc.record(
    {
      ...scalars,
      inner: flat,
      many: fc.array(flat, { maxLength: 3 }),
      byId: fc.dictionary(int32.map(String), flat, { maxKeys: 3, noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  )

  /** What is left out of the wire is what is empty: lists and maps are not told from none. */
  const shown = (value: unknown): unknown => {
    if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
    if (Object.is(value, -0)) return 0
    if (Array.isArray(value)) return value.map(shown)
    if (typeof value !== 'object' || value === null) return value
    const entries = Object.entries(value).map(([name, inner]) => [name, shown(inner)] as const)
    return Object.fromEntries(entries.filter(([name, inner]) => !(LISTS.has(name) && isEmpty(inner))))
  }
  const LISTS = new Set(['list', 'words', 'counts', 'kinds', 'doubles', 'unpacked', 'many', 'byId'])
  const isEmpty = (value: unknown) => Object.keys(value as object).length === 0
  const written = (value: unknown) =>
    oracle.encode(oracle.fromObject(forOracle(value) as Record<string, unknown>)).finish()
  const forOracle = (value: unknown): unknown => {
    if (typeof value === 'bigint') return String(value)
    if (Array.isArray(value)) return value.map(forOracle)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, forOracle(inner)]))
  }

  test('names and types are those of the schema', () => {
    fc.assert(
      fc.property(all, (value) => {
        const { message, wireTypes } = readProtobuf(written(value), schema, 't.All') ?? {}
        assert.deepEqual(shown(plain(message)), shown(plain(shown(value))))
        assert.deepEqual(plain(wireTypes), {})
      }),
      { numRuns: 500 },
    )
  })

  test('fields that it lacks, or has as another type, have their numbers', () => {
    assert.deepEqual(plain(read('1805 d23e 0161 7203616263 1a 01 05 72 01 41', schema, 't.All')), {
      message: { i32: 5, 1002: 'a', s: 'A' },
      wireTypes: { 1002: 'len' },
    })
    assert.deepEqual(plain(read('7005 8a01 03 d23e 00', schema, 't.All')), {
      message: { 14: 5, inner: { 1002: '' } },
      wireTypes: { 14: 'varint', 'inner.1002': 'len' },
    })
  })

  test('a type that is not in it is read without one', () => {
    assert.deepEqual(plain(read('0801', schema, 't.None')?.message), { 1: 1 })
    assert.deepEqual(
      plain(read('8001 4d', schema, 't.All')?.message),
      { e: 77 },
      'nor a value that an enum lacks',
    )
  })
})

test('any bytes are read without an exception, with a schema and without', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      JSON.stringify(readProtobuf(bytes, undefined, ''))
      JSON.stringify(readProtobuf(bytes, schema, 't.All'))
    }),
    { numRuns: 3000 },
  )
})
