import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { parse } from 'yaml'
import { NO_POLICIES } from '../agent/no-policies.ts'
import { fakeHost } from '../testing/helper-host.ts'
import { tempFolder } from '../testing/temp-folder.ts'
import { openDataFolder } from './data-folder.ts'
import { dispatch } from './dispatch.ts'
import type { HelperHost } from './helper.ts'
import { namespaces } from './index.ts'

async function open(t: TestContext, overrides: Partial<HelperHost> = {}) {
  const host = fakeHost(await openDataFolder(await tempFolder(t), 1 << 20), overrides)
  return (path: string, ...args: unknown[]) => dispatch(namespaces, path, args, host)
}

describe('hub', () => {
  test('tells what is captured as JSON text', async (t) => {
    const pod = { metadata: { name: 'cart' } }
    const call = await open(t, { targeted: async () => ({ targets: [pod], excluded: [] }) })
    assert.equal(await call('hub.targeted'), '{"targets":[{"metadata":{"name":"cart"}}],"excluded":[]}')
  })

  test('does not block pods, and says so without throwing', async (t) => {
    const call = await open(t, {
      policies: { ...NO_POLICIES, by: { agent: 'a', title: 'A', node: 'n1', index: 0 } },
    })
    assert.equal(await call('hub.blockPod', 'cart', 'shop'), 'blocking is disabled')
    assert.equal(await call('hub.unblockPod', 'cart', 'shop'), 'blocking is disabled')
  })
})

describe('utils', () => {
  test('writes YAML for JSON text and for objects', async (t) => {
    const call = await open(t)
    const value = { on: 'yes', list: [1, { a: null }], text: 'two\nlines', long: 'word '.repeat(50) }
    assert.equal(await call('utils.json2Yaml', '{"calls":3,"paths":["/a"]}'), 'calls: 3\npaths:\n  - /a\n')
    assert.deepEqual(parse(String(await call('utils.json2Yaml', JSON.stringify(value)))), value)
    assert.deepEqual(parse(String(await call('utils.json2Yaml', value))), value)
    assert.equal(await call('utils.json2Yaml', 5), '5\n')
  })

  test('refuses what is not JSON, and what is nested without end', async (t) => {
    const call = await open(t)
    await assert.rejects(call('utils.json2Yaml', '{oops'), {
      code: 'E_HELPER_ARGUMENT',
      message: 'utils.json2Yaml(json): json: expected JSON, found other text',
    })
    const deep = '['.repeat(50_000) + ']'.repeat(50_000)
    await assert.rejects(call('utils.json2Yaml', deep), { name: 'Mistake' })
  })

  test('tells the health of the component as JSON text', async (t) => {
    const call = await open(t, { health: () => ({ nodeName: 'hub', cpuUsage: 0.5 }) })
    assert.equal(await call('utils.health'), '{"nodeName":"hub","cpuUsage":0.5}')
  })
})
