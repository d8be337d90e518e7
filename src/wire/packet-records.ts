/** A packet on its way over the bus. */
export interface PacketRecord {
  readonly bytes: Uint8Array
  /** How long it was on the wire. */
  readonly length: number
  readonly seconds: number
  readonly nanos: number
  readonly linkType: number
}

/** Before the bytes of each packet: seconds, nanos, captured length, length on the wire, link type; u32 each. */
export const PACKET_HEAD = 20

export function writePacketHead(
  into: Uint8Array,
  at: number,
  captured: number,
  { length, seconds, nanos, linkType }: Omit<PacketRecord, 'bytes'>,
): void {
  const view = new DataView(into.buffer, into.byteOffset + at, PACKET_HEAD)
  for (const [index, value] of [seconds, nanos, captured, length, linkType].entries())
    view.setUint32(4 * index, value)
}

/** The packets of a piece; undefined when it is none. Their bytes are part of it. */
export function readPackets(piece: Uint8Array): PacketRecord[] | undefined {
  const view = new DataView(piece.buffer, piece.byteOffset, piece.length)
  const packets: PacketRecord[] = []
  for (let at = 0; at < piece.length; ) {
    if (at + PACKET_HEAD > piece.length) return undefined
    const captured = view.getUint32(at + 8)
    const end = at + PACKET_HEAD + captured
    if (end > piece.length) return undefined
    packets.push({
      seconds: view.getUint32(at),
      nanos: view.getUint32(at + 4),
      length: view.getUint32(at + 12),
      linkType: view.getUint32(at + 16),
      bytes: piece.subarray(at + PACKET_HEAD, end),
    })
    at = end
  }
  return packets
}
