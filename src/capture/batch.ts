import type { CaptureInterface, PacketBatch } from '../packet/batch.ts'

/** Packets in one batch at most. */
export const MOST_PACKETS = 16_384

/** The one batch of a parser, filled anew for each run of packets. */
export class Batch implements PacketBatch {
  bytes: Uint8Array = new Uint8Array(0)
  count = 0
  readonly offsets = new Uint32Array(MOST_PACKETS)
  readonly captured = new Uint32Array(MOST_PACKETS)
  readonly lengths = new Uint32Array(MOST_PACKETS)
  readonly seconds = new Float64Array(MOST_PACKETS)
  readonly nanos = new Uint32Array(MOST_PACKETS)
  readonly interfaceIds = new Uint16Array(MOST_PACKETS)
  readonly interfaces: CaptureInterface[] = []
}
