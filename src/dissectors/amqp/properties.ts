import { u16 } from '../../bytes/read.ts'
import { any, number, object, text, type Value } from '../../entry/shape.ts'
import { AmqpReader, type Table } from './reader.ts'

export const propertiesShape = object('Properties of the content; "" and 0 where it has none', {
  contentType: text('MIME type of the body'),
  contentEncoding: text('How the body is encoded, such as gzip'),
  headers: any<Table>('What the sender added', '{ [name: string]: any }'),
  deliveryMode: number('1 transient, 2 persistent'),
  priority: number('0 to 9'),
  correlationId: text('Of the request that this message answers'),
  replyTo: text('Queue for the reply'),
  expiration: text('Milliseconds until it expires, as text'),
  messageId: text('Id that the sender gave it'),
  timestamp: number('As the sender gave it, by rights in seconds since the epoch'),
  type: text('Kind of message'),
  userId: text('User who sent it'),
  appId: text('Application that sent it'),
  clusterId: text('Deprecated'),
})

export type Properties = Value<typeof propertiesShape>

/** Of a header frame: class, weight, length of the body, then which properties follow. §4.2.6.1 */
export function readProperties(header: Uint8Array): Properties {
  return propertiesIn(header).properties
}

/** Whether `bytes[start, end)` can be a header frame: its properties end where it does. */
export function isHeader(bytes: Uint8Array, start: number, end: number): boolean {
  return end - start >= PROPERTY_FLAGS + 2 && propertiesIn(bytes.subarray(start, end)).isExact
}

function propertiesIn(header: Uint8Array): { properties: Properties; isExact: boolean } {
  const flags = header.length >= PROPERTY_FLAGS + 2 ? u16(header, PROPERTY_FLAGS) : 0
  const reader = new AmqpReader(header, PROPERTY_FLAGS + 2, header.length)
  const properties: Record<string, unknown> = { ...NONE }
  for (const [name, bit, type] of IN_ORDER) if ((flags & bit) !== 0) properties[name] = reader[type]()
  return { properties: properties as Properties, isExact: (flags & MORE_FLAGS) === 0 && reader.isExact }
}

const NONE: Properties = {
  contentType: '',
  contentEncoding: '',
  headers: {},
  deliveryMode: 0,
  priority: 0,
  correlationId: '',
  replyTo: '',
  expiration: '',
  messageId: '',
  timestamp: 0,
  type: '',
  userId: '',
  appId: '',
  clusterId: '',
}
const IN_ORDER = [
  ['contentType', 0x8000, 'shortstr'],
  ['contentEncoding', 0x4000, 'shortstr'],
  ['headers', 0x2000, 'table'],
  ['deliveryMode', 0x1000, 'octet'],
  ['priority', 0x0800, 'octet'],
  ['correlationId', 0x0400, 'shortstr'],
  ['replyTo', 0x0200, 'shortstr'],
  ['expiration', 0x0100, 'shortstr'],
  ['messageId', 0x0080, 'shortstr'],
  ['timestamp', 0x0040, 'longlong'],
  ['type', 0x0020, 'shortstr'],
  ['userId', 0x0010, 'shortstr'],
  ['appId', 0x0008, 'shortstr'],
  ['clusterId', 0x0004, 'shortstr'],
] as const
/** Another word of flags follows: no property of 0-9-1 needs one. */
const MORE_FLAGS = 0x0001
/** Where they begin in a header frame. */
const PROPERTY_FLAGS = 12
