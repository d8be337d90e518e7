import type { AgentOptions } from '../agent/agents.ts'
import type { Bucket, Bus, Stream } from '../bus/bus.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import { DeploymentFollower } from '../node/deployment-follower.ts'
import type { NodeAgents } from '../node/node-agents.ts'
import type { Note } from '../node/note.ts'
import type { AgentStore } from '../store/agent-store.ts'
import { ActionConsumer } from './actions.ts'
import { Deployer } from './deployer.ts'

export interface LeadingOptions {
  readonly bus: Bus
  readonly store: AgentStore
  readonly state: Bucket
  readonly actions: Stream
  readonly boot: string
  readonly agents: AgentOptions
  /** Titles from the configuration: active as soon as they exist. */
  readonly activeTitles: readonly string[]
  /** Starts the sandbox of the agents on the hub. */
  readonly openAgents: () => Promise<NodeAgents>
  /** A deployment is in force on this hub. */
  readonly applied: () => void
  readonly note: Note
}

/** What a hub does while it leads: deploys what is stored, runs agents as the hub, and hands them what workers send. */
export class Leading {
  readonly #deployer: Deployer
  readonly #follower: DeploymentFollower
  readonly #actions: ActionConsumer
  readonly agents: NodeAgents

  static async begin(options: LeadingOptions): Promise<Leading> {
    const { store, activeTitles } = options
    const titles = await store.activeTitles()
    const more = activeTitles.filter((title) => !titles.includes(title))
    if (more.length > 0) await store.setActiveTitles([...titles, ...more])
    return new Leading(options, await options.openAgents())
  }

  private constructor(options: LeadingOptions, agents: NodeAgents) {
    const { bus, store, state, actions, boot, note } = options
    this.agents = agents
    this.#deployer = new Deployer({
      store,
      state,
      bus,
      now: Date.now,
      retired: (agent) => agents.forget(agent),
      deleted: (left) => agents.prune(left),
      note,
    })
    this.#follower = new DeploymentFollower(agents, {
      bus,
      state,
      node: 'hub',
      boot,
      agents: options.agents,
      applied: options.applied,
      note,
    })
    agents.follow(this.#follower)
    this.#actions = new ActionConsumer({
      stream: actions,
      state,
      ready: this.#follower.current,
      deliver: (action, redelivered, ending) => agents.deliver(action, redelivered, ending),
    })
  }

  /** Rejects when it cannot go on. */
  get running(): Promise<unknown> {
    const { running } = this.#actions
    return Promise.all([this.#deployer.running, this.#follower.running, running, this.agents.failed])
  }

  get generation(): number {
    return this.#follower.generation
  }

  get counters(): Readonly<Record<string, number>> {
    const { delivered, duplicates, malformed, redelivered } = this.#actions.counters
    const { dropped } = COUNTER_NAMES
    return {
      'actions.delivered': delivered,
      'actions.duplicates': duplicates,
      [dropped('wire', 'actions')]: malformed,
      'actions.redelivered': redelivered,
      [dropped('wire', 'reports')]: this.#deployer.malformed + this.#deployer.refused,
      ...this.agents.counters,
    }
  }

  /** What is under way is brought to an end first: who leads next goes on behind it. */
  async close(): Promise<void> {
    await this.#actions.close()
    await this.#deployer.close()
    await this.#follower.close()
    await this.agents.close()
  }
}
