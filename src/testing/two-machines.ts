import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { hasTools, succeeds } from './loopback.ts'
import { run, startProgram } from './programs.ts'
import { until } from './until.ts'

/** Addresses of the two, each in a network namespace of its own. */
export const CLIENT = '10.77.0.1'
export const SERVER = '10.77.0.2'

/** Two network namespaces with a cable between them; undefined, and the test skipped, where there can be none. In CI that fails. */
export async function twoMachines(
  t: TestContext,
): Promise<{ readonly client: Machine; readonly server: Machine } | undefined> {
  if (!hasTools(t, 'ip', 'nft', 'curl')) return undefined
  if (!succeeds(t, 'a network namespace (that takes root)', 'unshare -n true')) return undefined
  const id = `${process.pid}-${number++}`
  const client = new Machine(t, `remora-c-${id}`, `rc${id}`)
  const server = new Machine(t, `remora-s-${id}`, `rs${id}`)
  ip(
    'link',
    'add',
    client.interface,
    'netns',
    client.name,
    'type',
    'veth',
    'peer',
    'name',
    server.interface,
    'netns',
    server.name,
  )
  client.up(CLIENT)
  server.up(SERVER)
  return { client, server }
}

let number = 0

/** A network namespace, until the test is over. */
export class Machine {
  readonly #t: TestContext
  readonly name: string
  /** Its end of the cable. */
  readonly interface: string

  constructor(t: TestContext, name: string, device: string) {
    this.#t = t
    this.name = name
    this.interface = device
    ip('netns', 'add', name)
    t.after(() => spawnSync('ip', ['netns', 'delete', name]))
  }

  up(address: string): void {
    ip('-n', this.name, 'address', 'add', `${address}/24`, 'dev', this.interface)
    ip('-n', this.name, 'link', 'set', 'lo', 'up')
    ip('-n', this.name, 'link', 'set', this.interface, 'up')
  }

  /** What runs a program there. */
  command(...command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.name, ...command]
  }

  start(...command: readonly string[]): ChildProcess {
    const [program = '', ...args] = this.command(...command)
    return startProgram(this.#t, program, args)
  }

  /** Serves HTTP: `/` answers at once, `/stream` goes on for ever. */
  async serve(...ports: readonly number[]): Promise<void> {
    this.start(process.execPath, '-e', `(${serveHttp.toString()})(${JSON.stringify(ports)})`)
    for (const port of ports) await until(() => this.reaches('127.0.0.1', port))
  }

  /** Whether a request is answered within a second. */
  async reaches(address: string, port: number, path = '/'): Promise<boolean> {
    const [program = '', ...args] = this.command(
      'curl',
      '-sS',
      '-m',
      '1',
      '-o',
      '/dev/null',
      `http://${address}:${port}${path}`,
    )
    const child = spawn(program, args, { stdio: 'ignore' })
    const [code] = await once(child, 'close')
    return code === 0
  }

  /** What an address answers there; rejects when it does not. */
  async read(url: string, method = 'GET'): Promise<string> {
    const [program = '', ...args] = this.command('curl', '-sS', '-f', '-m', '30', '-X', method, url)
    const { code, stdout, stderr } = await run(program, args)
    if (code !== 0) throw new Error(`${url}: ${stderr}`)
    return stdout
  }

  /** A connection on which the other side sends all the time. */
  async openStream(address: string, port: number) {
    const child = this.start('curl', '-sSN', `http://${address}:${port}/stream`)
    let received = 0
    child.stdout?.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    return {
      /** Until something has come. */
      receives: () => until(() => received > 0),
      /** Whether nothing comes any more: what was sent already may. */
      isSilent: async () => {
        await until(async () => {
          const before = received
          await setTimeout(300)
          return received === before
        })
        return child.exitCode === null
      },
    }
  }
}

/** Runs elsewhere: it must need nothing of this file. */
function serveHttp(ports: readonly number[]): void {
  const http = require('node:http') as typeof import('node:http')
  for (const port of ports)
    http
      .createServer((request, response) => {
        if (request.url !== '/stream') return void response.end('ok\n')
        const timer = setInterval(() => response.write('more\n'), 20)
        response.on('close', () => clearInterval(timer))
      })
      .listen(port)
}

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}
