import { octets, textOf } from '../../bytes/octets.ts'
import { u8, u16, u32 } from '../../bytes/read.ts'
import { type Details, Reply, Request } from './messages.ts'

/** Magic, opcode, length of the key, length of the extras, type, status, length of all behind, opaque, version. */
export const PACKET_HEADER = 24
export const ASKS = 0x80
export const ANSWERS = 0x81

/** A packet of the binary protocol, up to its value. */
export interface Packet {
  readonly opcode: number
  readonly opaque: number
  readonly status: number
  /** Of extras and key. */
  readonly head: number
  /** Of the value. */
  readonly length: number
}

/** The packet whose header is at `at`; undefined when its lengths contradict each other. */
export function packetAt(bytes: Uint8Array, at: number): Packet | undefined {
  const head = u8(bytes, at + 4) + u16(bytes, at + 2)
  const length = u32(bytes, at + 8) - head
  if (length < 0 || length > LONGEST_VALUE) return undefined
  return { opcode: u8(bytes, at + 1), opaque: u32(bytes, at + 12), status: u16(bytes, at + 6), head, length }
}

export function requestIn(bytes: Uint8Array, at: number, packet: Packet): Request {
  const { name, command, isQuiet = false } = opcodeOf(packet.opcode)
  const extras = u8(bytes, at + 4)
  const start = at + PACKET_HEADER
  const key = textOf(octets(bytes, start + extras, start + packet.head))
  const details = {
    ...EXTRAS.get(command)?.(bytes, start, extras),
    keys: key === '' ? [] : [key],
    cas: versionAt(bytes, at + 16),
    noreply: isQuiet,
    opcode: name,
    opaque: String(packet.opaque),
  }
  return new Request('binary', command, STORES.has(command) ? { ...details, bytes: packet.length } : details)
}

/** … and what it says itself; a value follows. */
export function replyIn(bytes: Uint8Array, at: number, { opcode, status, opaque }: Packet): Reply {
  const reply = new Reply('binary')
  reply.opcode = opcodeOf(opcode).name
  reply.statusCode = status
  reply.status = STATUSES[status] ?? `Status ${status}`
  reply.cas = versionAt(bytes, at + 16)
  reply.opaque = String(opaque)
  return reply
}

/** Key, and flags of a value that was asked for. */
export function keyIn(bytes: Uint8Array, at: number, packet: Packet): { key: string; flags: number } {
  const extras = u8(bytes, at + 4)
  const start = at + PACKET_HEADER
  return {
    key: textOf(octets(bytes, start + extras, start + packet.head)),
    flags: extras >= 4 ? u32(bytes, start) : 0,
  }
}

/** A status that says no more than that something is not there, or not as it was. */
export function isNoError(status: number): boolean {
  return status === 0 || status === 1 || status === 2 || status === 5 || status === AUTHENTICATION_GOES_ON
}

/** 64 bits as a number; "" for 0, which means none. */
function versionAt(bytes: Uint8Array, at: number): string {
  return u32(bytes, at) === 0 && u32(bytes, at + 4) === 0 ? '' : u64Text(bytes, at)
}

export function u64Text(bytes: Uint8Array, at: number): string {
  return String((BigInt(u32(bytes, at)) << 32n) | BigInt(u32(bytes, at + 4)))
}

type Extras = (bytes: Uint8Array, at: number, length: number) => Details

const store: Extras = (bytes, at, length) =>
  length >= 8 ? { flags: u32(bytes, at), exptime: u32(bytes, at + 4) } : {}
const count: Extras = (bytes, at, length) =>
  length >= 20
    ? { delta: u64Text(bytes, at), initial: u64Text(bytes, at + 8), exptime: u32(bytes, at + 16) }
    : {}
const expire: Extras = (bytes, at, length) => (length >= 4 ? { exptime: u32(bytes, at) } : {})

const EXTRAS: ReadonlyMap<string, Extras> = new Map(
  Object.entries<Extras>({
    set: store,
    add: store,
    replace: store,
    incr: count,
    decr: count,
    touch: expire,
    gat: expire,
    flush_all: expire,
  }),
)
/** Commands with a value. */
const STORES: ReadonlySet<string> = new Set(['set', 'add', 'replace', 'append', 'prepend'])

export interface Opcode {
  readonly name: string
  readonly command: string
  readonly isQuiet?: boolean
}

export function opcodeOf(opcode: number): Opcode {
  return OPCODES[opcode] ?? { name: `0x${opcode.toString(16).padStart(2, '0')}`, command: 'unknown' }
}

export function isOpcode(opcode: number): boolean {
  return OPCODES[opcode] !== undefined
}

const plain = (name: string, command: string): Opcode => ({ name, command })
const quiet = (name: string, command: string): Opcode => ({ name, command, isQuiet: true })

/** memcached's protocol_binary.h; the ranges and virtual buckets that others add are no commands here. */
const OPCODES: Readonly<Record<number, Opcode>> = {
  0: plain('Get', 'get'),
  1: plain('Set', 'set'),
  2: plain('Add', 'add'),
  3: plain('Replace', 'replace'),
  4: plain('Delete', 'delete'),
  5: plain('Increment', 'incr'),
  6: plain('Decrement', 'decr'),
  7: plain('Quit', 'quit'),
  8: plain('Flush', 'flush_all'),
  9: quiet('GetQ', 'get'),
  10: plain('NoOp', 'noop'),
  11: plain('Version', 'version'),
  12: plain('GetK', 'get'),
  13: quiet('GetKQ', 'get'),
  14: plain('Append', 'append'),
  15: plain('Prepend', 'prepend'),
  16: plain('Stat', 'stats'),
  17: quiet('SetQ', 'set'),
  18: quiet('AddQ', 'add'),
  19: quiet('ReplaceQ', 'replace'),
  20: quiet('DeleteQ', 'delete'),
  21: quiet('IncrementQ', 'incr'),
  22: quiet('DecrementQ', 'decr'),
  23: quiet('QuitQ', 'quit'),
  24: quiet('FlushQ', 'flush_all'),
  25: quiet('AppendQ', 'append'),
  26: quiet('PrependQ', 'prepend'),
  27: plain('Verbosity', 'verbosity'),
  28: plain('Touch', 'touch'),
  29: plain('GAT', 'gat'),
  30: quiet('GATQ', 'gat'),
  32: plain('SASL List Mechs', 'sasl_list_mechs'),
  33: plain('SASL Auth', 'sasl_auth'),
  34: plain('SASL Step', 'sasl_step'),
  35: plain('GATK', 'gat'),
  36: quiet('GATKQ', 'gat'),
}

export const STATUSES: Readonly<Record<number, string>> = {
  0: 'Success',
  1: 'Key not found',
  2: 'Key exists',
  3: 'Value too large',
  4: 'Invalid arguments',
  5: 'Item not stored',
  6: 'Incr or decr of a value that is no number',
  7: 'The virtual bucket belongs to another server',
  8: 'Authentication error',
  32: 'Authentication required',
  33: 'Authentication continues',
  129: 'Unknown command',
  130: 'Out of memory',
  131: 'Not supported',
  132: 'Internal error',
  133: 'Busy',
  134: 'Temporary failure',
}
const AUTHENTICATION_GOES_ON = 0x21

const LONGEST_VALUE = 1 << 30
