import { type Flow, type FlowEnd, type Labels, NAMESPACE_NAME, type SeenFlow } from '../../policy/flow.ts'
import { type HostRule, hostVerdict } from '../../policy/host-rule.ts'
import type { NetworkPolicy } from '../../policy/network-policy.ts'
import { type PolicyRule, rulesInWords } from '../../policy/rule.ts'
import { selects, verdict } from '../../policy/verdict.ts'
import { inPortions } from '../../waiting/in-portions.ts'
import type { PolicyPreview } from '../../wire/policies.ts'
import { flowKey, type Seen, type SeenRequest, summed } from './history.ts'

/** What is in force when a rule is added. */
export interface InForce {
  readonly policies: readonly NetworkPolicy[]
  readonly rules: readonly HostRule[]
}

/** Label of a pod that is blocked, with the name of the policy. */
export const BLOCKED_LABEL = 'remora.internal/blocked'

/** Whether these rules together cut a connection that passes without them. */
function cutter(added: readonly PolicyRule[], { policies, rules }: InForce): (flow: Flow) => boolean {
  const pods = added.filter((rule) => rule.kind === 'pod')
  const networks = [
    ...added.flatMap((rule) => (rule.kind === 'network' ? [rule.policy] : [])),
    ...pods.map((pod) => quarantine(pod, PREVIEWED)),
  ]
  const [own, before, after] = [networks, policies, [...policies, ...networks]].map(byNamespace)
  const allRules = [...rules, ...added.flatMap((rule) => (rule.kind === 'host' ? [rule.rule] : []))]
  const marked = (end: FlowEnd) => pods.reduce((each, pod) => withLabel(each, pod, PREVIEWED), end)
  const isCutByPolicy = (flow: Flow) => {
    const then = pods.length === 0 ? flow : { ...flow, from: marked(flow.from), to: marked(flow.to) }
    // Most are about others: these need not be looked at.
    const isAbout = ({ pod }: FlowEnd) =>
      pod !== undefined && own?.(pod.namespace).some((each) => selects(each, pod))
    if (!isAbout(then.from) && !isAbout(then.to)) return false
    return allows(before, flow) && !allows(after, then)
  }
  if (allRules.length === 0) return isCutByPolicy
  return (flow) => isCutByPolicy(flow) || (hostVerdict(rules, flow) && !hostVerdict(allRules, flow))
}

type Policies = (namespace: string) => readonly NetworkPolicy[]

function byNamespace(policies: readonly NetworkPolicy[]): Policies {
  const groups = Map.groupBy(policies, ({ metadata }) => metadata.namespace)
  return (namespace) => groups.get(namespace) ?? []
}

/** Policies hold pods of their own namespaces only. */
function allows(policies: Policies | undefined, flow: Flow): boolean {
  const namespaces = new Set([flow.from.pod?.namespace ?? '', flow.to.pod?.namespace ?? ''])
  return verdict(
    [...namespaces].flatMap((each) => policies?.(each) ?? []),
    flow,
  ).allowed
}

/** Lets nobody talk to a pod, nor it to anybody. */
export function quarantine({ namespace }: { readonly namespace: string }, name: string): NetworkPolicy {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace },
    spec: { podSelector: { matchLabels: { [BLOCKED_LABEL]: name } }, policyTypes: ['Ingress', 'Egress'] },
  }
}

/** The end as it is when the pod has been marked. */
export function withLabel(
  end: FlowEnd,
  { pod, namespace }: { readonly pod: string; readonly namespace: string },
  name: string,
): FlowEnd {
  if (end.pod?.name !== pod || end.pod.namespace !== namespace) return end
  return { ...end, pod: { ...end.pod, labels: { ...end.pod.labels, [BLOCKED_LABEL]: name } } }
}

/** Labels of namespaces, by their names. */
export type NamespaceLabels = ReadonlyMap<string, Labels>

/** What gives ends the labels that the namespaces of pods have; the same end is given them once. */
export function labeller(namespaces: NamespaceLabels): <F extends Flow>(flow: F) => F {
  if (namespaces.size === 0) return (flow) => flow
  const ends = new Map<FlowEnd, FlowEnd>()
  const labelled = (end: FlowEnd): FlowEnd => {
    const { pod } = end
    const namespaceLabels = namespaces.get(pod?.namespace ?? '')
    if (pod === undefined || namespaceLabels === undefined) return end
    const known = ends.get(end)
    if (known !== undefined) return known
    const made = { ...end, pod: { ...pod, namespaceLabels } }
    ends.set(end, made)
    return made
  }
  return (flow) => ({ ...flow, from: labelled(flow.from), to: labelled(flow.to) })
}

/** Whether a policy asks for labels of namespaces besides their names. */
export function needsNamespaces({ spec }: NetworkPolicy): boolean {
  const { ingress, egress } = spec
  const peers = [
    ...(ingress ?? []).flatMap(({ from }) => from ?? []),
    ...(egress ?? []).flatMap(({ to }) => to ?? []),
  ]
  return peers.some(({ namespaceSelector }) =>
    [
      ...Object.keys(namespaceSelector?.matchLabels ?? {}),
      ...(namespaceSelector?.matchExpressions ?? []).map(({ key }) => key),
    ].some((key) => key !== NAMESPACE_NAME),
  )
}

/** What rules together would have cut of what was seen. */
export async function previewOf(
  added: readonly PolicyRule[],
  inForce: InForce,
  { flows, requests }: { readonly flows: Seen<SeenFlow>; readonly requests: Seen<SeenRequest> },
): Promise<PolicyPreview> {
  const isCut = cutter(added, inForce)
  // The log is behind entries by a second or so: what it does not have yet is added from there.
  const known = await newest(flows.all, requests.all)
  const cut = (await chosen(known, isCut)).sort((one, other) => other.count - one.count)
  const cutRequests = await chosen(requests.all, (each) => !each.isReport && isCut(each))
  const entries = cutRequests.map(({ id }) => id)
  const total = sum(cut)
  return {
    rule: rulesInWords(added),
    from: flows.from,
    to: Date.now(),
    complete: flows.isComplete,
    notes: [...new Set([...flows.notes, ...requests.notes])],
    requests: { seen: sum(known), cut: total },
    flows: cut.slice(0, MOST_FLOWS).map(({ from, to, port, protocol, count, firstAt, lastAt }) => ({
      from: endInWords(from),
      to: endInWords(to),
      ...{ port, protocol, firstAt, lastAt, requests: count },
    })),
    moreFlows: Math.max(0, cut.length - MOST_FLOWS),
    entries: entries.slice(0, MOST_ENTRIES),
    moreEntries: Math.max(0, total - Math.min(entries.length, MOST_ENTRIES)),
  }
}

/** A request that two workers have seen is one: of each connection the one counts that has seen most. */
function newest(flows: readonly SeenFlow[], requests: readonly SeenRequest[]): Promise<SeenFlow[]> {
  const byWorker = new Map<string, SeenFlow>()
  for (const { id, isReport: _isReport, ...request } of requests) {
    const [worker] = id.split('/')
    const key = `${worker} ${flowKey(request)}`
    const known = byWorker.get(key)
    byWorker.set(key, {
      ...request,
      count: request.count + (known?.count ?? 0),
      lastAt: known?.lastAt ?? request.lastAt,
    })
  }
  return summed([...flows, ...byWorker.values()])
}

async function chosen<Each>(all: readonly Each[], isOne: (each: Each) => boolean): Promise<Each[]> {
  const some: Each[] = []
  for await (const portion of inPortions(all)) some.push(...portion.filter(isOne))
  return some
}

function endInWords({ address, pod, host }: FlowEnd): string {
  if (pod !== undefined) return `${pod.namespace}/${pod.name}`
  return host === undefined ? address : `${host} (${address})`
}

function sum(flows: readonly SeenFlow[]): number {
  return flows.reduce((all, { count }) => all + count, 0)
}

const MOST_FLOWS = 200
const MOST_ENTRIES = 1000
/** No policy has this name. */
const PREVIEWED = 'previewed'
