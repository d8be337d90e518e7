import { createHash } from 'node:crypto'
import type { KubernetesClient, KubernetesObject } from '../../kubernetes/client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { splitPort } from '../../node/servers-here.ts'
import { type ClusterEnds, namespaceLabels, type Target } from '../../policy/ends.ts'
import type { FlowEnd, Labels } from '../../policy/flow.ts'
import { type NetworkPolicy, readNetworkPolicy } from '../../policy/network-policy.ts'
import { readAddress } from '../../policy/networks.ts'
import { cutByPolicy, isQuarantine, type Protected } from '../../policy/protection.ts'
import type { PolicyRule } from '../../policy/rule.ts'
import { selects } from '../../policy/verdict.ts'
import { type PolicyRecord, policyRecord } from '../../wire/policies.ts'
import type { PoliciesInForce } from './enforcement.ts'
import { blockedPod, type Enforced, type Enforcement, type Looked } from './enforcement.ts'
import {
  BLOCKED_LABEL,
  labeller,
  type NamespaceLabels,
  needsNamespaces,
  quarantine,
  withLabel,
} from './preview.ts'

export interface ClusterEnforcementOptions {
  readonly client: Pick<KubernetesClient, 'create' | 'update' | 'patch' | 'delete' | 'get' | 'list'>
  /** Name and namespace of this Remora: `tap.release`. */
  readonly release: { readonly name: string; readonly namespace: string }
  /** Namespaces that it is held to; empty: all. */
  readonly namespaces: readonly string[]
  /** `scripting.allowEnforcement`; else there may be no rights any more. */
  readonly isAllowed: boolean
  /** Role that goes when nobody looks after policies any more: Kubernetes deletes them with it. "": none. */
  readonly owner: string
  readonly ends: ClusterEnds
  /** Whether what is known of the cluster can be relied on. */
  readonly isFollowing: () => boolean
  /** Where NATS is, as the bus describes itself; "" where it is in this process. */
  readonly nats: string
  /** Of the API of the hub. */
  readonly apiPort: number
  /** Resolvers of this machine: in a pod, the address of the service that all pods ask. */
  readonly nameservers: () => Promise<readonly string[]>
  /** Address and port of the API server, where its service may not be looked at; "" where that is not known. */
  readonly apiServer: string
  /** Addresses with ports of hubs and workers. */
  readonly programs: () => readonly string[]
}

/** Puts policies in force as NetworkPolicy objects of Kubernetes, each with a label that says that it is ours. */
export class ClusterEnforcement implements Enforcement {
  readonly place = 'kubernetes'
  readonly #options: ClusterEnforcementOptions

  constructor(options: ClusterEnforcementOptions) {
    this.#options = options
  }

  async check(rule: PolicyRule): Promise<void> {
    if (rule.kind === 'host')
      throw new Mistake('E_POLICY', 'on Kubernetes policies are about pods, not about addresses', {
        hint: 'Write a NetworkPolicy, whose ipBlock names addresses, or { block: { pod, namespace } }.',
      })
    const { isFollowing, ends, nameservers } = this.#options
    if (!isFollowing() || ends.pods().length === 0)
      throw new Mistake('E_POLICY', 'it is not known yet what is in the cluster, and what must not be cut', {
        hint: 'Try again in a moment; the log of the hub says what keeps it from looking.',
      })
    const pods = ends.pods()
    const resolvers = this.#resolvers(pods, await nameservers())
    if (rule.kind === 'network') {
      const { policy } = rule
      const refuseCut = await this.#refusal(policy)
      refuseCut(this.#infrastructure(pods, resolvers))
      // Who lets nothing pass at all means to cut off from names, too.
      if (!isQuarantine(policy)) refuseCut(resolving(policy, pods, resolvers))
      return
    }
    const { pod, namespace } = rule
    const isThere = pods.some((end) => end.pod?.name === pod && end.pod.namespace === namespace)
    if (!isThere)
      throw new Mistake('E_POLICY', `there is no pod ${pod} with a network of its own in ${namespace}`, {
        hint: 'Pods in the network of their node cannot be cut off.',
      })
    const marked = this.#infrastructure(pods, resolvers).map(({ what, flow }) => ({
      what,
      flow: { ...flow, from: withLabel(flow.from, rule, CHECKED), to: withLabel(flow.to, rule, CHECKED) },
    }))
    refuse(cutByPolicy(marked, quarantine(rule, CHECKED)))
  }

  async enforce(record: PolicyRecord, rule: PolicyRule): Promise<Enforced> {
    const policy =
      rule.kind === 'network' ? rule.policy : quarantine({ namespace: record.namespace }, record.name)
    const owner = await this.#owner(record.namespace)
    const written = await this.#write(this.#object(record, policy, owner), record)
    if (rule.kind === 'pod') await this.#mark(rule, record)
    return { fingerprint: fingerprintOf(written), owner: this.#options.owner, notes: [] }
  }

  async lift(record: PolicyRecord, others: readonly PolicyRecord[]): Promise<'we' | 'its owner'> {
    try {
      await this.#remove(record, others)
      return 'we'
    } catch (error) {
      // With the role the rights have gone by which it could be lifted.
      if (isMistake(error, 'E_POLICY') && this.#isLeftToOwner(record)) return 'its owner'
      throw error
    }
  }

  #isLeftToOwner({ owner, namespace }: PolicyRecord): boolean {
    const { isAllowed, namespaces } = this.#options
    const isOurs = namespaces.length === 0 || namespaces.includes(namespace)
    return owner !== '' && !(isAllowed && isOurs)
  }

  async #remove(record: PolicyRecord, others: readonly PolicyRecord[]): Promise<void> {
    const { client } = this.#options
    const { name, namespace } = record
    const path = `${policiesIn(namespace)}/${name}`
    const there = await needing('get', POLICIES, namespace, () => unlessGone(client.get(path)))
    // Somebody may have put another in its place.
    if (there !== undefined && this.#isOurs(there))
      await needing('delete', POLICIES, namespace, () => unlessGone(client.delete(path)))
    const pod = blockedPod(record)
    if (pod === undefined) return
    const next = others.find((each) => each.namespace === namespace && blockedPod(each) === pod)
    const change = { metadata: { labels: { [BLOCKED_LABEL]: next?.name ?? null } } }
    await needing('patch', 'pods', namespace, () =>
      unlessGone(client.patch(`/api/v1/namespaces/${namespace}/pods/${pod}`, change)),
    )
  }

  async look(records: readonly PolicyRecord[]): Promise<Looked> {
    const objects = await this.#ours(records)
    const byName = new Map(objects.map((object) => [object.metadata.name, object]))
    const known = new Set(records.map(({ name }) => name))
    return {
      owners: await this.#handOver(records, byName),
      gone: records.filter(({ name }) => !byName.has(name)).map(({ name }) => name),
      changed: records
        .filter(({ name, changed, fingerprint }) => {
          const object = byName.get(name)
          return !changed && object !== undefined && fingerprintOf(object) !== fingerprint
        })
        .map(({ name }) => name),
      adopted: objects
        .filter(({ metadata }) => !known.has(metadata.name))
        .flatMap((object) => this.#recordIn(object) ?? []),
    }
  }

  /** What was in force before there was the role, or before it was made anew, belongs to it from now on. */
  async #handOver(
    records: readonly PolicyRecord[],
    objects: ReadonlyMap<string, KubernetesObject>,
  ): Promise<ReadonlyMap<string, string>> {
    const roles = new Map<string, OwnerReference | undefined>()
    const owners = new Map<string, string>()
    for (const { name, namespace, owner } of records) {
      const object = objects.get(name)
      if (object === undefined) continue
      // Where that cannot be done the next look tries again.
      const role = roles.has(namespace)
        ? roles.get(namespace)
        : await this.#owner(namespace).catch(unlessMistaken)
      roles.set(namespace, role)
      const before = ownerOf(object)
      const isOther = role !== undefined && before?.uid !== role.uid
      const after = isOther ? await this.#giveTo(role, object).catch(unlessMistaken) : undefined
      const now = (after ?? before)?.name ?? ''
      if (now !== owner) owners.set(name, now)
    }
    return owners
  }

  async #giveTo(role: OwnerReference, object: KubernetesObject): Promise<OwnerReference> {
    const { name, namespace = '' } = object.metadata
    const metadata = { ...object.metadata, ownerReferences: [role] }
    const path = `${policiesIn(namespace)}/${name}`
    await this.#options.client.update(path, { ...object, metadata })
    return role
  }

  workers() {
    return []
  }

  /** Policies of everybody that are in force. Rejects with `E_POLICY` naming the right that is missing. */
  async inForce(): Promise<PoliciesInForce> {
    const all = await this.#inNamespaces(() => ({}))
    const policies = all.flatMap((object) => policyIn(object) ?? [])
    return { policies, unread: all.length - policies.length }
  }

  /** Of all namespaces. Rejects with `E_POLICY` naming the right that is missing. */
  async namespaceLabels(): Promise<NamespaceLabels> {
    const { client } = this.#options
    const list = () => client.list('/api/v1/namespaces', {})
    const { objects } = await needing('list', 'namespaces', '', list)
    return new Map(objects.map(({ metadata }) => [metadata.name, (metadata.labels ?? {}) as Labels]))
  }

  /** Makes the object, or replaces the one that we have made before. */
  async #write(object: KubernetesObject, { namespace, name }: PolicyRecord): Promise<KubernetesObject> {
    const { client } = this.#options
    const path = `${policiesIn(namespace)}/${name}`
    try {
      return await needing('create', POLICIES, namespace, () => client.create(policiesIn(namespace), object))
    } catch (error) {
      if (!isMistake(error, 'E_CONFLICT')) throw error
      const there = await needing('get', POLICIES, namespace, () => client.get(path))
      if (!this.#isOurs(there)) throw error
      const { resourceVersion } = there.metadata
      const metadata =
        resourceVersion === undefined ? object.metadata : { ...object.metadata, resourceVersion }
      return needing('update', POLICIES, namespace, () => client.update(path, { ...object, metadata }))
    }
  }

  /** A label on the pod that no other has: pods of a Deployment have all their labels in common. */
  async #mark({ pod }: { readonly pod: string }, record: PolicyRecord): Promise<void> {
    const { client } = this.#options
    const path = `/api/v1/namespaces/${record.namespace}/pods/${pod}`
    try {
      await needing('patch', 'pods', record.namespace, () =>
        client.patch(path, { metadata: { labels: { [BLOCKED_LABEL]: record.name } } }),
      )
    } catch (error) {
      // It would select nothing.
      await unlessGone(client.delete(`${policiesIn(record.namespace)}/${record.name}`)).catch(() => {})
      throw error
    }
  }

  /** What the garbage collector of Kubernetes goes by: without the role nobody could lift what is in force. */
  async #owner(namespace: string): Promise<OwnerReference | undefined> {
    const { client, owner, namespaces } = this.#options
    if (owner === '') return undefined
    const isWide = namespaces.length === 0
    const kind = isWide ? 'ClusterRole' : 'Role'
    const path = isWide ? `clusterroles/${owner}` : `namespaces/${namespace}/roles/${owner}`
    const get = () => unlessGone(client.get(`/apis/${RBAC}/${path}`))
    const role = await needing('get', `${kind.toLowerCase()}s (${RBAC_GROUP})`, isWide ? '' : namespace, get)
    if (role?.metadata.uid === undefined)
      throw new Mistake('E_POLICY', `there is no ${kind} ${owner}, with which policies go`, {
        hint: 'Enforcement is about to be switched off; else scripting.enforcement.owner names another.',
      })
    return { apiVersion: RBAC, kind, name: owner, uid: role.metadata.uid }
  }

  #object(
    record: PolicyRecord,
    { spec }: NetworkPolicy,
    owner: OwnerReference | undefined,
  ): KubernetesObject {
    return {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: {
        name: record.name,
        namespace: record.namespace,
        ...(owner === undefined ? {} : { ownerReferences: [owner] }),
        labels: {
          [MANAGED_BY]: this.#options.release.name,
          [RELEASE_NAMESPACE]: this.#options.release.namespace,
          ...(labelText(record.agent) === '' ? {} : { 'remora.internal/agent': labelText(record.agent) }),
        },
        annotations: {
          'remora.internal/expires': new Date(record.expiresAt).toISOString(),
          'remora.internal/reason': record.reason,
          'remora.internal/by': record.agentTitle,
          [RECORD]: JSON.stringify(record),
        },
      },
      spec,
    }
  }

  async #ours(records: readonly PolicyRecord[]): Promise<KubernetesObject[]> {
    const { name, namespace } = this.#options.release
    const labelSelector = `${MANAGED_BY}=${name},${RELEASE_NAMESPACE}=${namespace}`
    const objects = await this.#inNamespaces(() => ({ labelSelector }), records)
    return objects.filter((object) => this.#recordIn(object) !== undefined)
  }

  async #inNamespaces(
    selection: () => { readonly labelSelector?: string },
    records: readonly PolicyRecord[] = [],
  ): Promise<KubernetesObject[]> {
    const { client, namespaces } = this.#options
    if (namespaces.length === 0) {
      const path = '/apis/networking.k8s.io/v1/networkpolicies'
      return [...(await needing('list', POLICIES, '', () => client.list(path, selection()))).objects]
    }
    const all = new Set([...namespaces, ...records.map(({ namespace }) => namespace)])
    const lists = await Promise.all(
      [...all].map((each) =>
        needing('list', POLICIES, each, () => client.list(policiesIn(each), selection())).catch(
          (error: unknown) => {
            // The rights may have gone there, with the namespace out of those of the release.
            if (namespaces.includes(each) || !isMistake(error, 'E_POLICY')) throw error
            return { objects: [] }
          },
        ),
      ),
    )
    return lists.flatMap(({ objects }) => [...objects])
  }

  #isOurs({ metadata }: KubernetesObject): boolean {
    const labels = metadata.labels as Readonly<Record<string, unknown>> | undefined
    const { name, namespace } = this.#options.release
    return labels?.[MANAGED_BY] === name && labels[RELEASE_NAMESPACE] === namespace
  }

  /** What another hub has kept with it. Whoever may write policies can write this: it is believed about the object itself. */
  #recordIn(object: KubernetesObject): PolicyRecord | undefined {
    const { metadata } = object
    const annotations = metadata.annotations as Readonly<Record<string, unknown>> | undefined
    try {
      const record = policyRecord.parse(JSON.parse(String(annotations?.[RECORD])))
      const { name, namespace } = record
      if (name !== metadata.name || namespace !== metadata.namespace) return undefined
      if (!name.startsWith(`${this.#options.release.name}-`)) return undefined
      return { ...record, owner: ownerOf(object)?.name ?? '', fingerprint: fingerprintOf(object) }
    } catch {
      return undefined
    }
  }

  /** What throws where the policy cuts something of these. Where labels of namespaces may not be looked at, they count as missing. */
  async #refusal(policy: NetworkPolicy): Promise<(flows: readonly Protected[]) => void> {
    const namespaces = needsNamespaces(policy)
      ? await this.namespaceLabels().catch((error: unknown) => {
          if (!isMistake(error, 'E_POLICY')) throw error
          return NO_NAMESPACES
        })
      : NO_NAMESPACES
    const labelled = labeller(namespaces)
    return (flows) => {
      const all = flows.map(({ what, flow }) => ({ what, flow: labelled(flow) }))
      refuse(cutByPolicy(all, policy))
    }
  }

  /** Between hubs, workers, NATS, the resolver and the API server: what nothing may cut. */
  #infrastructure(pods: readonly FlowEnd[], resolvers: readonly Target[]): Protected[] {
    const { ends, apiPort } = this.#options
    const own = pods.filter((end) => this.#isOwn(end))
    const hosts = [...ends.hosts(), ...this.#programs()]
    const nats = this.#natsTargets(pods)
    const everybody = [...own, ...hosts]
    return [
      ...between('the API server', [...own, ...resolvers.map(({ end }) => end)], this.#apiTargets()),
      ...asking(everybody, resolvers),
      ...between('NATS', everybody, nats),
      ...between('Remora itself', everybody, portsOf(own, apiPort)),
      ...between('NATS', this.#ownNats(pods), portsOf(this.#ownNats(pods), NATS_ROUTES_PORT)),
    ]
  }

  /** By the labels that they have everywhere, and by the address that is asked here. */
  #resolvers(pods: readonly FlowEnd[], nameservers: readonly string[]): Target[] {
    const { ends, namespaces } = this.#options
    const asked = nameservers.flatMap((address) =>
      ['UDP', 'TCP'].flatMap((protocol) => [...ends.behind(address, DNS_PORT, protocol)]),
    )
    const known = [...portsOf(pods.filter(isResolver), DNS_PORT), ...asked]
    if (known.length > 0 || namespaces.length === 0) return distinct(known)
    // What is in other namespaces may not be looked at.
    return portsOf(nameservers.map(usualResolver), DNS_PORT)
  }

  #apiTargets(): Target[] {
    const { ends, apiServer } = this.#options
    const known = ends.serviceTargets('default', 'kubernetes')
    if (known.length > 0 || apiServer === '') return known
    const { address, port } = splitPort(apiServer)
    return [{ end: ends.end(address), port }]
  }

  /** Workers in the network of their node, also where nodes may not be looked at. */
  #programs(): FlowEnd[] {
    const { ends, programs } = this.#options
    return programs()
      .map((each) => splitPort(each).address)
      .filter((address) => readAddress(address) !== undefined)
      .map((address) => ends.end(address))
  }

  /** By the labels of the chart, in the namespace of the release. */
  #isOwn({ pod }: FlowEnd): boolean {
    const { name, namespace } = this.#options.release
    if (pod === undefined || pod.namespace !== namespace) return false
    return (
      pod.labels['app.kubernetes.io/instance'] === name || pod.labels['app.kubernetes.io/name'] === 'remora'
    )
  }

  #natsTargets(pods: readonly FlowEnd[]): Target[] {
    const { nats, ends, release } = this.#options
    const urls = nats.split(',').map((each) => each.trim())
    const named = urls.flatMap((url) => {
      if (!URL.canParse(url)) return []
      const { hostname, port } = new URL(url)
      const [service = '', namespace = release.namespace] = hostname.split('.')
      const behind = ends.serviceTargets(namespace, service)
      return behind.length > 0 ? behind : [{ end: ends.end(hostname), port: Number(port) || NATS_PORT }]
    })
    return distinct([...named, ...portsOf(this.#ownNats(pods), NATS_PORT)])
  }

  /** Those of the chart. */
  #ownNats(pods: readonly FlowEnd[]): FlowEnd[] {
    const { namespace } = this.#options.release
    return pods.filter(
      ({ pod }) => pod?.namespace === namespace && pod.labels['app.kubernetes.io/name'] === 'nats',
    )
  }
}

/** The role that has it, as the record cannot know: it is written before. */
function ownerOf({ metadata }: KubernetesObject): OwnerReference | undefined {
  const references = (metadata.ownerReferences ?? []) as readonly OwnerReference[]
  return references.find(({ apiVersion }) => apiVersion === RBAC)
}

interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
}

/** Each pod asks for names: who forgets that in a policy cuts more than is meant. */
function resolving(
  policy: NetworkPolicy,
  pods: readonly FlowEnd[],
  resolvers: readonly Target[],
): Protected[] {
  const isMeant = ({ pod }: FlowEnd) => pod !== undefined && selects(policy, pod)
  if (resolvers.some(({ end }) => isMeant(end))) return asking(pods, resolvers)
  // It can cut those alone that it is about.
  const meant = pods.filter(isMeant)
  return asking(meant.length > 0 ? meant : [endLater(policy)], resolvers)
}

/** Undefined for what makes no sense to us. */
function policyIn({ metadata: { name, namespace }, spec }: KubernetesObject): NetworkPolicy | undefined {
  const [apiVersion, kind] = ['networking.k8s.io/v1', 'NetworkPolicy']
  try {
    return readNetworkPolicy({ apiVersion, kind, metadata: { name, namespace }, spec })
  } catch (error) {
    if (error instanceof Mistake) return undefined
    throw error
  }
}

function refuse(cut: Protected | undefined): void {
  if (cut === undefined) return
  const { from, to, port, protocol } = cut.flow
  throw new Mistake(
    'E_POLICY',
    `it would cut ${cut.what}: ${named(from)} to ${named(to)} at ${protocol} ${port}`,
    {
      hint: 'Let that pass in the policy, or select other pods.',
    },
  )
}

function named({ address, pod }: FlowEnd): string {
  return pod === undefined ? address : `${pod.namespace}/${pod.name}`
}

/** From each to each that it can reach: of the same family. */
function between(
  what: string,
  sources: readonly FlowEnd[],
  targets: readonly Target[],
  protocol = 'TCP',
): Protected[] {
  return sources.flatMap((from) =>
    targets
      .filter(({ end }) => isIPv6(end) === isIPv6(from) || from.address === '')
      .map(({ end: to, port }) => ({ what, flow: { from, to, port, protocol } })),
  )
}

function asking(sources: readonly FlowEnd[], resolvers: readonly Target[]): Protected[] {
  return ['UDP', 'TCP'].flatMap((protocol) => between('cluster DNS', sources, resolvers, protocol))
}

function portsOf(ends: readonly FlowEnd[], port: number): Target[] {
  return ends.map((end) => ({ end, port }))
}

function distinct(targets: readonly Target[]): Target[] {
  return [...new Map(targets.map((each) => [`${each.end.address} ${each.port}`, each])).values()]
}

function isIPv6({ address }: FlowEnd): boolean {
  return address.includes(':')
}

/** A pod as such a policy would select it, when there is none yet. */
function endLater({ metadata: { namespace }, spec: { podSelector } }: NetworkPolicy): FlowEnd {
  const labels = {
    ...Object.fromEntries(
      (podSelector?.matchExpressions ?? []).flatMap(({ key, operator, values }) =>
        operator === 'In' || operator === 'Exists' ? [[key, values?.[0] ?? '']] : [],
      ),
    ),
    ...podSelector?.matchLabels,
  }
  const pod = { namespace, labels, namespaceLabels: namespaceLabels(namespace), node: '', ports: [] }
  return { address: '', pod: { name: 'any pod that it selects', ...pod } }
}

/** The pods that resolve names as they are nearly everywhere. */
function usualResolver(address: string): FlowEnd {
  const namespace = 'kube-system'
  const pod = { namespace, namespaceLabels: namespaceLabels(namespace), node: '', ports: [] }
  return { address, pod: { name: 'kube-dns', labels: { 'k8s-app': 'kube-dns' }, ...pod } }
}

function isResolver({ pod }: FlowEnd): boolean {
  return pod?.namespace === 'kube-system' && pod.labels['k8s-app'] === 'kube-dns'
}

function policiesIn(namespace: string): string {
  return `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`
}

/** Names the right that is missing. */
async function needing<Result>(
  verb: string,
  resource: string,
  namespace: string,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (!isMistake(error, 'E_FORBIDDEN')) throw error
    const where = namespace === '' ? 'in all namespaces' : `in the namespace ${namespace}`
    // Scripts are told the message alone.
    throw new Mistake('E_POLICY', `the hub has no right to ${verb} ${resource} ${where}`, {
      hint: `docs/policies.md has the role. ${error.message}`,
      cause: error,
    })
  }
}

function unlessMistaken(error: unknown): undefined {
  if (!(error instanceof Mistake)) throw error
}

async function unlessGone<Result>(work: Promise<Result>): Promise<Result | undefined> {
  return work.catch((error: unknown) => {
    if (!isMistake(error, 'E_NOT_FOUND')) throw error
    return undefined
  })
}

function isMistake(error: unknown, code: string): error is Mistake {
  return error instanceof Mistake && error.code === code
}

/** The same for the same content, in whatever order. */
function fingerprintOf({ spec }: KubernetesObject): string {
  return createHash('sha256')
    .update(JSON.stringify(sorted(spec)))
    .digest('hex')
    .slice(0, 16)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  )
}

/** What the value of a label may be. */
function labelText(text: string): string {
  return text
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .slice(0, 63)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
}

const NO_NAMESPACES: NamespaceLabels = new Map()
const POLICIES = 'networkpolicies (networking.k8s.io)'
const RBAC_GROUP = 'rbac.authorization.k8s.io'
const RBAC = `${RBAC_GROUP}/v1`
const MANAGED_BY = 'app.kubernetes.io/managed-by'
/** There may be a Remora of the same name in another namespace. */
const RELEASE_NAMESPACE = 'remora.internal/release-namespace'
const RECORD = 'remora.internal/policy'
const NATS_PORT = 4222
/** By which servers of the chart talk to each other. */
const NATS_ROUTES_PORT = 6222
const DNS_PORT = 53
/** No policy has this name. */
const CHECKED = 'checked'
