import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, statfsSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { prepareJail } from '../../agent/jail.ts'
import { bestLevel, requireLevel } from '../../agent/launch.ts'
import { captureProgram } from '../../capture/index.ts'
import type { Config, LoadedConfig } from '../../config/index.ts'
import { whoListens } from '../../metrics/listener.ts'
import { bytes } from '../table.ts'
import { type Finding, found, notPossible, ok, warning } from './finding.ts'

/** What this machine allows: programs, permissions, interfaces, time, room. */
export async function machineFindings(loaded: LoadedConfig, cwd: string): Promise<Finding[]> {
  const { config } = loaded
  return [
    ok('node', `${process.version} ${process.execPath}`),
    await found('sandbox', true, () => sandbox(config)),
    await found('jail', true, () => ok('jail', prepareJail().root)),
    ...(await capture()),
    clock(Date.now()),
    ...folders(loaded, cwd),
    ...(await ports(config)),
  ]
}

function sandbox({ scripting }: Config): Finding {
  const best = bestLevel()
  if (scripting.sandbox !== 'auto') requireLevel(scripting.sandbox, best)
  if (best.level === 'full')
    return ok('sandbox', 'full: agents have no files, no network, no processes and a user of their own')
  const left =
    best.level === 'userns'
      ? 'agents have no files, no network and no processes; not "full"'
      : "only Node's permission model and memory limits hold agents"
  return warning('sandbox', `${best.level}: ${left}, because: ${best.because}`, 'run as root on Linux')
}

async function capture(): Promise<Finding[]> {
  const program = await found('live capture', false, async () => {
    const path = await captureProgram()
    return ok('live capture', `${path} may capture on every interface`)
  })
  const tools = await Promise.all(['dumpcap', 'tcpdump'].map(tool))
  return [program, ...tools.flatMap((each) => each ?? []), ...interfaces(program.state === 'ok')]
}

async function tool(name: string): Promise<Finding | undefined> {
  try {
    const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/usr/local/sbin:/sbin` }
    const { stdout, stderr } = await promisify(execFile)(name, ['--version'], { timeout: 3000, env })
    const [first = ''] = `${stdout}${stderr}`.split('\n')
    return ok(name, first.slice(0, 100) || 'is there')
  } catch {
    return undefined
  }
}

function interfaces(mayCapture: boolean): Finding[] {
  const names = existsSync(NETS) ? readdirSync(NETS).sort() : Object.keys(networkInterfaces())
  const all = names.map((name) => {
    const what = `interface ${name}`
    const addresses = networkInterfaces()[name]?.map(({ address }) => address) ?? []
    const state = stateOf(name)
    const described = [state, ...addresses].filter((each) => each !== '').join(', ')
    if (!mayCapture) return notPossible(what, `${described}: nothing is captured`, 'see live capture', false)
    if (state === 'down') return warning(what, 'down: nothing comes', `ip link set ${name} up`)
    return ok(what, `${described}: captured by --interface any and --interface ${name}`)
  })
  const more = all.length - MOST_INTERFACES
  return more <= 0
    ? all
    : [...all.slice(0, MOST_INTERFACES), ok('interfaces', `and ${more} more, which are much the same`)]
}

function stateOf(name: string): string {
  try {
    const state = readFileSync(join(NETS, name, 'operstate'), 'utf8').trim()
    return state === 'unknown' ? 'up' : state
  } catch {
    return ''
  }
}

/** A clock that is behind our own files is wrong; whether it is right nobody here knows. */
export function clock(nowMs: number): Finding {
  const built = statSync(fileURLToPath(new URL('../../../package.json', import.meta.url))).mtimeMs
  const shown = new Date(nowMs).toISOString()
  if (nowMs < FIRST_YEAR || nowMs + 86_400_000 < built)
    return warning(
      'clock',
      `${shown}: it is behind`,
      'set it, and keep it with NTP: timedatectl set-ntp true',
    )
  const kept = existsSync('/run/systemd/timesync/synchronized')
  return ok('clock', `${shown}, ${kept ? 'kept by NTP' : 'whether it is kept by NTP is not known'}`)
}

function folders({ config, origins }: LoadedConfig, cwd: string): Finding[] {
  const all: readonly (readonly [key: string, path: string])[] = [
    ['scripting.data', config.scripting.data],
    ...(config.hub.store === 'folder' ? [['hub.folder', config.hub.folder] as const] : []),
    ['hub.state', config.hub.state],
    ...(config.entries.store === 'off' ? [] : [['entries.folder', config.entries.folder] as const]),
  ]
  return all.map(([key, path]) => folder(key, resolve(cwd, path), origins.has(key)))
}

/** Folders that are not there will be made: what counts is the one above them. */
function folder(key: string, path: string, isNeeded: boolean): Finding {
  const what = `folder ${key}`
  let there = path
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  try {
    rmdirSync(mkdtempSync(join(there, '.remora-doctor-')))
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return notPossible(
      what,
      `${path} cannot be written to: ${code}`,
      `choose another with --set ${key}=FOLDER`,
      isNeeded,
    )
  }
  const { bavail, bsize } = statfsSync(there)
  const free = bavail * bsize
  const why = `${path}${there === path ? '' : ' (will be made)'}, ${bytes(free)} free`
  return free < LEAST_FREE
    ? warning(what, why, `make room, or choose another with --set ${key}=FOLDER`)
    : ok(what, why)
}

async function ports({ tap }: Config): Promise<Finding[]> {
  const { host } = tap.proxy
  return [
    await port('tap.proxy.front.port', host, tap.proxy.front.port),
    await port('tap.metrics.port', tap.metrics.host, tap.metrics.port),
  ]
}

async function port(key: string, host: string, number: number): Promise<Finding> {
  const what = `port ${number}`
  const server = createServer()
  try {
    server.listen(number, host)
    await once(server, 'listening')
    server.close()
    return ok(what, `${key} is free on ${host}`)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    const hint = `if that is not Remora, choose another with --set ${key}=PORT`
    if (code === 'EADDRINUSE')
      return warning(what, `${key}: ${whoListens(number) ?? 'another program'} listens on it`, hint)
    return notPossible(what, `${key} cannot be listened on at ${host}: ${code}`, hint, true)
  }
}

const NETS = '/sys/class/net'
const MOST_INTERFACES = 20
const LEAST_FREE = 1 << 30
const FIRST_YEAR = Date.UTC(2025, 0)
