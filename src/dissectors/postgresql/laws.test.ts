import assert from 'node:assert/strict'
import { describe as group, test } from 'node:test'
import fc from 'fast-check'
import type { Paired, Parser, Side } from '../../dissect/dissector.ts'
import { cpuMsSince } from '../../testing/cpu-time.ts'
import { AT_THE_START, type Chunk } from '../../testing/feed.ts'
import { bytesLeftBy } from '../../testing/heap.ts'
import { postgresql } from './dissector.ts'
import {
  authentication,
  bind,
  both,
  bound,
  columns,
  describe,
  execute,
  failure,
  keyData,
  m,
  notice,
  parse,
  parsed,
  query,
  read,
  ready,
  row,
  setting,
  startup,
  sync,
  tag,
  terminate,
  u16s,
  u32s,
  untyped,
  values,
} from './test-messages.ts'

/** With something of every kind in it. */
const sent = both(
  startup('user', 'ann', 'database', 'shop'),
  m('p', 'geheim'),
  query('select 1; select 2'),
  parse('s', 'select $1::int, $2', 23, 25),
  describe('S', 's'),
  bind('', 's', values(u32s(5), null), [1, 0], [1]),
  execute(),
  m('C', Buffer.from('S'), 's'),
  m('H'),
  sync,
  m('F', u32s(952), u16s(0), values('x'), u16s(0)),
  query(`copy t from stdin ${' '.repeat(300)}`),
  m('d', Buffer.alloc(400, 'x')),
  m('f', 'no'),
  terminate,
)
const answered = both(
  authentication(3),
  authentication(0),
  setting('TimeZone', 'UTC'),
  keyData(9),
  ready(),
  columns(['a', 23]),
  row('1'),
  tag('SELECT 1'),
  notice('hm'),
  columns(['a', 23]),
  row('x'.repeat(300)),
  tag('SELECT 1'),
  ready(),
  parsed,
  m('t', u16s(2), u32s(23, 25)),
  columns(['a', 23], ['b', 25]),
  bound,
  row(u32s(5), null),
  tag('SELECT 1'),
  m('3'),
  m('A', u32s(9), 'jobs', 'x'),
  ready('T'),
  m('V', u32s(-1)),
  ready(),
  m('G', Buffer.from([0]), u16s(1, 0)),
  failure('57014', 'no'),
  ready('E'),
)
const contexts = [
  { wantsBodies: true, maxBody: 1 << 20 },
  { wantsBodies: true, maxBody: 30 },
  { wantsBodies: false, maxBody: 1 << 20 },
]

group('exchanges are the same however the bytes are cut', () => {
  const whole = (context: (typeof contexts)[number]) =>
    read(
      [
        ['client', sent],
        ['server', answered],
      ],
      context,
    )
  for (const context of contexts)
    test(JSON.stringify(context), () => {
      const expected = whole(context)
      assert.equal(expected.invalid, undefined)
      assert.equal(expected.exchanges.length, 15)
      for (let at = 1; at < Math.max(sent.length, answered.length); at++)
        assert.deepEqual(
          read([...cutAt('client', sent, at), ...cutAt('server', answered, at)], context),
          expected,
          `cut at ${at}`,
        )
      const bytes = (side: Side, wire: Uint8Array) =>
        Array.from(wire, (_, at): Chunk => [side, wire.subarray(at, at + 1)])
      assert.deepEqual(read([...bytes('client', sent), ...bytes('server', answered)], context), expected)
    })
})

test('any mixture of messages, pieces and holes is read without an exception', () => {
  const messages = [...messagesOf(sent), ...messagesOf(answered)]
  const broken = fc
    .tuple(fc.constantFrom(...messages), fc.nat(), fc.nat(255), fc.nat())
    .map(([message, at, byte, end]) => {
      const copy = Buffer.from(message)
      copy[at % copy.length] = byte
      return copy.subarray(0, 1 + (end % copy.length))
    })
  const piece = fc.oneof(
    fc.constantFrom(...messages),
    broken,
    fc.uint8Array({ maxLength: 40 }),
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
        for (const [side, bytes] of chunks)
          if (typeof bytes !== 'number' && bytes.length > 0) {
            postgresql.probe(bytes, 0, bytes.length, side)
            postgresql.resumes?.(bytes, 0, bytes.length, side)
          }
      },
    ),
    { numRuns: 1000 },
  )
})

group('hostile input takes time in proportion to its length, and little memory', () => {
  const types = Array.from({ length: 16_000 }, () => 23)
  const options = Array.from({ length: 1600 }, (_, index) => [index.toString(36), 'x']).flat()
  for (const [name, side, message, times] of [
    ['queries that nobody answers', 'client', query('select 1'), 200_000],
    ['binds that nobody answers', 'client', bind('', '', values('x')), 200_000],
    ['statements with names', 'client', parse('a', 'x'.repeat(1000)), 20_000],
    ['rows that nobody asked for', 'server', row('a'), 200_000],
    ['replies to what was not sent', 'server', both(m('3'), m('2'), ready()), 100_000],
    ['notices', 'server', notice('x'.repeat(1000)), 20_000],
    ['settings', 'server', setting('a', 'b'), 100_000],
    ['tags without end', 'server', tag('INSERT 0 1'), 200_000],
    ['an error of many fields', 'server', m('E', Buffer.from('Mx\0'.repeat(20_000))), 20],
    ['columns without names', 'server', m('T', u16s(3000), Buffer.alloc(19 * 3000)), 50],
    ['function calls', 'client', m('F', u32s(1), u16s(0), values('x'.repeat(60_000)), u16s(0)), 1500],
    ['statements of many parameters', 'client', parse('a', 'x', ...types), 1500],
    ['startups', 'client', startup('user', 'x'.repeat(9000)), 10_000],
    ['startups of many options', 'client', startup(...options), 900],
    ['long tags', 'server', tag('x'.repeat(60_000)), 900],
  ] as const)
    test(name, () => {
      const started = process.cpuUsage()
      const wire = Buffer.alloc(message.length * times, message)
      const parsers = postgresql.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
      if (side === 'server') exchangesOf(parsers.client, query('select'))
      const kept = bytesLeftBy(() => drip(parsers[side], wire, 1000))
      assert.ok(kept < MOST_KEPT)
      while (parsers.abandon?.() !== undefined);
      // Less than a second; what is quadratic takes minutes.
      assert.ok(cpuMsSince(started) < 20_000)
    })

  test('of statements that were prepared only so much is remembered', () => {
    const { client, server } = postgresql.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const kept = bytesLeftBy(() => {
      for (let index = 0; index < 512; index++) {
        exchangesOf(client, parse(`s${index}`, 'x', ...types))
        assert.equal(exchangesOf(server, parsed).length, 1)
      }
    })
    assert.ok(kept < MOST_KEPT)
    assert.equal(exchangesOf(client, sync).length, 0)
  })

  test('a length that is a lie takes no memory', () => {
    const query = both(Buffer.from('Q'), u32s(0x3fffffff), Buffer.alloc(100_000, 'x'))
    assert.equal(read([['client', query]]).exchanges.length, 1)
    const data = both(Buffer.from('D'), u32s(0x3fffffff), Buffer.alloc(100_000, 'x'))
    assert.equal(read([['server', data]]).exchanges.length, 1)
    for (const lie of [
      'Q\0\0\0\x03',
      'Q\x7f\xff\xff\xff',
      'S\0\0\0\x05',
      'C\x10\0\0\0',
      '\0\0\0\x09\0\x03\0\0',
      'y\0\0\0\x04',
    ])
      assert.equal(read([['client', lie]]).invalid === undefined, lie.startsWith('\0'), lie)
  })

  test('a long statement counts once, however often a pipeline executes it', () => {
    const { client, server } = postgresql.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const many = 2000
    const run = both(bind('', 's'), execute())
    const done = both(bound, tag('INSERT 0 1'))
    exchangesOf(client, both(parse('s', 'x'.repeat(8000)), Buffer.alloc(run.length * many, run)))
    const paired = exchangesOf(server, both(parsed, Buffer.alloc(done.length * many, done)))
    assert.equal(paired.filter(({ request }) => request !== null).length, 1 + 2 * many)
  })

  test('a pipeline that is longer than is remembered goes on when it is through', () => {
    const parsers = postgresql.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    const many = 70_000
    const run = both(bind('', ''), execute())
    const done = both(bound, tag('INSERT 0 1'))
    const exchanges = [
      ...exchangesOf(parsers.client, Buffer.alloc(run.length * many, run)),
      ...exchangesOf(parsers.client, both(sync, query('select 1'))),
      ...exchangesOf(parsers.server, Buffer.alloc(done.length * many, done)),
      ...exchangesOf(parsers.server, both(ready(), tag('SELECT 1'), ready())),
    ]
    const paired = exchanges.filter(({ request, response }) => request !== null && response !== null)
    assert.deepEqual(
      paired.map(({ request }) => (request as { message: { query?: string } }).message.query),
      ['select 1'],
    )
    assert.equal(exchanges.filter(({ request }) => request !== null).length, 2 * many + 2)
  })
})

function exchangesOf(parser: Parser<unknown>, wire: Uint8Array): Paired[] {
  const found: Paired[] = []
  for (let at = 0; ; ) {
    const step = parser.next(wire, at, wire.length)
    if (step.kind === 'incomplete' || step.kind === 'invalid') return found
    if (step.kind === 'exchange') found.push(step)
    at += step.length
  }
}

/** Feeds one side, piece by piece. */
function drip(parser: Parser<unknown>, wire: Uint8Array, step: number): void {
  let at = 0
  for (let end = step; end <= wire.length; end += step)
    for (;;) {
      const answer = parser.next(wire, at, end)
      if (answer.kind === 'invalid' || answer.kind === 'incomplete') break
      at += answer.length
    }
}

function cutAt(side: Side, wire: Uint8Array, at: number): Chunk[] {
  return [
    [side, wire.subarray(0, at)],
    [side, wire.subarray(at)],
  ]
}

function messagesOf(wire: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = []
  for (let at = 0; at < wire.length; ) {
    const isTyped = wire[at] !== 0
    const length = Buffer.from(wire).readUInt32BE(isTyped ? at + 1 : at) + (isTyped ? 1 : 0)
    found.push(wire.subarray(at, at + length))
    at += length
  }
  return [...found, untyped(80877103), untyped(80877102, u32s(1, 2)), Buffer.from('S'), Buffer.from('N')]
}

/** Bytes that a connection may keep, with all that JavaScript needs to remember them. */
const MOST_KEPT = 16 << 20
