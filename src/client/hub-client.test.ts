import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startTestApi } from '../testing/api.ts'
import { openHubClient } from './open-hub-client.ts'

test('a client does with agents what the hub can', async (t) => {
  const { url, hub } = await startTestApi(t)
  const client = openHubClient({ url, token: undefined })
  t.after(() => client.close())

  const { id } = await client.createAgent({ code: '// Hello\nvar a = 1' })
  assert.deepEqual(
    (await client.agents()).map(({ title }) => title),
    ['Hello'],
  )
  const changed = await client.updateAgent('Hello', { code: '// Hello\nvar a = 2', ifVersion: 1 })
  assert.equal(changed.version, 2)
  assert.deepEqual(await client.agent('0'), changed)
  assert.deepEqual(
    (await client.history(id)).map(({ version }) => version),
    [2, 1],
  )
  const back = await client.rollback(id, 1)
  assert.equal(back.code, '// Hello\nvar a = 1')
  await assert.rejects(client.deleteAgent(id, 1), { name: 'Mistake', code: 'E_CONFLICT' })
  await client.deleteAgent(id, 3)
  await assert.rejects(client.agent(id), { code: 'E_NOT_FOUND' })

  hub.titles.push('Hello')
  assert.deepEqual(await client.activeTitles(), ['Hello'])
})
