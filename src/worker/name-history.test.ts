import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NamesSince } from './name-history.ts'

test('names of addresses are told by the seconds since when they had them, of DNS and of the cluster', () => {
  const names = new NamesSince()
  names.learn(1000.5, '93.184.216.34', 'example.com')
  names.learn(1000.9, '10.1.0.2', 'cart.shop.svc.cluster.local')
  names.know(() => [
    { since: 1_000_000, address: '10.1.0.2', name: 'cart-1', namespace: 'shop' },
    { since: 2_000_999, address: '10.1.0.2', name: 'cart-2', namespace: 'shop' },
    { since: 2_000_000, address: '10.1.0.2:80', name: 'cart', namespace: 'shop' },
    { since: 900_000, address: '192.168.0.1', name: 'node-1', namespace: '' },
  ])
  const expected = {
    900: { '192.168.0.1': { FullAddress: 'node-1', Namespace: '' } },
    1000: {
      '93.184.216.34': { FullAddress: 'example.com', Namespace: '' },
      '10.1.0.2': { FullAddress: 'cart-1.shop', Namespace: 'shop' },
    },
    2000: {
      '10.1.0.2': { FullAddress: 'cart-2.shop', Namespace: 'shop' },
      '10.1.0.2:80': { FullAddress: 'cart.shop', Namespace: 'shop' },
    },
  }
  assert.deepEqual(names.history(), expected)
  assert.deepEqual(names.history(), expected, 'asking changes nothing')
})

test('of names that DNS has told the oldest go when there are too many', () => {
  const names = new NamesSince()
  for (let at = 0; at < 1500; at++) names.learn(at, '10.0.0.1', `n${at}`)
  assert.equal(Object.keys(names.history()).length, 1000)
})
