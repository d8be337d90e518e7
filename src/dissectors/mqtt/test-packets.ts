import type { Side } from '../../dissect/dissector.ts'

/** A packet: type, flags, and what stands behind the fixed header. */
export function packet(
  type: number,
  flags: number,
  ...parts: readonly (Uint8Array | number | string)[]
): Buffer {
  const body = bytesOf(...parts)
  return bytesOf((type << 4) | flags, variable(body.length), body)
}

/** Bytes of numbers, of texts (a byte a character), and of bytes. */
export function bytesOf(...parts: readonly (Uint8Array | number | string)[]): Buffer {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as string, 'latin1'))),
  )
}

export function variable(value: number): Buffer {
  const bytes: number[] = []
  for (let rest = value; bytes.length === 0 || rest > 0; rest >>>= 7)
    bytes.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0))
  return Buffer.from(bytes)
}

export const short = (value: number) => Buffer.of(value >> 8, value & 0xff)
export const long = (value: number) =>
  Buffer.of(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff)
export const text = (value: string) => Buffer.concat([short(Buffer.byteLength(value)), Buffer.from(value)])
/** Properties of version 5 with their length in front. */
export const properties = (...parts: readonly (Uint8Array | number | string)[]) => {
  const bytes = bytesOf(...parts)
  return bytesOf(variable(bytes.length), bytes)
}
export const NO_PROPERTIES = Buffer.of(0)

/** CONNECT without more than its client id; version 5 with its properties. */
export const connect = (version = 4, clientId = 'me', ...props: readonly Uint8Array[]) =>
  packet(
    1,
    0,
    text(version === 3 ? 'MQIsdp' : 'MQTT'),
    version,
    0x02,
    short(60),
    version === 5 ? (props[0] ?? NO_PROPERTIES) : '',
    text(clientId),
  )
export const connack = (code = 0) => packet(2, 0, 0, code)
export const connack5 = (code = 0, ...props: readonly Uint8Array[]) =>
  packet(2, 0, 0, code, props[0] ?? NO_PROPERTIES)
export const publish = (topic: string, payload: string | Uint8Array, qos = 0, id = 1) =>
  packet(3, qos << 1, text(topic), qos > 0 ? short(id) : '', payload)
export const publish5 = (
  topic: string,
  payload: string | Uint8Array,
  props: Uint8Array = NO_PROPERTIES,
  qos = 0,
  id = 1,
) => packet(3, qos << 1, text(topic), qos > 0 ? short(id) : '', props, payload)
export const puback = (id = 1) => packet(4, 0, short(id))
export const pubrec = (id = 1) => packet(5, 0, short(id))
export const pubrel = (id = 1) => packet(6, 2, short(id))
export const pubcomp = (id = 1) => packet(7, 0, short(id))
export const subscribe = (filter: string, id = 1, qos = 1) => packet(8, 2, short(id), text(filter), qos)
export const suback = (id = 1, ...codes: readonly number[]) => packet(9, 0, short(id), ...codes)
export const unsubscribe = (filter: string, id = 1) => packet(10, 2, short(id), text(filter))
export const unsuback = (id = 1) => packet(11, 0, short(id))
export const pingreq = packet(12, 0)
export const pingresp = packet(13, 0)
export const disconnect = packet(14, 0)

/** Chunks of a conversation: what a side sends in one go. */
export const c = (...packets: readonly Uint8Array[]): readonly [Side, Uint8Array] => [
  'client',
  Buffer.concat(packets),
]
export const s = (...packets: readonly Uint8Array[]): readonly [Side, Uint8Array] => [
  'server',
  Buffer.concat(packets),
]
