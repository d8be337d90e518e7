import type { NetworkPolicy } from '../../policy/network-policy.ts'
import type { PolicyRule } from '../../policy/rule.ts'
import type { PolicyNode, PolicyRecord } from '../../wire/policies.ts'

/** What puts policies in force: Kubernetes, or nftables on the workers. */
export interface Enforcement {
  readonly place: 'kubernetes' | 'hosts'
  /** Throws `E_POLICY` for what cannot be put in force here, or would cut what must not be cut. */
  check(rule: PolicyRule): Promise<void>
  /** Puts it in force, or changes how long it is. Answers what is to be kept with it, and said of it. */
  enforce(record: PolicyRecord, rule: PolicyRule): Promise<Enforced>
  /** Of what is not in force: nothing. `others` stay in force. Answers who has lifted it, or will. */
  lift(record: PolicyRecord, others: readonly PolicyRecord[]): Promise<'we' | 'its owner'>
  /**
   * Looks at what is in force, and tells of each record what has become of it. Lifts what is ours and in no record; what
   * another hub has put in force and is not known here comes back as a record.
   */
  look(records: readonly PolicyRecord[]): Promise<Looked>
  /** What each worker says of a policy; empty where workers have no part in it. */
  workers(name: string): readonly PolicyNode[]
}

export interface Enforced extends Pick<PolicyRecord, 'fingerprint' | 'owner'> {
  readonly notes: readonly string[]
}

export interface Looked {
  /** Names of those that somebody else has removed. */
  readonly gone: readonly string[]
  /** Names of those that somebody else has changed. */
  readonly changed: readonly string[]
  readonly adopted: readonly PolicyRecord[]
  /** By name, the owners of those that have another than their record says. */
  readonly owners: ReadonlyMap<string, string>
}

/** NetworkPolicies of everybody. */
export interface PoliciesInForce {
  readonly policies: readonly NetworkPolicy[]
  /** Others, of which we make no sense. */
  readonly unread: number
}

/** Name of the pod that a policy cuts off, in its namespace; undefined for policies of other kinds. */
export function blockedPod({ kind, rule: { block } }: PolicyRecord): string | undefined {
  if (kind !== 'pod' || typeof block !== 'object' || block === null || !('pod' in block)) return undefined
  return String(block.pod)
}
