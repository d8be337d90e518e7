import { z } from 'zod'

/** Which pods are captured, and how much of their traffic. */
export const targetingRules = z.object({
  regex: z.string().max(1000).default('.*').describe('Pods whose name it matches, as RE2 has it'),
  namespaces: z.array(z.string().max(253)).max(1000).default([]).describe('Only those in these; empty = all'),
  excludedNamespaces: z.array(z.string().max(253)).max(1000).default([]).describe('None of those in these'),
  bpfOverride: z
    .string()
    .max(10_000)
    .default('')
    .describe('Capture filter (pcap-filter) instead of the three above; "" = none'),
  sampleRate: z.number().min(0).max(100).default(100).describe('Percent of the connections that are read'),
})
export type TargetingRules = z.infer<typeof targetingRules>

/** What is in force, in the bucket of state under `TARGETING_KEY`. */
export const targetingState = z.object({
  rules: targetingRules,
  version: z.number().int().describe('One more with each change'),
  author: z.string().describe('Who has changed it; `configuration` when nobody has'),
  at: z.number().describe('When, ms since the epoch'),
  hasCluster: z
    .boolean()
    .describe('Whether the hub that leads follows a cluster: without one there are no pods'),
  configured: targetingRules.describe(
    'What the configuration said then: when it says something else, that holds',
  ),
})
export type TargetingState = z.infer<typeof targetingState>

export const TARGETING_KEY = 'targeting'

/** To change what is in force; what is left out stays as it is. */
export const targetingChange = z.object({
  regex: targetingRules.shape.regex.unwrap().optional(),
  namespaces: targetingRules.shape.namespaces.unwrap().optional(),
  excludedNamespaces: targetingRules.shape.excludedNamespaces.unwrap().optional(),
  bpfOverride: targetingRules.shape.bpfOverride.unwrap().optional(),
  sampleRate: targetingRules.shape.sampleRate.unwrap().optional(),
  ifVersion: z.number().int().optional().describe('Refused when it is another one by now'),
})
export type TargetingChange = z.infer<typeof targetingChange>

export const POD_STATES = ['targeted', 'excluded', 'host-network', 'ended'] as const

/** A pod, as a list of what is captured has it. */
export const podTarget = z.object({
  namespace: z.string(),
  name: z.string(),
  node: z.string().describe('"" while it is not scheduled'),
  ips: z.array(z.string()),
  state: z
    .enum(POD_STATES)
    .describe(
      'host-network: the rules take it, and its packets cannot be told from those of its node; ended: its address may be of another one by now',
    ),
  seen: z.boolean().describe('Whether there is traffic from or to it in what workers keep'),
})
export type PodTarget = z.infer<typeof podTarget>

/** What is in force, or would be, and what that means now. */
export const targetingView = z.object({
  rules: targetingRules,
  version: z.number().int(),
  author: z.string(),
  at: z.number().describe('ms since the epoch; 0 when nobody has changed it'),
  cluster: z.enum(['off', 'waiting', 'following']).describe('Whether pods are known'),
  warning: z.string().describe('Why the rules do not do what they say; "" when they do'),
  counts: z.object({ pods: z.number(), targeted: z.number(), namespaces: z.number(), nodes: z.number() }),
  pods: z.array(podTarget).describe('By namespace and name; the first 5000'),
})
export type TargetingView = z.infer<typeof targetingView>

/** Request to a worker that captures live: whether it could capture with this filter. */
export const filterCheck = z.object({ filter: z.string().max(10_000) })
/** `complaint`: what the capture tool says against it; "" when nothing. */
export const filterChecked = z.object({ complaint: z.string() })
