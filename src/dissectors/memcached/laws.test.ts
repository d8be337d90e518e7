import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START, type Chunk } from '../../testing/feed.ts'
import { memcached, memcachedUdp } from './dissector.ts'
import { answer, ask, read, u32s } from './test-messages.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')

/** With something of every kind in it. */
const text = [
  latin1(
    `set a 5 60 5\r\nhello\r\nset b 0 0 2 noreply\r\n\r\n\r\nget a b\r\ngets a\r\nincr n 5\r\nnonsense\r\n\r\nstats\r\nmg a v q k\r\nms c 300 T1\r\n${'x'.repeat(300)}\r\nmn\r\nversion\r\nquit\r\n`,
  ),
  latin1(
    `STORED\r\nVALUE a 5 5\r\nhello\r\nVALUE b 0 2\r\n\r\n\r\nEND\r\nVALUE a 5 5 9\r\nhello\r\nEND\r\nNOT_FOUND\r\nERROR\r\nERROR\r\nSTAT a b c\r\nSTAT d e\r\nEND\r\nVA 300 ka\r\n${'y'.repeat(300)}\r\nHD\r\nMN\r\nVERSION 1\r\n`,
  ),
] as const
const binary = [
  Buffer.concat([
    ask(1, { extras: u32s(5, 60), key: 'a', value: 'hello', opaque: 1 }),
    ask(9, { key: 'b', opaque: 2 }),
    ask(13, { key: 'a', opaque: 3 }),
    ask(5, { extras: u32s(0, 3, 0, 7, 60), key: 'n', opaque: 4 }),
    ask(16, { opaque: 5 }),
    ask(33, { key: 'PLAIN', value: 'secret', opaque: 6 }),
    ask(10, { opaque: 7 }),
  ]),
  Buffer.concat([
    answer(1, { opaque: 1, cas: 3 }),
    answer(13, { extras: u32s(5), key: 'a', value: 'x'.repeat(300), opaque: 3 }),
    answer(5, { value: u32s(0, 10), opaque: 4 }),
    answer(16, { key: 'pid', value: '1', opaque: 5 }),
    answer(16, { opaque: 5 }),
    answer(33, { status: 0x20, value: 'no', opaque: 6 }),
    answer(10, { opaque: 7 }),
  ]),
] as const
const contexts = [
  { wantsBodies: true, maxBody: 1 << 20 },
  { wantsBodies: true, maxBody: 3 },
  { wantsBodies: false, maxBody: 1 << 20 },
]

describe('exchanges are the same however the bytes are cut', () => {
  for (const [sent, answered] of [text, binary])
    for (const context of contexts)
      test(`${sent[0] === 0x80 ? 'binary' : 'text'} with ${JSON.stringify(context)}`, () => {
        const whole = read(
          [
            ['client', sent],
            ['server', answered],
          ],
          context,
        )
        assert.equal(whole.invalid, undefined)
        assert.ok(whole.exchanges.every(({ error }) => error === null))
        for (let at = 1; at < Math.max(sent.length, answered.length); at++)
          assert.deepEqual(
            read([...cutAt('client', sent, at), ...cutAt('server', answered, at)], context),
            whole,
            `cut at ${at}`,
          )
        const bytes = (side: Side, wire: Uint8Array) =>
          Array.from(wire, (_, at): Chunk => [side, wire.subarray(at, at + 1)])
        assert.deepEqual(read([...bytes('client', sent), ...bytes('server', answered)], context), whole)
      })
})

test('any mixture of messages, pieces and holes is read without an exception', () => {
  const wires = [...text, ...binary]
  const piece = fc.oneof(
    fc
      .tuple(fc.constantFrom(...wires), fc.nat(), fc.nat(), fc.nat(255), fc.nat())
      .map(([wire, a, b, byte, at]) => {
        const copy = Buffer.from(wire)
        copy[at % copy.length] = byte
        return copy.subarray(Math.min(a, b) % copy.length, Math.max(a, b) % copy.length)
      }),
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom(
        'get a\r\n',
        'set a 0 0 5\r\n',
        'VALUE a 0 5\r\n',
        'END\r\n',
        'mg a q\r\n',
        'STAT a\r\n',
        '\r\n',
      )
      .map(latin1),
    fc.integer({ min: 1, max: 300 }),
  )
  const chunk = fc.tuple(fc.constantFrom<Side[]>('client', 'server'), piece)
  fc.assert(
    fc.property(
      fc.array(chunk, { maxLength: 25 }),
      fc.constantFrom(...contexts),
      fc.boolean(),
      (chunks, context, isWhole) => {
        read([...chunks, ['client', null], ['server', null]], context, { isWhole })
        const datagrams = memcachedUdp.open(context, AT_THE_START)
        for (const [side, bytes] of chunks)
          if (typeof bytes !== 'number' && bytes.length > 0) {
            memcached.probe(bytes, 0, bytes.length, side)
            memcached.resumes?.(bytes, 0, bytes.length, side)
            memcachedUdp.probe(bytes, 0, bytes.length, side)
            datagrams[side].next(bytes, 0, bytes.length)
          }
      },
    ),
    { numRuns: 1000 },
  )
})

describe('hostile input takes time in proportion to its length, and little memory', () => {
  for (const [name, side, message, times, step] of [
    ['commands that nobody answers', 'client', 'get a\r\n', 200_000, 1000],
    ['quiet commands', 'client', 'mg a q\r\n', 200_000, 1000],
    ['replies to what was not asked', 'server', 'END\r\n', 200_000, 1000],
    ['values without end', 'server', 'VALUE a 0 1\r\nx\r\n', 100_000, 1000],
    ['statistics without end', 'server', 'STAT a b\r\n', 100_000, 1000],
    ['a line without end', 'client', 'x', 60_000, 1],
    ['a key for each byte', 'client', 'get ', 30_000, 1000],
    ['many keys', 'client', `get ${'k '.repeat(30_000)}\r\n`, 10, 1000],
  ] as const)
    test(name, () => {
      const started = process.cpuUsage()
      const wire = latin1(message.repeat(times))
      assert.ok(drip(side, wire, step) <= 1 << 20)
      // Less than a second; what is quadratic takes minutes.
      assert.ok(cpuMsSince(started) < 20_000)
    })

  for (const [name, asked, reply] of [
    ['text', latin1('mg a q v k\r\n'), latin1('VA 0 kb\r\n\r\n')],
    ['binary', ask(13, { key: 'a', opaque: 1 }), answer(13, { opaque: 2 })],
  ] as const)
    test(`replies to none of many quiet commands, ${name}`, () => {
      const started = process.cpuUsage()
      const many = (bytes: Uint8Array, times: number) =>
        Buffer.concat(Array.from({ length: times }, () => bytes))
      assert.equal(
        read([
          ['client', many(asked, 60_000)],
          ['server', many(reply, 10_000)],
        ]).exchanges.length,
        70_000,
      )
      assert.ok(cpuMsSince(started) < 20_000)
    })

  describe('many keys', () => {
    const context = { wantsBodies: false, maxBody: 0 }
    const line = latin1(`get ${Array.from({ length: 16_000 }, (_, key) => key.toString(36)).join(' ')}\r\n`)

    test('of commands that nobody answers take no more memory than may wait', () => {
      const parsers = memcached.open(context, AT_THE_START)
      const wire = Buffer.concat(Array.from({ length: 100 }, () => line))
      let waiting = 100
      for (let at = 0; at < wire.length; ) {
        const step = parsers.client.next(wire, at, wire.length)
        if (step.kind === 'exchange') waiting--
        if (step.kind !== 'partial' && step.kind !== 'exchange') break
        at += step.length
      }
      assert.ok(waiting * line.length * 8 <= 16 << 20, `${waiting}`)
    })

    test('are compared with replies to none of them', () => {
      const started = process.cpuUsage()
      const gets = Array.from({ length: 20 }, (): Chunk => ['client', line])
      const replies = latin1('VALUE - 0 0\r\n\r\nEND\r\n'.repeat(50))
      const answers = Array.from({ length: 400 }, (): Chunk => ['server', replies])
      const told = read([...gets, ...answers], context, { isWhole: false })
      assert.equal(told.exchanges.length, 20_020)
      assert.ok(cpuMsSince(started) < 10_000)
    })
  })

  test('a length that is a lie takes no memory', () => {
    const value = read([['client', latin1(`set a 0 0 1000000000\r\n${'x'.repeat(100_000)}`)]])
    assert.deepEqual([value.exchanges.length, value.invalid], [0, undefined])
    const packet = ask(1, { extras: u32s(0, 0), key: 'a', value: 'x' })
    packet.set(u32s(0x3fffffff), 8)
    assert.equal(read([['client', packet]]).invalid, undefined)
    packet.set(u32s(0x7fffffff), 8)
    assert.notEqual(read([['client', packet]]).invalid, undefined)
    assert.notEqual(read([['client', latin1(`get ${'k'.repeat(70_000)}`)]]).invalid, undefined)
    assert.notEqual(read([['client', latin1('\x16\x03\x01')]]).invalid, undefined)
  })
})

/** Feeds one side, piece by piece; the most bytes that the parser says it holds. */
function drip(side: Side, wire: Uint8Array, step: number): number {
  const parsers = memcached.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
  const parser = parsers[side]
  let held = 0
  let at = 0
  let need = 1
  for (let end = step; end <= wire.length; end += step)
    while (end - at >= need) {
      const answered = parser.next(wire, at, end)
      if (answered.kind === 'invalid') break
      need = answered.kind === 'incomplete' ? answered.need : 1
      if (answered.kind === 'incomplete') break
      at += answered.length
      held = Math.max(held, parser.held ?? 0)
    }
  while (parsers.abandon?.() !== undefined);
  return held
}

function cutAt(side: Side, wire: Uint8Array, at: number): Chunk[] {
  return [
    [side, wire.subarray(0, at)],
    [side, wire.subarray(at)],
  ]
}
