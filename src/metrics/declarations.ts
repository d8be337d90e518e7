import type { AgentState } from '../wire/agents.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import type { OutboxFigures } from '../wire/outbox.ts'
import { COUNTERS, namedCounters, otherCounters } from './counters.ts'

/** What a node is when it is asked for its metrics: its status, and what stands beside it. */
export interface MetricsSnapshot extends NodeStatus {
  readonly bus?: { readonly connected: boolean; readonly dropped: Readonly<Record<string, number>> }
  /** Calls by hook, where they are counted so; otherwise they stand under the hook `all`. */
  readonly hooks?: readonly { readonly agent: string; readonly hook: string; readonly calls: number }[]
  /** Titles of agents by identity: series are easier to read with them. */
  readonly titles?: ReadonlyMap<string, string>
}

/** One number, and whose it is: the values of the labels, in their order. */
export interface Sample {
  readonly labels: readonly string[]
  readonly value: number
  /** The agent that it is about, by identity: its name becomes the first label. */
  readonly agent?: string
}

export interface MetricDeclaration {
  readonly name: string
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly doc: string
  readonly read: (snapshot: MetricsSnapshot) => Iterable<Sample>
}

/** Metrics that are read off the status of a node when somebody asks for them. */
export const SNAPSHOT_METRICS: readonly MetricDeclaration[] = [
  counted('kubeshark_received_packets_total', COUNTERS.packets, 'Packets that came from the capture.'),
  counted(
    'kubeshark_dropped_packets_total',
    COUNTERS.packetsLost,
    'Packets that the kernel, the interface or the capture program lost.',
  ),
  counted(
    'kubeshark_dropped_chunks_total',
    COUNTERS.eventsDropped,
    'Events that a live capture had no time for.',
  ),
  counted('kubeshark_processed_bytes_total', COUNTERS.bytes, 'Bytes of the packets on the wire.'),
  counted('kubeshark_tcp_packets_total', COUNTERS.packetsTcp, 'Packets of TCP.'),
  counted('kubeshark_dns_packets_total', COUNTERS.packetsDns, 'Packets of DNS.'),
  counted('kubeshark_icmp_packets_total', COUNTERS.packetsIcmp, 'Packets of ICMP.'),
  counted(
    'kubeshark_reassembled_tcp_payloads_total',
    COUNTERS.payloadsTcp,
    'Payloads of TCP that were put in order.',
  ),
  counted('kubeshark_matched_pairs_total', COUNTERS.pairs, 'Requests that were paired with their replies.'),
  counted(
    'kubeshark_dropped_tcp_streams_total',
    COUNTERS.streamsDropped,
    'TCP connections given up for want of memory.',
  ),
  present('kubeshark_live_tcp_streams', COUNTERS.streamsLive, 'TCP connections that are followed now.'),
  counted('kubeshark_item_count', COUNTERS.items, 'Entries that were made.'),
  counted('kubeshark_ws_write_count', COUNTERS.itemsSent, 'Entries that were sent to who watches.'),
  counted('kubeshark_tls_packet_count_total', COUNTERS.packetsTls, 'Packets of TLS.'),
  counted(
    'kubeshark_tls_packet_dropped_total',
    COUNTERS.packetsTlsDropped,
    'Packets of TLS that were dropped.',
  ),

  {
    name: 'agent_hook_calls_total',
    type: 'counter',
    labels: ['agent', 'hook'],
    doc: 'Calls of the hooks of an agent; `all` where they are not counted hook by hook.',
    read: hookCalls,
  },
  perAgent('agent_errors_total', 'counter', 'Errors that an agent threw.', ({ errors }) => errors),
  perAgent(
    'agent_cpu_seconds_total',
    'counter',
    'CPU time that an agent has used.',
    ({ cpuMs }) => cpuMs / 1000,
  ),
  perAgent(
    'agent_wait_seconds_total',
    'counter',
    'Time that an agent has waited for helpers, and the other agents of its node with it.',
    ({ waitMs }) => waitMs / 1000,
  ),
  perAgent('agent_memory_bytes', 'gauge', 'Heap of an agent.', ({ memoryBytes }) => memoryBytes),
  perAgent(
    'agent_events_received_total',
    'counter',
    'Events that were meant for an agent.',
    (state) => state.received,
  ),
  perAgent(
    'agent_events_delivered_total',
    'counter',
    'Events that reached an agent.',
    (state) => state.delivered,
  ),
  {
    name: 'agent_hook_skipped_total',
    type: 'counter',
    labels: ['agent', 'reason'],
    doc: 'Events that did not reach an agent, by reason.',
    read: ({ agents }) =>
      agents.flatMap(({ id, dropped }) =>
        Object.entries(dropped).map(([reason, value]) => ({ agent: id, labels: [reason], value })),
      ),
  },
  {
    name: 'agent_job_runs_total',
    type: 'counter',
    labels: ['agent', 'status'],
    doc: 'Runs of the jobs of an agent: `passed` or `failed`.',
    read: ({ agents }) =>
      agents.flatMap(({ id, jobRuns, jobErrors }) => [
        { agent: id, labels: ['passed'], value: Math.max(0, jobRuns - jobErrors) },
        { agent: id, labels: ['failed'], value: jobErrors },
      ]),
  },
  perAgent('agent_console_lines_total', 'counter', 'Console lines of an agent.', ({ lines }) => lines),
  perAgent('agent_running', 'gauge', '0 when an agent failed or was stopped, 1 otherwise.', ({ state }) =>
    state === 'failed' || state === 'stopped' ? 0 : 1,
  ),
  perAgent(
    'agent_version',
    'gauge',
    'Version of an agent that runs; 0 when none does.',
    (state) => state.version,
  ),

  {
    name: 'agent_outbox_calls_total',
    type: 'counter',
    labels: ['agent', 'helper', 'outcome'],
    doc: 'Queued calls of helpers: `queued`, and what has become of them: `delivered`, `dead`, `dropped`; `refused` were not queued.',
    read: ({ outbox = [] }) =>
      outbox.flatMap(({ agent, helper, ...counts }) =>
        OUTCOMES.map((outcome) => ({ agent, labels: [helper, outcome], value: counts[outcome] })),
      ),
  },
  ofOutbox(
    'agent_outbox_attempts_total',
    'counter',
    'Queued calls that were sent, once for each time.',
    (each) => each.attempts,
  ),
  ofOutbox('agent_outbox_waiting', 'gauge', 'Queued calls that wait.', ({ waiting }) => waiting),
  ofOutbox(
    'agent_outbox_waiting_bytes',
    'gauge',
    'Bytes of the queued calls that wait.',
    ({ waitingBytes }) => waitingBytes,
  ),
  ofOutbox(
    'agent_outbox_oldest_seconds',
    'gauge',
    'Age of the oldest queued call that waits; 0 when none does.',
    ({ oldest }, now) => (oldest === null ? 0 : Math.max(now - oldest, 0) / 1000),
  ),

  {
    name: 'remora_dropped_total',
    type: 'counter',
    labels: ['place', 'reason'],
    doc: 'What was dropped, by place and reason.',
    read: dropped,
  },
  {
    name: 'remora_queue_depth',
    type: 'gauge',
    labels: ['queue'],
    doc: 'What waits in a queue now.',
    read: (snapshot) =>
      Array.from(namedCounters(snapshot, 'queue'), ([first, rest, value]) => ({
        labels: [rest === '' ? first : `${first}.${rest}`],
        value,
      })),
  },
  {
    name: 'remora_entries_total',
    type: 'counter',
    labels: ['protocol'],
    doc: 'Entries that were made, by protocol.',
    read: (snapshot) =>
      Array.from(namedCounters(snapshot, 'protocol'), ([first, , value]) => ({ labels: [first], value })),
  },
  present('remora_entries_stored', COUNTERS.entriesStored, 'Entries that the store has now.'),
  present(
    'remora_entries_stored_bytes',
    COUNTERS.entriesBytes,
    'Bytes of the entries that the store has now.',
  ),
  single('remora_generation', 'Deployment that runs.', ({ generation }) => generation),
  single('remora_leader', '1 on the hub that leads.', ({ leading }) => (leading ? 1 : 0)),
  single('remora_agents', 'Agents that are to run here.', ({ agents }) => agents.length),
  single('remora_bus_connected', '1 while the other programs can be reached.', ({ bus }) =>
    bus === undefined ? undefined : bus.connected ? 1 : 0,
  ),
  {
    name: 'remora_build_info',
    type: 'gauge',
    labels: ['version', 'node_version'],
    doc: 'Always 1; the labels say what runs.',
    read: ({ version }) => [{ labels: [version, process.version], value: 1 }],
  },
  {
    name: 'remora_other',
    type: 'gauge',
    labels: ['name'],
    doc: 'Everything else that is counted, by the name that it has in the status of the node.',
    read: (snapshot) => Array.from(otherCounters(snapshot), ([name, value]) => ({ labels: [name], value })),
  },
]

function counted(name: string, counter: string, doc: string): MetricDeclaration {
  return { name, type: 'counter', labels: [], doc, read: (snapshot) => only(snapshot.counters[counter]) }
}

function present(name: string, counter: string, doc: string): MetricDeclaration {
  return { ...counted(name, counter, doc), type: 'gauge' }
}

function single(
  name: string,
  doc: string,
  read: (snapshot: MetricsSnapshot) => number | undefined,
): MetricDeclaration {
  return { name, type: 'gauge', labels: [], doc, read: (snapshot) => only(read(snapshot)) }
}

function perAgent(
  name: string,
  type: MetricDeclaration['type'],
  doc: string,
  read: (state: AgentState) => number,
): MetricDeclaration {
  return {
    name,
    type,
    labels: ['agent'],
    doc,
    read: ({ agents }) => agents.map((state) => ({ agent: state.id, labels: [], value: read(state) })),
  }
}

const OUTCOMES = ['queued', 'delivered', 'dead', 'dropped', 'refused'] as const

function ofOutbox(
  name: string,
  type: MetricDeclaration['type'],
  doc: string,
  read: (figures: OutboxFigures, now: number) => number,
): MetricDeclaration {
  return {
    name,
    type,
    labels: ['agent', 'helper'],
    doc,
    read: ({ outbox = [], now }) =>
      outbox.map((each) => ({ agent: each.agent, labels: [each.helper], value: read(each, now) })),
  }
}

/** What is not counted here has no series: a zero would be a lie. */
function only(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: [], value }]
}

function hookCalls({ agents, hooks = [] }: MetricsSnapshot): Sample[] {
  const byHook = new Set(hooks.map(({ agent }) => agent))
  return [
    ...hooks.map(({ agent, hook, calls }) => ({ agent, labels: [hook], value: calls })),
    ...agents
      .filter(({ id }) => !byHook.has(id))
      .map(({ id, calls }) => ({ agent: id, labels: ['all'], value: calls })),
  ]
}

function dropped(snapshot: MetricsSnapshot): Sample[] {
  return [
    ...Array.from(namedCounters(snapshot, 'dropped'), ([place, reason, value]) => ({
      labels: [place, reason],
      value,
    })),
    ...Object.entries(snapshot.bus?.dropped ?? {}).map(([reason, value]) => ({
      labels: ['bus', reason],
      value,
    })),
  ]
}
