import type { Bucket, Bus } from '../../bus/bus.ts'
import type { ClusterFollower } from '../../node/cluster-follower.ts'
import type { Note } from '../../node/note.ts'
import { apiServerHere, nameserversHere } from '../../node/servers-here.ts'
import { ClusterEnds } from '../../policy/ends.ts'
import type { AgentStore } from '../../store/agent-store.ts'
import type { Hub } from '../hub.ts'
import { ClusterEnforcement, type ClusterEnforcementOptions } from './cluster-enforcement.ts'
import { PolicyDesk, type PolicyDeskOptions } from './desk.ts'
import { History } from './history.ts'
import { HostEnforcement } from './host-enforcement.ts'

/** What the configuration says of policies. */
export interface PolicySettings
  extends Pick<PolicyDeskOptions, 'isAllowed' | 'ttlMs' | 'maxTtlMs' | 'maxPolicies'>,
    Pick<ClusterEnforcementOptions, 'release' | 'apiPort' | 'owner'> {
  /** Where the API of this hub is, host:port. */
  readonly apiAddress: () => string
}

export interface PolicyParts {
  readonly bus: Bus
  readonly bucket: Bucket
  readonly hub: Pick<Hub, 'fleet' | 'entries'>
  readonly store: Pick<AgentStore, 'list'>
  readonly cluster: Pick<ClusterFollower, 'onChanges' | 'state'>
  /** Absent: workers enforce, with nftables. */
  readonly kubernetes: Pick<ClusterEnforcementOptions, 'client' | 'namespaces'> | undefined
  readonly tell: PolicyDeskOptions['tell']
  readonly note: Note
}

/** The desk of the hub that leads, with what enforces policies where it is. */
export function openPolicyDesk(settings: PolicySettings, parts: PolicyParts): PolicyDesk {
  const { bus, bucket, hub, store, cluster, kubernetes, tell, note } = parts
  const { release, apiPort, apiAddress, owner, isAllowed } = settings
  const ends = new ClusterEnds()
  const workers = () => hub.fleet.workers().map(({ node }) => node)
  const ours = () => [...hub.fleet.nodes().map(({ address }) => address), apiAddress()]
  const inCluster =
    kubernetes === undefined
      ? undefined
      : new ClusterEnforcement({
          ...{ ...kubernetes, release, apiPort, owner, isAllowed, ends },
          ...{ nats: bus.description, programs: ours },
          ...{ nameservers: nameserversHere, apiServer: apiServerHere(process.env) },
          isFollowing: () => cluster.state === 'following',
        })
  return new PolicyDesk({
    ...settings,
    ...{ bus, bucket, tell, note },
    enforcement: inCluster ?? new HostEnforcement({ bus, workers, ours, now: Date.now }),
    history: new History({ bus, workers, ends, entries: (query, signal) => hub.entries(query, signal) }),
    inForce: async () => (await inCluster?.inForce()) ?? { policies: [], unread: 0 },
    namespaceLabels: async () => (await inCluster?.namespaceLabels()) ?? new Map(),
    release: release.name,
    activeAgents: async () => new Set((await store.list()).flatMap(({ id, active }) => (active ? [id] : []))),
    ended: cluster.onChanges((changes) => ends.take(changes)),
  })
}
