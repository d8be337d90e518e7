import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aPod, change } from './test-objects.ts'
import { workloadOf } from './workload.ts'

test('a workload is what a person would say has made the pod', () => {
  const owned = (kind: string, name: string, labels: Record<string, string> = {}) => {
    const ownerReferences = [
      { kind: 'Other', name: 'other', uid: 'o' },
      { kind, name, uid: 'u', controller: true },
    ]
    const { object } = change('pod', 'ADDED', 0, aPod('p', '', { metadata: { ownerReferences, labels } }))
    const workload = workloadOf(object.metadata)
    return `${workload?.kind}/${workload?.name}`
  }
  assert.equal(owned('ReplicaSet', 'cart-6b5f', { 'pod-template-hash': '6b5f' }), 'Deployment/cart')
  assert.equal(owned('ReplicaSet', 'cart-6b5f'), 'ReplicaSet/cart-6b5f')
  assert.equal(owned('Job', 'backup-29384756'), 'CronJob/backup')
  assert.equal(owned('Job', 'backup'), 'Job/backup')
  assert.equal(owned('StatefulSet', 'db'), 'StatefulSet/db')
  assert.equal(owned('DaemonSet', 'exporter'), 'DaemonSet/exporter')
  assert.equal(workloadOf(change('pod', 'ADDED', 0, aPod('p', '')).object.metadata), null)
})
