import { z } from 'zod'

/**
 * What every node is to run: written by the leading hub, followed by all nodes. Code is apart, under its hash, so that a
 * change of one agent does not send all others again.
 */
export const deployment = z.object({
  generation: z.number().int().nonnegative().describe('One more with each change'),
  agents: z.array(
    z.object({
      id: z.string(),
      index: z.number().int(),
      title: z.string(),
      version: z.number().int(),
      hash: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .describe('SHA-256 of the code: key `code.<hash>` of the state bucket'),
    }),
  ),
})

export type Deployment = z.infer<typeof deployment>
export type DeployedAgent = Deployment['agents'][number]

/** Keys of the state bucket. */
export const DEPLOYMENT = 'deployment'
export const CODE = 'code.'

export function codeKey(hash: string): string {
  return `${CODE}${hash}`
}
