import { z } from 'zod'

/** A job on one node; of one with scope `cluster` there is one for all nodes. */
export const jobView = z.object({
  agent: z.string().describe('Identity of the agent'),
  index: z.number().int(),
  title: z.string(),
  node: z.string().describe('Where it is scheduled'),
  tag: z.string(),
  cron: z.string(),
  limit: z.number().describe('Most runs; 0: no limit'),
  scope: z.enum(['node', 'cluster']),
  status: z.enum(['waiting', 'running', 'finished', 'paused']),
  runs: z.number(),
  failures: z.number(),
  lastRun: z.number().nullable().describe('ms since the epoch'),
  lastDurationMs: z.number().nullable(),
  lastError: z.string().nullable(),
  nextRun: z.number().nullable().describe('ms since the epoch; null: it does not run again'),
})

/** Which jobs are meant; what is absent does not limit. */
export const jobSelector = z.object({
  agent: z.string().optional().describe('Identity, index or title'),
  tag: z.string().optional(),
  node: z
    .string()
    .optional()
    .describe('Jobs with scope `cluster` are on none: orders for one node leave them alone'),
})

/** To a node: what is to be done with its jobs. Answered by `jobAnswer`. */
export const jobOrder = z.object({
  order: z.enum(['list', 'run', 'remove', 'start', 'stop']),
  selector: jobSelector,
  /** Of the order, for all nodes that get it: a job of the cluster runs once for it. */
  id: z.string().optional(),
})

export const jobAnswer = z.object({
  node: z.string(),
  /** Whether jobs are started at their times. */
  running: z.boolean(),
  /** Those that the order was about. */
  jobs: z.array(jobView),
})

/** A script has done something with jobs, on its own node and so on all others. */
export const jobsOrdered = z.object({
  boot: z.string().describe('The run of the program on which it is done already'),
  order: z.enum(['run', 'remove', 'start', 'stop']),
  agent: z.string().optional().describe('Identity of the agent whose jobs are meant; absent: all'),
  tag: z.string().optional(),
})

export type JobView = z.infer<typeof jobView>
export type JobSelector = z.infer<typeof jobSelector>
export type JobOrder = z.infer<typeof jobOrder>
export type JobAnswer = z.infer<typeof jobAnswer>
