import { z } from 'zod'
import { agentFault } from './agents.ts'
import { clusterChange, clusterObject } from './cluster.ts'
import { CONSOLE_LEVELS, consoleLine } from './console.ts'

/** Entries of a trial, how long it may take, and what of it is told. */
export const TRIAL_LIMITS = {
  entries: 50_000,
  ms: 30_000,
  lines: 2000,
  lineCharacters: 1 << 20,
  effects: 1000,
  marks: 2000,
  files: 200,
  metrics: 200,
  metricCharacters: 4000,
  fileBytes: 32 << 20,
  pods: 200,
} as const

export const EFFECT_KINDS = ['network', 'file', 'hub', 'shared'] as const

/** Something that an agent wanted to do outside of its sandbox, and that was recorded instead. */
export const effect = z.object({
  helper: z.string().describe('Such as vendor.webhook'),
  kind: z.enum(EFFECT_KINDS),
  target: z.string().describe('Where it would have gone: method and address, path, action, or name'),
  arguments: z
    .array(z.object({ name: z.string(), value: z.string().describe('JSON, cut when it is long') }))
    .describe('What the script gave; secrets of env are masked'),
  sent: z
    .object({
      method: z.string(),
      url: z.string(),
      headers: z.record(z.string(), z.string()),
      body: z.string().describe('Cut when it is long'),
      bodyBytes: z.number().int(),
    })
    .optional()
    .describe('The request that would have been sent'),
  answer: z.string().nullable().describe('What the script got back, as JSON; null: nothing'),
  error: z.string().optional().describe('What was thrown into the script instead'),
  at: z.number().describe('ms since the epoch, by the clock of the agent'),
  node: z.string().describe('Name of the node, or `hub`'),
  title: z.string().describe('Title of the agent'),
  entry: z.string().optional().describe('Identity of the entry in whose hook it was'),
})

export const trialSource = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('recent'),
    seconds: z
      .number()
      .int()
      .min(1)
      .max(24 * 3600),
    filter: z.string().default('').describe('KFL v1 or CEL; "" matches all'),
  }),
  z.strictObject({
    kind: z.literal('capture'),
    id: z.string().min(1).describe('A capture that was uploaded'),
  }),
  z.strictObject({ kind: z.literal('sample') }),
])

export const trialRequest = z.object({
  code: z.string(),
  title: z.string().max(1000).optional(),
  source: trialSource,
})

export const trialLine = z.object({
  level: z.enum(CONSOLE_LEVELS),
  text: z.string(),
  at: z.number().describe('ms since the epoch, by the clock of the agent'),
  node: z.string().describe('Name of the node, or `hub`'),
  entry: z.string().optional().describe('Identity of the entry in whose hook it was printed'),
  place: consoleLine.shape.place,
})

export const trialCalls = z.object({
  node: z.string(),
  name: z.string().describe('A hook, `job "tag"`, `timer`, `dissectors` or `loading`'),
  calls: z.number().int(),
  errors: z.number().int(),
  micros: z.number().describe('Time in it, µs'),
})

export const trialMark = z.object({
  entry: z.string(),
  passed: z.boolean().optional(),
  failed: z.boolean().optional(),
  tags: z.unknown().optional(),
  queried: z.enum(['changed', 'hidden']).optional().describe('What onItemQueried has made of it'),
  changes: z.array(z.string()).optional().describe('Paths of what onItemQueried has changed'),
})

const fate = z.object({
  received: z.number().int(),
  delivered: z.number().int(),
  dropped: z.number().int(),
})

/** What came of running an agent with its effects recorded. */
export const trialOutcome = z.object({
  title: z.string(),
  /** Why it did not load. */
  loadError: z.string().optional(),
  stopped: z.string().optional().describe('Why the agent was stopped'),
  ended: z.enum(['complete', 'time', 'entries']).describe('Whether a limit has ended it'),
  /** For people: what was not as it would be. */
  notes: z.array(z.string()),
  source: z.object({
    description: z.string(),
    entries: z.number().int().describe('That were fed, or read from the capture'),
    packets: z.number().int(),
    firstMs: z.number().nullable(),
    lastMs: z.number().nullable(),
    unreadable: z.number().int().describe('Entries of protocols that other agents read'),
  }),
  console: z.object({ lines: z.array(trialLine), dropped: z.number().int() }),
  calls: z.array(trialCalls),
  faults: z.array(agentFault).describe('Errors by where in the code they arose'),
  effects: z.object({ list: z.array(effect), dropped: z.number().int() }),
  marks: z.object({ list: z.array(trialMark), dropped: z.number().int() }),
  stored: z.object({
    files: z.array(z.object({ path: z.string(), bytes: z.number().int(), head: z.string() })),
    shared: z.array(z.object({ kind: z.string(), name: z.string(), value: z.unknown() })),
    metrics: z
      .array(
        z.object({
          name: z.string(),
          type: z.string().describe('counter, gauge, untyped or histogram'),
          text: z.string().describe('As Prometheus would read it, cut when it is long'),
        }),
      )
      .describe('What it has exported by prometheus.*'),
  }),
  events: z.object({ entries: fate, packets: fate }),
  cost: z.object({
    wallMs: z.number(),
    cpuMs: z.number().describe('Time in the agent'),
    microsPerEvent: z.number().nullable(),
    heapBytes: z.number().int().describe('What it held at the end'),
    peakBytes: z.number().int().describe('Of its whole sandbox process; 0: not known'),
    budget: z.object({ hookMs: z.number(), jobMs: z.number(), memoryMb: z.number() }),
  }),
})

export const trialAnswer = trialOutcome.extend({ id: z.string().describe('For making a test of it') })

/** What a test expects: only what is the same each time. */
export const expectation = z.object({
  loadError: z.string().optional(),
  stopped: z.boolean().describe('The agent was stopped'),
  console: z.array(z.object({ level: z.enum(CONSOLE_LEVELS), text: z.string() })),
  effects: z.array(
    z.object({
      helper: z.string(),
      target: z.string(),
      arguments: z.record(z.string(), z.string()),
      error: z.string().optional(),
    }),
  ),
  marks: z.array(trialMark),
})

export const fixtureInput = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('entries'), entries: z.array(z.looseObject({})) }),
  z.object({ kind: z.literal('capture'), name: z.string(), base64: z.base64() }),
])

/** A change of a pod, for `onPodEvent`. What it means is read off the status before and after. */
export const podFixture = z.object({
  at: z.number().describe('ms since the epoch, by the clock of the traffic'),
  event: clusterChange.shape.type,
  pod: clusterObject.describe('As `kubectl get pod -o json` prints it'),
})

const podFixtures = z.array(podFixture).max(TRIAL_LIMITS.pods).optional().describe('In order of time')

/** A test of an agent that can be run anywhere: its code, what it is given, and what is to come of it. */
export const fixture = z.object({
  remora: z.literal('fixture'),
  version: z.literal(1),
  title: z.string(),
  language: z.enum(['es5', 'modern']),
  code: z.string(),
  env: z.record(z.string(), z.unknown()).default({}).describe('Stand-ins for what is secret'),
  input: fixtureInput,
  pods: podFixtures,
  expected: expectation,
})

/** To the program that runs it: code, and the file that has its entries, one a line, or its packets. */
export const trialOrder = z.object({
  code: z.string(),
  title: z.string(),
  language: z.enum(['es5', 'modern']),
  env: z.record(z.string(), z.json()),
  input: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('entries'), path: z.string(), description: z.string() }),
    z.object({ kind: z.literal('capture'), path: z.string(), description: z.string() }),
  ]),
  pods: podFixtures,
})

export type Effect = z.infer<typeof effect>
export type EffectKind = Effect['kind']
export type TrialSource = z.infer<typeof trialSource>
export type TrialRequest = z.infer<typeof trialRequest>
export type TrialOutcome = z.infer<typeof trialOutcome>
export type TrialAnswer = z.infer<typeof trialAnswer>
export type TrialOrder = z.infer<typeof trialOrder>
export type PodFixture = z.infer<typeof podFixture>
export type Expectation = z.infer<typeof expectation>
export type Fixture = z.infer<typeof fixture>
