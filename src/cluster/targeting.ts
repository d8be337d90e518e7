import { Mistake } from '../mistake/mistake.ts'
import type { ClusterObject } from '../wire/cluster.ts'
import type { PodTarget, TargetingRules } from '../wire/targeting.ts'
import { NamePattern } from './name-pattern.ts'
import type { Pod } from './objects.ts'

/** Rules that say which pods are captured. */
export interface Targeting {
  /** No pod is left out: nobody needs to look which packets are whose. */
  readonly takesAll: boolean
  has(pod: Pick<ClusterObject, 'metadata'>): boolean
}

/** Throws `E_REQUEST`, with the place, when the regular expression cannot be read. */
export function compileTargeting(rules: TargetingRules): Targeting {
  const { regex, namespaces, excludedNamespaces } = rules
  const pattern = regex === '' || regex === '.*' ? undefined : readPattern(regex)
  // A capture filter stands instead of the other rules; that they can be read is wanted all the same.
  if (rules.bpfOverride !== '') return { takesAll: true, has: () => true }
  const only = new Set(namespaces)
  const without = new Set(excludedNamespaces)
  return {
    takesAll: pattern === undefined && only.size + without.size === 0,
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
export function podState(pod: Pod, targeting: Targeting): PodTarget['state'] {
  if (!targeting.has(pod)) return 'excluded'
  if (hasEnded(pod)) return 'ended'
  return pod.spec.hostNetwork === true ? 'host-network' : 'targeted'
}

/** Addresses by which its packets can be told: none of a pod that has ended, or has those of its node. */
export function addressesOf(pod: Pod): readonly string[] {
  return hasEnded(pod) || pod.spec.hostNetwork === true ? [] : podIps(pod)
}

export function podIps({ status: { podIP, podIPs } }: Pod): readonly string[] {
  return [...new Set([podIP ?? '', ...podIPs.map(({ ip }) => ip)])].filter((ip) => ip !== '')
}

/** Where it runs; "" while it is not scheduled. */
export function nodeOf(pod: ClusterObject): string {
  const { spec } = pod
  const isRecord = typeof spec === 'object' && spec !== null
  return isRecord && 'nodeName' in spec && typeof spec.nodeName === 'string' ? spec.nodeName : ''
}

/** It keeps its address in its status, which another pod may have by now. */
function hasEnded({ status: { phase } }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
