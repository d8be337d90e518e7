import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { configSchema } from '../../config/schema.ts'
import { REPOSITORY } from '../../testing/remora.ts'
import { tempFolder } from '../../testing/temp-folder.ts'
import { until } from '../../testing/until.ts'
import type { TrialOrder } from '../../wire/trials.ts'
import { trialRunner } from './trials.ts'

function orderOf(code: string): TrialOrder {
  const path = join(REPOSITORY, 'samples/sample.pcap')
  const input = { kind: 'capture', path, description: 'the sample' } as const
  return { code, title: 'tried', language: 'es5', env: {}, input }
}

describe('a program that tries an agent out', () => {
  test('gets the settings, answers with what came, and leaves nothing behind', async (t) => {
    const folder = await tempFolder(t)
    const config = configSchema.parse({ scripting: { budgets: { memoryMb: 32 } } })
    const code = 'function onItemCaptured(data) { file.append("a.txt", data.id) }'
    const outcome = await trialRunner(config, folder)(orderOf(code), AbortSignal.timeout(60_000))
    assert.deepEqual([outcome.ended, outcome.cost.budget.memoryMb], ['complete', 32])
    assert.equal(outcome.events.entries.delivered, outcome.effects.list.length)
    assert.deepEqual(await readdir(folder), [])
  })

  test('is killed with its sandbox when nobody waits for it any more', async (t) => {
    const folder = await tempFolder(t)
    const code = 'jobs.schedule("long", "* * * * * *", function () { for (;;) {} })'
    const gone = new AbortController()
    const running = trialRunner(configSchema.parse({}), folder)(orderOf(code), gone.signal)
    running.catch(() => 'looked at below')
    const places = async () =>
      (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('data'))
    await until(async () => (await places()).length > 0, 'the trial')
    gone.abort()
    await assert.rejects(running, /without an outcome/)
    assert.deepEqual(await readdir(folder), [])
  })

  test('says why it has failed', async (t) => {
    const folder = await tempFolder(t)
    const order = orderOf('var a')
    const missing = { ...order, input: { ...order.input, path: join(folder, 'none.pcap') } }
    const running = trialRunner(configSchema.parse({}), folder)(missing, AbortSignal.timeout(60_000))
    await assert.rejects(running, /none\.pcap/)
  })
})
