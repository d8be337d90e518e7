import type { KnownChange, Pod } from './objects.ts'
import { podLife } from './pod-life.ts'
import { podIps } from './targeting.ts'

/** Which pod somebody means: by its uid where that is known, or else by its name. */
export interface MeantPod {
  readonly name: string
  readonly namespace?: string | undefined
  readonly uid?: string | undefined
}

/** When an address was that of a pod, ms since the epoch. */
export interface AddressSpan {
  readonly address: string
  /** Of a pod on the network of its node: the others of the node have the same address. Empty: all are its own. */
  readonly ports: readonly number[]
  readonly fromMs: number
  readonly untilMs: number
}

/** A pod that is there, or was a while ago. */
export interface RecentPod {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly isOnHostNetwork: boolean
  /** When it had ended, or was gone, at the latest; Infinity while it runs. */
  readonly endMs: number
  /** Of its addresses, none of which was another pod's meanwhile. */
  readonly spans: readonly AddressSpan[]
}

interface Known {
  object: Pod
  /** Since when it has each of its addresses. */
  readonly addresses: Map<string, number>
  /** From when its addresses may be others': it has ended, or was deleted. */
  endMs: number
  goneMs: number
}

/**
 * Pods by name and by address, those that are there and those that went a while ago: what was captured of a pod can be told from
 * what was captured of the one that had its address before or after. Times are those of the hub.
 */
export class RecentPods {
  readonly #there = new Map<string, Known>()
  /** In the order in which they went. */
  readonly #gone = new Map<string, Known>()
  readonly #most: number

  /** Of more than `most` pods that have gone, those that went first are forgotten. */
  constructor(most = MOST_GONE) {
    this.#most = most
  }

  take(changes: readonly KnownChange[]): void {
    for (const change of changes) if (change.kind === 'pod') this.#take(change)
  }

  /** All that may be meant, those that are there first, and of the others the one first that went last. */
  find({ name, namespace, uid }: MeantPod): RecentPod[] {
    const all = [...this.#there.values(), ...[...this.#gone.values()].reverse()]
    const meant = all.filter(({ object: { metadata } }) =>
      uid === undefined
        ? metadata.name === name && (namespace ?? metadata.namespace) === metadata.namespace
        : metadata.uid === uid,
    )
    return meant.map((each) => this.#recent(each, all))
  }

  #take({ type, object, at }: Extract<KnownChange, { kind: 'pod' }>): void {
    const { uid } = object.metadata
    const known = this.#there.get(uid) ?? {
      object,
      addresses: new Map<string, number>(),
      endMs: Number.POSITIVE_INFINITY,
      goneMs: Number.POSITIVE_INFINITY,
    }
    known.object = object
    const { begin, end } = podLife(object, at)
    for (const address of podIps(object))
      if (!known.addresses.has(address)) known.addresses.set(address, begin)
    known.endMs = Math.min(known.endMs, end?.high ?? Number.POSITIVE_INFINITY)
    if (type !== 'DELETED') {
      this.#there.set(uid, known)
      return
    }
    this.#there.delete(uid)
    known.endMs = Math.min(known.endMs, at)
    known.goneMs = at
    this.#gone.set(uid, known)
    this.#forget(at)
  }

  #forget(now: number): void {
    for (const [uid, { goneMs }] of this.#gone) {
      if (this.#gone.size <= this.#most && goneMs > now - KEPT_MS) return
      this.#gone.delete(uid)
    }
  }

  #recent(known: Known, all: readonly Known[]): RecentPod {
    const { object, endMs } = known
    const { name, namespace, uid } = object.metadata
    const isOnHostNetwork = object.spec.hostNetwork === true
    const ports = isOnHostNetwork ? portsOf(object) : []
    const spans = [...known.addresses].map(([address, since]) => ({
      address,
      ports,
      ...spanOf({ known, address, since }, isOnHostNetwork ? [] : all),
    }))
    return { name, namespace, uid, isOnHostNetwork, endMs, spans }
  }
}

/** Clipped where another pod had the address before, or has had it since. */
function spanOf(
  { known, address, since }: { readonly known: Known; readonly address: string; readonly since: number },
  all: readonly Known[],
): { readonly fromMs: number; readonly untilMs: number } {
  let fromMs = 0
  let untilMs = known.endMs
  for (const other of all) {
    const from = other.addresses.get(address)
    if (other === known || from === undefined || other.object.spec.hostNetwork === true) continue
    if (from > since) untilMs = Math.min(untilMs, from)
    else fromMs = Math.max(fromMs, Math.min(other.endMs, since))
  }
  return { fromMs, untilMs }
}

/** Those that its containers say they listen on. */
function portsOf({ spec: { containers } }: Pod): number[] {
  return containers.flatMap(({ ports }) =>
    ports.flatMap(({ hostPort, containerPort }) => hostPort ?? containerPort ?? []),
  )
}

const MOST_GONE = 10_000
const KEPT_MS = 15 * 60_000
