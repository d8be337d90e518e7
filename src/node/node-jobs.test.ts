import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openLocalBus } from '../bus/local.ts'
import { eventually } from '../testing/eventually.ts'
import { encode } from '../wire/codec.ts'
import { SUBJECTS } from '../wire/subjects.ts'
import { ConsoleOut } from './console-out.ts'
import { Fleet } from './fleet.ts'
import { NodeJobs } from './node-jobs.ts'
import { openShared } from './streams.ts'

test('an order of another node that agents cannot follow any more is told of, and harms nothing', async (t) => {
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
    group: {
      clusterJobs: () => [],
      results: () => [],
      jobs: () => Promise.reject(new Error('the sandbox has ended')),
      runClusterJob: () => Promise.reject(new Error('the sandbox has ended')),
    },
    shared: { unwritten: 0, flush: async () => {} },
    console: new ConsoleOut(shared.console, 'n1', 'b1'),
    note: (_level, message) => notes.push(message),
  })
  t.after(() => jobs.close())
  bus.publish(SUBJECTS.ordered, encode({ boot: 'b2', order: 'stop' }))
  await eventually('it is told of', () => notes.length > 0)
  assert.deepEqual(notes, ['an order about jobs was not followed'])
})
