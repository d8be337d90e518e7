import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { http } from '../dissectors/http/dissector.ts'
import { ldap } from '../dissectors/ldap/dissector.ts'
import { postgresql } from '../dissectors/postgresql/dissector.ts'
import {
  authentication,
  columns,
  query,
  ready,
  row,
  startup,
  tag,
} from '../dissectors/postgresql/test-messages.ts'
import { redis } from '../dissectors/redis/dissector.ts'
import type { Exchange } from '../entry/entry.ts'

import { FLAG, type Packet } from '../packet/packet.ts'
import { Connection, type ConnectionHandler } from '../reassembly/connection.ts'
import { follow } from '../testing/follow.ts'
import { exchangesIn, packetsOf, type Sent } from '../testing/tcp-packets.ts'
import { type Dissector, defineDissector, type Opening, type Side } from './dissector.ts'
import { Dissection } from './engine.ts'

/** The exchanges in a capture: `/a=200`, `/a=?` without a reply, `?=200` without a request. */
function exchangesOf(
  packets: readonly Packet[],
  dissectors = [http, redis, ldap] as unknown as readonly Dissector[],
): string[] {
  return exchangesIn(packets, dissectors).map(textOf)
}

function textOf({ dissector, request, response }: Exchange): string {
  if (dissector.name === 'ldap') {
    const [asked, answered] = [request, response] as readonly ({ type: string } | null)[]
    return `${asked?.type}=${answered?.type}`
  }
  const { path = '?', command } = (request ?? {}) as { path?: string; command?: string }
  const {
    status = '?',
    content,
    value,
  } = (response ?? {}) as {
    status?: number
    content?: { text: string }
    value?: string
  }
  return dissector.name === 'redis' ? `${command}=${value}` : `${path}=${status}${content?.text ?? ''}`
}

/** A request for `path` and its reply, `status` with a body of one letter. */
function exchange(path: string, status: number, method = 'GET'): Sent[] {
  const body = method === 'HEAD' ? '' : 'x'
  return [
    ['client', `${method} ${path} HTTP/1.1\r\nHost: test\r\n\r\n`],
    ['server', `HTTP/1.1 ${status} OK\r\nContent-Length: 1\r\n\r\n${body}`],
  ]
}

describe('a reply is paired with its request', () => {
  const sent = [...exchange('/a', 200), ...exchange('/b', 404), ...exchange('/c', 500)]
  const whole = ['/a=200x', '/b=404x', '/c=500x']

  test('whatever packets are captured the other way round', () => {
    for (let at = 2; at < sent.length + 1; at++) {
      const packets = packetsOf(sent)
      packets.splice(at, 2, ...packets.slice(at, at + 2).reverse())
      assert.deepEqual(exchangesOf(packets), whole, `${at}`)
    }
  })

  test('whatever packet is lost', () => {
    const more = ['/d', '/e', '/f'].flatMap((path) => exchange(path, 200))
    const rest = ['/d=200x', '/e=200x', '/f=200x']
    const without = (index: number) => exchangesOf(packetsOf([...sent, ...more]).toSpliced(index + 2, 1))
    assert.deepEqual(without(0), ['?=200x', '/b=404x', '/c=500x', ...rest])
    assert.deepEqual(without(1), ['/a=?', '/b=404x', '/c=500x', ...rest])
    assert.deepEqual(without(2), ['/a=200x', '?=404x', '/c=500x', ...rest])
    assert.deepEqual(without(3), ['/a=200x', '/b=?', '/c=500x', ...rest])
  })

  test('when the end of a request is lost', () => {
    const post: Sent[] = [
      ['client', 'POST /post HTTP/1.1\r\nContent-Length: 6\r\n\r\nabc'],
      ['client', 'def'],
      ['server', 'HTTP/1.1 201 Created\r\nContent-Length: 1\r\n\r\nx'],
    ]
    const packets = packetsOf([...post, ...sent]).toSpliced(3, 1)
    assert.deepEqual(exchangesOf(packets), ['/post=201x', ...whole])
  })
})

describe('a reply that comes before the end of its request', () => {
  const begin: Sent = ['client', 'POST /big HTTP/1.1\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n']
  const refusal: Sent = ['server', 'HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\n\r\nx']

  test('is paired with it, whether the rest of it comes or not', () => {
    assert.deepEqual(exchangesOf(packetsOf([begin, refusal])), ['/big=413x'])
    assert.deepEqual(exchangesOf(packetsOf([begin, ['client', 'abc'], refusal])), ['/big=413x'])
    const rest: Sent[] = [['client', 'abcdef'], ...exchange('/a', 200)]
    assert.deepEqual(exchangesOf(packetsOf([begin, refusal, ...rest])), ['/big=413x', '/a=200x'])
  })

  test('may be followed by the next request in place of the body', () => {
    const packets = packetsOf([begin, refusal, ...exchange('/a', 200)])
    assert.deepEqual(exchangesOf(packets), ['/big=413x', '/a=200x'])
  })

  test('is paired where the capture begins midway', () => {
    const packets = packetsOf([['client', 'rest'], ...exchange('/a', 200), begin, refusal]).slice(2)
    assert.deepEqual(exchangesOf(packets), ['/a=200x', '/big=413x'])
  })

  test('is shown alone when the request is never understood', () => {
    const packets = packetsOf([['client', 'POST /big HTTP/1.1\r\nHost: '], refusal])
    assert.deepEqual(exchangesOf(packets), ['?=413x'])
  })
})

test('what a client said is read when the reply tells what it was, even if it has ended by then', () => {
  const [syn, synAck, ping, pong] = packetsOf([
    ['client', 'PING\r\n'],
    ['server', '+PONG\r\n'],
  ]) as [Packet, Packet, Packet, Packet]
  assert.deepEqual(exchangesOf([syn, synAck, ping, pong]), ['PING=PONG'])
  ping.flags |= FLAG.fin
  assert.deepEqual(exchangesOf([syn, synAck, ping, pong]), ['PING=PONG'])
})

describe('after a loss', () => {
  const head = exchange('/head', 200, 'HEAD')
  const rest = [...exchange('/b', 404), ...exchange('/c', 500)]

  test('the reply to HEAD still has no body', () => {
    const request = packetsOf([...exchange('/a', 200), ...exchange('/a2', 200), ...head, ...rest])
    assert.deepEqual(exchangesOf(request.toSpliced(2, 1)), [
      '?=200x',
      '/a2=200x',
      '/head=200',
      '/b=404x',
      '/c=500x',
    ])
    const reply = packetsOf([...exchange('/a', 200), ...head, ...rest])
    assert.deepEqual(exchangesOf(reply.toSpliced(3, 1)), ['/a=?', '/head=200', '/b=404x', '/c=500x'])
  })

  test('the reply to HEAD is known where the capture begins midway', () => {
    const packets = packetsOf([
      ['client', 'rest of a body'],
      ...exchange('/a', 200).slice(1),
      ...head,
      ...rest,
    ])
    assert.deepEqual(exchangesOf(packets.slice(2)), ['?=200x', '/head=200', '/b=404x', '/c=500x'])
  })

  test('a broken reply is not taken for that of the request that follows it', () => {
    const broken: Sent[] = [
      ['client', 'rest of a request that was lost'],
      ['server', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'],
    ]
    const long: Sent = ['server', `HTTP/1.1 404 No\r\nX: ${'x'.repeat(100)}\r\nContent-Length: 0\r\n\r\n`]
    const packets = packetsOf([...broken, ...rest.with(1, long)]).slice(2)
    assert.deepEqual(exchangesOf(packets), ['?=200', '/b=?', '/c=500x'])
  })
})

test('where either end could be the client, it is the one with the higher port', () => {
  const either: Dissector = {
    ...(redis as unknown as Dissector),
    ports: [],
    probe: () => 'match',
  }
  for (const from of ['client', 'server'] as const) {
    const { exchanges, isRightWayRound } = follow([either], [[from, Buffer.from('*1\r\n$4\r\nPING\r\n')]], {
      isMidway: true,
    })
    assert.equal(exchanges.length, 1)
    assert.equal(isRightWayRound, true)
  }
})

test('an exchange may be complete when bytes were skipped', () => {
  const request = '\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00'
  // A reply of 300,000 bytes, most of which nobody wants to see.
  const length = (bytes: number) =>
    `\x83${String.fromCharCode(bytes >> 16, (bytes >> 8) & 0xff, bytes & 0xff)}`
  const result = `\x0a\x01\x00\x04\x00\x04\x00\x87${length(300_000)}${'x'.repeat(300_000)}`
  const operation = `\x02\x01\x01\x61${length(result.length)}${result}`
  const reply = `\x30${length(operation.length)}${operation}`
  const packets = packetsOf([
    ['client', request],
    ['server', reply],
  ])
  assert.deepEqual(exchangesOf(packets), ['Bind Request=Bind Response'])
})

test('of what both sides said before they were recognised, the older is read first', () => {
  const patient: Dissector = {
    ...(redis as unknown as Dissector),
    probe: (_bytes, start, end, from) => (from === 'client' && end - start > 20 ? 'match' : 'unsure'),
    resumes: () => false,
  }
  const ping = Buffer.from('*1\r\n$4\r\nPING\r\n')
  const pong = Buffer.from('+PONG\r\n')
  const { exchanges } = follow(
    [patient],
    [
      ['client', ping],
      ['server', pong],
      ['client', ping],
      ['server', pong],
    ],
  )
  assert.deepEqual(
    exchanges.map(({ request, response, seconds, elapsedTime }) => [
      request !== null,
      response !== null,
      seconds,
      elapsedTime,
    ]),
    [
      [true, true, 1, 1e6],
      [true, true, 3, 1e6],
    ],
  )
})

describe('when memory is short', () => {
  /** What a parser is told that was given 2 bytes, holds so many, and gets 2 more afterwards. */
  const toldAfterwards = (need: number, held = 2): string[] => {
    const told: string[] = []
    const parser = {
      held,
      next: (_: Uint8Array, start: number, end: number) =>
        end - start < need ? { kind: 'incomplete', need } : { kind: 'partial', length: 1 },
      end: () => void told.push('end'),
      shed: () => {
        told.push('shed')
        parser.held = 0
      },
    }
    const silent = { next: () => ({ kind: 'invalid', reason: '' }) }
    const dissector = {
      ...{ name: 'x', transport: 'tcp', ports: [], pairing: 'none', protocols: [] },
      probe: () => 'match',
      resumes: () => false,
      open: () => ({ client: parser, server: silent }),
    }
    const dissection = new Dissection({
      dissectors: [dissector as unknown as Dissector],
      ports: new Map(),
      context: { wantsBodies: true, maxBody: 1000 },
      replyTimeout: 10,
      exchange: () => {},
      memory: 1 << 20,
      conversation: () => {},
      reportEvery: 60,
    })
    const [packet] = packetsOf([]) as [Packet]
    const handler = dissection.open(new Connection(0, packet, 0, undefined as unknown as ConnectionHandler))
    handler.data(0, Buffer.from('ab'), 0, 2)
    handler.evict()
    handler.data(0, Buffer.from('cd'), 0, 2)
    return [...told, `${dissection.counters.dissected} read`]
  }

  test('a side that can let go of what it holds keeps its place', () => {
    assert.deepEqual(toldAfterwards(1), ['shed', '4 read'])
  })

  test('a side of which bytes are held that were not read loses it', () => {
    assert.deepEqual(toldAfterwards(4), ['end', '0 read'])
  })

  test('so it does not where these are the lesser part', () => {
    assert.deepEqual(toldAfterwards(4, 1000), ['shed', '1 read'])
  })
})

test('a parser knows where its bytes are, and what of the other side their sender had received', () => {
  const places: string[] = []
  const parser = (side: string, { place }: Opening) => ({
    next(bytes: Uint8Array, start: number, end: number) {
      const text = String.fromCharCode(...bytes.subarray(start, end))
      places.push(`${side} ${place.sent} ${place.heard} ${text}`)
      return text.startsWith('(') && !text.endsWith(')')
        ? ({ kind: 'incomplete', need: text.length + 1 } as const)
        : ({ kind: 'partial', length: Math.min(2, text.length) } as const)
    },
  })
  const dissector = {
    ...redis,
    pairing: 'own' as const,
    probe: () => 'match' as const,
    resumes: () => true,
    open: (_: unknown, opening: Opening) => ({
      client: parser('client', opening),
      server: parser('server', opening),
    }),
  }
  const packets = packetsOf([
    ['client', 'abc'],
    ['server', 'de'],
    ['client', '(f'],
    ['client', 'g)'],
    ['server', 'lost'],
    ['server', 'hi'],
    ['client', 'j'],
  ])
  exchangesIn(packets.toSpliced(6, 1), [dissector as unknown as Dissector])
  assert.deepEqual(places, [
    'client 0 0 abc',
    'client 2 0 c',
    'server 0 3 de',
    'client 3 2 (f',
    'client 3 2 (fg)',
    'client 5 2 g)',
    'server 6 7 hi',
    'client 7 8 j',
  ])
})

test('parsers are told where their bytes lie, and what their sender had received', () => {
  const places: string[] = []
  const parser = (side: Side, { place }: Opening) => ({
    next(bytes: Uint8Array, start: number, end: number) {
      places.push(`${side} to ${place.end}, ${place.heard} received`)
      const text = Buffer.from(bytes.subarray(start, end)).toString()
      return text.endsWith('.')
        ? ({ kind: 'partial', length: end - start } as const)
        : ({ kind: 'incomplete', need: end - start + 1 } as const)
    },
    gap: (length: number) => length,
  })
  const spy = defineDissector({
    ...http,
    probe: () => 'match',
    open: (_, opening) => ({ client: parser('client', opening), server: parser('server', opening) }),
  })
  const packets = packetsOf([
    ['client', 'abc.'],
    ['server', 'de'],
    ['client', 'f.'],
    ['server', 'g.'],
    ['server', 'lost.'],
    ['client', 'h.'],
    ['server', 'i.'],
    ['client', 'j.'],
  ])
  exchangesOf(packets.toSpliced(6, 1), [spy] as unknown as readonly Dissector[])
  assert.deepEqual(
    // That there is a hole is told, too.
    places.filter((each) => !each.includes('server to 9')),
    [
      'client to 4, 0 received',
      'server to 2, 4 received',
      'client to 6, 2 received',
      'server to 4, 6 received',
      'client to 8, 9 received',
      'server to 11, 8 received',
      'client to 10, 11 received',
    ],
  )
})

describe('an acknowledgement of what nobody has sent', () => {
  /** A query that acknowledges `ahead` bytes too many, and a reply with a hole as large. */
  const packetsAhead = (ahead: number) => {
    const packets = packetsOf([
      ['client', startup('user', 'ann')],
      ['server', Buffer.concat([authentication(0), ready()])],
      ['client', query('select 1')],
      ['server', Buffer.concat([columns(['a', 25]), row('x')])],
      ['server', Buffer.concat([row('x'), tag('SELECT 2'), ready()])],
      ...Array.from({ length: 20 }, (): Sent => ['client', '']),
    ])
    const [asked, rest] = [packets[4], packets[6]] as [Packet, Packet]
    asked.ack += ahead
    for (const packet of packets.slice(7)) packet.ack += ahead + 1000
    rest.seq += ahead + 1000
    return packets
  }

  test('does not tell which replies have come', () => {
    const dissectors = [postgresql] as unknown as readonly Dissector[]
    assert.deepEqual(
      exchangesIn(packetsAhead(17 << 20), dissectors).map(({ request, response }) => [
        (request as { command: string } | null)?.command,
        (response as { type: string } | null)?.type,
      ]),
      [
        ['StartupMessage', 'AuthenticationOk'],
        ['Query', 'CommandComplete'],
      ],
    )
  })
})

test('after a loss only the newest of many requests that wait are told to who takes over', () => {
  const recalled: number[] = []
  const parser = {
    next: ({ length }: Uint8Array) => {
      return length === 1 ? { kind: 'invalid', reason: '' } : { kind: 'message', message: { length }, length }
    },
    recall: ({ length }: { length: number }) => recalled.push(length),
  }
  const dissector = {
    ...{ name: 'x', transport: 'tcp', ports: [], pairing: 'in-order', protocols: [] },
    probe: (bytes: Uint8Array) => (bytes.length === 1 ? 'reject' : 'match'),
    open: () => ({ client: parser, server: parser }),
  }
  const lengths = Array.from({ length: 1000 }, (_, index) => 2 + index)
  const sent = (length: number) => ['client', new Uint8Array(length)] as const
  follow([dissector], [...lengths.map(sent), sent(1), sent(5000)])
  assert.deepEqual(recalled, lengths.slice(-256))
})

test('however many requests wait, a reply is paired with its own or with none', () => {
  const words = Array.from({ length: 16_390 }, (_, index) => `$5\r\n${10_000 + index}\r\n`)
  const { exchanges } = follow(
    [redis],
    [
      ...words.map((word) => ['client', Buffer.from(`*2\r\n$4\r\nECHO\r\n${word}`)] as const),
      ...words.map((word) => ['server', Buffer.from(word)] as const),
    ],
  )
  const pairs = exchanges.map(({ request, response }) => [
    (request as { key: string } | null)?.key,
    (response as { value: string } | null)?.value,
  ])
  const alone = ['10000', '10001', '10002', '10003', '10004', '10005']
  assert.deepEqual(
    pairs.slice(0, 6),
    alone.map((word) => [word, undefined]),
  )
  assert.deepEqual(
    pairs.slice(6, 12),
    alone.map((word) => [undefined, word]),
  )
  assert.equal(pairs.length, 6 + words.length)
  for (const [key, value] of pairs.slice(12)) assert.equal(key, value)
})
