import { z } from 'zod'
import { agentRecord, agentState } from './agents.ts'
import { nodeStatus } from './nodes.ts'

/** An agent with how it does on each node. */
export const agentView = agentRecord.extend({
  nodes: z.array(agentState.extend({ node: z.string() })),
})

export const nodeView = nodeStatus.extend({
  skewMs: z.number().describe('How far its clock is from that of the hub, ms'),
  silentMs: z.number().describe('ms since something was heard of it'),
})

/** What agents share by `cluster.*`. */
export const sharedValue = z.object({
  agent: z.string().describe('Identity of the agent'),
  title: z.string(),
  kind: z.enum(['counter', 'topk', 'unique', 'quantile']),
  name: z.string(),
  value: z.unknown(),
})

/** Something that a screen shows has changed. */
export const hubEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('agents'), agents: z.array(agentView) }),
  z.object({ kind: z.literal('nodes'), nodes: z.array(nodeView) }),
])

export type AgentView = z.infer<typeof agentView>
export type NodeView = z.infer<typeof nodeView>
export type SharedValue = z.infer<typeof sharedValue>
export type HubEvent = z.infer<typeof hubEvent>

export interface EntriesPage {
  /** JSON text of each entry, newest first. */
  readonly entries: readonly string[]
  /** Where to go on; null at the end. */
  readonly cursor: string | null
  readonly scanned: number
  /** Workers that did not answer in time: their entries are missing. */
  readonly missing: readonly string[]
}

/** JSON texts of entries as they come, and how many more matched and were dropped on the way. */
export interface LivePart {
  readonly node: string
  readonly entries: readonly string[]
  readonly dropped: number
}
