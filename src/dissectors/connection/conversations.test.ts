import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Dissection } from '../../dissect/engine.ts'
import { Entry } from '../../entry/entry.ts'
import { compileFilter } from '../../filter/index.ts'
import { FLAG, Packet, PROTOCOL } from '../../packet/packet.ts'
import { Reassembler } from '../../reassembly/reassembler.ts'
import { http } from '../http/dissector.ts'
import { Conversations } from './conversations.ts'
import { Handshakes } from './handshakes.ts'
import type { ConversationData } from './protocols.ts'

const ALL = { tcpConn: true, udpConn: true, tcpFlow: true, udpFlow: true }

interface Sent {
  readonly from: 'client' | 'server'
  readonly seconds: number
  readonly flags?: number
  readonly text?: string
}

/** Entries of what is told of one conversation, of TCP as a rule, whose packets follow each other. */
function entriesOf(sent: readonly Sent[], protocol: number = PROTOCOL.tcp, wanted = ALL): Entry[] {
  const entries: Entry[] = []
  const conversations = new Conversations(wanted)
  const dissection = new Dissection({
    dissectors: [http],
    ports: new Map(),
    context: { wantsBodies: false, maxBody: 0 },
    replyTimeout: 10,
    memory: 1 << 20,
    reportEvery: 60,
    exchange: () => {},
    conversation(report) {
      for (const exchange of conversations.exchanges(report))
        entries.push(
          new Entry(exchange, {
            worker: 'w',
            node: { ip: '', name: '' },
            backend: 'pcap',
            nameOf: () => undefined,
          }),
        )
    },
  })
  const reassembler = new Reassembler({
    memory: 1 << 20,
    maxConnections: 10,
    tcpIdle: 1200,
    otherIdle: 1200,
    measure: wanted.tcpFlow,
    open: (connection) => dissection.open(connection),
  })
  const next = { client: 100, server: 900 }
  for (const { from, seconds, flags = FLAG.ack, text = '' } of sent) {
    const packet = new Packet()
    const to = from === 'client' ? 'server' : 'client'
    const [src, dst] = from === 'client' ? [1, 2] : [2, 1]
    Object.assign(packet, { protocol, ipVersion: 4, flags, seconds, seq: next[from], ack: next[to] })
    Object.assign(packet, {
      src0: src,
      dst0: dst,
      srcPort: src === 1 ? 4000 : 80,
      dstPort: src === 1 ? 80 : 4000,
    })
    Object.assign(packet, { bytes: Buffer.from(text), payloadEnd: text.length, payloadLength: text.length })
    next[from] += text.length + ((flags & (FLAG.syn | FLAG.fin)) === 0 ? 0 : 1)
    reassembler.push(packet)
  }
  reassembler.finish()
  return entries
}

const dataOf = (entry: Entry | undefined) => entry?.data as ConversationData
const handshake: readonly Sent[] = [
  { from: 'client', seconds: 0, flags: FLAG.syn },
  { from: 'server', seconds: 0, flags: FLAG.syn | FLAG.ack },
  { from: 'client', seconds: 0 },
]
const request: Sent = { from: 'client', seconds: 1, text: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n' }
const ending: readonly Sent[] = [
  { from: 'client', seconds: 2, flags: FLAG.fin | FLAG.ack },
  { from: 'server', seconds: 2, flags: FLAG.fin | FLAG.ack },
  { from: 'client', seconds: 2 },
]

describe('a conversation', () => {
  test('is an entry when it has ended, with all of its packets and what was recognised in it', () => {
    const [connection, flow, ...others] = entriesOf([...handshake, request, ...ending])
    assert.deepEqual(others, [])
    assert.deepEqual([connection?.protocol.macro, flow?.protocol.macro], ['tcp_conn', 'tcp_flow'])
    const { state, reason, localPkts, remotePkts, localBytes, remoteBytes, durationMs, l7Detected } =
      dataOf(connection)
    assert.deepEqual(
      [state, reason, localPkts, remotePkts, localBytes, remoteBytes, durationMs, l7Detected],
      ['closed', 'closed', 5, 2, 27, 0, 2000, ['http']],
    )
    assert.deepEqual(
      [connection?.src.port, connection?.dst.port, connection?.elapsedTime, connection?.base.method],
      ['4000', '80', 2e6, 'closed'],
    )
    assert.equal(dataOf(connection).tcpMetrics, null)
    assert.equal(dataOf(flow).tcpMetrics?.fin_count, 2)
  })

  test('that lasts is an entry now and then, with the rates since the last one, and none while it is silent', () => {
    const more = [70, 71, 140, 500].map((seconds): Sent => ({ from: 'client', seconds, text: 'more' }))
    // Time is told of every few seconds, by packets of others.
    const entries = entriesOf([...handshake, request, ...more])
    const flows = entries.filter(({ protocol }) => protocol.macro === 'tcp_flow').map(dataOf)
    assert.deepEqual(
      flows.map(({ state, localPkts }) => [state, localPkts]),
      [
        ['open', 3],
        ['in_progress', 5],
        ['in_progress', 6],
        ['in_progress', 7],
      ],
    )
    assert.deepEqual(new Set(entries.map(({ id }) => id)).size, entries.length, 'each has an id of its own')
  })

  for (const [name, packets, reason, error] of [
    ['that nobody answers', [handshake[0]], 'half-open', 'SynSent'],
    [
      'that is refused',
      [handshake[0], { from: 'server', seconds: 0, flags: FLAG.rst | FLAG.ack }],
      'refused',
      'Reset',
    ],
    ['that is cut off', [...handshake, { from: 'client', seconds: 1, flags: FLAG.rst }], 'reset', 'Reset'],
    [
      'whose beginning was not seen, and that is cut off',
      [request, { from: 'server', seconds: 2 }, { from: 'server', seconds: 3, flags: FLAG.rst | FLAG.ack }],
      'reset',
      'Reset',
    ],
    ['that goes on', handshake, 'capture-end', undefined],
  ] as const)
    test(`${name} says so`, () => {
      const [entry] = entriesOf(packets as readonly Sent[])
      assert.equal(
        dataOf(entry).state,
        reason === 'capture-end' || reason === 'half-open' ? 'open' : 'closed',
      )
      assert.deepEqual([dataOf(entry).reason, entry?.error?.msg], [reason, error])
    })

  test('of datagrams is one as well', () => {
    const [connection, flow] = entriesOf([{ from: 'client', seconds: 0, text: 'x' }], PROTOCOL.udp)
    assert.deepEqual([connection?.protocol.abbr, flow?.protocol.abbr], ['UDP', 'UDP FLOW'])
    assert.equal(dataOf(flow).tcpMetrics, null)
  })

  test('is told of only as far as that is wanted', () => {
    const none = { tcpConn: false, udpConn: true, tcpFlow: false, udpFlow: true }
    assert.deepEqual(entriesOf(handshake, PROTOCOL.tcp, none), [])
  })

  test('is found by filters of both languages', () => {
    const entries = entriesOf([...handshake, request, ...ending])
    const found = (filter: string) => {
      const compiled = compileFilter(filter, { prefer: filter.includes('&&') ? 'kfl2' : 'kfl1', macros: {} })
      return entries.filter((entry) => compiled.matches(plain(entry))).map(({ protocol }) => protocol.macro)
    }
    assert.deepEqual(found('tcp_flow'), ['tcp_flow'])
    assert.deepEqual(found('conn && conn_state == "closed" && conn_l7_detected.exists(p, p == "http")'), [
      'tcp_conn',
    ])
    assert.deepEqual(
      [found('conn'), found('flow'), found('conn or flow')],
      [['tcp_conn'], ['tcp_flow'], ['tcp_conn', 'tcp_flow']],
    )
    for (const filter of ['tcp', 'tcp && true']) assert.deepEqual(found(filter), ['tcp_conn', 'tcp_flow'])
    assert.deepEqual(found('udp'), [])
    assert.deepEqual(found('flow && flow_local_pkts == 5 && tcp_flow'), ['tcp_flow'])
  })
})

test('handshakes with a server are told by the quantiles of the latest', () => {
  const handshakes = new Handshakes()
  for (let at = 1; at <= 100; at++) handshakes.note('a:80', at, at * 10)
  handshakes.note('a:80', 100, 1000)
  handshakes.note('a:80', 101, 0)
  assert.deepEqual(handshakes.of('a:80'), {
    tcp_handshake_p50_us: 500,
    tcp_handshake_p90_us: 900,
    tcp_handshake_p99_us: 990,
  })
  assert.deepEqual(handshakes.of('b:80').tcp_handshake_p50_us, 0)
})

test('the quantiles of handshakes are those of the last 128, however they come', () => {
  const times = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 100, maxLength: 300 })
  fc.assert(
    fc.property(times, (all) => {
      const handshakes = new Handshakes()
      for (const [connection, micros] of all.entries()) handshakes.note('a:80', connection, micros)
      const sorted = all.slice(-128).sort((a, b) => a - b)
      const rank = (part: number) => sorted[Math.ceil(part * sorted.length) - 1]
      assert.deepEqual(Object.values(handshakes.of('a:80')), [rank(0.5), rank(0.9), rank(0.99)])
    }),
  )
})

test('quantiles of many handshakes look at no more of them than those of one', () => {
  let looks = 0
  const seen = (micros: number) => ({ valueOf: () => ++looks && micros }) as unknown as number
  const handshakes = new Handshakes()
  handshakes.note('b:80', 0, seen(1))
  for (let at = 0; at < 128; at++) handshakes.note('a:80', at, seen(((at * 37) % 128) + 1))
  const looksFor = (server: string) => {
    const before = looks
    handshakes.of(server)
    return looks - before
  }
  assert.deepEqual([looksFor('a:80'), looksFor('b:80')], [3, 3])
})

function plain({ protocol, data, base }: Entry): Record<string, unknown> {
  return { protocol, data, base, request: null, response: null }
}
