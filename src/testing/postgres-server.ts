import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { hasTools } from './loopback.ts'
import { freePort, untilListening } from './ports.ts'

/** A PostgreSQL server on the loopback, with data of its own. */
export interface PostgresServer {
  readonly port: number
  /** Where its programs are: `pgbench`, `pg_dump`. */
  readonly programs: string
  /** For clients: where it is and who they are. */
  readonly environment: Readonly<Record<string, string>>
  /** What it has logged so far. */
  log(): LogLine[]
}

/** Of its log in JSON, as PostgreSQL writes it. */
export interface LogLine {
  readonly remote_port?: number
  readonly error_severity: string
  readonly state_code?: string
  readonly message: string
  readonly detail?: string
}

/** Superuser and password of the server. */
const USER = 'app'
const PASSWORD = 'geheim'

/** Where it is not installed the test is skipped; in CI that fails. */
export function hasPostgres(t: TestContext): boolean {
  return hasTools(t, `${newestPrograms()}/initdb`, 'psql', 'openssl')
}

/** Starts one; `after` is given what stops it. */
export async function startPostgres(after: (stop: () => Promise<void>) => void): Promise<PostgresServer> {
  const programs = newestPrograms()
  const folder = mkdtempSync(join(tmpdir(), 'remora-postgres-'))
  const owner = ownerOf(folder)
  const data = join(folder, 'data')
  writeFileSync(join(folder, 'password'), PASSWORD)
  chmodSync(join(folder, 'password'), 0o644)
  await run(
    `${programs}/initdb`,
    ['-D', data, '-U', USER, '-A', 'scram-sha-256', '--pwfile', join(folder, 'password')],
    owner,
  )
  await makeCertificate(data, owner)

  const port = await freePort()
  const settings = {
    port,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'off',
    ssl: 'on',
    logging_collector: 'on',
    log_destination: 'jsonlog',
    log_directory: folder,
    log_filename: 'server.log',
    log_statement: 'all',
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const server = spawn(`${programs}/postgres`, ['-D', data, ...options], { ...owner, stdio: 'ignore' })
  after(async () => {
    await stop(server)
    rmSync(folder, { recursive: true, force: true })
  })
  await untilListening(port, server)
  return {
    port,
    programs,
    environment: {
      ...(process.env as Record<string, string>),
      PGHOST: '127.0.0.1',
      PGPORT: String(port),
      PGUSER: USER,
      PGPASSWORD: PASSWORD,
      PGDATABASE: 'postgres',
      PGSSLMODE: 'disable',
      PGGSSENCMODE: 'disable',
    },
    log: () =>
      readFileSync(join(folder, 'server.json'), 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LogLine),
  }
}

/** Debian keeps them apart by version, and out of the PATH. */
function newestPrograms(): string {
  const root = '/usr/lib/postgresql'
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : []
  return `${root}/${versions[0] ?? 'none'}/bin`
}

/** The server does not run as root. */
function ownerOf(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string) => Number(spawnSync('id', [flag, 'postgres']).stdout.toString())
  const owner = { uid: idOf('-u'), gid: idOf('-g') }
  chownSync(folder, owner.uid, owner.gid)
  return owner
}

async function makeCertificate(data: string, owner: object): Promise<void> {
  const files = ['-keyout', join(data, 'server.key'), '-out', join(data, 'server.crt')]
  await run(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost', ...files],
    owner,
  )
}

async function run(program: string, args: readonly string[], owner: object): Promise<void> {
  const child = spawn(program, args, { ...owner, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`${program}: ${said}`)
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return
  const closed = once(server, 'close')
  // At once, and without tidying up.
  server.kill('SIGQUIT')
  await closed
}
