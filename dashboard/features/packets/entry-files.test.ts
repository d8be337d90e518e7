import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileNameOf, pathOf } from './entry-files.ts'

test('files of an entry are found by its identity, whatever that has in it', () => {
  const path = pathOf({ id: '10.0.0.1:48999/000000000042.pcap-1' }, 'pcap')
  assert.equal(path, '/entries/10.0.0.1%3A48999/000000000042.pcap-1/pcap')
  assert.equal(pathOf({ id: 'a/b/../c?x' }, 'har'), '/entries/a%2Fb%2F../c%3Fx/har')
  assert.equal(pathOf({ id: 'none' }, 'har'), undefined)
  assert.equal(fileNameOf({ id: 'w:1/000000000042.pcap-1' }, 'har'), '000000000042-1.har')
  assert.equal(fileNameOf({ id: 'w/../../x y' }, 'json'), 'x_y.json')
})
