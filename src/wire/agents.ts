import { z } from 'zod'

/** Where an agent's code comes from, when the CLI has synced it from a file. */
export const agentSource = z.object({
  path: z.string().describe('Path of the file, as the machine that synced it names it'),
  hash: z.string().describe('SHA-256 of the file as it was synced, hexadecimal'),
  syncedBy: z.string().describe('Who synced it: user@host'),
})

/** Why the newest version of an agent does not run: it was taken back everywhere. */
export const agentFailure = z.object({
  version: z.number().int().describe('The version that did not load'),
  node: z.string().describe('The first node on which it did not'),
  reason: z.string(),
  at: z.string().describe('RFC 3339'),
})

/** An agent as it is stored. */
export const agentRecord = z.object({
  id: z.string().describe('UUID; never changes'),
  index: z.number().int().nonnegative().describe('Order of execution, and the number in `[node-index]`'),
  title: z.string(),
  code: z.string(),
  active: z.boolean(),
  version: z.number().int().positive().describe('One more with each change of code or title'),
  hash: z.string().describe('SHA-256 of the code, hexadecimal'),
  source: agentSource.optional(),
  failure: agentFailure.optional(),
  createdAt: z.string().describe('RFC 3339'),
  updatedAt: z.string().describe('RFC 3339'),
  updatedBy: z.string(),
})

/** One of the earlier versions that are kept. */
export const agentVersion = z.object({
  version: z.number().int().positive(),
  title: z.string(),
  code: z.string(),
  hash: z.string(),
  at: z.string().describe('When it was saved, RFC 3339'),
  by: z.string(),
  note: z.string().optional().describe('Why, when it was not a person: "rolled back to 3: …"'),
})

/** What a new agent is made of. */
export const agentDraft = z.object({
  title: z.string().optional().describe('Taken from the first comment when absent'),
  code: z.string(),
  active: z.boolean().optional().describe('Whether its title or file is in the activation list when absent'),
  source: agentSource.optional(),
})

/** What is to be different. */
export const agentChange = z.object({
  title: z.string().optional(),
  code: z.string().optional(),
  active: z.boolean().optional(),
  source: agentSource.nullable().optional().describe('null: it is no copy of a file any more'),
  ifVersion: z.number().int().optional().describe('Refused as a conflict when it is another one by now'),
})

/** Errors of one kind that arose at one place of a script. */
export const agentFault = z.object({
  line: z.number().int().describe('Counts from 1'),
  column: z.number().int().describe('Counts from 1'),
  message: z.string(),
  count: z.number().int(),
})

/** An agent on one node: what runs there and how it does. */
export const agentState = z.object({
  id: z.string(),
  component: z.enum(['worker', 'hub']),
  version: z.number().int().describe('Running version; 0 when none runs'),
  state: z
    .enum(['running', 'failed', 'stopped', 'declined'])
    .describe('`declined`: it does not want to run on the hub'),
  reason: z.string().describe('Why it does not run; "" when it does'),
  calls: z.number().describe('Calls of its hooks and jobs since the node started'),
  callsPerSecond: z.number(),
  errors: z.number(),
  cpuMs: z.number().describe('CPU time since the node started'),
  cpu: z.number().describe('Share of one core in the last seconds'),
  waitMs: z
    .number()
    .default(0)
    .describe('Time that it has waited for helpers, and others with it, since the node started'),
  memoryBytes: z.number(),
  received: z.number().describe('Events that were meant for it'),
  delivered: z.number(),
  dropped: z.record(z.string(), z.number()).describe('Events that it did not get, by reason'),
  jobRuns: z.number(),
  jobErrors: z.number(),
  lines: z.number().describe('Console lines'),
  faults: z
    .array(agentFault)
    .describe('Errors of the running version by where in its code they arose; as many as 20 different ones'),
})

export type AgentSource = z.infer<typeof agentSource>
export type AgentFailure = z.infer<typeof agentFailure>
export type AgentRecord = z.infer<typeof agentRecord>
export type AgentVersion = z.infer<typeof agentVersion>
export type AgentDraft = z.infer<typeof agentDraft>
export type AgentChange = z.infer<typeof agentChange>
export type AgentFault = z.infer<typeof agentFault>
export type AgentState = z.infer<typeof agentState>

/** Code of one agent; a message of NATS takes 1 MiB by default, and a config map in all. */
export const MOST_CODE_BYTES = 512 << 10
