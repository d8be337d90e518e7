import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type KnownChange, readObject } from '../../cluster/objects.ts'
import { ClusterEnds } from '../../policy/ends.ts'
import { type Flow, type FlowEnd, NAMESPACE_NAME } from '../../policy/flow.ts'
import { policies } from '../../policy/test-flows.ts'
import { passes } from '../../policy/test-oracle.ts'
import { encode } from '../../wire/codec.ts'
import { History } from './history.ts'
import { previewOf } from './preview.ts'

/** Somebody in a small world: a pod, a pod in the network of its node, a node, or somebody outside. */
interface Somebody {
  readonly address: string
  readonly name?: string
  readonly namespace?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly node?: string
  readonly webPort?: number
  readonly isInHostNetwork?: boolean
}

const WORLD: readonly Somebody[] = [
  pod('one', 'shop', '10.0.0.1', { app: 'a' }, 'n1', 80),
  pod('two', 'shop', '10.0.0.200', { app: 'b', tier: 'a' }, 'n2', 81),
  pod('one', 'pay', '10.0.1.1', { app: 'a', tier: 'b' }, 'n1', 8080),
  pod('dns', 'kube-system', '10.0.0.53', { tier: 'b' }, 'n2'),
  pod('six', 'shop', '2001:db8::1', { app: 'a' }, 'n2'),
  pod('six', 'pay', '2001:db8::2', {}, 'n1', 53),
  { ...pod('agent', 'shop', '192.168.1.1', { app: 'a' }, 'n1'), isInHostNetwork: true },
  { address: '192.168.1.2', node: 'n2' },
  { address: '203.0.113.7' },
  { address: '2001:db8::dead' },
]

const requests = fc.record({
  from: fc.nat({ max: WORLD.length - 1 }),
  to: fc.nat({ max: WORLD.length - 1 }),
  protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
  port: fc.constantFrom(53, 80, 81, 8080),
  /** Whether the entry says who its ends are. */
  isNamed: fc.boolean(),
  /** The server talks as well, later in the same connection. */
  isAnswered: fc.boolean(),
})

test('lists exactly the requests that the policy then cuts, beside those that are in force', async () => {
  let cutInAll = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(requests, { maxLength: 12 }),
      fc.array(policies, { maxLength: 3 }),
      policies,
      fc.subarray(WORLD.filter(({ name }) => name !== undefined) as Somebody[]),
      async (seen, before, policy, gone) => {
        const entries = seen.flatMap((each, at) => entriesOf(each, at, gone))
        const ends = new ClusterEnds()
        ends.take(WORLD.flatMap(changeOf))
        ends.take(gone.flatMap(changeOf).map((each) => ({ ...each, type: 'DELETED' as const })))
        const history = new History({
          bus: { request: async () => encode({ from: 0, complete: true, ends: [], flows: [], next: null }) },
          workers: () => ['n1'],
          entries: async () =>
            ({ entries: entries.map(({ json }) => json).reverse(), cursor: null, missing: [] }) as never,
          ends,
        })
        const preview = await previewOf(
          [{ kind: 'network', policy }],
          { policies: before, rules: [] },
          {
            flows: await history.flows(0),
            requests: await history.requests('', 0, new AbortController().signal),
          },
        )
        const cut = entries.filter(({ flow }) => passes(before, flow) && !passes([...before, policy], flow))
        cutInAll += cut.length
        assert.deepEqual(preview.entries.toSorted(), cut.map(({ id }) => id).toSorted())
        assert.deepEqual(preview.requests, { seen: entries.length, cut: cut.length })
      },
    ),
    { numRuns: 2000 },
  )
  assert.ok(cutInAll > 1000, `${cutInAll}`)
})

type Request = typeof requests extends fc.Arbitrary<infer R> ? R : never

/** Entries of a connection, with what it is in truth. */
function entriesOf(request: Request, at: number, gone: readonly Somebody[]) {
  const { port, protocol, isAnswered } = request
  const [from, to] = [WORLD[request.from] as Somebody, WORLD[request.to] as Somebody]
  // Of who is gone nobody knows by the address.
  const isNamed = request.isNamed || gone.includes(from) || gone.includes(to)
  const flow: Flow = { from: endOf(from), to: endOf(to), protocol, port }
  const ends = [textOf(from, 50_000, isNamed), textOf(to, port, isNamed)]
  const entry = (index: number, [src, dst]: readonly object[]) => {
    const id = `n1/${at}.pcap-${index}`
    const layer4 = protocol.toLowerCase()
    return {
      id,
      flow,
      json: JSON.stringify({ id, timestamp: at, protocol: { layer4, macro: 'x' }, src, dst }),
    }
  }
  return isAnswered ? [entry(0, ends), entry(1, ends.toReversed())] : [entry(0, ends)]
}

function endOf({ address, name, namespace = '', labels = {}, node = '', ...more }: Somebody): FlowEnd {
  if (more.isInHostNetwork || name === undefined) return { address, ...(node === '' ? {} : { host: node }) }
  const ports = more.webPort === undefined ? [] : [{ name: 'web', port: more.webPort, protocol: 'TCP' }]
  return {
    address,
    pod: { name, namespace, labels, namespaceLabels: { [NAMESPACE_NAME]: namespace }, node, ports },
  }
}

/** As entries write it. */
function textOf({ address, name, namespace, labels, node }: Somebody, port: number, isNamed: boolean) {
  const hostIp = node === 'n1' ? '192.168.1.1' : '192.168.1.2'
  const known = { metadata: { name, namespace, labels }, spec: { nodeName: node }, status: { hostIp } }
  return { ip: address, port: String(port), pod: name === undefined || !isNamed ? null : known }
}

function changeOf({ address, name, namespace, labels, node, ...more }: Somebody): KnownChange[] {
  const added = { type: 'ADDED' as const, at: 0 }
  if (name === undefined) {
    if (node === undefined) return []
    const metadata = { name: node, uid: node }
    const status = { addresses: [{ type: 'InternalIP', address }] }
    return [{ ...added, kind: 'node', object: known(readObject('node', { metadata, status })) }]
  }
  const ports =
    more.webPort === undefined ? [] : [{ name: 'web', containerPort: more.webPort, protocol: 'TCP' }]
  const object = readObject('pod', {
    metadata: { name, namespace, labels, uid: `${namespace}/${name}` },
    spec: { nodeName: node, containers: [{ name: 'c', ports }], hostNetwork: more.isInHostNetwork === true },
    status: { podIP: address, podIPs: [{ ip: address }], phase: 'Running' },
  })
  const pod = { ...added, kind: 'pod' as const, object: known(object) }
  // A pod in the network of its node has the address of that.
  return more.isInHostNetwork
    ? [pod, ...changeOf({ address, ...(node === undefined ? {} : { node }) })]
    : [pod]
}

function known<Value>(value: Value | undefined): Value {
  assert.ok(value !== undefined)
  return value
}

function pod(
  name: string,
  namespace: string,
  address: string,
  labels: Readonly<Record<string, string>>,
  node: string,
  webPort?: number,
): Somebody {
  return { name, namespace, address, labels, node, ...(webPort === undefined ? {} : { webPort }) }
}
