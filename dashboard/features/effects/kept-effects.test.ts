import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { EffectRecord } from '../../../src/wire/effects.ts'
import { type KeptEffects, sinceOf, withAnswer } from './kept-effects.ts'

describe('effects that are followed', () => {
  test('are those before the question, and those of its answer', () => {
    const first = withAnswer(undefined, undefined, page([effect(20_000), effect(10_000)]), 1000)
    const since = sinceOf(first, 1000)
    assert.equal(since, 14_000)
    const next = withAnswer(first, since, page([effect(30_000), effect(20_000), effect(15_000)]), 1000)
    assert.deepEqual(timesOf(next), [30_000, 20_000, 15_000, 10_000])
  })

  test('have no hole: an answer that is cut stands for all', () => {
    const first = withAnswer(undefined, undefined, page([effect(10)]), 2)
    const next = withAnswer(first, 5, page([effect(40), effect(30)]), 2)
    assert.deepEqual(timesOf(next), [40, 30])
  })

  test('of a node that does not answer stay, and are asked for when it does again', () => {
    const first = withAnswer(undefined, undefined, page([effect(10_000, { node: 'b' }), effect(9000)]), 1000)
    const since = sinceOf(first, 0)
    const silent = withAnswer(first, since, page([effect(50_000), effect(9000)], ['b']), 1000)
    assert.deepEqual(timesOf(silent), [50_000, 10_000, 9000])
    assert.deepEqual(silent.missing, ['b'])
    assert.equal(sinceOf(silent, 0), since)
    const never = withAnswer(undefined, undefined, page([effect(1)], ['b']), 1000)
    assert.equal(sinceOf(never, 0), undefined)
  })

  test('have a key each, also when they are alike, and keep it', () => {
    const alike = [effect(10), effect(10)]
    const first = withAnswer(undefined, undefined, page(alike), 1000)
    assert.equal(new Set(first.effects.map(({ key }) => key)).size, 2)
    const next = withAnswer(first, 0, page([effect(10), ...alike]), 1000)
    assert.deepEqual(
      next.effects.slice(1).map(({ key }) => key),
      first.effects.map(({ key }) => key),
    )
  })

  test('are ten thousand at most', () => {
    const many = Array.from({ length: 10_000 }, (_, at) => effect(10_000 - at))
    const first = withAnswer(undefined, undefined, page(many), 20_000)
    const next = withAnswer(first, 10_000, page([effect(10_001), effect(10_000)]), 1000)
    assert.equal(next.effects.length, 10_000)
    assert.equal(next.effects[0]?.at, 10_001)
  })
})

const page = (effects: EffectRecord[], missing: string[] = []) => ({ effects, missing })
const timesOf = ({ effects }: KeptEffects) => effects.map(({ at }) => at)

function effect(at: number, more: Partial<EffectRecord> = {}): EffectRecord {
  return {
    ...{ at, agent: 'a', title: 'A', node: 'n', component: 'worker', helper: 'vendor.webhook' },
    ...{ kind: 'network', target: 'POST http://shop', outcome: 'ok', ms: 1, bytes: 2 },
    ...more,
  }
}
