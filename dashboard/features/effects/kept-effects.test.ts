import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EffectRecord } from '../../../src/wire/effects.ts'
import { type KeptEffects, sinceOf, withAnswer } from './kept-effects.ts'

describe('effects that are followed', () => {
  test('are those before the question, and those of its answer', () => {
    const first = withAnswer(undefined, asked(undefined, 20_000), page([effect(20_000), effect(10_000)]))
    const since = sinceOf(first, 1000)
    assert.equal(since, 14_000)
    const answer = page([effect(30_000), effect(20_000), effect(15_000)])
    assert.deepEqual(timesOf(withAnswer(first, asked(since), answer)), [30_000, 20_000, 15_000, 10_000])
  })

  test('are not asked for from the beginning again where there are none', () => {
    assert.equal(sinceOf(withAnswer(undefined, asked(undefined, 20_000), page([])), 1000), 14_000)
    const hasNoClock = { ...asked(undefined), askedAt: undefined }
    assert.equal(sinceOf(withAnswer(undefined, hasNoClock, page([effect(1)])), 0), undefined)
  })

  test('have no hole: an answer that is cut stands for all', () => {
    const first = withAnswer(undefined, asked(undefined), page([effect(10)]))
    const next = withAnswer(first, { ...asked(5), limit: 2 }, page([effect(40), effect(30)]))
    assert.deepEqual(timesOf(next), [40, 30])
  })

  test('of a node that does not answer stay, and are asked for when it does again', () => {
    const first = withAnswer(
      undefined,
      asked(undefined, 10_000),
      page([effect(10_000, { node: 'b' }), effect(9000)]),
    )
    const since = sinceOf(first, 0)
    const silent = withAnswer(first, asked(since, 50_000), page([effect(50_000), effect(9000)], ['b']))
    assert.deepEqual(timesOf(silent), [50_000, 10_000, 9000])
    assert.deepEqual(silent.missing, ['b'])
    assert.equal(sinceOf(silent, 0), since)
    const never = withAnswer(undefined, asked(undefined, 50_000), page([effect(1)], ['b']))
    assert.equal(sinceOf(never, 0), undefined)
  })

  test('have a key each, also when they are alike, and keep it', () => {
    const alike = [effect(10), effect(10)]
    const first = withAnswer(undefined, asked(undefined), page(alike))
    assert.equal(new Set(first.effects.map(({ key }) => key)).size, 2)
    const next = withAnswer(first, asked(0), page([effect(10), ...alike]))
    assert.deepEqual(
      next.effects.slice(1).map(({ key }) => key),
      first.effects.map(({ key }) => key),
    )
  })

  test('are ten thousand at most', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => effect(10_000 - at))
    const first = withAnswer(undefined, { ...asked(undefined), limit: 20_000 }, page(many))
    const next = withAnswer(first, asked(10_000), page([effect(10_001), effect(10_000)]))
    assert.equal(next.effects.length, 10_000)
    assert.equal(next.effects[0]?.at, 10_001)
  })
})

const asked = (since: number | undefined, askedAt = 0) => ({ since, limit: 1000, askedAt })
const page = (effects: EffectRecord[], missing: string[] = []) => ({ effects, missing })
const timesOf = ({ effects }: KeptEffects) => effects.map(({ at }) => at)

function effect(at: number, more: Partial<EffectRecord> = {}): EffectRecord {
  return {
    ...{ at, agent: 'a', title: 'A', node: 'n', component: 'worker', helper: 'vendor.webhook' },
    ...{ kind: 'network', target: 'POST http://shop', outcome: 'ok', ms: 1, bytes: 2 },
    ...more,
  }
}
