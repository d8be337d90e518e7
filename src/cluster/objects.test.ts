import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { clusterKind } from '../wire/cluster.ts'
import { readObject } from './objects.ts'

describe('what is kept of objects of the cluster', () => {
  it('is of a pod who it is, where it runs and how it does', () => {
    const terminated = {
      exitCode: 1,
      reason: 'Error',
      finishedAt: '2026-01-01T00:00:00Z',
      containerID: 'containerd://1',
    }
    const pod = readObject('pod', {
      kind: 'Pod',
      metadata: {
        ...{ name: 'cart-1', namespace: 'shop', uid: 'u', resourceVersion: '7', generateName: 'cart-' },
        labels: { app: 'cart' },
        annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}', team: 'a' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'cart', uid: 'r', controller: true },
        ],
        managedFields: [{ manager: 'kubelet' }],
        deletionTimestamp: '2026-01-01T00:00:00Z',
      },
      spec: {
        ...{
          nodeName: 'n1',
          hostNetwork: true,
          serviceAccountName: 'cart',
          volumes: [{}],
          tolerations: [{}],
        },
        containers: [
          {
            ...{ name: 'main', image: 'cart:1', env: [{ name: 'SECRET', value: 'x' }], args: ['x'] },
            ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }],
          },
        ],
      },
      status: {
        ...{
          phase: 'Running',
          podIP: '10.0.0.1',
          podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
          qosClass: 'x',
        },
        conditions: [{ type: 'Ready', status: 'True', lastProbeTime: null, lastTransitionTime: 'x' }],
        containerStatuses: [
          {
            ...{ name: 'main', ready: false, restartCount: 3, imageID: 'x', started: false },
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
            lastState: { terminated },
          },
        ],
      },
    })
    assert.deepEqual(pod, {
      metadata: {
        ...{ name: 'cart-1', namespace: 'shop', uid: 'u', resourceVersion: '7' },
        ...{ labels: { app: 'cart' }, annotations: { team: 'a' }, deletionTimestamp: '2026-01-01T00:00:00Z' },
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'cart', uid: 'r', controller: true },
        ],
      },
      spec: {
        ...{ nodeName: 'n1', hostNetwork: true, serviceAccountName: 'cart' },
        containers: [
          { name: 'main', image: 'cart:1', ports: [{ name: 'http', containerPort: 80, protocol: 'TCP' }] },
        ],
      },
      status: {
        ...{
          phase: 'Running',
          podIP: '10.0.0.1',
          podIPs: [{ ip: '10.0.0.1' }, { ip: 'fd00::1' }],
          hostIPs: [],
        },
        conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: 'x' }],
        containerStatuses: [
          {
            ...{ name: 'main', ready: false, restartCount: 3 },
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } },
            lastState: { terminated },
          },
        ],
        ...{ initContainerStatuses: [], ephemeralContainerStatuses: [] },
      },
    })
  })

  it('is read again as it is, of anything at all, and written no longer than it may be', () => {
    const metadata = fc.record({ name: fc.string({ minLength: 1 }), uid: fc.string({ minLength: 1 }) })
    const object = fc.record({
      metadata,
      spec: fc.jsonValue(),
      status: fc.jsonValue(),
      endpoints: fc.jsonValue(),
    })
    const kinds = fc.constantFrom(...clusterKind.options)
    fc.assert(
      fc.property(kinds, fc.oneof(object, fc.jsonValue()), (kind, value) => {
        const once = readObject(kind, value)
        if (once === undefined) return
        assert.deepEqual(readObject(kind, JSON.parse(JSON.stringify(once))), once)
      }),
    )
  })

  it('has limits, and says what they left out', () => {
    const parts: string[] = []
    const addresses = Array.from({ length: 5000 }, (_, at) => `10.0.0.${at}`)
    const labels = Object.fromEntries(
      Array.from({ length: 100 }, (_, at) => [`label-${at}`, 'x'.repeat(900)]),
    )
    const slice = readObject(
      'endpointSlice',
      {
        metadata: { name: 'a', uid: 'u', labels, annotations: { long: 'x'.repeat(5000) } },
        endpoints: [{ addresses }],
      },
      { shortened: (part) => parts.push(part) },
    )
    assert.equal(slice?.endpoints[0]?.addresses.length, 1000)
    assert.equal(slice?.metadata.annotations.long?.length, 1024)
    assert.ok(JSON.stringify(slice?.metadata.labels).length < 20_000)
    assert.deepEqual(parts.sort(), ['list', 'map', 'text'])
  })

  it('is nothing of what has no name or no uid', () => {
    for (const value of [undefined, null, 7, 'x', [], {}, { metadata: 7 }, { metadata: { name: 'a' } }])
      assert.equal(readObject('pod', value), undefined)
  })

  it('has no prototype that somebody else has made', () => {
    const value = JSON.parse(
      '{"metadata":{"name":"a","uid":"u","labels":{"__proto__":"x","constructor":"y"}}}',
    )
    assert.deepEqual(readObject('pod', value)?.metadata.labels, { constructor: 'y' })
  })
})
