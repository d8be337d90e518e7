import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memcached } from './dissector.ts'
import { answer, ask, c, exchanges, lines, read, s, u32s } from './test-messages.ts'

const lengthOf = (value: unknown) => (value as string | readonly unknown[]).length

describe('the text protocol', () => {
  test('stores', () => {
    const [set, cas] = exchanges(
      c('set greeting 5 60 6\r\ngr\xc3\xbc\xc3\x9f\r\n'),
      s('STORED\r\n'),
      c('cas greeting 0 -1 1 42\r\nx\r\n'),
      s('EXISTS\r\n'),
    )
    assert.deepEqual(set, {
      request: {
        protocol: 'text',
        command: 'set',
        key: 'greeting',
        keys: ['greeting'],
        flags: 5,
        exptime: 60,
        bytes: 6,
        value: 'grüß',
        args: ['greeting', '5', '60', '6'],
      },
      response: { protocol: 'text', status: 'STORED', success: true },
      error: null,
      sizes: [29, 8],
    })
    assert.deepEqual(
      [cas?.request?.cas, cas?.request?.exptime, cas?.response?.status, cas?.response?.success],
      ['42', -1, 'EXISTS', true],
    )
  })

  test('gives back values, those that there are', () => {
    const [get, gets, gat] = exchanges(
      c('get a b c\r\n'),
      s('VALUE a 5 5\r\nhello\r\nVALUE c 0 2\r\n\r\n\r\nEND\r\n'),
      c('gets a\r\n'),
      s('VALUE a 5 5 77\r\nhello\r\nEND\r\n'),
      c('gat 100 a b\r\n'),
      s('END\r\n'),
    )
    assert.deepEqual(get?.request?.keys, ['a', 'b', 'c'])
    assert.deepEqual(get?.response, {
      protocol: 'text',
      status: 'END',
      success: true,
      value: 'hello',
      values: [
        { key: 'a', flags: 5, bytes: 5, cas: '', value: 'hello' },
        { key: 'c', flags: 0, bytes: 2, cas: '', value: '\r\n' },
      ],
      hits: 2,
    })
    assert.deepEqual(get?.sizes, [11, 20 + 17 + 5])
    assert.deepEqual(
      [gets?.response?.cas, gat?.request?.exptime, gat?.response?.hits],
      ['77', 100, undefined],
    )
  })

  test('counts, touches, deletes, tells its version and statistics', () => {
    const told = exchanges(
      c('incr n 5\r\ndecr n 1\r\nincr a 1\r\ntouch n 9\r\ndelete n\r\nversion\r\nstats\r\nstats reset\r\n'),
      s(
        '15\r\n14  \r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\nTOUCHED\r\nNOT_FOUND\r\n',
      ),
      s('VERSION 1.6.18\r\nSTAT pid 4711\r\nSTAT version 1.6.18\r\nEND\r\nRESET\r\n'),
    )
    assert.deepEqual(
      told.map(({ request, response }) => [
        request?.command,
        request?.delta,
        response?.status,
        response?.value,
      ]),
      [
        ['incr', '5', '15', '15'],
        ['decr', '1', '14', '14'],
        ['incr', '1', 'CLIENT_ERROR', undefined],
        ['touch', undefined, 'TOUCHED', undefined],
        ['delete', undefined, 'NOT_FOUND', undefined],
        ['version', undefined, 'VERSION', '1.6.18'],
        ['stats', undefined, 'END', undefined],
        ['stats', undefined, 'RESET', undefined],
      ],
    )
    assert.deepEqual(told[2]?.response?.error, 'CLIENT_ERROR cannot increment or decrement non-numeric value')
    assert.equal(told[2]?.response?.success, false)
    assert.deepEqual(told[6]?.response?.stats, { pid: '4711', version: '1.6.18' })
  })

  test('does not reply where none is wanted, or to quit', () => {
    assert.deepEqual(
      lines(
        c('set a 0 0 1 noreply\r\nx\r\ndelete a noreply\r\nget noreply\r\nversion noreply\r\nquit\r\n'),
        s('END\r\nVERSION 1\r\n'),
      ),
      ['set a =', 'delete a =', 'quit =', 'get noreply = END', 'version = VERSION'],
    )
    const [set] = exchanges(c('set a 0 0 1 noreply\r\nx\r\n'))
    assert.deepEqual([set?.request?.noreply, set?.request?.value], [true, 'x'])
  })

  test('answers what is wrong with an error, and goes on', () => {
    assert.deepEqual(
      lines(
        c('nonsense\r\n\r\nget\r\nset k 0 0 -1\r\nset k 0 0 3\r\nabcdef\r\nconstructor x\r\nget a\r\n'),
        s(
          'ERROR\r\nERROR\r\nERROR\r\nCLIENT_ERROR bad data chunk\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nERROR\r\nEND\r\n',
        ),
      ),
      [
        'nonsense = ERROR',
        ' = ERROR'.trim(),
        'get = ERROR',
        'set k = CLIENT_ERROR',
        'set k = CLIENT_ERROR',
        'f = ERROR',
        'constructor = ERROR',
        'get a = END',
      ],
    )
  })

  test('lists keys, gives configurations, and lets its log be watched', () => {
    assert.deepEqual(
      lines(
        c('lru_crawler metadump all\r\nconfig get cluster\r\nwatch mutations\r\n'),
        s('key=a exp=-1 la=5\r\nkey=b exp=-1 la=5\r\nEND\r\n'),
        s('CONFIG cluster 0 11\r\n1\nhost|ip|1\r\n\r\nEND\r\nOK\r\nts=1 gid=1 type=item_store\r\nts=2\r\n'),
      ),
      ['lru_crawler = END', 'config = END', 'watch = OK'],
    )
  })

  test('keeps of values what may be kept', () => {
    const chunks = [
      c(`set a 0 0 9\r\n123456789\r\nget a b\r\n`),
      s('STORED\r\nVALUE a 0 9\r\n123456789\r\nVALUE b 0 3\r\nabc\r\nEND\r\n'),
    ]
    const few = read(chunks, { wantsBodies: true, maxBody: 4 }).exchanges
    assert.deepEqual([few[0]?.request?.value, few[0]?.request?.bytes, few[0]?.sizes[0]], ['1234', 9, 24])
    assert.deepEqual(few[1]?.response?.values, [
      { key: 'a', flags: 0, bytes: 9, cas: '', value: '1234' },
      { key: 'b', flags: 0, bytes: 3, cas: '', value: '' },
    ])
    const none = read(chunks, { wantsBodies: false, maxBody: 1 << 20 }).exchanges
    assert.deepEqual(
      [none[0]?.request?.value, none[1]?.response?.value, none[1]?.response?.hits],
      [undefined, undefined, 2],
    )
    assert.deepEqual(
      none.map(({ sizes }) => sizes),
      few.map(({ sizes }) => sizes),
    )
  })

  test('shows a value with a hole as what it is', () => {
    const { exchanges: told } = read([
      c('set a 0 0 9\r\n123'),
      ['client', 6],
      c('\r\nget a\r\n'),
      s('STORED\r\nVALUE a 0 9\r\n1'),
      ['server', 8],
      s('\r\nEND\r\n'),
    ])
    assert.deepEqual(
      told.map(({ request, response }) => [request?.incomplete, response?.incomplete, response?.hits]),
      [
        [true, undefined, undefined],
        [undefined, true, 1],
      ],
    )
  })
})

describe('meta commands', () => {
  test('have flags, and replies that repeat them', () => {
    const [set, get, count] = exchanges(
      c('ms foo 3 T90 F7 c\r\nbar\r\nmg foo s v k O77 f\r\nma n D7 J13 N0 v\r\n'),
      s('HD c61\r\nVA 3 s3 kfoo O77 f7\r\nbar\r\nVA 2\r\n12\r\n'),
    )
    assert.deepEqual(
      [set?.request?.flags, set?.request?.exptime, set?.request?.value, set?.response?.cas],
      [7, 90, 'bar', '61'],
    )
    assert.deepEqual(
      [get?.request?.opaque, get?.response?.opaque, get?.response?.args],
      ['77', '77', ['s3', 'kfoo', 'O77', 'f7']],
    )
    assert.deepEqual(get?.response?.values, [{ key: 'foo', flags: 7, bytes: 3, cas: '', value: 'bar' }])
    assert.deepEqual(
      [count?.request?.delta, count?.request?.initial, count?.response?.value],
      ['7', '13', '12'],
    )
  })

  test('that are quiet have a reply where there is something to tell', () => {
    assert.deepEqual(
      lines(
        c(
          'mg a v q k\r\nmg b v q k\r\nmg c v q k\r\nms d 1 q\r\nx\r\nms e 1 q ME O5\r\nx\r\nmd f q\r\nmn\r\n',
        ),
        s('VA 1 kb\r\nx\r\nNS O5\r\nMN\r\n'),
      ),
      ['mg a =', 'mg b = VA', 'mg c =', 'ms d =', 'ms e = NS', 'md f =', 'mn = MN'],
    )
  })

  test('are not paired where several may be meant, up to where it is clear again', () => {
    assert.deepEqual(
      lines(
        c('mg a v q\r\nmg b v q\r\nmg c v\r\nmn\r\nmg d v\r\n'),
        s('VA 1\r\nx\r\nVA 1\r\ny\r\nMN\r\nEN\r\n'),
      ),
      [
        '= VA (reply without a request)',
        '= VA (reply without a request)',
        'mg a =',
        'mg b =',
        'mg c = (one of several replies may be to it)',
        'mn = MN',
        'mg d = EN',
      ],
    )
    assert.deepEqual(lines(c('md a q\r\nmn\r\n'), s('NF\r\nMN\r\n')), ['md a = NF', 'mn = MN'])
  })
})

describe('the binary protocol', () => {
  test('stores and gives back', () => {
    const told = exchanges(
      c(ask(1, { extras: u32s(5, 60), key: 'a', value: 'hello', opaque: 9, cas: 3 })),
      s(answer(1, { opaque: 9, cas: 4 })),
      c(ask(12, { key: 'a', opaque: 10 })),
      s(answer(12, { extras: u32s(5), key: 'a', value: 'hello', opaque: 10, cas: 4 })),
      c(ask(0, { key: 'b', opaque: 11 })),
      s(answer(0, { value: 'Not found', status: 1, opaque: 11 })),
    )
    assert.deepEqual(told[0], {
      request: {
        protocol: 'binary',
        command: 'set',
        key: 'a',
        keys: ['a'],
        flags: 5,
        exptime: 60,
        bytes: 5,
        value: 'hello',
        cas: '3',
        opcode: 'Set',
        opaque: '9',
      },
      response: {
        protocol: 'binary',
        status: 'Success',
        success: true,
        cas: '4',
        opcode: 'Set',
        opaque: '9',
      },
      error: null,
      sizes: [24 + 8 + 1 + 5, 24],
    })
    assert.deepEqual(told[1]?.response, {
      protocol: 'binary',
      status: 'Success',
      success: true,
      value: 'hello',
      values: [{ key: 'a', flags: 5, bytes: 5, cas: '4', value: 'hello' }],
      hits: 1,
      cas: '4',
      opcode: 'GetK',
      opaque: '10',
    })
    assert.deepEqual(told[2]?.response, {
      protocol: 'binary',
      status: 'Key not found',
      statusCode: 1,
      success: true,
      opcode: 'Get',
      opaque: '11',
    })
  })

  test('counts, and fails', () => {
    const told = exchanges(
      c(ask(5, { extras: u32s(0, 3, 0, 7, 60), key: 'n' })),
      s(answer(5, { value: u32s(1, 2) })),
      c(ask(1, { extras: u32s(0, 0), key: 'k', value: 'x' })),
      s(answer(1, { value: 'Too large.', status: 3 })),
      c(ask(11)),
      s(answer(11, { value: '1.6.18' })),
    )
    assert.deepEqual(
      [
        told[0]?.request?.delta,
        told[0]?.request?.initial,
        told[0]?.request?.exptime,
        told[0]?.response?.value,
      ],
      ['3', '7', 60, '4294967298'],
    )
    assert.deepEqual(
      [
        told[1]?.response?.status,
        told[1]?.response?.statusCode,
        told[1]?.response?.success,
        told[1]?.response?.error,
      ],
      ['Value too large', 3, false, 'Too large.'],
    )
    assert.equal(told[2]?.response?.value, '1.6.18')
  })

  test('puts the packets of stats together', () => {
    const stat = (key: string, value: string) => answer(16, { key, value, opaque: 1 })
    const told = exchanges(
      c(ask(16, { opaque: 1 })),
      s(Buffer.concat([stat('pid', '4711'), stat('version', '1.6'), stat('', '')])),
      c(ask(10, { opaque: 2 })),
      s(answer(10, { opaque: 2 })),
    )
    assert.deepEqual(told[0]?.response?.stats, { pid: '4711', version: '1.6' })
    assert.deepEqual([told.length, told[0]?.sizes[1]], [2, 24 + 7 + 24 + 10 + 24])
  })

  test('leaves quiet commands without a reply, unless there is something to tell', () => {
    const quiet = [
      ask(9, { key: 'a', opaque: 1 }),
      ask(9, { key: 'b', opaque: 2 }),
      ask(17, { extras: u32s(0, 0), key: 'c', opaque: 3 }),
    ]
    assert.deepEqual(
      lines(
        c(Buffer.concat([...quiet, ask(20, { key: 'd', opaque: 4 }), ask(10, { opaque: 5 })])),
        s(
          Buffer.concat([
            answer(9, { extras: u32s(0), value: 'x', opaque: 2 }),
            answer(20, { status: 1, opaque: 4 }),
            answer(10, { opaque: 5 }),
          ]),
        ),
      ),
      ['get a =', 'get b = Success', 'set c =', 'delete d = Key not found', 'noop = Success'],
    )
  })

  test('keeps no passwords', () => {
    const told = exchanges(
      c(ask(33, { key: 'PLAIN', value: '\0ann\0secret' })),
      s(answer(33, { value: 'secret', status: 0x21 })),
      c(ask(34, { key: 'PLAIN', value: 'secret' })),
      s(answer(34, { value: 'Auth failure.', status: 0x20 })),
    )
    assert.doesNotMatch(JSON.stringify(told), /secret/)
    assert.deepEqual(
      told.map(({ request, response }) => [request?.command, request?.key, response?.success]),
      [
        ['sasl_auth', 'PLAIN', true],
        ['sasl_step', 'PLAIN', false],
      ],
    )
  })

  test('has room for commands that nobody knows', () => {
    const [told] = exchanges(
      c(ask(0x7f, { key: 'a' })),
      s(answer(0x7f, { status: 0x81, value: 'Unknown command' })),
    )
    assert.deepEqual(
      [told?.request?.command, told?.request?.opcode, told?.response?.status],
      ['unknown', '0x7f', 'Unknown command'],
    )
    assert.equal(read([c(ask(0, { key: 'a' }).with(8, 0xff))]).invalid, 'no message of this protocol')
  })
})

describe('behind many quiet commands', () => {
  for (const count of [255, 256, 1000, 10_000])
    for (const hits of [[], [Math.floor(count / 3), count - 1]]) {
      const indices = Array.from({ length: count }, (_, index) => index)
      const spoken = (told: readonly string[]) => told.filter((line) => !line.endsWith(' ='))

      test(`${count} of text, of which ${hits.length} are answered, their end is found`, () => {
        const asked = indices.map((index) => `mg k${index} q v k\r\n`)
        const answers = hits.map((index) => `VA 1 kk${index}\r\nx\r\n`)
        assert.deepEqual(
          spoken(lines(c(`${asked.join('')}mn\r\nget x\r\n`), s(`${answers.join('')}MN\r\nEND\r\n`))),
          [...hits.map((index) => `mg k${index} = VA`), 'mn = MN', 'get x = END'],
        )
      })

      test(`${count} of binary, of which ${hits.length} are answered, their end is found`, () => {
        const asked = indices.map((opaque) => ask(13, { key: `k${opaque}`, opaque }))
        const answers = hits.map((opaque) => answer(13, { extras: u32s(0), value: 'x', opaque }))
        assert.deepEqual(
          spoken(
            lines(
              c(Buffer.concat([...asked, ask(10, { opaque: count }), ask(0, { key: 'x', opaque: 7 })])),
              s(Buffer.concat([...answers, answer(10, { opaque: count }), answer(0, { opaque: 7 })])),
            ),
          ),
          [...hits.map((index) => `get k${index} = Success`), 'noop = Success', 'get x = Success'],
        )
      })
    }
})

test('a connection that is joined midway shows what it can', () => {
  const told = read([s('VALUE a 0 1\r\nx\r\nEND\r\n'), c('get b\r\n'), s('END\r\n')], undefined, {
    isWhole: false,
  })
  assert.deepEqual(
    told.exchanges.map(({ request, response, error }) => [request?.key, response?.hits, error]),
    [
      [undefined, 1, 'reply without a request'],
      ['b', undefined, null],
    ],
  )
})

test('an entry in a list has the command, the key and the status', () => {
  const row = (request: object | null, response: object | null) =>
    memcached.summarize(request as never, response as never)
  assert.deepEqual(row({ command: 'get', key: 'a"b' }, { status: 'Key not found', statusCode: 1 }), {
    method: 'get',
    methodQuery: 'request.command == "get"',
    summary: 'a"b',
    summaryQuery: 'request.key == "a\\"b"',
    status: 1,
    statusQuery: 'response.statusCode == 1',
  })
  assert.deepEqual(row(null, { status: 'END', statusCode: 0, success: true }), {
    method: 'END',
    methodQuery: 'response.status == "END"',
    summary: '',
    summaryQuery: '',
    status: 0,
    statusQuery: 'response.statusCode == 0 and response.success == true',
  })
  assert.equal(lengthOf(row({ command: 'get', key: 'k'.repeat(300) }, null).summary), 256)
})
