import { base64, endOfCharacters, utf8Text } from '../../bytes/text.ts'
import type { Side } from '../../dissect/dissector.ts'
import { REDACTED } from '../../entry/redacted.ts'
import {
  AUTH,
  CONNACK,
  CONNECT,
  DISCONNECT,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  reasonText,
  SUBACK,
  SUBSCRIBE,
  UNSUBACK,
  UNSUBSCRIBE,
} from './packets.ts'
import { MqttReader, type Properties } from './reader.ts'

/** What is known of a packet when its bytes are there. */
export interface Packet {
  readonly type: number
  readonly flags: number
  readonly from: Side
  /** 3, 4 or 5; 0 = unknown. */
  readonly version: number
  /** It is of version 5, and has properties; undefined = nobody knows. */
  readonly isFive: boolean | undefined
  /** What was kept of it behind its fixed header: all but the end of large ones … */
  readonly wire: Uint8Array
  /** … and how long that is by rights. */
  readonly length: number
  readonly isIncomplete: boolean
  /** Of PUBLISH, what an alias stands for. */
  readonly topic: string | undefined
}

/** Fields of a message by their names. */
export type Body = Readonly<Record<string, unknown>>

/** What SUBSCRIBE asks for; UNSUBSCRIBE gives nothing but the filter. */
export interface Topic {
  readonly filter: string
  readonly qos?: number
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: number
}

export interface Will {
  readonly topic: string
  readonly payload: string
  readonly payloadEncoding: string
  readonly payloadLength: number
  readonly qos: number
  readonly retain: boolean
  readonly properties: Properties
}

/** Reads what is there. MQTT 5 §3, which also says what older versions have not. */
export function readBody(packet: Packet): Body {
  const reader = new MqttReader(packet.wire, 0, packet.wire.length)
  switch (packet.type) {
    case CONNECT:
      return connect(reader, packet)
    case CONNACK:
      return connack(reader, packet)
    case PUBLISH:
      return publish(reader, packet)
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
      return { packetId: reader.short(), ...reasonIn(reader, packet) }
    case SUBSCRIBE:
    case UNSUBSCRIBE:
      return subscribe(reader, packet)
    case SUBACK:
    case UNSUBACK:
      return suback(reader, packet)
    case DISCONNECT:
    case AUTH:
      return reasonIn(reader, packet)
    default:
      return {}
  }
}

function connect(reader: MqttReader, { isFive }: Packet): Body {
  const protocolName = reader.text()
  reader.octet()
  const flags = reader.octet()
  const keepAlive = reader.short()
  const properties = isFive === true ? reader.properties() : {}
  const clientId = reader.text()
  const will = (flags & WILL) !== 0 ? willIn(reader, flags, isFive === true) : null
  const username = (flags & USERNAME) !== 0 ? reader.text() : ''
  const password = (flags & PASSWORD) !== 0 ? REDACTED : ''
  const cleanStart = (flags & CLEAN_START) !== 0
  return { protocolName, keepAlive, properties, clientId, will, username, password, cleanStart }
}

function willIn(reader: MqttReader, flags: number, isFive: boolean): Will {
  const properties = isFive ? reader.properties() : {}
  const topic = reader.text()
  const message = reader.binary()
  const qos = (flags >> 3) & 3
  const retain = (flags & WILL_RETAIN) !== 0
  return { topic, ...payloadOf(message, message.length), qos, retain, properties }
}

/** A server that knows no version 5 answers it in its own. */
function connack(reader: MqttReader, { type, length }: Packet): Body {
  const isFive = length > 2
  const sessionPresent = (reader.octet() & 1) !== 0
  const reasonCode = reader.octet()
  const properties = isFive ? reader.properties() : {}
  return { sessionPresent, reasonCode, reason: reasonText(type, reasonCode, isFive), properties }
}

function publish(reader: MqttReader, { flags, isFive, wire, length }: Packet): Body {
  const topic = reader.text()
  const packetId = (flags & QOS) !== 0 ? reader.short() : 0
  if (isFive === undefined) return { topic, packetId, payloadLength: -1 }
  const properties = isFive ? reader.properties() : {}
  if (!reader.isWhole) return { topic, packetId, properties, payloadLength: -1 }
  return { topic, packetId, properties, ...payloadOf(wire.subarray(reader.at), length - reader.at) }
}

/** All is well when nothing is said, and that is all that older versions can say. */
function reasonIn(reader: MqttReader, { type, isFive }: Packet): Body {
  if (isFive !== true && reader.left === 0) return {}
  const reasonCode = reader.left > 0 ? reader.octet() : 0
  const properties = reader.left > 0 ? reader.properties() : {}
  return { reasonCode, reason: reasonText(type, reasonCode, true), properties }
}

function subscribe(reader: MqttReader, { type, isFive }: Packet): Body {
  const packetId = reader.short()
  const properties = isFive === true ? reader.properties() : {}
  const topics: Topic[] = []
  while (reader.left > 0) {
    const filter = reader.text()
    const options = type === SUBSCRIBE ? optionsIn(reader.octet()) : {}
    if (reader.isWhole) topics.push({ filter, ...options })
  }
  return { packetId, properties, topics }
}

/** §3.8.3.1 */
function optionsIn(byte: number): Omit<Topic, 'filter'> {
  return {
    qos: byte & 3,
    noLocal: (byte & 4) !== 0,
    retainAsPublished: (byte & 8) !== 0,
    retainHandling: (byte >> 4) & 3,
  }
}

/** Where the version is unknown, so is whether properties come first. */
function suback(reader: MqttReader, { type, isFive, wire }: Packet): Body {
  const packetId = reader.short()
  if (isFive === undefined) return { packetId }
  const properties = isFive ? reader.properties() : {}
  const reasonCodes = reader.isWhole ? [...wire.subarray(reader.at)] : []
  const reasonCode = worst(reasonCodes)
  const reason = reasonCodes.length > 0 ? reasonText(type, reasonCode, isFive) : ''
  return { packetId, properties, reasonCodes, reasonCode, reason }
}

/** The first that says that something failed, else the first. */
function worst(codes: readonly number[]): number {
  return codes.find((code) => code >= FAILURE) ?? codes[0] ?? 0
}

function payloadOf(
  bytes: Uint8Array,
  payloadLength: number,
): Pick<Will, 'payload' | 'payloadEncoding' | 'payloadLength'> {
  const end = bytes.length < payloadLength ? endOfCharacters(bytes, 0, bytes.length) : bytes.length
  const text = utf8Text(bytes, 0, end)
  if (!text.includes('\ufffd')) return { payload: text, payloadEncoding: '', payloadLength }
  return { payload: base64(bytes), payloadEncoding: 'base64', payloadLength }
}

/** Flags of CONNECT. §3.1.2.3 */
const CLEAN_START = 0x02
const WILL = 0x04
const WILL_RETAIN = 0x20
const PASSWORD = 0x40
const USERNAME = 0x80
/** Bits of the QoS in the flags of PUBLISH. */
const QOS = 0x06
/** Reason codes from here on tell of failures. */
const FAILURE = 0x80
