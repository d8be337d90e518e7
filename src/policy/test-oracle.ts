import { BlockList } from 'node:net'
import type { Flow, FlowEnd } from './flow.ts'
import type { NetworkPolicy, Peer, Selector } from './network-policy.ts'

/**
 * Whether a connection may be opened: the specification sentence by sentence, without a thought for speed or shape.
 * https://kubernetes.io/docs/concepts/services-networking/network-policies/
 */
export function passes(all: readonly NetworkPolicy[], flow: Flow): boolean {
  const { from, to } = flow
  if (from.pod && to.pod && from.pod.name === to.pod.name && from.pod.namespace === to.pod.namespace)
    return true
  if (from.pod && !to.pod && to.host && to.host === from.pod.node) return true
  if (to.pod && !from.pod && from.host && from.host === to.pod.node) return true
  let egress = from.pod === undefined
  let ingress = to.pod === undefined
  let isolatedOut = false
  let isolatedIn = false
  for (const { metadata, spec } of all) {
    const types =
      spec.policyTypes && spec.policyTypes.length > 0
        ? spec.policyTypes
        : spec.egress && spec.egress.length > 0
          ? ['Ingress', 'Egress']
          : ['Ingress']
    const chosen = (end: FlowEnd) =>
      end.pod !== undefined &&
      end.pod.namespace === metadata.namespace &&
      selected(spec.podSelector ?? {}, end.pod.labels)
    if (chosen(from) && types.includes('Egress')) {
      isolatedOut = true
      for (const { to: peers, ports } of spec.egress ?? [])
        if (peerFits(peers ?? [], metadata.namespace, to) && portFits(ports ?? [], flow)) egress = true
    }
    if (chosen(to) && types.includes('Ingress')) {
      isolatedIn = true
      for (const { from: peers, ports } of spec.ingress ?? [])
        if (peerFits(peers ?? [], metadata.namespace, from) && portFits(ports ?? [], flow)) ingress = true
    }
  }
  return (egress || !isolatedOut) && (ingress || !isolatedIn)
}

function peerFits(peers: readonly Peer[], namespace: string, end: FlowEnd): boolean {
  if (peers.length === 0) return true
  let fits = false
  for (const { ipBlock, podSelector, namespaceSelector } of peers) {
    if (ipBlock) {
      const inside = new BlockList()
      addNet(inside, ipBlock.cidr)
      const outside = new BlockList()
      for (const each of ipBlock.except ?? []) addNet(outside, each)
      const family = end.address.includes(':') ? 'ipv6' : 'ipv4'
      fits ||= inside.check(end.address, family) && !outside.check(end.address, family)
    } else if (end.pod !== undefined) {
      const here = namespaceSelector
        ? selected(namespaceSelector, end.pod.namespaceLabels)
        : end.pod.namespace === namespace
      fits ||= here && (podSelector ? selected(podSelector, end.pod.labels) : true)
    }
  }
  return fits
}

function addNet(list: BlockList, cidr: string): void {
  const [address = '', bits] = cidr.split('/')
  list.addSubnet(address, Number(bits), address.includes(':') ? 'ipv6' : 'ipv4')
}

function portFits(
  ports: NonNullable<NonNullable<NetworkPolicy['spec']['ingress']>[number]['ports']>,
  flow: Flow,
): boolean {
  if (ports.length === 0) return true
  for (const { protocol, port, endPort } of ports) {
    if ((protocol ?? 'TCP') !== flow.protocol) continue
    if (port === undefined || port === null) return true
    if (port === flow.port) return true
    if (typeof port === 'number' && endPort && port <= flow.port && flow.port <= endPort) return true
    for (const named of flow.to.pod?.ports ?? [])
      if (named.name === port && named.port === flow.port && named.protocol === flow.protocol) return true
  }
  return false
}

function selected(
  { matchLabels, matchExpressions }: Selector,
  labels: Readonly<Record<string, string>>,
): boolean {
  for (const [key, value] of Object.entries(matchLabels ?? {})) if (labels[key] !== value) return false
  for (const { key, operator, values } of matchExpressions ?? []) {
    const has = key in labels
    const isOne = has && (values ?? []).includes(labels[key] as string)
    if (operator === 'In' && !isOne) return false
    if (operator === 'NotIn' && isOne) return false
    if (operator === 'Exists' && !has) return false
    if (operator === 'DoesNotExist' && has) return false
  }
  return true
}
