import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { FlowEnd } from './flow.ts'
import { hostVerdict, readHostRule } from './host-rule.ts'
import { readNetworkPolicy } from './network-policy.ts'
import { suggest } from './suggest.ts'
import { flows } from './test-flows.ts'
import { verdict } from './verdict.ts'

test('what a suggestion was made of passes under it', () => {
  fc.assert(
    fc.property(fc.array(flows, { maxLength: 30 }), fc.integer({ min: 1, max: 3 }), (seen, mostBlocks) => {
      const { policies, rules } = suggest(seen, { mostBlocks })
      for (const policy of policies) readNetworkPolicy(policy)
      const hostRules = rules.map(({ allow }) => readHostRule('allow', allow))
      for (const flow of seen) {
        assert.equal(verdict(policies, flow).allowed, true)
        if (flow.from.pod === undefined && flow.to.pod === undefined)
          assert.equal(hostVerdict(hostRules, flow), true)
      }
    }),
    { numRuns: 2000 },
  )
})

test('a workload goes by the label that names it, and DNS stays', () => {
  const web = pod('web-7d4b-x1', { app: 'web', 'pod-template-hash': '7d4b' }, 'shop', '10.0.0.1')
  const cart = pod('cart-0', { 'app.kubernetes.io/name': 'cart', app: 'x' }, 'shop', '10.0.0.2')
  const dns = pod('coredns-1', { 'k8s-app': 'kube-dns' }, 'kube-system', '10.0.0.3')
  const { policies } = suggest([
    { from: web, to: cart, protocol: 'TCP', port: 8080 },
    { from: web, to: dns, protocol: 'UDP', port: 53 },
    ...['203.0.113.8', '203.0.113.9'].map((address) => ({
      from: web,
      to: { address },
      protocol: 'TCP',
      port: 443,
    })),
  ])
  assert.deepEqual(
    policies.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`),
    ['shop/cart', 'kube-system/kube-dns', 'shop/web'],
  )
  const ofWeb = policies.find(({ metadata }) => metadata.name === 'web')
  assert.deepEqual(ofWeb?.spec, {
    podSelector: { matchLabels: { app: 'web' } },
    policyTypes: ['Egress'],
    egress: [
      {
        to: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
            podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
          },
        ],
        ports: [
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ],
      },
      { to: [{ ipBlock: { cidr: '203.0.113.8/31' } }], ports: [{ protocol: 'TCP', port: 443 }] },
      {
        to: [{ podSelector: { matchLabels: { 'app.kubernetes.io/name': 'cart' } } }],
        ports: [{ protocol: 'TCP', port: 8080 }],
      },
    ],
  })
})

test('plain hosts get rules by addresses and ports', () => {
  const at = (address: string): FlowEnd => ({ address })
  const { rules } = suggest([
    { from: at('10.0.0.2'), to: at('10.0.0.1'), protocol: 'TCP', port: 80 },
    { from: at('10.0.0.3'), to: at('10.0.0.1'), protocol: 'TCP', port: 80 },
    { from: at('10.0.0.2'), to: at('10.0.0.1'), protocol: 'UDP', port: 53 },
    { from: at('127.0.0.1'), to: at('127.0.0.1'), protocol: 'TCP', port: 80 },
  ])
  assert.deepEqual(rules, [
    { allow: { to: '10.0.0.1', from: ['10.0.0.2/31'], ports: ['tcp/80'] } },
    { allow: { to: '10.0.0.1', from: ['10.0.0.2'], ports: ['udp/53'] } },
  ])
})

function pod(name: string, labels: Record<string, string>, namespace: string, address: string): FlowEnd {
  const namespaceLabels = { 'kubernetes.io/metadata.name': namespace }
  return { address, pod: { name, namespace, labels, namespaceLabels, node: '', ports: [] } }
}
