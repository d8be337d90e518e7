import { u8, u16 } from '../../bytes/read.ts'
import {
  AUTH,
  CONNACK,
  DISCONNECT,
  isReason,
  PUBACK,
  PUBCOMP,
  PUBLISH,
  PUBREC,
  PUBREL,
  SUBACK,
  SUBSCRIBE,
  UNSUBACK,
  UNSUBSCRIBE,
} from './packets.ts'
import { MqttReader, PUBLISH_PROPERTIES } from './reader.ts'

/** The first bytes of a packet: its type, flags, and how many bytes follow. §2.1 */
export interface FixedHeader {
  readonly type: number
  readonly flags: number
  /** Bytes of the header … */
  readonly size: number
  /** … and behind it. */
  readonly length: number
}

/** `cut`: more bytes are needed; `bad`: no packet begins so. */
export function fixedHeader(bytes: Uint8Array, start: number, end: number): FixedHeader | 'cut' | 'bad' {
  const first = u8(bytes, start)
  const type = first >> 4
  const flags = first & 0x0f
  if (type === 0 || (type === PUBLISH && qosIn(flags) === 3)) return 'bad'
  let length = 0
  for (let at = start + 1; at <= start + 4; at++) {
    if (at >= end) return 'cut'
    const byte = u8(bytes, at)
    length |= (byte & 0x7f) << (7 * (at - start - 1))
    if (byte < 0x80) return { type, flags, size: at + 1 - start, length }
  }
  return 'bad'
}

/** Of PUBLISH. */
export function qosIn(flags: number): number {
  return (flags >> 1) & 3
}

/** Where in a publication the payload begins, and what that tells of the version. */
export interface Publication {
  readonly payloadAt: number
  readonly isFive: boolean | undefined
}

/**
 * Looks at what stands before the payload: topic, id, properties. While the version is unknown, properties tell it, and so
 * does a payload that can be none. `need` is how many bytes behind the fixed header that takes.
 */
export function publicationAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  { flags, length }: FixedHeader,
  isFive: boolean | undefined,
): Publication | { readonly need: number } | 'bad' {
  if (length < 2) return 'bad'
  if (end - start < 2) return { need: 2 }
  const head = 2 + u16(bytes, start) + (qosIn(flags) > 0 ? 2 : 0)
  if (head > length) return 'bad'
  if (isFive === false) return { payloadAt: head, isFive }
  const need = Math.min(length, head + (isFive === true ? LONGEST_VARIABLE : ENOUGH_TO_TELL))
  if (end - start < need) return { need }
  if (isFive === undefined) {
    const isSo = hasProperties(bytes, start + head, start + need, start + length)
    if (isSo !== true) return { payloadAt: head, isFive: isSo }
  }
  const reader = new MqttReader(bytes, start + head, start + need)
  const payloadAt = reader.variable() + reader.at - start
  return reader.isWhole && payloadAt <= length ? { payloadAt, isFive: true } : 'bad'
}

/** Whether what begins at `start`, with no more than `last - start` bytes, are properties; undefined where it may be both. */
function hasProperties(bytes: Uint8Array, start: number, end: number, last: number): boolean | undefined {
  const reader = new MqttReader(bytes, start, end)
  const length = reader.variable()
  if (!reader.isWhole || reader.at + length > last) return false
  if (reader.at + length > end) return undefined
  const properties = new MqttReader(bytes, start, end)
  properties.properties(PUBLISH_PROPERTIES)
  if (!properties.isWhole) return false
  return length >= TELLING_PROPERTIES ? true : undefined
}

/** Whether a whole packet, no CONNECT, is one of this version to its last bit. `[start, end)` stands behind its fixed header. */
export function fits(
  { type, flags }: FixedHeader,
  bytes: Uint8Array,
  start: number,
  end: number,
  isFive: boolean,
): boolean {
  const reader = new MqttReader(bytes, start, end)
  switch (type) {
    case CONNACK:
      return reader.octet() <= 1 && fitsReason(type, reader, isFive) && (isFive || end - start === 2)
    case PUBLISH:
      return fitsPublish(reader, flags, isFive)
    case PUBACK:
    case PUBREC:
    case PUBREL:
    case PUBCOMP:
      return reader.short() > 0 && (reader.isExact || (isFive && fitsReason(type, reader, isFive)))
    case SUBSCRIBE:
    case UNSUBSCRIBE:
      return fitsSubscribe(reader, type, isFive)
    case SUBACK:
    case UNSUBACK:
      return fitsSuback(reader, type, isFive)
    case DISCONNECT:
    case AUTH:
      return (
        (reader.isExact && (isFive || type === DISCONNECT)) || (isFive && fitsReason(type, reader, isFive))
      )
    default:
      return start === end
  }
}

function fitsPublish(reader: MqttReader, flags: number, isFive: boolean): boolean {
  const topic = reader.text()
  if (qosIn(flags) > 0 ? reader.short() === 0 : (flags & DUP) !== 0) return false
  const hasAlias = isFive && reader.properties(PUBLISH_PROPERTIES).topicAlias !== undefined
  return reader.isWhole && ((topic === '' && hasAlias) || isTopic(topic))
}

function fitsSubscribe(reader: MqttReader, type: number, isFive: boolean): boolean {
  if (reader.short() === 0) return false
  if (isFive) reader.properties()
  do {
    if (!isFilter(reader.text())) return false
    if (type === SUBSCRIBE && !areOptions(reader.octet(), isFive)) return false
  } while (reader.left > 0)
  return reader.isExact
}

/** Version 5 has more than the QoS in it. §3.8.3.1 */
function areOptions(byte: number, isFive: boolean): boolean {
  return (byte & 3) < 3 && (isFive ? byte < 0x30 : byte < 3)
}

function fitsSuback(reader: MqttReader, type: number, isFive: boolean): boolean {
  if (reader.short() === 0) return false
  if (isFive) reader.properties()
  if (type === UNSUBACK && !isFive) return reader.isExact
  if (reader.left === 0) return false
  while (reader.left > 0) if (!isReason(type, reader.octet(), isFive)) return false
  return reader.isExact
}

function fitsReason(type: number, reader: MqttReader, isFive: boolean): boolean {
  if (!isReason(type, reader.octet(), isFive)) return false
  if (isFive && reader.left > 0) reader.properties()
  return reader.isExact
}

/** Names of topics have no wildcards, nor control characters. §4.7 */
export function isTopic(topic: string): boolean {
  return isFilter(topic) && !/[#+]/.test(topic)
}

function isFilter(filter: string): boolean {
  return filter !== '' && !NO_TEXT.test(filter)
}

/** Receivers may close the connection over these. §1.5.3, in MQTT 5 §1.5.4 */
const NO_TEXT = /[\p{Cc}\ufffd]/u
/** Bytes of a number, at most. */
const LONGEST_VARIABLE = 4
/** Bytes behind the topic that are looked at while the version is unknown. Text begins with 127 at most, which would be the length of properties. */
const ENOUGH_TO_TELL = 128
/** Bytes of properties that could hardly be something else. */
const TELLING_PROPERTIES = 4
const DUP = 8
