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
  node: z.string().describe('Name of the node, or `hub`'),
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
