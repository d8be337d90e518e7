import type { CaptureInterface } from '../packet/batch.ts'
import { PCAP_HEADER, PCAP_MAGIC } from './pcap.ts'
import { BLOCK, BYTE_ORDER_MAGIC } from './pcapng.ts'

/** A packet as capture files keep it. */
export interface RecordedPacket {
  /** What was captured of it … */
  readonly bytes: Uint8Array
  /** … and how long it was on the wire. */
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  /** Index into the interfaces that the writer was made with. */
  readonly interfaceId: number
}

/** Makes the bytes of a capture file: `head` once, then `record` for each packet. Little-endian, nanoseconds. */
export interface CaptureWriter {
  /** What the file's name should end in. */
  readonly extension: 'pcap' | 'pcapng'
  head(): Uint8Array
  record(packet: RecordedPacket): Uint8Array
}

/** pcap where all packets have the same link type, which every program reads; otherwise pcapng. */
export function captureWriter(interfaces: readonly CaptureInterface[]): CaptureWriter {
  const [first, ...others] = interfaces
  const linkType = first?.linkType ?? ETHERNET
  if (others.some((other) => other.linkType !== linkType)) return pcapngWriter(interfaces)
  return pcapWriter(linkType, Math.max(0, ...interfaces.map(({ snapLength }) => snapLength)))
}

/** https://datatracker.ietf.org/doc/html/draft-ietf-opsawg-pcap. `snapLength` 0 = unlimited. */
export function pcapWriter(linkType: number, snapLength = 0): CaptureWriter {
  return {
    extension: 'pcap',
    head: () => pcapHead(linkType, snapLength || UNLIMITED),
    record: pcapRecord,
  }
}

/** https://datatracker.ietf.org/doc/html/draft-ietf-opsawg-pcapng */
export function pcapngWriter(interfaces: readonly CaptureInterface[]): CaptureWriter {
  return {
    extension: 'pcapng',
    head: () => Buffer.concat([sectionBlock(), ...interfaces.map(interfaceBlock)]),
    record: packetBlock,
  }
}

const ETHERNET = 1
/** What programs write when they mean that packets are whole; some refuse files with 0. */
const UNLIMITED = 262_144
const RECORD_HEADER = 16
const LATEST_SECOND = 2 ** 32 - 1

function pcapHead(linkType: number, snapLength: number): Uint8Array {
  const { bytes, view } = allocate(PCAP_HEADER)
  view.setUint32(0, PCAP_MAGIC.nanos, true)
  view.setUint16(4, 2, true)
  view.setUint16(6, 4, true)
  view.setUint32(16, snapLength, true)
  view.setUint32(20, linkType, true)
  return bytes
}

function pcapRecord(packet: RecordedPacket): Uint8Array {
  const { bytes, view } = allocate(RECORD_HEADER + packet.bytes.length)
  // Times outside of 1970 … 2106 cannot be written.
  view.setUint32(0, Math.min(Math.max(packet.seconds, 0), LATEST_SECOND), true)
  view.setUint32(4, packet.nanos, true)
  view.setUint32(8, packet.bytes.length, true)
  view.setUint32(12, packet.length, true)
  bytes.set(packet.bytes, RECORD_HEADER)
  return bytes
}

function sectionBlock(): Uint8Array {
  const { bytes, view } = block(BLOCK.section, 16)
  view.setUint32(8, BYTE_ORDER_MAGIC, true)
  view.setUint16(12, 1, true)
  view.setBigInt64(16, -1n, true)
  return bytes
}

function interfaceBlock({ name, linkType, snapLength }: CaptureInterface): Uint8Array {
  const text = new TextEncoder().encode(name)
  const { bytes, view } = block(BLOCK.interface, 8 + 4 + padded(text.length) + 8 + 4)
  view.setUint16(8, linkType, true)
  view.setUint32(12, snapLength, true)
  view.setUint16(16, 2, true) // if_name
  view.setUint16(18, text.length, true)
  bytes.set(text, 20)
  const resolution = 20 + padded(text.length)
  view.setUint16(resolution, 9, true) // if_tsresol
  view.setUint16(resolution + 2, 1, true)
  bytes[resolution + 4] = 9
  return bytes
}

function packetBlock(packet: RecordedPacket): Uint8Array {
  const { bytes, view } = block(BLOCK.packet, 20 + padded(packet.bytes.length))
  const nanos = BigInt(Math.max(packet.seconds, 0)) * 1_000_000_000n + BigInt(packet.nanos)
  view.setUint32(8, packet.interfaceId, true)
  view.setUint32(12, Number((nanos >> 32n) & 0xffffffffn), true)
  view.setUint32(16, Number(nanos & 0xffffffffn), true)
  view.setUint32(20, packet.bytes.length, true)
  view.setUint32(24, packet.length, true)
  bytes.set(packet.bytes, 28)
  return bytes
}

/** A pcapng block with room for `content` bytes after its type and length, which are filled in. */
function block(type: number, content: number): { bytes: Uint8Array; view: DataView } {
  const length = 12 + content
  const { bytes, view } = allocate(length)
  view.setUint32(0, type, true)
  view.setUint32(4, length, true)
  view.setUint32(length - 4, length, true)
  return { bytes, view }
}

function allocate(length: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(length)
  return { bytes, view: new DataView(bytes.buffer) }
}

function padded(length: number): number {
  return (length + 3) & ~3
}
