import type { NodeView } from '../../../src/wire/views.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'

/** Something of the traffic that nobody can see here, and why. */
export interface BlindSpot {
  readonly node: string
  readonly what: string
  readonly why: string
}

/** What is not visible of the traffic of these nodes, as far as they know. */
export function blindSpots(nodes: readonly NodeView[]): readonly BlindSpot[] {
  return nodes
    .filter(({ component }) => component === 'worker')
    .flatMap((node) => RULES.flatMap((rule) => rule(node)).map((spot) => ({ node: node.node, ...spot })))
}

type Rule = (node: NodeView) => Omit<BlindSpot, 'node'>[]

const filtered: Rule = ({ health }) => {
  const { bpfFilter } = health
  if (typeof bpfFilter !== 'string' || bpfFilter === '') return []
  return [
    {
      what: `Everything but ${bpfFilter}`,
      why: 'The worker was started with this capture filter (--filter).',
    },
  ]
}

const encrypted: Rule = ({ counters }) => {
  const seen = counters['protocol.TLSX'] ?? 0
  if (seen === 0) return []
  return [
    {
      what: `What is in ${formatNumber(seen)} encrypted connections`,
      why: 'Their handshakes are entries (TLSX); the rest is read where a program keeps it in plain text only.',
    },
  ]
}

const unrecognised: Rule = ({ counters }) => {
  const bytes = counters['dropped.stream-bytes.unrecognised'] ?? 0
  if (bytes === 0) return []
  return [
    {
      what: `The content of ${formatBytes(bytes)}${shareOf(bytes, counters['streams.bytes'])}`,
      why: 'No dissector knows the protocol. Such connections are entries as a whole (TCP, UDP); an agent can define how theirs is read (dissector).',
    },
  ]
}

const broken: Rule = ({ counters }) => {
  const bytes =
    (counters['dropped.stream-bytes.invalid'] ?? 0) + (counters['dropped.stream-bytes.lost-sync'] ?? 0)
  if (bytes === 0) return []
  return [
    {
      what: `Messages in ${formatBytes(bytes)}${shareOf(bytes, counters['streams.bytes'])}`,
      why: 'They broke the rules of their protocol, or the beginning of their connection, or a piece of it, was not captured.',
    },
  ]
}

const missing: Rule = ({ counters }) => {
  const bytes = counters['streams.lost_bytes'] ?? 0
  if (bytes === 0) return []
  const holes = counters['streams.holes'] ?? 0
  return [
    {
      what: `${formatBytes(bytes)} in ${formatNumber(holes)} ${holes === 1 ? 'hole' : 'holes'} of streams`,
      why: 'These bytes were sent, and the capture does not have them.',
    },
  ]
}

const begunBefore: Rule = ({ counters }) => {
  const connections = counters['streams.begun-before'] ?? 0
  if (connections === 0) return []
  return [
    {
      what: `How ${formatNumber(connections)} ${connections === 1 ? 'connection' : 'connections'} began`,
      why: 'They were there before the capture. What is said at the beginning alone (a login, the table of HTTP/2 header names, statements prepared then) is not known of them.',
    },
  ]
}

const oneSided: Rule = ({ counters }) => {
  const connections = counters['streams.one-sided'] ?? 0
  if (connections === 0) return []
  return [
    {
      what: `The other side of ${formatNumber(connections)} ${connections === 1 ? 'connection' : 'connections'}`,
      why: 'Only one end was captured: the packets of the other one take another way, or another interface. Requests and replies stand alone then.',
    },
  ]
}

const cut: Rule = ({ counters }) => {
  const { bytes = 0, 'bytes.captured': captured = bytes } = counters
  if (captured >= bytes) return []
  return [
    {
      what: `The ends of packets: ${formatBytes(bytes - captured)}${shareOf(bytes - captured, bytes)}`,
      why: 'The capture keeps only the first bytes of each packet (snap length).',
    },
  ]
}

const beside: Rule = ({ counters }) => {
  const packets = sum(counters, 'dropped.packets.ignored: ')
  if (packets === 0) return []
  return [
    {
      what: `${formatNumber(packets)} packets that are no IP, or of a kind that is not read`,
      why: 'ARP, LLDP, spanning tree and the like: they are counted, and no entries.',
    },
  ]
}

const damaged: Rule = ({ counters }) => {
  const packets = sum(counters, 'dropped.packets.malformed: ')
  if (packets === 0) return []
  return [
    {
      what: `${formatNumber(packets)} damaged packets`,
      why: 'Their headers contradict themselves, or end too early.',
    },
  ]
}

const gone: Rule = ({ counters }) => {
  const entries = (counters['dropped.store.expired'] ?? 0) + (counters['dropped.store.over-size'] ?? 0)
  if (entries === 0) return []
  return [
    {
      what: `${formatNumber(entries)} older entries`,
      why: 'Entries are kept for a while and up to a size (tap.misc.jsonTTL, tap.capture.dbMaxSize).',
    },
  ]
}

const RULES: readonly Rule[] = [
  ...[filtered, missing, oneSided, begunBefore, cut, broken, damaged],
  ...[encrypted, unrecognised, beside, gone],
]

/** `, 3 % of all that was sent`; nothing where the whole is not known. */
function shareOf(part: number, whole: number | undefined): string {
  if (whole === undefined || whole === 0) return ''
  const share = (100 * part) / whole
  return ` (${share < 1 ? 'less than 1' : Math.round(share)} %)`
}

function sum(counters: Readonly<Record<string, number>>, prefix: string): number {
  return Object.entries(counters)
    .filter(([name]) => name.startsWith(prefix))
    .reduce((all, [, count]) => all + count, 0)
}
