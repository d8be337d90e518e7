import { z } from 'zod'
import type { AgentRecord } from './agents.ts'

/**
 * Resources of this kind are agents, too. Their group ends in a top-level domain that is set aside for private use (ICANN
 * resolution 2024.07.29.06): no one else can come to own it.
 */
export const NETWORK_AGENTS = {
  group: 'remora.internal',
  version: 'v1alpha1',
  plural: 'networkagents',
} as const

/** Who has synced an agent that is such a resource (`source.syncedBy`). */
const BY_RESOURCE = 'NetworkAgent'

/** A resource as the API server has it; what is in `spec` may be anything where the definition was loosened. */
export const networkAgent = z.looseObject({
  metadata: z.looseObject({
    name: z.string(),
    namespace: z.string(),
    generation: z.number().default(0),
  }),
  spec: z.unknown().optional(),
  status: z.unknown().optional(),
})

export const networkAgentSpec = z
  .looseObject({
    title: z.string().min(1).optional(),
    code: z.string().optional(),
    codeFrom: z
      .looseObject({ configMapKeyRef: z.looseObject({ name: z.string().min(1), key: z.string().min(1) }) })
      .optional(),
    active: z.boolean().default(true),
  })
  .refine(
    ({ code, codeFrom }) => (code === undefined) !== (codeFrom === undefined),
    'one of code and codeFrom says what it runs',
  )

export const networkAgentStatus = z.looseObject({
  observedGeneration: z.number().optional(),
  conditions: z
    .array(
      z.looseObject({
        type: z.string(),
        status: z.string(),
        reason: z.string().default(''),
        message: z.string().default(''),
        lastTransitionTime: z.string(),
      }),
    )
    .default([]),
})

export type NetworkAgent = z.infer<typeof networkAgent>
export type NetworkAgentStatus = z.infer<typeof networkAgentStatus>

/** Where the source of its agent is. */
export function sourceOfResource({ name, namespace }: ResourceName, hash: string) {
  return { path: `kubernetes/${namespace}/networkagents/${name}`, hash, syncedBy: BY_RESOURCE }
}

export interface ResourceName {
  readonly name: string
  readonly namespace: string
}

/** The resource that an agent is; undefined for all others. */
export function resourceOf({ source }: Pick<AgentRecord, 'source'>): ResourceName | undefined {
  if (source?.syncedBy !== BY_RESOURCE) return undefined
  const [, namespace, name] = /^kubernetes\/([^/]+)\/networkagents\/([^/]+)$/.exec(source.path) ?? []
  return namespace === undefined || name === undefined ? undefined : { name, namespace }
}
