import type { NodeStatus } from '../wire/nodes.ts'

type Named = Pick<NodeStatus, 'node' | 'boot' | 'component' | 'address'>

/**
 * Nodes under names that tell them apart: where there are several hubs, each is `hub@` and where its metrics are, or its run where
 * that is no help. Scripts know all of them as `hub`.
 */
export function named<Node extends Named>(nodes: readonly Node[]): Node[] {
  const hubs = nodes.filter(({ component }) => component === 'hub')
  if (hubs.length < 2) return [...nodes]
  return nodes.map((node) => (node.component === 'hub' ? { ...node, node: nameOf(node, hubs) } : node))
}

function nameOf({ node, boot, address }: Named, hubs: readonly Named[]): string {
  const isKnownByAddress = address !== '' && hubs.filter((each) => each.address === address).length === 1
  return `${node}@${isKnownByAddress ? address : boot}`
}
