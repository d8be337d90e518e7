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

/**
 * In place of a change, while a later hub begins: the object is there, and who knows another one, or none, asks for it to be told.
 * Nearly all are as the hub before has told them.
 */
export const clusterKept = z.object({
  kind: clusterKind,
  type: z.literal('KEPT'),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  hash: z.string().describe('Of what is kept of it: `contentHash`'),
})
export type ClusterKept = z.infer<typeof clusterKept>

/**
 * What the hub that leads tells all programs, again and again: changes as they come, and at least its head once a second.
 * The changes are read one by one, so that one that is not understood costs itself alone.
 */
export const clusterNews = z.object({
  feed: z.string().describe('One run of the watcher: another one after each change of the leader'),
  term: z.number().describe('Grows with each hub that leads'),
  seq: z.number().int().describe('Number of this message; of one without changes that of the last with some'),
  clusterId: z.string().default('').describe('"" where it is not known'),
  complete: z
    .array(z.string())
    .describe('Of what everything has been told: `pod`, or `pod/namespace` where namespaces are followed'),
  changes: z.array(z.unknown()).default([]).describe('Of `clusterChange` and `clusterKept`'),
})
export type ClusterNews = z.infer<typeof clusterNews>

/** Asked of a feed: messages behind the one with this number, objects behind this place, or that it tells all programs of some. */
export const clusterQuestion = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('news'), after: z.number().int() }),
  z.object({ kind: z.literal('page'), after: z.number().int() }),
  z.object({
    kind: z.literal('tell'),
    keys: z.array(z.string()).max(1000).describe('`objectKey` of those that were KEPT'),
  }),
])
export type ClusterQuestion = z.infer<typeof clusterQuestion>

export const clusterAnswer = z.discriminatedUnion('kind', [
  /** The next ones in order, as many as fit: none where there are none yet. */
  z.object({
    kind: z.literal('news'),
    messages: z.array(z.object({ seq: z.number().int(), changes: z.array(z.unknown()) })),
  }),
  /** One of the next messages tells of them, or one before has. */
  z.object({ kind: z.literal('told') }),
  /** They are not kept any more: ask for all there is, page by page. */
  z.object({ kind: z.literal('gone') }),
  z.object({
    kind: z.literal('page'),
    seq: z.number().int().describe('The objects are as they were told up to this message'),
    complete: z.array(z.string()).describe('As in news'),
    objects: z.array(z.unknown()).describe('Of `clusterChange`: ADDED'),
    next: z.number().int().nullable().describe('Place to ask behind next; null: that was all'),
  }),
])
export type ClusterAnswer = z.infer<typeof clusterAnswer>
