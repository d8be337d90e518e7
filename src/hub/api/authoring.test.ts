import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ask, startTestApi } from '../../testing/api.ts'
import { MOST_CODE_BYTES } from '../../wire/agents.ts'

const A = '/api/v1'

describe('code that is not stored', () => {
  test('is checked as it would be when it is saved, and beyond', async (t) => {
    const { url, hub } = await startTestApi(t)
    const check = async (code: string) =>
      (await ask(url, 'POST', `${A}/agents/check`, { body: { code } })).body
    assert.deepEqual(await check('// Calls\nfunction onItemCaptured(data) {}'), {
      ok: true,
      title: 'Calls',
      hooks: ['onItemCaptured'],
      problems: [],
    })
    assert.deepEqual(await check('// Calls\nvar = 2'), {
      ok: false,
      title: 'Calls',
      hooks: [],
      problems: [
        {
          line: 2,
          column: 5,
          severity: 'error',
          rule: 'syntax',
          message: 'Unexpected token',
          hint: '2 | var = 2\n  |     ^',
        },
      ],
    })
    assert.deepEqual(await check('vendor.webhok("GET", "u")'), {
      ok: true,
      title: 'New Script',
      hooks: [],
      problems: [
        {
          line: 1,
          column: 1,
          severity: 'error',
          rule: 'unknown-helper',
          message: 'there is no helper vendor.webhok; did you mean vendor.webhook?',
        },
      ],
    })
    assert.deepEqual(await hub.agents(), [])
    assert.deepEqual(hub.audited, [])
  })

  test('is refused when no agent could be as long', async (t) => {
    const { url } = await startTestApi(t)
    const code = `//${' '.repeat(MOST_CODE_BYTES)}`
    assert.equal((await ask(url, 'POST', `${A}/agents/check`, { body: { code } })).status, 413)
  })
})

describe('what people need who write agents', () => {
  test('is the language and the keys of env, without their values', async (t) => {
    const { url } = await startTestApi(t, { scripting: { env: { SLACK_WEBHOOK: 'https://secret' } } })
    const { body } = await ask(url, 'GET', `${A}/scripting`)
    assert.deepEqual(body, { language: 'es5', env: ['SLACK_WEBHOOK'] })
  })

  test('are templates, by category and title', async (t) => {
    const { url } = await startTestApi(t)
    const { status, body } = await ask(url, 'GET', `${A}/templates`)
    assert.equal(status, 200)
    assert.ok(Array.isArray(body) && body.length >= 20)
    assert.deepEqual(body[0].title, 'Bootstrap script')
    assert.deepEqual(body[0].hooks.includes('onPodEvent'), true)
  })
})
