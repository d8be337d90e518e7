import { Mistake } from '../mistake/mistake.ts'
import type { ClusterObject } from '../wire/cluster.ts'
import type { PodTarget, TargetingRules } from '../wire/targeting.ts'
import { NamePattern } from './name-pattern.ts'

/** Rules that say which pods are captured. */
export interface Targeting {
  /** No pod is left out: nobody needs to look which packets are whose. */
  readonly takesAll: boolean
  has(pod: ClusterObject): boolean
}

/** Throws `E_REQUEST`, with the place, when the regular expression cannot be read. */
export function compileTargeting(rules: TargetingRules): Targeting {
  const { regex, namespaces, excludedNamespaces } = rules
  const pattern = regex === '' || regex === '.*' ? undefined : readPattern(regex)
  const only = new Set(namespaces)
  const without = new Set(excludedNamespaces)
  return {
    takesAll: rules.bpfOverride !== '' || (pattern === undefined && only.size + without.size === 0),
    has: ({ metadata: { name, namespace } }) =>
      (only.size === 0 || only.has(namespace)) && !without.has(namespace) && pattern?.test(name) !== false,
  }
}

function readPattern(regex: string): NamePattern {
  try {
    return new NamePattern(regex)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    const { hint, at } = error
    throw new Mistake('E_REQUEST', `tap.regex: ${error.message}`, {
      ...(hint === undefined ? {} : { hint }),
      ...(at === undefined ? {} : { at }),
      cause: error,
    })
  }
}

/** What becomes of the packets of a pod. */
export function podState(pod: ClusterObject, targeting: Targeting): PodTarget['state'] {
  if (!targeting.has(pod)) return 'excluded'
  if (hasEnded(pod)) return 'ended'
  return isOnHostNetwork(pod) ? 'host-network' : 'targeted'
}

/** Addresses by which its packets can be told: none of a pod that has ended, or has those of its node. */
export function addressesOf(pod: ClusterObject): readonly string[] {
  return hasEnded(pod) || isOnHostNetwork(pod) ? [] : podIps(pod)
}

/** `status.podIPs`, or `status.podIP` alone. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus */
export function podIps(pod: ClusterObject): readonly string[] {
  const status = recordAt(pod, 'status')
  const all = Array.isArray(status.podIPs) ? status.podIPs : []
  const ips = [status.podIP, ...all.map((each) => recordIn(each).ip)]
  return [...new Set(ips.filter((ip): ip is string => typeof ip === 'string' && ip !== ''))]
}

export function nodeOf(pod: ClusterObject): string {
  const { nodeName } = recordAt(pod, 'spec')
  return typeof nodeName === 'string' ? nodeName : ''
}

/** It keeps its address in its status, which another pod may have by now. */
function hasEnded(pod: ClusterObject): boolean {
  const { phase } = recordAt(pod, 'status')
  return phase === 'Succeeded' || phase === 'Failed'
}

function isOnHostNetwork(pod: ClusterObject): boolean {
  return recordAt(pod, 'spec').hostNetwork === true
}

function recordAt(pod: ClusterObject, key: 'spec' | 'status'): Readonly<Record<string, unknown>> {
  return recordIn(pod[key])
}

function recordIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
