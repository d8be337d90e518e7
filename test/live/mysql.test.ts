import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { captureLoopback, hasTools, succeeds } from '../../src/testing/loopback.ts'
import { freePort } from '../../src/testing/ports.ts'
import { run, startProgram } from '../../src/testing/programs.ts'
import { readCapture } from '../../src/testing/read-capture.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'

const PROGRAMS = [
  'mariadbd',
  'mariadb-install-db',
  'mariadb',
  'mariadb-admin',
  'mariadb-slap',
  'perl',
  'openssl',
  'tcpdump',
]

/** A row as it is compared. */
interface Seen {
  readonly method: string
  readonly summary: string
  readonly status: number
  readonly request: Fields
  readonly response: Fields
}
type Fields = Readonly<Record<string, unknown>>

test('Remora shows what clients of MariaDB ask and what the server logs', async (t) => {
  if (!hasTools(t, ...PROGRAMS) || !succeeds(t, 'DBD::MariaDB', 'perl -MDBD::MariaDB -e 1')) return
  const server = await mariadb(t)

  await t.test('in text, compressed, prepared, and from many clients at once', async (t) => {
    const file = await captureLoopback(t, server.folder, `tcp port ${server.port}`, async () => {
      await server.client(
        'create table t(id int auto_increment primary key, name varchar(40), at datetime(3), b blob)',
      )
      await server.client(
        "insert into t(name, at, b) values('a', '2024-02-03 04:05:06.789', x'00ff'), ('Zoë', null, null)",
      )
      await server.client('select * from t')
      await server.client('select nosuch from t')
      await server.client('use mysql')
      await server.client("select repeat('x', 100000) as x, seq from seq_1_to_50", '--compress')
      await server.client('nonsense', '--compress')
      await server.perl()
      await server.slap()
    })
    if (file === undefined) return
    const seen = await entriesOf(file)
    const log = server.log()
    // Of statements that cannot be prepared the server logs nothing.
    const isLogged = ({ method, status }: Seen) => method !== 'COM_STMT_PREPARE' || status === 0
    for (const [method, command] of LOGGED)
      assert.deepEqual(
        tally(seen.filter((each) => each.method === method && isLogged(each)).map(({ summary }) => summary)),
        tally(log.filter((each) => each.command === command).map(({ argument }) => argument)),
        method,
      )
    const count = (method: string) => seen.filter((each) => each.method === method).length
    assert.equal(count('COM_STMT_EXECUTE'), log.filter(({ command }) => command === 'Execute').length)
    const failed = seen.filter(({ status }) => status !== 0).map(({ summary, status }) => [summary, status])
    assert.deepEqual(failed, [
      ['select nosuch from t', 1054],
      ['nonsense', 1064],
      ['select nosuch from d', 1054],
    ])
    const rows = (summary: string) => seen.find((each) => each.summary === summary)?.response
    assert.deepEqual(rows('select * from t')?.rows, [
      ['1', 'a', '2024-02-03 04:05:06.789', '\0ÿ'],
      ['2', 'Zoë', null, null],
    ])
    assert.deepEqual(rows("select repeat('x', 100000) as x, seq from seq_1_to_50")?.rowCount, 50)
    const run = seen.filter(({ method }) => method === 'COM_STMT_EXECUTE')
    assert.deepEqual(
      run.slice(0, 4).map(({ request, response }) => [request.query, request.parameters, response.rows]),
      [
        ['create table d(i int, s text, f double)', [], []],
        ['insert into d values(?,?,?)', ['1', 'one', '1.25'], []],
        ['insert into d values(?,?,?)', ['3', null, '-3'], []],
        [
          'select * from d where i >= ?',
          ['1'],
          [
            ['1', 'one', '1.25'],
            ['3', null, '-3'],
          ],
        ],
      ],
    )
  })

  await t.test('with several results, files, refused logins and TLS', async (t) => {
    const rows = join(server.folder, 'rows.csv')
    writeFileSync(rows, 'x,1\ny,2\n')
    const file = await captureLoopback(t, server.folder, `tcp port ${server.port}`, async () => {
      await server.client('create table l(a varchar(10), b int)')
      await server.client(
        `load data local infile '${rows}' into table l fields terminated by ','`,
        '--local-infile=1',
      )
      await server.client('select 1; select a, b from l; update l set b = 5 //', '--delimiter=//')
      await server.client('select 1', '--user=nobody')
      await server.admin('ping')
      await server.admin('status')
      await server.client('select 1', '--ssl')
    })
    if (file === undefined) return
    const seen = await entriesOf(file)
    const short = seen
      .filter(({ method, summary }) => method !== 'COM_QUIT' && (method !== 'Login' || summary !== 'app'))
      .map(({ method, status, response }) => [method, status, response.affectedRows, response.rowCount])
    assert.deepEqual(short, [
      ['COM_QUERY', 0, 0, 0],
      ['COM_QUERY', 0, 2, 0],
      ['COM_QUERY', 0, 2, 3],
      ['Login', 1045, 0, 0],
      ['COM_PING', 0, 0, 0],
      ['COM_STATISTICS', 0, 0, 0],
      ['SSLRequest', 0, 0, 0],
      ['ClientHello', 0, undefined, undefined],
    ])
    assert.equal(seen.filter(({ method }) => method === 'COM_QUIT').length, 5)
    assert.ok(
      seen.every(({ response }) => response.serverVersion === undefined || response.incomplete === false),
    )
  })
})

/** What the server calls the commands whose text it logs as it came. */
const LOGGED = [
  ['COM_QUERY', 'Query'],
  ['COM_STMT_PREPARE', 'Prepare'],
  ['COM_INIT_DB', 'Init DB'],
  ['COM_QUIT', 'Quit'],
] as const

/** A server on a port and in a folder of its own, with a user `app`. */
async function mariadb(t: TestContext) {
  const folder = await tempFolder(t)
  const port = await freePort()
  const at = (name: string) => join(folder, name)
  const readLog = () => readFileSync(at('log'), 'utf8')
  const user = `--user=${userInfo().username}`
  const certificate = ['-subj', '/CN=localhost', '-keyout', at('key.pem'), '-out', at('cert.pem')]
  const [, installed] = await Promise.all([
    run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...certificate]),
    run('mariadb-install-db', [
      '--no-defaults',
      user,
      '--skip-test-db',
      '--auth-root-authentication-method=normal',
      `--datadir=${at('data')}`,
    ]),
  ])
  assert.equal(installed.code, 0, installed.stderr)
  startProgram(t, 'mariadbd', [
    ...['--no-defaults', user, `--datadir=${at('data')}`, `--socket=${at('s')}`, `--port=${port}`],
    ...['--bind-address=127.0.0.1', '--general-log=1', `--general-log-file=${at('log')}`, '--local-infile=1'],
    ...[`--ssl-cert=${at('cert.pem')}`, `--ssl-key=${at('key.pem')}`, '--innodb-buffer-pool-size=8M'],
    ...['--innodb-flush-log-at-trx-commit=0', '--innodb-fast-shutdown=2'],
  ]).stderr?.resume()
  const local = (text: string) =>
    run('mariadb', ['--no-defaults', `--socket=${at('s')}`, '--user=root', '-e', text])
  const users = ['localhost', '127.0.0.1'].map((host) => `app@'${host}'`)
  const setUp = users.map(
    (each) => `create user ${each} identified by 'secret'; grant all on *.* to ${each};`,
  )
  for (let tries = 0; (await local('select 1')).code !== 0; await setTimeout(100))
    assert.ok(++tries < 100, 'the server does not start')
  assert.equal((await local(`create database shop; ${setUp.join('')}`)).code, 0)
  // The server logs that a client has left when it gets round to it.
  const count = (command: string) => logLines(readLog()).filter((each) => each.command === command).length
  while (count('Quit') < count('Connect')) await setTimeout(20)
  const logged = readLog().length
  const remote = ['--no-defaults', '--skip-ssl', '-h', '127.0.0.1', '-P', String(port), '--user=app']
  const password = { MYSQL_PWD: 'secret' }

  return {
    port,
    folder,
    client: (text: string, ...options: readonly string[]) =>
      run('mariadb', [...remote, ...options, '--skip-auto-rehash', '-D', 'shop', '-e', text], password),
    admin: (command: string) => run('mariadb-admin', [...remote, command], password),
    slap: () =>
      run(
        'mariadb-slap',
        [...remote, '--auto-generate-sql', '--concurrency=4', '--number-of-queries=200'],
        password,
      ),
    perl: async () => assert.equal((await run('perl', ['-e', PERL, String(port)])).code, 0),
    /** What clients asked since the server was set up. */
    log: () => logLines(readLog().slice(logged)),
  }
}

const PERL = `
use DBI; use strict;
my $options = "database=shop;host=127.0.0.1;port=$ARGV[0];mariadb_server_prepare=1;mariadb_ssl=0";
my $h = DBI->connect("DBI:MariaDB:$options", 'app', 'secret', { PrintError => 0 }) or die DBI->errstr;
$h->do("create table d(i int, s text, f double)") or die $h->errstr;
my $s = $h->prepare("insert into d values(?,?,?)");
$s->execute(1, 'one', 1.25) or die; $s->execute(3, undef, -3) or die;
my $q = $h->prepare("select * from d where i >= ?"); $q->execute(1) or die; 1 while $q->fetchrow_array;
$h->prepare("select nosuch from d"); $h->disconnect;
`

/** `261126 16:21:12	     5 Query	select 1`, the time only where it has changed. */
function logLines(text: string): { readonly command: string; readonly argument: string }[] {
  const line = /^(?:\d{6} +[\d:]+)?\t+ *\d+ ([A-Z][A-Za-z]*(?: (?:DB|stmt))?)\t?(.*)$/gm
  return [...text.matchAll(line)].map(([, command = '', argument = '']) => ({
    command,
    argument: argument.replaceAll('\0', '').slice(0, 256),
  }))
}

async function entriesOf(file: string): Promise<Seen[]> {
  const { entries } = await readCapture(file)
  return entries.map(({ base, request, response }) => ({
    method: base.method,
    summary: base.summary,
    status: base.status,
    request: (request ?? {}) as Fields,
    response: (response ?? {}) as Fields,
  }))
}

function tally(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1
  return counts
}
