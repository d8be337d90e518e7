import { z } from 'zod'

const text = (most: number) => z.string().max(most)

/** `10m`, `1h30m`, as settings write it. */
export const duration = z
  .string()
  .max(100)
  .regex(/^(\d+(\.\d+)?(ms|s|m|h))+$/, 'expected a duration such as 10m or 1h')

/** Who wants something of policies: an agent, or a person at the API. */
export const policyCaller = z.object({
  agent: text(200).describe('Identity of the agent; "" for a person'),
  title: text(300).describe('What the agent or the person is called'),
  node: text(256).describe('Where it runs'),
  index: z.number().int().default(0),
})
export type PolicyCaller = z.infer<typeof policyCaller>

/** `{ policy }`, `{ block }`, `{ allow }`, or a NetworkPolicy; for previews also `{ all: [ … ] }`: `src/policy/rule.ts` reads it. */
export const policyRuleText = z.record(z.string(), z.json())
export type PolicyRuleText = z.infer<typeof policyRuleText>

/** Request to the hub that leads. */
export const policyOrder = z.discriminatedUnion('ask', [
  z.object({
    ask: z.literal('apply'),
    rule: policyRuleText,
    ttl: duration.optional(),
    reason: text(1000).default(''),
    nodes: z.array(text(256)).max(1000).optional(),
    by: policyCaller,
  }),
  z.object({ ask: z.literal('remove'), name: text(253), by: policyCaller }),
  z.object({ ask: z.literal('unblock'), pod: text(253), namespace: text(63), by: policyCaller }),
  z.object({ ask: z.literal('list') }),
  z.object({ ask: z.literal('preview'), rule: policyRuleText, window: duration }),
  z.object({ ask: z.literal('suggest'), filter: text(10_000).default(''), window: duration }),
])
export type PolicyOrder = z.input<typeof policyOrder>

/** What one worker makes of a rule about addresses. */
export const policyNode = z.object({
  node: z.string(),
  state: z.enum(['in force', 'failed', 'silent', 'over']),
  packets: z.number().int().describe('That it has cut there'),
  bytes: z.number().int(),
  error: z.string().optional(),
})
export type PolicyNode = z.infer<typeof policyNode>

/** A policy that an agent has applied, as hubs keep it. */
export const policyRecord = z.object({
  name: z.string(),
  kind: z.enum(['network', 'pod', 'host']),
  summary: z.string().describe('What it says, in a line'),
  rule: policyRuleText,
  namespace: z.string().describe('"" for rules about addresses'),
  agent: z.string().describe('Identity of the agent'),
  agentTitle: z.string(),
  agentIndex: z.number().int().default(0),
  node: z.string().describe('Where the agent ran'),
  reason: z.string(),
  nodes: z.array(z.string()).optional().describe('Workers that it is for; absent: all'),
  appliedAt: z.number().describe('ms since the epoch'),
  expiresAt: z.number().describe('ms since the epoch, by the clock of the hub'),
  changed: z.boolean().default(false).describe('Somebody else has changed it in the cluster'),
  owner: z.string().default('').describe('Role of Kubernetes with which it goes; "" = none'),
  fingerprint: z.string().default('').describe('Of what was written to the cluster'),
})
export type PolicyRecord = z.infer<typeof policyRecord>

export const policyView = policyRecord.omit({ owner: true, fingerprint: true }).extend({
  remainingMs: z.number(),
  cut: z
    .object({ packets: z.number().int(), bytes: z.number().int() })
    .nullable()
    .describe('What it has cut; null: nobody counts that, as on Kubernetes'),
  workers: z.array(policyNode),
})
export type PolicyView = z.infer<typeof policyView>

export const policyList = z.object({
  enabled: z.boolean().describe('scripting.allowEnforcement'),
  place: z.enum(['kubernetes', 'hosts']).describe('What policies are made of here'),
  policies: z.array(policyView),
})
export type PolicyList = z.infer<typeof policyList>

export const policyApplied = z.object({
  applied: z.boolean(),
  text: z.string().describe('In words: `blocking is disabled` where nothing was done'),
  name: z.string(),
  expires: z.string().describe('RFC 3339; "" where nothing was done'),
  notes: z.array(z.string()).describe('What somebody should know of it'),
})
export type PolicyApplied = z.infer<typeof policyApplied>

export const policyRemoved = z.object({ removed: z.boolean(), text: z.string() })
export type PolicyRemoved = z.infer<typeof policyRemoved>

/** How far what was seen reaches. */
const reach = {
  from: z
    .number()
    .describe('Since when connections are known, ms since the epoch; not before what was asked for'),
  to: z.number().describe('ms since the epoch'),
  complete: z
    .boolean()
    .describe(
      'Everything of the time that was asked for is known: all workers answered, nothing was lost or forgotten',
    ),
  notes: z.array(z.string()),
}

export const policyPreview = z.object({
  rule: z.string().describe('What would be applied, in a line'),
  ...reach,
  requests: z.object({ seen: z.number().int(), cut: z.number().int() }),
  flows: z
    .array(
      z.object({
        from: z.string(),
        to: z.string(),
        port: z.number().int(),
        protocol: z.string(),
        requests: z.number().int(),
        firstAt: z.number(),
        lastAt: z.number(),
      }),
    )
    .describe('Who would not reach whom any more, most requests first'),
  moreFlows: z.number().int(),
  entries: z
    .array(z.string())
    .describe('Requests that would be cut, newest first: those that are still kept'),
  moreEntries: z.number().int(),
})
export type PolicyPreview = z.infer<typeof policyPreview>

export const policySuggestion = z.object({
  ...reach,
  flows: z.number().int().describe('Different connections that it is made of'),
  policies: z.array(z.record(z.string(), z.unknown())).describe('NetworkPolicies, one for each workload'),
  rules: z
    .array(z.record(z.string(), z.unknown()))
    .describe('For hosts without Kubernetes, as policy.apply takes them'),
})
export type PolicySuggestion = z.infer<typeof policySuggestion>

/** What each order is answered with. */
export const POLICY_ANSWERS = {
  apply: policyApplied,
  remove: policyRemoved,
  unblock: policyRemoved,
  list: policyList,
  preview: policyPreview,
  suggest: policySuggestion,
} as const

export type PolicyAnswer<Ask extends PolicyOrder['ask']> = z.output<(typeof POLICY_ANSWERS)[Ask]>

/** Asks the hub that leads. */
export interface PolicyAsker {
  /** Rejects with the mistake of who has asked, and with `E_BUS_NO_ANSWER` while no hub leads. */
  ask<Ask extends PolicyOrder['ask']>(
    order: Extract<PolicyOrder, { readonly ask: Ask }>,
    signal?: AbortSignal,
  ): Promise<PolicyAnswer<Ask>>
}

/** Request to a worker. */
export const policyErrand = z.discriminatedUnion('ask', [
  z.object({
    ask: z.literal('enforce'),
    name: z.string(),
    rule: policyRuleText,
    remainingMs: z.number().positive(),
    /** Addresses that nothing may be cut between: those of hubs and workers. */
    ours: z.array(z.string()),
  }),
  z.object({ ask: z.literal('lift'), name: z.string() }),
  z.object({ ask: z.literal('state') }),
  z.object({ ask: z.literal('flows'), sinceMs: z.number(), after: z.string().max(1000).default('') }),
])
export type PolicyErrand = z.input<typeof policyErrand>

/** Rules about addresses that are in force on a worker. */
export const policyStates = z.object({
  policies: z.array(
    z.object({
      name: z.string(),
      remainingMs: z.number(),
      packets: z.number().int(),
      bytes: z.number().int(),
    }),
  ),
})

const labels = z.record(z.string(), z.string())
const flowEnd = z.object({
  address: z.string(),
  pod: z
    .object({
      name: z.string(),
      namespace: z.string(),
      labels,
      namespaceLabels: labels,
      node: z.string(),
      ports: z.array(z.object({ name: z.string(), port: z.number(), protocol: z.string() })),
    })
    .optional(),
  host: z.string().optional(),
})

/** Connections that a worker has seen, summed, a part at a time. */
export const seenFlows = z.object({
  /** Since when, ms since the epoch. */
  from: z.number(),
  /** Nothing of that time was lost. */
  complete: z.boolean(),
  ends: z.array(flowEnd),
  /** `[from, to, protocol, port, requests, firstAt, lastAt]`; the first two are places in `ends`. */
  flows: z.array(
    z.tuple([
      z.number().int(),
      z.number().int(),
      z.string(),
      z.number().int(),
      z.number().int(),
      z.number(),
      z.number(),
    ]),
  ),
  /** Behind which the next part begins; null at the end. */
  next: z.string().nullable(),
})
export type SeenFlows = z.infer<typeof seenFlows>

/** Keys in the bucket. */
export const POLICY_PREFIX = 'policy.'
export const policyKey = (name: string) => `${POLICY_PREFIX}${name}`
