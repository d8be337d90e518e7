import type { Summary } from '../../dissect/dissector.ts'
import type { EntryProtocol } from '../../entry/entry.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { any, number, object, text, textList, type Value } from '../../entry/shape.ts'
import type { TcpMetricsReport } from '../../reassembly/tcp-metrics.ts'

/** Handshakes of TCP connections to one server, µs. */
export interface HandshakeTimes {
  readonly tcp_handshake_p50_us: number
  readonly tcp_handshake_p90_us: number
  readonly tcp_handshake_p99_us: number
}

const data = object('A conversation between two ports as a whole', {
  state: text('open: told of for the first time while it lasts; in_progress: again; closed: it has ended'),
  reason: text(
    'How it ended: closed, reset, refused, half-open, idle, replaced by a new one on the same ports, evicted; capture-end where it goes on behind the end of the capture; "" while it lasts',
  ),
  localPkts: number('Packets so far of the end that opened it'),
  remotePkts: number('Packets of the other end'),
  localBytes: number('Payload bytes of the end that opened it'),
  remoteBytes: number('Payload bytes of the other end'),
  localPps: number(
    'Packets a second of the end that opened it: of a connection over its whole time, of a flow since the last entry of it',
  ),
  remotePps: number('Packets a second of the other end'),
  localBps: number('Payload bytes a second of the end that opened it'),
  remoteBps: number('Payload bytes a second of the other end'),
  durationMs: number('From the first packet to the last'),
  l7Detected: textList('Protocols recognised in it'),
  groupId: text('Stream name: the same for all entries of the conversation'),
  tcpMetrics: any<(TcpMetricsReport & HandshakeTimes) | null>(
    'Of a TCP flow: retransmissions, fast_retransmissions, retransmission_rate, zero_window_events, window_full_events, window_scale, avg_receive_window, out_of_order, dup_acks, missing_segments, rst_count, fin_count, connection_completeness, initial_rtt_us, rtt_avg_us, jitter_us, and tcp_handshake_p50_us, _p90_us and _p99_us of connections to this server so far; else null',
    '{ [name: string]: number } | null',
  ),
})

export type ConversationData = Value<typeof data>

const nothing = object('Conversations have no request and no reply', {})

function conversationProtocol(
  layer4: 'tcp' | 'udp',
  kind: 'conn' | 'flow',
): EntryProtocol & { readonly data: typeof data } {
  const words = kind === 'conn' ? 'connections' : 'flows'
  const protocol: Protocol = {
    name: layer4,
    version: '',
    abbr: kind === 'conn' ? layer4.toUpperCase() : `${layer4.toUpperCase()} FLOW`,
    longName: `${layer4 === 'tcp' ? 'Transmission Control Protocol' : 'User Datagram Protocol'} ${words}`,
    macro: `${layer4}_${kind}`,
    backgroundColor: layer4 === 'tcp' ? '#7b4b2a' : '#4a6b5d',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: `https://www.rfc-editor.org/rfc/${layer4 === 'tcp' ? 'rfc9293' : 'rfc768'}`,
    ports: [],
    layer4,
    layer3: 'ip',
    priority: 10,
  }
  return {
    name: `${layer4}-${kind}`,
    protocols: [protocol],
    request: nothing,
    response: nothing,
    data,
    summarize: (_request: never, _response: never, { state, reason }: ConversationData): Summary => ({
      method: state,
      methodQuery: `data.state == "${state}"`,
      summary: reason,
      summaryQuery: reason === '' ? '' : `data.reason == "${reason}"`,
      status: 0,
      statusQuery: '',
    }),
  }
}

/** Every TCP connection and UDP conversation: an entry when it ends, and now and then while it lasts. */
export const tcpConnection = conversationProtocol('tcp', 'conn')
export const udpConnection = conversationProtocol('udp', 'conn')
/** The same with rates since the last one, and how well TCP goes. */
export const tcpFlow = conversationProtocol('tcp', 'flow')
export const udpFlow = conversationProtocol('udp', 'flow')
