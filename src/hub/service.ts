import type { AgentOptions } from '../agent/agents.ts'
import type { AgentGroup } from '../agent/group.ts'
import type { Bus } from '../bus/bus.ts'
import { Lease } from '../bus/lease.ts'
import { ConsoleOut } from '../node/console-out.ts'
import { answerJobs } from '../node/job-answers.ts'
import { NodeAgents } from '../node/node-agents.ts'
import type { Note } from '../node/note.ts'
import { publishStatus } from '../node/status-out.ts'
import type { Shared } from '../node/streams.ts'
import type { AgentStore } from '../store/agent-store.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import type { SharedValue } from '../wire/views.ts'
import { Hub } from './hub.ts'
import { Leading } from './leading.ts'

export interface HubServiceOptions {
  readonly bus: Bus
  readonly shared: Shared
  readonly store: AgentStore
  readonly boot: string
  readonly version: string
  readonly agents: AgentOptions
  readonly activeTitles: readonly string[]
  /** Makes the group in which agents run as on the hub, each time that this hub begins to lead. */
  readonly makeGroup: (console: { line: AgentLine }) => AgentGroup
  readonly values: () => readonly SharedValue[]
  readonly health: () => Record<string, unknown>
  readonly note: Note
}

type AgentLine = NodeAgents['line']

/** A hub: several may be there, of which one leads at a time. */
export class HubService {
  readonly #options: HubServiceOptions
  readonly hub: Hub
  readonly #console: ConsoleOut
  readonly #lease: Lease
  readonly #status: { now(): void; close(): void }
  readonly #startedAt = Date.now()
  #leading: Leading | undefined
  #answering = () => {}
  /** Beginning and ending wait for each other. */
  #changing: Promise<void> = Promise.resolve()

  constructor(options: HubServiceOptions) {
    this.#options = options
    const { bus, shared, store, boot, values, health, agents } = options
    this.#console = new ConsoleOut(shared.console, 'hub', boot)
    this.hub = new Hub({ bus, store, ...shared, agents, boot, shared: values, health })
    this.#status = publishStatus(bus, () => this.status())
    this.#lease = new Lease({ bucket: shared.state, key: 'leader', holder: boot })
    this.#lease.start({
      onGain: () => this.#then(() => this.#begin()),
      onLoss: () => this.#then(() => this.#end()),
    })
  }

  get isLeading(): boolean {
    return this.#leading !== undefined
  }

  status(): NodeStatus {
    const { boot, version, health } = this.#options
    const leading = this.#leading
    return {
      node: 'hub',
      boot,
      component: 'hub',
      address: '',
      version,
      generation: leading?.generation ?? 0,
      startedAt: this.#startedAt,
      now: Date.now(),
      leading: leading !== undefined,
      agents: leading?.agents.states() ?? [],
      counters: {
        ...leading?.counters,
        console_queue: this.#console.depth,
        dropped_console_lines: this.#console.dropped,
        malformed_status: this.hub.fleet.malformed,
        malformed_console: this.hub.lines.malformed,
      },
      health: health(),
    }
  }

  async close(): Promise<void> {
    await this.#lease.close()
    this.#then(() => this.#end())
    await this.#changing
    this.#status.close()
    await this.#console.close(CLOSE_MS)
    await this.hub.close()
  }

  #then(step: () => Promise<void>): void {
    this.#changing = this.#changing.then(step).catch((error: unknown) => {
      this.#options.note('error', 'the hub does not lead any more', { error: String(error) })
    })
  }

  async #begin(): Promise<void> {
    if (this.#leading !== undefined) return
    const { bus, shared, store, boot, agents, activeTitles, note } = this.#options
    const leading = await Leading.begin({
      bus,
      store,
      state: shared.state,
      actions: shared.actions,
      boot,
      agents,
      activeTitles,
      openAgents: () => this.#openAgents(),
      note,
    })
    this.#leading = leading
    this.#answering = answerJobs(bus, 'hub', leading.agents)
    note('info', 'this hub leads', { boot })
    this.#status.now()
    leading.running.catch((error: unknown) => {
      if (this.#leading !== leading) return
      note('error', 'leading failed, and begins again', { error: String(error) })
      this.#then(async () => {
        await this.#end()
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS))
        if (this.#lease.isHeld) await this.#begin()
      })
    })
  }

  async #end(): Promise<void> {
    const leading = this.#leading
    if (leading === undefined) return
    this.#leading = undefined
    this.#answering()
    await leading.close()
    this.#options.note('info', 'this hub does not lead any more', {})
  }

  async #openAgents(): Promise<NodeAgents> {
    const agents: NodeAgents = new NodeAgents({
      component: 'hub',
      group: this.#options.makeGroup({ line: (line) => agents.line(line) }),
      console: this.#console,
    })
    await agents.group.start({ live: true, startMs: Date.now() })
    await agents.group.load()
    agents.group.begin()
    return agents
  }
}

const CLOSE_MS = 2000
const AGAIN_MS = 1000
