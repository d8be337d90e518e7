import { streamInfo } from '../dissect/conversation.ts'
import type { Dissector } from '../dissect/dissector.ts'
import { Dissection, type DissectionCounters } from '../dissect/engine.ts'
import type { ProtoSchema } from '../dissect/protos.ts'
import type { RelayedEvent, RemoteDissector } from '../dissect/relay.ts'
import { Conversations, type WantedConversations } from '../dissectors/connection/conversations.ts'
import { payloadOf, type WantedPayloads } from '../dissectors/payload/payloads.ts'
import { readChunks, sctpChunks } from '../dissectors/sctp/chunks.ts'
import type { EntryProtocol, Exchange } from '../entry/entry.ts'

import type { PacketBatch } from '../packet/batch.ts'
import { type DecodeCounters, Decoder } from '../packet/decoder.ts'
import { Duplicates } from '../packet/duplicates.ts'
import { type Packet, PROTOCOL } from '../packet/packet.ts'
import type { IgnoreReason } from '../packet/reasons.ts'
import type { Connection } from '../reassembly/connection.ts'
import { ConversationCounter } from '../reassembly/conversation-counter.ts'
import { Reassembler, type ReassemblyCounters } from '../reassembly/reassembler.ts'
import { conversationNumber } from '../reassembly/table.ts'
import type { DnsNames } from './names.ts'
import { OwnConnections } from './own-sockets.ts'
import type { Selection } from './selection.ts'
import type { SpoolWriter } from './spool/index.ts'

export interface PipelineOptions {
  readonly dissectors: readonly Dissector[]
  readonly conversations: WantedConversations
  /** How often a conversation that lasts is told of. */
  readonly reportEverySeconds: number
  /** Emit an entry for each chunk of SCTP. */
  readonly chunks: boolean
  /** Emit an entry for each packet of these that carries something. */
  readonly payloads: WantedPayloads
  readonly ports: ReadonlyMap<number, string>
  readonly verifyChecksums: boolean
  /** Requests that helpers of scripts have sent are entries as well. */
  readonly captureSelf: boolean
  /** Connections of this program, which are no traffic to look at: see `OwnSockets`. */
  readonly ownSockets?: SharedArrayBuffer | undefined
  readonly maxBody: number
  /** Types of gRPC messages. */
  readonly protos?: ProtoSchema | undefined
  readonly memory: number
  readonly maxConnections: number
  readonly tcpIdleSeconds: number
  readonly udpIdleSeconds: number
  readonly replyTimeoutSeconds: number
  /** Number of the first stream; 0 by default. */
  readonly firstStream?: number | undefined
  /** Learns names of addresses from replies that have some. */
  readonly names: Pick<DnsNames, 'learn'>
  /** Keeps the packets of connections. */
  readonly spool: SpoolWriter | undefined
  /** Which packets are read; all when absent. */
  readonly selection?: Selection | undefined
  /** How far apart copies of packets may be that are left out, ms; absent where none can be. */
  readonly duplicatesMs?: number | undefined
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
  /** Bytes that were shown to dissectors of agents. */
  readonly relayedBytes: number
  /** Entries by the abbreviation of their protocol. */
  readonly entries: Readonly<Record<string, number>>
  /** Bytes on the wire of packets that were decoded and left out, by why. */
  readonly ignoredBytes: Readonly<Record<string, number>>
  /** Entries that were not made, since their connection is read between other addresses. */
  readonly copiedEntries: number
  /** Packets of our own connections, which nobody sees. */
  readonly ownPackets: number
  /** Requests of our own helpers, which are no entries. */
  readonly ownRequests: number
  readonly traffic: TrafficCounters
  /** TCP connections that are followed now. */
  readonly liveTcp: number
  readonly firstMs: number | null
  readonly lastMs: number | null
}

/** Packets by what they carry, and what became of it, for those who watch. */
export interface TrafficCounters {
  tcp: number
  udp: number
  icmp: number
  sctp: number
  /** From or to port 53. */
  dns: number
  /** Packets of TCP with something in them that was put in order. */
  tcpPayloads: number
  /** Entries that have a request and its reply. */
  pairs: number
}

/** Takes what the pipeline makes. */
export interface EventSink {
  /** Somebody reads bodies: they must be kept. */
  readonly bodies: boolean
  /** Somebody wants packets and nobody entries: streams need not be read. */
  readonly packetsOnly: boolean
  packet(packet: Packet): void
  item(exchange: Exchange): void
  /** Something happened on a connection that dissectors of agents read. */
  relayed(connection: Connection, event: RelayedEvent): void
}

/** Packets to entries: everything between a source and the agents is here, synchronous and pure. */
export class Pipeline {
  readonly #options: PipelineOptions
  /** Packets themselves become entries. */
  readonly #wantsParts: boolean
  readonly #sink: EventSink
  readonly #decoder: Decoder
  readonly #reassembler: Reassembler
  readonly #counter: ConversationCounter
  readonly #dissection: Dissection
  readonly #entries: Record<string, number> = {}
  readonly #traffic: TrafficCounters = {
    ...{ tcp: 0, udp: 0, icmp: 0, sctp: 0, dns: 0 },
    ...{ tcpPayloads: 0, pairs: 0 },
  }
  readonly #own: OwnConnections | undefined
  readonly #duplicates: Duplicates | undefined
  readonly #selection: Selection | undefined
  readonly #ignoredBytes: Record<string, number> = {}
  #copiedEntries = 0
  #isForgetting = false
  #ownPackets = 0
  #ownRequests = 0
  #relayedBytes = 0
  #packets = 0
  #captured = 0
  #bytes = 0
  #reading = false
  #firstMs: number | null = null
  #lastMs: number | null = null

  constructor(options: PipelineOptions, sink: EventSink) {
    this.#options = options
    this.#wantsParts = options.chunks || options.payloads.tcp || options.payloads.udp
    this.#sink = sink
    this.#selection = options.selection
    if (options.ownSockets !== undefined && !options.captureSelf)
      this.#own = new OwnConnections(options.ownSockets)
    if (options.duplicatesMs !== undefined)
      this.#duplicates = new Duplicates({
        timeframeMs: options.duplicatesMs,
        conversationOf: conversationNumber,
        forget: (conversation) => this.#forget(conversation),
      })
    this.#decoder = new Decoder({ verifyChecksums: options.verifyChecksums })
    const conversations = new Conversations(options.conversations)
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
      relay: (connection, event) => {
        if (event.kind === 'data') this.#relayedBytes += event.end - event.start
        sink.relayed(connection, event)
      },
      conversation: (report) => {
        for (const exchange of conversations.exchanges(report)) this.#accept(exchange)
      },
      reportEvery: options.reportEverySeconds,
    })
    this.#reassembler = new Reassembler({
      memory: options.memory,
      maxConnections: options.maxConnections,
      tcpIdle: options.tcpIdleSeconds,
      otherIdle: options.udpIdleSeconds,
      measure: options.conversations.tcpFlow,
      firstId: options.firstStream,
      open: (connection) => this.#dissection.open(connection),
    })
    this.#counter = new ConversationCounter({
      most: options.maxConnections,
      tcpIdle: options.tcpIdleSeconds,
      otherIdle: options.udpIdleSeconds,
    })
  }

  push(batch: PacketBatch): void {
    if (batch.anew === true) {
      this.finish()
      this.#duplicates?.clear()
    }
    const decoder = this.#decoder
    const packet = decoder.packet
    const { spool } = this.#options
    const reading = this.#reads()
    for (let at = 0; at < batch.count; at++) {
      const decoded = decoder.decode(batch, at)
      this.#captured += packet.captured
      this.#bytes += packet.length
      if (decoded && this.#own?.has(packet) === true) {
        this.#ownPackets++
        continue
      }
      const why = this.#whyNot(packet, decoded)
      if (why !== undefined) {
        if (decoded) this.#ignore(packet, why)
        // The other worker reads it; what a pod of this node has sent is wanted here all the same.
        if (why === 'other-node' && spool !== undefined) this.#keep(spool, batch, at, undefined)
        continue
      }
      // Entries that this packet completes come after it, so it goes first.
      this.#sink.packet(packet)
      if (!decoded) {
        // Of no connection, or not yet: wanted all the same where somebody looks what was there at a time.
        if (spool !== undefined && (packet.isArp || packet.fragmented))
          this.#keep(spool, batch, at, undefined)
        continue
      }
      this.#count(packet)
      if (!reading) {
        this.#counter.push(packet)
        continue
      }
      const connection = this.#reassembler.connectionOf(packet)
      // Before the entries that it completes: whoever gets them may ask for it.
      if (spool !== undefined && connection !== undefined) this.#keep(spool, batch, at, connection.id)
      this.#reassembler.push(packet, connection)
      if (connection !== undefined && this.#wantsParts) this.#parts(packet, connection)
    }
    this.#packets += batch.count
    this.#noteTimes(batch)
  }

  /** Why a packet goes no further, though it can be read. */
  #whyNot(packet: Packet, decoded: boolean): IgnoreReason | undefined {
    const selection = this.#selection?.takesAll === false ? this.#selection : undefined
    if (selection?.isTargeted(packet) === false) return 'not-targeted'
    if (!decoded) return undefined
    if (this.#duplicates?.isCopy(packet) === true) return 'duplicate'
    if (selection === undefined) return undefined
    if (selection.isOfOtherNode(packet)) return 'other-node'
    return selection.isSampledOut(packet) ? 'sampled-out' : undefined
  }

  #ignore({ length }: Packet, why: IgnoreReason): void {
    this.#decoder.ignore(why)
    this.#ignoredBytes[why] = (this.#ignoredBytes[why] ?? 0) + length
  }

  /** What was begun of a conversation that is read between other addresses makes no entries. */
  #forget(conversation: number): boolean {
    this.#isForgetting = true
    try {
      return this.#reassembler.forget(conversation)
    } finally {
      this.#isForgetting = false
    }
  }

  #count({ protocol, srcPort, dstPort, payloadStart, payloadEnd }: Packet): void {
    const traffic = this.#traffic
    if (protocol === PROTOCOL.tcp) {
      traffic.tcp++
      if (this.#reading && payloadEnd > payloadStart) traffic.tcpPayloads++
    } else if (protocol === PROTOCOL.udp) traffic.udp++
    else if (protocol === PROTOCOL.sctp) traffic.sctp++
    else if (protocol === PROTOCOL.icmp || protocol === PROTOCOL.icmp6) traffic.icmp++
    if ((srcPort === DNS || dstPort === DNS) && (protocol === PROTOCOL.udp || protocol === PROTOCOL.tcp))
      traffic.dns++
  }

  /** Whether streams are read. Once they are they stay so: what was learned of them is not thrown away. */
  #reads(): boolean {
    this.#reading ||= !this.#sink.packetsOnly || this.#options.spool !== undefined
    return this.#reading
  }

  /** Connections that begin from now on are shown to dissectors of agents as well. */
  relayTo(dissectors: readonly RemoteDissector[]): void {
    this.#dissection.relayTo(dissectors)
  }

  /** It is `seconds`, and no packet before that is to come: what waits for too long becomes entries as it stands. */
  advance(seconds: number): void {
    this.#reassembler.advance(seconds)
  }

  /** The capture is over: what is unfinished becomes entries as it stands. */
  finish(): void {
    this.#reassembler.finish()
    this.#counter.forget()
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
      relayedBytes: this.#relayedBytes,
      entries: this.#entries,
      ignoredBytes: this.#ignoredBytes,
      copiedEntries: this.#copiedEntries,
      ownPackets: this.#ownPackets,
      ownRequests: this.#ownRequests,
      traffic: this.#traffic,
      liveTcp: this.#reassembler.liveTcp,
      firstMs: this.#firstMs,
      lastMs: this.#lastMs,
    }
  }

  /** The frame as it was captured, under the number of its connection, if that is followed here. */
  #keep(spool: SpoolWriter, batch: PacketBatch, at: number, id: number | undefined): void {
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
      id,
    )
  }

  /** Entries of what a packet itself consists of. */
  #parts(packet: Packet, connection: Connection): void {
    const { chunks, payloads, maxBody } = this.#options
    if (chunks && packet.protocol === PROTOCOL.sctp)
      this.#acceptParts(packet, connection, sctpChunks, readChunks(packet))
    const found = payloadOf(packet, payloads, this.#sink.bodies ? maxBody : 0)
    if (found !== undefined)
      this.#acceptParts(packet, connection, found.dissector, [found.data], packet.payloadLength)
  }

  /** From who sent it. */
  #acceptParts(
    packet: Packet,
    connection: Connection,
    dissector: EntryProtocol,
    parts: readonly { readonly length: number }[],
    size?: number,
  ): void {
    const stream = streamInfo(connection, connection.senderOf(packet))
    for (const data of parts)
      this.#accept({
        ...{ dissector, variant: 0, stream, index: connection.entries++ },
        ...{ request: null, response: null, data, requestSize: size ?? data.length, responseSize: 0 },
        ...{ seconds: packet.seconds, nanos: packet.nanos, elapsedTime: 0, error: null, matcherKey: '' },
      })
  }

  #accept(exchange: Exchange): void {
    if (this.#isForgetting) {
      this.#copiedEntries++
      return
    }
    this.#learn(exchange)
    const { client, server } = exchange.stream
    if (this.#own?.hasEntry(client, server) === true || (!this.#options.captureSelf && isOurs(exchange))) {
      this.#ownRequests++
      return
    }
    const abbr = exchange.dissector.protocols[exchange.variant]?.abbr as string
    this.#entries[abbr] = (this.#entries[abbr] ?? 0) + 1
    if (exchange.request !== null && exchange.response !== null) this.#traffic.pairs++
    this.#sink.item(exchange)
  }

  /** Not of a reply to nothing: no resolver believes that either, and anybody can send one. Multicast DNS has no other ones. */
  #learn({ dissector, request, response, seconds, stream: { client, server } }: Exchange): void {
    if (response === null || dissector.names === undefined) return
    if (request === null && client.port !== MULTICAST_DNS && server.port !== MULTICAST_DNS) return
    for (const { ip, name } of dissector.names(response as never))
      this.#options.names.learn(seconds, ip, name)
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

function sum(a: ReassemblyCounters['connections'], b: ReassemblyCounters['connections']) {
  return {
    tcp: a.tcp + b.tcp,
    udp: a.udp + b.udp,
    icmp: a.icmp + b.icmp,
    sctp: a.sctp + b.sctp,
    other: a.other + b.other,
  }
}

const DNS = 53
const MULTICAST_DNS = '5353'
