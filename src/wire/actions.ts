import { z } from 'zod'

/** What `hub.action` sends. */
export const hubAction = z.object({
  id: z.string().describe('`<node>/<boot>/<number>`; numbers of one sender go up by one'),
  node: z.string(),
  agent: z.string().describe('Identity of the agent that sent it'),
  index: z.number().int(),
  title: z.string(),
  at: z.number().describe('ms since the epoch, by the clock of the node'),
  action: z.string(),
  /** JSON text; undefined when the script gave no object. */
  object: z.string().optional(),
  /** `alert`: it is for no script; `object` is an `alertSaid`. */
  kind: z.literal('alert').optional(),
})

export type HubAction = z.infer<typeof hubAction>
