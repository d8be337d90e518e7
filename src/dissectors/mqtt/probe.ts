import { u8, u16 } from '../../bytes/read.ts'
import { latin1, utf8Text } from '../../bytes/text.ts'
import type { Side } from '../../dissect/dissector.ts'
import { type FixedHeader, fits, fixedHeader, isTopic, qosIn } from './layout.ts'
import {
  CONNACK,
  CONNECT,
  DISCONNECT,
  PINGREQ,
  PINGRESP,
  PUBLISH,
  PUBREL,
  SUBSCRIBE,
  typeOf,
  UNSUBSCRIBE,
} from './packets.ts'

type Verdict = 'match' | 'reject' | 'unsure'

/** Begins with CONNECT, which names the protocol, or with packets that are right to the last bit and weigh enough. */
export function probe(bytes: Uint8Array, start: number, end: number, from: Side): Verdict {
  const seen = look(bytes, start, end, from)
  if (seen === 'bad') return 'reject'
  return seen.weight >= ENOUGH ? 'match' : 'unsure'
}

/** Whether a packet begins here, in a connection that is known to be of this protocol. */
export function resumes(bytes: Uint8Array, start: number, end: number, from: Side): boolean {
  const seen = look(bytes, start, end, from)
  return seen !== 'bad' && seen.weight >= (seen.isCut ? ENOUGH : LITTLE)
}

/** What speaks for packets, in bytes that could as well be others. */
interface Seen {
  readonly weight: number
  /** The last one is not whole. */
  readonly isCut: boolean
}

function look(bytes: Uint8Array, start: number, end: number, from: Side): Seen | 'bad' {
  let weight = 0
  let at = start
  for (let count = 0; count < MOST_PACKETS && at < end; count++) {
    const header = fixedHeader(bytes, at, end)
    if (header === 'bad' || !isPossible(header, bytes, at, from)) return 'bad'
    if (header === 'cut') return { weight, isCut: true }
    const body = at + header.size
    at = body + header.length
    if (at > end) {
      const more = weightOfBeginning(header, bytes, body, end)
      return more === 'bad' ? 'bad' : { weight: weight + more, isCut: true }
    }
    const more = weightOf(header, bytes, body, at)
    if (more === 'bad') return 'bad'
    weight += more
  }
  return { weight, isCut: false }
}

/** Only this side may send it, and its flags and length are as they must be. §2.1.3 */
function isPossible(header: FixedHeader | 'cut', bytes: Uint8Array, start: number, from: Side): boolean {
  const first = u8(bytes, start)
  const { sender } = typeOf(first >> 4) ?? {}
  if (sender !== 'both' && sender !== from) return false
  if (!areFlags(first >> 4, first & 0x0f)) return false
  return header === 'cut' || header.size === 2 || u8(bytes, start + header.size - 1) !== 0
}

/** In 3.1 also DUP may be set. */
function areFlags(type: number, flags: number): boolean {
  if (type === PUBLISH) return true
  return type === PUBREL || type === SUBSCRIBE || type === UNSUBSCRIBE ? (flags & 0x7) === 2 : flags === 0
}

/** Bytes of a packet that is right and could hardly be something else. CONNECT is one by its name, whatever follows. */
function weightOf(header: FixedHeader, bytes: Uint8Array, start: number, end: number): number | 'bad' {
  if (header.type === CONNECT) return weightOfName(bytes, start, end)
  if (!fits(header, bytes, start, end, false) && !fits(header, bytes, start, end, true)) return 'bad'
  switch (header.type) {
    case SUBSCRIBE:
    case UNSUBSCRIBE:
      return ENOUGH
    case PUBLISH:
      return 3 + Math.min(u16(bytes, start), ENOUGH)
    case CONNACK:
      return Math.min(2 + header.length, ENOUGH)
    case PINGREQ:
    case PINGRESP:
    case DISCONNECT:
      return LITTLE
    default:
      return 3
  }
}

/** The same of the beginning of one: CONNECT names the protocol, PUBLISH a topic. */
function weightOfBeginning(
  { type, flags, length }: FixedHeader,
  bytes: Uint8Array,
  body: number,
  end: number,
): number | 'bad' {
  if (type === CONNECT) return weightOfName(bytes, body, end)
  if (type !== PUBLISH || end - body < 2) return 0
  const topic = u16(bytes, body)
  if (2 + topic + (qosIn(flags) > 0 ? 2 : 0) > length) return 'bad'
  if (body + 2 + topic > end || topic === 0) return 0
  return isTopic(utf8Text(bytes, body + 2, body + 2 + topic)) ? topic : 'bad'
}

function weightOfName(bytes: Uint8Array, body: number, end: number): number | 'bad' {
  const begins = latin1(bytes, body, Math.min(end, body + LONGEST_NAME))
  if (NAMES.some((name) => begins.startsWith(name))) return ENOUGH
  return NAMES.some((name) => name.startsWith(begins)) ? 0 : 'bad'
}

/** The name of the protocol with its version, which bridges set a bit of. */
const NAMES: readonly string[] = [
  '\0\x04MQTT\x04',
  '\0\x04MQTT\x05',
  '\0\x06MQIsdp\x03',
  '\0\x04MQTT\x84',
  '\0\x04MQTT\x85',
  '\0\x06MQIsdp\x83',
]
const LONGEST_NAME = 9
const ENOUGH = 5
const LITTLE = 2
/** Packets that are looked at. */
const MOST_PACKETS = 64
