import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { describe, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type KafkaRecord, type RecordSet, readRecords } from './records.ts'
import { Writer } from './test-messages.ts'

const LARGE = { records: 1000, bytes: 1 << 20 }
const snappy = createRequire(import.meta.url)('snappyjs') as { compress(bytes: Uint8Array): Uint8Array }

function read(bytes: Uint8Array, end = bytes.length, budget: Partial<typeof LARGE> = {}): RecordSet {
  return readRecords(bytes, 0, end, bytes.length, { ...LARGE, ...budget })
}

/** A record of version 2. */
function record(
  offsetDelta: number,
  key: string | null,
  value: string | Uint8Array | null,
  timestampDelta = 0,
): Buffer {
  const body = new Writer().int(0, 1).varint(timestampDelta).varint(offsetDelta)
  for (const each of [key, value]) {
    const bytes = each === null ? null : Buffer.from(each)
    body.varint(bytes?.length ?? -1).raw(bytes ?? [])
  }
  body.varint(1).varint(1).raw(Buffer.from('h')).varint(-1)
  return new Writer().varint(body.bytes.length).raw(body.bytes).bytes
}

function batch(count: number, content: Uint8Array, attributes = 0): Buffer {
  const rest = new Writer()
    .int(9, 4)
    .int(2, 1)
    .int(0xfedcba98, 4)
    .int(attributes, 2)
    .int(count - 1, 4)
  rest.int(5000, 8).int(6000, 8).int(77, 8).int(3, 2).int(12, 4).int(count, 4).raw(content)
  return new Writer().int(1000, 8).int(rest.bytes.length, 4).raw(rest.bytes).bytes
}

/** A message of version 0 or 1. */
function message(
  offset: number,
  value: Uint8Array | null,
  { magic = 1, attributes = 0, timestamp = 5000, key = 'k' } = {},
) {
  const rest = new Writer().int(1, 4).int(magic, 1).int(attributes, 1)
  if (magic === 1) rest.int(timestamp, 8)
  rest.blob(Buffer.from(key)).blob(value)
  return new Writer().int(offset, 8).int(rest.bytes.length, 4).raw(rest.bytes).bytes
}

const rows = (records: readonly KafkaRecord[] | undefined) =>
  records?.map(({ offset, timestamp, key, value }) => [offset, timestamp, key, value])

describe('a batch of records', () => {
  const content = Buffer.concat([record(0, 'k', 'one'), record(1, null, null, 7), record(5, '', 'ü', -1)])

  test('has its records with offsets and times as they are stored', () => {
    const { recordBatch, more } = read(batch(3, content))
    const { record: records, ...rest } = recordBatch ?? { record: [] }
    assert.deepEqual(rest, {
      baseOffset: 1000,
      batchLength: 49 + content.length,
      partitionLeaderEpoch: 9,
      magic: 2,
      crc: 0xfedcba98,
      attributes: 0,
      compression: 'none',
      timestampType: 'CreateTime',
      isTransactional: false,
      isControl: false,
      lastOffsetDelta: 2,
      firstTimestamp: 5000,
      maxTimestamp: 6000,
      producerId: 77,
      producerEpoch: 3,
      baseSequence: 12,
      truncated: false,
    })
    assert.deepEqual(rows(records), [
      [1000, 5000, 'k', 'one'],
      [1001, 5007, null, null],
      [1005, 4999, '', 'ü'],
    ])
    assert.deepEqual(records[0]?.headers, [{ headerKey: 'h', value: null, encoding: '' }])
    assert.deepEqual(more, [])
  })

  test('is unpacked whatever it was packed with', () => {
    const frame = (bytes: Uint8Array) => {
      const block = snappy.compress(Uint8Array.from(bytes))
      return new Writer().raw(Buffer.from('\x82SNAPPY\0', 'latin1')).int(1, 4).int(1, 4).blob(block).bytes
    }
    const halves = [content.subarray(0, 20), content.subarray(20)].map(frame)
    const packed: readonly (readonly [number, string, Uint8Array])[] = [
      [1, 'gzip', gzipSync(content)],
      [2, 'snappy', snappy.compress(Uint8Array.from(content))],
      [2, 'snappy', frame(content)],
      [2, 'snappy', Buffer.concat([halves[0] as Buffer, (halves[1] as Buffer).subarray(16)])],
      [4, 'zstd', zstdCompressSync(content)],
    ]
    for (const [codec, name, bytes] of packed) {
      const { recordBatch } = read(batch(3, bytes, codec))
      assert.deepEqual(rows(recordBatch?.record), rows(read(batch(3, content)).recordBatch?.record))
      assert.deepEqual([recordBatch?.compression, recordBatch?.truncated], [name, false])
    }
  })

  test('that is broken, cut off or packed with something unknown says so', () => {
    const packed = gzipSync(Buffer.concat([content, Buffer.alloc(3000, 'x')]))
    for (const [codec, bytes] of [
      [1, Buffer.from('not gzip')],
      [1, packed.subarray(0, 30)],
      [2, Buffer.from('\x82SNAPPY\0\0\0\0\x01\0\0\0\x01\xff\xff\xff\xff', 'latin1')],
      [3, Buffer.from('not lz4!')],
      [4, Buffer.from('not zstd')],
      [5, content],
      [0, content.subarray(0, 12)],
    ] as const) {
      const { recordBatch } = read(batch(3, bytes, codec))
      assert.equal(recordBatch?.truncated, true)
      assert.ok((recordBatch?.record.length ?? 9) < 3)
    }
  })

  test('shows no more than it may', () => {
    const large = Buffer.concat([record(0, 'k', 'one'), record(1, 'k', 'x'.repeat(1 << 20))])
    for (const [codec, packed] of [
      [1, gzipSync(large)],
      [4, zstdCompressSync(large)],
    ] as const) {
      const set = read(batch(2, packed, codec), undefined, { bytes: 300_000 })
      assert.deepEqual(rows(set.recordBatch?.record), [[1000, 5000, 'k', 'one']])
      assert.equal(set.recordBatch?.truncated, true)
    }
    const { recordBatch, more } = read(Buffer.concat([batch(3, content), batch(3, content)]), undefined, {
      records: 4,
    })
    assert.deepEqual([recordBatch?.record.length, recordBatch?.truncated, more.length], [2, true, 0])
  })

  test('has no more headers than it may have records', () => {
    const count = 1 << 20
    const body = new Writer().int(0, 1).varint(0).varint(0).varint(-1).varint(-1).varint(count)
    const headers = Buffer.alloc(2 * count)
    const whole = new Writer()
      .varint(body.bytes.length + headers.length)
      .raw(body.bytes)
      .raw(headers).bytes
    for (const [codec, packed] of [
      [0, whole],
      [4, zstdCompressSync(whole)],
    ] as const) {
      const { recordBatch } = read(batch(1, packed, codec), undefined, { records: 100, bytes: 8 << 20 })
      assert.deepEqual([recordBatch?.record[0]?.headers.length, recordBatch?.truncated], [99, true])
    }
    const { recordBatch } = read(batch(1, record(0, 'k', 'v')), undefined, { records: 2 })
    assert.deepEqual([recordBatch?.record[0]?.headers.length, recordBatch?.truncated], [1, false])
  })

  test('that is too long when unpacked shows most of what it may', () => {
    const many = Array.from({ length: 2000 }, (_, index) => record(index, 'k', 'x'.repeat(1000)))
    for (const [codec, pack] of [
      [1, gzipSync],
      [4, zstdCompressSync],
    ] as const) {
      const { recordBatch } = read(batch(2000, pack(Buffer.concat(many)), codec), undefined, {
        records: 4000,
      })
      const count = recordBatch?.record.length ?? 0
      assert.ok(count > 700 && count < 1049, `${count}`)
      assert.deepEqual([recordBatch?.truncated, recordBatch?.record.at(-1)?.value?.length], [true, 1000])
    }
  })

  test('that is too long or broken when unpacked counts as if all that may be were shown', () => {
    const much = (pack: (bytes: Uint8Array) => Uint8Array) => pack(Buffer.alloc(LARGE.bytes + 1))
    const wrong = Buffer.from(gzipSync(Buffer.alloc(LARGE.bytes)))
    wrong[wrong.length - 5] = (wrong.at(-5) as number) ^ 1
    for (const [codec, packed] of [
      [1, much(gzipSync)],
      [4, much(zstdCompressSync)],
      [1, wrong],
    ] as const) {
      const budget = { ...LARGE }
      const set = Buffer.concat([batch(1, packed, codec), batch(3, gzipSync(content), 1), batch(3, content)])
      const { more } = readRecords(set, 0, set.length, set.length, budget)
      assert.equal(budget.bytes, 0)
      assert.deepEqual(
        more.map(({ record: records, truncated }) => [records.length, truncated]),
        [
          [0, true],
          [3, false],
        ],
      )
    }
  })

  test('stands among others, of which the last may be cut off', () => {
    const three = Buffer.concat([batch(3, content), batch(3, content), batch(3, content)])
    const { more } = read(three)
    assert.deepEqual(
      more.map(({ record: records }) => records.length),
      [3, 3],
    )
    for (let end = 0; end < three.length; end++) {
      const set = read(three, end)
      const whole = [set.recordBatch, ...set.more].filter((each) => each?.truncated === false)
      assert.equal(whole.length, Math.floor(end / (three.length / 3)))
    }
  })

  test('with the time of the log has that time for all records', () => {
    const { recordBatch } = read(batch(3, content, 8))
    assert.deepEqual(
      [recordBatch?.timestampType, ...(recordBatch?.record ?? []).map(({ timestamp }) => timestamp)],
      ['LogAppendTime', 6000, 6000, 6000],
    )
  })

  test('of control says what happened to a transaction', () => {
    const marker = (type: number) => record(0, String.fromCharCode(0, 0, 0, type), Buffer.alloc(6))
    for (const [type, name] of [
      [0, 'ABORT'],
      [1, 'COMMIT'],
    ] as const) {
      const { recordBatch } = read(batch(1, marker(type), 0x30))
      assert.deepEqual([recordBatch?.isControl, recordBatch?.isTransactional], [true, true])
      assert.equal(recordBatch?.record[0]?.key, name)
    }
  })

  test('shows bytes that are no text as base64', () => {
    const { recordBatch } = read(batch(1, record(0, '\0\0\0\x05', Buffer.from([0xc3, 0x28]))))
    assert.partialDeepStrictEqual(recordBatch?.record, [
      { key: 'AAAABQ==', keyEncoding: 'base64', value: 'wyg=', valueEncoding: 'base64' },
    ])
  })
})

describe('messages of old', () => {
  test('that stand together are a batch', () => {
    for (const magic of [0, 1]) {
      const set = Buffer.concat([message(7, Buffer.from('a'), { magic }), message(8, null, { magic })])
      const { recordBatch, more } = read(set)
      const time = magic === 0 ? -1 : 5000
      assert.deepEqual(rows(recordBatch?.record), [
        [7, time, 'k', 'a'],
        [8, time, 'k', null],
      ])
      assert.deepEqual(
        [recordBatch?.magic, recordBatch?.compression, recordBatch?.truncated, more],
        [magic, 'none', false, []],
      )
    }
  })

  test('that are packed into one get their offsets from it', () => {
    const inner = Buffer.concat([0, 1, 2].map((offset) => message(offset, Buffer.from(`v${offset}`))))
    const plain = message(50, Buffer.from('p'))
    const outer = message(42, gzipSync(inner), { attributes: 1 })
    const { recordBatch, more } = read(Buffer.concat([plain, outer, plain]))
    assert.deepEqual(rows(recordBatch?.record), [[50, 5000, 'k', 'p']])
    assert.deepEqual(rows(more[0]?.record), [
      [40, 5000, 'k', 'v0'],
      [41, 5000, 'k', 'v1'],
      [42, 5000, 'k', 'v2'],
    ])
    assert.deepEqual([more[0]?.compression, more[0]?.truncated, more.length], ['gzip', false, 2])

    const produced = read(message(0, gzipSync(inner), { attributes: 1 })).recordBatch
    assert.deepEqual(
      produced?.record.map(({ offset }) => offset),
      [0, 1, 2],
    )
    const old = Buffer.concat([40, 41].map((offset) => message(offset, null, { magic: 0 })))
    const absolute = read(
      message(41, snappy.compress(Uint8Array.from(old)), { magic: 0, attributes: 2 }),
    ).recordBatch
    assert.deepEqual(
      absolute?.record.map(({ offset }) => offset),
      [40, 41],
    )
    const appended = read(message(42, gzipSync(inner), { attributes: 9, timestamp: 9000 })).recordBatch
    assert.deepEqual(
      [appended?.timestampType, ...(appended?.record ?? []).map(({ timestamp }) => timestamp)],
      ['LogAppendTime', 9000, 9000, 9000],
    )
  })

  test('may be cut off anywhere', () => {
    const set = Buffer.concat([
      message(7, Buffer.from('a')),
      message(8, Buffer.from('b')),
      message(9, Buffer.from('c')),
    ])
    for (let end = 0; end < set.length; end++) {
      const { recordBatch, more } = read(set, end)
      assert.equal(recordBatch?.record.length ?? 0, Math.floor(end / (set.length / 3)))
      assert.deepEqual(more, [])
    }
  })
})

test('bytes that are no records give none', () => {
  for (const bytes of [
    Buffer.alloc(0),
    Buffer.alloc(100),
    Buffer.alloc(100, 0xff),
    Buffer.alloc(100, 1),
    Buffer.from('x'.repeat(99)),
  ])
    assert.deepEqual(read(bytes), { recordBatch: null, more: [], size: bytes.length })
})
