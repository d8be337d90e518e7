/**
 * Records what the benchmarks of HTTP/2 and PostgreSQL read, from real servers and clients on the loopback. Needs the right to
 * capture, and on what it asks for the same work every time:
 *
 *     node bench/record.ts http2 FILE        h2load against nginx, about 90 MB
 *     node bench/record.ts postgresql FILE   pgbench: simple, extended and prepared, about 60 MB
 *
 * Says on which port the server was, which tshark has to be told.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recordLoopback } from '../src/testing/loopback.ts'
import { freePort, untilListening } from '../src/testing/ports.ts'
import { startPostgres } from '../src/testing/postgres-server.ts'
import { run } from '../src/testing/programs.ts'

/** Of each client, by protocol: an extended query takes five messages, a prepared one four, and as many come back. */
const TRANSACTIONS = [
  ['simple', 15_000],
  ['extended', 15_000],
  ['prepared', 15_000],
] as const

const [what, file] = process.argv.slice(2)
const records = { http2: recordHttp2, postgresql: recordPostgres }
if (file === undefined || !(what === 'http2' || what === 'postgresql'))
  throw new Error('usage: node bench/record.ts http2|postgresql FILE')
console.log(`port ${await records[what](file)}`)

async function recordHttp2(path: string): Promise<number> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
  writeFileSync(join(folder, 'nginx.conf'), nginxConf(folder, port))
  const server = spawn('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf')], { stdio: 'inherit' })
  const closed = once(server, 'close')
  try {
    await untilListening(port, server)
    const urls = ['a?q=1', 'b/c/d', 'missing'].map((each) => `http://127.0.0.1:${port}/${each}`)
    await recordLoopback(path, `tcp port ${port}`, () =>
      succeeds('h2load', ['-n', '300000', '-c', '20', '-m', '10', '-H', 'user-agent: bench', ...urls]),
    )
  } finally {
    server.kill('SIGTERM')
    await closed
    rmSync(folder, { recursive: true })
  }
  return port
}

async function recordPostgres(path: string): Promise<number> {
  const stops: (() => Promise<void>)[] = []
  try {
    const { port, programs, environment } = await startPostgres((stop) => stops.push(stop))
    const pgbench = (...args: readonly string[]) => succeeds(join(programs, 'pgbench'), args, environment)
    await pgbench('-i', '-q')
    await recordLoopback(path, `tcp port ${port}`, async () => {
      for (const [mode, transactions] of TRANSACTIONS)
        await pgbench('-n', '-S', '-c', '4', '-M', mode, '-t', String(transactions))
    })
    return port
  } finally {
    for (const stop of stops) await stop()
  }
}

async function succeeds(
  program: string,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<void> {
  const { code, stderr } = await run(program, args, env)
  if (code !== 0) throw new Error(`${program}: ${stderr}`)
}

function nginxConf(folder: string, port: number): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder};`,
  )
  return `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log; user root; events {}
http {
  ${temporary.join(' ')} access_log off; keepalive_requests 1000000;
  server { listen 127.0.0.1:${port} http2; location / { default_type application/json; return 200 '{"ok":true}'; }
    location /missing { return 404; } }
}
`
}
