import type { NodeStatus } from '../wire/nodes.ts'

/** Names in the `counters` of a node's status that have a meaning of their own; each only where it is counted. */
export const COUNTERS = {
  /** Packets that came from the capture. */
  packets: 'packets',
  /** Packets that others lost before they came: kernel, interface, capture program. */
  packetsLost: 'packets.lost',
  packetsTcp: 'packets.tcp',
  packetsDns: 'packets.dns',
  packetsIcmp: 'packets.icmp',
  packetsTls: 'packets.tls',
  packetsTlsDropped: 'packets.tls.dropped',
  /** Bytes of packets on the wire. */
  bytes: 'bytes',
  /** Events that a live capture had no time for. */
  eventsDropped: 'events.dropped',
  /** Payloads of TCP that were put in order. */
  payloadsTcp: 'payloads.tcp',
  /** Requests that were paired with their replies. */
  pairs: 'pairs',
  /** TCP connections that were given up for want of memory. */
  streamsDropped: 'streams.dropped',
  /** TCP connections that are followed now. */
  streamsLive: 'streams.live',
  /** Entries that were made. */
  items: 'items',
  /** Entries that were sent to who watches. */
  itemsSent: 'items.sent',
  /** Entries that the store has now, and their bytes. */
  entriesStored: 'entries.stored',
  entriesBytes: 'entries.bytes',
} as const

/** Names made of parts. Dots within a part are of the last one. */
export const COUNTER_NAMES = {
  /** What was dropped at a place: `sandbox`, `console`, `actions`, `store` … */
  dropped: (place: string, reason: string) => `dropped.${place.replaceAll('.', '-')}.${reason}`,
  /** How much waits in a queue now. */
  queue: (name: string) => `queue.${name}`,
  /** Entries by the abbreviation of their protocol. */
  protocol: (abbreviation: string) => `protocol.${abbreviation}`,
} as const

/** What there is under a name that is made of parts: the parts, and the number. */
export function* namedCounters(
  { counters }: Pick<NodeStatus, 'counters'>,
  kind: keyof typeof COUNTER_NAMES,
): Generator<readonly [first: string, rest: string, value: number]> {
  for (const [name, value] of Object.entries(counters)) {
    const [head, first = '', ...rest] = name.split('.')
    if (head === kind && first !== '') yield [first, rest.join('.'), value]
  }
}

/** Counters that have neither a meaning of their own nor a name made of parts. */
export function* otherCounters({
  counters,
}: Pick<NodeStatus, 'counters'>): Generator<readonly [name: string, value: number]> {
  for (const [name, value] of Object.entries(counters))
    if (!KNOWN.has(name) && !PREFIXED.test(name)) yield [name, value]
}

const KNOWN: ReadonlySet<string> = new Set(Object.values(COUNTERS))
const PREFIXED = new RegExp(`^(${Object.keys(COUNTER_NAMES).join('|')})\\.[^.]`)
