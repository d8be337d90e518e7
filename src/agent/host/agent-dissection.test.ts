import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Entry, EntryOrigin, Exchange } from '../../entry/entry.ts'
import type { Identity } from '../../entry/identity.ts'
import { Packet } from '../../packet/packet.ts'
import { type CloseReason, Connection, type End } from '../../reassembly/connection.ts'
import { AgentDissection, AgentEntry, type AgentReader } from './agent-dissection.ts'
import { relayRow } from './relayed.ts'
import { readSettings } from './settings.ts'

const ORIGIN = { worker: 'w', node: { ip: '', name: 'n' }, backend: 'pcap' }

/** A script that reads lines; `answers` in place of that, when given. */
class Lines implements AgentReader {
  readonly settings
  readonly emitted: AgentEntry[] = []
  readonly complaints: string[] = []
  readonly forgotten: number[] = []
  isGone = false
  readonly #answer: ((text: string) => unknown) | undefined

  constructor(changes: object = {}, answer?: (text: string) => unknown) {
    this.settings = readSettings(JSON.stringify({ name: 'lines', ...changes }), [])
    this.#answer = answer
  }

  probe(text: string) {
    return text.startsWith('?') ? 'reject' : text.length < 2 ? 'unsure' : 'match'
  }

  parse(session: number, text: string): string {
    if (this.#answer !== undefined) return JSON.stringify(this.#answer(text)) ?? ''
    const end = text.indexOf('\n')
    if (end < 0) return ''
    const line = text.slice(0, end)
    return JSON.stringify({
      length: end + 1,
      message: { line, session },
      method: line,
      id: line[0],
      status: 7,
    })
  }

  parsed(): void {}

  forget(session: number): void {
    this.forgotten.push(session)
  }

  complain(problem: string): void {
    this.complaints.push(problem)
  }

  emit(exchange: Exchange, origin: EntryOrigin): void {
    this.emitted.push(new AgentEntry(exchange, origin))
  }
}

/** Events of one connection, as they come from the capture thread, a second apart. */
function relay(
  reader: Lines,
  events: readonly (readonly [End, string | number | null])[],
  { protocol = 6, isNew = true, reason = 'closed' as CloseReason } = {},
): AgentDissection {
  const dissection = new AgentDissection(ORIGIN, 10)
  dissection.setReaders([reader])
  const packet = new Packet()
  Object.assign(packet, { protocol, ipVersion: 4, src0: 1, dst0: 2, srcPort: 4000, dstPort: 11 })
  const connection = new Connection(3, packet, 0, undefined as never)
  connection.opener = 0
  const send = (event: Parameters<typeof relayRow>[1], piece: string) =>
    dissection.relayed(
      JSON.parse(JSON.stringify(relayRow(connection, event, piece, { isNew, names: [] }))) as unknown[],
    )
  for (const [from, what] of events) {
    connection.seconds++
    if (typeof what === 'number') send({ kind: 'gap', from, length: what }, '')
    else if (what === null) send({ kind: 'end', from }, '')
    else send({ kind: 'data', from, bytes: new Uint8Array(0), start: 0, end: 0 }, what)
  }
  send({ kind: 'close', reason }, '')
  return dissection
}

const DATA = { kind: 'data', from: 0, bytes: new Uint8Array(0), start: 0, end: 0 } as const

function connectionFrom(srcPort: number, protocol: number, id = 3): Connection {
  const packet = new Packet()
  Object.assign(packet, { protocol, ipVersion: 4, src0: 1, dst0: 2, srcPort, dstPort: 11 })
  return new Connection(id, packet, 0, undefined as never)
}

/** Datagrams: questions, replies, what is not answered, and what nobody has asked for; the second letter is the id. */
const TALK = [
  [0, 'N1'],
  [1, 'P1'],
  [0, 'Qa'],
  [0, 'Qb'],
  [1, 'Ra'],
  [1, 'Rb'],
  [1, 'Rc'],
  [0, 'Qd'],
] as const
const udpAnswer = (text: string) => ({
  length: 2,
  message: { line: text },
  id: text[1],
  noReply: text[0] === 'N',
  push: text[0] === 'P',
})
const isAsked = (text: string) => (/^[QN]/.test(text) ? 'match' : 'reject')
const outcomes = ({ emitted }: Lines) =>
  emitted.map((entry) => {
    const [request, response, , , , error] = told([entry])[0] as unknown[]
    return [request, response, error, entry.matcherKey]
  })

const told = (entries: readonly Entry[]) =>
  entries.map(({ request, response, base, elapsedTime, error }) => [
    (request as { line: string } | null)?.line,
    (response as { line: string } | null)?.line,
    base.method,
    base.status,
    elapsedTime,
    error?.msg,
  ])

describe('a connection that a script reads', () => {
  test('gives entries with what the script made of it, paired in order', () => {
    const lines = new Lines()
    relay(lines, [
      [0, 'one\ntw'],
      [0, 'o\n'],
      [1, '1\n2\n'],
    ])
    assert.deepEqual(told(lines.emitted), [
      ['one', '1', 'one', 7, 2e6, undefined],
      ['two', '2', 'two', 7, 2e6, undefined],
    ])
    assert.deepEqual(lines.forgotten, [1], 'the session is over')
  })

  test('pairs by id, when it is told to', () => {
    const lines = new Lines({ pairing: 'by-id' })
    relay(lines, [
      [0, 'a1\nb1\n'],
      [1, 'b2\na2\nc2\n'],
    ])
    assert.deepEqual(
      told(lines.emitted).map(([request, response]) => [request, response]),
      [
        ['b1', 'b2'],
        ['a1', 'a2'],
        [undefined, 'c2'],
      ],
    )
  })

  test('that pairs by id tells its author of messages without one, and reads on', () => {
    const lines = new Lines({ pairing: 'by-id' }, (text) => ({
      length: text.indexOf('\n') + 1,
      message: {},
      noReply: text.startsWith('quit'),
    }))
    relay(lines, [[0, 'one\nquit\n']])
    assert.equal(lines.emitted.length, 2)
    assert.deepEqual(lines.complaints.length, 1)
    assert.match(lines.complaints[0] ?? '', /without an id/)
  })

  test('takes no id for more than an id', () => {
    const lines = new Lines({ pairing: 'by-id' }, (text) => {
      const [line = ''] = text.split('\n')
      return { length: line.length + 1, message: { line }, id: line.slice(2) }
    })
    relay(lines, [
      [0, '1 push\n2 no-reply\n'],
      [1, '3 no-reply\n4 push\n5 push\n'],
    ])
    assert.deepEqual(outcomes(lines), [
      ['2 no-reply', '3 no-reply', undefined, 'no-reply'],
      ['1 push', '4 push', undefined, 'push'],
      [undefined, '5 push', 'reply without a request', 'push'],
    ])
  })

  test('of datagrams takes each by itself', () => {
    const lines = new Lines({ transport: 'udp', pairing: 'none' })
    relay(
      lines,
      [
        [0, 'a1\n'],
        [0, 'b1\n'],
      ],
      { protocol: 17 },
    )
    assert.deepEqual(told(lines.emitted).length, 2)
  })

  test('of datagrams in order pairs the nth reply with the nth request', () => {
    const lines = new Lines({ transport: 'udp' }, udpAnswer)
    lines.probe = isAsked
    relay(lines, TALK, { protocol: 17 })
    assert.deepEqual(outcomes(lines), [
      ['N1', undefined, undefined, ''],
      [undefined, 'P1', undefined, ''],
      ['Qa', 'Ra', undefined, 'a'],
      ['Qb', 'Rb', undefined, 'b'],
      [undefined, 'Rc', 'reply without a request', 'c'],
      ['Qd', undefined, 'no reply', ''],
    ])
  })

  test('of datagrams with ids pairs by them, but what has no reply and what is none', () => {
    const lines = new Lines({ transport: 'udp', pairing: 'by-id' }, udpAnswer)
    lines.probe = isAsked
    relay(lines, TALK, { protocol: 17 })
    assert.deepEqual(outcomes(lines), [
      ['N1', undefined, undefined, ''],
      [undefined, 'P1', undefined, ''],
      ['Qa', 'Ra', undefined, 'a'],
      ['Qb', 'Rb', undefined, 'b'],
      [undefined, 'Rc', 'reply without a request', 'c'],
      ['Qd', undefined, 'no reply', 'd'],
    ])
  })

  test('of datagrams that are not paired says of no reply that its request is missing', () => {
    const lines = new Lines({ transport: 'udp', pairing: 'none' }, udpAnswer)
    lines.probe = isAsked
    relay(lines, TALK, { protocol: 17 })
    assert.deepEqual(
      lines.emitted.map(({ error }) => error),
      TALK.map(() => null),
    )
  })

  test('tells of a datagram without a reply when its time is up, whoever speaks then', () => {
    const lines = new Lines({ transport: 'udp' }, udpAnswer)
    lines.probe = isAsked
    const dissection = new AgentDissection(ORIGIN, 3)
    dissection.setReaders([lines])
    const connections = [4000, 4001].map((srcPort, id) => connectionFrom(srcPort, 17, id))
    for (const [at, speaker] of [0, 1, 1, 1, 1].entries()) {
      const connection = connections[speaker] as Connection
      connection.seconds = 100 + at
      dissection.relayed(relayRow(connection, DATA, 'N1', { isNew: true, names: [] }))
      if (at === 0) dissection.relayed(relayRow(connection, DATA, 'Qa', undefined))
    }
    assert.deepEqual(outcomes(lines).slice(-2), [
      ['Qa', undefined, 'no reply', ''],
      ['N1', undefined, undefined, ''],
    ])
  })

  test('tells of a datagram without a reply when the rest of the capture has come so far', () => {
    const lines = new Lines({ transport: 'udp' }, udpAnswer)
    lines.probe = isAsked
    const dissection = new AgentDissection(ORIGIN, 3)
    dissection.setReaders([lines])
    const connection = connectionFrom(4000, 17)
    connection.seconds = 100
    dissection.relayed(relayRow(connection, DATA, 'Qa', { isNew: true, names: [] }))
    dissection.time(103)
    assert.equal(dissection.isWaiting, true)
    dissection.time(104)
    assert.equal(dissection.isWaiting, false)
    assert.deepEqual(outcomes(lines), [['Qa', undefined, 'no reply', '']])
  })

  test('keeps its session over a loss, and reads on where probe says yes', () => {
    const lines = new Lines()
    relay(lines, [
      [0, 'one\nlo'],
      [0, 10],
      [0, '?st\n'],
      [0, 'two\n'],
    ])
    const sessions = lines.emitted.map(({ request }) => (request as { session: number }).session)
    assert.deepEqual(
      told(lines.emitted).map(([line]) => line),
      ['one', 'two'],
    )
    assert.deepEqual(sessions, [1, 1])
  })

  test('is counted to the byte', () => {
    const lines = new Lines()
    const counters = relay(lines, [
      [0, '?nobody knows this'],
      [0, 'one\nunfinished'],
    ]).takeCounters()
    assert.deepEqual(counters, { dissected: 4, skipped: { unrecognised: 18, incomplete: 10 }, invalid: {} })
  })

  test('is read by another from where its script was interrupted', () => {
    const looping = new Lines({}, () => {
      throw new Error('interrupted')
    })
    const lines = new Lines({ name: 'other-lines' })
    const dissection = new AgentDissection(ORIGIN, 10)
    dissection.setReaders([looping, lines])
    const packet = new Packet()
    Object.assign(packet, { protocol: 6, ipVersion: 4, srcPort: 4000, dstPort: 11 })
    const connection = new Connection(3, packet, 0, undefined as never)
    const data = { kind: 'data', from: 0, bytes: new Uint8Array(0), start: 0, end: 0 } as const
    const row = relayRow(connection, data, 'one\n', { isNew: true, names: [] })
    assert.throws(() => dissection.relayed(row), /interrupted/)
    looping.isGone = true
    assert.equal(dissection.interrupted(), true)
    assert.equal(dissection.interrupted(), false)
    dissection.relayed(row)
    dissection.relayed(relayRow(connection, { kind: 'close', reason: 'closed' }, '', undefined))
    assert.deepEqual(
      told(lines.emitted).map(([line]) => line),
      ['one'],
    )
  })

  test('has the names that DNS and the cluster say', () => {
    const lines = new Lines()
    const dissection = new AgentDissection(ORIGIN, 10)
    dissection.setReaders([lines])
    const packet = new Packet()
    Object.assign(packet, { protocol: 6, ipVersion: 4, src0: 1, dst0: 2, srcPort: 4000, dstPort: 11 })
    const connection = new Connection(3, packet, 0, undefined as never)
    connection.opener = 0
    const price: Identity = {
      ...{
        name: 'price',
        namespace: 'shop',
        mechanism: 'ip-and-port',
        pod: '{"metadata":{"name":"price-1"}}',
      },
      ...{ service: null, endpointSlice: null, workload: null, nodeName: 'node-1' },
    }
    const data = { kind: 'data', from: 0, bytes: new Uint8Array(0), start: 0, end: 0 } as const
    const row = relayRow(connection, data, 'one\n', {
      isNew: true,
      names: [['0.0.0.1', 'client.example.com']],
      identities: [
        ['0.0.0.1:4000', null],
        ['0.0.0.2:11', price],
      ],
    })
    const early = relayRow(connection, data, '', {
      isNew: true,
      names: [['0.0.0.2', 'who-had-it-before.example.com']],
      identities: [['0.0.0.2:11', null]],
    })
    dissection.relayed(JSON.parse(JSON.stringify(early)))
    dissection.relayed(JSON.parse(JSON.stringify(row)))
    dissection.relayed(relayRow(connection, { kind: 'close', reason: 'closed' }, '', undefined))
    const [entry] = lines.emitted
    assert.deepEqual([entry?.src.name, entry?.src.resolutionMechanism], ['client.example.com', 'dns'])
    assert.partialDeepStrictEqual(entry?.dst, {
      ...{ name: 'price', namespace: 'shop', resolutionMechanism: 'ip-and-port', nodeName: 'node-1' },
      pod: '{"metadata":{"name":"price-1"}}',
    })
  })

  test('does not hold requests without end whose replies do not come', () => {
    const body = Array.from({ length: 2000 }, (_, at) => ({ at }))
    const lines = new Lines({}, () => ({ length: 2, message: { body } }))
    const asked = 300
    relay(
      lines,
      Array.from({ length: asked }, () => [0, 'a\n']),
    )
    const reasons = Map.groupBy(lines.emitted, ({ error }) => error?.msg)
    const [givenUp, kept] = ['no longer followed', 'closed without a reply'].map(
      (reason) => reasons.get(reason)?.length ?? 0,
    ) as [number, number]
    assert.equal(givenUp + kept, asked)
    assert.ok(kept < 150, `${kept} were kept`)
    assert.match(lines.complaints.join('\n'), /noReply: true/)
  })

  test('is given the bytes as they are, however they are cut and taken', () => {
    const whole = Array.from({ length: 300 }, (_, at) => `${at}:${'abcdefg'.repeat(at % 9)}\n`).join('')
    for (const size of [1, 7, 100, 1000, whole.length]) {
      const taken: string[] = []
      const lines = new Lines({ pairing: 'none' }, (text) => {
        const end = text.indexOf('\n')
        // Half of a line is passed over first, now and then.
        const length = end > 20 ? end >> 1 : end + 1
        if (length > 0) taken.push(text.slice(0, length))
        return length === 0 ? undefined : { length, message: end > 20 ? undefined : {} }
      })
      lines.probe = () => 'match'
      relay(
        lines,
        Array.from({ length: Math.ceil(whole.length / size) }, (_, at) => [
          0,
          whole.slice(at * size, (at + 1) * size),
        ]),
      )
      assert.equal(taken.join(''), whole, `${size}`)
    }
  })

  test('is read on by the next version of its script', () => {
    const [before, after] = [new Lines(), new Lines()]
    const dissection = new AgentDissection(ORIGIN, 10)
    dissection.setReaders([before])
    const connection = connectionFrom(4000, 6)
    connection.opener = 0
    dissection.relayed(relayRow(connection, DATA, 'one\n', { isNew: true, names: [] }))
    before.isGone = true
    dissection.setReaders([after])
    dissection.relayed(relayRow(connection, DATA, 'two\nthree\n', undefined))
    dissection.relayed(relayRow(connection, { kind: 'close', reason: 'closed' }, '', undefined))
    assert.deepEqual(
      told(after.emitted).map(([line]) => line),
      ['two', 'three'],
    )
    assert.equal(dissection.isWaiting, false)
  })

  for (const [name, answer, complaint] of [
    ['a text', () => 'x', /must return an object/],
    ['more than there is', () => ({ length: 99 }), /length: 99; it must be from 1 to the 3 bytes/],
    ['nothing taken', () => ({ length: 0, message: {} }), /length: 0/],
    ['no length', () => ({ message: {} }), /a message without its length/],
    ['what has no meaning', () => ({ lenght: 3 }), /length: undefined/],
    ['a need beside a message', () => ({ need: 9, length: 3, message: {} }), /more than one of need, skip/],
    ['a skip beside a message', () => ({ skip: 9, length: 3, message: {} }), /more than one of need, skip/],
    ['a skip and a message', () => ({ skip: 9, message: {} }), /a message without its length/],
    ['a fraction', () => ({ length: 1.5 }), /length: 1.5/],
    ['less than it has', () => ({ need: 3 }), /need: 3, and has 3 bytes already/],
    ['a skip backwards', () => ({ skip: -1 }), /skip: -1/],
    ['a message that is a list', () => ({ length: 1, message: [] }), /a message that is no object/],
  ] as const)
    test(`is not read on when parse answers ${name}, and its author is told`, () => {
      const lines = new Lines({}, answer)
      const { invalid } = relay(lines, [[0, 'abc']]).takeCounters()
      assert.match(lines.complaints.join('\n'), complaint)
      assert.deepEqual(invalid, { 'lines: parse answered what makes no sense': 1 })
      assert.deepEqual(lines.emitted, [])
    })

  test('passes over what it is told to, and waits for what it needs', () => {
    let calls = 0
    const lines = new Lines({}, (text) => {
      calls++
      if (text.startsWith('skip')) return { length: 4 }
      if (text.startsWith('body')) return { skip: 14 }
      return text.length < 6 ? { need: 6 } : { length: 6, message: { text } }
    })
    relay(lines, [
      [0, 'skipbody'],
      [0, '123456789'],
      [0, '0'],
      [0, 'abc'],
      [0, 'de'],
      [0, 'f'],
    ])
    assert.deepEqual(
      lines.emitted.map(({ request }) => request),
      [{ text: 'abcdef' }],
    )
    assert.ok(calls < 8, `${calls} calls`)
  })
})
