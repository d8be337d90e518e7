import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { HOOKS } from '../../../../src/helpers/hooks.ts'
import { hooksIn } from './hooks.ts'

const TYPINGS = readFileSync(new URL('../../../../remora.d.ts', import.meta.url), 'utf8')

test('every hook is found in the typings, with its parameters and what it is for', () => {
  const hooks = hooksIn(TYPINGS)
  assert.deepEqual(hooks.map(({ name }) => name).toSorted(), [...HOOKS].toSorted())
  const named = Object.fromEntries(hooks.map(({ name, params }) => [name, params]))
  assert.deepEqual(named.onItemQueried, ['data', 'filter'])
  assert.deepEqual(named.onHubAction, ['action', 'object', 'meta'])
  assert.match(hooks.find(({ name }) => name === 'onPodEvent')?.doc ?? '', /^Called when Kubernetes reports/)
})
