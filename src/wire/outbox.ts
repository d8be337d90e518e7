import { z } from 'zod'

const caller = {
  agent: z.string().describe('Identity of the agent; its file when it comes out of no store'),
  title: z.string(),
  helper: z.string().describe('Such as vendor.webhook'),
}

/** How queued calls of one agent by one helper do. `queued` = `delivered` + `dead` + `dropped` + `waiting`. */
export const outboxFigures = z.object({
  ...caller,
  queued: z.number().describe('Calls that were taken, also in earlier runs'),
  delivered: z.number(),
  attempts: z.number().describe('Calls that were sent, once for each time'),
  dead: z.number().describe('Given up; those that somebody has deleted since, too'),
  dropped: z.number().describe('Gone for newer ones, or because somebody said so'),
  refused: z.number().describe('Not taken, since there was no room: these are not `queued`'),
  waiting: z.number(),
  waitingBytes: z.number(),
  oldest: z.number().nullable().describe('When the oldest that waits came, ms since the epoch'),
})

/** What waits for one key. */
export const outboxLane = z.object({
  ...caller,
  key: z.string(),
  waiting: z.number(),
  oldest: z.number().describe('When the oldest came, ms since the epoch'),
  failures: z.number().describe('Attempts that have failed since the last one that did not'),
  error: z.string().describe('Why; "" when none has failed'),
  due: z.number().describe('When the next attempt is, ms since the epoch'),
})

/** A call that was given up. */
export const deadCall = z.object({
  id: z.string(),
  ...caller,
  key: z.string(),
  at: z.number().describe('When the script made it, ms since the epoch by the clock of the agent'),
  queuedAt: z.number().describe('The same by the clock of the node'),
  diedAt: z.number(),
  attempts: z.number(),
  reason: z.string(),
  args: z.string().describe('JSON, cut; marks stand for what is secret'),
})

/** Which calls are meant; what is absent does not limit. */
export const callSelector = z.object({
  id: z.string().optional(),
  agent: z.string().optional().describe('Identity'),
  helper: z.string().optional(),
  key: z.string().optional(),
})

/**
 * To a node: what is to be done with its queued calls. `retry`: those that were given up wait again; `drop-dead` deletes them;
 * `drop-waiting` deletes those that wait and are not under way. Answered by `outboxAnswer`.
 */
export const outboxOrder = z.object({
  order: z.enum(['list', 'dead', 'retry', 'drop-dead', 'drop-waiting']),
  selector: callSelector,
})

export const outboxAnswer = z.object({
  node: z.string(),
  component: z.enum(['worker', 'hub']),
  /** Of `list`: oldest first, at most 1000. */
  lanes: z.array(outboxLane),
  /** Of `dead`: newest first, at most 1000. */
  dead: z.array(deadCall),
  /** Calls that the others were about. */
  count: z.number().int(),
})

/** Identities of all agents that are stored, active or not. */
export const agentsLeft = z.object({ ids: z.array(z.string()) })

export type OutboxFigures = z.infer<typeof outboxFigures>
export type OutboxLane = z.infer<typeof outboxLane>
export type DeadCall = z.infer<typeof deadCall>
export type CallSelector = z.infer<typeof callSelector>
export type OutboxOrder = z.infer<typeof outboxOrder>
export type OutboxAnswer = z.infer<typeof outboxAnswer>
