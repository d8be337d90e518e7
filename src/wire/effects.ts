import { z } from 'zod'
import { EFFECT_KINDS } from './trials.ts'

export const EFFECT_OUTCOMES = [
  'ok',
  'failed',
  'refused',
  'queued',
  'delivered',
  'dead',
  'rehearsed',
] as const

/** One effect of an agent: what it has done outside of its sandbox, or was not allowed to do. */
export const effectRecord = z.object({
  at: z.number().describe('When it was over, ms since the epoch by the clock of its node'),
  agent: z.string().describe('Identity of the agent; "" of one that comes out of no store'),
  title: z.string(),
  version: z.number().int().optional(),
  node: z.string().describe('Name of the node, or `hub`; of several hubs `hub@…`'),
  component: z.enum(['worker', 'hub']),
  entry: z.string().optional().describe('Identity of the entry in whose hook it was'),
  helper: z.string().describe('Such as vendor.webhook'),
  kind: z.enum(EFFECT_KINDS),
  target: z.string().describe('Where it went, without anything secret'),
  outcome: z
    .enum(EFFECT_OUTCOMES)
    .describe('`queued`: it is in the outbox; `delivered`, `dead`: what became of it there'),
  status: z.number().int().optional().describe('Of the last reply by HTTP'),
  ms: z.number().describe('How long it took'),
  bytes: z.number().int().describe('Bytes that were sent'),
  queuedId: z.string().optional().describe('Of a call that went by way of the outbox'),
  error: z.string().optional().describe('Why it failed or was refused; secrets of env are masked'),
})

export type EffectRecord = z.infer<typeof effectRecord>
export type EffectOutcome = (typeof EFFECT_OUTCOMES)[number]

/** Which effects are wanted, newest first. */
export const effectsQuery = z.object({
  agent: z.string().optional().describe('Identity or title'),
  helper: z.string().optional(),
  outcome: z.enum(EFFECT_OUTCOMES).optional(),
  entry: z.string().optional().describe('Identity of the entry in whose hook they were'),
  since: z.coerce.number().optional().describe('ms since the epoch'),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})

export type EffectsQuery = z.output<typeof effectsQuery>

/** What a node answers to `effectsQuery`. */
export const effectsAnswer = z.array(effectRecord)

/** Effects of all nodes. */
export const effectsPage = z.object({
  effects: z.array(effectRecord).describe('Newest first'),
  missing: z.array(z.string()).describe('Nodes that did not answer'),
})

export type EffectsPage = z.infer<typeof effectsPage>
