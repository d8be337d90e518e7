import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Flow, FlowEnd } from './flow.ts'
import { readNetworkPolicy } from './network-policy.ts'
import { flows, policies } from './test-flows.ts'
import { passes } from './test-oracle.ts'
import { verdict } from './verdict.ts'

test('what is allowed is what a reading of the specification word by word allows', () => {
  fc.assert(
    fc.property(fc.array(policies, { maxLength: 4 }), flows, (all, flow) => {
      assert.equal(verdict(all, flow).allowed, passes(all, flow))
    }),
    { numRuns: 5000 },
  )
})

test('policies that are made at random are read as they are', () => {
  fc.assert(
    fc.property(policies, (policy) => {
      assert.equal(JSON.stringify(readNetworkPolicy(policy)), JSON.stringify(policy))
    }),
  )
})

test('the examples of the documentation mean what it says of them', () => {
  const from = (labels: Record<string, string>, namespace: string, address = '172.17.5.5') =>
    pod(labels, namespace, address)
  const database = pod({ role: 'db' }, 'default', '10.1.1.1')
  const example = readNetworkPolicy({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'test-network-policy', namespace: 'default' },
    spec: {
      podSelector: { matchLabels: { role: 'db' } },
      policyTypes: ['Ingress', 'Egress'],
      ingress: [
        {
          from: [
            { ipBlock: { cidr: '172.17.0.0/16', except: ['172.17.1.0/24'] } },
            { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'myproject' } } },
            { podSelector: { matchLabels: { role: 'frontend' } } },
          ],
          ports: [{ protocol: 'TCP', port: 6379 }],
        },
      ],
      egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/24' } }], ports: [{ protocol: 'TCP', port: 5978 }] }],
    },
  })
  const may = (flow: Pick<Flow, 'from' | 'to' | 'port'>) =>
    verdict([example], { protocol: 'TCP', ...flow }).allowed
  assert.equal(
    may({ from: from({ role: 'frontend' }, 'default', '10.9.9.9'), to: database, port: 6379 }),
    true,
  )
  assert.equal(
    may({ from: from({ role: 'frontend' }, 'other', '10.9.9.9'), to: database, port: 6379 }),
    false,
  )
  assert.equal(may({ from: from({}, 'myproject', '10.9.9.9'), to: database, port: 6379 }), true)
  assert.equal(may({ from: { address: '172.17.2.1' }, to: database, port: 6379 }), true)
  assert.equal(may({ from: { address: '172.17.1.1' }, to: database, port: 6379 }), false)
  assert.equal(may({ from: { address: '172.17.2.1' }, to: database, port: 6380 }), false)
  assert.equal(may({ from: database, to: { address: '10.0.0.7' }, port: 5978 }), true)
  assert.equal(may({ from: database, to: { address: '10.0.1.7' }, port: 5978 }), false)
  assert.deepEqual(
    verdict([example], { from: database, to: { address: '10.0.1.7' }, protocol: 'TCP', port: 5978 }).by,
    ['default/test-network-policy (egress)'],
  )
})

for (const [what, change, message] of [
  ['a field that there is not', { ingres: [] }, /spec: .*ingres/],
  [
    'an endPort below its port',
    { ingress: [{ ports: [{ port: 90, endPort: 80 }] }] },
    /spec\.ingress\[0\]\.ports\[0\]\.endPort: endPort needs/,
  ],
  ['an endPort of a name', { ingress: [{ ports: [{ port: 'web', endPort: 80 }] }] }, /endPort/],
  [
    'a port out of range',
    { ingress: [{ ports: [{ port: 70_000 }] }] },
    /spec\.ingress\[0\]\.ports\[0\]\.port/,
  ],
  [
    'an exception outside',
    { egress: [{ to: [{ ipBlock: { cidr: '10.0.0.0/24', except: ['10.1.0.0/25'] } }] }] },
    /spec\.egress\[0\]\.to\[0\]\.ipBlock\.except: each/,
  ],
  [
    'an ipBlock with a selector',
    { egress: [{ to: [{ podSelector: {}, ipBlock: { cidr: '10.0.0.0/24' } }] }] },
    /spec\.egress\[0\]\.to\[0\]: expected/,
  ],
  ['an empty peer', { egress: [{ to: [{}] }] }, /spec\.egress\[0\]\.to\[0\]: expected/],
  [
    'In without values',
    { podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
    /matchExpressions\[0\]\.values/,
  ],
  [
    'a label that is none',
    { podSelector: { matchLabels: { app: 'no spaces here' } } },
    /spec\.podSelector\.matchLabels\.app/,
  ],
] as const)
  test(`${what} is a mistake that names the place`, () => {
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'p', namespace: 'default' },
      spec: { podSelector: {}, ...change },
    }
    assert.throws(() => readNetworkPolicy(policy), message)
  })

function pod(labels: Record<string, string>, namespace: string, address: string): FlowEnd {
  return {
    address,
    pod: {
      name: address,
      namespace,
      labels,
      namespaceLabels: { 'kubernetes.io/metadata.name': namespace },
      node: '',
      ports: [],
    },
  }
}
