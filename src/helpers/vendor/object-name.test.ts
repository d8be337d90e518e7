import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isOfNode, nodeObjectName, objectName } from './object-name.ts'

const host = { nodeName: 'node-a', nodeIp: '10.0.0.1', runId: 'r1' }

describe('names of uploads', () => {
  test('say which node and run has written a file, and not in what folder it lay', () => {
    assert.equal(objectName(host, 'dfir/1767225600.pcap'), 'node-a_10.0.0.1_r1/1767225600.pcap')
    assert.equal(nodeObjectName(host, '/data/ä b?.txt'), 'node-a_10.0.0.1/ä b?.txt')
  })

  test('belong to a node in all its runs, and to no other', () => {
    for (const mine of ['node-a_10.0.0.1/x', 'node-a_10.0.0.1_r0/x', 'node-a_10.0.0.1_r1/d/x'])
      assert.ok(isOfNode(host, mine), mine)
    for (const other of ['node-a_10.0.0.10/x', 'node-a_10.0.0.10_r1/x', 'node-ab_10.0.0.1/x', 'x'])
      assert.ok(!isOfNode(host, other), other)
  })
})
