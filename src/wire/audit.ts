import { z } from 'zod'

/** One change that somebody made, or tried to make. */
export const auditRecord = z.object({
  at: z.string().describe('RFC 3339'),
  who: z.string().describe('Name of the token, or `local` on a loopback address without tokens'),
  role: z.string(),
  from: z.string().describe('Address of the client'),
  action: z.string().describe('`agent.update`, `job.run`, …'),
  target: z.string(),
  outcome: z.enum(['done', 'refused', 'failed']),
  detail: z.string().describe('Never holds code or secrets'),
})

export type AuditRecord = z.infer<typeof auditRecord>
