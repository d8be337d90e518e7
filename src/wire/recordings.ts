import { z } from 'zod'
import { RECORDING_NAME } from './recording-name.ts'
import { token } from './subjects.ts'

export const recordingName = z
  .string()
  .regex(RECORDING_NAME, 'expected lower-case letters, digits and dashes, 60 at most')

/** What is to be recorded and when, under `plan.<name>`. Every worker does its part of it, by its own clock. */
export const recordingPlan = z.object({
  id: z.string().describe('Another one each time that the name is used'),
  name: recordingName,
  filter: z.string(),
  startAt: z.number().describe('When it first begins, ms since the epoch'),
  durationMs: z.number().nonnegative().describe('0: only what is kept already is taken'),
  iterations: z.number().int().nonnegative().describe('On so many days in a row; 0: every day'),
  expirationMs: z.number().positive().describe('How long what was recorded is kept after the end'),
  lastMs: z.number().positive().optional().describe('Takes so much of what workers keep already'),
  stoppedAt: z.number().optional().describe('Somebody has ended it, ms since the epoch'),
  createdAt: z.number().describe('ms since the epoch'),
  createdBy: z.string(),
})

/** What one worker has of a recording, under `part.<name>.<node>`. */
export const recordingPart = z.object({
  id: z.string().describe('Of the plan'),
  node: z.string(),
  state: z.enum(['waiting', 'recording', 'done', 'failed', 'expired']),
  reason: z.string().describe('Why it has failed; "" when it has not'),
  entries: z.number().int(),
  packets: z.number().int(),
  bytes: z.number().describe('On its disk'),
  lostEntries: z.number().int().describe('Entries that matched and could not be kept'),
  cutConnections: z.number().int().describe('Connections of which the first packets were gone already'),
})

/** What a new recording is made of. */
export const recordingDraft = z.object({
  name: recordingName,
  filter: z.string().default('').describe('KFL v1 or CEL; "" takes everything'),
  start: z
    .string()
    .regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'expected a time of day, HH:mm, UTC')
    .optional()
    .describe('Time of day, HH:mm, UTC; now when absent'),
  iterations: z
    .number()
    .int()
    .min(0)
    .max(3650)
    .default(1)
    .describe('On so many days in a row; 0: every day until it is stopped'),
  duration: z.number().int().min(1).max(10_080).default(240).describe('Minutes that it lasts each time'),
  expiration: z
    .number()
    .int()
    .min(1)
    .max(525_600)
    .default(2880)
    .describe('Minutes for which it is kept after its end'),
  lastMinutes: z
    .number()
    .int()
    .min(1)
    .max(1440)
    .optional()
    .describe('Takes what workers still have of the last minutes, and nothing that comes'),
})

export const RECORDING_STATES = ['scheduled', 'recording', 'done', 'expired', 'failed'] as const

/** A recording as people see it. Times are ms since the epoch. */
export const recordingView = z.object({
  name: z.string(),
  filter: z.string(),
  state: z.enum(RECORDING_STATES),
  reason: z.string().describe('What went wrong, and on which nodes; "" when nothing did'),
  start: z.number().describe('When it first began, or will'),
  end: z.number().nullable().describe('When it ended, or will for the last time; null: never by itself'),
  nextStart: z.number().nullable().describe('When it begins next; null: it does not'),
  until: z.number().nullable().describe('Until when it records now; null: it does not'),
  expires: z.number().nullable().describe('When it is deleted; null: not by itself'),
  iterations: z.number().int(),
  duration: z.number().describe('Minutes'),
  expiration: z.number().describe('Minutes'),
  lastMinutes: z.number().nullable(),
  createdAt: z.number(),
  createdBy: z.string(),
  entries: z.number().int(),
  packets: z.number().int(),
  bytes: z.number(),
  lostEntries: z.number().int(),
  cutConnections: z.number().int(),
  nodes: z.array(
    recordingPart.omit({ id: true }).extend({
      isAlive: z.boolean().describe('Whether something was heard of the node lately'),
    }),
  ),
})

/** Packets of a recording that a worker has, in order of time: asked for piece by piece. */
export const recordedRequest = z.object({
  name: recordingName,
  /** Of who asks: what comes meanwhile does not belong to it. */
  session: z.string().min(1).max(100),
  /** How many packets came in the pieces before. */
  from: z.number().int().nonnegative(),
  /** Only those between these, as `endsText` names them; all when absent. */
  between: z.array(z.string().max(200)).optional(),
})

/** Head of a piece with packets. */
export const recordedAnswer = z.object({
  node: z.string(),
  packets: z.number().int().describe('In all pieces'),
  linkTypes: z.array(z.number().int()).describe('In all pieces'),
  next: z.number().int().nullable().describe('Where the next piece begins; null: there is none'),
})

/** Names that addresses had while it was recorded: by second, then address. */
export const recordedNames = z.record(
  z.string(),
  z.record(z.string(), z.object({ FullAddress: z.string(), Namespace: z.string() })),
)

export type RecordingPlan = z.infer<typeof recordingPlan>
export type RecordingPart = z.infer<typeof recordingPart>
export type RecordingDraft = z.infer<typeof recordingDraft>
export type RecordingView = z.infer<typeof recordingView>
export type RecordingState = RecordingView['state']
export type RecordedAnswer = z.infer<typeof recordedAnswer>
export type RecordedNames = z.infer<typeof recordedNames>

/** Keys in the bucket of recordings. */
export const PLANS = 'plan.'
export const planKey = (name: string) => `${PLANS}${name}`
export const PARTS = 'part.'
export const partsOf = (name: string) => `${PARTS}${name}.`
export const partKey = (name: string, node: string) => `${partsOf(name)}${token(node)}`

/** The prefix of `source` in queries for the entries of a recording. */
export const RECORDING_SOURCE = 'recording'

/** The recording that a query is about, if it is about one. */
export function recordingIn(source: string | undefined): string | undefined {
  const prefix = `${RECORDING_SOURCE}:`
  return source?.startsWith(prefix) === true ? source.slice(prefix.length) : undefined
}
