import { i32, u8, u16, u32 } from '../../bytes/read.ts'
import { base64, hex, latin1, utf8Text } from '../../bytes/text.ts'
import { addressText } from '../../packet/address.ts'
import { className, typeName } from './names.ts'

export interface Question {
  readonly name: string
  readonly type: string
  readonly class: string
}

/** A resource record; fields that its type does not have are "". */
export interface ResourceRecord extends Question {
  readonly ttl: number
  /** The data as zone files write it, whatever the type. */
  readonly data: string
  readonly ip: string
  readonly ns: string
  readonly cname: string
  readonly ptr: string
  readonly txts: string
  readonly soa: string
  readonly srv: string
  readonly mx: string
  readonly opt: string
  readonly uri: string
}

/** Where a name ends, and its text; `end` is −1 when it is none. */
interface Name {
  readonly text: string
  readonly end: number
}

/**
 * A name (RFC 1035 §4.1.4). Pointers must lead backwards, and each further back than the last, so that there are no
 * loops. Odd bytes are escaped as zone files do.
 */
export function readName(bytes: Uint8Array, message: number, start: number, end: number): Name {
  let text = ''
  let at = start
  let after = -1
  let length = 0
  let lowest = start
  for (;;) {
    if (at >= end) return NO_NAME
    const size = u8(bytes, at)
    if (size === 0) return { text: text === '' ? '' : text.slice(0, -1), end: after < 0 ? at + 1 : after }
    if (size >= 0xc0) {
      if (at + 1 >= end) return NO_NAME
      const target = message + (u16(bytes, at) & 0x3fff)
      if (after < 0) after = at + 2
      if (target >= lowest) return NO_NAME
      lowest = target
      at = target
      continue
    }
    if (size > 63 || at + 1 + size > end) return NO_NAME
    length += size + 1
    if (length > LONGEST_NAME) return NO_NAME
    text += `${label(bytes, at + 1, at + 1 + size)}.`
    at += 1 + size
  }
}

/** Skips a name without reading it; −1 when it is none. */
export function skipName(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end) {
    const size = u8(bytes, at)
    if (size === 0) return at + 1
    if (size >= 0xc0) return at + 2 <= end ? at + 2 : -1
    if (size > 63) return -1
    at += 1 + size
    if (at - start > LONGEST_NAME) return -1
  }
  return -1
}

function label(bytes: Uint8Array, start: number, end: number): string {
  const text = latin1(bytes, start, end)
  return PLAIN_LABEL.test(text)
    ? text
    : text.replace(/[^!-~]|[.\\"();@$]/g, (character) => {
        const code = character.charCodeAt(0)
        return code > 32 && code < 127 ? `\\${character}` : `\\${String(code).padStart(3, '0')}`
      })
}

/** Questions from `start` on, and where they end; −1 when they do not fit. */
export function readQuestions(
  bytes: Uint8Array,
  message: number,
  start: number,
  end: number,
  count: number,
): { questions: Question[]; end: number } {
  const questions: Question[] = []
  let at = start
  for (let index = 0; index < count; index++) {
    const name = readName(bytes, message, at, end)
    if (name.end < 0 || name.end + 4 > end) return { questions, end: -1 }
    questions.push({
      name: name.text,
      type: typeName(u16(bytes, name.end)),
      class: className(u16(bytes, name.end + 2)),
    })
    at = name.end + 4
  }
  return { questions, end: at }
}

/** Records from `start` on; stops at the first that does not fit, and says −1. */
export function readRecords(
  bytes: Uint8Array,
  message: number,
  start: number,
  end: number,
  count: number,
): { records: ResourceRecord[]; end: number } {
  const records: ResourceRecord[] = []
  let at = start
  for (let index = 0; index < count; index++) {
    const name = readName(bytes, message, at, end)
    if (name.end < 0 || name.end + 10 > end) return { records, end: -1 }
    const type = u16(bytes, name.end)
    const length = u16(bytes, name.end + 8)
    const data = name.end + 10
    if (data + length > end) return { records, end: -1 }
    records.push(
      record(
        bytes,
        message,
        name.text,
        type,
        u16(bytes, name.end + 2),
        u32(bytes, name.end + 4),
        data,
        data + length,
      ),
    )
    at = data + length
  }
  return { records, end: at }
}

function record(
  bytes: Uint8Array,
  message: number,
  name: string,
  type: number,
  recordClass: number,
  ttl: number,
  start: number,
  end: number,
): ResourceRecord {
  const typeText = typeName(type)
  const data = dataText(bytes, message, typeText, start, end) ?? generic(bytes, start, end)
  const only = (wanted: string) => (typeText === wanted ? data : '')
  return {
    name,
    type: typeText,
    class: typeText === 'OPT' ? String(recordClass) : className(recordClass),
    ttl,
    data,
    ip: typeText === 'A' || typeText === 'AAAA' ? data : '',
    ns: only('NS'),
    cname: only('CNAME'),
    ptr: only('PTR'),
    txts: only('TXT'),
    soa: only('SOA'),
    srv: only('SRV'),
    mx: only('MX'),
    opt: only('OPT'),
    uri: only('URI'),
  }
}

/** RFC 3597 §5 */
function generic(bytes: Uint8Array, start: number, end: number): string {
  return `\\# ${end - start}${end > start ? ` ${hex(bytes, start, end)}` : ''}`
}

/** Presentation of the data of the types that people meet; undefined when it does not fit its type. */
function dataText(
  bytes: Uint8Array,
  message: number,
  type: string,
  start: number,
  end: number,
): string | undefined {
  const length = end - start
  const nameAt = (at: number) => {
    const name = readName(bytes, message, at, end)
    return name.end < 0 ? undefined : name
  }
  switch (type) {
    case 'A':
      return length === 4 ? addressText(4, i32(bytes, start), 0, 0, 0) : undefined
    case 'AAAA':
      return length === 16
        ? addressText(
            6,
            i32(bytes, start),
            i32(bytes, start + 4),
            i32(bytes, start + 8),
            i32(bytes, start + 12),
          )
        : undefined
    case 'NS':
    case 'CNAME':
    case 'PTR':
    case 'DNAME':
      return nameAt(start)?.text
    case 'MX':
    case 'AFSDB':
    case 'RT':
    case 'KX': {
      const name = length > 2 ? nameAt(start + 2) : undefined
      return name === undefined ? undefined : `${u16(bytes, start)} ${orRoot(name)}`
    }
    case 'SRV': {
      const name = length > 6 ? nameAt(start + 6) : undefined
      return name === undefined
        ? undefined
        : `${u16(bytes, start)} ${u16(bytes, start + 2)} ${u16(bytes, start + 4)} ${orRoot(name)}`
    }
    case 'RP':
    case 'MINFO': {
      const first = nameAt(start)
      const second = first === undefined ? undefined : nameAt(first.end)
      return first === undefined || second === undefined ? undefined : `${orRoot(first)} ${orRoot(second)}`
    }
    case 'SOA': {
      const mname = nameAt(start)
      const rname = mname === undefined ? undefined : nameAt(mname.end)
      if (mname === undefined || rname === undefined || rname.end + 20 > end) return undefined
      const numbers = [0, 4, 8, 12, 16].map((offset) => u32(bytes, rname.end + offset))
      return `${orRoot(mname)} ${orRoot(rname)} ${numbers.join(' ')}`
    }
    case 'TXT':
    case 'SPF':
    case 'HINFO':
    case 'X25':
    case 'ISDN':
      return strings(bytes, start, end)?.join(' ')
    case 'CAA': {
      const tagLength = length > 2 ? u8(bytes, start + 1) : 0
      if (length < 2 + tagLength) return undefined
      return `${u8(bytes, start)} ${latin1(bytes, start + 2, start + 2 + tagLength)} ${quoted(bytes, start + 2 + tagLength, end)}`
    }
    case 'URI':
      return length > 4
        ? `${u16(bytes, start)} ${u16(bytes, start + 2)} ${quoted(bytes, start + 4, end)}`
        : undefined
    case 'DS':
    case 'CDS':
      return length > 4
        ? `${u16(bytes, start)} ${u8(bytes, start + 2)} ${u8(bytes, start + 3)} ${hex(bytes, start + 4, end)}`
        : undefined
    case 'DNSKEY':
    case 'CDNSKEY':
      return length > 4
        ? `${u16(bytes, start)} ${u8(bytes, start + 2)} ${u8(bytes, start + 3)} ${base64(bytes, start + 4, end)}`
        : undefined
    case 'TLSA':
    case 'SMIMEA':
      return length > 3
        ? `${u8(bytes, start)} ${u8(bytes, start + 1)} ${u8(bytes, start + 2)} ${hex(bytes, start + 3, end)}`
        : undefined
    case 'SSHFP':
      return length > 2
        ? `${u8(bytes, start)} ${u8(bytes, start + 1)} ${hex(bytes, start + 2, end)}`
        : undefined
    case 'NAPTR': {
      const texts = length > 4 ? strings(bytes, start + 4, end, 3) : undefined
      if (texts === undefined || texts.length < 3) return undefined
      const name = nameAt(start + 4 + stringsLength(bytes, start + 4, 3))
      return name === undefined
        ? undefined
        : `${u16(bytes, start)} ${u16(bytes, start + 2)} ${texts.join(' ')} ${orRoot(name)}`
    }
    case 'RRSIG': {
      const name = length > 18 ? nameAt(start + 18) : undefined
      if (name === undefined) return undefined
      const numbers = [
        u8(bytes, start + 2),
        u8(bytes, start + 3),
        u32(bytes, start + 4),
        u32(bytes, start + 8),
        u32(bytes, start + 12),
        u16(bytes, start + 16),
      ]
      return `${typeName(u16(bytes, start))} ${numbers.join(' ')} ${orRoot(name)} ${base64(bytes, name.end, end)}`
    }
    case 'NSEC': {
      const name = nameAt(start)
      return name === undefined ? undefined : [orRoot(name), ...typeBitmap(bytes, name.end, end)].join(' ')
    }
    case 'NSEC3': {
      const saltLength = length > 5 ? u8(bytes, start + 4) : 0
      const hashAt = start + 5 + saltLength
      const hashLength = hashAt < end ? u8(bytes, hashAt) : 0
      if (length < 6 + saltLength + hashLength) return undefined
      const salt = saltLength === 0 ? '-' : hex(bytes, start + 5, hashAt)
      const hash = base32Hex(bytes.subarray(hashAt + 1, hashAt + 1 + hashLength))
      const types = typeBitmap(bytes, hashAt + 1 + hashLength, end)
      return [u8(bytes, start), u8(bytes, start + 1), u16(bytes, start + 2), salt, hash, ...types].join(' ')
    }
    case 'NSEC3PARAM': {
      if (length < 5 || length !== 5 + u8(bytes, start + 4)) return undefined
      const salt = length === 5 ? '-' : hex(bytes, start + 5, end)
      return [u8(bytes, start), u8(bytes, start + 1), u16(bytes, start + 2), salt].join(' ')
    }
    case 'CERT':
      return length > 5
        ? `${u16(bytes, start)} ${u16(bytes, start + 2)} ${u8(bytes, start + 4)} ${base64(bytes, start + 5, end)}`
        : undefined
    case 'CSYNC':
      return length >= 6
        ? [u32(bytes, start), u16(bytes, start + 4), ...typeBitmap(bytes, start + 6, end)].join(' ')
        : undefined
    case 'OPENPGPKEY':
    case 'DHCID':
      return length > 0 ? base64(bytes, start, end) : undefined
    case 'EUI48':
    case 'EUI64':
      return length === (type === 'EUI48' ? 6 : 8)
        ? hex(bytes, start, end).replace(/..(?!$)/g, '$&-')
        : undefined
    case 'LOC':
      return length === 16 && u8(bytes, start) === 0 ? locationText(bytes, start) : undefined
    case 'SVCB':
    case 'HTTPS': {
      const name = length > 2 ? nameAt(start + 2) : undefined
      const params = name === undefined ? undefined : serviceParams(bytes, name.end, end)
      if (name === undefined || params === undefined) return undefined
      return [u16(bytes, start), orRoot(name), ...params].join(' ')
    }
    case 'OPT':
      return options(bytes, start, end)
    default:
      return undefined
  }
}

/** Character strings (RFC 1035 §3.3), quoted; undefined when they do not fit. */
function strings(
  bytes: Uint8Array,
  start: number,
  end: number,
  most = Number.POSITIVE_INFINITY,
): string[] | undefined {
  const texts: string[] = []
  for (let at = start; at < end && texts.length < most; ) {
    const length = u8(bytes, at)
    if (at + 1 + length > end) return undefined
    texts.push(quoted(bytes, at + 1, at + 1 + length))
    at += 1 + length
  }
  return texts
}

function stringsLength(bytes: Uint8Array, start: number, count: number): number {
  let at = start
  for (let index = 0; index < count; index++) at += 1 + u8(bytes, at)
  return at - start
}

function quoted(bytes: Uint8Array, start: number, end: number): string {
  return `"${escaped(bytes, start, end)}"`
}

/** UTF-8 where the bytes are that, else `\DDD` for each that is not ASCII; control characters are `\DDD` always. */
function escaped(bytes: Uint8Array, start: number, end: number): string {
  const utf8 = utf8Text(bytes, start, end)
  const isUtf8 = !utf8.includes('\ufffd')
  const text = isUtf8 ? utf8 : latin1(bytes, start, end)
  return text.replace(isUtf8 ? UNPRINTABLE : NOT_ASCII, (character) =>
    character === '"' || character === '\\'
      ? `\\${character}`
      : `\\${String(character.charCodeAt(0)).padStart(3, '0')}`,
  )
}

/** The root has no labels; where it stands beside other data it is a dot. */
function orRoot({ text }: Name): string {
  return text === '' ? '.' : text
}

/** RFC 4648 §7, without padding. */
function base32Hex(bytes: Uint8Array): string {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    for (bits += 8; bits >= 5; bits -= 5) text += ((value >> (bits - 5)) & 31).toString(32)
  }
  return bits > 0 ? text + ((value << (5 - bits)) & 31).toString(32) : text
}

/** RFC 1876 §3: thousandths of a second of arc around 2^31, centimetres above 100 km below sea level. */
function locationText(bytes: Uint8Array, start: number): string {
  const angle = (at: number, positive: string, negative: string) => {
    const offset = u32(bytes, at) - 2 ** 31
    const ms = Math.abs(offset)
    const seconds = ((ms % 60_000) / 1000).toFixed(3)
    return `${Math.trunc(ms / 3_600_000)} ${Math.trunc(ms / 60_000) % 60} ${seconds} ${offset < 0 ? negative : positive}`
  }
  const metres = (centimetres: number) => `${(centimetres / 100).toFixed(2)}m`
  const size = (at: number) => metres((u8(bytes, at) >> 4) * 10 ** (u8(bytes, at) & 15))
  const altitude = metres(u32(bytes, start + 12) - 10_000_000)
  return [
    angle(start + 4, 'N', 'S'),
    angle(start + 8, 'E', 'W'),
    altitude,
    size(start + 1),
    size(start + 2),
    size(start + 3),
  ].join(' ')
}

/** RFC 4034 §4.1.2 */
function typeBitmap(bytes: Uint8Array, start: number, end: number): string[] {
  const types: string[] = []
  for (let at = start; at + 2 <= end; ) {
    const window = u8(bytes, at)
    const length = u8(bytes, at + 1)
    for (let bit = 0; bit < length * 8 && at + 2 + (bit >> 3) < end; bit++)
      if ((u8(bytes, at + 2 + (bit >> 3)) & (0x80 >> (bit & 7))) !== 0)
        types.push(typeName(window * 256 + bit))
    at += 2 + length
  }
  return types
}

/** RFC 9460 §2.2 */
function serviceParams(bytes: Uint8Array, start: number, end: number): string[] | undefined {
  const params: string[] = []
  let at = start
  while (at < end) {
    if (at + 4 > end) return undefined
    const key = u16(bytes, at)
    const length = u16(bytes, at + 2)
    if (at + 4 + length > end) return undefined
    params.push(serviceParam(bytes, key, at + 4, at + 4 + length))
    at += 4 + length
  }
  return params
}

function serviceParamName(key: number): string {
  return SERVICE_PARAMS[key] ?? `key${key}`
}

function serviceParam(bytes: Uint8Array, key: number, start: number, end: number): string {
  const name = serviceParamName(key)
  switch (name) {
    case 'alpn':
      return `alpn=${(strings(bytes, start, end) ?? []).map((each) => each.slice(1, -1)).join(',')}`
    case 'port':
      return `port=${end - start === 2 ? u16(bytes, start) : ''}`
    case 'ipv4hint': {
      const hints: string[] = []
      for (let at = start; at + 4 <= end; at += 4) hints.push(addressText(4, i32(bytes, at), 0, 0, 0))
      return `ipv4hint=${hints.join(',')}`
    }
    case 'ipv6hint': {
      const hints: string[] = []
      for (let at = start; at + 16 <= end; at += 16)
        hints.push(
          addressText(6, i32(bytes, at), i32(bytes, at + 4), i32(bytes, at + 8), i32(bytes, at + 12)),
        )
      return `ipv6hint=${hints.join(',')}`
    }
    case 'ech':
      return `ech=${base64(bytes, start, end)}`
    case 'mandatory': {
      const keys: string[] = []
      for (let at = start; at + 2 <= end; at += 2) keys.push(serviceParamName(u16(bytes, at)))
      return `mandatory=${keys.join(',')}`
    }
    case 'dohpath':
      return `dohpath=${escaped(bytes, start, end)}`
    default:
      return end === start ? name : `${name}=${hex(bytes, start, end)}`
  }
}

/** EDNS options (RFC 6891 §6.1.2) as `CODE:hex`. */
function options(bytes: Uint8Array, start: number, end: number): string {
  const texts: string[] = []
  for (let at = start; at + 4 <= end; ) {
    const code = u16(bytes, at)
    const length = u16(bytes, at + 2)
    const to = Math.min(end, at + 4 + length)
    texts.push(`${EDNS_OPTIONS[code] ?? code}:${hex(bytes, at + 4, to)}`)
    at += 4 + length
  }
  return texts.join(' ')
}

const NO_NAME: Name = { text: '', end: -1 }
const LONGEST_NAME = 255
const PLAIN_LABEL = /^[A-Za-z0-9_-]+$/
/** What is escaped within quotes. */
const UNPRINTABLE = /["\\\p{Cc}]/gu
const NOT_ASCII = /["\\]|[^ -~]/g
const SERVICE_PARAMS: Readonly<Record<number, string>> = {
  0: 'mandatory',
  1: 'alpn',
  2: 'no-default-alpn',
  3: 'port',
  4: 'ipv4hint',
  5: 'ech',
  6: 'ipv6hint',
  7: 'dohpath',
}
const EDNS_OPTIONS: Readonly<Record<number, string>> = {
  3: 'NSID',
  8: 'ECS',
  10: 'COOKIE',
  11: 'KEEPALIVE',
  12: 'PADDING',
  15: 'EDE',
}
