import { streamInfo } from '../../dissect/conversation.ts'
import type { ConversationReport, Traffic } from '../../dissect/report.ts'
import type { EntryProtocol, ErrorType, Exchange } from '../../entry/entry.ts'
import type { Connection } from '../../reassembly/connection.ts'
import { Handshakes } from './handshakes.ts'
import { type ConversationData, tcpConnection, tcpFlow, udpConnection, udpFlow } from './protocols.ts'

/** Which entries of conversations are wanted: `tcp-conn` and the like. */
export interface WantedConversations {
  readonly tcpConn: boolean
  readonly udpConn: boolean
  readonly tcpFlow: boolean
  readonly udpFlow: boolean
}

/** Makes entries of what is told of conversations. */
export class Conversations {
  readonly #wanted: WantedConversations
  readonly #handshakes = new Handshakes()

  constructor(wanted: WantedConversations) {
    this.#wanted = wanted
  }

  exchanges(report: ConversationReport): Exchange[] {
    const { protocol } = report.connection
    const wanted = this.#wanted
    if (protocol === TCP)
      return [
        ...(wanted.tcpConn ? [this.#exchange(tcpConnection, report, wholeTime(report.connection))] : []),
        ...(wanted.tcpFlow ? [this.#exchange(tcpFlow, report, report.since)] : []),
      ]
    if (protocol !== UDP) return []
    return [
      ...(wanted.udpConn ? [this.#exchange(udpConnection, report, wholeTime(report.connection))] : []),
      ...(wanted.udpFlow ? [this.#exchange(udpFlow, report, report.since)] : []),
    ]
  }

  #exchange(protocol: EntryProtocol, report: ConversationReport, rates: Traffic): Exchange {
    const { connection, client, state, detected } = report
    const stream = streamInfo(connection, client)
    const local = client === 1 ? 1 : 0
    const remote = local === 0 ? 1 : 0
    const elapsed = elapsedMicros(connection)
    const reason = reasonOf(report, local)
    const seconds = Math.max(rates.seconds, SHORTEST_SECONDS)
    const data: ConversationData = {
      state,
      reason,
      localPkts: connection.packetsFrom(local),
      remotePkts: connection.packetsFrom(remote),
      localBytes: connection.payloadFrom(local),
      remoteBytes: connection.payloadFrom(remote),
      localPps: perSecond(rates.packets[local], seconds),
      remotePps: perSecond(rates.packets[remote], seconds),
      localBps: perSecond(rates.bytes[local], seconds),
      remoteBps: perSecond(rates.bytes[remote], seconds),
      durationMs: Math.round(elapsed / 1000),
      l7Detected: [...detected],
      groupId: stream.name,
      tcpMetrics:
        protocol === tcpFlow
          ? this.#metricsOf(connection, `${stream.server.ip}:${stream.server.port}`)
          : null,
    }
    return {
      dissector: protocol,
      variant: 0,
      stream,
      index: report.nextIndex(),
      request: null,
      response: null,
      data,
      requestSize: data.localBytes,
      responseSize: data.remoteBytes,
      seconds: connection.firstSeconds,
      nanos: connection.firstNanos,
      elapsedTime: elapsed,
      error: ERRORS[reason] ?? null,
      matcherKey: '',
    }
  }

  #metricsOf({ id, metrics }: Connection, server: string): ConversationData['tcpMetrics'] {
    if (metrics === undefined) return null
    this.#handshakes.note(server, id, metrics.handshake)
    return { ...metrics.report(), ...this.#handshakes.of(server) }
  }
}

function wholeTime(connection: Connection): Traffic {
  return {
    packets: [connection.packetsFrom(0), connection.packetsFrom(1)],
    bytes: [connection.payloadFrom(0), connection.payloadFrom(1)],
    seconds: elapsedMicros(connection) / 1e6,
  }
}

/** From the first packet to the last; never negative, as captures may go back in time. */
function elapsedMicros({ firstSeconds, firstNanos, seconds, nanos }: Connection): number {
  return Math.max(0, Math.trunc((seconds - firstSeconds) * 1e6 + (nanos - firstNanos) / 1e3))
}

function reasonOf({ connection, reason }: ConversationReport, local: 0 | 1): string {
  if (reason === undefined || connection.protocol !== TCP) return reason ?? ''
  const remote = local === 0 ? 1 : 0
  const answered = connection.tcp?.streams[remote].initial !== -1 || connection.payloadFrom(remote) > 0
  if (reason === 'reset') return answered || connection.opener < 0 ? 'reset' : 'refused'
  if (connection.opener >= 0 && !answered) return 'half-open'
  return reason
}

function perSecond(amount: number, seconds: number): number {
  return Math.round((amount / seconds) * 1000) / 1000
}

const TCP = 6
const UDP = 17
/** Rates of what took no time would be without bounds. */
const SHORTEST_SECONDS = 0.001
const ERRORS: Readonly<Record<string, { type: ErrorType; msg: string }>> = {
  reset: { type: 'connection', msg: 'Reset' },
  refused: { type: 'connection', msg: 'Reset' },
  'half-open': { type: 'connection', msg: 'SynSent' },
}
