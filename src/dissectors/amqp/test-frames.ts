import type { Side } from '../../dissect/dissector.ts'

/** Bytes of a frame: head, payload, end. */
export function frame(type: number, channel: number, payload: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from([type]),
    short(channel),
    long(payload.length),
    payload,
    Buffer.from([0xce]),
  ])
}

/** A method frame; the arguments are given as they are on the wire. */
export function method(channel: number, classId: number, methodId: number, ...args: readonly Uint8Array[]) {
  return frame(1, channel, Buffer.concat([short(classId), short(methodId), ...args]))
}

/** A header frame, and body frames with `each` bytes each. */
export function content(
  channel: number,
  body: string | Uint8Array,
  properties = NO_PROPERTIES,
  each = 4096,
): Buffer {
  const bytes = Buffer.from(body as string)
  const header = Buffer.concat([short(60), short(0), long(0), long(bytes.length), properties])
  const frames = [frame(2, channel, header)]
  for (let at = 0; at < bytes.length; at += each)
    frames.push(frame(3, channel, bytes.subarray(at, at + each)))
  return Buffer.concat(frames)
}

export const octet = (value: number) => Buffer.from([value])
export const short = (value: number) => Buffer.from([value >> 8, value])
export const long = (value: number) => Buffer.from([value >>> 24, value >> 16, value >> 8, value])
export const longlong = (value: number) =>
  Buffer.concat([long(Math.floor(value / 2 ** 32)), long(value >>> 0)])
export const shortstr = (text: string) => Buffer.concat([octet(Buffer.byteLength(text)), Buffer.from(text)])
export const longstr = (text: string | Uint8Array) =>
  Buffer.concat([long(Buffer.byteLength(text)), Buffer.from(text as string)])
/** Fields are given with their names and types: `table(['a', 't\x01'])`. */
export const table = (...fields: readonly (readonly [string, string | Uint8Array])[]) =>
  longstr(
    Buffer.concat(
      fields.map(([name, value]) =>
        Buffer.concat([shortstr(name), typeof value === 'string' ? Buffer.from(value, 'latin1') : value]),
      ),
    ),
  )
const NO_PROPERTIES = short(0)

export const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1')
export const HEARTBEAT = frame(8, 0, Buffer.alloc(0))
export const start = method(
  0,
  10,
  10,
  octet(0),
  octet(9),
  table(['product', Buffer.concat([Buffer.from('S'), longstr('RabbitMQ')])]),
  longstr('PLAIN AMQPLAIN'),
  longstr('en_US'),
)
export const startOk = method(
  0,
  10,
  11,
  table(),
  shortstr('PLAIN'),
  longstr('\0guest\0secret'),
  shortstr('en_US'),
)
export const tune = method(0, 10, 30, short(2047), long(131072), short(60))
export const tuneOk = method(0, 10, 31, short(2047), long(131072), short(60))
export const open = method(0, 10, 40, shortstr('/'), shortstr(''), octet(0))
export const openOk = method(0, 10, 41, shortstr(''))
export const channelOpen = (channel = 1) => method(channel, 20, 10, shortstr(''))
export const channelOpenOk = (channel = 1) => method(channel, 20, 11, longstr(''))
export const declare = (queue: string, channel = 1, bits = 0) =>
  method(channel, 50, 10, short(0), shortstr(queue), octet(bits), table())
export const declareOk = (queue: string, channel = 1) =>
  method(channel, 50, 11, shortstr(queue), long(3), long(1))
export const publish = (key: string, channel = 1) =>
  method(channel, 60, 40, short(0), shortstr(''), shortstr(key), octet(1))
export const deliver = (key: string, channel = 1) =>
  method(channel, 60, 60, shortstr('tag'), longlong(7), octet(1), shortstr('logs'), shortstr(key))
export const ack = (channel = 1) => method(channel, 60, 80, longlong(7), octet(1))
export const close = (code: number, text: string, classId: number, methodId: number, channel = 1) =>
  method(
    channel,
    channel === 0 ? 10 : 20,
    channel === 0 ? 50 : 40,
    short(code),
    shortstr(text),
    short(classId),
    short(methodId),
  )
export const closeOk = (channel = 1) => method(channel, channel === 0 ? 10 : 20, channel === 0 ? 51 : 41)

/** Chunks of a conversation: what a side sends in one go. */
export const c = (...frames: readonly Uint8Array[]): readonly [Side, Uint8Array] => [
  'client',
  Buffer.concat(frames),
]
export const s = (...frames: readonly Uint8Array[]): readonly [Side, Uint8Array] => [
  'server',
  Buffer.concat(frames),
]
