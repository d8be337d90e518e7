import { streamInfo } from '../dissect/conversation.ts'
import type { Dissector } from '../dissect/dissector.ts'
import { Dissection, type DissectionCounters } from '../dissect/engine.ts'
import type { ProtoSchema } from '../dissect/protos.ts'
import { type ConnectionData, tcpConnection, udpConnection } from '../dissectors/connection/connection.ts'
import type { EntryProtocol, ErrorType, Exchange } from '../entry/entry.ts'
import type { PacketBatch } from '../packet/batch.ts'
import { type DecodeCounters, Decoder } from '../packet/decoder.ts'
import { type Packet, PROTOCOL } from '../packet/packet.ts'
import type { CloseReason, Connection } from '../reassembly/connection.ts'
import { ConversationCounter } from '../reassembly/conversation-counter.ts'
import { Reassembler, type ReassemblyCounters } from '../reassembly/reassembler.ts'
import type { DnsNames } from './names.ts'
import type { SpoolWriter } from './spool/index.ts'

export interface PipelineOptions {
  readonly dissectors: readonly Dissector[]
  /** Emit an entry for conversations that nobody recognised. */
  readonly connections: { readonly tcp: boolean; readonly udp: boolean }
  readonly ports: ReadonlyMap<number, string>
  readonly verifyChecksums: boolean
  /** Requests that helpers of scripts have sent are entries as well. */
  readonly captureSelf: boolean
  readonly maxBody: number
  /** Types of gRPC messages. */
  readonly protos?: ProtoSchema | undefined
  readonly memory: number
  readonly maxConnections: number
  readonly tcpIdleSeconds: number
  readonly udpIdleSeconds: number
  readonly replyTimeoutSeconds: number
  /** Learns names of addresses from replies that have some. */
  readonly names: Pick<DnsNames, 'learn'>
  /** Keeps the packets of connections. */
  readonly spool: SpoolWriter | undefined
}

/** Everything that was counted on the way from packets to entries. */
export interface PipelineCounters {
  readonly packets: number
  /** Captured bytes, and bytes on the wire. */
  readonly capturedBytes: number
  readonly bytes: number
  readonly decode: DecodeCounters
  /** Conversations by kind, whether they were read or not. */
  readonly connections: ReassemblyCounters['connections']
  readonly reassembly: ReassemblyCounters
  /** Captured payload bytes that nobody asked for. */
  readonly unreadBytes: number
  readonly dissection: DissectionCounters
  /** Entries by the abbreviation of their protocol. */
  readonly entries: Readonly<Record<string, number>>
  /** Requests of our own helpers, which are no entries. */
  readonly ownRequests: number
  readonly firstMs: number | null
  readonly lastMs: number | null
}

/** Takes what the pipeline makes. */
export interface EventSink {
  /** Somebody reads bodies: they must be kept. */
  readonly bodies: boolean
  /** Somebody wants packets and nobody entries: streams need not be read. */
  readonly packetsOnly: boolean
  packet(packet: Packet): void
  item(exchange: Exchange): void
}

/** Packets to entries: everything between a source and the agents is here, synchronous and pure. */
export class Pipeline {
  readonly #options: PipelineOptions
  readonly #sink: EventSink
  readonly #decoder: Decoder
  readonly #reassembler: Reassembler
  readonly #counter: ConversationCounter
  readonly #dissection: Dissection
  readonly #entries: Record<string, number> = {}
  #ownRequests = 0
  #packets = 0
  #captured = 0
  #bytes = 0
  #reading = false
  #firstMs: number | null = null
  #lastMs: number | null = null

  constructor(options: PipelineOptions, sink: EventSink) {
    this.#options = options
    this.#sink = sink
    this.#decoder = new Decoder({ verifyChecksums: options.verifyChecksums })
    this.#dissection = new Dissection({
      dissectors: options.dissectors,
      ports: options.ports,
      memory: options.memory,
      replyTimeout: options.replyTimeoutSeconds,
      context: {
        get wantsBodies() {
          return sink.bodies
        },
        maxBody: options.maxBody,
        protos: options.protos,
      },
      exchange: (exchange) => this.#accept(exchange),
      unrecognised: (connection, reason) => this.#connectionEnded(connection, reason),
    })
    this.#reassembler = new Reassembler({
      memory: options.memory,
      maxConnections: options.maxConnections,
      tcpIdle: options.tcpIdleSeconds,
      otherIdle: options.udpIdleSeconds,
      open: (connection) => this.#dissection.open(connection),
    })
    this.#counter = new ConversationCounter({
      most: options.maxConnections,
      tcpIdle: options.tcpIdleSeconds,
      otherIdle: options.udpIdleSeconds,
    })
  }

  push(batch: PacketBatch): void {
    const decoder = this.#decoder
    const packet = decoder.packet
    const { spool } = this.#options
    const reading = this.#reads()
    for (let at = 0; at < batch.count; at++) {
      const decoded = decoder.decode(batch, at)
      this.#captured += packet.captured
      this.#bytes += packet.length
      // Entries that this packet completes come after it, so it goes first.
      this.#sink.packet(packet)
      if (!decoded) continue
      if (spool !== undefined) this.#keep(spool, batch, at)
      if (reading) this.#reassembler.push(packet)
      else this.#counter.push(packet)
    }
    this.#packets += batch.count
    this.#noteTimes(batch)
  }

  /** Whether streams are read. Once they are they stay so: what was learned of them is not thrown away. */
  #reads(): boolean {
    this.#reading ||= !this.#sink.packetsOnly || this.#options.spool !== undefined
    return this.#reading
  }

  /** It is `seconds`, and no packet before that is to come: what waits for too long becomes entries as it stands. */
  advance(seconds: number): void {
    this.#reassembler.advance(seconds)
  }

  /** The capture is over: what is unfinished becomes entries as it stands. */
  finish(): void {
    this.#reassembler.finish()
  }

  get packets(): number {
    return this.#packets
  }

  counters(): PipelineCounters {
    return {
      packets: this.#packets,
      capturedBytes: this.#captured,
      bytes: this.#bytes,
      decode: this.#decoder.counters,
      connections: sum(this.#reassembler.counters.connections, this.#counter.connections),
      reassembly: this.#reassembler.counters,
      unreadBytes: this.#counter.bytes,
      dissection: this.#dissection.counters,
      entries: this.#entries,
      ownRequests: this.#ownRequests,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
    }
  }

  /** The frame as it was captured, under the number of its connection. */
  #keep(spool: SpoolWriter, batch: PacketBatch, at: number): void {
    const connection = this.#reassembler.connectionOf(this.#decoder.packet)
    if (connection === undefined) return
    const { seconds, nanos, captured, length, interfaceId } = this.#decoder.packet
    const start = batch.offsets[at] as number
    spool.append(
      {
        bytes: batch.bytes,
        start,
        captured,
        length,
        seconds,
        nanos,
        interfaceId,
        interfaces: batch.interfaces,
      },
      connection.id,
    )
  }

  #accept(exchange: Exchange): void {
    this.#learn(exchange)
    if (!this.#options.captureSelf && isOurs(exchange)) {
      this.#ownRequests++
      return
    }
    const abbr = exchange.dissector.protocols[exchange.variant]?.abbr as string
    this.#entries[abbr] = (this.#entries[abbr] ?? 0) + 1
    this.#sink.item(exchange)
  }

  #learn({ dissector, response, seconds }: Exchange): void {
    if (response === null || dissector.names === undefined) return
    for (const { ip, name } of dissector.names(response as never))
      this.#options.names.learn(seconds, ip, name)
  }

  #connectionEnded(connection: Connection, reason: CloseReason): void {
    const isTcp = connection.protocol === PROTOCOL.tcp
    if (
      isTcp
        ? !this.#options.connections.tcp
        : connection.protocol !== PROTOCOL.udp || !this.#options.connections.udp
    )
      return
    this.#accept(connectionExchange(isTcp ? tcpConnection : udpConnection, connection, reason))
  }

  #noteTimes({ count, seconds, nanos }: PacketBatch): void {
    if (count === 0) return
    this.#firstMs ??= (seconds[0] as number) * 1000 + (nanos[0] as number) / 1e6
    this.#lastMs = (seconds[count - 1] as number) * 1000 + (nanos[count - 1] as number) / 1e6
  }
}

function isOurs({ dissector, request }: Exchange): boolean {
  return request !== null && dissector.isOurs?.(request as never) === true
}

/** A whole conversation as one entry. */
function connectionExchange(protocol: EntryProtocol, connection: Connection, reason: CloseReason): Exchange {
  const stream = streamInfo(connection, connection.opener)
  const local = connection.opener === 1 ? 1 : 0
  const remote = local === 0 ? 1 : 0
  const state = stateOf(connection, reason, remote)
  const elapsed =
    (connection.seconds - connection.firstSeconds) * 1e6 + (connection.nanos - connection.firstNanos) / 1e3
  const seconds = Math.max(elapsed, 1) / 1e6
  const data: ConnectionData = {
    state,
    localPkts: connection.packetsFrom(local),
    remotePkts: connection.packetsFrom(remote),
    localBytes: connection.payloadFrom(local),
    remoteBytes: connection.payloadFrom(remote),
    localPps: perSecond(connection.packetsFrom(local), seconds),
    remotePps: perSecond(connection.packetsFrom(remote), seconds),
    localBps: perSecond(connection.payloadFrom(local), seconds),
    remoteBps: perSecond(connection.payloadFrom(remote), seconds),
    durationMs: Math.max(0, Math.round(elapsed / 1000)),
    l7Detected: [],
    groupId: stream.name,
    tcpMetrics: null,
  }
  return {
    dissector: protocol,
    variant: 0,
    stream,
    index: 0,
    request: null,
    response: null,
    data,
    requestSize: data.localBytes,
    responseSize: data.remoteBytes,
    seconds: connection.firstSeconds,
    nanos: connection.firstNanos,
    elapsedTime: Math.max(0, Math.trunc(elapsed)),
    error: ERRORS[state] ?? null,
    matcherKey: '',
  }
}

function stateOf(connection: Connection, reason: CloseReason, remote: 0 | 1): string {
  if (connection.protocol !== PROTOCOL.tcp) return reason
  const answered = connection.tcp?.streams[remote].initial !== -1 || connection.payloadFrom(remote) > 0
  if (reason === 'reset') return answered ? 'reset' : 'refused'
  if (connection.opener >= 0 && !answered) return 'half-open'
  return reason
}

function sum(a: ReassemblyCounters['connections'], b: ReassemblyCounters['connections']) {
  return { tcp: a.tcp + b.tcp, udp: a.udp + b.udp, icmp: a.icmp + b.icmp, other: a.other + b.other }
}

function perSecond(amount: number, seconds: number): number {
  return Math.round((amount / Math.max(seconds, 0.001)) * 1000) / 1000
}

const ERRORS: Readonly<Record<string, { type: ErrorType; msg: string }>> = {
  reset: { type: 'connection', msg: 'Reset' },
  refused: { type: 'connection', msg: 'Reset' },
  'half-open': { type: 'connection', msg: 'SynSent' },
}
