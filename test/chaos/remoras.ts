import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import type { HubClient } from '../../src/client/hub-client.ts'
import { openHubClient } from '../../src/client/open-hub-client.ts'
import type { NatsServer } from '../../src/testing/nats-server.ts'
import { freePorts } from '../../src/testing/ports.ts'
import { tempFolder } from '../../src/testing/temp-folder.ts'
import type { NodeView } from '../../src/wire/views.ts'
import { RECEIVER, SENDER, TICKER } from './agents.ts'
import { Supervised } from './supervised.ts'
import { startTraffic, type Traffic } from './traffic.ts'

export interface Hub {
  readonly program: Supervised
  readonly client: HubClient
  readonly url: string
}

export interface Worker {
  readonly program: Supervised
  readonly node: string
  readonly traffic: Traffic
  /** What its agent has noted as accepted, in order. */
  sent(): string[]
}

export interface RemorasOptions {
  readonly hubs: number
  readonly workers: number
  readonly callsPerSecond: number
}

/** Hubs and workers as real programs around one NATS, under load. */
export class Remoras {
  readonly nats: NatsServer
  readonly hubs: readonly Hub[]
  readonly workers: readonly Worker[]
  #agents = 0
  /** When something was killed last: what began before and is of it is gone. */
  readonly #dead = new Map<string, number>()

  static async start(t: TestContext, nats: NatsServer, options: RemorasOptions): Promise<Remoras> {
    const made: Remoras[] = []
    t.after(() => Promise.all(made.map((each) => each.#destroy())))
    const folder = await tempFolder(t)
    const [metrics, fronts] = [await freePorts(options.hubs + options.workers), await freePorts(options.hubs)]
    const hubs = fronts.map((front, at) => hub(folder, nats, `hub${at + 1}`, front, metrics[at] ?? 0))
    const workers: Worker[] = []
    for (let at = 0; at < options.workers; at++) {
      const traffic = await startTraffic(options.callsPerSecond)
      workers.push(worker(folder, nats, `w${at + 1}`, traffic, metrics[options.hubs + at] ?? 0))
    }
    const remoras = new Remoras(nats, hubs, workers)
    made.push(remoras)
    for (const { program } of [...hubs, ...workers]) program.start()
    return remoras
  }

  private constructor(nats: NatsServer, hubs: readonly Hub[], workers: readonly Worker[]) {
    this.nats = nats
    this.hubs = hubs
    this.workers = workers
  }

  get programs(): Supervised[] {
    return [...this.hubs, ...this.workers].map(({ program }) => program)
  }

  /** Who receives is there before anybody sends. */
  async deploy(mostMs: number): Promise<void> {
    for (const codes of [[RECEIVER], [SENDER, TICKER]]) {
      for (const code of codes) await this.hubs[0]?.client.createAgent({ code, active: true })
      this.#agents += codes.length
      await this.untilWell(mostMs)
    }
  }

  kill(program: Supervised): void {
    this.gone(program)
    program.kill()
  }

  /** What is heard of it that began before is none of it any more. */
  gone(program: Supervised): void {
    this.#dead.set(`127.0.0.1:${program.metricsPort}`, Date.now())
  }

  async leader(): Promise<Hub | undefined> {
    for (const { client } of this.hubs) {
      const nodes = await client.nodes().catch(() => [])
      const leading = nodes.find((node) => node.leading && this.#isAlive(node))
      const found = this.hubs.find(({ program }) => leading?.address === `127.0.0.1:${program.metricsPort}`)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** What is not yet as it should be; '' when every program says that it is ready, and every hub sees all run what is deployed. */
  async missing(): Promise<string> {
    for (const program of this.programs) if (!(await program.isReady())) return `${program.name} is not ready`
    for (const { program, client } of this.hubs) {
      const nodes = await client.nodes().catch(() => undefined)
      if (nodes === undefined) return `the API of ${program.name} does not answer`
      const lacks = this.#lacks(nodes.filter((node) => this.#isAlive(node)))
      if (lacks !== '') return `${program.name} says: ${lacks}`
    }
    return ''
  }

  /** Until nothing is missing. */
  untilWell(mostMs: number): Promise<void> {
    return this.#until(() => this.missing(), mostMs)
  }

  /** Until all are there, and agents can be deployed. */
  untilUp(mostMs: number): Promise<void> {
    return this.#until(async () => {
      for (const program of this.programs)
        if (!(await program.isReady())) return `${program.name} is not ready`
      return ''
    }, mostMs)
  }

  async #until(missing: () => Promise<string>, mostMs: number): Promise<void> {
    for (const end = performance.now() + mostMs; ; await setTimeout(50)) {
      const what = await missing()
      if (what === '') return
      if (performance.now() > end) throw new Error(`${what}\n${this.tails()}`)
    }
  }

  tails(lines = 15): string {
    return this.programs
      .map(({ name, said }) => `--- ${name}\n${said.trim().split('\n').slice(-lines).join('\n')}`)
      .join('\n')
  }

  #lacks(nodes: readonly NodeView[]): string {
    const hubs = nodes.filter(({ component }) => component === 'hub')
    if (hubs.length !== this.hubs.length) return `${hubs.length} hubs`
    const leading = hubs.filter((node) => node.leading)
    if (leading.length !== 1) return `${leading.length} hubs lead`
    for (const { node } of this.workers) {
      const seen = nodes.find((each) => each.node === node)
      if (seen === undefined) return `no ${node}`
      if (seen.generation !== leading[0]?.generation) return `${node} has generation ${seen.generation}`
    }
    const runs = [...leading, ...nodes.filter(({ component }) => component === 'worker')]
    const idle = runs.find(
      ({ agents }) => agents.filter(({ state }) => state === 'running').length !== this.#agents,
    )
    return idle === undefined ? '' : `not all agents run on ${idle.node}`
  }

  #isAlive({ address, startedAt, silentMs }: NodeView): boolean {
    return silentMs < FRESH_MS && startedAt > (this.#dead.get(address) ?? 0)
  }

  async #destroy(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.destroy()))
    for (const { traffic } of this.workers) await traffic.stop()
    for (const { client } of this.hubs) await client.close()
  }
}

function hub(folder: string, nats: NatsServer, name: string, front: number, metricsPort: number): Hub {
  const settings = [
    'hub.store=nats',
    `hub.metricsPort=${metricsPort}`,
    `tap.proxy.front.port=${front}`,
    'logLevel=info',
  ]
  const program = new Supervised({
    name,
    folder: join(folder, name),
    args: ['hub', '--nats', nats.url, ...settings.flatMap((each) => ['--set', each])],
    metricsPort,
  })
  const url = `http://127.0.0.1:${front}`
  return { program, url, client: openHubClient({ url, token: undefined }) }
}

function worker(
  folder: string,
  nats: NatsServer,
  node: string,
  traffic: Traffic,
  metricsPort: number,
): Worker {
  const settings = [`tap.metrics.port=${metricsPort}`, 'logLevel=info']
  const capture = ['--interface', 'lo', '--filter', `port ${traffic.port}`, '--node-name', node]
  const program = new Supervised({
    name: node,
    folder: join(folder, node),
    args: ['worker', '--hub', nats.url, ...capture, ...settings.flatMap((each) => ['--set', each])],
    metricsPort,
  })
  return { program, node, traffic, sent: () => linesOf(join(folder, node, '.remora/data/sent')) }
}

function linesOf(path: string): string[] {
  try {
    // What stands behind the last end of a line was not written in full.
    return readFileSync(path, 'utf8').split('\n').slice(0, -1)
  } catch {
    return []
  }
}

const FRESH_MS = 4000
