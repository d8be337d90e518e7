import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Mistake } from '../mistake/mistake.ts'
import { corpusOrSkip } from '../testing/corpus.ts'
import { MOST_PACKETS } from './batch.ts'
import { CaptureParser } from './parser.ts'
import { Bytes, parse, pcap, pcapng } from './test-captures.ts'

const hex = (text: string) => Buffer.from(text).toString('hex')
const noneSkipped = { truncated: 0, absurdLength: 0, damagedBlock: 0, unknownBlock: 0, unknownInterface: 0 }

describe('pcap', () => {
  for (const littleEndian of [true, false])
    test(`is read in ${littleEndian ? 'little' : 'big'}-endian order, with micro- and nanoseconds`, () => {
      const micros = parse(pcap({ littleEndian }, [1_700_000_000, 999_999, 'abc', 1500]))
      assert.deepEqual(micros.packets, [
        { interface: '', linkType: 1, time: '1700000000.999999000', length: 1500, hex: hex('abc') },
      ])
      const nanos = parse(pcap({ littleEndian, magic: 0xa1b23c4d }, [4_294_967_295, 999_999_999, 'abc']))
      assert.equal(nanos.packets[0]?.time, '4294967295.999999999')
    })

  test('leaves the length of the frame check sequence out of the link type', () => {
    assert.equal(parse(pcap({ linkType: 0x24000001 }, [1, 0, 'abc'])).packets[0]?.linkType, 1)
  })

  test('carries a fraction of more than a second over', () => {
    assert.equal(parse(pcap({}, [10, 4_000_000_001, 'abc'])).packets[0]?.time, '4010.000001000')
  })

  test('may hold no packets at all, and empty ones', () => {
    assert.deepEqual(parse(pcap({})), { packets: [], problems: [], skipped: noneSkipped, losses: {} })
    assert.deepEqual(
      parse(pcap({}, [1, 0, '', 0], [2, 0, '', 60])).packets.map(({ length }) => length),
      [0, 60],
    )
  })

  test('has its lengths the other way round in some files of version 2.3', () => {
    const swapped = new Bytes(true)
      .raw(pcap({ minor: 3 }))
      .u32(1, 0, 60, 3)
      .raw('abc')
      .u32(2, 0, 2, 2)
      .raw('de')
    assert.deepEqual(
      parse(swapped.bytes).packets.map(({ length, hex }) => [length, hex]),
      [
        [60, hex('abc')],
        [2, hex('de')],
      ],
    )
  })

  test('as modified by Kuznetzov has longer record headers', () => {
    const modified = new Bytes(true).raw(pcap({ magic: 0xa1b2cd34 }))
    modified.u32(1, 2, 3, 3, 7).u16(0x800, 0).raw('abc').u32(2, 0, 2, 2, 7).u16(0x800, 0).raw('de')
    assert.deepEqual(
      parse(modified.bytes).packets.map(({ hex }) => hex),
      [hex('abc'), hex('de')],
    )
  })

  test('that ends inside a record, or inside its header, gives what is whole and says so', () => {
    const file = pcap({}, [1, 0, 'abc'], [2, 0, 'defg'])
    for (const cut of [1, 4, 5, 19]) {
      const { packets, problems, skipped } = parse(file.subarray(0, file.length - cut))
      assert.equal(packets.length, 1)
      assert.deepEqual(problems, ['the capture ends in the middle of packet 2'])
      assert.equal(skipped.truncated, 1)
    }
  })

  test('stops at a length that cannot be true', () => {
    const { packets, problems, skipped } = parse(
      Buffer.concat([
        pcap({}, [1, 0, 'abc']),
        new Bytes(true).u32(2, 0, 262_145, 262_145).bytes,
        Buffer.alloc(300_000),
      ]),
    )
    assert.equal(packets.length, 1)
    assert.match(problems[0] ?? '', /^packet 2 claims to be 262145 bytes long/)
    assert.equal(problems.length, 1)
    assert.equal(skipped.absurdLength, 1)
  })

  test('believes packets as long as its snap length, and grows its buffer for them', () => {
    const long = 'x'.repeat(400_000)
    const { packets, problems } = parse(
      pcap({ snapLength: 1 << 20 }, [1, 0, 'abc'], [2, 0, long], [3, 0, 'de']),
      [1000],
    )
    assert.deepEqual(
      packets.map(({ length }) => length),
      [3, 400_000, 2],
    )
    assert.deepEqual(problems, [])
  })

  test('with more packets than a batch holds comes in several', () => {
    const count = MOST_PACKETS * 2 + 5
    const record = new Bytes(true).u32(1, 0, 1, 1).raw('a').bytes
    const file = Buffer.concat([pcap({}), ...Array<Buffer>(count).fill(record)])
    const sizes: number[] = []
    for (const batch of new CaptureParser('test').push(file)) sizes.push(batch.count)
    assert.deepEqual(sizes, [MOST_PACKETS, MOST_PACKETS, 5])
  })
})

describe('pcapng', () => {
  const ng = pcapng()
  const start = Buffer.concat([ng.section(), ng.interface(1, 0, ng.option(2, Buffer.from('eth0')))])

  test('changes byte order and interfaces with each section', () => {
    const big = pcapng(false)
    const nanos = big.option(9, Buffer.from([9]))
    const { packets, problems } = parse(
      Buffer.concat([
        start,
        ng.packet(0, 1_700_000_000_123_456n, 'abc', 1500),
        big.section(),
        big.interface(113, 0, big.option(2, Buffer.from('any\0')), nanos),
        big.interface(1),
        big.packet(0, 1_700_000_001_123_456_789n, 'defgh'),
        big.obsoletePacket(1, 7n, 'i'),
        start,
        ng.packet(0, 0n, 'j'),
      ]),
    )
    assert.deepEqual(packets, [
      { interface: 'eth0', linkType: 1, time: '1700000000.123456000', length: 1500, hex: hex('abc') },
      { interface: 'any', linkType: 113, time: '1700000001.123456789', length: 5, hex: hex('defgh') },
      { interface: '', linkType: 1, time: '0.000007000', length: 1, hex: hex('i') },
      { interface: 'eth0', linkType: 1, time: '0.000000000', length: 1, hex: hex('j') },
    ])
    assert.deepEqual(problems, [])
  })

  test('counts an interface that comes back in a later section once', () => {
    const parser = new CaptureParser('test')
    let interfaces = 0
    const file = Buffer.concat(Array<Buffer>(50).fill(Buffer.concat([start, ng.packet(0, 0n, 'a')])))
    for (const batch of parser.push(file)) interfaces = batch.interfaces.length
    assert.equal(interfaces, 1)
  })

  test('cuts simple packets to the snap length and gives them the time of the packet before', () => {
    const { packets, problems } = parse(
      Buffer.concat([
        ng.section(),
        ng.interface(1, 4),
        ng.packet(0, 1_000_001n, 'ab'),
        ng.simplePacket('abcd', 1500),
        ng.simplePacket('abc'),
      ]),
    )
    assert.deepEqual(
      packets.map(({ hex, length, time }) => [hex, length, time]),
      [
        [hex('ab'), 2, '1.000001000'],
        [hex('abcd'), 1500, '1.000001000'],
        [hex('abc'), 3, '1.000001000'],
      ],
    )
    assert.match(problems[0] ?? '', /^2 packets carry no time/)
  })

  test('counts blocks it does not know, and leaves out those of no interest, however long', () => {
    const { packets, skipped, problems } = parse(
      Buffer.concat([
        start,
        ng.block(0xbad, Buffer.alloc(100_000)),
        ng.block(10, Buffer.alloc(8)),
        ng.packet(0, 0n, 'a'),
        ng.block(0x40000bad, Buffer.alloc(0)),
      ]),
      [100],
    )
    assert.equal(packets.length, 1)
    assert.deepEqual(skipped, { ...noneSkipped, unknownBlock: 2 })
    assert.deepEqual(problems, [])
  })

  test('counts packets of interfaces that do not exist, also those of another section', () => {
    const { packets, skipped } = parse(
      Buffer.concat([
        start,
        ng.packet(1, 0n, 'a'),
        ng.section(),
        ng.packet(0, 0n, 'b'),
        ng.simplePacket('c'),
      ]),
    )
    assert.deepEqual(packets, [])
    assert.equal(skipped.unknownInterface, 3)
  })

  test('keeps the numbers of interfaces when one of them cannot be read', () => {
    const broken = ng.block(1, Buffer.alloc(0))
    const { packets, skipped } = parse(
      Buffer.concat([ng.section(), broken, ng.interface(101), ng.packet(1, 0n, 'a'), ng.packet(0, 0n, 'b')]),
    )
    assert.deepEqual(
      packets.map(({ linkType }) => linkType),
      [101],
    )
    assert.deepEqual(skipped, { ...noneSkipped, damagedBlock: 1, unknownInterface: 1 })
  })

  test('skips a packet that does not fit into its block', () => {
    const tooLong = ng.block(6, new Bytes(true).u32(0, 0, 0, 8, 8).raw('abcd').bytes)
    const { packets, skipped } = parse(Buffer.concat([start, tooLong, ng.packet(0, 0n, 'b')]))
    assert.equal(packets.length, 1)
    assert.equal(skipped.damagedBlock, 1)
  })

  test('adds up the latest statistics of each interface, over sections', () => {
    const drops = (kernel: bigint, card: bigint) => [ng.option(5, ng.u64(card)), ng.option(7, ng.u64(kernel))]
    const { losses } = parse(
      Buffer.concat([
        ...[start, ng.interface(1), ng.statistics(0, ...drops(1n, 2n)), ng.statistics(0, ...drops(10n, 20n))],
        ...[ng.statistics(1, ...drops(100n, 0n)), ng.statistics(9, ...drops(7n, 7n))],
        ...[start, ng.statistics(0, ...drops(1000n, 0n))],
      ]),
    )
    assert.deepEqual(losses, { kernel: 1110, interface: 20 })
  })

  const damage = {
    'a length of 0': ng.block(6, Buffer.alloc(8)).fill(0, 4, 8),
    'a length that is no multiple of 4': Buffer.from(ng.packet(0, 0n, 'a')).fill(0x1d, 4, 5),
    'two lengths that differ': Buffer.from(ng.packet(0, 0n, 'a')).fill(0x28, 4, 5),
    'a length that cannot be true': new Bytes(true).u32(6, 0x7ffffffc, 0).bytes,
    'a packet length that cannot be true': ng.packet(0, 0n, 'x'.repeat(300_000)),
    'a section in no byte order': Buffer.from(ng.section()).fill(0, 8, 12),
  }
  for (const [what, bytes] of Object.entries(damage))
    test(`stops at ${what} and keeps what it read`, () => {
      const file = Buffer.concat([
        start,
        ng.packet(0, 0n, 'a'),
        bytes,
        ng.packet(0, 0n, 'b'),
        Buffer.alloc(64),
      ])
      const { packets, problems } = parse(file)
      assert.equal(packets.length, 1)
      assert.equal(problems.length, 1)
      assert.match(problems[0] ?? '', /damaged and was read up to there, after packet 1$/)
    })

  test('that ends inside a block says so, also when the block is of no interest', () => {
    for (const last of [ng.packet(0, 0n, 'a'), ng.block(0xbad, Buffer.alloc(9000))]) {
      const file = Buffer.concat([start, ng.packet(0, 0n, 'a'), last])
      const { packets, problems, skipped } = parse(file.subarray(0, file.length - 1))
      assert.equal(packets.length, 1)
      assert.deepEqual(problems, ['the capture ends in the middle of a block, after packet 1'])
      assert.equal(skipped.truncated, 1)
    }
  })
})

describe('any capture', () => {
  test('gives the same packets however its bytes are cut', (t) => {
    const captures = corpusOrSkip(t).filter(({ group }) => group === 'format' || group === 'malformed')
    const files = captures
      .filter(({ name }) => !name.endsWith('.snoop'))
      .map(({ path }) => readFileSync(path))
    if (files.length === 0) return
    const small = files
      .filter(({ length }) => length < 16_000)
      .map((bytes) => ({ bytes, whole: parse(bytes) }))
    fc.assert(
      fc.property(
        fc.constantFrom(...small),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 3000 }),
        ({ bytes, whole }, cuts, bufferLength) => assert.deepEqual(parse(bytes, cuts, bufferLength), whole),
      ),
      { numRuns: 200 },
    )
  })

  test('can be damaged anywhere without more than a Mistake, and however cut', () => {
    const ng = pcapng()
    const seeds = [
      pcap({}, [1, 0, 'abcdef'], [2, 0, 'ghi'], [3, 0, '']),
      Buffer.concat([
        ng.section(),
        ng.interface(1),
        ng.packet(0, 1n, 'abc'),
        ng.simplePacket('d'),
        ng.statistics(0),
      ]),
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(500), fc.constantFrom(0, 1, 4, 0x7f, 0xff)), { maxLength: 4 }),
        fc.integer({ min: 1, max: 40 }),
        (seed, damages, cut) => {
          const bytes = Buffer.from(seed)
          for (const [at, value] of damages) bytes[at % bytes.length] = value
          assert.deepEqual(outcome(bytes, [cut]), outcome(bytes, [bytes.length]))
        },
      ),
      { numRuns: 500 },
    )
  })

  test('of random bytes is a Mistake, and says what the input looks like', () => {
    const looks = (input: Uint8Array | string, pattern: RegExp) =>
      assert.throws(
        () => parse(Buffer.from(input)),
        (error) =>
          error instanceof Mistake && error.code === 'E_CAPTURE_FORMAT' && pattern.test(error.message),
      )
    looks('', /test.pcap is empty/)
    looks(pcap({}).subarray(0, 23), /ends inside its header/)
    looks(pcapng().section().subarray(0, 11), /ends inside its header/)
    looks(pcap({}).subarray(0, 3), /is neither pcap nor pcapng/)
    looks('snoop\0\0\0\0\0\0\x02', /snoop format/)
    looks(Buffer.from([0x04, 0x22, 0x4d, 0x18, 1, 2]), /compressed with lz4/)
    looks(' [{"_index": "packets"', /looks like JSON/)
    looks('12:00:00.000000 IP 10.0.0.1 > 10.0.0.2: Flags [S]\n'.repeat(9), /looks like text/)
    looks(Buffer.from('000000809a78563400000050006e0042', 'hex'), /neither pcap/)
    looks(Buffer.from('00000080c0f0f0650100006e0000005e0000', 'hex'), /ERF format/)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        outcome(Buffer.from(bytes), [7])
      }),
    )
  })
})

function outcome(bytes: Buffer, cuts: number[]) {
  try {
    return parse(bytes, cuts, 64)
  } catch (error) {
    if (error instanceof Mistake) return error.message
    throw error
  }
}
