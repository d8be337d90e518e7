import type { End } from '../reassembly/connection.ts'
import type { RecordedEvent } from './recorded.ts'

/** Numbers from 0 to below 1 that a seed determines (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The same bytes in the same order, cut elsewhere: a piece here and there, or every byte by itself. */
export function recut(events: readonly RecordedEvent[], seed: number): RecordedEvent[] {
  const next = random(seed)
  const longest = [1, 7, 64, 1460][Math.floor(next() * 4)] as number
  return events.flatMap((event) => {
    const { what } = event
    if (!(what instanceof Uint8Array)) return [event]
    const pieces: RecordedEvent[] = []
    for (let at = 0; at < what.length; ) {
      const length = 1 + Math.floor(next() * longest)
      pieces.push({ ...event, what: what.subarray(at, at + length) })
      at += length
    }
    return pieces
  })
}

/** What a hostile or broken peer might have sent instead: the same damage for the same seed. */
export function damage(events: readonly RecordedEvent[], seed: number): RecordedEvent[] {
  const next = random(seed)
  const pick = (below: number) => Math.floor(next() * below)
  const kind = pick(DAMAGES.length)
  const often = [0.02, 0.1, 0.5][pick(3)] as number
  const damaged = events.flatMap((event) => {
    const { what } = event
    if (!(what instanceof Uint8Array) || what.length === 0 || next() > often) return [event]
    return (DAMAGES[kind] as Damage)(event, Uint8Array.from(what), pick)
  })
  const lawful = upToTheEnds(damaged)
  return next() < 0.3 ? recut(lawful, seed) : lawful
}

/** Nothing comes from a side that has ended. */
function upToTheEnds(events: readonly RecordedEvent[]): RecordedEvent[] {
  const ended = new Set<End>()
  return events.filter(({ from, what }) => {
    const isOver = ended.has(from) && (typeof what !== 'string' || what === 'end')
    if (what === 'end') ended.add(from)
    return !isOver
  })
}

type Damage = (event: RecordedEvent, bytes: Uint8Array, pick: (below: number) => number) => RecordedEvent[]

const EXTREMES = [0, 1, 0x7f, 0x80, 0xfe, 0xff]

const DAMAGES: readonly Damage[] = [
  // Bits.
  (event, bytes, pick) => {
    for (let count = 1 + pick(8); count > 0; count--) {
      const at = pick(bytes.length)
      bytes[at] = (bytes[at] as number) ^ (1 << pick(8))
    }
    return [{ ...event, what: bytes }]
  },
  // Numbers near the beginning, where lengths are.
  (event, bytes, pick) => {
    const at = pick(Math.min(bytes.length, 24))
    const value = EXTREMES[pick(EXTREMES.length)] as number
    bytes.fill(value, at, at + 1 + pick(4))
    return [{ ...event, what: bytes }]
  },
  // Numbers anywhere.
  (event, bytes, pick) => {
    const at = pick(bytes.length)
    bytes.fill(EXTREMES[pick(EXTREMES.length)] as number, at, at + 2 ** pick(4))
    return [{ ...event, what: bytes }]
  },
  // Something is lost.
  (event, bytes, pick) => {
    const from = pick(bytes.length)
    const to = from + 1 + pick(bytes.length - from)
    return [
      { ...event, what: bytes.subarray(0, from) },
      { ...event, what: to - from },
      { ...event, what: bytes.subarray(to) },
    ]
  },
  // Something is said twice, or by the other end.
  (event, bytes, pick) => [
    { ...event, what: bytes },
    { ...event, from: pick(2) === 0 ? event.from : event.from === 0 ? 1 : 0, what: bytes },
  ],
  // Something else is said in between.
  (event, bytes, pick) => {
    const at = pick(bytes.length)
    const noise = Uint8Array.from({ length: 1 + pick(64) }, () => pick(256))
    return [
      { ...event, what: bytes.subarray(0, at) },
      { ...event, what: noise },
      { ...event, what: bytes.subarray(at) },
    ]
  },
  // Nothing more is said.
  (event, bytes, pick) => [
    { ...event, what: bytes.subarray(0, pick(bytes.length)) },
    { ...event, what: 'end' },
  ],
  // Words and digits.
  (event, bytes, pick) => {
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number
      if (byte >= 0x30 && byte <= 0x39 && pick(4) === 0) bytes[at] = [0x39, 0x2d, 0x20][pick(3)] as number
    }
    return [{ ...event, what: bytes }]
  },
]
