import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envKeysIn } from './env-use.ts'

test('keys of env are found however they are read, and not in comments', () => {
  const code = `// env.NOT
/* env.NEITHER */
var a = env.URL + env["A KEY"] + env['B'] + env.URL; // env.TOKEN
var environment = { X: 1 }; environment.X
`
  assert.deepEqual(envKeysIn(code), ['A KEY', 'B', 'TOKEN', 'URL'])
  assert.deepEqual(envKeysIn('JSON.stringify(env)'), [])
})
