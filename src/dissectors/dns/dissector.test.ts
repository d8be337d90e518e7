import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileFilter } from '../../filter/index.ts'
import { feed } from '../../testing/feed.ts'
import { dns, dnsTcp } from './dissector.ts'

describe('pairing', () => {
  test('a query and its reply share their id, which may be 0', () => {
    assert.equal(idOf(query({ id: 7 })), '7')
    assert.equal(idOf(query({ id: 0 })), '0')
  })

  test('messages of multicast DNS stand alone', () => {
    assert.equal(idOf(query({ id: 0, flags: 0 })), undefined)
    assert.equal(
      idOf(message({ id: 0, flags: 0x8400, answers: [address('a.local', '10.0.0.1')] })),
      undefined,
    )
  })

  test('the replies of a zone transfer after its first belong to no other query', () => {
    const { messages } = feed(dnsTcp, [
      ['client', framed(query({ id: 1, type: AXFR }), query({ id: 2 }))],
      ['server', framed(reply({ id: 1 }), reply({ id: 1 }), reply({ id: 2 }), reply({ id: 1 }))],
      ['client', framed(query({ id: 1 }))],
      ['server', framed(reply({ id: 1 }))],
    ])
    assert.deepEqual(
      messages.map(({ id }) => id),
      ['1', '2', '1', 'push', '2', 'push', '1', '1'],
    )
  })
})

describe('recognising', () => {
  test('zeros are no records', () => {
    // The beginning of a DHCP message with the transaction id 1.
    const bytes = Buffer.concat([Buffer.from('0101060000000001', 'hex'), Buffer.alloc(228)])
    assert.equal(dns.probe(bytes, 0, bytes.length, 'client'), 'reject')
  })

  test('a few small numbers are no question', () => {
    const bytes = Buffer.from('0200 0000 0001 0000 0000 0000 00 0000 0002'.replaceAll(' ', ''), 'hex')
    assert.equal(dns.probe(bytes, 0, bytes.length, 'client'), 'reject')
  })

  test('the question of a long message over TCP will do', () => {
    const bytes = framed(reply({ answers: [record('a', 16, 1, 60, Buffer.alloc(10_000))] }))
    assert.equal(dnsTcp.probe(bytes, 0, 1400, 'server'), 'match')
    assert.equal(dnsTcp.probe(bytes, 0, 20, 'server'), 'unsure')
  })

  test('a query is never shown as a reply', () => {
    assert.equal(feed(dns, [['server', query({ flags: 0x0140 })]]).invalid, 'a query that none would send')
  })
})

describe('codes', () => {
  test('those of EDNS have their upper bits in the OPT record', () => {
    const bad = reply({ additionals: [record('', 41, 1232, 0x01000000, Buffer.alloc(0))] })
    assert.equal(read(bad).code, 'Bad OPT Version')
    const good = reply({ flags: 0x8183, additionals: [record('', 41, 1232, 0, Buffer.alloc(0))] })
    assert.equal(read(good).code, 'Non-Existent Domain')
  })
})

test('names that lead nowhere make a message malformed', () => {
  const forward = Buffer.concat([Buffer.from('c0ff', 'hex'), address('', '192.0.2.1').subarray(1)])
  const { answers, malformed } = read(reply({ answers: [forward] }))
  assert.deepEqual([answers, malformed], [[], true])
  assert.equal(read(reply({ answers: [address('a', '192.0.2.1')] })).malformed, false)
})

describe('names of addresses', () => {
  test('are what was asked for, whatever alias led there', () => {
    const answers = [address('web.example', '192.0.2.1')]
    assert.deepEqual(namesIn(reply({ answers })), [{ ip: '192.0.2.1', name: 'www.example' }])
  })

  test('are those of the records where addresses were not asked for, or several', () => {
    const answers = [address('one.local', '10.0.0.1'), address('two.local', '10.0.0.2')]
    const names = [
      { ip: '10.0.0.1', name: 'one.local' },
      { ip: '10.0.0.2', name: 'two.local' },
    ]
    assert.deepEqual(namesIn(message({ flags: 0x8400, answers })), names)
    assert.deepEqual(namesIn(reply({ type: 12, answers })), names)
    const questions = [question('x.local', 1), question('y.local', 1)]
    assert.deepEqual(namesIn(message({ flags: 0x8400, questions, answers })), names)
  })
})

describe('data of records', () => {
  const cases: readonly (readonly [name: string, type: number, hex: string, expected: string])[] = [
    ['MX of a domain without mail', 15, '0000 00', '0 .'],
    ['SRV of a service that is not there', 33, '0000 0000 0000 00', '0 0 0 .'],
    ['RP', 17, '0161 00 0162 00', 'a b'],
    ['TXT in UTF-8', 16, '03 c3bc 22', '"ü\\""'],
    ['TXT that is no UTF-8', 16, '03 fc 09 41', '"\\252\\009A"'],
    ['TXT with control characters', 16, '02 09 41', '"\\009A"'],
    ['NSEC3', 50, '01 00 000a 00 06 666f6f626172 00 01 40', '1 0 10 - cpnmuoj1e8 A'],
    ['NSEC3PARAM', 51, '01 00 000a 02 abcd', '1 0 10 abcd'],
    [
      'LOC',
      29,
      '00 33 13 22 89172fc4 70be15f0 00988d20',
      '42 21 54.500 N 71 6 18.000 W -24.00m 30.00m 10.00m 2.00m',
    ],
    ['CERT', 37, '0001 0000 00 308201', '1 0 0 MIIB'],
    ['CSYNC', 62, '00000042 0003 0004 60000008', '66 3 A NS AAAA'],
    ['EUI48', 108, '00005e00532a', '00-00-5e-00-53-2a'],
    ['OPENPGPKEY', 61, '01020304', 'AQIDBA=='],
    [
      'HTTPS',
      65,
      '0001 00 0000 0004 0001 0003 0001 0003 026832 0003 0002 20fb 0007 0006 2f717b3f647d',
      '1 . mandatory=alpn,port alpn=h2 port=8443 dohpath=/q{?d}',
    ],
    ['a type that nobody knows', 65280, '0a0b', '\\# 2 0a0b'],
    ['a type whose data do not fit', 108, '0a0b', '\\# 2 0a0b'],
  ]
  for (const [name, type, hex, expected] of cases)
    test(name, () => {
      const data = Buffer.from(hex.replaceAll(' ', ''), 'hex')
      const { answers } = read(reply({ answers: [record('www.example', type, 1, 60, data)] }))
      assert.equal(answers[0]?.data, expected)
    })
})

test('the queries of a row find it, also without a query that was seen', () => {
  const response = read(reply({ answers: [address('www.example', '10.0.0.1')] }))
  const request = feed(dns, [['client', query({})]]).messages[0]?.message as Reply
  for (const [asked, replied] of [
    [request, response],
    [request, null],
    [null, response],
  ] as const) {
    const entry = { protocol: dns.protocols[0], request: asked, response: replied }
    const { methodQuery, summaryQuery } = dns.summarize(asked as never, replied)
    for (const filter of [methodQuery, summaryQuery])
      assert.equal(compileFilter(filter, { prefer: 'kfl1' }).matches(entry as never), true, filter)
  }
})

interface Parts {
  readonly id?: number
  readonly flags?: number
  readonly type?: number
  readonly questions?: readonly Buffer[]
  readonly answers?: readonly Buffer[]
  readonly additionals?: readonly Buffer[]
}

function query({ flags = 0x0100, type = 1, ...parts }: Parts): Buffer {
  return message({ flags, questions: [question('www.example', type)], ...parts })
}

function reply({ flags = 0x8180, ...parts }: Parts): Buffer {
  return query({ flags, ...parts })
}

function message({ id = 7, flags = 0, questions = [], answers = [], additionals = [] }: Parts): Buffer {
  const header = [id, flags, questions.length, answers.length, 0, additionals.length]
  return Buffer.concat([...header.map(u16), ...questions, ...answers, ...additionals])
}

function question(name: string, type: number): Buffer {
  return Buffer.concat([wireName(name), u16(type), u16(1)])
}

function record(name: string, type: number, recordClass: number, ttl: number, data: Buffer): Buffer {
  const time = Buffer.alloc(4)
  time.writeUInt32BE(ttl)
  return Buffer.concat([wireName(name), u16(type), u16(recordClass), time, u16(data.length), data])
}

function address(name: string, ip: string): Buffer {
  return record(name, 1, 1, 60, Buffer.from(ip.split('.').map(Number)))
}

function wireName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.from(`${labels.map((label) => `${String.fromCharCode(label.length)}${label}`).join('')}\0`)
}

function framed(...messages: readonly Buffer[]): Buffer {
  return Buffer.concat(messages.flatMap((each) => [u16(each.length), each]))
}

function u16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255])
}

function idOf(bytes: Buffer): string | number | undefined {
  return feed(dns, [['client', bytes]]).messages[0]?.id
}

type Reply = Parameters<NonNullable<typeof dns.names>>[0]

function read(bytes: Buffer): Reply {
  return feed(dns, [['server', bytes]]).messages[0]?.message as Reply
}

function namesIn(bytes: Buffer) {
  return dns.names?.(read(bytes))
}

const AXFR = 252
