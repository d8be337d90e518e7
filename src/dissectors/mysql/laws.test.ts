import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Opening, Parser, Side } from '../../dissect/dissector.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { bytesLeftBy } from '../../testing/heap.ts'
import { mysql } from './dissector.ts'
import {
  bytes,
  CAPABILITIES,
  column,
  command,
  DEPRECATE_EOF,
  eof,
  error,
  execute,
  frame,
  lenenc,
  ok,
  packets,
  prepared,
  query,
  resultSet,
  type Script,
  session,
  u16,
  u32,
} from './test-packets.ts'

type Chunk = readonly [Side, Uint8Array | number | null]

/** Something of every kind. */
function talk(isDeprecated: boolean): Script {
  const end = isDeprecated ? ok({ header: 0xfe }) : eof()
  const definitions = [column('a', 253), column('b', 3)]
  const row = bytes(0, 0, lenenc('x'), u32(7))
  return [
    ['client', query('select a, b from t')],
    [
      'server',
      packets(
        1,
        ...resultSet(
          ['a', 'b'],
          [
            ['1', null],
            ['x'.repeat(300), ''],
          ],
          { isDeprecated },
        ),
      ),
    ],
    ['client', command(22, 'select a, b from t where c = ?')],
    ['server', packets(1, ...prepared(1, 1, definitions, isDeprecated))],
    ['client', execute(1, [[253, lenenc('wanted')]])],
    ['server', packets(1, bytes(2), ...definitions, ...(isDeprecated ? [] : [eof()]), row, row, end)],
    ['client', bytes(command(0x18, u32(1), u16(0), 'long'.repeat(50)), command(0x19, u32(1)))],
    ['client', query('select nosuch')],
    ['server', packets(1, error(1054, '42S22', "Unknown column 'nosuch'"))],
    ['client', command(4, 't\0')],
    ['server', packets(1, column('a'), column('b'), end)],
    ['client', query('load data local infile "f" into table t')],
    ['server', packets(1, bytes(0xfb, 'f'))],
    ['client', packets(2, bytes('a line\n'), bytes())],
    ['server', packets(4, ok({ affected: 1, info: 'Records: 1' }))],
    ['client', bytes(command(2, 'other'), command(14))],
    ['server', bytes(packets(1, ok({ database: 'other' })), packets(1, ok()))],
    ['client', command(9)],
    ['server', packets(1, bytes('Uptime: 5'))],
    ['client', command(1)],
  ]
}

/** The same in frames, as they come after a login that asks for them. */
const framed = (script: Script, how: 'zlib' | 'zstd'): Script =>
  script.map(([side, content], at) => [
    side,
    frame(side === 'client' ? 0 : 1, content, content.length > 50 ? how : at % 2 === 0 ? 'plain' : how),
  ])

const talks: readonly (readonly [name: string, script: Script])[] = [
  ['with EOFs', [...session(), ...talk(false)]],
  ['without EOFs', [...session({ capabilities: CAPABILITIES | DEPRECATE_EOF }), ...talk(true)]],
  ['in zlib', [...session({ capabilities: CAPABILITIES | 0x20 }), ...framed(talk(false), 'zlib')]],
  ['in zstd', [...session({ capabilities: CAPABILITIES | (1 << 26) }), ...framed(talk(false), 'zstd')]],
]
const contexts = [
  { wantsBodies: true, maxBody: 1 << 20 },
  { wantsBodies: true, maxBody: 20 },
  { wantsBodies: false, maxBody: 1 << 20 },
]

/** All that can be read of all exchanges. */
function seen(chunks: readonly Chunk[], context = contexts[0], opening: Partial<Opening> = {}): unknown[] {
  return feed(mysql, chunks, context, opening).exchanges.map(({ request, response, error: why }) => [
    request && fieldsOf(request.message, mysql.request),
    response && fieldsOf(response.message, mysql.response),
    [request?.size, response?.size, why?.msg],
    mysql.summarize((request?.message ?? null) as never, (response?.message ?? null) as never),
  ])
}

function fieldsOf(message: object, { fields }: { readonly fields: object }) {
  return Object.keys(fields).map((name) => (message as Readonly<Record<string, unknown>>)[name])
}

describe('exchanges are the same however they are cut', () => {
  for (const [name, script] of talks)
    for (const context of contexts)
      test(`${name}, with ${JSON.stringify(context)}`, () => {
        const whole = seen(script, context)
        assert.equal(whole.length, 13)
        const byBytes = script.flatMap(([side, content]) =>
          Array.from(content, (each) => [side, bytes(each)] as const),
        )
        assert.deepEqual(seen(byBytes, context), whole, 'byte by byte')
        for (const [index, [side, content]] of script.entries())
          for (let at = 1; at < Math.min(content.length, name.startsWith('in') ? 20 : 100); at++)
            assert.deepEqual(
              seen(
                script.toSpliced(index, 1, [side, content.subarray(0, at)], [side, content.subarray(at)]),
                context,
              ),
              whole,
              `chunk ${index} cut at ${at}`,
            )
      })
})

test('any mixture of cuts, holes and changed bytes is read without an exception', () => {
  const pieces = talks.flatMap(([, script]) => script)
  const piece: fc.Arbitrary<Chunk> = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom<Chunk>(...pieces) },
    {
      weight: 3,
      arbitrary: fc.constantFrom(...pieces).chain(([side, content]) =>
        fc.tuple(fc.nat(content.length), fc.nat(255)).map(([at, byte]): Chunk => {
          const changed = Uint8Array.from(content)
          if (at < changed.length) changed[at] = byte
          return [side, changed]
        }),
      ),
    },
    fc
      .constantFrom(...pieces)
      .chain(([side, content]) => fc.nat(content.length).map((at): Chunk => [side, content.subarray(at)])),
    fc.tuple(fc.constantFrom<Side>('client', 'server'), fc.uint8Array({ maxLength: 40 })),
    fc.tuple(fc.constantFrom<Side>('client', 'server'), fc.integer({ min: 1, max: 5000 })),
    fc.tuple(fc.constantFrom<Side>('client', 'server'), fc.constant(null)),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...talks.map(([, script]) => script.slice(0, 3)), []),
      fc.array(piece, { maxLength: 12 }),
      fc.boolean(),
      fc.constantFrom(...contexts),
      (login, chunks, isWhole, context) => {
        seen([...login, ...chunks], context, { isWhole })
      },
    ),
    { numRuns: 500 },
  )
})

describe('little memory is taken by', () => {
  const answer = ['server', packets(1, ok())] as const
  const prepare = (id: number, text = 'select ?'): Script => [
    ['client', command(22, text)],
    ['server', packets(1, ...prepared(id, 1, [column('a')]))],
  ]
  const long = 'x'.repeat(60_000)
  for (const [name, script] of [
    ['queries that nobody answers', times(500, () => [['client', query(long)]])],
    ['short queries that nobody answers', times(100_000, () => [['client', command(14)]])],
    ['statements that are prepared', times(500, (id) => prepare(id, long))],
    [
      'executions',
      times(500, (id) => [...prepare(id), ['client', execute(id, [[253, lenenc(long)]])], answer]),
    ],
    [
      'parameters that are sent ahead',
      times(40, (id) => [
        ...prepare(id),
        ['client', bytes(...times(16_384, (at) => [command(0x18, u32(id), u16(at))]))],
      ]),
    ],
    [
      'rows',
      [
        ['client', query('select a')],
        ['server', packets(1, bytes(1), column('a'), eof(), ...times(500, () => [lenenc(long)]))],
      ],
    ],
  ] satisfies [string, Script][])
    test(name, () => {
      const parsers = mysql.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
      const kept = bytesLeftBy(() => {
        for (const [side, content] of [...session(), ...script]) readAll(parsers[side], content)
      })
      assert.ok(kept < 8 << 20)
      assert.equal(readAll(parsers.server, bytes()), undefined)
    })
})

function times<T>(count: number, make: (index: number) => readonly T[]): T[] {
  return Array.from({ length: count }, (_, index) => make(index)).flat()
}

function readAll(parser: Parser<unknown>, wire: Uint8Array): string | undefined {
  for (let at = 0; ; ) {
    const step = parser.next(wire, at, wire.length)
    if (step.kind === 'invalid') return step.reason
    if (step.kind === 'incomplete') return undefined
    at += step.length
  }
}

test('any bytes can be probed', () => {
  const beginnings = talks.flatMap(([, script]) => script.map(([, content]) => content))
  fc.assert(
    fc.property(
      fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.constantFrom(...beginnings)),
      fc.nat(255),
      fc.nat(63),
      fc.constantFrom<Side>('client', 'server'),
      (content, byte, at, from) => {
        const changed = Uint8Array.from(content)
        if (at < changed.length) changed[at] = byte
        if (changed.length > 0) mysql.probe(changed, 0, changed.length, from)
        mysql.resumes?.(changed, 0, changed.length, from)
      },
    ),
    { numRuns: 3000 },
  )
})

test('lengths that are announced cost nothing', () => {
  const parsers = mysql.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
  for (const [side, content] of session()) parsers[side].next(content, 0, content.length)
  const begun = bytes(0xff, 0xff, 0xff, 0, 3, 'select ')
  parsers.client.next(begun, 0, begun.length)
  assert.ok((parsers.client.held ?? 0) < 1000)
  const row = bytes(packets(1, bytes(0xfc, u16(4000))), bytes(0xff, 0xff, 0xff, 2, 'x'))
  parsers.server.next(row, 0, row.length)
  assert.ok((parsers.server.held ?? 0) < 1000)
})

test('a row of many packets is walked over once', () => {
  const row = packets(4, bytes(lenenc('x'.repeat(200))))
  const { server, client } = mysql.open({ wantsBodies: false, maxBody: 0 }, AT_THE_START)
  const feedOne = (parser: typeof server | typeof client, content: Uint8Array) =>
    parser.next(content, 0, content.length)
  for (const [side, content] of session()) feedOne(side === 'client' ? client : server, content)
  feedOne(client, query('select a'))
  feedOne(server, packets(1, bytes(1), column('a'), eof()))
  const steps: string[] = []
  for (let at = 0; at < 250; at++) {
    row[3] = (at + 4) & 0xff
    steps.push(feedOne(server, row).kind)
  }
  assert.deepEqual([...new Set(steps)], ['partial'])
})
