import { z } from 'zod'
import { namespace, rest, sandboxHelper, typed } from './helper.ts'

const tag = z.string().describe('Name of the job within its script')
const scheduled = `jobs.schedule('report', '0 0 * * * *', function () {\n  console.log('an hour has passed')\n})`

export const jobs = namespace('jobs', 'Functions that run at set times, on each component by itself.', {
  schedule: sandboxHelper({
    doc: 'Runs a function at the times that a cron expression says, in UTC. The same tag again replaces the job. Throws when the expression is not valid, and when the script has 1,000 jobs.',
    params: {
      tag,
      cron: z
        .string()
        .describe(
          'Six fields: second, minute, hour, day of month, month, day of week; or @hourly, @every 30s and the like',
        ),
      task: typed('(...args: any[]) => void').describe('What to run'),
      limit: typed("number | { limit?: number, scope?: 'node' | 'cluster' }")
        .optional()
        .describe(
          'Runs at most so many times; 0 or absent: without end. Or an object with `limit` and `scope`: `node` runs it on each node by itself, `cluster` on one of all nodes',
        ),
      args: rest(typed('any')).describe('What each run is called with'),
    },
    returns: z.void(),
    example: `var calls = 0\n\nfunction onItemCaptured() {\n  calls++\n}\n\njobs.schedule('count', '0 * * * * *', function () {\n  console.log('calls this minute:', calls)\n  calls = 0\n})`,
  }),
  remove: sandboxHelper({
    doc: 'Removes the jobs with this tag, on all nodes: those of this script, or of all when it has none.',
    params: { tag },
    returns: z.void(),
    example: `${scheduled}\njobs.remove('report')`,
  }),
  removeAll: sandboxHelper({
    doc: 'Removes every job.',
    params: {},
    returns: z.void(),
    example: `jobs.removeAll()`,
  }),
  list: sandboxHelper({
    doc: 'Tags of the scheduled jobs.',
    params: {},
    returns: z.array(z.string()),
    example: `console.log(jobs.list().join(', '))`,
  }),
  run: sandboxHelper({
    doc: 'Runs a job now, on all nodes.',
    params: { tag },
    returns: z.void(),
    example: `${scheduled}\njobs.run('report')`,
  }),
  runAll: sandboxHelper({
    doc: 'Runs all jobs now, on all nodes.',
    params: {},
    returns: z.void(),
    example: `jobs.runAll()`,
  }),
})

export const scheduler = namespace('jobs.scheduler', 'What starts the jobs when their time has come.', {
  isRunning: sandboxHelper({
    doc: 'Whether jobs are started at their times.',
    params: {},
    returns: z.boolean(),
    example: `if (!jobs.scheduler.isRunning()) jobs.scheduler.start()`,
  }),
  start: sandboxHelper({
    doc: 'Starts jobs at their times again.',
    params: {},
    returns: z.void(),
    example: `jobs.scheduler.start()`,
  }),
  stop: sandboxHelper({
    doc: 'Starts no more jobs; they stay scheduled.',
    params: {},
    returns: z.void(),
    example: `jobs.scheduler.stop()\njobs.scheduler.start()`,
  }),
})
