import { z } from 'zod'
import { agentState } from './agents.ts'
import { outboxFigures } from './outbox.ts'

/** What a node says of itself, once a second. A node that is silent for `NODE_GONE_MS` is gone. */
export const nodeStatus = z.object({
  node: z.string().describe('Name of the node, or `hub`'),
  boot: z.string().describe('This run of the program: another one after each start'),
  component: z.enum(['worker', 'hub']),
  address: z.string().describe('Where its metrics are, host:port; "" when nowhere'),
  version: z.string().describe('Version of Remora'),
  generation: z.number().int().describe('Deployment that it runs'),
  startedAt: z.number().describe('ms since the epoch'),
  now: z.number().describe('Its clock, ms since the epoch'),
  leading: z.boolean().describe('Of a hub: whether it leads'),
  agents: z.array(agentState),
  outbox: z.array(outboxFigures).optional().describe('Queued calls of helpers, by agent and helper'),
  counters: z.record(z.string(), z.number()).describe('Packets, entries, drops, queues: by name'),
  captures: z
    .enum(['node', 'some', 'file'])
    .optional()
    .describe('Of a worker: everything that goes over its node, some of it, or a file'),
  health: z.record(z.string(), z.unknown()).describe('What `utils.health` says there'),
})

export type NodeStatus = z.infer<typeof nodeStatus>

/** A node of which nothing was heard for so long, by the clock of who listens, is gone. */
export const NODE_GONE_MS = 5000
/** How far the clock of a node may be off before it is told. */
export const CLOCK_SKEW_MS = 2000

/** How a node has taken a deployment. */
export const deployReport = z.object({
  node: z.string(),
  boot: z.string(),
  generation: z.number().int(),
  /** Versions that do not load; the ones before them run on. */
  failures: z.array(z.object({ id: z.string(), version: z.number().int(), reason: z.string() })),
})

export type DeployReport = z.infer<typeof deployReport>
