/**
 * A webhook that takes two seconds, called for each entry of live traffic at 1,000 entries/s, beside an agent that looks at how long
 * ago each entry was complete. Against the same without the webhook, in turn. Needs the right to capture.
 * `node bench/slow-webhook.ts [SECONDS] [ROUNDS]`. Bars: nothing dropped; the 99th percentile of the other agent within 20 %; the
 * ledger says what became of each call.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import { median, print, REMORA } from './measure.ts'

const [seconds = 20, rounds = 3] = process.argv.slice(2).map(Number)
const PORT = 18_081
const PER_SECOND = 1000
const CLIENTS = 20
const SLOW_MS = 2000

/** How long ago the reply came when the hook is called, ms: its 50th and 99th percentile, of all but the first second. */
const WATCH = `// Watch
var late = [], began = 0
function onItemCaptured(data) {
  if (data.protocol.name !== 'http') return
  var now = Date.now()
  if (began === 0) began = now
  if (now - began > 1000) late.push(now - data.timestamp - data.elapsedTime / 1000)
}
jobs.schedule('say', '* * * * * *', function () {
  var sorted = late.slice().sort(function (a, b) { return a - b })
  console.log('late ' + sorted.length + ' ' + sorted[Math.floor(sorted.length / 2)] + ' ' + sorted[Math.floor(sorted.length * 0.99)])
})
`

interface Summary {
  readonly ledger: {
    readonly capture: { readonly losses: Readonly<Record<string, number>> }
    readonly agents: readonly { readonly items: { readonly dropped: Readonly<Record<string, number>> } }[]
    readonly effects: {
      readonly calls: readonly { readonly calls: number; readonly queued: number; readonly refused: number }[]
      readonly queues: readonly {
        readonly queued: number
        readonly delivered: number
        readonly waiting: number
      }[]
    }
    readonly discrepancies: readonly string[]
  }
}

interface Round {
  readonly entries: number
  readonly median: number
  readonly p99: number
  readonly summary: Summary
}

const slow = createServer((_, response) => void setTimeout(SLOW_MS).then(() => response.end()))
await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve))
const HOOK = `// Hook
function onItemCaptured(data) {
  if (data.protocol.name === 'http') vendor.webhook('POST', 'http://127.0.0.1:${(slow.address() as AddressInfo).port}/', { id: data.id })
}
`
const rows = [['', 'entries', 'median', 'p99', 'lost', 'calls', 'became']]
const tails: Record<'without' | 'with', number[]> = { without: [], with: [] }
for (let round = 0; round < rounds; round++)
  for (const kind of ['without', 'with'] as const) {
    const { entries, median: middle, p99, summary } = await measureRound(kind === 'with')
    tails[kind].push(p99)
    const { ledger } = summary
    const lost = [ledger.capture.losses, ...ledger.agents.map(({ items }) => items.dropped)].map((each) =>
      Object.values(each).reduce((sum, number) => sum + number, 0),
    )
    const [call] = ledger.effects.calls
    const [queue] = ledger.effects.queues
    rows.push([
      kind,
      String(entries),
      `${middle.toFixed(1)} ms`,
      `${p99.toFixed(1)} ms`,
      String(lost.reduce((sum, number) => sum + number, 0)),
      String(call?.calls ?? 0),
      queue === undefined
        ? '-'
        : `${queue.queued} queued = ${queue.delivered} delivered + ${queue.waiting} waiting, ${ledger.discrepancies.join('; ') || 'adds up'}`,
    ])
  }
print(rows)
console.log(`p99 with / without: ${(median(tails.with) / median(tails.without)).toFixed(2)} (bar: 1.2)`)
slow.closeAllConnections()
slow.close()

async function measureRound(hooked: boolean): Promise<Round> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
  writeFileSync(join(folder, 'watch.js'), WATCH)
  if (hooked) writeFileSync(join(folder, 'hook.js'), HOOK)
  const server = createServer((_, response) => response.end('{}'))
  await new Promise<void>((resolve) => server.listen(PORT, '127.0.0.1', resolve))
  const agents = ['watch.js', ...(hooked ? ['hook.js'] : [])]
  const remora = spawn(
    process.execPath,
    [REMORA, 'run', ...agents, '--interface', 'lo', '--filter', `tcp port ${PORT}`, '--json'],
    { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let output = ''
  remora.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
  })
  try {
    await setTimeout(2500)
    await promisify(execFile)('h2load', [
      '--h1',
      `--requests=${PER_SECOND * seconds}`,
      `--clients=${CLIENTS}`,
      `--rps=${PER_SECOND / CLIENTS}`,
      `http://127.0.0.1:${PORT}/live`,
    ])
    await setTimeout(2500)
    await ended(remora)
    const [, entries, middle, p99] = output.match(/late (\d+) (\S+) ([\d.]+)(?![\s\S]*late \d)/) ?? []
    const summary = JSON.parse(output.trim().split('\n').at(-1) as string) as Summary
    return { entries: Number(entries), median: Number(middle), p99: Number(p99), summary }
  } finally {
    if (remora.exitCode === null) remora.kill('SIGKILL')
    server.closeAllConnections()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ended(child: ChildProcess): Promise<void> {
  const closed = new Promise((resolve) => child.on('close', resolve))
  child.kill('SIGINT')
  await closed
}
