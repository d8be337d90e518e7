import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { understandAgent } from '../agent/agents.ts'
import { openLocalBus } from '../bus/local.ts'
import { eventually } from '../testing/eventually.ts'
import { encode } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { ConsoleOut } from './console-out.ts'
import { Fleet } from './fleet.ts'
import { NodeJobs, type NodeJobsOptions } from './node-jobs.ts'
import { openShared } from './streams.ts'

test('an order of another node that agents cannot follow any more is told of, and harms nothing', async (t) => {
  const { bus, notes } = await jobsOf(t, {
    clusterJobs: () => [],
    results: () => [],
    jobs: () => Promise.reject(new Error('the sandbox has ended')),
    runClusterJob: () => Promise.reject(new Error('the sandbox has ended')),
  })
  bus.publish(SUBJECTS.ordered, encode({ boot: 'b2', order: 'stop' }))
  await eventually('it is told of', () => notes.length > 0)
  assert.deepEqual(notes, ['an order about jobs was not followed'])
})

test('a node says that its jobs are stopped also where the agent that is asked for is not there', async (t) => {
  const { jobs } = await jobsOf(t, { ...QUIET, jobs: async () => ({ running: false, jobs: [] }) })
  const answer = await jobs.order({ order: 'list', selector: { agent: 'nobody' } })
  assert.deepEqual(answer, { node: 'n1', running: false, jobs: [] })
})

test('an order for one node leaves jobs of the cluster alone', async (t) => {
  const { jobs } = await jobsOf(t, { ...QUIET, jobs: async () => ({ running: true, jobs: [] }) })
  const read = understandAgent('// Report', 'Report', 0, { language: 'modern', protocols: [] })
  const agent = { ...read, id: 'a1', version: 1 }
  jobs.changed({ kind: 'scheduled', agent, component: 'worker', tag: 'daily', cron: '0 0 0 1 1 *', limit: 0 })
  const status = async () => {
    const { jobs: listed } = await jobs.order({ order: 'list', selector: { node: 'n1' } })
    return listed.map(({ tag, status }) => `${tag} ${status}`).join()
  }
  await eventually('it is scheduled', async () => (await status()) === 'daily waiting')

  const stopped = await jobs.order({ order: 'stop', selector: { node: 'n1' } })
  assert.deepEqual(stopped.jobs, [], 'it is not one of those that the order was about')
  await jobs.order({ order: 'stop', selector: { tag: 'daily' } })
  await eventually('it is stopped', async () => (await status()) === 'daily paused')
  await jobs.order({ order: 'start', selector: { node: 'n1' } })
  assert.equal(await status(), 'daily paused')
})

/** The jobs of a node with these agents. */
async function jobsOf(t: TestContext, group: NodeJobsOptions['group']) {
  const bus = openLocalBus({ folder: null })
  t.after(() => bus.close())
  const fleet = new Fleet(bus)
  t.after(() => fleet.close())
  const shared = await openShared(bus)
  const notes: string[] = []
  const jobs = new NodeJobs({
    bus,
    bucket: shared.jobs,
    fleet,
    node: 'n1',
    boot: 'b1',
    group,
    shared: { unwritten: 0, flush: async () => {} },
    console: new ConsoleOut(shared.console, 'n1', 'b1'),
    note: (_level, message) => notes.push(message),
  })
  t.after(() => jobs.close())
  return { bus, jobs, notes }
}

/** Agents that have no jobs. */
const QUIET: Omit<NodeJobsOptions['group'], 'jobs'> = {
  clusterJobs: () => [],
  results: () => [],
  runClusterJob: () => Promise.reject(new Error('there are no jobs')),
}
