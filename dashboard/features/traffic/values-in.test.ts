import assert from 'node:assert/strict'
import { test } from 'node:test'
import { valuesIn } from './values-in.ts'

test('values come from what is shown, the most frequent first', () => {
  const lines = ['GET', 'POST', 'GET', '', 'x'.repeat(200)].map((method, at) => ({
    id: String(at),
    at,
    text: JSON.stringify({ request: { method }, response: { status: 200 + at } }),
  }))
  assert.deepEqual(valuesIn(lines, 'request.method'), ['GET', 'POST'])
  assert.deepEqual(valuesIn(lines, 'method'), ['GET', 'POST'])
  assert.equal(valuesIn(lines, 'status_code').length, 5)
  assert.deepEqual(valuesIn(lines, 'request'), [])
  assert.deepEqual(valuesIn([], 'gone'), [])
  const src = { namespace: 'shop', pod: { metadata: { name: 'cart-1' } }, nodeName: 'node-1' }
  const ofPods = [{ id: '1', at: 1, text: JSON.stringify({ src }) }]
  const found = ['src.namespace', 'src.pod.name', 'src.pod.metadata.name', 'src.node', 'dst.pod.name']
  assert.deepEqual(
    found.map((field) => valuesIn(ofPods, field)),
    [['shop'], ['cart-1'], ['cart-1'], ['node-1'], []],
  )
})
