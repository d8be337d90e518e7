import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sourceOf } from './capture-flags.ts'

test('packets come from a file, once or again and again, or from interfaces', () => {
  assert.deepEqual(sourceOf({ pcap: ['a.pcap'] }), { path: 'a.pcap' })
  assert.deepEqual(sourceOf({ pcap: ['a.pcap'], replay: true }), { path: 'a.pcap', replay: true })
  assert.deepEqual(sourceOf({ interface: ['eth0'] }), { interface: ['eth0'] })
  assert.deepEqual(sourceOf({ interface: ['eth0', 'any'], filter: 'port 80' }), {
    ...{ interface: 'any', filter: 'port 80' },
  })
})

test('what does not go together is refused, with what does', () => {
  for (const flags of [
    {},
    { pcap: ['a.pcap'], interface: ['eth0'] },
    { pcap: ['a.pcap', 'b.pcap'] },
    { pcap: ['a.pcap'], filter: 'port 80' },
    { interface: ['eth0'], replay: true },
  ])
    assert.throws(() => sourceOf(flags), { code: 'E_USAGE', hint: /./ })
})
