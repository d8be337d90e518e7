import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { hasTools, succeeds } from './loopback.ts'
import { run } from './programs.ts'
import { until } from './until.ts'

/** A pod: a network namespace with an address of its own, behind a veth pair of its node. */
export interface TestPod {
  readonly namespace: string
  readonly ip: string
}

/** A node: a network namespace that passes on what pods send, and translates addresses of services as kube-proxy does. */
export interface TestNode {
  readonly name: string
  readonly namespace: string
  readonly ip: string
  readonly pods: readonly TestPod[]
}

/** An address that stands for a port of a pod. */
export interface TestService {
  readonly ip: string
  readonly port: number
  readonly transport: 'tcp' | 'udp'
  /** Address and port. */
  readonly to: string
  /** Its own node is taken for who asks, as through a port of a node. */
  readonly isMasqueraded?: boolean
}

/** Nodes on one network, each with pods behind veth pairs; undefined, and the test skipped, where that cannot be had. */
export function nodeNetworks(
  t: TestContext,
  { nodes, pods, services }: { nodes: number; pods: number; services: readonly TestService[] },
): readonly TestNode[] | undefined {
  if (!hasTools(t, 'ip', 'nft', 'dumpcap')) return undefined
  const prefix = `r${process.pid.toString(36)}`
  const may = `ip netns add ${prefix}t && ip netns del ${prefix}t`
  if (!succeeds(t, 'network namespaces', may)) return undefined
  const namespaces: string[] = []
  const add = (namespace: string) => {
    ip('netns', 'add', namespace)
    namespaces.push(namespace)
    ip('-n', namespace, 'link', 'set', 'lo', 'up')
    return namespace
  }
  t.after(() => {
    for (const namespace of namespaces) ip('netns', 'del', namespace)
  })
  // The network between nodes is a bridge in a namespace of its own.
  const network = add(`${prefix}-net`)
  ip('-n', network, 'link', 'add', 'br0', 'type', 'bridge')
  ip('-n', network, 'link', 'set', 'br0', 'up')
  const numbers = Array.from({ length: nodes }, (_, at) => at + 1)
  return numbers.map((number) => {
    const namespace = add(`${prefix}-n${number}`)
    inside(namespace, 'sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.disable_ipv6=1')
    connect([namespace, 'eth0'], [network, `node${number}`])
    ip('-n', network, 'link', 'set', `node${number}`, 'master', 'br0')
    address(namespace, 'eth0', `192.168.77.${number}/24`)
    for (const other of numbers)
      if (other !== number)
        ip('-n', namespace, 'route', 'add', `10.${other}.0.0/16`, 'via', `192.168.77.${other}`)
    const behind = Array.from({ length: pods }, (_, at) => {
      const pod = add(`${prefix}-p${number}${at}`)
      connect([pod, 'eth0'], [namespace, `veth${at}`])
      address(namespace, `veth${at}`, `10.${number}.${at}.1/24`)
      address(pod, 'eth0', `10.${number}.${at}.10/24`)
      ip('-n', pod, 'route', 'add', 'default', 'via', `10.${number}.${at}.1`)
      return { namespace: pod, ip: `10.${number}.${at}.10` }
    })
    translate(namespace, services)
    return { name: `n${number}`, namespace, ip: `192.168.77.${number}`, pods: behind }
  })
}

/** A program inside a namespace, which is ended after the test. */
export function startInside(
  t: Pick<TestContext, 'after'>,
  namespace: string,
  command: readonly string[],
  options: { readonly cwd?: string } = {},
): { readonly child: ChildProcess; readonly said: () => string } {
  // With exec, so that a signal reaches the program itself.
  const child = spawn('ip', ['netns', 'exec', namespace, ...command], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
  const closed = once(child, 'close')
  t.after(async () => {
    child.kill('SIGTERM')
    const killer = setTimeout(() => child.kill('SIGKILL'), 10_000)
    await closed
    clearTimeout(killer)
  })
  return { child, said: () => said }
}

/** HTTP on port 8080 and DNS on port 5353 of a pod, until the test is over. */
export async function servePod(t: Pick<TestContext, 'after'>, pod: TestPod): Promise<void> {
  const { said } = startInside(t, pod.namespace, [process.execPath, SERVER])
  await until(() => said().includes('ready'), said)
}

/** Asks, one after another, for `http://…` and for names of `dns://SERVER:PORT/NAME`, from a pod. */
export async function askFrom(pod: TestPod, ...urls: readonly string[]): Promise<void> {
  const { code, stderr } = await run('ip', [
    ...['netns', 'exec', pod.namespace, process.execPath],
    ...[CLIENT, ...urls],
  ])
  if (code !== 0) throw new Error(stderr)
}

function connect([from, name]: readonly [string, string], [to, peer]: readonly [string, string]): void {
  ip('link', 'add', name, 'netns', from, 'type', 'veth', 'peer', 'name', peer, 'netns', to)
  ip('-n', from, 'link', 'set', name, 'up')
  ip('-n', to, 'link', 'set', peer, 'up')
}

function address(namespace: string, name: string, cidr: string): void {
  ip('-n', namespace, 'addr', 'add', cidr, 'dev', name)
}

function translate(namespace: string, services: readonly TestService[]): void {
  const rules = services.map(
    ({ ip, transport, port, to }) => `ip daddr ${ip} ${transport} dport ${port} dnat to ${to};`,
  )
  const masked = services.flatMap(({ ip, isMasqueraded }) =>
    isMasqueraded === true ? `ct original ip daddr ${ip} masquerade;` : [],
  )
  const chains = [
    ['services { type nat hook prerouting priority dstnat;', ...rules, '}'],
    ['masks { type nat hook postrouting priority srcnat;', ...masked, '}'],
  ]
  execFileSync('ip', ['netns', 'exec', namespace, 'nft', '-f', '-'], {
    input: `table ip nat {\n${chains.map((lines) => `chain ${lines.join('\n')}`).join('\n')}\n}\n`,
  })
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args)
}

function inside(namespace: string, ...command: readonly string[]): void {
  ip('netns', 'exec', namespace, ...command)
}

const SERVER = fileURLToPath(new URL('./pod-server.ts', import.meta.url))
const CLIENT = fileURLToPath(new URL('./pod-client.ts', import.meta.url))
