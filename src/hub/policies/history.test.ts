import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClusterObjects, readObject } from '../../cluster/objects.ts'
import { ClusterEnds } from '../../policy/ends.ts'
import type { FlowEnd } from '../../policy/flow.ts'
import { encode } from '../../wire/codec.ts'
import type { SeenFlows } from '../../wire/policies.ts'
import { History } from './history.ts'
import { previewOf } from './preview.ts'

/** Who is called `shop/web-1` here, and was called so then: the pod of that name is another one by now, or none. */
const THEN = { name: 'web-1', namespace: 'shop', labels: { app: 'web', version: '1' }, node: 'n1' }
const POLICY = {
  apiVersion: 'networking.k8s.io/v1' as const,
  kind: 'NetworkPolicy' as const,
  metadata: { name: 'p', namespace: 'shop' },
  spec: { podSelector: { matchLabels: { version: '1' } }, policyTypes: ['Ingress' as const] },
}

for (const [what, now] of [
  ['are gone', undefined],
  ['have other labels by now', { app: 'web', version: '2' }],
] as const)
  test(`requests of pods that ${what} are those of then, and counted once`, async () => {
    const ends = new ClusterEnds()
    if (now !== undefined) ends.take([added('web-1', '10.0.0.1', now)])
    const namespaceLabels = { 'kubernetes.io/metadata.name': 'shop' }
    const flows: SeenFlows = {
      ...{ from: 0, complete: true, next: null },
      ends: [
        { address: '203.0.113.7' },
        {
          address: '10.0.0.1',
          pod: { ...THEN, namespaceLabels, ports: [{ name: 'web', port: 80, protocol: 'TCP' }] },
        },
      ],
      flows: [[0, 1, 'TCP', 80, 2, 1, 2]],
    }
    const history = new History({
      bus: { request: async () => encode(flows) },
      workers: () => ['n1'],
      entries: async () =>
        ({ entries: [entry(2), entry(1)], cursor: null, missing: [], scanned: 2 }) as never,
      ends,
    })
    const preview = await previewOf(
      [{ kind: 'network', policy: POLICY }],
      { policies: [], rules: [] },
      {
        flows: await history.flows(0),
        requests: await history.requests('', 0, new AbortController().signal),
      },
    )
    assert.deepEqual(preview.requests, { seen: 2, cut: 2 })
    assert.deepEqual(preview.entries, ['n1/a.pcap-2', 'n1/a.pcap-1'])
  })

test('a pod in the network of its node is that node, also when it is gone', () => {
  const seen = { ...THEN, hostAddress: '192.168.0.1' }
  const expected: FlowEnd = { address: '192.168.0.1', host: 'n1' }
  assert.deepEqual(new ClusterEnds().end('192.168.0.1', seen), expected)
  const ends = new ClusterEnds()
  ends.take([added('web-1', '192.168.0.1', {}, true)])
  assert.deepEqual(ends.end('192.168.0.1', seen), expected)
})

function entry(at: number): string {
  const { name, namespace, labels, node } = THEN
  const pod = {
    metadata: { name, namespace, labels },
    spec: { nodeName: node },
    status: { hostIp: '192.168.0.1' },
  }
  return JSON.stringify({
    ...{ id: `n1/a.pcap-${at}`, timestamp: at, protocol: { layer4: 'tcp', macro: 'http' } },
    src: { ip: '203.0.113.7', port: '50000', pod: null },
    dst: { ip: '10.0.0.1', port: '80', pod },
  })
}

function added(name: string, podIP: string, labels: object, hostNetwork = false) {
  const object = readObject('pod', {
    metadata: { name, namespace: 'shop', uid: name, labels },
    spec: { nodeName: 'n1', containers: [], hostNetwork },
    status: { podIP, phase: 'Running' },
  })
  assert.ok(object !== undefined)
  return { kind: 'pod' as const, type: 'ADDED' as const, at: 0, object: object as ClusterObjects['pod'] }
}
