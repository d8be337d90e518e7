import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Side } from '../../dissect/dissector.ts'
import { AT_THE_START, feed } from '../../testing/feed.ts'
import { redis } from './dissector.ts'
import { LONGEST_MESSAGE } from './reader.ts'
import { DEEPEST, LONGEST_VALUE } from './walker.ts'

type Chunk = readonly [Side, Uint8Array | string | number | null]
type Fields = Readonly<Record<string, unknown>>

/** A command as clients send it. */
const command = (...words: string[]) =>
  `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word, 'latin1')}\r\n${word}\r\n`).join('')}`

/** All fields of all messages as plain values. */
function read(chunks: readonly Chunk[]) {
  const { messages, invalid } = feed(redis, chunks)
  const rows = messages.map(({ side, message, id }): Fields => {
    const shape = side === 'client' ? redis.request : redis.response
    const fields = Object.keys(shape.fields).map((name) => [name, (message as Fields)[name]])
    return { side, id, ...(Object.fromEntries(fields) as Fields) }
  })
  return { rows, invalid }
}

const commands = (bytes: string) => read([['client', bytes]]).rows
const reply = (bytes: string) => read([['server', bytes]]).rows[0]

/** Which request each reply answers, as the engine pairs them: `GET=1`; a push is `>1`, no reply `GET`. */
function paired(chunks: readonly Chunk[]): string[] {
  const pending: unknown[] = []
  const pairs: string[] = []
  for (const row of read(chunks).rows) {
    if (row.side === 'client' && row.id !== 'no-reply') pending.push(row.command)
    else if (row.side === 'client') pairs.push(`${row.command}`)
    else if (row.id === 'push') pairs.push(`>${row.value}`)
    else pairs.push(`${pending.shift()}=${row.value}`)
  }
  return [...pairs, ...pending.map((each) => `${each}?`)]
}

const ACL_SHOWN = 'SETUSER ann on >[REDACTED] #[REDACTED] <[REDACTED] ![REDACTED] ~* +@all'

describe('a Redis command', () => {
  test('has its name in upper case, its first argument as key, and the rest as value', () => {
    const [set, setEx, get, ping] = commands(
      command('set', 'k', 'v') + command('SET', 'k', 'v', 'EX', '10') + command('GET', 'k') + command('PING'),
    )
    assert.deepEqual(set, {
      side: 'client',
      id: undefined,
      type: 'Array',
      command: 'SET',
      key: 'k',
      value: 'v',
      keyword: '',
      args: ['k', 'v'],
    })
    assert.equal(setEx?.value, '[v, EX, 10]')
    assert.deepEqual([get?.key, get?.value], ['k', ''])
    assert.deepEqual([ping?.key, ping?.value, ping?.args], ['', '', []])
  })

  test('may be a line, with quotes and escapes', () => {
    const rows = commands('SET "a b" \'it\\\'s\'\r\nget x\n\r\nSET k "\\x41\\n\\"" \r\n')
    assert.deepEqual(
      rows.map(({ type, command, args }) => [type, command, args]),
      [
        ['N/A', 'SET', ['a b', "it's"]],
        ['N/A', 'GET', ['x']],
        ['N/A', 'SET', ['k', 'A\n"']],
      ],
    )
  })

  test('does not show passwords', () => {
    for (const [sent, shown] of [
      ['AUTH secret', '[REDACTED]'],
      ['auth ann secret', 'ann [REDACTED]'],
      ['HELLO 3', '3'],
      ['HELLO 3 auth ann secret SETNAME AUTH', '3 auth ann [REDACTED] SETNAME AUTH'],
      ['HELLO 3 SETNAME x AUTH ann secret', '3 SETNAME x AUTH ann [REDACTED]'],
      ['HELLO 3 SETNAME auth AUTH ann secret', '3 SETNAME auth AUTH ann [REDACTED]'],
      ['HELLO 3 AUTH ann', '3 AUTH ann'],
      ['CONFIG SET requirepass secret', 'SET requirepass [REDACTED]'],
      ['config set maxmemory 1 MasterAuth secret', 'set maxmemory 1 MasterAuth [REDACTED]'],
      ['CONFIG GET requirepass', 'GET requirepass'],
      ['SENTINEL SET main auth-pass secret quorum 2', 'SET main auth-pass [REDACTED] quorum 2'],
      ['SENTINEL CONFIG SET sentinel-pass secret', 'CONFIG SET sentinel-pass [REDACTED]'],
      ['ACL SETUSER ann on >secret #secret <secret !secret ~* +@all', ACL_SHOWN],
      ['ACL SETUSER >ann', 'SETUSER >ann'],
      ['MIGRATE h 1 AUTH 0 9 COPY AUTH secret KEYS AUTH k', 'h 1 AUTH 0 9 COPY AUTH [REDACTED] KEYS AUTH k'],
      ['MIGRATE h 1 k 0 9 AUTH2 ann secret REPLACE', 'h 1 k 0 9 AUTH2 ann [REDACTED] REPLACE'],
    ] as const)
      for (const bytes of [command(...sent.split(' ')), `${sent}\r\n`]) {
        const [row] = commands(bytes)
        const args = row?.args as string[]
        assert.equal(args.join(' '), shown, bytes)
        assert.deepEqual([row?.key, String(row?.value).includes('secret')], [args[0], false], bytes)
      }
  })

  test('that is empty is passed over', () => {
    assert.deepEqual(
      commands(`*0\r\n*-1\r\n\r\n${command('GET', 'k')}`).map((row) => row.command),
      ['GET'],
    )
  })

  test('keeps text as UTF-8 and binary values a character a byte', () => {
    const utf8 = Buffer.from('grüße', 'utf8').toString('latin1')
    assert.deepEqual(commands(command('SET', utf8, '\xff\x00\xfe'))[0]?.args, ['grüße', '\xff\x00\xfe'])
  })

  test('with elements that are no strings ends the connection', () => {
    for (const bad of [
      '*1\r\n:1\r\n',
      '*1\r\n*1\r\n$1\r\na\r\n',
      '*1\r\n$-1\r\n',
      '*?\r\n',
      '\x16\x03\x01',
      '*1\r\n$3\r\nGETxx',
    ])
      assert.notEqual(read([['client', bad]]).invalid, undefined, bad)
  })
})

describe('a Redis reply', () => {
  test('of each type has its name and prints as text', () => {
    const types: [string, string, string][] = [
      ['+OK\r\n', 'Simple String', 'OK'],
      ['$5\r\nhello\r\n', 'Bulk String', 'hello'],
      ['$0\r\n\r\n', 'Bulk String', ''],
      [':-42\r\n', 'Integer', '-42'],
      ['*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n', 'Array', '[a, [1, nil]]'],
      ['*0\r\n', 'Array', '[]'],
      ['$-1\r\n', 'Null', ''],
      ['*-1\r\n', 'Null', ''],
      ['_\r\n', 'Null', ''],
      ['%2\r\n+a\r\n:1\r\n+b\r\n:2\r\n', 'Map', '[a, 1, b, 2]'],
      ['~2\r\n+a\r\n+b\r\n', 'Set', '[a, b]'],
      [',1.5e3\r\n', 'Double', '1.5e3'],
      [',-inf\r\n', 'Double', '-inf'],
      ['#t\r\n', 'Boolean', 'true'],
      ['#f\r\n', 'Boolean', 'false'],
      [
        '(3492890328409238509324850943850943825024385\r\n',
        'Big Number',
        '3492890328409238509324850943850943825024385',
      ],
      ['=15\r\ntxt:Some string\r\n', 'Verbatim String', 'Some string'],
      ['!5\r\nERR x\r\n', 'Bulk Error', 'ERR x'],
      ['|1\r\n+ttl\r\n:3600\r\n*1\r\n:7\r\n', 'Array', '[7]'],
      ['$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n', 'Bulk String', 'Hello'],
      ['*?\r\n:1\r\n%?\r\n+a\r\n:2\r\n.\r\n.\r\n', 'Array', '[1, [a, 2]]'],
    ]
    for (const [bytes, type, value] of types) {
      const { rows, invalid } = read([['server', bytes]])
      assert.deepEqual(
        [invalid, rows.length, rows[0]?.type, rows[0]?.value],
        [undefined, 1, type, value],
        bytes,
      )
    }
  })

  test('that is an error has its text and its code', () => {
    const error = reply('-WRONGTYPE Operation against a key\r\n')
    assert.deepEqual(
      [error?.type, error?.keyword, error?.error],
      ['Error', 'WRONGTYPE', 'WRONGTYPE Operation against a key'],
    )
    assert.deepEqual([reply('+QUEUED\r\n')?.keyword, reply('$2\r\nOK\r\n')?.keyword], ['QUEUED', ''])
  })

  test('that breaks the grammar ends the connection', () => {
    for (const bad of [
      'hello\r\n',
      ':1x\r\n',
      ':\r\n',
      '$3\r\nabcd\r\n',
      '$-2\r\n',
      '$99999999999\r\n',
      '#x\r\n',
      '_x\r\n',
      '+a\n',
      '+a\rb\r\n',
      '.\r\n',
      ';1\r\na\r\n',
      '$?\r\n:1\r\n',
      '*-3\r\n',
      '*x',
    ])
      assert.notEqual(read([['server', bad]]).invalid, undefined, bad)
  })

  test('nests only so deep, also by attributes', () => {
    assert.equal(read([['server', '*1\r\n'.repeat(DEEPEST)]]).invalid, undefined)
    assert.equal(read([['server', '*1\r\n'.repeat(DEEPEST + 1)]]).invalid, 'nested too deeply')
    assert.equal(read([['server', '|0\r\n'.repeat(DEEPEST + 1)]]).invalid, 'nested too deeply')
  })
})

describe('large Redis values', () => {
  test('keep their first bytes and let the rest pass', () => {
    const long = 'x'.repeat(LONGEST_VALUE + 1000)
    for (const size of [1000, 1 << 20]) {
      const bytes = `*2\r\n$${long.length}\r\n${long}\r\n:7\r\n:8\r\n`
      const chunks: Chunk[] = []
      for (let at = 0; at < bytes.length; at += size) chunks.push(['server', bytes.slice(at, at + size)])
      const { rows } = read(chunks)
      assert.deepEqual(
        rows.map(({ value }) => value),
        [`[${'x'.repeat(LONGEST_VALUE)}, 7]`, '8'],
      )
    }
  })

  test('may have holes where they are not kept', () => {
    const bytes = `$${LONGEST_VALUE + 10_000}\r\n${'x'.repeat(LONGEST_VALUE + 1000)}`
    const { rows } = read([
      ['server', bytes],
      ['server', 5000],
      ['server', `${'x'.repeat(4000)}\r\n:8\r\n`],
    ])
    assert.deepEqual(
      rows.map(({ value }) => (value as string).length),
      [LONGEST_VALUE, 1],
    )
  })

  test('are not cut inside of a character', () => {
    const long = `x${'ü'.repeat(LONGEST_VALUE)}`
    const { rows } = read([['server', Buffer.from(`$${Buffer.byteLength(long)}\r\n${long}\r\n`)]])
    assert.equal(rows[0]?.value, `x${'ü'.repeat(LONGEST_VALUE / 2 - 1)}`)
  })

  test('print as far as they were kept when they have many elements', () => {
    const count = 100_000
    const { rows } = read([['server', `*${count}\r\n${':1\r\n'.repeat(count)}+OK\r\n`]])
    assert.deepEqual([rows.length, rows[1]?.value], [2, 'OK'])
    assert.equal(String(rows[0]?.value).length, Math.ceil((LONGEST_MESSAGE - 9) / 4) * 3)
  })

  test('in many segments are walked over once', () => {
    const count = 200_000
    const bytes = Buffer.from(`*${count}\r\n${':1\r\n'.repeat(count)}`)
    const { server } = redis.open({ wantsBodies: true, maxBody: 1 << 20 }, AT_THE_START)
    let walked = 0
    let step = server.next(bytes, 0, 3)
    for (let at = 0, end = 3; step.kind !== 'message'; step = server.next(bytes, at, end)) {
      walked += end - at
      if (step.kind === 'partial') at += step.length
      end = Math.min(end + 100, bytes.length)
    }
    assert.ok(walked < 2 * bytes.length)
  })
})

describe('replies of Redis are told from messages that come unasked', () => {
  const confirm = (kind: string, channel: string, total: number) =>
    `*3\r\n$${kind.length}\r\n${kind}\r\n$${channel.length}\r\n${channel}\r\n:${total}\r\n`
  const message = (channel: string, payload: string) => command('message', channel, payload)

  test('when replies come one for one', () => {
    assert.deepEqual(
      paired([
        ['client', command('GET', 'a') + command('MULTI') + command('INCR', 't') + command('EXEC')],
        ['server', '$1\r\n1\r\n+OK\r\n+QUEUED\r\n*1\r\n:2\r\n'],
      ]),
      ['GET=1', 'MULTI=OK', 'INCR=QUEUED', 'EXEC=[2]'],
    )
  })

  test('with a confirmation for each channel', () => {
    assert.deepEqual(
      paired([
        ['client', command('SUBSCRIBE', 'a', 'b') + command('SUBSCRIBE', 'c') + command('PING')],
        ['server', confirm('subscribe', 'a', 1) + message('a', 'early') + confirm('subscribe', 'b', 2)],
        ['server', `${confirm('subscribe', 'c', 3)}*2\r\n$4\r\npong\r\n$0\r\n\r\n${message('a', 'x')}`],
        ['server', command('pmessage', 'p*', 'pa', 'y')],
        ['client', command('PING')],
        ['server', message('a', 'z')],
        ['server', '+PONG\r\n'],
      ]),
      ['SUBSCRIBE=1', '>early', '>2', 'SUBSCRIBE=3', 'PING=[pong, ]', '>x', '>[pa, y]', '>z', 'PING=PONG'],
    )
  })

  test('when all subscriptions of a kind end at once', () => {
    assert.deepEqual(
      paired([
        ['client', command('SUBSCRIBE', 'a', 'b') + command('PSUBSCRIBE', 'p*')],
        [
          'server',
          confirm('subscribe', 'a', 1) + confirm('subscribe', 'b', 2) + confirm('psubscribe', 'p*', 3),
        ],
        [
          'client',
          command('UNSUBSCRIBE') + command('UNSUBSCRIBE') + command('PUNSUBSCRIBE') + command('GET', 'k'),
        ],
        ['server', confirm('unsubscribe', 'a', 2) + confirm('unsubscribe', 'b', 1)],
        ['server', '*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n'],
        ['server', `${confirm('punsubscribe', 'p*', 0)}*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nb\r\n`],
      ]),
      [
        'SUBSCRIBE=1',
        '>2',
        'PSUBSCRIBE=3',
        'UNSUBSCRIBE=2',
        '>1',
        'UNSUBSCRIBE=1',
        'PUNSUBSCRIBE=0',
        'GET=[message, a, b]',
      ],
    )
  })

  test('by their type in RESP3', () => {
    assert.deepEqual(
      paired([
        ['client', command('HELLO', '3') + command('SUBSCRIBE', 'a', 'b') + command('LRANGE', 'l')],
        ['server', '%1\r\n+proto\r\n:3\r\n>3\r\n+subscribe\r\n+a\r\n:1\r\n>3\r\n+message\r\n+a\r\n+x\r\n'],
        ['server', '>3\r\n+subscribe\r\n+b\r\n:2\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n*1\r\n+v\r\n'],
      ]),
      ['HELLO=[proto, 3]', 'SUBSCRIBE=1', '>x', '>2', '>', 'LRANGE=[v]'],
    )
  })

  test('although a list may look like a message', () => {
    assert.deepEqual(
      paired([
        ['client', command('LRANGE', 'l')],
        ['server', message('a', 'b')],
      ]),
      ['LRANGE=[message, a, b]'],
    )
  })

  test('where the capture begins midway', () => {
    assert.deepEqual(
      paired([
        ['server', message('a', 'x')],
        ['client', command('PING')],
        ['server', `${message('a', 'y')}+PONG\r\n`],
      ]),
      ['>x', '>y', 'PING=PONG'],
    )
  })

  test('when a subscription is refused', () => {
    assert.deepEqual(
      paired([
        ['client', command('SUBSCRIBE', 'a', 'b') + command('GET', 'k')],
        ['server', '-NOPERM no\r\n$1\r\nv\r\n'],
      ]),
      ['SUBSCRIBE=NOPERM no', 'GET=v'],
    )
  })

  test('after replies were lost, by the next confirmation', () => {
    const { rows } = read([
      ['client', command('GET', 'lost') + command('SUBSCRIBE', 'a') + command('PING')],
      ['server', `${confirm('subscribe', 'a', 1)}${message('a', 'x')}+PONG\r\n`],
    ])
    assert.deepEqual(
      rows.slice(3).map(({ id }) => id),
      [undefined, 'push', undefined],
    )
  })

  test('while MONITOR streams, until RESET', () => {
    const line = '+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"\r\n'
    assert.deepEqual(
      paired([
        ['client', command('MONITOR')],
        ['server', `+OK\r\n${line}${line}`],
        ['client', command('RESET') + command('TIME')],
        ['server', `${line}+RESET\r\n+1339518083.1\r\n`],
      ]).map((each) => each.slice(0, 16)),
      [
        'MONITOR=OK',
        '>1339518083.1074',
        '>1339518083.1074',
        '>1339518083.1074',
        'RESET=RESET',
        'TIME=1339518083.',
      ],
    )
  })

  test('when a replica is sent the database, and commands after it', () => {
    const database = `REDIS0010\r\n$3\r\n${'\0'.repeat(100)}`
    const mark = '4900c2548549ad25fac69c99dd7064c434a8f2b3'
    for (const sent of [`$${database.length}\r\n${database}`, `$EOF:${mark}\r\n${database}${mark}`]) {
      const text = `+FULLRESYNC ${mark} 0\r\n\n\n${sent}${command('SELECT', '0')}\n${command('set', 'k', 'v')}`
      for (let at = 1; at < text.length; at++) {
        const { rows, invalid } = read([
          ['client', command('PSYNC', '?', '-1')],
          ...cutAt('server', text, at),
          ['client', command('REPLCONF', 'ACK', '7')],
        ])
        assert.equal(invalid, undefined, `cut at ${at}`)
        assert.deepEqual(
          rows.map(({ id, command, key, value }) => [id, command, key, value]),
          [
            [undefined, 'PSYNC', '?', '-1'],
            [undefined, '', '', `FULLRESYNC ${mark} 0`],
            ['push', 'SELECT', '0', ''],
            ['push', 'SET', 'k', 'v'],
            ['no-reply', 'REPLCONF', 'ACK', '7'],
          ],
        )
      }
    }
  })

  test('when a replica goes on where it was, but not when a script says so', () => {
    const asked = (...words: string[]) =>
      paired([
        ['client', command(...words)],
        ['server', '+CONTINUE\r\n'],
        ['client', command('LRANGE', 'l', '0', '-1')],
        ['server', command('a', 'b')],
      ])
    assert.deepEqual(asked('PSYNC', 'x', '7').slice(0, 2), ['PSYNC=CONTINUE', '>'])
    assert.deepEqual(asked('EVAL', 'x', '0'), ['EVAL=CONTINUE', 'LRANGE=[a, b]'])
  })

  test('when a replica is seen midway', () => {
    assert.deepEqual(
      paired([
        ['client', command('REPLCONF', 'ACK', '7')],
        ['server', command('INCR', 'k') + command('PING')],
      ]),
      ['REPLCONF', '>', '>'],
    )
  })

  test('when the client wants no replies', () => {
    assert.deepEqual(
      paired([
        ['client', command('CLIENT', 'REPLY', 'SKIP') + command('SET', 'a') + command('GET', 'b')],
        [
          'client',
          command('client', 'reply', 'off') + command('SET', 'c') + command('CLIENT', 'REPLY', 'ON'),
        ],
        ['client', command('REPLCONF', 'ACK', '1') + command('CLIENT', 'ID')],
        ['server', '$1\r\nb\r\n+OK\r\n:9\r\n'],
      ]),
      ['CLIENT', 'SET', 'CLIENT', 'SET', 'REPLCONF', 'GET=b', 'CLIENT=OK', 'CLIENT=9'],
    )
  })

  test('with the kind and channel of a message', () => {
    const row = reply(message('news', 'hi'))
    assert.deepEqual(
      [row?.id, row?.type, row?.command, row?.key, row?.value],
      ['push', 'Array', 'MESSAGE', 'news', 'hi'],
    )
  })
})

describe('Redis is recognised', () => {
  const probe = (text: string, from: Side) => redis.probe(Buffer.from(text, 'latin1'), 0, text.length, from)

  test('by commands and replies', () => {
    for (const text of [
      command('GET', 'k'),
      command('get', 'k').slice(0, 16),
      command('JSON.SET', 'k'),
      'HGETALL h\r\n',
      'lpush l 1\r\n',
      'SET a 1\r\nSET b 2\r\nSET c "3 4"\r\n',
    ])
      assert.equal(probe(text, 'client'), 'match', text)
    for (const text of [
      '+PONG\r\n',
      '-NOAUTH x\r\n',
      '+OK\r\n:1\r\n',
      '-ERR unknown\r\n$-1\r\n',
      '+OK\r\n'.repeat(17),
      '$5\r\nhello\r\n',
      '$5\r\nhe',
      '$-1\r\n',
      '*1\r\n:1',
      '%1\r\n+a',
      '>3\r\n$7',
      '_\r\n',
      '#t\r\n',
      ',1.5\r\n',
      '*0\r\n',
    ])
      assert.equal(probe(text, 'server'), 'match', text)
  })

  test('after losses by any reply', () => {
    for (const text of ['+OK\r\n', '-ERR unknown\r\n', ':1\r\n', '$-1\r\n'])
      assert.equal(redis.resumes?.(Buffer.from(text), 0, text.length, 'server'), true, text)
    assert.equal(redis.resumes?.(Buffer.from('hello\r\n'), 0, 7, 'server'), false)
  })

  test('not by what others send', () => {
    for (const text of [
      'GET / HTTP/1.1\r\n',
      'GET http://a/ HTTP/1.1\r\n',
      'POST / HTTP/1.1\r\n',
      'SUBSCRIBE sip:a SIP/2.0\r\n',
      'EHLO a\r\n',
      'www.example.com\r\n',
      'local.random 4 1700000000\n',
      'USER x\r\n',
      '*1\r\n:1\r\n',
      '*x',
      '*1\r\n$999',
      '\x16\x03\x01\x02\x00',
      'N',
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n',
      '*2\r\n$7\r\nmessage\r\nx',
    ])
      assert.equal(probe(text, 'client'), 'reject', text)
    for (const text of [
      '+OK POP3 ready\r\n',
      '+OK\r\nCAPA\r\nTOP\r\n.\r\n',
      '+OK\r\nMSG a 1 5\r\nhello\r\n',
      '220 ftp\r\n',
      'HTTP/1.1 200 OK\r\n',
      ':irc.example 001 x\r\n',
      '* OK IMAP\r\n',
      '$3\r\nabcd\r\n',
      '*1\r\nx',
      '--boundary',
      '#!/bin/sh\n',
      '<html>',
    ])
      assert.notEqual(probe(text, 'server'), 'match', text)
  })

  test('not yet by what it shares with others, or by too little', () => {
    for (const text of [
      'PING\r\n',
      'GET k\r\n',
      'QUIT\r\n',
      'AUTH x\r\n',
      'SET k 0 0 5\r\n',
      'get a\r\nget b\r\nget c\r\n',
      '*',
      '*1\r',
      '*1\r\n$4\r\nPI',
      command('FOO'),
      'HGE',
      'HGETALL h',
    ])
      assert.equal(probe(text, 'client'), 'unsure', text)
    for (const text of ['+', '+O', '$', '*1', '-ERR unkn', ':1\r', '+OK\r\n', '-ERR no\r\n', ':1\r\n:2\r\n'])
      assert.equal(probe(text, 'server'), 'unsure', text)
  })

  test('for any prefix of its own traffic, or not yet', () => {
    for (const [from, text] of [
      ['client', command('SET', 'k', 'v')],
      ['client', 'HSET h a b\r\n'],
      ['server', '$5\r\nhello\r\n'],
      ['server', '*2\r\n$1\r\na\r\n:1\r\n'],
    ] as const)
      for (let end = 1; end < text.length; end++)
        assert.notEqual(probe(text.slice(0, end), from), 'reject', text.slice(0, end))
  })
})

describe('the row of a Redis entry', () => {
  test('shows command and key, with filters that select them', () => {
    const [get] = feed(redis, [['client', command('GET', 'a"b')]]).messages
    assert.deepEqual(redis.summarize(get?.message as never, null), {
      method: 'GET',
      methodQuery: 'request.command == "GET"',
      summary: 'a"b',
      summaryQuery: 'request.key == "a\\"b"',
      status: 0,
      statusQuery: '',
    })
  })

  test('shows what came unasked by itself, and long keys cut', () => {
    const channel = 'c'.repeat(300)
    const [push] = feed(redis, [['server', command('message', channel, 'x')]]).messages
    const row = redis.summarize(null, push?.message as never)
    assert.deepEqual([row.method, row.methodQuery], ['MESSAGE', 'response.command == "MESSAGE"'])
    assert.equal(row.summaryQuery, `response.key.startsWith("${channel.slice(0, 256)}")`)
  })
})

describe('Redis parsers', () => {
  const conversation: Chunk[] = [
    [
      'client',
      `${command('SUBSCRIBE', 'a', 'b')}PING\r\nSET "x y" z\n${command('CLIENT', 'REPLY', 'OFF')}${command('DEL', 'k')}`,
    ],
    [
      'server',
      '*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n+PONG\r\n|1\r\n+a\r\n#t\r\n%1\r\n*1\r\n_\r\n=5\r\ntxt:a\r\n',
    ],
  ]

  test('read the same however the bytes are cut', () => {
    const whole = read(conversation)
    assert.equal(whole.rows.length, 9)
    const [[, sent], [, answered]] = conversation as [[Side, string], [Side, string]]
    for (let cut = 1; cut < Math.max(sent.length, answered.length); cut++)
      assert.deepEqual(
        read([...cutAt('client', sent, cut), ...cutAt('server', answered, cut)]),
        whole,
        `cut at ${cut}`,
      )
    const bytes = (side: Side, text: string): Chunk[] => [...text].map((byte) => [side, byte])
    assert.deepEqual(read([...bytes('client', sent), ...bytes('server', answered)]), whole)
  })

  test('answer any bytes without throwing', () => {
    const pieces = fc.constantFrom(
      '*',
      '$',
      '%',
      '>',
      '|',
      '+OK\r\n',
      '3',
      '-1',
      '?',
      '\r\n',
      '\r',
      '\n',
      'GET',
      ':1\r\n',
      ';0\r\n',
      '.',
      '$1\r\na\r\n',
      '"',
      '\\x',
      '_\r\n',
      '\xff',
      '99999',
      ' ',
    )
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(pieces, { maxLength: 30 }).map((each) => Buffer.from(each.join(''), 'latin1')),
    )
    fc.assert(
      fc.property(bytes, fc.constantFrom<Side>('client', 'server'), (input, side) => {
        read([
          [side, input],
          [side, null],
        ])
        if (input.length > 0) redis.probe(input, 0, input.length, side)
      }),
      { numRuns: 500 },
    )
  })

  test('read back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 5 }), (words) => {
        const bytes = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')
        const [row] = read([['client', Buffer.from(`*${words.length}\r\n${bytes}`)]]).rows
        assert.deepEqual(row?.args, words.slice(1))
      }),
      { numRuns: 200 },
    )
  })

  test('search a line once, however slowly it comes', () => {
    for (const [side, begin] of [
      ['client', 'SET k '],
      ['server', '+'],
    ] as const) {
      let looks = 0
      const line = new Proxy(Buffer.from(begin + 'v'.repeat(5000)), {
        get(target, key) {
          looks++
          return Reflect.get(target, key, target)
        },
      })
      const parser = redis.open({ wantsBodies: false, maxBody: 0 }, AT_THE_START)[side]
      for (let end = 1; end <= 5000; end++) assert.equal(parser.next(line, 0, end).kind, 'incomplete')
      assert.ok(looks < 5000 * 50)
    }
  })

  test('read lines up to a length', () => {
    for (const [side, begin] of [
      ['client', 'x'],
      ['server', '+'],
    ] as const) {
      assert.equal(read([[side, `${begin + 'x'.repeat(65_000)}\r\n`]]).rows.length, 1)
      assert.equal(read([[side, begin + 'x'.repeat(70_000)]]).invalid, 'line too long')
    }
  })
})

function cutAt(side: Side, text: string, at: number): Chunk[] {
  return [
    [side, text.slice(0, at)],
    [side, text.slice(at)],
  ]
}
