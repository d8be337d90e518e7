import { z } from 'zod'

/** What the hub follows. */
export const clusterKind = z.enum(['pod', 'service', 'endpointSlice', 'node'])
export type ClusterKind = z.infer<typeof clusterKind>

/** An object of the Kubernetes API, without what nobody needs: `src/cluster/objects.ts` says what is left of it. */
export const clusterObject = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string().default('').describe('"" for nodes'),
    uid: z.string(),
    resourceVersion: z.string().default(''),
  }),
})
export type ClusterObject = z.infer<typeof clusterObject>

/** What a change of a pod means, read off its status before and after. */
export const podReason = z.object({
  reason: z.enum(['scheduled', 'started', 'crash', 'restart', 'oom', 'evicted', 'completed', 'terminating']),
  container: z.string().describe('"" where it is about the whole pod'),
})
export type PodReason = z.infer<typeof podReason>

/** One change of one object, as the hub that leads tells all programs. */
export const clusterChange = z.object({
  kind: clusterKind,
  /** At the start everything that is there comes as ADDED. */
  type: z.enum(['ADDED', 'MODIFIED', 'DELETED']),
  at: z.number().describe('When the hub learned of it, ms since the epoch by its clock'),
  object: clusterObject,
  reason: podReason.optional().describe('Of a pod, where there is one'),
})
export type ClusterChange = z.infer<typeof clusterChange>
