import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { memcached } from './dissector.ts'
import { answer, ask, u32s } from './test-messages.ts'

const probe = (side: Side, said: Uint8Array | string) => {
  const bytes = typeof said === 'string' ? Buffer.from(said, 'latin1') : said
  return memcached.probe(bytes, 0, bytes.length, side)
}

describe('a connection is recognised', () => {
  test('by what nobody else says', () => {
    for (const said of [
      'set a 0 0 5\r\nhello\r\n',
      'set a 0 0 500000\r\nhello',
      'add a 0 -1 0 noreply\r\n\r\n',
      'cas a 0 0 1 99\r\nx\r\nget a\r\n',
      'ms a 2 T90 c\r\nhi\r\n',
      'gat 100 a b\r\n',
      'flush_all \r\n',
      'verbosity 1\r\n',
      'stats items\r\n',
      'set \x10\xb0\x10key 0 0 1\r\nx\r\n',
    ])
      assert.equal(probe('client', said), 'match', said)
    for (const said of [
      'VALUE a 0 5\r\nhello\r\nEND\r\n',
      'VALUE a 0 500000 99\r\nhello',
      'VA 5 t9\r\nhello\r\n',
      'STAT pid 1\r\nSTAT uptime 2\r\n',
    ])
      assert.equal(probe('server', said), 'match', said)
  })

  test('by both sides, where others may say so, too', () => {
    for (const said of [
      'get a\r\n',
      'gets a b\r\n',
      'delete a\r\n',
      'incr a 1\r\n',
      'touch a 1\r\n',
      'mg a v\r\n',
      'mn\r\n',
      'stats\r\n',
      'version\r\n',
      'quit\r\n',
      'ge',
      'set a 0 0',
    ])
      assert.equal(probe('client', said), 'unsure', said)
    for (const said of [
      'END\r\n',
      'STORED\r\n',
      '5\r\n',
      'OK\r\n',
      'VERSION 1.6\r\n',
      'HD\r\n',
      'ERROR\r\n',
      'VAL',
    ]) {
      assert.equal(probe('server', said), 'unsure', said)
      if (said.endsWith('\r\n'))
        assert.equal(memcached.resumes?.(Buffer.from(said), 0, said.length, 'server'), true)
    }
  })

  test('by the header of a packet', () => {
    const get = ask(0, { key: 'a' })
    for (const packet of [
      get,
      ask(1, { extras: u32s(0, 0), key: 'a', value: 'x'.repeat(5000) }).subarray(0, 1460),
      ask(10),
      ask(16),
      ask(5, { extras: u32s(0, 1, 0, 0, 0), key: 'n' }),
    ])
      assert.equal(probe('client', packet), 'match')
    assert.equal(probe('client', get.subarray(0, 10)), 'unsure')
    assert.equal(probe('server', answer(0, { extras: u32s(0), value: 'x' })), 'match')
    assert.equal(probe('server', answer(0, { status: 1, value: 'Not found' })), 'match')
  })
})

describe('something else is not', () => {
  for (const [side, said] of [
    ['client', 'GET / HTTP/1.1\r\n\r\n'],
    ['client', 'GET a\r\n'],
    ['client', 'set a b\r\n'],
    ['client', 'set a b ex 10\r\n'],
    ['client', 'set a 0 0 5\r\nhello!\r\n'],
    ['client', 'get\r\n'],
    ['client', 'put 100 0 60 5\r\nhello\r\n'],
    ['client', 'reserve\r\n'],
    ['client', 'use tube\r\n'],
    ['client', 'user ann\r\n'],
    ['client', 'list\r\n'],
    ['client', 'helo mx\r\n'],
    ['client', '*1\r\n$4\r\nPING\r\n'],
    ['client', Buffer.from('802e0100020015000000100100800700c0', 'hex')],
    ['client', ask(0)],
    ['client', ask(1, { key: 'a', value: 'x' })],
    ['client', ask(31, { key: 'a' })],
    ['server', 'HTTP/1.1 200 OK\r\n\r\n'],
    ['server', '+OK\r\n'],
    ['server', '-ERR unknown\r\n'],
    ['server', '$5\r\nhello\r\n'],
    ['server', ':5\r\n'],
    ['server', '220 ready\r\n'],
    ['server', '250-mx\r\n'],
    ['server', 'INSERTED 5\r\n'],
    ['server', 'RESERVED 5 5\r\nhello\r\n'],
    ['server', 'ERR x\r\n'],
    ['server', 'OK 5\r\n'],
    ['server', answer(0, { status: 0x99 })],
  ] as const)
    test(`${side}: ${Buffer.from(said as string, 'latin1')
      .toString('latin1')
      .slice(0, 24)}`, () => assert.equal(probe(side, said), 'reject'))

  test('random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 24, maxLength: 200 }), (bytes) => {
        assert.notEqual(probe('client', bytes), 'match')
        assert.notEqual(probe('server', bytes), 'match')
      }),
      { numRuns: 2000 },
    )
  })
})
