import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FlowLog } from '../store/flow-log.ts'
import { Flows } from './flows.ts'

test('when the thread that reads entries is gone, connections are remembered by the next one', async () => {
  const log = new FlowLog({ folder: null, mostBytes: 1 << 20, keepMs: 3_600_000 })
  const begun = Date.now()
  let [threads, isGone] = [0, false]
  const sum = {
    from: { address: '10.0.0.1', port: 1 },
    to: { address: '10.0.0.2', port: 80 },
    ...{ protocol: 'TCP', requests: 1, firstAt: begun, lastAt: begun },
  }
  const reader = {
    connections: async () => {
      threads++
      return {
        take: async () => {
          if (isGone) throw new Error('gone')
          return { sums: [sum], missed: 0, malformed: 0 }
        },
        stop() {},
      }
    },
  }
  const failures: string[] = []
  const flows = new Flows({ reader, log, cluster: { onChanges: () => () => {} } }, (error) =>
    failures.push(String(error)),
  )
  const counted = async () => (await flows.page(begun - 60_000, '')).flows[0]?.count ?? 0
  const before = await counted()
  assert.ok(before > 0)
  isGone = true
  assert.equal(await counted(), before)
  assert.equal(await counted(), before)
  assert.deepEqual(failures, ['Error: gone'])
  isGone = false
  assert.ok((await counted()) > before)
  assert.ok(threads > 1)
  assert.equal((await flows.page(begun, '')).isComplete, false)
  await flows.close()
})
