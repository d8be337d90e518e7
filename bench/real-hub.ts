import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { freePort, untilListening } from '../src/testing/ports.ts'
import { REMORA } from './measure.ts'

/** A hub as a process of its own over a nats-server of its own, with nothing stored. */
export interface RealHub {
  readonly url: string
  readonly natsUrl: string
  readonly folder: string
  readonly pid: number
  readonly natsPid: number
  close(): Promise<void>
}

export interface RealHubOptions {
  /** For Node, such as `--cpu-prof`. */
  readonly flags?: readonly string[]
  /** Settings, as `--set` takes them. */
  readonly settings?: readonly string[]
  /** A program that runs it in its own place, with its arguments. */
  readonly within?: readonly string[]
}

export async function startRealHub({
  flags = [],
  settings = [],
  within = [],
}: RealHubOptions = {}): Promise<RealHub> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
  const port = await freePort()
  const nats = spawn(
    'nats-server',
    ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', join(folder, 'nats')],
    {
      stdio: 'ignore',
    },
  )
  await untilListening(port, nats)
  const natsUrl = `nats://127.0.0.1:${port}`
  const all = [
    `hub.folder=${join(folder, 'agents')}`,
    `hub.state=${join(folder, 'state')}`,
    `scripting.data=${join(folder, 'data')}`,
    'hub.metricsPort=0',
    'tap.proxy.front.port=0',
    ...settings,
  ]
  const settingFlags = all.flatMap((each) => ['--set', each])
  const command = [...within, process.execPath, ...flags, REMORA, 'hub', '--nats', natsUrl, ...settingFlags]
  const hub = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'inherit', 'pipe'] })
  const url = await urlOf(hub)
  return {
    url,
    natsUrl,
    folder,
    pid: hub.pid as number,
    natsPid: nats.pid as number,
    close: async () => {
      await ended(hub, 'SIGTERM')
      await ended(nats, 'SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** What it says of itself once it can be reached; errors are shown. */
async function urlOf(hub: ChildProcess): Promise<string> {
  let said = ''
  const found = Promise.withResolvers<string>()
  hub.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
    const url = /the API is at (\S+?),/.exec(said)?.[1]
    if (url !== undefined) found.resolve(url)
    for (const line of chunk.toString().split('\n'))
      if (/"level":"error/.test(line)) process.stderr.write(`hub: ${line}\n`)
  })
  hub.once('exit', (code) => found.reject(new Error(`the hub has ended with ${code}: ${said}`)))
  return found.promise
}

/** Forks a benchmark as workers; resolves when each has said that it is ready. */
export async function forkWorkers(
  file: string,
  parts: readonly (readonly string[])[],
): Promise<ChildProcess[]> {
  const children = parts.map((args) => fork(file, ['worker', ...args]))
  await Promise.all(children.map((child) => once(child, 'message')))
  return children
}

export async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}

/** CPU time of all threads of a process so far, ms. */
export function cpuMsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Share of a core that a process takes for so long. */
export async function shareOfCore(pid: number, ms: number): Promise<number> {
  const [cpu, at] = [cpuMsOf(pid), performance.now()]
  await setTimeout(ms)
  return (cpuMsOf(pid) - cpu) / (performance.now() - at)
}

export function residentMb(pid: number): number {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096) / (1 << 20)
}

/** For the output: what else the machine does. */
export function machine(): string {
  return `${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`
}

/** Resolves when it is so; looks all the time, so that what is measured is not the time between looks. */
export async function whenTrue(isSo: () => boolean | Promise<boolean>, patienceMs: number): Promise<void> {
  const until = performance.now() + patienceMs
  while (!(await isSo())) {
    if (performance.now() > until) throw new Error(`not so within ${patienceMs} ms: ${isSo}`)
    await setTimeout(2)
  }
}

export const natsSettings = (url: string) => ({
  url,
  prefix: 'remora',
  user: '',
  password: '',
  token: '',
  creds: '',
  replicas: 1,
  tls: { ca: '', cert: '', key: '' },
})
