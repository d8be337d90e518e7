import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { aPod, change } from '../cluster/test-objects.ts'
import { ClusterEnds } from './ends.ts'

describe('who has an address, for policies', () => {
  test('is no pod that has ended, or that was given another one', () => {
    const ends = new ClusterEnds()
    ends.take([
      change('pod', 'ADDED', 0, aPod('job', '10.1.0.2')),
      change('pod', 'ADDED', 0, aPod('mover', '10.1.0.3')),
    ])
    const nameOf = (address: string) => ends.end(address).pod?.name
    assert.deepEqual(['10.1.0.2', '10.1.0.3'].map(nameOf), ['job', 'mover'])
    ends.take([
      change('pod', 'MODIFIED', 1, aPod('job', '10.1.0.2', { status: { phase: 'Succeeded' } })),
      change('pod', 'MODIFIED', 1, aPod('mover', '10.1.0.4')),
    ])
    assert.deepEqual(['10.1.0.2', '10.1.0.3', '10.1.0.4'].map(nameOf), [undefined, undefined, 'mover'])
  })

  test('is the one that was given it last, whatever is told of the one before', () => {
    const ends = new ClusterEnds()
    const before = aPod('before', '10.1.0.2')
    ends.take([
      change('pod', 'ADDED', 0, before),
      change('pod', 'ADDED', 1, aPod('after', '10.1.0.2')),
      change('pod', 'MODIFIED', 2, aPod('before', '10.1.0.2', { status: { phase: 'Failed' } })),
      change('pod', 'DELETED', 3, before),
    ])
    assert.equal(ends.end('10.1.0.2').pod?.name, 'after')
  })
})
