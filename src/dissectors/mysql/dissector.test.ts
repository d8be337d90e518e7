import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Opening } from '../../dissect/dissector.ts'
import { feed } from '../../testing/feed.ts'
import { mysql } from './dissector.ts'
import { MOST_RESULTS } from './reply-parser.ts'
import { LONGEST_QUERY } from './request-parser.ts'
import { LARGEST } from './statements.ts'
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
  greeting,
  LONGEST,
  lenenc,
  login,
  ok,
  PROOF,
  packets,
  prepared,
  query,
  resultSet,
  type Script,
  session,
  textRow,
  u16,
  u32,
} from './test-packets.ts'

type Fields = Readonly<Record<string, unknown>>

/** All that agents can read of what was said. */
function read(script: Script, context = BODIES, opening: Partial<Opening> = {}) {
  const { exchanges, invalid, switched } = feed(mysql, script, context, opening)
  const rows = exchanges.map(({ request, response, error }) => ({
    request: request && fieldsOf(request.message, Object.keys(mysql.request.fields)),
    response: response && fieldsOf(response.message, Object.keys(mysql.response.fields)),
    row: mysql.summarize((request?.message ?? null) as never, (response?.message ?? null) as never),
    sizes: [request?.size ?? 0, response?.size ?? 0],
    error: error?.msg,
  }))
  return { rows, invalid, switched }
}

function fieldsOf(message: object, names: readonly string[]): Fields {
  return Object.fromEntries(names.map((name) => [name, (message as Fields)[name]]))
}

/** The last exchange of a session that begins with a login. */
function last(...script: Script) {
  const { rows, invalid } = read([...session(), ...script])
  assert.equal(invalid, undefined)
  return rows.at(-1) as (typeof rows)[0]
}

const asks = (text: string) => ['client', query(text)] as const
const says = (...payloads: readonly Uint8Array[]) => ['server', packets(1, ...payloads)] as const
const BODIES = { wantsBodies: true, maxBody: 1 << 20 }
const COMPRESS = CAPABILITIES | 0x20
const ZSTD = CAPABILITIES | (1 << 26)
const MIDWAY = { isWhole: false }

describe('a login to MySQL', () => {
  test('is one entry, from the greeting to the answer', () => {
    const { rows } = read(session())
    assert.equal(rows.length, 1)
    const [{ request, response, row, sizes } = assert.fail()] = rows
    assert.deepEqual(request, {
      command: 'Login',
      query: '',
      database: 'shop',
      statementId: 0,
      user: 'app',
      parameters: [],
      queryAttributes: {},
      argument: '',
      authPlugin: 'caching_sha2_password',
      connectionAttributes: { program_name: 'till', _pid: '7' },
      truncated: false,
    })
    assert.deepEqual(
      [response?.command, response?.success, response?.serverVersion, response?.connectionId],
      ['Login', true, '8.0.36', 77],
    )
    assert.deepEqual([row.method, row.summary, row.status], ['Login', 'app', 0])
    assert.deepEqual(sizes, [login().length, greeting().length + packets(2, bytes(1, 3), ok()).length])
  })

  test('shows nothing of the proof that the client knows the password', () => {
    const all = JSON.stringify(
      read([...session(), ['client', command(17, 'a\0', lenenc(PROOF), 'b\0')], says(ok())]),
    )
    assert.equal(all.includes('secret'), false)
    assert.match(all, /COM_CHANGE_USER/)
  })

  test('may take several turns, whose bytes belong to it', () => {
    const more = packets(3, bytes(2))
    const key = packets(5, new Uint8Array(256).fill(3))
    const { rows } = read([
      ['server', greeting()],
      ['client', login()],
      ['server', packets(2, bytes(1, 4))],
      ['client', more],
      ['server', packets(4, bytes(1, '-----BEGIN PUBLIC KEY-----'))],
      ['client', key],
      ['server', packets(6, ok({ database: 'other' }))],
      asks('select 1'),
    ])
    assert.equal(rows[0]?.response?.success, true)
    assert.equal(rows[0]?.sizes[0], login().length + more.length + key.length)
    assert.equal(rows[1]?.request?.database, 'other')
  })

  test('may be sent to another plugin', () => {
    const { rows } = read([
      ['server', greeting()],
      ['client', login()],
      ['server', packets(2, bytes(0xfe, 'mysql_native_password', 0, 'salt'))],
      ['client', packets(3, new Uint8Array(20))],
      ['server', packets(4, ok())],
    ])
    assert.deepEqual(
      rows.map(({ response }) => [response?.success, response?.authPlugin]),
      [[true, 'mysql_native_password']],
    )
  })

  test('that fails has the error', () => {
    const { rows } = read([
      ['server', greeting()],
      ['client', login()],
      ['server', packets(2, error(1045, '28000', "Access denied for user 'app'"))],
    ])
    const { success, errorCode, sqlState, errorMessage } = rows[0]?.response ?? {}
    assert.deepEqual([success, errorCode, sqlState], [false, 1045, '28000'])
    assert.equal(errorMessage, "Access denied for user 'app'")
    assert.deepEqual([rows[0]?.row.status, rows[0]?.row.statusQuery], [1045, 'response.errorCode == 1045'])
  })

  test('is refused before it was sent', () => {
    const { rows } = read([['server', packets(0, bytes(0xff, u16(1040), 'Too many connections'))]])
    assert.deepEqual(
      rows.map(({ request, response, row }) => [request, response?.errorCode, row.method, row.summary]),
      [[null, 1040, 'Login', 'Too many connections']],
    )
  })

  test('may never come', () => {
    const { rows } = read([['server', greeting()]])
    assert.deepEqual(
      rows.map(({ request, response }) => [request, response?.success, response?.serverVersion]),
      [[null, false, '8.0.36']],
    )
  })

  test('goes on in TLS', () => {
    const ssl = packets(1, bytes(u32(CAPABILITIES | 0x800), u32(1 << 24), 45, new Uint8Array(23)))
    const { rows, switched } = read([
      ['server', greeting()],
      ['client', ssl],
    ])
    assert.equal(switched, 'tls')
    assert.deepEqual(
      rows.map(({ request, response, sizes }) => [request?.command, response?.serverVersion, sizes]),
      [['SSLRequest', '8.0.36', [ssl.length, greeting().length]]],
    )
  })

  test('of the time before MySQL 4.1 has fewer fields', () => {
    const { rows } = read([
      ['server', packets(0, bytes(10, '3.23.58', 0, u32(5), 'saltsalt', 0, u16(0x2c)))],
      ['client', packets(1, bytes(u16(0x0d), bytes(0, 0, 0), 'old', 0, 'hash', 0, 'db'))],
      ['server', packets(2, bytes(0, 0, 0))],
      asks('select a from t'),
      says(
        bytes(1),
        bytes(lenenc('t'), lenenc('a'), lenenc(bytes(3, 0, 0)), lenenc(bytes(3)), lenenc(bytes(0, 0))),
        bytes(0xfe),
        textRow('x'),
        bytes(0xfe),
      ),
      asks('nonsense'),
      says(bytes(0xff, u16(1064), 'You have an error')),
    ])
    assert.deepEqual(
      rows.map(({ request, response }) => [
        request?.user,
        request?.database,
        response?.columns,
        response?.rows,
        response?.errorCode,
      ]),
      [
        ['old', 'db', [], [], 0],
        ['old', 'db', ['a'], [['x']], 0],
        ['old', 'db', [], [], 1064],
      ],
    )
  })

  test('of version 9 is a greeting, too', () => {
    const { rows } = read([
      ['server', packets(0, bytes(9, '3.20.1', 0, u32(5), 'saltsalt', 0))],
      ['client', packets(1, bytes(u16(0), bytes(0, 0, 0), 'old', 0, 'hash'))],
      ['server', packets(2, bytes(0, 0, 0))],
    ])
    assert.deepEqual([rows[0]?.response?.serverVersion, rows[0]?.request?.user], ['3.20.1', 'old'])
  })

  test('of a health check ends with the next packet', () => {
    const { rows } = read([
      ['server', greeting()],
      ['client', bytes(packets(1, bytes(u16(0x80), bytes(0, 0, 1), 'haproxy', 0, 0)), command(1))],
      ['server', packets(2, ok())],
    ])
    assert.deepEqual(
      rows.map(({ request, response }) => [request?.command, request?.user, response?.success]),
      [
        ['COM_QUIT', '', undefined],
        ['Login', 'haproxy', true],
      ],
    )
  })

  test('whose fields break off has its user all the same', () => {
    const { rows } = read([
      ['server', greeting()],
      ['client', packets(1, bytes(u32(CAPABILITIES), u32(0), 45, new Uint8Array(23), 'app', 0, 20, 'short'))],
    ])
    assert.deepEqual([rows[0]?.request?.user, rows[0]?.request?.database], ['app', ''])
  })
})

describe('a query of MySQL', () => {
  test('has its text, who sent it and where', () => {
    const { request, row, sizes } = last(asks('select 1,\n  2'), says(ok()))
    assert.deepEqual([request?.command, request?.query], ['COM_QUERY', 'select 1,\n  2'])
    assert.deepEqual([request?.user, request?.database], ['app', 'shop'])
    assert.deepEqual([row.method, row.summary], ['COM_QUERY', 'select 1, 2'])
    assert.equal(row.summaryQuery, 'request.query == "select 1,\\n  2"')
    assert.deepEqual(sizes, [4 + 1 + 13, 4 + 7])
  })

  test('is shown up to 256 characters', () => {
    const { row } = last(asks(`select '${'ü'.repeat(300)}'`), says(ok()))
    assert.equal(row.summary.length, 256)
    assert.match(row.summaryQuery, /^request\.query\.startsWith\("select 'ü+"\)$/)
  })

  test('that changes rows says how many', () => {
    const { response } = last(
      asks('insert …'),
      says(ok({ affected: 3, id: 7, warnings: 1, info: 'Records: 3' })),
    )
    const { success, affectedRows, lastInsertId, warnings, info, rowCount } = response ?? {}
    assert.deepEqual(
      [success, affectedRows, lastInsertId, warnings, info, rowCount],
      [true, 3, 7, 1, 'Records: 3', 0],
    )
  })

  test('that results in rows has columns, rows and their number', () => {
    for (const isDeprecated of [false, true]) {
      const capabilities = isDeprecated ? CAPABILITIES | DEPRECATE_EOF : CAPABILITIES
      const rows = [
        ['1', 'Zoë'],
        ['2', null],
        ['', 'x'.repeat(300)],
      ] as const
      const { rows: read_ } = read([
        ...session({ capabilities }),
        asks('select id, name from t'),
        says(...resultSet(['id', 'name'], rows, { isDeprecated })),
        asks('select id from t where 1=0'),
        says(...resultSet(['id'], [], { isDeprecated })),
      ])
      assert.deepEqual(
        read_.slice(1).map(({ response }) => [response?.columns, response?.rowCount, response?.rows]),
        [
          [['id', 'name'], 3, rows],
          [['id'], 0, []],
        ],
      )
    }
  })

  test('keeps rows as far as there is room, and none when bodies are not wanted', () => {
    const rows = Array.from({ length: 100 }, (_, at) => [`row ${at}`])
    const script = [...session(), asks('select'), says(...resultSet(['a'], rows))] as const
    const few = read(script, { wantsBodies: true, maxBody: 50 }).rows[1]?.response
    assert.deepEqual(
      [few?.rowCount, few?.rows],
      [100, [['row 0'], ['row 1'], ['row 2'], ['row 3'], ['row 4']]],
    )
    const none = read(script, { wantsBodies: false, maxBody: 1 << 20 }).rows[1]?.response
    assert.deepEqual([none?.rowCount, none?.rows, none?.columns], [100, [], ['a']])
  })

  test('may fail before or amid its rows', () => {
    const text = "Unknown column 'x'"
    const before = last(asks('select x'), says(error(1054, '42S22', text)))
    assert.deepEqual([before.response?.errorCode, before.response?.errorMessage], [1054, text])
    const [count, ...rest] = resultSet(['a'], [['1'], ['2']])
    const amid = last(
      asks('select a'),
      says(count as Uint8Array, ...rest.slice(0, -1), error(1317, '70100', 'interrupted')),
    )
    assert.deepEqual(
      [amid.response?.errorCode, amid.response?.rowCount, amid.response?.success],
      [1317, 2, false],
    )
  })

  test('of several statements has several results', () => {
    const more = 2 | 8
    const { response } = last(
      asks('select 1; update t set a = 1; select 2, 3; call p()'),
      says(
        ...resultSet(['1'], [['1']], { status: more }),
        ok({ affected: 2, status: more }),
        ...resultSet(
          ['2', '3'],
          [
            ['2', '3'],
            ['4', '5'],
          ],
          { status: more },
        ),
        ok({ affected: 1, id: 9 }),
      ),
    )
    const { rowCount, affectedRows, lastInsertId, resultCount, columns, resultSets } = response ?? {}
    assert.deepEqual([rowCount, affectedRows, lastInsertId, resultCount, columns], [3, 3, 9, 4, ['1']])
    assert.deepEqual(resultSets, [
      { columns: ['1'], rows: [['1']], rowCount: 1 },
      {
        columns: ['2', '3'],
        rows: [
          ['2', '3'],
          ['4', '5'],
        ],
        rowCount: 2,
      },
    ])
  })

  test('of very many statements counts them all and keeps the first results', () => {
    const count = MOST_RESULTS + 50
    const results = Array.from({ length: count }, (_, at) =>
      resultSet(['a'], [['x']], { status: at < count - 1 ? 10 : 2 }),
    ).flat()
    const { response } = last(asks('select; select; …'), says(...results))
    assert.deepEqual(
      [response?.resultCount, response?.rowCount, (response?.resultSets as unknown[] | undefined)?.length],
      [count, count, MOST_RESULTS],
    )
  })

  test('may have attributes before its text', () => {
    const capabilities = CAPABILITIES | (1 << 27)
    const attributes = bytes(
      2,
      1,
      0,
      1,
      u16(254),
      lenenc('trace'),
      u16(8),
      lenenc('n'),
      lenenc('abc'),
      u32(7),
      u32(0),
    )
    const script = [
      ['client', command(3, attributes, 'select 1')],
      says(ok()),
      ['client', command(3, 0, 1, 'select 2')],
      says(ok()),
    ] as const
    for (const [before, opening] of [
      [session({ capabilities }), {}],
      [[], MIDWAY],
    ] as const) {
      const { rows } = read([...before, ...script], BODIES, opening)
      assert.deepEqual(
        rows.slice(-2).map(({ request }) => [request?.query, request?.queryAttributes]),
        [
          ['select 1', { trace: 'abc', n: '7' }],
          ['select 2', {}],
        ],
      )
    }
  })

  test('keeps what there is room for of a long text, cut between characters', () => {
    const { rows } = read([...session(), asks(`select '${'ü'.repeat(LONGEST_QUERY)}'`), says(ok())], {
      wantsBodies: false,
      maxBody: 0,
    })
    assert.equal(rows[1]?.request?.truncated, true)
    assert.match(String(rows[1]?.request?.query), /^select 'ü+$/)
    assert.equal(Buffer.byteLength(String(rows[1]?.request?.query)), LONGEST_QUERY - 2)
  })

  test('that is not UTF-8 is a character a byte, and ends before a NUL', () => {
    assert.equal(
      last(['client', command(3, 'select ', Buffer.from([0x27, 0xe9, 0x27, 0]))]).request?.query,
      "select 'é'",
    )
  })

  test('may be longer than a packet, and so may a row', () => {
    const text = `select '${'x'.repeat(LONGEST)}'`
    const row = textRow('y'.repeat(200))
    const long = bytes(0xfd, bytes(0xff, 0xff, 0xff), Buffer.alloc(LONGEST, 0x7a))
    const { rows } = read([
      ...session(),
      asks(text),
      ['server', packets(2, ...resultSet(['a'], []).slice(0, -1), row, long, row, eof())],
      asks('select 1'),
      says(ok()),
    ])
    assert.deepEqual(
      rows.slice(1).map(({ request, response, sizes }) => [request?.truncated, response?.rowCount, sizes[0]]),
      [
        [true, 3, text.length + 1 + 8],
        [false, 0, 13],
      ],
    )
  })

  test('that loads a file is answered after the file', () => {
    const file = Array.from({ length: 300 }, (_, at) => packets((at + 2) & 0xff, bytes('line\n')))
    const upload = Buffer.concat([...file, packets(302 & 0xff, bytes())])
    const { rows } = read([
      ...session(),
      asks('load data local infile "f" into table t'),
      says(bytes(0xfb, 'f')),
      ['client', upload],
      ['server', packets(303 & 0xff, ok({ affected: 200, info: 'Records: 300' }))],
      asks('select 1'),
      says(ok()),
    ])
    assert.deepEqual(
      rows.slice(1).map(({ request, response }) => [request?.command, response?.affectedRows]),
      [
        ['COM_QUERY', 200],
        ['COM_QUERY', 0],
      ],
    )
    assert.equal(rows[1]?.sizes[0], query('load data local infile "f" into table t').length + upload.length)
  })

  test('says in MariaDB how far it has come, which is no error', () => {
    const { response } = last(
      asks('alter table t force'),
      says(bytes(0xff, u16(0xffff), 1, 1, 3, bytes(0, 0, 0), lenenc('copy')), ok()),
    )
    assert.deepEqual([response?.success, response?.errorCode], [true, 0])
  })
})

describe('the database of a session', () => {
  const databaseAfter = (...script: Script) => last(...script, asks('select 1'), says(ok())).request?.database

  test('is what it was told to be', () => {
    assert.equal(databaseAfter(), 'shop')
    assert.equal(databaseAfter(['client', command(2, 'other')], says(ok())), 'other')
    assert.equal(
      databaseAfter(['client', command(2, 'nosuch')], says(error(1049, '42000', 'Unknown'))),
      'shop',
    )
    assert.equal(databaseAfter(asks('use `my db`;'), says(ok())), 'my db')
    assert.equal(databaseAfter(asks('use other'), says(error(1049, '42000', 'Unknown'))), 'shop')
    assert.equal(databaseAfter(asks('use x'), says(ok({ database: 'X' }))), 'X')
    assert.equal(databaseAfter(['client', command(17, 'a\0', 0, 'mine\0')], says(ok())), 'mine')
  })
})

describe('a prepared statement of MySQL', () => {
  const time = bytes(12, 1, u32(1), 2, 3, 4, u32(500_000))
  const values = [
    [8, bytes(u32(5), u32(0)), '5'],
    [0x8001, bytes(200), '200'],
    [1, bytes(0xff), '-1'],
    [2, bytes(0xfe, 0xff), '-2'],
    [3, u32(-3), '-3'],
    [0x8008, bytes(u32(-1), u32(-1)), '18446744073709551615'],
    [4, bytes(0, 0, 0xc0, 0x3f), '1.5'],
    [4, bytes(0xcd, 0xcc, 0xcc, 0x3d), '0.1'],
    [5, bytes(0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f), '0.1'],
    [253, lenenc('Zoë'), 'Zoë'],
    [253, null, null],
    [12, bytes(11, u16(2024), 2, 3, 4, 5, 6, u32(7)), '2024-02-03 04:05:06.000007'],
    [7, bytes(4, u16(2024), 2, 3), '2024-02-03 00:00:00'],
    [10, bytes(4, u16(2024), 2, 3), '2024-02-03'],
    [10, bytes(0), '0000-00-00'],
    [11, time, '-26:03:04.500000'],
    [11, bytes(0), '00:00:00'],
    [13, u16(1999), '1999'],
    [6, bytes(), null],
    [245, lenenc('{"a":1}'), '{"a":1}'],
  ] as const
  const sent = values.map(([type, value]) => [type, value] as const)
  const texts = values.map(([, , text]) => text)
  const prepare = (text: string, id: number, parameters: number, ...columns: Uint8Array[]): Script => [
    ['client', command(22, text)],
    says(...prepared(id, parameters, columns)),
  ]

  test('has its text when it is used, and its parameters as text', () => {
    const { rows } = read([
      ...session(),
      ...prepare('insert …', 3, values.length),
      ['client', execute(3, sent)],
      says(ok({ affected: 1 })),
      ['client', command(0x1a, u32(3))],
      says(ok()),
      ['client', command(0x19, u32(3))],
      ['client', execute(3, [])],
      says(error(1243, 'HY000', 'Unknown prepared statement handler')),
    ])
    assert.deepEqual(
      rows
        .slice(1)
        .map(({ request, response }) => [
          request?.command,
          request?.query,
          request?.statementId,
          response?.statementId,
        ]),
      [
        ['COM_STMT_PREPARE', 'insert …', 0, 3],
        ['COM_STMT_EXECUTE', 'insert …', 3, 0],
        ['COM_STMT_RESET', 'insert …', 3, 0],
        ['COM_STMT_CLOSE', 'insert …', 3, undefined],
        ['COM_STMT_EXECUTE', '', 3, 0],
      ],
    )
    assert.deepEqual(
      [rows[1]?.response?.parameterCount, rows[2]?.request?.parameters],
      [values.length, texts],
    )
  })

  test('has binary rows, read by the types of the columns', () => {
    for (const isDeprecated of [false, true]) {
      const flags = (type: number) => ({ flags: type >= 0x8000 ? 0x20 : 0, decimals: 31 })
      const columns = values.map(([type], at) => column(`c${at}`, type & 0xff, flags(type)))
      const nulls = new Uint8Array((values.length + 9) >> 3)
      for (const [at, text] of texts.entries())
        if (text === null) nulls[(at + 2) >> 3] = (nulls[(at + 2) >> 3] ?? 0) | (1 << ((at + 2) & 7))
      const row = bytes(0, nulls, ...values.map(([, value]) => value ?? bytes()))
      const end = isDeprecated ? [ok({ header: 0xfe })] : [eof()]
      const { rows } = read([
        ...session({ capabilities: isDeprecated ? CAPABILITIES | DEPRECATE_EOF : CAPABILITIES }),
        ['client', command(22, 'select * from t where a = ?')],
        says(...prepared(1, 1, columns, isDeprecated)),
        ['client', execute(1, [[253, lenenc('x')]])],
        says(bytes(values.length), ...columns, ...(isDeprecated ? [] : end), row, row, ...end),
      ])
      assert.deepEqual([rows[2]?.response?.rowCount, rows[2]?.response?.rows], [2, [texts, texts]])
    }
  })

  test('prints seconds with as many digits as the column has', () => {
    const columns = [column('a', 11, { decimals: 1 }), column('b', 12, { decimals: 3 }), column('c', 12)]
    const day = bytes(u16(2024), 2, 3, 4, 5, 6)
    const row = bytes(0, 0, time, bytes(7, day), bytes(11, day, u32(7)))
    const { response } = last(
      ...prepare('select', 1, 0, ...columns),
      ['client', execute(1, [])],
      says(bytes(3), ...columns, eof(), row, eof()),
    )
    assert.deepEqual(response?.rows, [['-26:03:04.5', '2024-02-03 04:05:06.000', '2024-02-03 04:05:06']])
  })

  test('need not tell the types of its parameters again', () => {
    const again = command(0x17, u32(1), 0, u32(1), 0, 0, lenenc('second'))
    const { rows } = read([
      ...session(),
      ...prepare('select ?', 1, 1),
      ['client', execute(1, [[253, lenenc('first')]])],
      says(ok()),
      ['client', again],
      says(ok()),
      ['client', again],
      says(ok()),
    ])
    assert.deepEqual(
      rows.slice(2).map(({ request }) => request?.parameters),
      [['first'], ['second'], ['second']],
    )
  })

  test('may get long values in advance', () => {
    const { rows } = read([
      ...session(),
      ...prepare('insert', 1, 2),
      ['client', command(0x18, u32(1), u16(1), 'x'.repeat(100_000))],
      ['client', command(0x17, u32(1), 0, u32(1), 0, 1, u16(253), u16(252), lenenc('a'))],
      says(ok()),
      [
        'client',
        execute(1, [
          [253, lenenc('a')],
          [253, lenenc('b')],
        ]),
      ],
      says(ok()),
    ])
    assert.deepEqual(
      rows.slice(2).map(({ request }) => [request?.command, request?.argument, request?.parameters]),
      [
        ['COM_STMT_SEND_LONG_DATA', '1', []],
        ['COM_STMT_EXECUTE', '', ['a', '(sent before)']],
        ['COM_STMT_EXECUTE', '', ['a', 'b']],
      ],
    )
  })

  test('may be run before the server has given it a number (MariaDB)', () => {
    const { rows } = read([
      ...session(),
      ['client', bytes(command(22, 'select ?'), execute(0xffffffff, [[253, lenenc('now')]]))],
      says(...prepared(5, 1, [column('?')])),
      says(bytes(1), column('?'), eof(), bytes(0, 0, lenenc('now')), eof()),
      ['client', command(0x17, u32(5), 0, u32(1), 0, 0, lenenc('later'))],
      says(ok()),
    ])
    assert.deepEqual(
      rows
        .slice(2)
        .map(({ request, response }) => [
          request?.query,
          request?.statementId,
          request?.parameters,
          response?.rows,
        ]),
      [
        ['select ?', 5, ['now'], [['now']]],
        ['select ?', 5, ['later'], []],
      ],
    )
  })

  test('may be run with many rows of parameters at once (MariaDB)', () => {
    const { request, response } = last(
      ...prepare('insert', 2, 2),
      ['client', command(0xfa, u32(2), u16(128), u16(253), u16(3), 0, lenenc('a'), 0, u32(1), 1, 2)],
      says(ok({ affected: 2 })),
    )
    assert.deepEqual(
      [request?.command, request?.parameters, response?.affectedRows],
      ['COM_STMT_BULK_EXECUTE', ['a', '1', null, '(default)'], 2],
    )
  })

  test('may open a cursor whose rows are fetched', () => {
    for (const isDeprecated of [false, true]) {
      const columns = [column('a')]
      const end = (status: number) => (isDeprecated ? ok({ header: 0xfe, status }) : eof(status))
      const row = bytes(0, 0, lenenc('x'))
      const { rows } = read([
        ...session({ capabilities: isDeprecated ? CAPABILITIES | DEPRECATE_EOF : CAPABILITIES }),
        ['client', command(22, 'select a')],
        says(...prepared(1, 0, columns, isDeprecated)),
        ['client', command(0x17, u32(1), 1, u32(1))],
        says(bytes(1), ...columns, end(0x42)),
        ['client', command(0x1c, u32(1), u32(2))],
        says(row, row, end(0x42)),
        ['client', command(0x1c, u32(1), u32(2))],
        says(end(0x82)),
      ])
      assert.deepEqual(
        rows.slice(2).map(({ request, response }) => [request?.command, response?.success, response?.rows]),
        [
          ['COM_STMT_EXECUTE', true, []],
          ['COM_STMT_FETCH', true, [['x'], ['x']]],
          ['COM_STMT_FETCH', true, []],
        ],
      )
    }
  })

  test('has the columns that it was prepared with where a result leaves them out', () => {
    const columns = [column('a')]
    const { response } = last(
      ...prepare('select a', 1, 0, ...columns),
      ['client', execute(1, [])],
      says(bytes(1, 0), eof(), bytes(0, 0, lenenc('x')), eof()),
    )
    assert.deepEqual([response?.columns, response?.rows], [['a'], [['x']]])
  })

  test('has attributes of the query after its parameters', () => {
    const capabilities = CAPABILITIES | (1 << 27)
    const types = bytes(u16(253), 0, u16(253), lenenc('trace'))
    const { rows } = read([
      ...session({ capabilities }),
      ...prepare('select ?', 1, 1),
      ['client', command(0x17, u32(1), 8, u32(1), 2, 0, 1, types, lenenc('p'), lenenc('abc'))],
      says(ok()),
    ])
    assert.deepEqual(
      [rows[2]?.request?.parameters, rows[2]?.request?.queryAttributes],
      [['p'], { trace: 'abc' }],
    )
  })

  test('is forgotten when many others came since', () => {
    const long = `select '${'x'.repeat(1000)}'`
    const script = Array.from({ length: 2000 }, (_, at) => prepare(long, at + 1, 0)).flat()
    const { rows } = read([
      ...session(),
      ...script,
      ['client', execute(2000, [])],
      says(ok()),
      ['client', execute(1, [])],
      says(ok()),
    ])
    assert.ok(2000 * long.length > LARGEST)
    assert.deepEqual(
      rows.slice(-2).map(({ request }) => request?.query),
      [long, ''],
    )
  })

  test('has no parameters where they cannot be known', () => {
    const { rows } = read([['client', execute(9, [[253, lenenc('a')]])], says(ok())], BODIES, MIDWAY)
    assert.deepEqual(
      rows.map(({ request }) => [request?.statementId, request?.query, request?.parameters]),
      [[9, '', []]],
    )
  })
})

describe('other commands of MySQL', () => {
  test('have the replies that they have', () => {
    const field = column('a')
    const { rows, invalid } = read([
      ...session(),
      ['client', command(14)],
      says(ok()),
      ['client', command(9)],
      says(bytes('Uptime: 5  Threads: 1')),
      ['client', command(4, 't\0', '%')],
      says(field, field, eof()),
      ['client', command(27, u16(1))],
      says(eof()),
      ['client', command(13)],
      says(ok({ header: 0xfe })),
      ['client', command(12, u32(99))],
      says(error(1094, 'HY000', 'Unknown thread id: 99')),
      ['client', command(10)],
      says(...resultSet(['Id'], [['1']])),
      ['client', command(31)],
      says(ok()),
      ['client', command(1)],
    ])
    assert.equal(invalid, undefined)
    assert.deepEqual(
      rows
        .slice(1)
        .map(({ request, response }) => [
          request?.command,
          request?.argument,
          response?.success,
          response?.info,
          response?.columns,
        ]),
      [
        ['COM_PING', '', true, '', []],
        ['COM_STATISTICS', '', true, 'Uptime: 5  Threads: 1', []],
        ['COM_FIELD_LIST', 't', true, '', ['a', 'a']],
        ['COM_SET_OPTION', '1', true, '', []],
        ['COM_DEBUG', '', true, '', []],
        ['COM_PROCESS_KILL', '99', false, '', []],
        ['COM_PROCESS_INFO', '', true, '', ['Id']],
        ['COM_RESET_CONNECTION', '', true, '', []],
        ['COM_QUIT', '', undefined, undefined, undefined],
      ],
    )
  })

  test('stream events that are counted, and acknowledged', () => {
    const { rows } = read([
      ...session(),
      ['client', command(18, u32(4), u16(0), u32(2), 'bin.000001')],
      says(bytes(0, new Uint8Array(60)), bytes(0, new Uint8Array(300))),
      ['client', command(0xef, new Uint8Array(8), 'bin.000001')],
      ['server', packets(3, bytes(0, new Uint8Array(60)), eof())],
      ['client', command(1)],
    ])
    assert.deepEqual(
      rows
        .slice(1)
        .map(({ request, response }) => [
          request?.command,
          request?.argument,
          response?.success,
          response?.rowCount,
        ]),
      [
        ['COM_BINLOG_DUMP', 'bin.000001', true, 3],
        ['COM_QUIT', '', undefined, undefined],
      ],
    )
  })

  test('may be sent ahead, and are answered in order', () => {
    const { rows } = read([
      ...session(),
      ['client', bytes(query('select 1'), query('select 2'), command(14))],
      [
        'server',
        bytes(packets(1, ok({ affected: 1 })), packets(1, error(1054, '42S22', 'x')), packets(1, ok())),
      ],
    ])
    assert.deepEqual(
      rows
        .slice(1)
        .map(({ request, response }) => [request?.query, response?.affectedRows, response?.errorCode]),
      [
        ['select 1', 1, 0],
        ['select 2', 0, 1054],
        ['', 0, 0],
      ],
    )
  })

  test('may be answered before all of them has come', () => {
    const insert = query(`insert ${'x'.repeat(5000)}`)
    const { rows } = read([
      ...session(),
      ['client', insert.subarray(0, 3000)],
      says(error(1153, '08S01', 'Got a packet bigger than max_allowed_packet bytes')),
      ['client', insert.subarray(3000)],
      asks('select 1'),
      says(ok()),
    ])
    assert.deepEqual(
      rows.slice(1).map(({ request, response }) => [String(request?.query).slice(0, 8), response?.errorCode]),
      [
        ['insert x', 1153],
        ['select 1', 0],
      ],
    )
  })

  test('that are none end the reading', () => {
    for (const bad of [command(200), command(14, 'x'), command(0x17, u32(1)), packets(0, bytes())])
      assert.equal(read([...session(), ['client', bad]]).invalid, 'not a command')
    assert.equal(
      read([...session(), asks('select 1'), ['server', packets(3, ok())]]).invalid,
      'not the beginning of a reply',
    )
    assert.equal(
      read([...session(), asks('select 1'), ['server', bytes(packets(1, bytes(1)), packets(3, column('a')))]])
        .invalid,
      'out of order',
    )
  })

  test('may be answered without being asked: why a connection is closed', () => {
    const { rows } = read([
      ...session(),
      ['server', packets(0, error(4031, 'HY000', 'disconnected because of inactivity'))],
    ])
    assert.deepEqual(
      [rows[1]?.request, rows[1]?.response?.errorCode, rows[1]?.row.summary],
      [null, 4031, 'disconnected because of inactivity'],
    )
  })
})

describe('compressed MySQL', () => {
  const rows = Array.from({ length: 200 }, (_, at) => [`some text ${at}`])
  const result = packets(1, ...resultSet(['a'], rows))
  const again = query('select a, a from t where a like "%long enough to be compressed%"')

  test('is read in frames after the login', () => {
    for (const [capabilities, how] of [
      [COMPRESS, 'zlib'],
      [ZSTD, 'zstd'],
    ] as const) {
      const half = result.length >> 1
      const { rows: seen, invalid } = read([
        ...session({ capabilities }),
        ['client', frame(0, query('select a'), 'plain')],
        [
          'server',
          bytes(
            frame(1, result.subarray(0, half), how),
            frame(2, result.subarray(half, half + 7), 'plain'),
            frame(3, result.subarray(half + 7), how),
          ),
        ],
        ['client', frame(0, again, how)],
        ['server', frame(1, packets(1, ok({ affected: 4 })), 'plain')],
      ])
      assert.equal(invalid, undefined)
      assert.deepEqual(
        seen
          .slice(1)
          .map(({ request, response }) => [request?.query, response?.rowCount, response?.affectedRows]),
        [
          ['select a', 200, 0],
          [again.toString().slice(5), 0, 4],
        ],
      )
    }
  })

  test('is recognised in the middle of a connection', () => {
    const { rows: seen } = read(
      [
        ['client', frame(0, again, 'zlib')],
        ['server', frame(1, result, 'zlib')],
        ['client', frame(0, query('select 1'), 'plain')],
        ['server', frame(1, packets(1, ok()), 'plain')],
      ],
      BODIES,
      MIDWAY,
    )
    assert.deepEqual(
      seen.map(({ request, response }) => [String(request?.query).slice(0, 8), response?.rowCount]),
      [
        ['select a', 200],
        ['select 1', 0],
      ],
    )
  })

  test('may have frames longer than are held, where nothing begins in them', () => {
    const noise = Buffer.from(
      Array.from({ length: 3_000_000 }, (_, at) => (at * 7919 * (at % 101)) >>> 3).map((each) => each & 0xff),
    )
    const value = bytes(
      0xfd,
      bytes(noise.length & 0xff, (noise.length >> 8) & 0xff, noise.length >> 16),
      noise,
    )
    const [count, definition, end] = resultSet(['a'], [])
    const reply = packets(1, count as Uint8Array, definition as Uint8Array, end as Uint8Array, value, eof())
    const long = frame(1, reply.subarray(0, reply.length - 9), 'zlib')
    assert.ok(long.length > 2 << 20)
    const { rows: seen, invalid } = read([
      ...session({ capabilities: COMPRESS }),
      ['client', frame(0, query('select a'), 'plain')],
      ['server', bytes(long, frame(2, reply.subarray(reply.length - 9), 'plain'))],
    ])
    assert.equal(invalid, undefined)
    assert.deepEqual([seen[1]?.response?.rowCount, seen[1]?.response?.success], [1, true])
  })

  test('becomes 200 times as much and 256 KiB at most, or passes by where nothing begins in it', () => {
    const many = 3_000_000
    const value = bytes(0xfd, u32(many).subarray(0, 3), 'x'.repeat(many))
    const [count, definition, end] = resultSet(['a'], []) as [Uint8Array, Uint8Array, Uint8Array]
    const reply = packets(1, count, definition, end, value, eof())
    const ends = reply.length - 9
    const begins = ends - many
    for (const [capabilities, how] of [
      [COMPRESS, 'zlib'],
      [ZSTD, 'zstd'],
    ] as const) {
      const asked: Script = [
        ...session({ capabilities }),
        ['client', frame(0, query('select a'), 'plain')],
        ['server', frame(1, reply.subarray(0, begins), 'plain')],
      ]
      const { rows: seen, invalid } = read([
        ...asked,
        [
          'server',
          bytes(frame(2, reply.subarray(begins, ends), how), frame(3, reply.subarray(ends), 'plain')),
        ],
      ])
      assert.equal(invalid, undefined)
      assert.deepEqual([seen[1]?.response?.rowCount, seen[1]?.response?.success], [1, true])
      assert.equal(
        read([...asked, ['server', frame(2, reply.subarray(begins), how)]]).invalid,
        'a frame longer than is held',
      )
    }
  })

  test('that is broken, or becomes more than it says, ends the reading', () => {
    const good = frame(0, again, 'zlib')
    const bad = Buffer.from(good)
    bad[20] = (bad[20] ?? 0) ^ 0xff
    const more = Buffer.from(good)
    more[4] = 40
    for (const each of [bad, more])
      assert.equal(
        read([...session({ capabilities: COMPRESS }), ['client', each]]).invalid,
        'a frame that cannot be decompressed',
      )
  })
})

describe('MariaDB’s extended metadata', () => {
  test('is stepped over, also where it looks like something else', () => {
    for (const extended of ['\x00\x04json', '\x00\x0atwelvechar'])
      for (const opening of [{}, MIDWAY]) {
        const columns = [column('a', 3, { extended })]
        const { rows } = read(
          [
            ...(opening === MIDWAY ? [] : session({ capabilities: CAPABILITIES & ~1, extended: 8 })),
            ['client', command(22, 'select a')],
            says(...prepared(1, 0, columns)),
            ['client', execute(1, [])],
            says(bytes(1), ...columns, eof(), bytes(0, 0, u32(5)), eof()),
          ],
          BODIES,
          opening,
        )
        assert.deepEqual([rows.at(-1)?.response?.columns, rows.at(-1)?.response?.rows], [['a'], [['5']]])
      }
  })
})

describe('MySQL from the middle of a connection', () => {
  const seen = (script: Script) =>
    read(script, BODIES, MIDWAY).rows.map(({ request, response }) => [
      request?.query ?? null,
      response?.rowCount ?? null,
    ])

  test('finds out whether columns end with an EOF', () => {
    for (const isDeprecated of [false, true])
      assert.deepEqual(
        seen([
          ['client', command(22, 'select a where b = ?')],
          says(...prepared(1, 1, [column('a')], isDeprecated)),
          ['client', execute(1, [])],
          says(...resultSet(['a'], [['\0x']], { isDeprecated })),
          asks('select 1'),
          says(...resultSet(['a'], [], { isDeprecated })),
        ]),
        [
          ['select a where b = ?', 0],
          ['select a where b = ?', 1],
          ['select 1', 0],
        ],
      )
  })

  test('lets an EOF pass that comes where none had to be', () => {
    const [head, parameter] = prepared(1, 1, [])
    assert.deepEqual(
      seen([
        ['client', command(22, 'set @a = ?')],
        ['server', packets(1, head as Uint8Array, parameter as Uint8Array)],
        ['server', packets(3, eof())],
        asks('select 1'),
        says(ok()),
        ['client', command(22, 'set @b = ?')],
        says(...prepared(2, 1, [])),
      ]),
      [
        ['set @a = ?', 0],
        ['select 1', 0],
        ['set @b = ?', 0],
      ],
    )
  })

  test('reads replies to what was asked before', () => {
    for (const [reply, rowCount] of [
      [resultSet(['a'], [['x'], ['y']]), 2],
      [[ok()], 0],
      [[error(1054, '42S22', 'x')], 0],
      [prepared(4, 2, [column('a')]), 0],
    ] as const)
      assert.deepEqual(seen([says(...reply), asks('select 1'), says(ok())]), [
        [null, rowCount],
        ['select 1', 0],
      ])
  })

  test('begins with a login whose greeting was not seen', () => {
    const { rows } = read(
      [
        ['client', login({ capabilities: CAPABILITIES | DEPRECATE_EOF })],
        ['server', packets(2, ok())],
        asks('select 1'),
        says(...resultSet(['a'], [['x']])),
      ],
      BODIES,
      MIDWAY,
    )
    assert.deepEqual(
      rows.map(({ request, response }) => [
        request?.command,
        request?.user,
        response?.success,
        response?.rowCount,
      ]),
      [
        ['Login', 'app', true, 0],
        ['COM_QUERY', 'app', true, 1],
      ],
    )
  })
})

describe('bytes of MySQL that were lost', () => {
  const row = bytes(0xfd, bytes(0, 0, 1), Buffer.alloc(0x10000, 0x78))
  const reply = packets(1, ...resultSet(['a'], []).slice(0, -1), row, row, eof())

  test('amid a row leave the rest readable', () => {
    const { exchanges } = feed(
      mysql,
      [
        ...session(),
        asks('select a'),
        ['server', reply.subarray(0, 3000)],
        ['server', 10_000],
        ['server', reply.subarray(13_000)],
      ],
      { wantsBodies: false, maxBody: 0 },
    )
    const { success, rowCount, incomplete } = (exchanges[1]?.response?.message ?? {}) as Fields
    assert.deepEqual(
      [success, rowCount, incomplete, exchanges[1]?.response?.size],
      [true, 2, true, reply.length],
    )
  })

  test('amid a query leave its reply', () => {
    const insert = query(`insert ${'x'.repeat(500_000)}`)
    const { exchanges } = feed(mysql, [
      ...session(),
      ['client', insert.subarray(0, 3000)],
      ['client', 10_000],
      ['client', insert.subarray(13_000)],
      says(ok({ affected: 1 })),
    ])
    const { request, response } = exchanges[1] ?? {}
    assert.deepEqual(
      [request?.size, (request?.message as Fields | undefined)?.truncated],
      [insert.length, true],
    )
    assert.equal((response?.message as Fields | undefined)?.affectedRows, 1)
  })
})
