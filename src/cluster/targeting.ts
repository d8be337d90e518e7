import { Mistake } from '../mistake/mistake.ts'
import type { ClusterObject } from '../wire/cluster.ts'
import type { PodTarget, TargetingRules } from '../wire/targeting.ts'
import { NamePattern } from './name-pattern.ts'
import type { Pod } from './objects.ts'

/** Rules that say which pods are captured. */
export interface Targeting {
  /** No pod is left out: nobody needs to look which packets are whose. */
  readonly takesAll: boolean
  /** What it has taken so far to find out, in steps: a long regular expression takes thousands for a name. */
  readonly effort: number
  has(pod: Pick<ClusterObject, 'metadata'>): boolean
}

/** Throws `E_REQUEST`, with the place, when the regular expression cannot be read, or a namespace cannot be one. */
export function compileTargeting(rules: TargetingRules): Targeting {
  const { regex, bpfOverride } = rules
  const pattern = regex === '' || regex === '.*' ? undefined : readPattern(regex)
  const only = new Set(namespacesIn('tap.namespaces', rules.namespaces))
  const without = new Set(namespacesIn('tap.excludedNamespaces', rules.excludedNamespaces))
  // A capture filter stands instead of the other rules; that they can be read is wanted all the same.
  if (bpfOverride !== '') return { takesAll: true, effort: 0, has: () => true }
  const matches = pattern === undefined ? () => true : remembering(pattern)
  return {
    takesAll: pattern === undefined && only.size + without.size === 0,
    get effort() {
      return pattern?.steps ?? 0
    },
    has: ({ metadata: { name, namespace } }) =>
      (only.size === 0 || only.has(namespace)) && !without.has(namespace) && matches(name),
  }
}

/** Names as they are meant: without space around them, and each once. What is empty is left out, as templates make that of no list. */
export function namespacesIn(setting: string, names: readonly string[]): string[] {
  const meant = [...new Set(names.map((name) => name.trim()).filter((name) => name !== ''))]
  const wrong = meant.find((name) => !NAMESPACE.test(name))
  if (wrong === undefined) return meant
  throw new Mistake('E_REQUEST', `${setting}: ${JSON.stringify(wrong)} cannot be the name of a namespace`, {
    hint: 'Names are of small letters, digits and dashes; a list has one each.',
  })
}

/** Asked again and again of the same pods. */
function remembering(pattern: NamePattern): (name: string) => boolean {
  const known = new Map<string, boolean>()
  return (name) => {
    let matches = known.get(name)
    if (matches !== undefined) return matches
    matches = pattern.test(name)
    if (known.size >= MOST_REMEMBERED) known.clear()
    known.set(name, matches)
    return matches
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

/** RFC 1123: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names */
const NAMESPACE = /^[a-z\d]([a-z\d-]{0,61}[a-z\d])?$/
const MOST_REMEMBERED = 50_000

/** It keeps its address in its status, which another pod may have by now. */
function hasEnded({ status: { phase } }: Pod): boolean {
  return phase === 'Succeeded' || phase === 'Failed'
}
