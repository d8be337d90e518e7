import {
  BATCH_FIXED,
  calendarMs,
  DOWN,
  HEADER,
  NO_FIELDS,
  PACKET_COLUMNS,
  PACKET_FLAGS,
} from '../agent/host/protocol.ts'
import { relayRow } from '../agent/host/relayed.ts'
import { latin1 } from '../bytes/text.ts'
import { streamInfo } from '../dissect/conversation.ts'
import type { RelayedEvent } from '../dissect/relay.ts'
import type { KnownProtocol } from '../dissectors/known.ts'
import { textOf } from '../entry/emptied.ts'
import type { Entry, EntryOrigin, EntryProtocol, Exchange } from '../entry/entry.ts'
import type { Identity } from '../entry/identity.ts'
import { encodeRow, type Layout, type LayoutField, layoutsFor, type Wanted } from '../entry/layout.ts'
import type { Shape } from '../entry/shape.ts'
import { addressText } from '../packet/address.ts'
import { type Packet, PROTOCOL } from '../packet/packet.ts'
import type { Connection } from '../reassembly/connection.ts'

/** What agents read: decides what crosses. */
export interface Demand {
  /** Number of the demand; batches carry it. */
  readonly version: number
  /** Fields of entries; empty when no agent has onItemCaptured. */
  readonly items: Wanted
  /** Fields of packets; empty when no agent has onPacketCaptured. */
  readonly packets: ReadonlySet<string>
  /** Agents have dissectors. */
  readonly relays: boolean
}

/**
 * Takes finished batch frames: `items` and `packets` are how many events one holds, `relayed` how many bytes for
 * dissectors of agents. False when it had to be dropped.
 */
export type FrameSink = (frame: Uint8Array, items: number, packets: number, relayed: number) => boolean

/**
 * Collects packets and entries into the frames that go to the sandboxes. A frame is cut where it costs least: after
 * so many events or bytes, not after a time, so that a capture file always gives the same frames.
 */
export class Batcher {
  readonly #origin: EntryOrigin
  readonly #protocols: readonly EntryProtocol[]
  readonly #sink: FrameSink
  readonly #bodyPaths: ReadonlySet<string>
  #demand: Demand = { version: -1, items: new Set(), packets: new Set(), relays: false }
  #layouts: readonly Layout[] = []
  /** Index of the first layout of a protocol. */
  readonly #firstLayout = new Map<EntryProtocol, number>()
  #wantsItems = false
  #wantsPackets = false
  /** Bits of `PACKET_COLUMNS`. */
  #columns = 0
  #wantsExtras = false
  #bodies = false
  #seq = 0

  /** As JSON, each by itself, with commas between: one that cannot be made harms no other. */
  #text = ''
  #rows = 0
  /** Those of the rows that are entries. */
  #items = 0
  /** All connections that were relayed; those that this frame tells of and has not closed, with how much of each end is in it. */
  readonly #relayed = new WeakSet<Connection>()
  readonly #told = new Map<Connection, Lengths>()
  /** How much of each end was dropped with a frame, until that has been told. */
  readonly #lost = new Map<Connection, Lengths>()
  #relayedBytes = 0
  readonly #positions = new Uint32Array(MOST_ITEMS)
  readonly #itemTimes = new Float64Array(MOST_ITEMS)
  #packets = 0
  readonly #seconds = new Float64Array(MOST_PACKETS)
  readonly #times = new Float64Array(MOST_PACKETS)
  readonly #nanos = new Uint32Array(MOST_PACKETS)
  readonly #captured = new Uint32Array(MOST_PACKETS)
  readonly #lengths = new Uint32Array(MOST_PACKETS)
  readonly #flags = new Uint8Array(MOST_PACKETS)
  #extras: unknown[][] = []
  #nowMs = 0
  #sentMs = 0

  /** Rows number the layouts of `protocols`; there are entries only of the `enabled` ones. */
  constructor(
    protocols: readonly EntryProtocol[],
    enabled: readonly EntryProtocol[],
    origin: EntryOrigin,
    sink: FrameSink,
  ) {
    this.#protocols = protocols
    this.#bodyPaths = bodyPaths(enabled)
    this.#origin = origin
    this.#sink = sink
    let at = 0
    for (const protocol of protocols) {
      this.#firstLayout.set(protocol, at)
      at += protocol.protocols.length
    }
  }

  /** From the next event on, other fields are wanted. Events so far go out as they were. */
  setDemand(demand: Demand): void {
    this.flush()
    this.#demand = demand
    this.#layouts = layoutsFor(this.#protocols, demand.items)
    this.#wantsItems = demand.items.size > 0
    this.#wantsPackets = demand.packets.size > 0
    this.#columns = 0
    for (const field of demand.packets) this.#columns |= COLUMN_OF[field] ?? 0
    if (demand.packets.has('*')) this.#columns = ALL_COLUMNS
    this.#wantsExtras = [...demand.packets].some((field) => field !== NO_FIELDS && !(field in COLUMN_OF))
    this.#bodies = [...demand.items].some((path) => this.#bodyPaths.has(path))
  }

  get packetsOnly(): boolean {
    return this.#wantsPackets && !this.#wantsItems && !this.#demand.relays
  }

  get bodies(): boolean {
    return this.#bodies
  }

  packet(packet: Packet): void {
    this.#nowMs = calendarMs(packet.seconds * 1000 + packet.nanos / 1e6)
    if (!this.#wantsPackets) return
    const at = this.#packets++
    this.#times[at] = this.#nowMs
    const columns = this.#columns
    if ((columns & PACKET_COLUMNS.timestamp) !== 0) {
      this.#seconds[at] = packet.seconds
      this.#nanos[at] = packet.nanos
    }
    if ((columns & PACKET_COLUMNS.captured) !== 0) this.#captured[at] = packet.captured
    if ((columns & PACKET_COLUMNS.length) !== 0) this.#lengths[at] = packet.length
    if ((columns & PACKET_COLUMNS.flags) !== 0)
      this.#flags[at] =
        (packet.captured < packet.length ? PACKET_FLAGS.truncated : 0) |
        (packet.fragmented ? PACKET_FLAGS.fragmented : 0)
    if (this.#wantsExtras) this.#extras.push(extrasOf(packet))
    if (this.#packets === MOST_PACKETS) this.flush()
  }

  item(exchange: Exchange): void {
    if (!this.#wantsItems) return
    const layout = (this.#firstLayout.get(exchange.dissector) as number) + exchange.variant
    const { fields } = this.#layouts[layout] as Layout
    this.#items++
    this.#add(entryRow(layout, fields, exchange, this.#origin))
  }

  /** What happens on a connection that dissectors of agents read goes among the items. */
  relayed(connection: Connection, event: RelayedEvent): void {
    if (event.kind !== 'data') {
      this.#relay(connection, event, '')
      return
    }
    const { bytes, end } = event
    for (let at = event.start; at < end; at += LONGEST_PIECE)
      this.#relay(connection, event, latin1(bytes, at, Math.min(at + LONGEST_PIECE, end)))
  }

  /** Bytes on both sides of a frame that was dropped do not belong together: the first row after it says what is missing. */
  #relay(connection: Connection, event: RelayedEvent, piece: string): void {
    let lost = this.#lost.get(connection)
    while (lost !== undefined) {
      this.#lost.delete(connection)
      for (const from of ENDS)
        if (lost[from] > 0) this.#addRelayed(connection, { kind: 'gap', from, length: lost[from] }, '')
      // Those rows may have filled a frame, and gone with it.
      lost = this.#lost.get(connection)
    }
    this.#addRelayed(connection, event, piece)
  }

  /** Each frame can be read by itself: it says of each connection once what that is. */
  #addRelayed(connection: Connection, event: RelayedEvent, piece: string): void {
    const told = this.#told.get(connection)
    const isNew = !this.#relayed.has(connection)
    this.#relayed.add(connection)
    const telling =
      told === undefined
        ? { isNew, names: this.#namesOf(connection), identities: this.#identitiesOf(connection) }
        : undefined
    const lengths: Lengths = told ?? [0, 0]
    if (event.kind === 'close') this.#told.delete(connection)
    else {
      lengths[event.from] += event.kind === 'gap' ? event.length : piece.length
      this.#told.set(connection, lengths)
    }
    this.#relayedBytes += piece.length
    this.#add(JSON.stringify(relayRow(connection, event, piece, telling)))
  }

  #identitiesOf(connection: Connection): (readonly [string, Identity | null])[] {
    const { identityOf, mayChange } = this.#origin
    if (identityOf === undefined) return []
    const { client, server } = streamInfo(connection, 0)
    const atMs = connection.seconds * 1000 + Math.floor(connection.nanos / 1e6)
    const layer4 = connection.protocol === PROTOCOL.tcp ? 'tcp' : 'udp'
    // Nothing is held back here until it is known: where that is open, nobody is named.
    return [client, server].map(({ ip, port }) => {
      const isOpen = mayChange?.(ip, port, atMs, layer4) === true
      return [`${ip}:${port}`, isOpen ? null : (identityOf(ip, port, atMs, layer4) ?? null)]
    })
  }

  #namesOf(connection: Connection): (readonly [string, string])[] {
    const { ipVersion, a0, a1, a2, a3, b0, b1, b2, b3 } = connection
    return [addressText(ipVersion, a0, a1, a2, a3), addressText(ipVersion, b0, b1, b2, b3)].map(
      (ip) => [ip, this.#origin.nameOf(ip) ?? ''] as const,
    )
  }

  #add(row: string): void {
    const at = this.#rows++
    this.#positions[at] = this.#packets
    this.#itemTimes[at] = this.#nowMs
    this.#text = at === 0 ? row : `${this.#text},${row}`
    if (this.#rows === MOST_ITEMS || this.#text.length > MOST_CHARACTERS) this.flush()
  }

  /** Sends what there is. With `always`, also the mere fact that time has passed. */
  flush(always = false): void {
    const rows = this.#rows
    const packets = this.#packets
    if (rows === 0 && packets === 0 && (!always || this.#sentMs === this.#nowMs)) return
    const isSent = this.#sink(this.#frame(rows, packets), this.#items, packets, this.#relayedBytes)
    if (!isSent) for (const [connection, lengths] of this.#told) this.#lost.set(connection, lengths)
    this.#text = ''
    this.#rows = 0
    this.#items = 0
    this.#told.clear()
    this.#relayedBytes = 0
    this.#packets = 0
    this.#extras = []
    this.#sentMs = this.#nowMs
  }

  /** Between events: if none waits to be sent, tells how far the capture has come, so that jobs can run. */
  idle(): void {
    if (this.#rows === 0 && this.#packets === 0) this.flush(true)
  }

  /** The layout of this frame is read by `agent/host/sandbox.ts`. */
  #frame(items: number, packets: number): Uint8Array {
    const extras = this.#wantsExtras && packets > 0 ? JSON.stringify(this.#extras) : ''
    const rows = items > 0 ? `[${this.#text}]` : ''
    const rowBytes = Buffer.byteLength(rows)
    const columns = packets > 0 ? this.#columns : 0
    const fixed = BATCH_FIXED + items * 12 + packets * packetBytes(columns)
    const length = fixed + rowBytes + Buffer.byteLength(extras)
    const frame = Buffer.from(new ArrayBuffer((HEADER + length + 7) & ~7))
    frame.writeUInt32LE(length, 0)
    frame[4] = DOWN.batch
    frame.writeUInt32LE(this.#seq++ >>> 0, 8)
    frame.writeUInt32LE(this.#demand.version, HEADER)
    frame.writeUInt32LE(items, HEADER + 4)
    frame.writeUInt32LE(packets, HEADER + 8)
    frame.writeUInt32LE(rowBytes, HEADER + 12)
    frame.writeDoubleLE(this.#nowMs, HEADER + 16)
    frame.writeUInt32LE(columns, HEADER + 24)
    let at = HEADER + BATCH_FIXED
    const put = (column: Float64Array | Uint32Array | Uint8Array, count: number) => {
      const bytes = count * column.BYTES_PER_ELEMENT
      frame.set(new Uint8Array(column.buffer, 0, bytes), at)
      at += bytes
    }
    const has = (column: number) => ((columns & column) === 0 ? 0 : packets)
    put(this.#itemTimes, items)
    put(this.#times, packets)
    put(this.#seconds, has(PACKET_COLUMNS.timestamp))
    put(this.#positions, items)
    put(this.#nanos, has(PACKET_COLUMNS.timestamp))
    put(this.#captured, has(PACKET_COLUMNS.captured))
    put(this.#lengths, has(PACKET_COLUMNS.length))
    put(this.#flags, has(PACKET_COLUMNS.flags))
    frame.write(rows, at)
    frame.write(extras, at + rowBytes)
    return frame
  }
}

function entryRow(
  layout: number,
  fields: readonly LayoutField[],
  exchange: Exchange,
  origin: EntryOrigin,
): string {
  const rowOf = (entry: Entry) => {
    const row = encodeRow(fields, entry)
    row.unshift(layout)
    return JSON.stringify(row)
  }
  return textOf(rowOf, exchange, origin)
}

/** Dotted paths of all that is only there when bodies are kept, and of what holds it. */
export function bodyPaths(protocols: readonly KnownProtocol[]): ReadonlySet<string> {
  const paths = new Set(['*', ...SHOWN_OF_BODIES])
  const look = (path: string, shape: Shape | undefined): boolean => {
    const isBody =
      shape?.kind === 'object'
        ? Object.entries(shape.fields).filter(([name, field]) => look(`${path}.${name}`, field)).length > 0
        : shape !== undefined && 'isBody' in shape
    if (isBody) paths.add(path)
    return isBody
  }
  for (const { request, response, data } of protocols) {
    look('request', request)
    look('response', response)
    look('data', data)
  }
  return paths
}

/** Bytes of one packet in these columns. */
function packetBytes(columns: number): number {
  return (
    8 +
    ((columns & PACKET_COLUMNS.timestamp) === 0 ? 0 : 12) +
    ((columns & PACKET_COLUMNS.captured) === 0 ? 0 : 4) +
    ((columns & PACKET_COLUMNS.length) === 0 ? 0 : 4) +
    ((columns & PACKET_COLUMNS.flags) === 0 ? 0 : 1)
  )
}

function extrasOf(packet: Packet): unknown[] {
  const version = packet.ipVersion
  const isIp = version !== 0
  return [
    packet.interface.name,
    packet.etherType,
    version,
    packet.protocol,
    isIp ? addressText(version, packet.src0, packet.src1, packet.src2, packet.src3) : '',
    isIp ? addressText(version, packet.dst0, packet.dst1, packet.dst2, packet.dst3) : '',
    packet.srcPort,
    packet.dstPort,
    packet.flags,
    packet.payloadLength,
  ]
}

/** Packet fields that cross as columns of numbers; the others as a row of text and numbers. */
const COLUMN_OF: Readonly<Record<string, number>> = {
  timestamp: PACKET_COLUMNS.timestamp,
  captureLength: PACKET_COLUMNS.captured,
  length: PACKET_COLUMNS.length,
  truncated: PACKET_COLUMNS.flags,
  fragmented: PACKET_COLUMNS.flags,
}
const ALL_COLUMNS = Object.values(PACKET_COLUMNS).reduce((all, column) => all | column, 0)
/** Rows in lists show the text of some messages (WebSocket). */
const SHOWN_OF_BODIES = ['base', 'base.summary', 'base.summaryQuery']
/** By the end that sent them. */
type Lengths = [number, number]
const ENDS = [0, 1] as const
/** Bytes of a connection that go into one row. */
const LONGEST_PIECE = 64 << 10
/** More would save some time, but what agents hold is measured between frames only. */
export const MOST_ITEMS = 64
const MOST_PACKETS = 8192
/** A frame is cut when its rows are longer. */
const MOST_CHARACTERS = 256 << 10
