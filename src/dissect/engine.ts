import type { Exchange } from '../entry/entry.ts'
import { PROTOCOL } from '../packet/packet.ts'
import type { Connection, ConnectionHandler } from '../reassembly/connection.ts'
import { AssociationConversation } from './associations.ts'
import { DatagramConversation } from './datagrams.ts'
import type { DissectContext, Dissector } from './dissector.ts'
import {
  RelayedConversation,
  RelayRules,
  type RelaySink,
  type RemoteDissector,
  UnreadConversation,
} from './relay.ts'
import type { ConversationReport } from './report.ts'
import { StreamConversation } from './streams.ts'

/** What dissection needs from around it. */
export interface DissectionOptions {
  /** The protocols to look for, the likeliest first. */
  readonly dissectors: readonly Dissector[]
  /** Port → name of the dissector to try first (`tap.portMapping`). */
  readonly ports: ReadonlyMap<number, string>
  readonly context: DissectContext
  /** Seconds after which a datagram without a reply is an entry of its own. */
  readonly replyTimeout: number
  /** Takes each exchange as soon as it is complete. */
  exchange(exchange: Exchange): void
  /** Bytes that may be held for unfinished messages, over all connections. */
  readonly memory: number
  /** Told of each conversation as a whole: when it ends, and every so many seconds while it lasts. */
  conversation(report: ConversationReport): void
  readonly reportEvery: number
  /** Takes what happens on connections that are read elsewhere, see `relayTo`. */
  readonly relay?: RelaySink
}

/** Bytes of all streams and datagrams: each is in `dissected` or in one of `skipped`. */
export interface DissectionCounters {
  dissected: number
  readonly skipped: Record<SkipReason, number>
  /** Messages that broke off: what their parser said, how often. */
  readonly invalid: Record<string, number>
}

export const SKIP_REASONS = {
  unrecognised: 'No dissector knows the protocol of the conversation.',
  invalid: 'The bytes broke the rules of their protocol; it is read again from where it makes sense.',
  'lost-sync': 'After bytes that were not captured, up to where the protocol could be read again.',
  incomplete: 'An unfinished message when the conversation ended.',
  evicted: 'Held for an unfinished message when memory ran out.',
  'too-long': 'A message longer than Remora holds in memory.',
  relayed: 'On a port that a dissector of an agent has for itself.',
} as const

export type SkipReason = keyof typeof SKIP_REASONS

/** Turns the conversations that the reassembler finds into exchanges. */
export class Dissection {
  readonly counters: DissectionCounters = {
    dissected: 0,
    skipped: {
      unrecognised: 0,
      invalid: 0,
      'lost-sync': 0,
      incomplete: 0,
      evicted: 0,
      'too-long': 0,
      relayed: 0,
    },
    invalid: {},
  }
  readonly options: DissectionOptions
  /** Streams that are read, of all associations. */
  sctpStreams = 0
  /** Conversations that hold bytes, the one that began to first. */
  readonly #holders = new Set<ConnectionHandler>()
  #held = 0
  #relayRules = new RelayRules([])
  #dissectors: readonly Dissector[] = []
  #byTransport: Record<Dissector['transport'], Candidates>

  constructor(options: DissectionOptions) {
    this.options = options
    this.#byTransport = this.use(options.dissectors)
  }

  /** Connections in which nothing has been recognised yet are tried with these from now on. */
  use(dissectors: readonly Dissector[]): Record<Dissector['transport'], Candidates> {
    const of = (transport: Dissector['transport']) =>
      new Candidates(transport, dissectors, this.options.ports)
    this.#dissectors = dissectors
    this.#byTransport = { tcp: of('tcp'), udp: of('udp'), icmp: of('icmp'), sctp: of('sctp') }
    return this.#byTransport
  }

  open(connection: Connection): ConnectionHandler {
    if (connection.protocol === PROTOCOL.sctp) return new AssociationConversation(this, connection)
    const { relay } = this.options
    const mode = relay === undefined ? 'none' : this.#relayRules.for(connection, transportOf(connection))
    if (relay === undefined || mode === 'none') return this.#read(connection)
    const inner = mode === 'own' ? new UnreadConversation(this, connection) : this.#read(connection)
    return new RelayedConversation(connection, inner, relay)
  }

  /** Connections that begin from now on are shown to these as well. */
  relayTo(dissectors: readonly RemoteDissector[]): void {
    this.#relayRules = new RelayRules(dissectors)
  }

  #read(connection: Connection): StreamConversation | DatagramConversation {
    if (connection.protocol === PROTOCOL.tcp) return new StreamConversation(this, connection)
    return new DatagramConversation(this, connection)
  }

  /** The dissectors to try on a conversation, those of its ports first. */
  candidates(connection: Connection, transport: Dissector['transport']): readonly Dissector[] {
    const candidates = this.#byTransport[transport]
    return transport === 'icmp'
      ? candidates.forVersion(connection.ipVersion)
      : candidates.forPorts(connection.aPort, connection.bPort)
  }

  named(name: string, transport: Dissector['transport']): Dissector | undefined {
    return this.#dissectors.find((each) => each.name === name && each.transport === transport)
  }

  /** A conversation holds `after` bytes instead of `before`. */
  holds(conversation: ConnectionHandler, before: number, after: number): void {
    this.#held += after - before
    if (after === 0) this.#holders.delete(conversation)
    else this.#holders.add(conversation)
  }

  /**
   * The oldest holders let go while too much is held in all, whoever asks. Called between what happens on conversations,
   * so that each can. Who has let go of all that it could holds nothing that counts.
   */
  relieve(): void {
    if (this.#held <= this.options.memory) return
    for (const oldest of this.#holders) {
      oldest.evict()
      if (this.#held <= this.options.memory) return
    }
  }

  skip(reason: SkipReason, bytes: number): void {
    this.counters.skipped[reason] += bytes
  }

  noteInvalid(dissector: Dissector, reason: string): void {
    const key = `${dissector.name}: ${reason}`
    const known =
      Object.hasOwn(this.counters.invalid, key) || Object.keys(this.counters.invalid).length < MOST_REASONS
    const slot = known ? key : `${dissector.name}: other`
    this.counters.invalid[slot] = (this.counters.invalid[slot] ?? 0) + 1
  }
}

/** The dissectors of one transport in the order in which a conversation tries them; one list for each hint. */
class Candidates {
  readonly #all: readonly Dissector[]
  readonly #byPort = new Map<number, readonly Dissector[]>()

  constructor(
    transport: Dissector['transport'],
    dissectors: readonly Dissector[],
    ports: ReadonlyMap<number, string>,
  ) {
    this.#all = dissectors.filter((each) => each.transport === transport)
    const hinted = new Map<number, string>()
    for (const dissector of this.#all)
      for (const port of dissector.ports) if (!hinted.has(port)) hinted.set(port, dissector.name)
    for (const [port, name] of ports) hinted.set(port, name)
    for (const [port, name] of hinted) {
      const first = this.#all.filter((each) => isCalled(each, name))
      if (first.length > 0)
        this.#byPort.set(port, [...first, ...this.#all.filter((each) => !isCalled(each, name))])
    }
  }

  forPorts(a: number, b: number): readonly Dissector[] {
    return this.#byPort.get(b) ?? this.#byPort.get(a) ?? this.#all
  }

  /** ICMP and ICMPv6 are told apart by the IP version alone: the first protocol variant says which it is. */
  forVersion(version: number): readonly Dissector[] {
    return this.#all.filter((each) => each.protocols[0]?.version === String(version))
  }
}

/** By its own name, or that of its protocol: `tls` reads `tlsx`. */
function isCalled({ name, protocols }: Dissector, wanted: string): boolean {
  return name === wanted || protocols.some((each) => each.name === wanted)
}

function transportOf({ protocol }: Connection): Dissector['transport'] {
  return protocol === PROTOCOL.tcp ? 'tcp' : protocol === PROTOCOL.udp ? 'udp' : 'icmp'
}

/** Different reasons that are told apart; a hostile peer must not make the table grow. */
const MOST_REASONS = 200
