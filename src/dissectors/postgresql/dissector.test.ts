import assert from 'node:assert/strict'
import { describe as group, test } from 'node:test'
import { AT_THE_START, type Chunk } from '../../testing/feed.ts'
import { postgresql } from './dissector.ts'
import {
  authentication,
  bind,
  bound,
  c,
  close,
  closed,
  columns,
  describe,
  exchanges,
  execute,
  failure,
  flush,
  keyData,
  lines,
  m,
  noData,
  notice,
  parse,
  parsed,
  query,
  read,
  ready,
  row,
  s,
  setting,
  startup,
  suspended,
  sync,
  tag,
  terminate,
  u16s,
  u32s,
  untyped,
  values,
} from './test-messages.ts'

const SSL = untyped(80877103)
const login = startup('user', 'ann', 'database', 'shop', 'application_name', 'psql')

const lengthOf = (value: unknown) => (value as string | readonly unknown[]).length

group('the start of a connection', () => {
  test('tells user and database, and with SCRAM what is asked and proved, but no proof', () => {
    const told = exchanges(
      c(login),
      s(authentication(10, 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', '')),
      c(m('p', 'SCRAM-SHA-256', u32s(14), Buffer.from('n,,n=,r=secret'))),
      s(authentication(11, Buffer.from('r=secret,s=secret,i=4096'))),
      c(m('p', Buffer.from('c=biws,r=secret,p=secret'))),
      s(authentication(12, Buffer.from('v=secret')), authentication(0)),
      s(setting('server_version', '17.2'), keyData(4711), ready()),
      c(terminate),
    )
    assert.deepEqual(told[0]?.request, {
      command: 'StartupMessage',
      database: 'shop',
      user: 'ann',
      options: { user: 'ann', database: 'shop', application_name: 'psql' },
      protocolVersion: '3.0',
    })
    assert.deepEqual(told[0]?.response, {
      type: 'AuthenticationSASL',
      success: true,
      authentication: 'SASL',
      mechanisms: ['SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'],
    })
    assert.deepEqual(told[1]?.request, {
      command: 'SASLInitialResponse',
      database: 'shop',
      user: 'ann',
      mechanism: 'SCRAM-SHA-256',
    })
    assert.deepEqual(told[2]?.response, {
      type: 'AuthenticationOk',
      success: true,
      transaction: 'idle',
      authentication: 'Ok',
      parameters: { server_version: '17.2' },
      processId: 4711,
    })
    assert.deepEqual(
      told.map(({ request }) => request?.command),
      ['StartupMessage', 'SASLInitialResponse', 'SASLResponse', 'Terminate'],
    )
    assert.doesNotMatch(JSON.stringify(told), /secret|24437/)
  })

  test('with a password shows that there is one', () => {
    for (const [kind, name] of [
      [3, 'CleartextPassword'],
      [5, 'MD5Password'],
    ] as const) {
      const told = exchanges(
        c(startup('user', 'ann')),
        s(authentication(kind, ...(kind === 5 ? [u32s(1)] : []))),
        c(m('p', 'geheim')),
        s(failure('28P01', 'password authentication failed', 'FATAL')),
      )
      assert.equal(told[0]?.response?.authentication, name)
      assert.deepEqual(told[1]?.request, { command: 'PasswordMessage', database: 'ann', user: 'ann' })
      assert.deepEqual([told[1]?.response?.errorCode, told[1]?.response?.severity], ['28P01', 'FATAL'])
      assert.doesNotMatch(JSON.stringify(told), /geheim/)
    }
  })

  test('with GSSAPI, and with trust', () => {
    assert.deepEqual(
      lines(
        c(login),
        s(authentication(7)),
        c(m('p', Buffer.from('token'))),
        s(authentication(8, Buffer.from('token'))),
        c(m('p', Buffer.from('token'))),
        s(authentication(0), ready()),
      ),
      [
        'StartupMessage = AuthenticationGSS',
        'GSSResponse = AuthenticationGSSContinue',
        'GSSResponse = AuthenticationOk',
      ],
    )
    assert.deepEqual(lines(c(login), s(authentication(0), ready())), ['StartupMessage = AuthenticationOk'])
  })

  test('of version 3.2 may be negotiated down, and has longer keys', () => {
    assert.deepEqual(
      exchanges(
        c(untyped(0x30002, 'user', 'ann', '_pq_.test', 'on', '')),
        s(m('v', u32s(0, 1), '_pq_.test'), authentication(0), m('K', u32s(5), Buffer.alloc(32)), ready()),
      ).map(({ request, response }) => [request?.protocolVersion, response?.processId]),
      [['3.2', 5]],
    )
  })

  test('may ask for TLS, which is read from then on', () => {
    const accepted = read([c(SSL), s(Buffer.from('S\x16\x03\x03'))])
    assert.deepEqual([accepted.exchanges[0]?.response?.type, accepted.switched], ['Accepted', 'tls'])
    assert.equal(read([c(untyped(80877104)), s(Buffer.from('G'))]).switched, 'gssapi')
  })

  test('goes on in the open when that is refused', () => {
    const told = read([
      c(untyped(80877104)),
      s(Buffer.from('N')),
      c(SSL),
      s(Buffer.from('N')),
      c(login),
      s(authentication(0), ready()),
    ])
    assert.deepEqual(
      told.exchanges.map(({ request, response }) => [request?.command, response?.type]),
      [
        ['GSSENCRequest', 'Refused'],
        ['SSLRequest', 'Refused'],
        ['StartupMessage', 'AuthenticationOk'],
      ],
    )
    assert.equal(told.switched, undefined)
    assert.deepEqual(lines(c(SSL), s(failure('08P01', 'unsupported frontend protocol', 'FATAL'))), [
      'SSLRequest = ErrorResponse 08P01',
    ])
  })

  test('may cancel the query of another one', () => {
    assert.deepEqual(exchanges(c(untyped(80877102, u32s(4711, 99)))), [
      { request: { command: 'CancelRequest', processId: 4711 }, response: null, error: null, sizes: [16, 0] },
    ])
  })
})

group('a simple query', () => {
  test('has its reply up to ReadyForQuery', () => {
    const [told] = exchanges(
      c(query('select id, name from t')),
      s(columns(['id', 23], ['name', 25]), row('1', 'grüße'), row('2', null), tag('SELECT 2'), ready('T')),
    )
    assert.deepEqual(told, {
      request: { command: 'Query', query: 'select id, name from t' },
      response: {
        type: 'CommandComplete',
        success: true,
        commandTag: 'SELECT 2',
        commandTags: ['SELECT 2'],
        rowCount: 2,
        columns: ['id', 'name'],
        columnTypes: ['int4', 'text'],
        rows: [
          ['1', 'grüße'],
          ['2', null],
        ],
        transaction: 'transaction',
      },
      error: null,
      sizes: [28, 53 + 21 + 16 + 14 + 6],
    })
  })

  test('of several statements has all their tags, and the rows of all are counted', () => {
    const [told] = exchanges(
      c(query('insert …; select 1; begin')),
      s(tag('INSERT 0 3'), columns(['a', 23]), row('1'), tag('SELECT 1'), tag('BEGIN'), ready('T')),
    )
    assert.deepEqual(
      [told?.response?.commandTags, told?.response?.commandTag, told?.response?.rowCount],
      [['INSERT 0 3', 'SELECT 1', 'BEGIN'], 'BEGIN', 4],
    )
  })

  test('that fails says how', () => {
    const fields = ['DKey (id)=(1) already exists.', 'Hthink', 'P15', 'tt', 'nt_pkey']
    const [told] = exchanges(
      c(query('insert into t values (1)')),
      s(notice('careful'), failure('23505', 'duplicate key', 'ERROR', fields), ready('E')),
    )
    assert.deepEqual(told?.response, {
      type: 'ErrorResponse',
      success: false,
      errorCode: '23505',
      errorMessage: 'duplicate key',
      severity: 'ERROR',
      detail: 'Key (id)=(1) already exists.',
      hint: 'think',
      position: 15,
      errorFields: {
        S: 'ERROR',
        V: 'ERROR',
        C: '23505',
        M: 'duplicate key',
        D: 'Key (id)=(1) already exists.',
        H: 'think',
        P: '15',
        t: 't',
        n: 't_pkey',
      },
      transaction: 'failed',
      notices: [{ severity: 'NOTICE', code: '00000', message: 'careful' }],
    })
  })

  test('may be empty, and may be sent before the one before is answered', () => {
    assert.deepEqual(
      lines(
        c(query(''), query('select 1'), query('nonsense'), query('select 2')),
        s(m('I'), ready(), columns(['a', 23]), row('1'), tag('SELECT 1'), ready()),
        s(failure('42601', 'syntax error'), ready(), columns(['a', 23]), row('2'), tag('SELECT 1'), ready()),
      ),
      [
        'Query = EmptyQueryResponse',
        'Query select 1 = CommandComplete SELECT 1',
        'Query nonsense = ErrorResponse 42601',
        'Query select 2 = CommandComplete SELECT 1',
      ],
    )
  })

  test('keeps the first of many rows, when bodies are kept, and counts them all', () => {
    const rows = Array.from({ length: 250 }, (_, index) => row(String(index)))
    const reply = s(columns(['a', 23]), ...rows, m('C', 'FETCH'), ready())
    const [kept] = read([c(query('fetch all from x')), reply]).exchanges
    assert.deepEqual([lengthOf(kept?.response?.rows), kept?.response?.rowCount], [100, 250])
    const [bare] = read([c(query('fetch all from x')), reply], {
      wantsBodies: false,
      maxBody: 1 << 20,
    }).exchanges
    assert.deepEqual([bare?.response?.rows, bare?.response?.rowCount], [undefined, 250])
    const [few] = read([c(query('fetch all from x')), reply], { wantsBodies: true, maxBody: 20 }).exchanges
    assert.equal(lengthOf(few?.response?.rows), 2)
  })

  test('keeps no row that is longer than 64 KiB, whether something came before it or not', () => {
    const rows = [row('x'.repeat(100_000), 'second'), row('1', '2')]
    const plain = exchanges(
      c(query('select a, b')),
      s(columns(['a', 25], ['b', 25]), ...rows, tag('SELECT 2'), ready()),
    )
    const extended = exchanges(
      c(parse('', 'select a, b'), bind('', ''), execute(), sync),
      s(parsed, bound, ...rows, tag('SELECT 2'), ready()),
    )
    for (const response of [plain[0]?.response, extended[2]?.response])
      assert.deepEqual([response?.rows, response?.rowCount], [[['1', '2']], 2])
  })

  test('that is long is kept as far as 64 KiB', () => {
    const [told, next] = exchanges(
      c(query(`select '${'x'.repeat(100_000)}'`), query('select 1')),
      s(tag('SELECT 1'), ready(), tag('SELECT 1'), ready()),
    )
    assert.deepEqual([lengthOf(told?.request?.query), told?.sizes[0]], [65_536, 100_015])
    assert.equal(next?.request?.query, 'select 1')
  })
})

group('the extended protocol', () => {
  test('shows each message with its reply, and what it is about', () => {
    const told = exchanges(
      c(
        parse('s1', 'select * from t where id = $1 and name = $2', 23, 0),
        bind('p1', 's1', values(u32s(-7), 'x'), [1, 0], [1]),
        describe('P', 'p1'),
        execute('p1', 50),
        sync,
      ),
      s(parsed, bound, columns(['id', 23, 1], ['ok', 16, 1])),
      s(row(u32s(42), Buffer.from([1])), suspended, ready('T')),
      c(execute('p1', 50), close('P', 'p1'), close('S', 's1'), sync),
      s(tag('SELECT 0'), closed, closed, ready()),
    )
    const about = { query: 'select * from t where id = $1 and name = $2', statement: 's1' }
    const types = { parameterTypes: ['int4', ''] }
    const portal = { ...about, portal: 'p1', parameters: ['-7', 'x'], ...types }
    assert.deepEqual(
      told.map(({ request }) => request),
      [
        { command: 'Parse', ...about, ...types },
        { command: 'Bind', ...portal },
        { command: 'Describe', ...portal },
        { command: 'Execute', ...portal, maxRows: 50 },
        { command: 'Sync' },
        { command: 'Execute', ...portal, maxRows: 50 },
        { command: 'Close', ...portal },
        { command: 'Close', ...about, ...types },
        { command: 'Sync' },
      ],
    )
    const described = { columns: ['id', 'ok'], columnTypes: ['int4', 'bool'] }
    assert.deepEqual(
      told.map(({ response }) => response),
      [
        { type: 'ParseComplete', success: true },
        { type: 'BindComplete', success: true },
        { type: 'RowDescription', success: true, ...described },
        { type: 'PortalSuspended', success: true, rowCount: 1, ...described, rows: [['42', 't']] },
        { type: 'ReadyForQuery', success: true, transaction: 'transaction' },
        {
          type: 'CommandComplete',
          success: true,
          commandTag: 'SELECT 0',
          commandTags: ['SELECT 0'],
          ...described,
        },
        { type: 'CloseComplete', success: true },
        { type: 'CloseComplete', success: true },
        { type: 'ReadyForQuery', success: true, transaction: 'idle' },
      ],
    )
  })

  test('remembers what the server says of parameters and columns for the next time', () => {
    const told = exchanges(
      c(parse('s', 'select a from t where b = $1'), describe('S', 's'), sync),
      s(parsed, m('t', u16s(1), u32s(20)), columns(['a', 1700]), ready()),
      c(bind('', 's', values(u32s(0, 5)), [1], [1]), execute(), sync),
      s(bound, row(Buffer.from(u16s(2, 0, 0, 2, 12, 3450))), tag('SELECT 1'), ready()),
    )
    assert.deepEqual(told[1]?.response?.parameterTypes, ['int8'])
    const [run] = told.filter(({ request }) => request?.command === 'Execute')
    assert.deepEqual(run?.request?.parameters, ['5'])
    assert.deepEqual([run?.response?.columns, run?.response?.rows], [['a'], [['12.34']]])
  })

  test('answers an error to the message that failed, and passes over the others up to Sync', () => {
    assert.deepEqual(
      lines(
        c(parse('', 'select 1'), bind('', ''), execute(), parse('', 'nonsense'), bind('', ''), describe('P')),
        s(parsed, bound, tag('SELECT 1'), failure('42601', 'syntax error')),
        c(execute(), sync, query('select 2')),
        s(ready(), tag('SELECT 1'), ready()),
      ),
      [
        'Parse select 1 = ParseComplete',
        'Bind select 1 = BindComplete',
        'Execute select 1 = CommandComplete SELECT 1',
        'Parse nonsense = ErrorResponse 42601',
        'Bind nonsense = (skipped by the server after an error)',
        'Describe nonsense = (skipped by the server after an error)',
        'Execute nonsense = (skipped by the server after an error)',
        'Sync = ReadyForQuery',
        'Query select 2 = CommandComplete SELECT 1',
      ],
    )
  })

  test('forgets a statement that could not be parsed, and keeps the one that had its name', () => {
    const told = exchanges(
      c(parse('s', 'select 1'), sync),
      s(parsed, ready()),
      c(parse('s', 'select 2'), sync),
      s(failure('42P05', 'prepared statement "s" already exists'), ready()),
      c(bind('', 's'), sync),
      s(bound, ready()),
    )
    assert.equal(told[4]?.request?.query, 'select 1')
  })

  test('forgets what the server has closed, not what it only was to close, nor what has its name since', () => {
    const run = [bind('', 's'), sync]
    const queries = (...chunks: readonly Chunk[]) =>
      exchanges(c(parse('s', 'select 1'), sync), s(parsed, ready()), ...chunks)
        .filter(({ request }) => request?.command === 'Bind')
        .map(({ request }) => request?.query)
    const failed = s(failure('42601', 'syntax error'), ready())
    assert.deepEqual(
      queries(
        c(parse('', 'nonsense'), close('S', 's'), parse('s', 'select 2'), sync),
        failed,
        c(...run),
        s(bound, ready()),
        c(close('S', 's'), sync),
        s(closed, ready()),
        c(...run),
        s(failure('26000', 'no such statement'), ready()),
      ),
      ['select 1', undefined],
    )
    assert.deepEqual(
      queries(c(close('S', 's'), parse('s', 'select 2'), sync), s(closed, parsed, ready()), c(...run)),
      ['select 2'],
    )
    assert.deepEqual(
      queries(c(bind('p', 's'), close('P', 'p'), sync), s(bound, closed, ready()), c(...run)),
      ['select 1', 'select 1'],
    )
  })

  test('may be sent in one go, with several Syncs, and answered later', () => {
    const run = (text: string) => [parse('', text), bind('', ''), describe('P'), execute(), sync]
    const done = [parsed, bound, noData, tag('INSERT 0 1'), ready()]
    const told = lines(
      c(...run('insert 1'), ...run('insert 2'), ...run('insert 3')),
      s(...done, parsed, failure('22P02', 'invalid input'), ready(), ...done),
    )
    assert.deepEqual(
      told.filter((each) => each.startsWith('Execute')),
      [
        'Execute insert 1 = CommandComplete INSERT 0 1',
        'Execute insert 2 = (skipped by the server after an error)',
        'Execute insert 3 = CommandComplete INSERT 0 1',
      ],
    )
  })

  test('may be flushed instead, and an error may come with the Sync', () => {
    assert.deepEqual(
      lines(
        c(parse('', 'select 1'), describe('S'), flush),
        s(parsed, m('t', u16s(0)), columns(['a', 23])),
        c(sync),
        s(notice('late'), failure('23503', 'violates foreign key'), ready()),
      ),
      [
        'Flush =',
        'Parse select 1 = ParseComplete',
        'Describe select 1 = RowDescription',
        'Sync = ErrorResponse 23503',
      ],
    )
  })

  test('calls functions', () => {
    const call = m('F', u32s(952), u16s(1, 1), values(u32s(7)), u16s(1))
    assert.deepEqual(
      exchanges(c(call), s(m('V', values('x').subarray(2)), ready())).map(({ request, response }) => [
        request?.functionId,
        request?.parameters,
        response?.type,
      ]),
      [[952, ['\\x00000007'], 'FunctionCallResponse']],
    )
  })
})

group('COPY', () => {
  test('into a table counts the data into the query', () => {
    const told = exchanges(
      c(query('copy t from stdin')),
      s(m('G', Buffer.from([0]), u16s(1, 0))),
      c(m('d', Buffer.from('1\n')), m('d', Buffer.from('2\n')), m('c')),
      s(tag('COPY 2'), ready()),
    )
    assert.deepEqual(
      told.map(({ request }) => request?.command),
      ['CopyDone', 'Query'],
    )
    assert.deepEqual(told[1], {
      request: { command: 'Query', query: 'copy t from stdin' },
      response: {
        type: 'CommandComplete',
        success: true,
        commandTag: 'COPY 2',
        commandTags: ['COPY 2'],
        rowCount: 2,
        transaction: 'idle',
        copyMessages: 2,
        copyBytes: 4,
      },
      error: null,
      sizes: [23 + 7 + 7, 10 + 12 + 6],
    })
  })

  test('that the client gives up says why', () => {
    assert.deepEqual(
      lines(
        c(query('copy t from stdin')),
        s(m('G', Buffer.from([0]), u16s(1, 0))),
        c(m('f', 'no more')),
        s(failure('57014', 'COPY from stdin failed: no more'), ready()),
      ),
      ['CopyFail =', 'Query copy t from stdin = ErrorResponse 57014'],
    )
    const [failed] = exchanges(c(m('f', 'no more')))
    assert.equal(failed?.request?.reason, 'no more')
  })

  test('out of a table is not kept', () => {
    const data = m('d', Buffer.alloc(200_000))
    const [told] = exchanges(
      c(query('copy t to stdout')),
      s(m('H', Buffer.from([0]), u16s(1, 0)), data, data, m('c'), tag('COPY 2'), ready()),
    )
    assert.deepEqual(
      [told?.response?.copyMessages, told?.response?.copyBytes, told?.sizes[1]],
      [2, 400_000, 10 + 2 * 200_005 + 5 + 12 + 6],
    )
  })

  test('both ways is told of when it begins, and when it ends', () => {
    const data = m('d', Buffer.from('w'))
    assert.deepEqual(
      lines(
        c(query('START_REPLICATION 0/0')),
        s(m('W', Buffer.from([0]), u16s(0)), data),
        c(data),
        s(data),
        c(m('c')),
        s(data, m('c'), tag('START_STREAMING'), ready()),
        c(query('IDENTIFY_SYSTEM')),
        s(tag('IDENTIFY_SYSTEM'), ready()),
      ),
      [
        'Query START_REPLICATION 0/0 = CopyBothResponse',
        'CopyDone = CommandComplete START_STREAMING',
        'Query IDENTIFY_SYSTEM = CommandComplete IDENTIFY_SYSTEM',
      ],
    )
  })

  test('both ways tells at the end of a timeline where the next one begins', () => {
    const told = exchanges(
      c(query('START_REPLICATION 0/0 TIMELINE 1')),
      s(m('W', Buffer.from([0]), u16s(0)), m('d', Buffer.from('w')), m('c')),
      c(m('c')),
      s(
        columns(['next_tli', 20], ['next_tli_startpos', 25]),
        row('2', '0/5'),
        tag('START_STREAMING'),
        ready(),
      ),
    )
    assert.equal(told.length, 2)
    const { request, response, error } = told[1] ?? {}
    assert.deepEqual(
      [request?.command, response?.type, response?.columns, response?.rows, response?.incomplete, error],
      ['CopyDone', 'CommandComplete', ['next_tli', 'next_tli_startpos'], [['2', '0/5']], undefined, null],
    )
  })
})

group('what the server says unasked', () => {
  test('is an entry of its own', () => {
    const told = exchanges(
      s(m('A', u32s(9), 'jobs', '{"id":1}')),
      s(setting('TimeZone', 'UTC'), notice('going down')),
      s(failure('57P01', 'terminating connection', 'FATAL')),
    )
    assert.deepEqual(
      told.map(({ request, response, error }) => [request, response?.type, error]),
      [
        [null, 'NotificationResponse', null],
        [null, 'ParameterStatus', null],
        [null, 'NoticeResponse', null],
        [null, 'ErrorResponse', null],
      ],
    )
    assert.deepEqual(
      [told[0]?.response?.channel, told[0]?.response?.payload, told[0]?.response?.processId],
      ['jobs', '{"id":1}', 9],
    )
  })

  test('belongs to the reply that is on its way, unless it is a notification', () => {
    const told = exchanges(
      c(query('set timezone = x')),
      s(m('A', u32s(9), 'jobs', ''), notice('hm'), setting('TimeZone', 'x'), tag('SET'), ready()),
    )
    assert.deepEqual(
      told.map(({ response }) => response?.type),
      ['NotificationResponse', 'CommandComplete'],
    )
    assert.deepEqual(told[1]?.response?.parameters, { TimeZone: 'x' })
  })
})

group('a connection that is joined midway', () => {
  const midway = (...chunks: Parameters<typeof read>[0]) =>
    read(chunks, undefined, { isWhole: false }).exchanges

  test('shows what is there, and does not guess the rest', () => {
    const told = midway(c(bind('', 'S_1', values('a')), execute(), sync), s(bound, tag('SELECT 1'), ready()))
    assert.deepEqual(told[0]?.request, { command: 'Bind', statement: 'S_1', parameters: ['a'] })
    assert.deepEqual(told[1]?.request, { command: 'Execute', statement: 'S_1', parameters: ['a'] })
    assert.deepEqual(told[1]?.response?.commandTag, 'SELECT 1')
  })

  test('shows the reply to what was not seen as a reply', () => {
    const told = midway(
      s(row('1'), tag('SELECT 1'), ready()),
      c(query('select 2')),
      s(tag('SELECT 1'), ready()),
    )
    assert.deepEqual(
      told.map(({ request, response, error }) => [request?.query, response?.commandTag, error]),
      [
        [undefined, 'SELECT 1', 'reply without a request'],
        ['select 2', 'SELECT 1', null],
      ],
    )
  })

  test('takes no reply for that of another message', () => {
    const told = midway(
      c(parse('', 'select 1'), describe('S'), sync),
      s(bound, tag('DELETE 0'), ready()),
      s(parsed, m('t', u16s(0)), noData, ready()),
    )
    assert.deepEqual(
      told.map(({ request, response }) => [request?.command, response?.type]),
      [
        [undefined, 'CommandComplete'],
        ['Parse', 'ParseComplete'],
        ['Describe', 'NoData'],
        ['Sync', 'ReadyForQuery'],
      ],
    )
  })

  test('takes an error for the reply to the first message, when nothing came in between', () => {
    const told = midway(c(bind('', 'x'), execute(), sync), s(failure('42703', 'no such column'), ready()))
    assert.deepEqual(
      told.map(({ request, response }) => [request?.command, response?.errorCode ?? response?.type]),
      [
        ['Bind', '42703'],
        ['Execute', undefined],
        ['Sync', 'ReadyForQuery'],
      ],
    )
  })
})

group('an entry in a list', () => {
  const rowOf = (...chunks: Parameters<typeof read>[0]) => {
    const parsers = postgresql.open({ wantsBodies: true, maxBody: 1 }, AT_THE_START)
    const rows = []
    for (const [side, bytes] of chunks) {
      let at = 0
      const wire = bytes as Uint8Array
      for (;;) {
        const step = parsers[side].next(wire, at, wire.length)
        if (step.kind === 'exchange')
          rows.push(
            postgresql.summarize(
              (step.request?.message ?? null) as never,
              (step.response?.message ?? null) as never,
            ),
          )
        if (step.kind !== 'exchange' && step.kind !== 'partial') break
        at += step.length
      }
    }
    return rows[0]
  }

  test('has the query on one line, and filters that find it', () => {
    assert.deepEqual(rowOf(c(query('select\n  1')), s(tag('SELECT 1'), ready())), {
      method: 'Query',
      methodQuery: 'request.command == "Query"',
      summary: 'select 1',
      summaryQuery: 'request.query == "select\\n  1"',
      status: 0,
      statusQuery: '',
    })
    const long = `select ${'x'.repeat(400)}`
    assert.equal(
      rowOf(c(query(long)), s(tag('SELECT 1'), ready()))?.summaryQuery,
      `request.query.startsWith("${long.slice(0, 256)}")`,
    )
  })

  test('of a login has user and database, of what comes unasked what it is about', () => {
    assert.equal(rowOf(c(login), s(authentication(0), ready()))?.summary, 'ann@shop')
    assert.deepEqual(
      [rowOf(s(m('A', u32s(9), 'jobs', '')))?.method, rowOf(s(m('A', u32s(9), 'jobs', '')))?.summaryQuery],
      ['NotificationResponse', 'response.channel == "jobs"'],
    )
    assert.deepEqual(
      [
        rowOf(s(failure('57P01', 'bye', 'FATAL')))?.summary,
        rowOf(s(failure('57P01', 'bye', 'FATAL')))?.summaryQuery,
      ],
      ['57P01 bye', 'response.errorCode == "57P01"'],
    )
  })
})
