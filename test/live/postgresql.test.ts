import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, describe, type TestContext, test } from 'node:test'
import type { Entry } from '../../src/entry/entry.ts'
import { captureLoopback, hasTools } from '../../src/testing/loopback.ts'
import {
  hasPostgres,
  type LogLine,
  type PostgresServer,
  startPostgres,
} from '../../src/testing/postgres-server.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { withFiles } from '../../src/testing/remora.ts'

interface Asked {
  readonly command: string
  readonly query: string
  readonly database: string
  readonly user: string
  readonly statement: string
  readonly portal: string
  readonly parameters: readonly (string | null)[]
}
interface Answered {
  readonly type: string
  readonly success: boolean
  readonly errorCode: string
  readonly errorMessage: string
  readonly severity: string
  readonly commandTag: string
  readonly rowCount: number
  readonly rows: readonly (readonly (string | null)[])[]
  readonly copyMessages: number
}
type Seen = Entry & { readonly request: Asked | null; readonly response: Answered | null }

/** One for all tests: to start it takes longer than they do. */
let server: Promise<PostgresServer> | undefined
let stop: (() => Promise<void>) | undefined

describe('a PostgreSQL server and its clients', () => {
  after(() => stop?.())

  test('psql and pg_dump: queries, errors, COPY, notifications, a query that is cancelled', async (t) => {
    const entries = await follow(t, async (server, folder) => {
      await client(server, 'psql', ['-q', '-f', join(folder, 'script.sql')])
      await client(server, `${server.programs}/pg_dump`, ['-f', join(folder, 'dump.sql')])
      const sleeping = client(server, 'psql', ['-c', 'select pg_sleep(60)'], {
        fails: true,
        signal: 'SIGINT',
      })
      await Promise.all([sleeping, ...[1, 2, 3].map((n) => client(server, 'psql', ['-c', `select ${n}`]))])
      await client(server, 'psql', ['-c', 'select 1'], { fails: true, PGPASSWORD: 'wrong' })
      await client(server, 'psql', ['-c', 'select 1'], { fails: true, PGDATABASE: 'nowhere' })
    })
    if (entries === undefined) return
    const find = (part: string) => entries.find(({ request }) => request?.query.includes(part))
    assert.deepEqual(
      [find('generate_series(1, 5000)')?.response?.rowCount, find('from stdin')?.response?.rowCount],
      [5000, 3],
    )
    assert.deepEqual(find('select * from t')?.response?.rows, [
      ['1', 'grüße', null],
      ['2', '', '1.50'],
    ])
    assert.ok(Number(find('COPY public.big')?.response?.copyMessages) >= 5000)
    assert.equal(find('pg_sleep')?.response?.errorCode, '57014')
    const commands = new Set(entries.map(({ base }) => base.method))
    for (const command of [
      'StartupMessage',
      'SASLResponse',
      'CopyDone',
      'CancelRequest',
      'NotificationResponse',
      'Terminate',
    ])
      assert.ok(commands.has(command), command)
  })

  test('pgbench: simple, extended and prepared, in parallel and in pipelines', async (t) => {
    const entries = await follow(t, async (server, folder) => {
      const pgbench = (...args: string[]) =>
        client(server, `${server.programs}/pgbench`, ['-n', '-c', '3', ...args])
      await client(server, `${server.programs}/pgbench`, ['-i', '-q', '-I', 'dtGp'])
      for (const mode of ['simple', 'extended', 'prepared']) await pgbench('-t', '10', '-M', mode)
      await pgbench('-t', '20', '-M', 'prepared', '-f', join(folder, 'pipeline.sql'))
    })
    if (entries === undefined) return
    for (const { request, response, error } of entries)
      assert.equal(response === null && request?.command !== 'Terminate', false, error?.msg ?? '')
    assert.equal(entries.filter(({ request }) => request?.query.startsWith('select 1 + ')).length > 60, true)
  })

  test('asyncpg and psycopg: values in binary, named statements, cursors, failures in pipelines', async (t) => {
    if (!hasTools(t, DEBIAN_PYTHON)) return
    const entries = await follow(t, (server) => client(server, DEBIAN_PYTHON, ['-c', PYTHON]))
    if (entries === undefined) return
    const skipped = entries.filter(({ error }) => error?.msg === 'skipped by the server after an error')
    assert.ok(skipped.length > 0)
    const selected = entries.filter(({ request }) => request?.query === 'select * from a')
    const [row] = selected.find(({ request }) => request?.command === 'Execute')?.response?.rows ?? []
    assert.deepEqual(row?.slice(0, 5), ['7', '1099511627776', '-1234.5600', 'grüße', '2024-02-29'])
  })

  test('TLS is not looked into', async (t) => {
    const server = await theServer(t)
    if (server === undefined) return
    const entries = await withFiles({}, (folder) =>
      read(t, folder, server, () => client(server, 'psql', ['-c', 'select 1'], { PGSSLMODE: 'require' })),
    )
    const methods = entries?.map(({ base, protocol }) => `${protocol.abbr} ${base.method}`) ?? []
    assert.deepEqual([...new Set(methods)], entries && ['POSTGRESQL SSLRequest', 'TLSX ClientHello'])
  })

  test('a connection that was there before the capture', async (t) => {
    const server = await theServer(t)
    if (server === undefined) return
    const child = spawn('psql', ['-qAt'], { env: server.environment, stdio: ['pipe', 'pipe', 'inherit'] })
    const answer = async (query: string) => {
      child.stdin.write(`${query};\n`)
      return String(await once(child.stdout, 'data')).trim()
    }
    assert.equal(await answer('select 1'), '1')
    const entries = await withFiles({}, (folder) =>
      read(t, folder, server, async () => {
        assert.equal(await answer('select 2'), '2')
        assert.equal(await answer('select 3'), '3')
        child.stdin.end()
        await once(child, 'close')
      }),
    )
    assert.deepEqual(
      entries?.map(({ request, response }) => [request?.query, response?.rows[0]?.[0], request?.user]),
      entries && [
        ['select 2;', '2', ''],
        ['select 3;', '3', ''],
        ['', undefined, ''],
      ],
    )
  })
})

async function theServer(t: TestContext): Promise<PostgresServer | undefined> {
  if (!hasPostgres(t)) return undefined
  server ??= startPostgres((how) => {
    stop = how
  })
  return await server
}

/** What clients do, as entries; they agree with what the server has logged. */
async function follow(
  t: TestContext,
  use: (server: PostgresServer, folder: string) => Promise<void>,
): Promise<readonly Seen[] | undefined> {
  const server = await theServer(t)
  if (server === undefined) return undefined
  return await withFiles({ 'script.sql': SCRIPT, 'pipeline.sql': PIPELINE }, async (folder) => {
    const before = server.log().length
    const entries = await read(t, folder, server, () => use(server, folder))
    if (entries === undefined) return undefined
    const log = server.log().slice(before)
    assert.deepEqual(entries.flatMap(statement).sort(), log.flatMap(loggedStatement).sort())
    assert.deepEqual(entries.flatMap(failure).sort(), log.flatMap(loggedFailure).sort())
    assert.doesNotMatch(
      JSON.stringify(entries.map(({ request, response }) => [request, response])),
      /geheim|wrong/,
    )
    return entries
  })
}

async function read(
  t: TestContext,
  folder: string,
  { port }: PostgresServer,
  use: () => Promise<void>,
): Promise<readonly Seen[] | undefined> {
  const path = await captureLoopback(t, folder, `tcp port ${port}`, use)
  if (path === undefined) return undefined
  const { entries, counters } = await readCapture(path)
  assert.deepEqual(counters.dissection.invalid, {})
  const skipped = Object.entries(counters.dissection.skipped).filter(([, bytes]) => bytes > 0)
  assert.deepEqual(skipped, [])
  return entries as readonly Seen[]
}

/** `50412 statement: select 1`, `50412 execute s1/p1: select $1 ($1 = '5')`, as the server logs what it runs. */
function statement({ request, response, src }: Seen): string[] {
  if (request === null || response === null || response.errorCode === '42601') return []
  if (request.command === 'Query') return [`${src.port} statement: ${request.query}`]
  if (request.command !== 'Execute') return []
  const name = `${request.statement || '<unnamed>'}${request.portal && `/${request.portal}`}`
  const values = request.parameters.map(
    (value, index) => `$${index + 1} = ${value === null ? 'NULL' : `'${value}'`}`,
  )
  return [`${src.port} execute ${name}: ${request.query} (${values.join(', ')})`]
}

function loggedStatement({ message, detail, remote_port, error_severity }: LogLine): string[] {
  if (error_severity !== 'LOG' || !/^(statement|execute [^:]*): /.test(message)) return []
  if (message.startsWith('statement')) return [`${remote_port} ${message}`]
  const values = /^parameters: (.*)/s.exec(detail ?? '')?.[1] ?? ''
  return [`${remote_port} ${message.replace('execute fetch from', 'execute')} (${values})`]
}

function failure({ response, src }: Seen): string[] {
  const { errorCode = '', errorMessage, severity } = response ?? {}
  return errorCode === '' ? [] : [`${src.port} ${severity} ${errorCode} ${errorMessage}`]
}

function loggedFailure({ message, state_code, remote_port, error_severity }: LogLine): string[] {
  const isTold = error_severity === 'ERROR' || error_severity === 'FATAL'
  return isTold ? [`${remote_port} ${error_severity} ${state_code} ${message}`] : []
}

/** Runs a client to its end. `signal` is sent to it after a while. */
async function client(
  { environment }: PostgresServer,
  program: string,
  args: readonly string[],
  {
    fails = false,
    signal,
    ...changes
  }: Readonly<Record<string, unknown>> & { fails?: boolean; signal?: NodeJS.Signals } = {},
): Promise<void> {
  const child = spawn(program, args, {
    env: { ...environment, ...(changes as Record<string, string>) },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  if (signal !== undefined) setTimeout(() => child.kill(signal), 700)
  const [code] = await once(child, 'close')
  assert.equal(code !== 0, fails, `${program}: ${said}`)
}

const SCRIPT = `create table t (id int primary key, name text, price numeric(9, 2));
insert into t values (1, 'grüße', null), (2, '', 1.5);
select * from t;
create table big as select n, md5(n::text) from generate_series(1, 5000) n;
begin; insert into t values (1, 'twice', 0); rollback;
select 1\\; select nosuch from t\\; select 2;
nonsense;
listen jobs;
notify jobs, 'one';
do $$ begin raise warning 'careful'; end $$;
copy t from stdin;
3	c	3
4	d	4
5	e	5
\\.
select lo_from_bytea(0, 'large');
`

const PIPELINE = `\\startpipeline
select 1 + :client_id;
select count(*) from pgbench_tellers where tid > :client_id;
select 1 + :client_id;
\\endpipeline
`

/** Which has the packages `python3-asyncpg` and `python3-psycopg`; another Python may come first. */
const DEBIAN_PYTHON = '/usr/bin/python3'
const PYTHON = `
import asyncio, asyncpg, datetime, decimal, os, uuid, psycopg
where = dict(host='127.0.0.1', port=int(os.environ['PGPORT']), user='app', password='geheim', database='postgres')
values = (7, 2**40, decimal.Decimal('-1234.5600'), 'grüße', datetime.date(2024, 2, 29), datetime.datetime(2024, 1, 2, 3, 4, 5, 678),
    datetime.datetime(1999, 1, 2, tzinfo=datetime.timezone.utc), uuid.UUID(int=5), '{"a": 1}', b'\\x00\\xff', 0.1, 1e100, True, datetime.time(12, 30))
async def run():
    c = await asyncpg.connect(ssl=False, **where)
    await c.execute("set timezone = 'UTC'")
    await c.execute('create table a(id int, big bigint, n numeric, t text, d date, ts timestamp, tz timestamptz, u uuid, j jsonb, b bytea, f real, g float8, ok bool, tm time)')
    await c.execute('insert into a values($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)', *values)
    await c.execute('insert into a(id, t) values($1, $2)', None, None)
    await c.fetch('select * from a')
    await c.executemany('insert into a(id, t) values($1, $2)', [(n, 'x' * n) for n in range(50)])
    named = await c.prepare('select id, t from a where id > $1')
    for n in (5, 45): await named.fetch(n)
    async with c.transaction():
        async for row in c.cursor('select * from generate_series(1, $1::int)', 120): pass
    for query, value in (('select * from nosuch where x = $1', 1), ('select 1 / $1::int', 0)):
        try: await c.fetchval(query, value)
        except asyncpg.PostgresError: pass
    await c.copy_records_to_table('a', records=[(n, 1, None) for n in range(100)], columns=['id', 'big', 'n'])
    await c.close()
asyncio.run(run())
with psycopg.connect('user=app password=geheim sslmode=disable', autocommit=True) as c:
    for n in range(7): c.execute('select t from a where id = %s', (n,)).fetchall()
    with c.pipeline():
        for n in range(20): c.execute('insert into a(id, t) values(%s, %s)', (n, None))
    try:
        with c.pipeline():
            c.execute('select 1 / %s', (0,))
            c.execute('select 2')
    except psycopg.Error: pass
`
