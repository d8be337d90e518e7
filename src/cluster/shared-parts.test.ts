import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readObject } from './objects.ts'
import { SharedParts } from './shared-parts.ts'

describe('parts that objects have alike', () => {
  it('are the same ones in all of them, and what differs is not', () => {
    const shared = new SharedParts()
    const [one, other, third] = ['cart', 'cart', 'price'].map((app, at) =>
      readObject('pod', podOf(`p${at}`, app), { shared }),
    )
    assert.ok(one !== undefined && other !== undefined && third !== undefined)
    assert.equal(one.metadata.labels, other.metadata.labels)
    assert.equal(one.metadata.ownerReferences, other.metadata.ownerReferences)
    assert.equal(one.spec.containers, third.spec.containers)
    assert.deepEqual(third.metadata.labels, { app: 'price' })
    assert.deepEqual(one, readObject('pod', podOf('p0', 'cart')))
  })

  it('are forgotten when there are too many, and not kept when they are long', () => {
    const shared = new SharedParts(2)
    const first = shared.of({ n: 1 })
    shared.of({ n: 2 })
    assert.equal(shared.of({ n: 1 }), first)
    shared.of({ n: 3 })
    assert.notEqual(shared.of({ n: 1 }), first)
    const long = { text: 'x'.repeat(2000) }
    assert.equal(shared.of(long), long)
    assert.notEqual(shared.of({ ...long }), long)
  })

  it('have keys in the same order, or are others', () => {
    const shared = new SharedParts()
    shared.of({ a: '1', b: '2' })
    assert.deepEqual(Object.keys(shared.of({ b: '2', a: '1' })), ['b', 'a'])
  })
})

function podOf(name: string, app: string) {
  const owner = { kind: 'ReplicaSet', name: app, uid: app, controller: true }
  return {
    metadata: { name, namespace: 'shop', uid: name, labels: { app }, ownerReferences: [owner] },
    spec: { containers: [{ name: 'main', image: 'shop:1' }] },
  }
}
