import { type ChildProcess, execFileSync, spawn } from 'node:child_process'

/**
 * Machines that are network namespaces: nodes on one Ethernet, and pods behind them, each with an interface `eth0` of its own, joined
 * to its node by a veth pair and routed, as Calico does it. What runs in them is real, and so is what they send. Needs root.
 */
export class Lab {
  readonly #prefix: string
  readonly #spaces = new Set<string>()
  #links = 0

  /** Removes what a lab of this name has left, and lays the cable. */
  constructor(prefix: string) {
    this.#prefix = prefix
    for (const name of namespaces()) if (name.startsWith(`${prefix}-`)) ip('netns', 'del', name)
    removeLink(`${prefix}-here`)
    const cable = this.#add('cable')
    ip('-n', cable, 'link', 'add', 'br0', 'type', 'bridge')
    ip('-n', cable, 'link', 'set', 'br0', 'up')
    ip('link', 'add', `${prefix}-here`, 'type', 'veth', 'peer', 'name', 'here', 'netns', cable)
    ip('-n', cable, 'link', 'set', 'here', 'master', 'br0', 'up')
    ip('addr', 'add', `${HERE}/24`, 'dev', `${prefix}-here`)
    ip('link', 'set', `${prefix}-here`, 'up')
  }

  /** A machine on the cable with this address, such as 10.60.0.1. Answers its namespace. */
  machine(name: string, address: string): string {
    const [space, cable] = [this.#add(name), this.#space('cable')]
    ip('link', 'add', 'eth0', 'netns', space, 'type', 'veth', 'peer', 'name', name, 'netns', cable)
    ip('-n', cable, 'link', 'set', name, 'master', 'br0', 'up')
    ip('-n', space, 'addr', 'add', `${address}/24`, 'dev', 'eth0')
    ip('-n', space, 'link', 'set', 'eth0', 'up')
    // Proxy ARP answers for what there is a route to.
    ip('-n', space, 'route', 'add', 'default', 'via', HERE)
    inside(space, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward')
    return space
  }

  /** `network` is behind the machine `via`, for everybody else on the cable. */
  route(network: string, via: string, machines: readonly string[]): void {
    ip('route', 'replace', network, 'via', via)
    for (const machine of machines) ip('-n', this.#space(machine), 'route', 'replace', network, 'via', via)
  }

  /** Takes a machine off the cable, or puts it back. */
  cut(machine: string, isCut: boolean): void {
    ip('-n', this.#space('cable'), 'link', 'set', machine, isCut ? 'down' : 'up')
  }

  /** A pod on a machine, with this address. Answers its namespace. */
  pod(name: string, machine: string, address: string): string {
    const [pod, node] = [this.#add(name), this.#space(machine)]
    const veth = `veth${++this.#links}`
    ip('link', 'add', veth, 'netns', node, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod)
    inside(node, 'sh', '-c', `echo 1 > /proc/sys/net/ipv4/conf/${veth}/proxy_arp`)
    ip('-n', node, 'link', 'set', veth, 'up')
    ip('-n', node, 'route', 'replace', `${address}/32`, 'dev', veth)
    ip('-n', pod, 'addr', 'add', `${address}/32`, 'dev', 'eth0')
    ip('-n', pod, 'link', 'set', 'eth0', 'up')
    ip('-n', pod, 'route', 'add', GATEWAY, 'dev', 'eth0')
    ip('-n', pod, 'route', 'add', 'default', 'via', GATEWAY)
    return pod
  }

  /** A pod is gone, with its interface and what runs in it. */
  remove(name: string): void {
    const space = this.#space(name)
    for (const pid of ip('netns', 'pids', space).split('\n').filter(Boolean)) kill(Number(pid))
    ip('netns', 'del', space)
    this.#spaces.delete(space)
  }

  /** Runs a program in a namespace, to its end; answers what it has printed. */
  run(name: string, ...command: readonly string[]): string {
    return inside(this.#space(name), ...command)
  }

  /** Starts a program in a namespace. Its process id is that of the program itself. */
  start(name: string, command: readonly string[], options: { readonly cwd?: string } = {}): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', this.#space(name), ...command], {
      ...options,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child.stdout.resume()
    child.stderr.resume()
    return child
  }

  /** Command and arguments that lead into a namespace. */
  into(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#space(name)]
  }

  destroy(): void {
    for (const space of this.#spaces) {
      for (const pid of ip('netns', 'pids', space).split('\n').filter(Boolean)) kill(Number(pid))
      ip('netns', 'del', space)
    }
    this.#spaces.clear()
    removeLink(`${this.#prefix}-here`)
  }

  #add(name: string): string {
    const space = this.#space(name)
    ip('netns', 'add', space)
    this.#spaces.add(space)
    ip('-n', space, 'link', 'set', 'lo', 'up')
    return space
  }

  #space(name: string): string {
    return `${this.#prefix}-${name}`
  }
}

/** Address of this machine on the cable. */
export const HERE = '10.60.0.254'
/** Answered for by the proxy ARP of every node. */
const GATEWAY = '169.254.1.1'

function ip(...args: readonly string[]): string {
  return execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

function inside(space: string, ...command: readonly string[]): string {
  return ip('netns', 'exec', space, ...command)
}

function namespaces(): string[] {
  return ip('netns', 'list')
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter(Boolean)
}

function removeLink(name: string): void {
  try {
    ip('link', 'del', name)
  } catch {
    // There was none.
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}
