import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browserCommand, openInBrowser, type Surroundings } from './browser.ts'

const URL = 'http://127.0.0.1:8899'
const DESK: Surroundings = { platform: 'linux', env: { DISPLAY: ':0' }, isTerminal: true }

test('a browser is opened as the system does it, where somebody sits before a screen', () => {
  assert.deepEqual(browserCommand(URL, DESK), ['xdg-open', URL])
  assert.deepEqual(browserCommand(URL, { ...DESK, env: { WAYLAND_DISPLAY: 'wayland-0' } }), ['xdg-open', URL])
  assert.deepEqual(browserCommand(URL, { ...DESK, platform: 'darwin', env: {} }), ['open', URL])
  assert.deepEqual(browserCommand(URL, { ...DESK, platform: 'win32', env: {} }), [
    'cmd',
    '/c',
    'start',
    '',
    URL,
  ])
})

test('none is opened without a terminal or a screen, from afar, or in a pipeline', () => {
  for (const less of [
    { isTerminal: false },
    { env: {} },
    { env: { DISPLAY: '' } },
    { env: { DISPLAY: ':10', SSH_CONNECTION: '10.0.0.1 1 10.0.0.2 22' } },
    { env: { DISPLAY: ':0', CI: 'true' } },
  ])
    assert.equal(browserCommand(URL, { ...DESK, ...less }), undefined)
})

test('that there is no program to open one is no failure', async () => {
  openInBrowser(URL, { ...DESK, env: { DISPLAY: ':0', PATH: '/nowhere' } })
  await new Promise((resolve) => setTimeout(resolve, 100))
})
