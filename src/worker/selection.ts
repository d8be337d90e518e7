import type { Exchange } from '../entry/entry.ts'
import { addressWords } from '../packet/address.ts'
import { AddressMarks } from '../packet/address-marks.ts'
import { type Packet, PROTOCOL } from '../packet/packet.ts'
import { type Conversation, conversationHash, conversationHash2, isFromLower } from '../reassembly/table.ts'
import type { MarkedAddress, SelectionOrder } from './capture-messages.ts'

/** What is known of addresses of pods and nodes, as bits. */
export const POD_MARK = {
  /** Its packets are captured. */
  targeted: 1,
  /** It runs on this node. */
  here: 2,
  /** It runs on a node where another worker captures all that this one would. */
  elsewhere: 4,
  /** It is the address of a node itself: of its processes, of pods on its network, and of what is masqueraded there. */
  node: 8,
} as const

/** Which packets are read. With nothing set it takes all, and costs nothing. */
export class Selection {
  readonly #pods = new AddressMarks()
  #onlyTargeted = false
  #isShared = false
  /** Conversations whose hash is below are read. */
  #below = WHOLE
  readonly #elsewhere = new Set<string>()
  /** Nothing is left out. */
  takesAll = true

  /** What changed of addresses of pods: 0 for those that are of none any more. */
  mark(changed: readonly MarkedAddress[]): void {
    for (const [address, mark] of changed) {
      this.#pods.set(address, mark)
      if ((mark & POD_MARK.elsewhere) !== 0) this.#elsewhere.add(address)
      else this.#elsewhere.delete(address)
    }
    this.#isShared = this.#elsewhere.size > 0
    this.#note()
  }

  set({ onlyTargeted, sampleRate }: SelectionOrder): void {
    this.#onlyTargeted = onlyTargeted
    this.#below = (sampleRate / 100) * WHOLE
    this.#note()
  }

  /** Whether one of the ends is a pod that is captured. */
  isTargeted(packet: Packet): boolean {
    if (!this.#onlyTargeted) return true
    if (packet.ipVersion === 0 && !packet.isArp) return false
    return ((this.#pods.ofSource(packet) | this.#pods.ofDestination(packet)) & POD_MARK.targeted) !== 0
  }

  /**
   * Whether a worker on another node reads it: of a conversation between pods on two nodes, or between two nodes, the one on the
   * node of the end that a hash of both says, so that both workers say the same, whoever opened it. Between a node and a pod the one
   * where the pod is: there nothing of it is masqueraded any more, so that it is certain to be read.
   */
  isOfOtherNode(packet: Conversation): boolean {
    if (!this.#isShared) return false
    const src = this.#pods.ofSource(packet)
    const dst = this.#pods.ofDestination(packet)
    if ((src & dst & POD_MARK.elsewhere) !== 0) return true
    if (((src | dst) & POD_MARK.here) === 0 || ((src | dst) & POD_MARK.elsewhere) === 0) return false
    if (((src ^ dst) & POD_MARK.node) !== 0)
      return (((src & POD_MARK.node) === 0 ? src : dst) & POD_MARK.elsewhere) !== 0
    const isOfLower = (conversationHash(packet) & 1) === 0
    const owner = isFromLower(packet) === isOfLower ? src : dst
    return (owner & POD_MARK.elsewhere) !== 0
  }

  /** The same of an entry whose packets were read because it was not known yet where its pods are. */
  isEntryOfOtherNode({ stream, dissector, variant }: Exchange): boolean {
    if (!this.#isShared) return false
    const layer4 = dissector.protocols[variant]?.layer4
    if (layer4 !== 'tcp' && layer4 !== 'udp' && layer4 !== 'sctp') return false
    const [src, dst] = [addressWords(stream.client.ip), addressWords(stream.server.ip)]
    if (src === undefined || dst === undefined) return false
    return this.isOfOtherNode({
      ipVersion: stream.client.ip.includes(':') ? 6 : 4,
      protocol: PROTOCOL[layer4],
      ...{ src0: src[0], src1: src[1], src2: src[2], src3: src[3], srcPort: Number(stream.client.port) },
      ...{ dst0: dst[0], dst1: dst[1], dst2: dst[2], dst3: dst[3], dstPort: Number(stream.server.port) },
    })
  }

  /** Whether its conversation is one of those that are left out; the same for both directions and on all nodes. */
  isSampledOut(packet: Packet): boolean {
    return this.#below < WHOLE && conversationHash2(packet) >>> 0 >= this.#below
  }

  #note(): void {
    this.takesAll = !this.#onlyTargeted && !this.#isShared && this.#below >= WHOLE
  }
}

const WHOLE = 2 ** 32
