import fc from 'fast-check'
import { type Flow, type FlowEnd, type Labels, NAMESPACE_NAME } from './flow.ts'
import type { NetworkPolicy, Peer, PolicyPort, Selector } from './network-policy.ts'

/** Few values each, so that what selects often meets what is selected. */
const namespaces = fc.constantFrom('shop', 'pay', 'kube-system')
const keys = fc.constantFrom('app', 'tier')
const values = fc.constantFrom('a', 'b')
const labels: fc.Arbitrary<Labels> = fc.dictionary(keys, values, { maxKeys: 2 })
const protocols = fc.constantFrom('TCP' as const, 'UDP' as const, 'SCTP' as const)
const addresses = fc.constantFrom('10.0.0.1', '10.0.0.200', '10.0.1.1', '192.168.1.1', '2001:db8::1')
const numbers = fc.constantFrom(53, 80, 81, 8080)

const pods: fc.Arbitrary<FlowEnd> = fc
  .record({
    name: fc.constantFrom('one', 'two'),
    namespace: namespaces,
    labels,
    node: fc.constantFrom('', 'n1', 'n2'),
    isProduction: fc.boolean(),
    web: fc.option(numbers),
    address: addresses,
  })
  .map(({ name, namespace, labels: own, node, isProduction, web, address }) => ({
    address,
    pod: {
      name,
      namespace,
      labels: own,
      namespaceLabels: { [NAMESPACE_NAME]: namespace, ...(isProduction ? { env: 'production' } : {}) },
      node,
      ports: web === null ? [] : [{ name: 'web', port: web, protocol: 'TCP' }],
    },
  }))

const others: fc.Arbitrary<FlowEnd> = fc.record({
  address: addresses,
  host: fc.constantFrom(undefined, 'n1', 'n2'),
})

export const flows: fc.Arbitrary<Flow> = fc.record({
  from: fc.oneof(pods, others),
  to: fc.oneof(pods, others),
  protocol: fc.oneof(protocols, fc.constant('ICMP')),
  port: numbers,
})

const expressions = fc.oneof(
  fc.record({
    key: fc.oneof(keys, fc.constant('env')),
    operator: fc.constantFrom('In' as const, 'NotIn' as const),
    values: fc.array(fc.oneof(values, fc.constant('production')), { minLength: 1, maxLength: 2 }),
  }),
  fc.record({ key: keys, operator: fc.constantFrom('Exists' as const, 'DoesNotExist' as const) }),
)

const selectors: fc.Arbitrary<Selector> = fc.record(
  { matchLabels: labels, matchExpressions: fc.array(expressions, { maxLength: 2 }) },
  { requiredKeys: [] },
)

const namespaceSelectors: fc.Arbitrary<Selector> = fc.oneof(
  namespaces.map((name) => ({ matchLabels: { [NAMESPACE_NAME]: name } })),
  selectors,
)

const blocks = fc.constantFrom<NonNullable<Peer['ipBlock']>>(
  { cidr: '10.0.0.0/24' },
  { cidr: '10.0.0.0/16', except: ['10.0.0.128/25', '10.0.1.0/30'] },
  { cidr: '0.0.0.0/0' },
  { cidr: '2001:db8::/32' },
)

const peers: fc.Arbitrary<Peer> = fc.oneof(
  selectors.map((podSelector) => ({ podSelector })),
  namespaceSelectors.map((namespaceSelector) => ({ namespaceSelector })),
  fc.record({ podSelector: selectors, namespaceSelector: namespaceSelectors }),
  blocks.map((ipBlock) => ({ ipBlock })),
)

const ports: fc.Arbitrary<PolicyPort> = fc.oneof(
  fc.record({ protocol: protocols, port: numbers }, { requiredKeys: [] }),
  fc.constant({ port: 80, endPort: 8000 }),
  fc.constant({ port: 'web' }),
)

const rule = <K extends string>(key: K) =>
  fc.record(
    { [key]: fc.array(peers, { maxLength: 3 }), ports: fc.array(ports, { maxLength: 2 }) },
    { requiredKeys: [] },
  )

export const policies: fc.Arbitrary<NetworkPolicy> = fc
  .record({
    namespace: namespaces,
    name: fc.constantFrom('p', 'q'),
    spec: fc.record(
      {
        podSelector: selectors,
        policyTypes: fc.uniqueArray(fc.constantFrom('Ingress' as const, 'Egress' as const)),
        ingress: fc.array(rule('from'), { maxLength: 2 }),
        egress: fc.array(rule('to'), { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
  })
  .map(({ namespace, name, spec }) => ({
    apiVersion: 'networking.k8s.io/v1' as const,
    kind: 'NetworkPolicy' as const,
    metadata: { name, namespace },
    spec: spec as NetworkPolicy['spec'],
  }))
