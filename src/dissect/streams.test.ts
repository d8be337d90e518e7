import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { http } from '../dissectors/http/dissector.ts'
import { redis } from '../dissectors/redis/dissector.ts'
import type { Exchange } from '../entry/entry.ts'
import { FLAG, Packet, PROTOCOL } from '../packet/packet.ts'
import type { End } from '../reassembly/connection.ts'
import { Reassembler } from '../reassembly/reassembler.ts'
import { type Dissector, defineDissector, type Opening, type Side } from './dissector.ts'
import { Dissection } from './engine.ts'

type Sent = readonly [Side, string]

/** The packets of a connection whose ends send all this, one after another, each having received what came before. */
function packetsOf(sent: readonly Sent[]): Packet[] {
  const next: [number, number] = [1000, 5000]
  const packet = (from: End, flags: number, text = '') => {
    const made = new Packet()
    const to = from === 0 ? 1 : 0
    Object.assign(made, { protocol: PROTOCOL.tcp, ipVersion: 4, flags, seq: next[from], ack: next[to] })
    Object.assign(made, {
      src0: from,
      dst0: to,
      srcPort: from === 0 ? 4000 : 80,
      dstPort: from === 0 ? 80 : 4000,
    })
    Object.assign(made, {
      bytes: Buffer.from(text, 'latin1'),
      payloadEnd: text.length,
      payloadLength: text.length,
    })
    next[from] += text.length + ((flags & FLAG.syn) === 0 ? 0 : 1)
    return made
  }
  return [
    packet(0, FLAG.syn),
    packet(1, FLAG.syn | FLAG.ack),
    ...sent.map(([side, text]) => packet(side === 'client' ? 0 : 1, FLAG.ack, text)),
  ]
}

/** The exchanges in a capture: `/a=200`, `/a=?` without a reply, `?=200` without a request. */
function exchangesOf(
  packets: readonly Packet[],
  dissectors = [http, redis] as unknown as readonly Dissector[],
): string[] {
  const seen: string[] = []
  const dissection = new Dissection({
    dissectors,
    ports: new Map(),
    context: { wantsBodies: true, maxBody: 1000 },
    replyTimeout: 10,
    exchange: (exchange) => seen.push(textOf(exchange)),
    memory: 1 << 20,
    unrecognised: () => {},
  })
  const reassembler = new Reassembler({
    memory: 1 << 20,
    maxConnections: 10,
    tcpIdle: 100,
    otherIdle: 100,
    open: (connection) => dissection.open(connection),
  })
  for (const packet of packets) reassembler.push(packet)
  reassembler.finish()
  return seen
}

function textOf({ dissector, request, response }: Exchange): string {
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
