import type { Packet } from '../packet/packet.ts'
import { random } from './mutate.ts'
import type { Frame } from './recorded.ts'

/** What a hostile or broken network might have delivered instead: the same damage for the same seed. */
export function damageFrames(frames: readonly Frame[], seed: number): Frame[] {
  const next = random(seed)
  const pick = (below: number) => Math.floor(next() * below)
  const often = [0.005, 0.05, 0.3][pick(3)] as number
  const kind = DAMAGES[pick(DAMAGES.length)] as Damage
  const damaged = frames.flatMap((frame) => (next() < often ? kind(frame, pick) : [frame]))
  return next() < 0.5 ? damaged : reordered(damaged, often, next, pick)
}

/** Changes the numbers in the headers of some packets, likewise. */
export function damageNumbers(seed: number): (packet: Packet) => void {
  const next = random(seed)
  const pick = (below: number) => Math.floor(next() * below)
  const often = [0, 0.005, 0.05, 0.3][pick(4)] as number
  const off = (value: number) => (value + (DISTANCES[pick(DISTANCES.length)] as number)) >>> 0
  /** Bytes that were lost of what a port sends. */
  const lost = new Map<number, number>()
  return (packet) => {
    packet.seq = (packet.seq + (lost.get(packet.srcPort) ?? 0)) >>> 0
    packet.ack = (packet.ack + (lost.get(packet.dstPort) ?? 0)) >>> 0
    if (next() >= often) return
    const what = pick(6)
    if (what === 0 || what === 4) packet.ack = off(packet.ack)
    if (what === 1 || what === 4) packet.seq = off(packet.seq)
    if (what === 2) packet.flags ^= 1 << pick(6)
    if (what === 3) packet.payloadLength += pick(2000)
    if (what === 5) lost.set(packet.srcPort, off(lost.get(packet.srcPort) ?? 0))
  }
}

/** Some come up to eight places later. */
function reordered(frames: Frame[], often: number, next: () => number, pick: (below: number) => number) {
  for (let at = 0; at < frames.length; at++)
    if (next() < often) frames.splice(at + pick(8), 0, ...frames.splice(at, 1))
  return frames
}

type Damage = (frame: Frame, pick: (below: number) => number) => Frame[]

/** Headers are within so many bytes, as a rule. */
const HEADERS = 100
const EXTREMES = [0, 1, 0x7f, 0x80, 0xfe, 0xff]
const DISTANCES = [1, -1, 1000, -1000, 1 << 16, -(1 << 16), 8 << 20, -(8 << 20), 17 << 20, 1 << 30, 1 << 31]

const DAMAGES: readonly Damage[] = [
  // It is lost.
  () => [],
  // It comes twice.
  (frame) => [frame, frame],
  // Bits of its headers.
  (frame, pick) => {
    const bytes = Uint8Array.from(frame.bytes)
    for (let count = 1 + pick(4); count > 0; count--) {
      const at = pick(Math.min(bytes.length, HEADERS))
      bytes[at] = (bytes[at] as number) ^ (1 << pick(8))
    }
    return [{ ...frame, bytes }]
  },
  // Numbers in them.
  (frame, pick) => {
    const bytes = Uint8Array.from(frame.bytes)
    const at = pick(Math.min(bytes.length, HEADERS))
    bytes.fill(EXTREMES[pick(EXTREMES.length)] as number, at, at + 1 + pick(4))
    return [{ ...frame, bytes }]
  },
  // Its end was not captured.
  (frame, pick) => [{ ...frame, bytes: frame.bytes.subarray(0, pick(frame.bytes.length + 1)) }],
  // It comes at another time.
  (frame, pick) => [{ ...frame, seconds: Math.max(0, frame.seconds + pick(3000) - 1000) }],
  // None of it: numbers are for `damageNumbers`.
  (frame) => [frame],
]
