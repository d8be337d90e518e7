import assert from 'node:assert/strict'
import { test } from 'node:test'
import { layoutsFor } from '../entry/layout.ts'
import { entryProtocols } from './index.ts'
import { knownProtocols } from './known.ts'

test('what is known of protocols without their dissectors makes the same layouts', () => {
  for (const wanted of [['*'], ['protocol', 'request.path', 'response?', 'data.state']])
    assert.deepEqual(layoutsFor(knownProtocols, new Set(wanted)), layoutsFor(entryProtocols, new Set(wanted)))
})
