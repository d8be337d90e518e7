import type { PacketBatch } from '../packet/batch.ts'
import { CaptureParser } from './parser.ts'
import type { PacketSource } from './source.ts'

/** A packet copied out of its batch, for tests to compare. */
export interface SeenPacket {
  readonly interface: string
  readonly linkType: number
  /** `1340954905.300858000` */
  readonly time: string
  readonly length: number
  readonly hex: string
}

/** Everything that a batch says, copied. */
export function packetsOf(batch: PacketBatch): SeenPacket[] {
  return Array.from({ length: batch.count }, (_, i) => {
    const from = batch.interfaces[batch.interfaceIds[i] ?? -1]
    const offset = batch.offsets[i] ?? 0
    return {
      interface: from?.name ?? '?',
      linkType: from?.linkType ?? -1,
      time: timeOf(batch, i),
      length: batch.lengths[i] ?? -1,
      hex: Buffer.from(batch.bytes.subarray(offset, offset + (batch.captured[i] ?? 0))).toString('hex'),
    }
  })
}

export function timeOf(batch: PacketBatch, i: number): string {
  return `${batch.seconds[i]}.${String(batch.nanos[i]).padStart(9, '0')}`
}

export async function readAll(source: PacketSource, signal = new AbortController().signal) {
  const packets: SeenPacket[] = []
  for await (const batch of source.packets(signal)) packets.push(...packetsOf(batch))
  return packets
}

/** Parses `bytes`, given in pieces of the sizes in `cuts`, the last of which repeats. */
export function parse(bytes: Uint8Array, cuts: readonly number[] = [bytes.length], bufferLength = 4096) {
  const parser = new CaptureParser('test.pcap', { bufferLength })
  const packets: SeenPacket[] = []
  let at = 0
  for (let i = 0; at < bytes.length; i++) {
    const size = Math.max(1, cuts[Math.min(i, cuts.length - 1)] ?? 1)
    for (const batch of parser.push(bytes.slice(at, at + size))) packets.push(...packetsOf(batch))
    at += size
  }
  parser.end()
  return { packets, ...parser.notes }
}

/** Numbers in a byte order, one after another: `numbers.u32(1).u16(2).bytes`. */
export class Bytes {
  readonly #littleEndian: boolean
  readonly #parts: Buffer[] = []

  constructor(littleEndian: boolean) {
    this.#littleEndian = littleEndian
  }

  u16(...values: number[]): this {
    for (const value of values) this.#add(2, (view) => view.setUint16(0, value, this.#littleEndian))
    return this
  }

  u32(...values: number[]): this {
    for (const value of values) this.#add(4, (view) => view.setUint32(0, value, this.#littleEndian))
    return this
  }

  u64(...values: bigint[]): this {
    for (const value of values) this.#add(8, (view) => view.setBigUint64(0, value, this.#littleEndian))
    return this
  }

  raw(bytes: Uint8Array | string): this {
    this.#parts.push(Buffer.from(bytes))
    return this
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  #add(length: number, write: (view: DataView) => void): void {
    const bytes = Buffer.alloc(length)
    write(new DataView(bytes.buffer, bytes.byteOffset, length))
    this.#parts.push(bytes)
  }
}

export interface PcapFile {
  readonly littleEndian?: boolean
  readonly magic?: number
  readonly minor?: number
  readonly snapLength?: number
  readonly linkType?: number
}

/** A pcap file with `records`, each given by seconds, fraction, captured bytes and length on the wire. */
export function pcap(file: PcapFile, ...records: (readonly [number, number, string, number?])[]): Buffer {
  const { littleEndian = true, magic = 0xa1b2c3d4, minor = 4, snapLength = 65_535, linkType = 1 } = file
  const bytes = new Bytes(littleEndian).u32(magic).u16(2, minor).u32(0, 0, snapLength, linkType)
  for (const [seconds, fraction, data, length = data.length] of records)
    bytes.u32(seconds, fraction, data.length, length).raw(data)
  return bytes.bytes
}

/** pcapng blocks in one byte order. */
export function pcapng(littleEndian = true) {
  const number = () => new Bytes(littleEndian)
  const pad = (length: number) => Buffer.alloc(-length & 3)
  const block = (type: number, content: Uint8Array) => {
    const length = 12 + content.length
    return number().u32(type, length).raw(content).u32(length).bytes
  }
  const option = (code: number, value: Uint8Array) =>
    number().u16(code, value.length).raw(value).raw(pad(value.length)).bytes
  return {
    block,
    option,
    u64: (value: bigint) => number().u64(value).bytes,
    section: () => block(0x0a0d0d0a, number().u32(0x1a2b3c4d).u16(1, 0).u64(0xffffffffffffffffn).bytes),
    interface: (linkType: number, snapLength = 0, ...options: Uint8Array[]) =>
      block(1, Buffer.concat([number().u16(linkType, 0).u32(snapLength).bytes, ...options])),
    packet: (interfaceId: number, time: bigint, data: string, length = data.length) =>
      block(
        6,
        number()
          .u32(interfaceId, Number(time >> 32n), Number(time & 0xffffffffn), data.length, length)
          .raw(data)
          .raw(pad(data.length)).bytes,
      ),
    obsoletePacket: (interfaceId: number, time: bigint, data: string) =>
      block(
        2,
        number()
          .u16(interfaceId, 0)
          .u32(Number(time >> 32n), Number(time & 0xffffffffn), data.length, data.length)
          .raw(data)
          .raw(pad(data.length)).bytes,
      ),
    simplePacket: (data: string, length = data.length) =>
      block(3, number().u32(length).raw(data).raw(pad(data.length)).bytes),
    statistics: (interfaceId: number, ...options: Uint8Array[]) =>
      block(5, Buffer.concat([number().u32(interfaceId, 0, 0).bytes, ...options])),
  }
}
