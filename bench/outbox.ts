/**
 * Effects that are not lost.
 *
 *     node bench/outbox.ts [--seconds 600] [--rate 500]
 *         The real program (`remora tap`) with an agent that queues so many webhooks a second, to two receivers. One of them is
 *         gone for so long, and meanwhile the program is killed twice (`kill -9`) and started again. Bar: nothing is lost, at most
 *         1 % comes twice, in order, and the memory of the program does not grow with what waits.
 *     node bench/outbox.ts --accept
 *         Queued calls that are taken each second: by the outbox alone, beside a file to which is only appended, by the broker, and
 *         from a script. Bar: 20,000 for each core.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { storedAgent } from '../src/agent/agents.ts'
import { HelperBroker } from '../src/agent/broker.ts'
import { AgentGroup } from '../src/agent/group.ts'
import { SandboxLauncher } from '../src/agent/launcher.ts'
import { agentSettings } from '../src/agent/settings.ts'
import { configOf } from '../src/cli/options.ts'
import { entryProtocols } from '../src/dissectors/index.ts'
import { Outbox } from '../src/outbox/outbox.ts'
import { print, REMORA } from './measure.ts'

const { values } = parseArgs({
  options: {
    accept: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '600' },
    rate: { type: 'string', default: '500' },
  },
})
const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
// --- an outage ---------------------------------------------------------------------------------------------------

/** Takes requests while it is up, and remembers in which order the numbers of each run of the program came. */
class Receiver {
  readonly seen = new Map<string, number[]>()
  requests = 0
  #server: Server | undefined
  port = 0

  async up(): Promise<void> {
    const server = createServer((request, reply) => {
      let body = ''
      request.on('data', (part: Buffer) => {
        body += part
      })
      request.on('end', () => {
        const { run, n } = JSON.parse(body) as { run: string; n: number }
        const numbers = this.seen.get(run) ?? []
        numbers.push(n)
        this.seen.set(run, numbers)
        this.requests++
        reply.end()
      })
    })
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve))
    this.port = (server.address() as AddressInfo).port
    this.#server = server
  }

  down(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }
}

/** What has come of the numbers 0 … of each run. */
function judge({ seen }: Receiver, accepted: ReadonlyMap<string, number>) {
  let [lost, twice, disordered, calls] = [0, 0, 0, 0]
  for (const [run, numbers] of seen) {
    const distinct = new Set(numbers)
    const count = Math.max(Math.max(...distinct) + 1, accepted.get(run) ?? 0)
    calls += count
    lost += count - distinct.size
    twice += numbers.length - distinct.size
    let highest = -1
    for (const n of numbers) {
      // What comes twice may come late.
      if (n < highest - 1) disordered++
      highest = Math.max(highest, n)
    }
  }
  for (const [run, count] of accepted) if (!seen.has(run)) lost += count
  return { calls, lost, twice, disordered }
}

const AGENT = `// Title: queues
var began = Date.now(), run = String(began), n = 0, m = 0
function send(url, number) {
  vendor.webhook.queue('POST', url, { run: run, n: number, text: '${'x'.repeat(200)}' }, { Authorization: 'Bearer ' + env.TOKEN })
}
setInterval(function () {
  if (Date.now() > env.UNTIL) return
  var due = Math.min(Math.floor((Date.now() - began) * env.RATE / 1000), n + 200)
  for (; n < due; n++) {
    send(env.DOWN, n)
    if (n % 50 === 0) { send(env.UP, m); m++ }
  }
}, 20)
setInterval(function () { console.log('accepted', run, n, m) }, 1000)
`

async function outage(seconds: number, rate: number): Promise<void> {
  const down = new Receiver()
  const up = new Receiver()
  await down.up()
  await up.up()
  const agent = join(folder, 'queues.js')
  writeFileSync(agent, AGENT)
  const until = Date.now() + (WARM_UP_S + seconds + AFTER_S) * 1000
  const settings = {
    'hub.folder': join(folder, 'agents'),
    'hub.state': join(folder, 'state'),
    'scripting.data': join(folder, 'data'),
    'entries.store': 'off',
    'hub.metricsPort': 0,
    'tap.metrics.port': 0,
    'tap.proxy.front.port': 0,
    'scripting.env.DOWN': `http://127.0.0.1:${down.port}/`,
    'scripting.env.UP': `http://127.0.0.1:${up.port}/`,
    'scripting.env.TOKEN': 'a-token-that-is-no-ones-business',
    'scripting.env.RATE': rate,
    'scripting.env.UNTIL': until,
  }
  const args = ['tap', agent, '--interface', 'lo', '--filter', 'port 9']
  for (const [key, value] of Object.entries(settings)) args.push('--set', `${key}=${value}`)
  const accepted = { down: new Map<string, number>(), up: new Map<string, number>() }
  const memory: { at: number; mib: number; run: number }[] = []
  let run = 0
  let child = start()
  const began = Date.now()
  const timer = setInterval(() => {
    const mib = residentMib(child.pid ?? 0)
    if (mib > 0) memory.push({ at: (Date.now() - began) / 1000, mib, run })
  }, 1000)
  const kill = () => {
    child.kill('SIGKILL')
    run++
    child = start()
  }

  await pause(WARM_UP_S * 1000)
  console.log(`${at()}: one receiver goes, after ${down.requests} requests`)
  down.down()
  await pause((seconds * 1000) / 3)
  kill()
  console.log(`${at()}: killed and started again; ${up.requests} requests at the other receiver`)
  await pause((seconds * 1000) / 3)
  kill()
  console.log(`${at()}: killed and started again; ${up.requests} requests at the other receiver`)
  await pause((seconds * 1000) / 3)
  const before = down.requests
  const backAt = performance.now()
  let drainedAt = backAt
  await down.up()
  console.log(`${at()}: it is back`)
  let last = down.requests
  for (let changedAt = performance.now(); performance.now() < changedAt + LONGEST_PAUSE_MS; ) {
    await pause(LOOK_MS)
    if (last !== down.requests || Date.now() < until) changedAt = performance.now()
    last = down.requests
    drainedAt = changedAt
    console.log(`${at()}: ${down.requests} requests, ${memory.at(-1)?.mib} MiB`)
  }
  const drainS = (drainedAt - backAt) / 1000
  clearInterval(timer)
  child.kill('SIGTERM')
  await new Promise((resolve) => child.once('exit', resolve))
  down.down()
  up.down()

  const rows = [['receiver', 'calls', 'lost', 'twice', 'out of order']]
  for (const [name, receiver, taken] of [
    ['that was gone', down, accepted.down],
    ['that was there', up, accepted.up],
  ] as const) {
    const { calls, lost, twice, disordered } = judge(receiver, taken)
    const share = `${twice} (${((twice / calls) * 100).toFixed(4)} %)`
    rows.push([name, `${calls}`, `${lost}`, share, `${disordered}`])
  }
  print(rows)
  console.log(`after it was back: ${((down.requests - before) / drainS).toFixed(0)} requests a second`)
  for (let each = 0; each <= run; each++) {
    const own = memory.filter((sample) => sample.run === each && sample.mib > 0)
    const settled = own.slice(Math.min(10, own.length - 1))
    const highest = Math.max(...settled.map(({ mib }) => mib))
    console.log(
      `memory of run ${each + 1}, MiB: ${settled[0]?.mib} after ten seconds, ${settled.at(-1)?.mib} at its end, ${highest} at most`,
    )
  }

  function at(): string {
    return `${((Date.now() - began) / 1000).toFixed(0)} s`
  }

  function start(): ChildProcess {
    const started = spawn(process.execPath, [REMORA, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    started.stdout?.on('data', (chunk: Buffer) => {
      for (const [, name = '', n, m] of chunk.toString().matchAll(/accepted (\d+) (\d+) (\d+)/g)) {
        accepted.down.set(name, Number(n))
        accepted.up.set(name, Number(m))
      }
    })
    started.stderr?.on('data', (chunk: Buffer) => {
      for (const line of chunk.toString().split('\n'))
        if (/"level":"(error|warning)|remora: /.test(line)) process.stderr.write(`  ${line.slice(0, 300)}\n`)
    })
    return started
  }
}

const WARM_UP_S = 30
const AFTER_S = 10
const LOOK_MS = 5000
/** Between two attempts of the outbox, and more. */
const LONGEST_PAUSE_MS = 70_000

function residentMib(pid: number): number {
  try {
    const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Math.round(Number(kib) / 1024)
  } catch {
    return 0
  }
}

// --- how many are taken ------------------------------------------------------------------------------------------

async function accept(): Promise<void> {
  const args = JSON.stringify(['POST', 'http://127.0.0.1:9/', { n: 1, text: 'x'.repeat(200) }, {}])
  const rows = [['', 'calls a second', 'for each core (CPU time)']]

  const log = openSync(join(folder, 'log'), 'a')
  rows.push(measured('appended to a file', () => void writeSync(log, `${args}\n`)))
  closeSync(log)

  const outbox = new Outbox({
    folder: join(folder, 'alone'),
    maxBytes: 1 << 30,
    whenFull: 'refuse',
    maxAgeMs: 0,
    mostAttempts: 1000,
    report: console.error,
    delivery: {
      limits: () => ({ most: 1, mostBytes: 0 }),
      send: () => Promise.reject(new Error('away')),
      retryOf: () => ({ when: 'later' }),
      failuresOf: () => undefined,
      died: () => {},
      leavesSomething: () => false,
      gone: () => {},
    },
  })
  const call = { agent: 'a', title: 'a', index: 0, path: 'vendor.webhook', at: 1, args }
  rows.push(measured('outbox, one key', () => void outbox.push({ ...call, key: 'k' })))
  let n = 0
  rows.push(measured('outbox, 500 keys', () => void outbox.push({ ...call, key: `k${n++ % 500}` })))
  await outbox.close()

  rows.push(await fromScript('from a script that looks at each answer', 'last = '))
  rows.push(await fromScript('from a script that looks at none', ''))
  print(rows)
}

/** Queued calls of a script through the real sandbox and broker. `use`: what stands before each call. */
async function fromScript(name: string, use: string): Promise<string[]> {
  const own = mkdtempSync(join(folder, 'script-'))
  const { config } = configOf({
    set: [
      `scripting.data=${join(own, 'data')}`,
      'scripting.env.TOKEN=a-token-that-is-no-ones-business',
      'scripting.budgets.hookMs=100000',
    ],
  })
  const link = {
    action() {},
    alert() {},
    targeted: () => ({ targets: [], excluded: [] }),
    health: () => ({}),
  }
  const report = console.error
  const broker = new HelperBroker({
    config,
    nodeName: 'n',
    link,
    outbox: { folder: join(own, 'broker'), report },
  })
  const options = { language: 'es5', protocols: entryProtocols } as const
  const script = `var last, left = ${FROM_SCRIPT + WARM_UP}, args = ['POST', 'http://127.0.0.1:9/', { n: 1, text: '${'x'.repeat(200)}' }, { Authorization: 'Bearer ' + env.TOKEN }]
    function some() {
      for (var n = 0; n < 200; n++) ${use}vendor.webhook.queue(args[0], args[1], args[2], args[3])
      left -= 200
      if (left === ${FROM_SCRIPT}) console.log('warm')
      if (left > 0) setTimeout(some, 0)
      else console.log('done')
    }
    setTimeout(some, 1000)`
  const agent = storedAgent({ id: 'a', version: 1, index: 0, title: 'a', code: script }, options)
  const settings = agentSettings(config, new SandboxLauncher())
  const { ignoredResults } = config.scripting
  const done = Promise.withResolvers<void>()
  let began = 0
  let cpu = process.cpuUsage()
  let sandboxMs = 0
  const group = new AgentGroup(
    {
      ...settings,
      host: { ...settings.host, ignoredResults },
      agents: [agent],
      nodeName: 'n',
      hub: 'never',
      query: null,
    },
    {
      line: ({ text }) => {
        if (text === 'done') done.resolve()
        else if (text !== 'warm') console.log(text)
        if (text !== 'warm') return
        began = performance.now()
        cpu = process.cpuUsage()
        sandboxMs = childrenCpuMs()
      },
      entry() {},
      call: (asked) => broker.call(asked),
    },
  )
  await group.start({ live: true, startMs: Date.now() })
  await group.load()
  group.begin()
  await done.promise
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (FROM_SCRIPT / (performance.now() - began)) * 1000
  const ownMs = (user + system) / 1000
  const allMs = ownMs + childrenCpuMs() - sandboxMs
  const per = (ms: number) => ((FROM_SCRIPT / ms) * 1000).toFixed(0)
  await group.close()
  await broker.close()
  return [name, perSecond.toFixed(0), `${per(ownMs)} of the broker; ${per(allMs)} with the sandbox`]
}

/** CPU time of the processes that this one has started, ms: proc(5), in ticks of 10 ms. */
function childrenCpuMs(): number {
  const pids = readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))
  return pids.reduce((sum, pid) => {
    const [, rest = ''] = statOf(pid).split(') ')
    const [, parent, ...fields] = rest.split(' ')
    return parent === String(process.pid) ? sum + (Number(fields[9]) + Number(fields[10])) * 10 : sum
  }, 0)
}

function statOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

/** Many at once, so that a flush of the disk is in it. */
function measured(name: string, push: () => void): string[] {
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let n = 0; n < ALONE; n++) push()
  const ms = performance.now() - began
  const { user, system } = process.cpuUsage(cpu)
  return [name, ((ALONE / ms) * 1000).toFixed(0), ((ALONE / (user + system)) * 1e6).toFixed(0)]
}

const ALONE = 200_000
const FROM_SCRIPT = 40_000
const WARM_UP = 4000

try {
  if (values.accept) await accept()
  else await outage(Number(values.seconds), Number(values.rate))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
