import type { Agent } from '../src/agent/agents.ts'
import { openNatsBus } from '../src/bus/nats.ts'
import { knownProtocols } from '../src/dissectors/known.ts'
import { ConsoleOut } from '../src/node/console-out.ts'
import { type AgentRunner, DeploymentFollower } from '../src/node/deployment-follower.ts'
import { Fleet } from '../src/node/fleet.ts'
import { publishStatus } from '../src/node/status-out.ts'
import { openShared } from '../src/node/streams.ts'
import { agentStateOf, nodeStatusOf } from '../src/testing/node-status.ts'
import type { NodeStatus } from '../src/wire/nodes.ts'
import { natsSettings } from './real-hub.ts'

export type Loaded = (node: string, agent: Agent) => void

/**
 * A worker without a capture and without a sandbox; all that goes over the bus is as of a real one. It prints a line for each
 * version that it loads, and refuses those that say so: `refused on <node>`.
 */
export async function startSimulatedWorker(
  natsUrl: string,
  node: string,
  loaded: Loaded,
): Promise<() => Promise<void>> {
  const bus = await openNatsBus({ settings: natsSettings(natsUrl) })
  const shared = await openShared(bus)
  const boot = `boot-of-${node}`
  const console = new ConsoleOut(shared.console, node, boot)
  const fleet = new Fleet(bus)
  const agents = new FakeAgents(node, (agent) => {
    const { id = '', index, title, version } = agent
    console.push({ agent: id, index, title, level: 'log', text: `version ${version}` })
    loaded(node, agent)
  })
  const follower: DeploymentFollower = new DeploymentFollower(agents, {
    ...{ bus, state: shared.state, node, boot },
    agents: { language: 'es5', protocols: knownProtocols },
    applied: () => status.now(),
    note: () => {},
  })
  const status = publishStatus(bus, () => statusOf(node, boot, agents, follower))
  return async () => {
    await follower.close()
    status.close()
    fleet.close()
    await console.close(1000)
    await bus.close()
  }
}

class FakeAgents implements AgentRunner {
  readonly #node: string
  readonly #loaded: (agent: Agent) => void
  readonly running = new Map<number, Agent>()

  constructor(node: string, loaded: (agent: Agent) => void) {
    this.#node = node
    this.#loaded = loaded
  }

  async reload(agent: Agent): Promise<string | undefined> {
    if (agent.source.includes(`refused on ${this.#node};`)) return 'refused'
    this.#run(agent)
    return undefined
  }

  relabel(agent: Agent): void {
    this.#run(agent)
  }

  async remove(index: number): Promise<void> {
    this.running.delete(index)
  }

  #run(agent: Agent): void {
    this.running.set(agent.index, agent)
    this.#loaded(agent)
  }
}

function statusOf(
  node: string,
  boot: string,
  { running }: FakeAgents,
  follower: DeploymentFollower,
): NodeStatus {
  const states = follower.known().map(({ deployed, reason }) => {
    const version = running.get(deployed.index)?.version ?? 0
    return agentStateOf(deployed.id, {
      version,
      ...(reason === undefined ? {} : { state: 'failed', reason }),
      dropped: { 'queue-full': 0, sampled: 0 },
    })
  })
  return nodeStatusOf({
    ...{ node, boot, counters: COUNTED, agents: states, now: Date.now() },
    address: '127.0.0.1:49100',
    generation: follower.generation,
    health: { nodeName: node, version: '0.2.0', cpu: 0.1, storage: { requested: 1 << 30, usage: 1 << 20 } },
  })
}

/** As many as a worker has. */
const COUNTED = Object.fromEntries(Array.from({ length: 60 }, (_, at) => [`dropped.place-${at}.reason`, at]))
