import type { AddressSpan, MeantPod, RecentPod, RecentPods } from '../cluster/recent-pods.ts'
import type { Claim, PodPackets, WrittenPackets } from '../helpers/helper.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { SpoolReader } from './spool/index.ts'

export interface PodHistoryOptions {
  readonly pods: RecentPods
  readonly packets: SpoolReader
  /** Packets are kept at all. */
  readonly isKept: boolean
  /** Resolves when all that was captured by now can be read; with why nothing is kept any more, if so. */
  readonly flush: () => Promise<string | undefined>
  /** What time it is; absent: that comes with the traffic. */
  readonly clock?: (() => number) | undefined
}

/** What pods have sent and received lately, out of the packets that this worker keeps. */
export class PodHistory implements PodPackets {
  readonly #options: PodHistoryOptions

  constructor(options: PodHistoryOptions) {
    this.#options = options
  }

  async write(
    meant: MeantPod,
    seconds: number,
    nowMs: number,
    target: string,
    claim: Claim,
  ): Promise<WrittenPackets> {
    const { pods, packets, isKept, flush, clock } = this.#options
    if (!isKept)
      throw new Mistake('E_HELPER_REFUSED', 'pcap.history: no packets are kept', {
        hint: 'Set tap.capture.raw.enabled; packets that come from then on are kept.',
      })
    const pod = chosen(meant, pods.find(meant))
    // A script has its time of the event, and packets have come since.
    const spans = within(pod, seconds, clock?.() ?? nowMs)
    const name = `${pod.namespace}/${pod.name}`
    if (pod.spans.length === 0) return { packets: 0, complaint: `${name} has no address yet` }
    if (pod.isOnHostNetwork && pod.spans.every(({ ports }) => ports.length === 0))
      return {
        packets: 0,
        complaint: `${name} is on the network of its node and names no ports: its packets cannot be told from others`,
      }
    const problem = await flush()
    const found = await packets.writeHistory(spans, target, claim)
    const count = found.packets.length
    if (problem !== undefined) return { packets: count, complaint: problem }
    if (count === 0) return { packets: 0, complaint: nothingOf(name, seconds, found.keptSinceMs) }
    return {
      packets: count,
      complaint: found.isCut ? `${name} has more packets: the oldest are left out` : '',
    }
  }
}

/** Of several of the same name, the one that is there, or that went last. */
function chosen(meant: MeantPod, found: readonly RecentPod[]): RecentPod {
  const [first] = found
  const name = meant.namespace === undefined ? meant.name : `${meant.namespace}/${meant.name}`
  if (first === undefined)
    throw new Mistake('E_HELPER_ARGUMENT', `pcap.history: no pod ${name} is known here`, {
      hint: 'Pods are known while they are there, and for a quarter of an hour after. The state of the watch stands in `utils.health`.',
    })
  const namespaces = [...new Set(found.map(({ namespace }) => namespace))].sort()
  if (namespaces.length > 1)
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `pcap.history: there is a pod ${name} in ${namespaces.join(', ')}`,
      {
        hint: `Write ${namespaces[0]}/${meant.name}.`,
      },
    )
  return first
}

/** Before now, or before it went. */
function within({ spans, endMs }: RecentPod, seconds: number, nowMs: number): AddressSpan[] {
  const lastMs = Math.min(nowMs, endMs)
  return spans.map((span) => ({
    ...span,
    fromMs: Math.max(span.fromMs, lastMs - seconds * 1000),
    untilMs: Math.min(span.untilMs, lastMs),
  }))
}

function nothingOf(name: string, seconds: number, keptSinceMs: number | undefined): string {
  const since = keptSinceMs === undefined ? 'no packets are' : `packets are since ${timeOf(keptSinceMs)}`
  return `nothing of ${name} is kept of those ${seconds} s; ${since} kept here`
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
