import type { Exchange } from '../entry/entry.ts'
import type { Protocol } from '../entry/protocol.ts'
import type { ObjectShape, Value } from '../entry/shape.ts'
import type { ProtoSchema } from './protos.ts'

/** `client` opened the connection or sends the requests; `server` answers. */
export type Side = 'client' | 'server'

/** A message that was read to its end, or as far as it goes. */
export interface Found<Message> {
  readonly message: Message
  /** Pairs it with the reply to it (`pairing: 'by-id'`); `no-reply` has none, and `push` is a reply to nothing. */
  readonly id?: string | number
  /** Bytes on the wire, for protocols whose messages interleave. Otherwise all that was taken since the last message. */
  readonly size?: number
  /** When its first byte came, likewise: a copy of the `Clock` of then. */
  readonly since?: Instant
  /** When its last byte came, where that is not now. */
  readonly until?: Instant
  /** Of what the server asks and the client answers (AMQP's connection.start). Otherwise who sent it tells; of a datagram, `probe`. */
  readonly role?: 'request' | 'response'
}

/** A request with its reply, found by a protocol that pairs by itself. Messages are of its shapes. */
export interface Paired {
  readonly request: Found<object> | null
  readonly response: Found<object> | null
  /** Why one is missing, where the protocol says so itself; else the engine says what became of the connection. */
  readonly error?: Exchange['error']
}

/** What a parser makes of the bytes in front of it. Bad bytes are an answer, not an exception. */
export type Step<Message> =
  /** A message ends `length` bytes on (0 is allowed when its last bytes were taken before). */
  | ({ readonly kind: 'message'; readonly length: number } & Found<Message>)
  /** Of `pairing: 'own'`: an exchange is complete, `length` bytes (or 0) were taken. The engine calls again, even with nothing in hand: several may end at once. */
  | ({ readonly kind: 'exchange'; readonly length: number } & Paired)
  /** Not called again before `need` bytes (more than now) are here, or the side ends. Nothing is taken. */
  | { readonly kind: 'incomplete'; readonly need: number }
  /** `length` bytes (at least 1) belong to an unfinished message and were taken; the parser remembers. */
  | { readonly kind: 'partial'; readonly length: number }
  /** The next `length` bytes, here or not yet, are of no interest: the engine drops them without buffering, then calls again, even with nothing in hand. Holes in them are told by `missed`. They count into the size of a message that has begun; before one has, they belong to none. */
  | { readonly kind: 'skip'; readonly length: number }
  /** After `length` bytes another protocol begins, on both sides: WebSocket, h2c, a CONNECT tunnel. `to` names a dissector, or is "" to recognise it by content; `message`, when there, is emitted first; `handover` is what the next protocol gets in its `Opening`. */
  | {
      readonly kind: 'switch'
      readonly to: string
      readonly length: number
      readonly message?: Message
      readonly handover?: unknown
    }
  /** Not this protocol, or no longer. The engine drops the side until `probe` answers `match` again. */
  | { readonly kind: 'invalid'; readonly reason: string }

/** One side of one connection. Datagram protocols get each datagram whole, in a call of its own, and so do those of SCTP. */
export interface Parser<Message> {
  /**
   * Reads at `bytes[start, end)`: all that has arrived and was not taken. `bytes` is a view into a buffer about
   * to be reused: copy what you keep, as text or a slice. Is called until it answers `incomplete` or nothing is left.
   */
  next(bytes: Uint8Array, start: number, end: number): Step<Message>
  /** `length` bytes were lost here. Returns how many of them are part of a body; the parser goes on after them if all are. */
  gap?(length: number): number
  /** Some of the bytes that were to be skipped, and belong to the message that is being read, were not captured. */
  missed?(): void
  /**
   * The side lost its place and was told to `end`; a message begins at the next byte, so what was half read is void. What
   * else is known of the connection stays. Without this, both sides get new parsers that know nothing.
   */
  rejoin?(): void
  /** Of the client's side, when it takes over midway: a request from before that has no reply yet, the oldest first. */
  recall?(request: Message): void
  /** The side ended (FIN, RST, idle, end of capture) or lost its place. What that completes or cuts off; called until there is no more. */
  end?(clean: boolean): Found<Message> | Paired | undefined
  /** Memory is short: lets go of what is kept of unfinished bodies, and goes on. Without this, the side loses its place. */
  shed?(): void
  /** Bytes that are kept here for what is unfinished. The engine guesses where it is not told. */
  readonly held?: number
}

/** Both sides of a connection. They may share state, as HTTP's HEAD and Kafka's versions ask. */
export interface Parsers<Req, Res> {
  readonly client: Parser<Req>
  readonly server: Parser<Res>
  /** Of `pairing: 'own'`: the connection is over, or another protocol begins. What still waits for a reply, one by one. */
  abandon?(): Paired | undefined
}

/** A point in time of the capture. */
export interface Instant {
  readonly seconds: number
  readonly nanos: number
}

/** A place in what both sides send. */
export interface Place {
  /** Bytes that the side sent before, lost ones included. */
  readonly sent: number
  /** Bytes that it has sent up to the end of what is in hand. */
  readonly end: number
  /** Bytes of the other side that the sender had received then, as it acknowledged them; 0 when that is not known. */
  readonly heard: number
}

/** What is known of a connection when its parsers are made. */
export interface Opening {
  /** When the first of the bytes in front of a parser came: changes with each call, so copy what you keep. */
  readonly clock: Instant
  /** Where they are, likewise. After a loss it tells which requests a reply cannot answer (`pairing: 'own'`). */
  readonly place: Place
  /** Both sides are read from their first byte on. */
  readonly isWhole: boolean
  /** What the protocol before this one has left for it (`switch`). Check what it is. */
  readonly handover: unknown
}

/** What the engine tells the parsers of a connection. */
export interface DissectContext {
  /** Some agent reads bodies: keep them. Otherwise skip them and count their size. May change between messages. */
  readonly wantsBodies: boolean
  /** Longest body kept, in bytes as they crossed the wire; the rest is dropped and the size stays true. */
  readonly maxBody: number
  /** Types of protobuf messages, as .proto files have them (`tap.grpc.protos`). */
  readonly protos?: ProtoSchema | undefined
}

/** Nothing is known: neither the time nor what was before. */
export const JOINED: Opening = {
  clock: { seconds: 0, nanos: 0 },
  place: { sent: 0, end: 0, heard: 0 },
  isWhole: false,
  handover: undefined,
}

/**
 * A protocol that can be recognised and read. Pure: no clock, no I/O, no log, no `node:` import.
 * Messages are objects of the request and response shapes; expensive fields may be getters that work on demand.
 */
export interface Dissector<Req extends ObjectShape = ObjectShape, Res extends ObjectShape = ObjectShape> {
  /** Its folder and its name in `tap.enabledDissectors`. */
  readonly name: string
  /** `sctp` reads whole messages, as `udp` does; what reads `tcp` is given the streams of SCTP, too. */
  readonly transport: 'tcp' | 'udp' | 'icmp' | 'sctp'
  /** Tried first on these; never proof. Also tells which end is the server when the capture starts midway. */
  readonly ports: readonly number[]
  /** `in-order`: the nth reply answers the nth request. `by-id`: same `Found.id`. `none`: each message is an entry. `own`: the parsers answer with exchanges. */
  readonly pairing: 'in-order' | 'by-id' | 'none' | 'own'
  /** `data.protocol` of its entries; `variant` picks one, the first by default. */
  readonly protocols: readonly Protocol[]
  readonly request: Req
  readonly response: Res
  /** Shape of `data` for items that are neither request nor reply, and for messages that are found there, too. */
  readonly data?: ObjectShape
  /** Looks at the first bytes of a side (at least 1). `from` is who sent them, as far as that is known. */
  probe(bytes: Uint8Array, start: number, end: number, from: Side): 'match' | 'reject' | 'unsure'
  /** Whether a message may begin here, in a conversation that is known to be of this protocol; `probe` tells if absent. */
  resumes?(bytes: Uint8Array, start: number, end: number, from: Side): boolean
  /** The parsers of a new connection. */
  open(context: DissectContext, opening: Opening): Parsers<Message<Req>, Message<Res>>
  variant?(request: Message<Req> | null, response: Message<Res> | null): number
  summarize(request: Message<Req> | null, response: Message<Res> | null): Summary
  /** The request says that it comes from a monitor such as this one, and is no traffic to look at. */
  isOurs?(request: Message<Req>): boolean
  /** Name of the server as the request gives it (HTTP Host), without the port. */
  authority?(request: Message<Req>): string | undefined
  /** What of another protocol the bodies carry, such as DNS over HTTPS: becomes an entry of its own, if its dissector is enabled. */
  inner?(request: Message<Req> | null, response: Message<Res> | null): Inner | undefined
  /** Addresses that a reply gives names to (DNS). */
  names?(response: Message<Res>): readonly { readonly ip: string; readonly name: string }[]
}

/** Messages of a datagram protocol that another one carries. */
export interface Inner {
  /** Name of a dissector of datagrams. */
  readonly dissector: string
  readonly request: Uint8Array | null
  readonly response: Uint8Array | null
}

export type Message<S extends ObjectShape> = Exclude<Value<S>, null>

/** The row of an entry in lists: `data.base`. The queries are KFL that selects entries like this one. */
export interface Summary {
  readonly method: string
  readonly methodQuery: string
  readonly summary: string
  readonly summaryQuery: string
  /** 0 when there is none, or no reply. */
  readonly status: number
  readonly statusQuery: string
}

/** Keeps the types of a dissector's messages while it goes into the registry with the others. */
export function defineDissector<Req extends ObjectShape, Res extends ObjectShape>(
  dissector: Dissector<Req, Res>,
): Dissector<Req, Res> {
  return dissector
}
