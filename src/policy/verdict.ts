import type { Flow, FlowEnd, FlowPod, Labels } from './flow.ts'
import {
  directionsOf,
  type NetworkPolicy,
  type Peer,
  type PolicyPort,
  type Selector,
} from './network-policy.ts'
import { type Address, contains, type Network, readAddress, readNetwork } from './networks.ts'

/** Whether a connection may be opened, and which policies are against it. */
export interface Verdict {
  readonly allowed: boolean
  /** `shop/deny-all (egress)`: policies that hold an end and do not allow it. Empty where it is allowed. */
  readonly by: readonly string[]
}

/**
 * What policies of Kubernetes make of a connection. An end that no policy selects may do all; policies that select it allow
 * what any of them allows; both ends must allow it. Nothing keeps a pod from itself or from its own node.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function verdict(policies: readonly NetworkPolicy[], flow: Flow): Verdict {
  if (isWithinOne(flow)) return ALLOWED
  const by = [...against(policies, flow, 'Egress'), ...against(policies, flow, 'Ingress')]
  return by.length === 0 ? ALLOWED : { allowed: false, by }
}

/** Whether the policy is about this pod. */
export function selects({ metadata, spec }: NetworkPolicy, pod: FlowPod): boolean {
  return metadata.namespace === pod.namespace && matches(spec.podSelector ?? {}, pod.labels)
}

const ALLOWED: Verdict = { allowed: true, by: [] }

/** A pod and itself, or a pod and the machine that it runs on. */
function isWithinOne({ from, to }: Flow): boolean {
  if (from.pod !== undefined && to.pod !== undefined)
    return from.pod.namespace === to.pod.namespace && from.pod.name === to.pod.name
  const pod = from.pod ?? to.pod
  const host = from.pod === undefined ? from.host : to.host
  return pod !== undefined && host !== undefined && host !== '' && pod.node === host
}

/** Names of the policies that hold the end which this direction is about, when none of them allows the connection. */
function against(
  policies: readonly NetworkPolicy[],
  flow: Flow,
  direction: 'Ingress' | 'Egress',
): readonly string[] {
  const [held, other] = direction === 'Egress' ? [flow.from, flow.to] : [flow.to, flow.from]
  const { pod } = held
  if (pod === undefined) return []
  const holding = policies.filter((each) => selects(each, pod) && directionsOf(each.spec).has(direction))
  const isAllowed = holding.some((each) => allows(each, direction, other, flow))
  if (isAllowed) return []
  return holding.map(({ metadata }) => `${metadata.namespace}/${metadata.name} (${direction.toLowerCase()})`)
}

function allows(
  { metadata, spec }: NetworkPolicy,
  direction: 'Ingress' | 'Egress',
  other: FlowEnd,
  flow: Flow,
): boolean {
  const rules =
    direction === 'Ingress'
      ? (spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }))
  return rules.some(
    ({ peers, ports }) =>
      anyOrNone(peers, (peer) => isPeer(peer, metadata.namespace, other)) &&
      anyOrNone(ports, (port) => isPort(port, flow)),
  )
}

/** A list that is absent or empty asks for nothing. */
function anyOrNone<T>(list: readonly T[] | null | undefined, fits: (each: T) => boolean): boolean {
  return (list ?? []).length === 0 || (list ?? []).some(fits)
}

function isPeer({ podSelector, namespaceSelector, ipBlock }: Peer, own: string, end: FlowEnd): boolean {
  if (ipBlock) return isInBlock(ipBlock, end)
  const { pod } = end
  if (pod === undefined) return false
  const isNamespace = namespaceSelector
    ? matches(namespaceSelector, pod.namespaceLabels)
    : pod.namespace === own
  return isNamespace && (!podSelector || matches(podSelector, pod.labels))
}

function isInBlock(block: IpBlock, end: FlowEnd): boolean {
  const address = addressOf(end)
  if (address === undefined) return false
  let read = BLOCKS.get(block)
  if (read === undefined) {
    read = { inside: networksOf([block.cidr]), outside: networksOf(block.except ?? []) }
    BLOCKS.set(block, read)
  }
  const isIn = (network: Network) => contains(network, address)
  return read.inside.some(isIn) && !read.outside.some(isIn)
}

function addressOf(end: FlowEnd): Address | undefined {
  const known = ADDRESSES.get(end)
  if (known !== undefined) return known
  const read = readAddress(end.address)
  if (read !== undefined) ADDRESSES.set(end, read)
  return read
}

function networksOf(cidrs: readonly string[]): Network[] {
  return cidrs.flatMap((each) => readNetwork(each) ?? [])
}

type IpBlock = NonNullable<Peer['ipBlock']>
/** What was read before: the same ends and policies are looked at again and again. */
const BLOCKS = new WeakMap<
  IpBlock,
  { readonly inside: readonly Network[]; readonly outside: readonly Network[] }
>()
const ADDRESSES = new WeakMap<FlowEnd, Address>()

/** Names of ports are those of the pod that is connected to. */
function isPort({ protocol, port, endPort }: PolicyPort, flow: Flow): boolean {
  const wanted = protocol ?? 'TCP'
  if (flow.protocol !== wanted) return false
  if (port === null || port === undefined) return true
  if (typeof port === 'number') return flow.port >= port && flow.port <= (endPort ?? port)
  return (flow.to.pod?.ports ?? []).some(
    (each) => each.name === port && each.protocol === wanted && each.port === flow.port,
  )
}

function matches({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels ?? {}).every(([key, value]) => labelOf(labels, key) === value) &&
    (matchExpressions ?? []).every((expression) => fits(expression, labelOf(labels, expression.key)))
  )
}

function fits({ operator, values }: Expression, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && (values ?? []).includes(value)
    case 'NotIn':
      return value === undefined || !(values ?? []).includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
  }
}

type Expression = NonNullable<Selector['matchExpressions']>[number]

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined
}
