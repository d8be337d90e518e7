import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { EFFECT_OUTCOMES } from '../../../src/wire/effects.ts'
import { OUTCOMES, placeIn } from './effects-place.ts'

describe('what is shown of effects', () => {
  test('stands in the address', () => {
    const search = new URLSearchParams('view=dead&agent=a1&helper=vendor.slack&outcome=failed&entry=n1/a-0')
    assert.deepEqual(placeIn(search, true), {
      view: 'dead',
      agent: 'a1',
      helper: 'vendor.slack',
      outcome: 'failed',
      entry: 'n1/a-0',
    })
  })

  test('is all of it where the address says nothing that is known', () => {
    const all = { agent: '', helper: '', outcome: '', entry: '' }
    assert.deepEqual(placeIn(new URLSearchParams(), true), { view: 'log', ...all })
    assert.deepEqual(placeIn(new URLSearchParams('view=x&outcome=y'), true), { view: 'log', ...all })
  })

  test('is no log for those who may not see it', () => {
    assert.equal(placeIn(new URLSearchParams('view=log'), false).view, 'waiting')
    assert.equal(placeIn(new URLSearchParams('view=dead'), false).view, 'dead')
  })

  test('may be any outcome that there is', () => {
    assert.deepEqual([...OUTCOMES], [...EFFECT_OUTCOMES])
  })
})
