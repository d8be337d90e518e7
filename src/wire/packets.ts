import { z } from 'zod'
import type { CaptureInterface } from '../packet/batch.ts'
import type { SinglePacket } from '../packet/single.ts'

const end = z.object({ ip: z.string(), port: z.string() })

/** A stream whose packets somebody wants, as an entry names it. */
export const wantedStream = z.object({
  stream: z.string().max(100).describe('`000000000042.pcap`'),
  /**
   * Who talks to whom; undefined where the entry does not say. Where no entries are kept, numbers of streams
   * begin anew with each run: packets of others are of another one.
   */
  ends: z.tuple([end, end]).optional(),
  atMs: z.number().describe('When the entry began, ms since the epoch'),
})

/** To a worker: which packets there are, and then the packets, part by part. */
export const packetsRequest = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('open'), streams: z.array(wantedStream) }),
  z.object({
    ask: z.literal('read'),
    id: z.string(),
    from: z.number().int().nonnegative(),
    limit: z.number().int().positive(),
    /** Bytes of each packet at most. */
    snap: z.number().int().nonnegative(),
  }),
])

export const packetsFound = z.object({
  packets: z.number().int().nonnegative(),
  /** Captured bytes of all of them. */
  bytes: z.number().nonnegative(),
  /** Number of the first packet that is not before the entry of the first stream, from 0. */
  begin: z.number().int().nonnegative(),
  /** There are more, which are too many to look at: the oldest are left out. */
  isCut: z.boolean(),
  /** Streams of which nothing, or not all, is there any more, by the reason. */
  lost: z.object({
    /** Some or all packets have gone for newer ones. */
    evicted: z.number().int(),
    /** The packets are of another run. */
    otherRun: z.number().int(),
    /** Nothing was kept. */
    never: z.number().int(),
  }),
  interfaces: z.array(z.object({ name: z.string(), linkType: z.number(), snapLength: z.number() })),
})

/** Answer to `open`. The packets can be read under `id` for a while. */
export const packetsOpened = packetsFound.extend({ id: z.string() })

/** Answer to `read`: a line of JSON with this, then the bytes of all packets, one behind the other. */
export const packetsPart = z.object({
  /** Number of the packet behind the last of these. */
  next: z.number().int().nonnegative(),
  /** Of each packet: seconds, nanoseconds, captured length, length on the wire, interface, bytes that follow. */
  records: z.array(z.tuple([z.number(), z.number(), z.number(), z.number(), z.number(), z.number()])),
})

export type ReadRequest = Extract<z.infer<typeof packetsRequest>, { ask: 'read' }>
export type WantedStream = z.infer<typeof wantedStream>
export type PacketsFound = z.infer<typeof packetsFound>

/** A packet of those that are kept; its bytes as far as was asked for. */
export type KeptPacket = SinglePacket

export interface PacketSpan {
  /** Number of the first packet, from 0. */
  readonly from: number
  readonly limit: number
  readonly snap: number
  /** Fewer packets are answered where these would be more bytes. */
  readonly mostBytes: number
}

/** Packets of streams, in the order of time. */
export interface OpenPackets extends PacketsFound {
  readonly interfaces: CaptureInterface[]
  read(span: PacketSpan): Promise<PacketPart>
}

/** Packets that went meanwhile are left out. */
export interface PacketPart {
  readonly packets: readonly KeptPacket[]
  /** Where to go on; there is nothing from `packets` of `OpenPackets` on. */
  readonly next: number
}

/** Where packets are kept. */
export interface PacketPlace {
  open(streams: readonly WantedStream[]): Promise<OpenPackets>
}

const rowEnd = z.object({ ip: z.string(), port: z.number().nullable().describe('null where there are none') })

/** A packet as people read it. */
export const packetRow = z.object({
  number: z.number().int().describe('From 0, in the order of time'),
  time: z.string().describe('RFC 3339 with nanoseconds'),
  timestamp: z.number().describe('The same instant, ms since the epoch, with fractions'),
  interface: z.string().describe('"" when unknown'),
  source: rowEnd,
  destination: rowEnd,
  transport: z.string().describe('TCP, UDP, SCTP, ICMP, ICMPv6, `IP <number>`; "" when it is not IP'),
  flags: z.array(z.string()).describe('Of TCP: SYN, FIN, RST, PSH, ACK, URG'),
  seq: z.number().optional(),
  ack: z.number().optional(),
  window: z.number().optional(),
  length: z.number().describe('Bytes on the wire'),
  captured: z.number().describe('Bytes that were captured'),
  payloadLength: z.number().describe('Bytes that it carries behind the header of its transport'),
  payloadStart: z.number().describe('Where these begin in `bytes`'),
  bytes: z.string().describe('How it begins, from the link layer on, as base64'),
})

/** Packets of the connection of an entry. */
export const packetList = z.object({
  total: z.number().int().describe('Packets of the connection that are kept'),
  bytes: z.number().describe('Bytes of all of them'),
  begin: z.number().int().describe('Number of the first packet that is not before the entry'),
  next: z.number().int().nullable().describe('`from` of the packets behind these; null at the end'),
  isComplete: z.boolean().describe('False: the first packets of the connection are gone for newer ones'),
  packets: z.array(packetRow),
})

export type PacketRow = z.infer<typeof packetRow>
export type PacketList = z.infer<typeof packetList>
