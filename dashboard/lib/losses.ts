import type { NodeView } from '../../src/wire/views.ts'
import type { NodeHistory } from './node-history.ts'

/**
 * What a counter that grew means: something was `lost` that should have been there, could not be read (`unread`), or went
 * since what is kept has limits (`aged`).
 */
export type Kind = 'lost' | 'unread' | 'aged'

export interface Meaning {
  readonly what: string
  readonly why: string
  readonly kind: Kind
}

/** A counter of a node that tells of something that is not there. */
export interface Loss extends Meaning {
  readonly counter: string
  readonly node: string
  readonly total: number
  readonly lastMinute: number
}

/** All counters of loss that nodes have, also those at zero: what weighs most first. */
export function lossesOf(nodes: readonly NodeView[], history: NodeHistory): readonly Loss[] {
  const losses = nodes.flatMap((node) =>
    Object.entries(node.counters).flatMap(([counter, total]) => {
      const meaning = meaningOf(counter)
      if (meaning === undefined) return []
      return [
        { ...meaning, counter, node: node.node, total, lastMinute: history.growth(node, counter, MINUTE_MS) },
      ]
    }),
  )
  return losses.sort(
    (a, b) =>
      Number(b.total > 0) - Number(a.total > 0) ||
      KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
      b.lastMinute - a.lastMinute ||
      b.total - a.total ||
      a.what.localeCompare(b.what),
  )
}

/** What a counter means; undefined for one that tells of no loss. */
export function meaningOf(counter: string): Meaning | undefined {
  const known = MEANINGS[counter]
  if (known !== undefined) return { what: known[0], why: known[1], kind: known[2] }
  const [head, place = '', ...rest] = counter.split('.')
  if (head !== 'dropped' || place === '') return undefined
  const reason = rest.join('.')
  const [group, detail] = reason.split(': ')
  if (place === 'packets' && detail !== undefined)
    return {
      what: group === 'malformed' ? 'Packets that are damaged' : 'Packets of no interest',
      why: PACKETS[detail] ?? detail,
      kind: 'unread',
    }
  const of = PLACES[place]
  return {
    what: of ?? `Dropped: ${place}`,
    why: REASONS[reason] ?? reason.replaceAll('-', ' '),
    kind: 'lost',
  }
}

type Row = readonly [what: string, why: string, kind: Kind]

const MEANINGS: Readonly<Record<string, Row>> = {
  'dropped.capture.kernel': [
    'Packets',
    'The buffer of the kernel was full: the capture program was too slow.',
    'lost',
  ],
  'dropped.capture.interface': ['Packets', 'The network card or its driver was too slow.', 'lost'],
  'dropped.capture.tool': [
    'Packets',
    'The capture program was too slow, or threw its queue away at its end.',
    'lost',
  ],
  'events.dropped': ['Events of agents', 'The sandbox was behind, and a live capture does not wait.', 'lost'],
  'streams.dropped': [
    'TCP connections',
    'Too many bytes waited for holes to be filled (tap.reassembly.memoryMb).',
    'lost',
  ],
  'streams.lost_bytes': ['Bytes of streams', 'They were sent, and the capture does not have them.', 'lost'],
  'dropped.stream-bytes.unrecognised': ['Bytes of streams', 'No dissector knows their protocol.', 'unread'],
  'dropped.stream-bytes.invalid': ['Bytes of streams', 'They broke the rules of their protocol.', 'unread'],
  'dropped.stream-bytes.lost-sync': [
    'Bytes of streams',
    'After bytes that were not captured, until the protocol could be read again.',
    'unread',
  ],
  'dropped.stream-bytes.incomplete': [
    'Bytes of streams',
    'Messages that were not finished when their connection ended.',
    'unread',
  ],
  'dropped.stream-bytes.evicted': [
    'Bytes of streams',
    'Memory for unfinished messages ran out (tap.reassembly.memoryMb).',
    'lost',
  ],
  'dropped.stream-bytes.too-long': ['Bytes of streams', 'Messages longer than are held in memory.', 'lost'],
  'dropped.stream-bytes.relayed': [
    'Bytes of streams',
    'On ports that a dissector of an agent has for itself.',
    'unread',
  ],
  'dropped.store.expired': [
    'Entries that were kept',
    'They were older than entries are kept (tap.misc.jsonTTL).',
    'aged',
  ],
  'dropped.store.over-size': [
    'Entries that were kept',
    'The store was full (tap.capture.dbMaxSize): the oldest went.',
    'aged',
  ],
  'dropped.store.deleted': ['Entries that were kept', 'Somebody deleted their files.', 'lost'],
  'dropped.store.unreadable': ['Entries that were kept', 'Their files were damaged.', 'lost'],
  'dropped.store.disk-full': ['Entries', 'The disk was full: they were never written.', 'lost'],
  'dropped.store.behind': ['Entries', 'The disk was too slow: they were never written.', 'lost'],
  'dropped.store.too-large': ['Entries', 'Each was larger than the store takes.', 'lost'],
  'dropped.spool.evicted': [
    'Packets kept for agents',
    'Older ones made room for newer ones (tap.capture.raw.storageSize).',
    'aged',
  ],
  'dropped.spool.failed': ['Packets kept for agents', 'They could not be written to disk.', 'lost'],
  'dropped.live.too-many': [
    'Live entries',
    'Those who watch, or the way to them, did not take them fast enough.',
    'lost',
  ],
  'dropped.live.too-many-queries': [
    'Live views',
    'More were asked for at once than a worker serves.',
    'lost',
  ],
  'dropped.api.slow-client': [
    'Live entries',
    'A browser or another client did not take them fast enough.',
    'lost',
  ],
  'dropped.api.bad-message': ['Messages of clients', 'They made no sense.', 'unread'],
  'dropped.api.audit': ['Audit records', 'They could not be kept.', 'lost'],
  'dropped.recordings.entries': [
    'Entries for recordings',
    'More came than could be written in time.',
    'lost',
  ],
  'dropped.cluster-jobs.missed': ['Runs of cluster jobs', 'No node was there when they were due.', 'lost'],
  'dropped.alerts.too-many': [
    'Alerts',
    'Their agent had too many open: what is the same trouble should have the same key.',
    'lost',
  ],
  'dropped.flows.over-size': [
    'Connections for policies',
    'There was no more room to remember them (flows.maxSize): the oldest minutes went.',
    'aged',
  ],
  'dropped.flows.lost': [
    'Connections for policies',
    'More entries came than could be noted in time.',
    'lost',
  ],
  'dropped.console.slow-reader': ['Console lines', 'A client did not take them fast enough.', 'lost'],
}

/** Whose things are dropped, where each reason means the same. */
const PLACES: Readonly<Record<string, string>> = {
  console: 'Console lines',
  actions: 'Actions for the hub',
  archive: 'Entries for the archive',
  bus: 'Messages between nodes',
  wire: 'Messages between nodes',
  shared: 'Values that agents share',
  'cluster-jobs': 'Cluster jobs',
  store: 'Entries',
  capture: 'Packets',
}

const REASONS: Readonly<Record<string, string>> = {
  'queue-full': 'The queue was full: the other side was away, or slow, for too long.',
  'too-large': 'Larger than a message may be.',
  'too-many': 'More came than could be taken on.',
  malformed: 'Not what such a message looks like.',
  status: 'States of nodes that made no sense.',
  actions: 'Actions that made no sense.',
  reports: 'Reports of deployments that made no sense.',
  console: 'Console lines that made no sense.',
  policies: 'Orders about policies that made no sense.',
}

/** As in `src/packet/reasons.ts`. */
const PACKETS: Readonly<Record<string, string>> = {
  'unknown-link-type': 'The capture has a link type that is not read.',
  'not-ip': 'ARP, LLDP, spanning tree and other protocols beside IP.',
  'tunnel-not-ip': 'A tunnel that carries something else than IP.',
  'too-deep': 'Tunnels within tunnels, beyond the limit.',
  'not-targeted': 'Neither end is a pod that the rules of the capture take.',
  duplicate: 'Copies of packets that were seen on another interface.',
  'other-node': 'Between pods on two nodes: the worker on the other one reads them.',
  'sampled-out': 'Of connections that sampling leaves out.',
  'link-header': 'Too short for their link layer header.',
  'ip-header': 'Too short for their IP header, or a header that contradicts itself.',
  'ip-options': 'IPv6 extension headers that do not fit, or too many of them.',
  'transport-header': 'Too short for their TCP, UDP, SCTP or ICMP header.',
  fragment: 'Fragments that cannot be part of any datagram.',
  'tunnel-header': 'Tunnel headers that do not fit.',
  'bad-checksum': 'A checksum does not match.',
}

const KINDS: readonly Kind[] = ['lost', 'unread', 'aged']
const MINUTE_MS = 60_000
