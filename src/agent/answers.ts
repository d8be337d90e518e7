import { z } from 'zod'

/** How a job does, as a sandbox answers it. */
export const jobFigures = z.object({
  slot: z.number().int(),
  /** Its number there, as long as it is scheduled. */
  task: z.number().int(),
  tag: z.string(),
  cron: z.string(),
  limit: z.number(),
  scope: z.enum(['node', 'cluster']),
  status: z.enum(['waiting', 'running', 'finished', 'paused']),
  runs: z.number(),
  failures: z.number(),
  lastRun: z.number().nullable(),
  lastDurationMs: z.number().nullable(),
  lastError: z.string().nullable(),
  nextRun: z.number().nullable(),
})

export const jobsAnswer = z.object({
  /** Whether jobs are started at their times. */
  running: z.boolean(),
  jobs: z.array(jobFigures),
})

export const jobRun = z.object({
  ok: z.boolean(),
  error: z.string(),
  durationMs: z.number(),
})

/** What agents have written on an entry that they were given: who keeps entries finds it by its stream and index. */
export const entryMarks = z.object({
  stream: z.string(),
  index: z.number(),
  passed: z.boolean().optional(),
  failed: z.boolean().optional(),
  /** A list, or an object, of the agent's making. */
  tags: z.unknown().optional(),
  /** Where all is traced: its id, and what onItemQueried has made of it; nothing when it was left as it is. */
  id: z.string().optional(),
  queried: z.enum(['changed', 'hidden']).optional(),
  /** Paths of what is another now. */
  changes: z.array(z.string()).optional(),
})

export type EntryMarks = z.infer<typeof entryMarks>
export type JobsAnswer = z.infer<typeof jobsAnswer>
export type JobRun = z.infer<typeof jobRun>
export type JobFigures = z.infer<typeof jobFigures>
