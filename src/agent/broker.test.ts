import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { configOf } from '../cli/options.ts'
import { Mistake } from '../mistake/mistake.ts'
import { testAgent } from '../testing/group.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { HelperBroker, type SentAction } from './broker.ts'

describe('the broker of a hub', () => {
  test('works in its data folder', async (t) => {
    const { ask } = await hubBroker(t)
    await ask('file.write', 'a.txt', 'kept')
    assert.equal(await ask('file.read', 'a.txt'), 'kept')
    await assert.rejects(ask('file.read', '../a.txt'), Mistake)
  })

  test('has no packets', async (t) => {
    const { ask } = await hubBroker(t)
    for (const path of ['pcap.snapshot', 'pcap.nameResolutionHistory', 'pcap.path'])
      await assert.rejects(ask(path), /pcap helpers are available on workers only/)
  })

  test('asks its link for what other components know', async (t) => {
    const { ask } = await hubBroker(t)
    assert.deepEqual(JSON.parse(String(await ask('hub.targeted'))), { targets: ['cart'], excluded: [] })
    assert.deepEqual(JSON.parse(String(await ask('utils.health'))), { nodeName: 'hub', workers: 2 })
  })

  test('hands actions to its link, and what that refuses to the script', async (t) => {
    const { ask, sent } = await hubBroker(t)
    assert.equal(await ask('hub.action', 'seen', '{"a":1}'), undefined)
    await ask('hub.action', 'bare')
    assert.deepEqual(
      sent.map(({ action, object, agent }) => [action, object, agent.id]),
      [
        ['seen', '{"a":1}', 'id-0'],
        ['bare', undefined, 'id-0'],
      ],
    )
    await assert.rejects(ask('hub.action', 'full'), /the outbox is full/)
  })
})

async function hubBroker(t: TestContext) {
  const folder = await tempFolder(t)
  const { config } = configOf({ set: [`scripting.data=${join(folder, 'data')}`] })
  const sent: SentAction[] = []
  const broker = new HelperBroker({
    config,
    nodeName: 'hub',
    link: {
      action(call) {
        if (call.action === 'full') throw new Mistake('E_BUS', 'the outbox is full')
        sent.push(call)
      },
      alert() {},
      targeted: () => ({ targets: ['cart'], excluded: [] }),
      health: (nodeName) => ({ nodeName, workers: 2 }),
    },
  })
  t.after(() => broker.close())
  const agent = testAgent(0, '')
  const ask = (path: string, ...args: readonly unknown[]) =>
    broker.call({ agent, component: 'hub', path, args, nowMs: 0, warn() {} })
  return { ask, sent }
}
