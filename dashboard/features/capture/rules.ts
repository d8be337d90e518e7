import type {
  PodTarget,
  TargetingChange,
  TargetingRules,
  TargetingView,
} from '../../../src/wire/targeting.ts'

/** Whether both take the same pods and as much of their traffic. */
export function isSame(a: TargetingRules, b: TargetingRules): boolean {
  return JSON.stringify(changeOf(a)) === JSON.stringify(changeOf(b))
}

/** All of the rules, as a change of them. */
export function changeOf({ regex, namespaces, excludedNamespaces, bpfOverride, sampleRate }: TargetingRules) {
  const change = {
    regex: regex.trim() === '' ? '.*' : regex.trim(),
    namespaces: [...namespaces].sort(),
    excludedNamespaces: [...excludedNamespaces].sort(),
    bpfOverride: bpfOverride.trim(),
    sampleRate,
  }
  return change satisfies TargetingChange
}

/** `2 of 5 pods, in 1 namespace, on 2 nodes`; something else where that is not what decides. */
export function countsText({
  counts,
  rules,
  cluster,
}: Pick<TargetingView, 'counts' | 'rules' | 'cluster'>): string {
  if (rules.bpfOverride !== '') return 'what the capture filter takes'
  if (cluster === 'off' || (counts.pods === 0 && takesAll(rules))) return 'everything'
  const { pods, targeted, namespaces, nodes } = counts
  return `${targeted} of ${counted(pods, 'pod')}, in ${counted(namespaces, 'namespace')}, on ${counted(nodes, 'node')}`
}

function takesAll({ regex, namespaces, excludedNamespaces }: TargetingRules): boolean {
  return (regex === '' || regex === '.*') && namespaces.length + excludedNamespaces.length === 0
}

/** Namespaces of the pods that are known. */
export function namespacesOf(pods: readonly PodTarget[]): string[] {
  return [...new Set(pods.map(({ namespace }) => namespace))].sort()
}

/** Those in whose name, namespace, node or address all the words are. */
export function found(pods: readonly PodTarget[], searched: string): readonly PodTarget[] {
  const words = searched.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return pods
  return pods.filter(({ namespace, name, node, ips, state }) => {
    const text = [namespace, name, node, ...ips, state].join(' ').toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
