import { openCapture } from '../capture/index.ts'
import type { DissectContext, Dissector } from '../dissect/dissector.ts'
import { Dissection, type DissectionCounters } from '../dissect/engine.ts'
import type { Exchange } from '../entry/entry.ts'
import type { Shape } from '../entry/shape.ts'
import type { CaptureInterface, PacketBatch } from '../packet/batch.ts'
import { Decoder } from '../packet/decoder.ts'
import { type Packet, PROTOCOL } from '../packet/packet.ts'
import type { CloseReason, Connection, ConnectionHandler, End } from '../reassembly/connection.ts'
import { Reassembler, type ReassemblyCounters } from '../reassembly/reassembler.ts'

/** What happened on a conversation, put in order, without packets. */
export interface Recorded {
  readonly connection: Connection
  readonly events: readonly RecordedEvent[]
}

export interface RecordedEvent {
  readonly from: End
  /** Bytes, the length of a hole, `end` of what it sends, or why the conversation is over. */
  readonly what: Uint8Array | number | 'end' | CloseReason
  readonly seconds: number
}

/** The TCP connections and UDP conversations of a capture. */
export async function recordConversations(path: string): Promise<Recorded[]> {
  const recorded: Recorded[] = []
  const decoder = new Decoder({ verifyChecksums: false })
  const reassembler = new Reassembler({
    memory: 64 << 20,
    maxConnections: 100_000,
    tcpIdle: 1200,
    otherIdle: 1200,
    measure: false,
    open(connection) {
      const events: RecordedEvent[] = []
      if (connection.protocol === PROTOCOL.tcp || connection.protocol === PROTOCOL.udp)
        recorded.push({ connection, events })
      return new Recorder(connection, events)
    },
  })
  for await (const batch of openCapture({ path }).packets(new AbortController().signal))
    for (let at = 0; at < batch.count; at++) if (decoder.decode(batch, at)) reassembler.push(decoder.packet)
  reassembler.finish()
  return recorded
}

/** A packet as it was captured. */
export interface Frame {
  readonly bytes: Uint8Array
  /** On the wire. */
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  readonly interfaceId: number
  readonly interfaces: readonly CaptureInterface[]
}

/** The packets of a capture, `most` of them at most. */
export async function recordFrames(path: string, most: number): Promise<Frame[]> {
  const frames: Frame[] = []
  for await (const batch of openCapture({ path }).packets(new AbortController().signal))
    for (let at = 0; at < batch.count; at++) {
      if (frames.length === most) return frames
      const start = batch.offsets[at] as number
      frames.push({
        bytes: Uint8Array.from(batch.bytes.subarray(start, start + (batch.captured[at] as number))),
        length: batch.lengths[at] as number,
        seconds: batch.seconds[at] as number,
        nanos: batch.nanos[at] as number,
        interfaceId: batch.interfaceIds[at] as number,
        interfaces: batch.interfaces,
      })
    }
  return frames
}

class Recorder implements ConnectionHandler {
  readonly #connection: Connection
  readonly #events: RecordedEvent[]

  constructor(connection: Connection, events: RecordedEvent[]) {
    this.#connection = connection
    this.#events = events
  }

  data(from: End, bytes: Uint8Array, start: number, end: number): void {
    this.#note(from, Uint8Array.from(bytes.subarray(start, end)))
  }
  gap(from: End, length: number): void {
    this.#note(from, length)
  }
  end(from: End): void {
    this.#note(from, 'end')
  }
  close(reason: CloseReason): void {
    this.#note(0, reason)
  }
  time(): void {}
  evict(): void {}

  #note(from: End, what: RecordedEvent['what']): void {
    this.#events.push({ from, what, seconds: this.#connection.seconds })
  }
}

export interface Replayed {
  readonly exchanges: readonly Exchange[]
  readonly counters: DissectionCounters
  /** Bytes that were given to it. */
  readonly bytes: number
}

export interface ReplayedFrames extends Replayed {
  /** Bytes that were passed on to nobody. */
  readonly unread: number
}

function unreadBytes(counters: ReassemblyCounters): number {
  const { retransmittedBytes, outOfWindowBytes, afterEndBytes } = counters
  const { chunkBytes, fragmentBytes, otherProtocolBytes } = counters
  const superfluous = retransmittedBytes + outOfWindowBytes + afterEndBytes
  return superfluous + chunkBytes + fragmentBytes + otherProtocolBytes
}

/** Reads packets from the beginning; `touch` may change what is in their headers. */
export function replayFrames(
  frames: readonly Frame[],
  dissectors: readonly Dissector[],
  { memory = 64 << 20, wantsBodies = true, maxBody = 1 << 20, maxConnections = 100_000 } = {},
  touch: (packet: Packet) => void = () => {},
): ReplayedFrames {
  const exchanges: Exchange[] = []
  const dissection = dissecting(dissectors, { wantsBodies, maxBody }, memory, exchanges)
  const reassembler = new Reassembler({
    ...{ memory, maxConnections, tcpIdle: 1200, otherIdle: 1200, measure: true },
    open: (connection) => dissection.open(connection),
  })
  const decoder = new Decoder({ verifyChecksums: false })
  const { packet } = decoder
  let bytes = 0
  for (const frame of frames) {
    const batch = batchOf(frame)
    if (decoder.decode(batch, 0)) {
      touch(packet)
      bytes += packet.payloadEnd - packet.payloadStart
      reassembler.push(packet)
    }
    batch.bytes.fill(0xee)
  }
  reassembler.finish()
  return { exchanges, counters: dissection.counters, bytes, unread: unreadBytes(reassembler.counters) }
}

/** A copy, as batches are reused. */
function batchOf({ bytes, length, seconds, nanos, interfaceId, interfaces }: Frame): PacketBatch {
  return {
    bytes: Uint8Array.from(bytes),
    count: 1,
    offsets: Uint32Array.of(0),
    captured: Uint32Array.of(bytes.length),
    lengths: Uint32Array.of(length),
    seconds: Float64Array.of(seconds),
    nanos: Uint32Array.of(nanos),
    interfaceIds: Uint16Array.of(interfaceId),
    interfaces,
  }
}

function dissecting(
  dissectors: readonly Dissector[],
  context: DissectContext,
  memory: number,
  exchanges: Exchange[],
): Dissection {
  return new Dissection({
    dissectors,
    ports: new Map(),
    context,
    replyTimeout: 10,
    memory,
    reportEvery: 60,
    conversation: () => {},
    exchange: (exchange) => exchanges.push(exchange),
  })
}

/** Reads a conversation from the beginning; of what the reassembler knows of it only who opened it is known. */
export function replay(
  { connection }: Recorded,
  events: readonly RecordedEvent[],
  dissectors: readonly Dissector[],
  { memory = 64 << 20, wantsBodies = true, maxBody = 1 << 20 } = {},
): Replayed {
  const exchanges: Exchange[] = []
  const dissection = dissecting(dissectors, { wantsBodies, maxBody }, memory, exchanges)
  // Copies that are overwritten, as buffers are reused: a parser that keeps a view fails here.
  const bytes = play(dissection, connection, events, (handler, from, what) => {
    const lent = Uint8Array.from(what)
    handler.data(from, lent, 0, lent.length)
    lent.fill(0xee)
  })
  return { exchanges, counters: dissection.counters, bytes }
}

/** Lets a conversation happen once more; answers how many bytes it had. */
export function play(
  dissection: Dissection,
  connection: Connection,
  events: readonly RecordedEvent[],
  give = (handler: ConnectionHandler, from: End, what: Uint8Array) =>
    handler.data(from, what, 0, what.length),
): number {
  connection.tcp = undefined
  connection.entries = 0
  const handler = dissection.open(connection)
  let bytes = 0
  for (const { from, what, seconds } of events) {
    connection.seconds = seconds
    if (what === 'end') handler.end(from)
    else if (typeof what === 'number') handler.gap(from, what)
    else if (typeof what === 'string') handler.close(what)
    else if (what.length > 0) {
      bytes += what.length
      give(handler, from, what)
    }
  }
  return bytes
}

/** What a shape says of a message, as plain data. */
export function shown(shape: Shape | undefined, value: unknown): unknown {
  if (shape === undefined || shape.kind === 'constant') return undefined
  if (shape.kind !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(shape.fields).map(([name, field]) => [
      name,
      shown(field, (value as Record<string, unknown>)[name]),
    ]),
  )
}

/** All fields of a value and of what hangs below, getters included, as plain data. */
export function everything(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null || depth > 6) return value
  if (Array.isArray(value)) return value.map((each) => everything(each, depth + 1))
  const names = new Set(Object.keys(value))
  for (
    let at: object | null = value;
    at !== null && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  )
    for (const [name, { get }] of Object.entries(Object.getOwnPropertyDescriptors(at)))
      if (get !== undefined) names.add(name)
  return Object.fromEntries(
    [...names].map((name) => [name, everything((value as Record<string, unknown>)[name], depth + 1)]),
  )
}
