import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfig, settingsInForce } from '../../config/index.ts'
import { ask, startTestApi, TOKENS, WITH_TOKENS } from '../../testing/api.ts'
import { identity, settingView } from '../../wire/identity.ts'

test('whoever is on this machine is told to be its admin, and that no token is needed', async (t) => {
  const { url } = await startTestApi(t)
  const { body } = await ask(url, 'GET', '/api/v1/me')
  assert.deepEqual(body, { name: 'local', role: 'admin', version: '1.2.3', isTokenNeeded: false })
})

test('with tokens each is told its name and role, and nobody else anything', async (t) => {
  const { url } = await startTestApi(t, WITH_TOKENS)
  for (const [role, token] of Object.entries(TOKENS)) {
    const { body } = await ask(url, 'GET', '/api/v1/me', { token })
    assert.deepEqual(identity.parse(body), {
      ...{ name: `the ${role}`, role },
      ...{ version: '1.2.3', isTokenNeeded: true },
    })
  }
  for (const token of [undefined, 'nobody-has-this-token'])
    assert.equal((await ask(url, 'GET', '/api/v1/me', { token })).status, 401)
})

test('settings are shown with where they came from, without secrets, to those who may look', async (t) => {
  const loaded = loadConfig({
    ...{ cwd: '/nowhere', home: undefined },
    env: { REMORA_LOGLEVEL: 'info', REMORA_NATS_URL: 'nats://me:hidden@10.0.0.1:4222' },
    set: ['scripting.env.API_KEY=hidden-as-well', 'scripting.env.CHANNEL=C0', 'nats.password=hidden-too'],
  })
  const { url } = await startTestApi(t, { ...WITH_TOKENS, settings: settingsInForce(loaded) })
  assert.equal((await ask(url, 'GET', '/api/v1/settings')).status, 401)
  const { text, body } = await ask(url, 'GET', '/api/v1/settings', { token: TOKENS.viewer })
  assert.doesNotMatch(text, /hidden/)
  const settings = settingView.array().parse(body)
  const byKey = new Map(settings.map(({ key, ...setting }) => [key, setting]))
  assert.partialDeepStrictEqual(byKey.get('logLevel'), {
    ...{ value: 'info', masked: false, source: 'environment' },
    ...{ origin: 'environment REMORA_LOGLEVEL', doc: 'How much Remora says of itself' },
  })
  assert.partialDeepStrictEqual(byKey.get('nats.url'), {
    value: 'nats://********@10.0.0.1:4222',
    masked: true,
  })
  assert.partialDeepStrictEqual(byKey.get('scripting.env.API_KEY'), {
    ...{ value: '********', masked: true },
    ...{ source: 'flag', origin: '--set', doc: 'Values that agents read as env.NAME' },
  })
  assert.partialDeepStrictEqual(byKey.get('scripting.env.CHANNEL'), { value: 'C0', masked: false })
  assert.partialDeepStrictEqual(byKey.get('tap.proxy.front.port'), {
    ...{ value: 8899, source: 'default', origin: '' },
  })
})
