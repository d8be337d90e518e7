import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SharedObject } from './shared-object.ts'

describe('the shared object', () => {
  test('puts text down to whoever put it there last', () => {
    const shared = new SharedObject<string>()
    shared.set('a', 'x', 'text'.repeat(1000))
    shared.set('a', 'y', {})
    const small = shared.bytesOf('a') - 4000
    assert.ok(small > 0 && small < 1000)
    shared.set('b', 'x', 'text')
    assert.ok(shared.bytesOf('a') < 1000)
    assert.equal(shared.get('x'), 'text')
    shared.delete('y')
    assert.equal(shared.bytesOf('a'), 0)
  })

  test('forgets what an owner put there, and nothing else', () => {
    const shared = new SharedObject<string>()
    const symbol = Symbol('s')
    shared.set('a', 'x', 1)
    shared.set('a', symbol, 1)
    shared.set('b', 'y', undefined)
    shared.forget('a')
    assert.deepEqual([shared.has('x'), shared.has(symbol), shared.has('y')], [false, false, true])
    assert.deepEqual(shared.keys(), ['y'])
    assert.equal(shared.bytesOf('a'), 0)
  })
})
