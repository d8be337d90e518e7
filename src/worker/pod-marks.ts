import type { ClusterNode, KnownChange, Pod } from '../cluster/objects.ts'
import { addressesOf, type Targeting } from '../cluster/targeting.ts'
import type { MarkedAddress } from './capture-messages.ts'
import { POD_MARK } from './selection.ts'

/** What the thread that captures has to know of addresses of pods and nodes: keeps it, and tells what changes of it. */
export class PodMarks {
  readonly #node: string
  readonly #tell: (changed: readonly MarkedAddress[]) => void
  readonly #pods = new Map<string, Pod>()
  /** Pods by address: two while one takes over that of another, the later one last. */
  readonly #byAddress = new Map<string, Set<string>>()
  /** Nodes by address, and addresses by node. */
  readonly #nodes = new Map<string, string>()
  readonly #addressesOfNodes = new Map<string, readonly string[]>()
  readonly #told = new Map<string, number>()
  #targeting: Targeting | undefined
  #others: ReadonlySet<string> = new Set()

  /** `node`: where we are. */
  constructor(node: string, tell: (changed: readonly MarkedAddress[]) => void) {
    this.#node = node
    this.#tell = tell
  }

  /** Pods that are known, ended ones included. */
  get pods(): number {
    return this.#pods.size
  }

  change(changes: readonly KnownChange[]): void {
    const touched = new Set<string>()
    for (const change of changes) {
      if (change.kind === 'node')
        this.#placeNode(
          change.object,
          change.type === 'DELETED' ? [] : innerAddresses(change.object),
          touched,
        )
      if (change.kind !== 'pod') continue
      const { uid } = change.object.metadata
      this.#place(uid, change.type === 'DELETED' ? undefined : change.object, touched)
    }
    this.#tellOf(touched)
  }

  /** Other rules. Undefined: all pods are captured, and nobody asks which. */
  target(targeting: Targeting | undefined): void {
    this.#targeting = targeting
    this.#tellOf(this.#byAddress.keys())
  }

  /** Nodes on which others capture all that we would. */
  share(others: ReadonlySet<string>): void {
    if (others.size === this.#others.size && [...others].every((each) => this.#others.has(each))) return
    this.#others = others
    this.#tellOf(new Set([...this.#byAddress.keys(), ...this.#nodes.keys()]))
  }

  #place(uid: string, pod: Pod | undefined, touched: Set<string>): void {
    const before = this.#pods.get(uid)
    const addresses = pod === undefined ? [] : addressesOf(pod)
    for (const address of before === undefined ? [] : addressesOf(before)) {
      touched.add(address)
      const uids = this.#byAddress.get(address)
      if (addresses.includes(address)) continue
      uids?.delete(uid)
      if (uids?.size === 0) this.#byAddress.delete(address)
    }
    for (const address of addresses) {
      touched.add(address)
      const uids = this.#byAddress.get(address) ?? new Set()
      this.#byAddress.set(address, uids.add(uid))
    }
    if (pod === undefined) this.#pods.delete(uid)
    else this.#pods.set(uid, pod)
  }

  #placeNode({ metadata: { name } }: ClusterNode, addresses: readonly string[], touched: Set<string>): void {
    for (const address of this.#addressesOfNodes.get(name) ?? []) {
      touched.add(address)
      if (this.#nodes.get(address) === name) this.#nodes.delete(address)
    }
    for (const address of addresses) {
      touched.add(address)
      this.#nodes.set(address, name)
    }
    if (addresses.length === 0) this.#addressesOfNodes.delete(name)
    else this.#addressesOfNodes.set(name, addresses)
  }

  #tellOf(addresses: Iterable<string>): void {
    const changed: MarkedAddress[] = []
    for (const address of addresses) {
      const mark = this.#markOf(address)
      if (mark === (this.#told.get(address) ?? 0)) continue
      if (mark === 0) this.#told.delete(address)
      else this.#told.set(address, mark)
      changed.push([address, mark])
    }
    if (changed.length > 0) this.#tell(changed)
  }

  #markOf(address: string): number {
    const pods = [...(this.#byAddress.get(address) ?? [])].flatMap((uid) => this.#pods.get(uid) ?? [])
    const isTargeted = pods.some((pod) => this.#targeting?.has(pod) === true)
    if (pods.length === 0) return this.#markOfNode(address)
    const node = pods.at(-1)?.spec.nodeName ?? ''
    return this.#placeOf(node) | (isTargeted ? POD_MARK.targeted : 0)
  }

  #markOfNode(address: string): number {
    const place = this.#placeOf(this.#nodes.get(address) ?? '')
    return place === 0 ? 0 : place | POD_MARK.node
  }

  #placeOf(node: string): number {
    if (this.#others.size === 0) return 0
    if (node === this.#node) return POD_MARK.here
    return this.#others.has(node) ? POD_MARK.elsewhere : 0
  }
}

/** By which nodes reach each other: others may be translated on the way. */
function innerAddresses({ status: { addresses } }: ClusterNode): string[] {
  return addresses.flatMap(({ type, address }) => (type === 'InternalIP' ? address : []))
}
