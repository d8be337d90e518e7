import type { TestContext } from 'node:test'
import { type Agent, storedAgent } from '../agent/agents.ts'
import {
  AgentGroup,
  type ClusterJobChange,
  type Component,
  type ConsoleLine,
  type GroupObserver,
  type GroupOptions,
  type HelperCall,
} from '../agent/group.ts'
import type { JobsOrder } from '../agent/host/protocol.ts'
import { bestLevel } from '../agent/launch.ts'
import { SandboxLauncher } from '../agent/launcher.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { stubTable } from '../helpers/dispatch.ts'
import { HOOKS } from '../helpers/hooks.ts'
import { namespaces } from '../helpers/index.ts'

/** A group of agents without traffic, as a hub has it, and all that it tells. */
export class TestGroup implements GroupObserver {
  readonly group: AgentGroup
  readonly options: GroupOptions
  readonly lines: ConsoleLine[] = []
  readonly calls: HelperCall[] = []
  /** Jobs of scope `cluster`, `+` where one came and `-` where one went, with the index of the agent. */
  readonly jobs: string[] = []
  readonly orders: JobsOrder[] = []
  /** How helpers outside are answered. */
  answer: (call: HelperCall) => unknown = () => undefined
  /** What agents add by `cluster.*`. */
  onShared: NonNullable<GroupObserver['shared']> = () => {}
  /** What agents export by `prometheus.*`; undefined for the message: nothing any more. */
  onExported: (...told: Parameters<NonNullable<GroupObserver['exported']>>) => void = () => {}
  onEnded: NonNullable<GroupObserver['ended']> = () => {}
  #waiting: (() => void)[] = []

  constructor(t: TestContext, options: Partial<GroupOptions> = {}) {
    this.options = { ...optionsOf(), ...options }
    this.group = new AgentGroup(this.options, this)
    t.after(() => this.group.close())
  }

  /** Starts with what the agents were given as; the clock goes. */
  async begin(): Promise<this> {
    await this.group.start({ live: true, startMs: Date.now() })
    await this.group.load()
    this.group.begin()
    return this
  }

  line(line: ConsoleLine): void {
    this.lines.push(line)
    this.#told()
  }

  entry(): void {}

  clusterJob({ kind, tag, agent }: ClusterJobChange): void {
    this.jobs.push(`${kind === 'scheduled' ? '+' : '-'}${tag} of ${agent.index}`)
    this.#told()
  }

  ordered(order: JobsOrder): void {
    this.orders.push(order)
    this.#told()
  }

  shared(...added: Parameters<typeof this.onShared>): void {
    this.onShared(...added)
    this.#told()
  }

  exported(...told: Parameters<typeof this.onExported>): void {
    this.onExported(...told)
    this.#told()
  }

  exportsEnded(agent: Agent, component: Component): void {
    this.onExported(agent, component, undefined)
    this.#told()
  }

  ended(agent: Agent, component: Component): void {
    this.onEnded(agent, component)
    this.#told()
  }

  async call(call: HelperCall): Promise<unknown> {
    this.calls.push(call)
    this.#told()
    return await this.answer(call)
  }

  /** What agents have logged, or one of them. */
  texts(index?: number): string[] {
    return this.lines
      .filter(({ level, agent }) => level === 'log' && agent.index === (index ?? agent.index))
      .map(({ text }) => text)
  }

  /** Resolves as soon as it holds; looks whenever something is told. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds())
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve)
      })
  }

  #told(): void {
    for (const look of this.#waiting.splice(0)) look()
  }
}

/** An agent out of a store. */
export function testAgent(index: number, code: string, { id = `id-${index}`, version = 1 } = {}): Agent {
  const stored = { id, index, version, code, title: `agent ${index}` }
  return storedAgent(stored, { language: 'es5', protocols: knownProtocols })
}

function optionsOf(): GroupOptions {
  return {
    agents: [],
    nodeName: 'hub',
    hub: 'only',
    sandbox: {
      launcher: new SandboxLauncher({ level: bestLevel().level, because: '' }),
      limits: { callMb: 128, hookMs: 150, jobMs: 30_000 },
    },
    host: HOST,
    stubs: stubTable(namespaces),
    query: null,
  }
}

/** Settings of the sandbox, as they are for everybody. */
export const HOST: GroupOptions['host'] = {
  env: {},
  language: 'es5',
  budgets: {
    memoryMb: 64,
    allMb: 320,
    linesPerCall: 1000,
    bytesPerCall: 1 << 20,
    waitMsPerCall: 10_000,
    failures: 100,
    slowJobMs: 60_000,
  },
  macros: {},
  hooks: HOOKS,
}
