import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { HpackReader } from './hpack.ts'
import { readHuffman } from './huffman.ts'
import { TestEncoder, type TestField, type Writing } from './test-frames.ts'

function read(reader: HpackReader, hex: string | Uint8Array) {
  const bytes = typeof hex === 'string' ? Buffer.from(hex, 'hex') : hex
  const { fields, ...more } = reader.read(bytes, 0, bytes.length)
  return { fields: fields.map(({ name, value }) => `${name}: ${value}`), ...more }
}

describe('the examples of RFC 7541', () => {
  const requests = [
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'],
    [':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'],
    [
      ...[':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com'],
      'custom-key: custom-value',
    ],
  ]
  const replies = [
    [
      ...[':status: 302', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT'],
      'location: https://www.example.com',
    ],
    [
      ...[':status: 307', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:21 GMT'],
      'location: https://www.example.com',
    ],
    [
      ...[':status: 200', 'cache-control: private', 'date: Mon, 21 Oct 2013 20:13:22 GMT'],
      ...['location: https://www.example.com', 'content-encoding: gzip'],
      'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
    ],
  ]
  const examples = {
    'C.3 requests': [
      requests,
      [
        '828684410f7777772e6578616d706c652e636f6d',
        '828684be58086e6f2d6361636865',
        '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
      ],
    ],
    'C.4 requests in Huffman code': [
      requests,
      [
        '828684418cf1e3c2e5f23a6ba0ab90f4ff',
        '828684be5886a8eb10649cbf',
        '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
      ],
    ],
    // With a table of 256 bytes, which is announced first.
    'C.5 replies that evict': [
      replies,
      [
        '3fe1014803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d',
        '4803333037c1c0bf',
        '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31',
      ],
    ],
    'C.6 the same in Huffman code': [
      replies,
      [
        '3fe101488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
        '4883640effc1c0bf',
        '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
      ],
    ],
  } as const
  for (const [name, [expected, blocks]] of Object.entries(examples))
    test(name, () => {
      const reader = new HpackReader(true)
      assert.deepEqual(
        blocks.map((block) => read(reader, block)),
        expected.map((fields) => {
          // With ": ", and the 32 bytes and some more that a field counts for.
          const memory = fields.reduce((sum, field) => sum + field.length - 2 + 32 + 64, 0)
          return { fields, isWhole: true, isBroken: false, count: fields.length, memory }
        }),
      )
    })
})

describe('Huffman code', () => {
  const decode = (hex: string) => readHuffman(Buffer.from(hex, 'hex'), 0, hex.length / 2)

  test('has codes of up to 30 bits', () => {
    // From RFC 7541 appendix B: 0x1ff8 (13 bits), 0x3ffffffc (30), 0xffffffc (28), and ones to the end of the byte.
    assert.equal(decode('ffc7'), '\0')
    assert.equal(decode('fffffff3'), '\n')
    assert.equal(decode('ffffffcf'), '\x7f')
    assert.equal(decode(''), '')
  })

  test('is padded with fewer than eight ones, and never has the end of the string in it', () => {
    assert.equal(decode('07'), '0')
    assert.equal(decode('00'), undefined, 'zeros')
    assert.equal(decode('07ff'), undefined, 'a whole byte of padding')
    assert.equal(decode('ff'), undefined, 'nothing but padding')
    assert.equal(decode('fffffffc'), undefined, 'EOS')
    assert.equal(decode('ffffffff07'), undefined, 'EOS and more')
  })

  test('of long strings is read', () => {
    assert.equal(readHuffman(new Uint8Array(1_000_000), 0, 1_000_000), '0'.repeat(1_600_000))
  })
})

describe('a header block', () => {
  test('that is broken tells what comes before, and the table is not known after it', () => {
    for (const [name, rest] of Object.entries({
      'index 0': '80',
      'an index that nobody inserted': 'bf',
      'an integer without end': 'ffffffffffffffffff01',
      'an integer that is cut off': 'ff',
      'a string that is cut off': '40056e616d',
      'a name without a value': '400161',
      'wrong padding': '40018001',
      'a size in the middle': '3fe101',
    })) {
      const reader = new HpackReader(true)
      read(reader, new TestEncoder().block([['a', 'b']]))
      const broken = read(reader, `82${rest}`)
      assert.deepEqual(
        [broken.fields, broken.isWhole, broken.isBroken],
        [[':method: GET'], false, true],
        name,
      )
      const next = read(reader, 'be84')
      assert.deepEqual([next.fields, next.isWhole, next.isBroken], [[':path: /'], false, false], name)
    }
  })

  test('may announce several sizes', () => {
    const reader = new HpackReader(true)
    read(reader, new TestEncoder().block([['a', 'b']]))
    const { fields, isBroken } = read(reader, '203fe11f82be')
    assert.deepEqual([fields, isBroken], [[':method: GET'], true], 'what was evicted is gone')
  })

  test('has text in UTF-8 where it is that', () => {
    const { fields } = read(
      new HpackReader(true),
      new TestEncoder().block([
        ['a', 'gr\xc3\xbc\xc3\x9fe'],
        ['b', '\xff'],
      ]),
    )
    assert.deepEqual(fields, ['a: grüße', 'b: ÿ'])
  })

  test('of references to a long field costs its peer what it costs us', () => {
    const reader = new HpackReader(true)
    read(reader, new TestEncoder().block([['a', 'x'.repeat(3000)]]))
    const { fields, isWhole } = read(reader, Buffer.alloc(60_000, 0xbe))
    assert.ok(fields.length < 400)
    assert.equal(isWhole, false)
    assert.ok(read(reader, Buffer.alloc(60_000, 0x82)).fields.length <= 2000)
  })

  test('may not make the table larger than is kept', () => {
    const reader = new HpackReader(true)
    const encoder = new TestEncoder()
    const large = 1 << 24
    const fields = Array.from({ length: 400 }, (_, at): TestField => [`n${at}`, 'x'.repeat(1000)])
    read(reader, Buffer.concat([encoder.resize(large), encoder.block(fields)]))
    const newest = read(
      reader,
      encoder.block([['n399', 'x'.repeat(1000)]], () => 'index'),
    )
    assert.deepEqual([newest.fields.length, newest.isWhole], [1, true])
    const oldest = read(
      reader,
      encoder.block([['n0', 'x'.repeat(1000)]], () => 'index'),
    )
    assert.deepEqual([oldest.fields.length, oldest.isWhole, oldest.isBroken], [0, false, false])
  })
})

describe('whatever an encoder writes', () => {
  const field = fc.tuple(
    fc.constantFrom(':path', ':authority', 'cookie', 'x-id', 'x', 'date', 'te'),
    fc.constantFrom('', '/', '/a', 'b', 'trailers', 'y'.repeat(60), 'z'.repeat(5000)),
  )
  const writing = fc.constantFrom<Writing[]>('index', 'index', 'insert', 'plain', 'never')
  const block = fc.record({
    size: fc.option(fc.constantFrom(0, 60, 200, 4096), { freq: 4 }),
    fields: fc.array(fc.tuple(field, writing), { minLength: 1, maxLength: 12 }),
  })
  const blocks = fc.array(block, { minLength: 1, maxLength: 12 })
  type Blocks = typeof blocks extends fc.Arbitrary<infer T> ? T : never
  const written = (all: Blocks) => {
    const encoder = new TestEncoder()
    return all.map(({ size, fields }) => {
      const announced = size === null ? Buffer.alloc(0) : encoder.resize(size)
      const body = encoder.block(
        fields.map(([each]) => each),
        (at) => fields[at]?.[1] ?? 'plain',
      )
      return Buffer.concat([announced, body])
    })
  }
  const textOf = ({ fields }: Blocks[number]) => fields.map(([[name, value]]) => `${name}: ${value}`)

  test('is read', () => {
    fc.assert(
      fc.property(blocks, (all) => {
        const reader = new HpackReader(true)
        const encoded = written(all)
        for (const [at, each] of all.entries()) {
          const { fields, isWhole } = read(reader, encoded[at] as Buffer)
          assert.deepEqual(fields, textOf(each))
          assert.equal(isWhole, true)
        }
      }),
      { numRuns: 500 },
    )
  })

  test('is never read wrongly where earlier blocks were not captured', () => {
    fc.assert(
      fc.property(blocks, fc.nat(8), (all, missed) => {
        const reader = new HpackReader(false)
        const encoded = written(all)
        for (const [at, each] of all.entries()) {
          if (at < missed) continue
          const { fields, isWhole, isBroken } = read(reader, encoded[at] as Buffer)
          const truth = textOf(each)
          assert.equal(isBroken, false)
          assert.ok(isWithin(fields, truth), `${fields} of ${truth}`)
          if (isWhole) assert.deepEqual(fields, truth)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('is read as far as it has been inserted since', () => {
    const encoder = new TestEncoder()
    const reader = new HpackReader(false)
    encoder.block([
      ['x-old', '1'],
      [':path', '/old'],
    ])
    assert.deepEqual(read(reader, encoder.block([['x-new', '2'], ...pathOf('/new')])).fields, [
      'x-new: 2',
      ':path: /new',
    ])
    const again = encoder.block(
      [['x-old', '1'], ['x-new', '2'], ...pathOf('/new'), ...pathOf('/old')],
      () => 'index',
    )
    assert.deepEqual(read(reader, again).fields, ['x-new: 2', ':path: /new'])
    // A name that is not known hides the value, too, and counts as a place in the table.
    assert.deepEqual(read(reader, encoder.block([['x-old', '3']])).fields, [])
    assert.deepEqual(
      read(
        reader,
        encoder.block([['x-new', '2']], () => 'index'),
      ).fields,
      ['x-new: 2'],
    )
  })
})

function pathOf(path: string): TestField[] {
  return [[':path', path]]
}

/** Whether some of `all` in their order are `part`. */
function isWithin(part: readonly string[], all: readonly string[]): boolean {
  let at = 0
  for (const each of all) if (each === part[at]) at++
  return at === part.length
}

test('any bytes are read without an exception', () => {
  const reader = new HpackReader(true)
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void read(reader, bytes)))
})
