/**
 * Live traffic on the loopback: `h2load --h1` against nginx at rising rates, with three agents (one counts packets).
 * Compares what the agents counted with nginx's access log, and shows what was lost where. Needs the right to
 * capture. `node bench/live.ts [REQUESTS_PER_SECOND:SECONDS…]`. Bar: 5,000 for 30 s without any loss; aim for 15,000.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { AGENTS, print, REMORA, withAgents } from './measure.ts'

const PORT = 18_080
const CLIENTS = 50
const rates = process.argv.slice(2)
if (rates.length === 0) rates.push('5000:30', '10000:10', '15000:10', '20000:10', '25000:10')

type Counters = Readonly<Record<string, number>>
interface Summary {
  readonly packets: number
  readonly ledger: {
    readonly capture: { readonly losses: Counters }
    readonly agents: readonly Readonly<Record<'items' | 'packets', { readonly dropped: Counters }>>[]
    readonly discrepancies: readonly string[]
  }
}

const rows = [['asked for', 'got', 'in nginx’s log', 'entries', 'answered', 'packets', 'lost', 'ledger']]
for (const rate of rates) {
  const [perSecond, seconds] = rate.split(':').map(Number) as [number, number]
  rows.push(await withAgents('packets', 1, (folder) => measureLive(folder, perSecond, seconds)))
  print(rows)
}

async function measureLive(folder: string, perSecond: number, seconds: number): Promise<string[]> {
  const log = join(folder, 'access.log')
  const server = spawn('nginx', ['-p', folder, '-c', nginxConf(folder, log)], { stdio: 'inherit' })
  const agents = ['live', 'count'].map((name) => join(AGENTS, `${name}.js`))
  const remora = spawn(
    process.execPath,
    [REMORA, 'run', ...agents, folder, '--interface', 'lo', '--filter', `tcp port ${PORT}`, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  remora.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  try {
    await setTimeout(2000)
    const began = performance.now()
    const requests = perSecond * seconds
    await promisify(execFile)('h2load', [
      '--h1',
      `--requests=${requests}`,
      `--clients=${CLIENTS}`,
      `--rps=${perSecond / CLIENTS}`,
      `http://127.0.0.1:${PORT}/live`,
    ])
    const took = (performance.now() - began) / 1000
    await setTimeout(1500)
    await ended(remora, 'SIGINT')
    const logged = readFileSync(log, 'latin1').split('\n').length - 1
    const summary = JSON.parse(output.trim().split('\n').at(-1) as string) as Summary
    const [, counted, answered] = /requests (\d+) answered (\d+)/.exec(output) ?? []
    return [
      `${perSecond}/s for ${seconds} s`,
      `${Math.round(requests / took)}/s`,
      String(logged),
      String(counted),
      String(answered),
      String(summary.packets),
      lost(summary),
      summary.ledger.discrepancies.length === 0 ? 'adds up' : summary.ledger.discrepancies.join('; '),
    ]
  } finally {
    await ended(server, 'SIGTERM')
    if (remora.exitCode === null) remora.kill('SIGKILL')
  }
}

/** What was lost where: nothing, or `kernel 12, queue-full 3`. */
function lost({ ledger }: Summary): string {
  const places = [
    ledger.capture.losses,
    ...ledger.agents.flatMap(({ items, packets }) => [items.dropped, packets.dropped]),
  ]
  const counts = places.flatMap((counters) => Object.entries(counters).filter(([, count]) => count > 0))
  return counts.length === 0 ? 'nothing' : counts.map(([name, count]) => `${name} ${count}`).join(', ')
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null) return
  const closed = new Promise((resolve) => child.once('close', resolve))
  child.kill(signal)
  await closed
}

function nginxConf(folder: string, log: string): string {
  const path = join(folder, 'nginx.conf')
  writeFileSync(
    path,
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log; user root;
events { worker_connections 1024; }
http {
  access_log ${log}; client_body_temp_path ${folder}; proxy_temp_path ${folder}; fastcgi_temp_path ${folder};
  uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; keepalive_requests 1000000;
  server { listen 127.0.0.1:${PORT}; location = /live { default_type application/json; return 200 '{"ok":true,"items":[1,2,3]}'; } }
}
`,
  )
  return path
}
