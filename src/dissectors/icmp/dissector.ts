import { copyOf, i32, u8, u16, u32 } from '../../bytes/read.ts'
import { defineDissector, type Parser } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { any, number, object, text } from '../../entry/shape.ts'
import { addressText } from '../../packet/address.ts'

/** The packet that an error message is about, as far as it is quoted. */
interface Quoted {
  readonly protocol: number
  readonly src: string
  readonly dst: string
  readonly srcPort: number
  readonly dstPort: number
}

const shape = object('ICMP message', {
  type: number('Type'),
  code: number('Code'),
  typeCode: text('In words, such as EchoRequest or DestinationUnreachable(Port)'),
  checksum: number('Checksum'),
  id: number('Identifier of echo and the like; 0 for others'),
  sequence: number('Sequence number of echo and the like; 0 for others'),
  version: number('4 or 6'),
  length: number('Bytes of the message, header included'),
  gateway: text('Router that a redirect points to; "" for others'),
  mtu: number('Next-hop MTU of fragmentation-needed and packet-too-big; 0 for others'),
  target: text('Address that neighbour discovery asks for; "" for others'),
  quoted: any<Quoted | null>(
    'The packet that an error is about',
    '{ protocol: number, src: string, dst: string, srcPort: number, dstPort: number } | null',
  ),
})

/** RFC 792 and RFC 4443; read when somebody looks. */
class IcmpMessage {
  readonly version: number
  readonly length: number
  readonly #bytes: Uint8Array

  constructor(version: number, bytes: Uint8Array) {
    this.version = version
    this.#bytes = bytes
    this.length = bytes.length
  }

  get type(): number {
    return u8(this.#bytes, 0)
  }

  get code(): number {
    return u8(this.#bytes, 1)
  }

  get checksum(): number {
    return u16(this.#bytes, 2)
  }

  get typeCode(): string {
    return typeCodeText(this.version, this.type, this.code)
  }

  get id(): number {
    return this.#isNumbered ? u16(this.#bytes, 4) : 0
  }

  get sequence(): number {
    return this.#isNumbered ? sequenceAt(this.#bytes, 0, this.version) : 0
  }

  get gateway(): string {
    if (this.version === 6) return this.type === 137 && this.length >= 24 ? ipv6At(this.#bytes, 8) : ''
    return this.type === 5 && this.length >= 8 ? addressText(4, i32(this.#bytes, 4), 0, 0, 0) : ''
  }

  get mtu(): number {
    if (this.length < 8) return 0
    if (this.version === 4) return this.type === 3 && this.code === 4 ? u16(this.#bytes, 6) : 0
    return this.type === 2 ? u32(this.#bytes, 4) : 0
  }

  get target(): string {
    const isDiscovery = this.version === 6 && (this.type === 135 || this.type === 136)
    return isDiscovery && this.length >= 24 ? ipv6At(this.#bytes, 8) : ''
  }

  get quoted(): Quoted | null {
    const errors = this.version === 4 ? ERRORS4 : ERRORS6
    return errors.has(this.type) ? quotedPacket(this.#bytes, 8) : null
  }

  get #isNumbered(): boolean {
    const { requests, replies } = this.version === 4 ? PAIRS4 : PAIRS6
    return (
      (requests.has(this.type) || replies.has(this.type)) &&
      this.length >= 8 &&
      !hasNonce(this.version, this.type)
    )
  }
}

/** Of the extended echo it is one byte; the state of the interface stands beside it. RFC 8335 §2, §3 */
function sequenceAt(bytes: Uint8Array, start: number, version: number): number {
  const extended = version === 4 ? EXTENDED4 : EXTENDED6
  return extended.has(u8(bytes, start)) ? u8(bytes, start + 6) : u16(bytes, start + 6)
}

/** Node information has no identifier and no sequence number, but a nonce. RFC 4620 §4 */
function hasNonce(version: number, type: number): boolean {
  return version === 6 && (type === 139 || type === 140)
}

/** What a message and its reply have in common; undefined when it has none, or not all of that is there. */
function pairingId(version: 4 | 6, bytes: Uint8Array, start: number, end: number): string | undefined {
  const { requests, replies } = version === 4 ? PAIRS4 : PAIRS6
  const type = u8(bytes, start)
  const request = replies.get(type) ?? (requests.has(type) ? type : undefined)
  if (request === undefined || end - start < (hasNonce(version, type) ? 16 : 8)) return undefined
  if (hasNonce(version, type)) return `${request} ${u32(bytes, start + 8)} ${u32(bytes, start + 12)}`
  return `${request} ${u16(bytes, start + 4)} ${sequenceAt(bytes, start, version)}`
}

function icmp(version: 4 | 6) {
  const { replies } = version === 4 ? PAIRS4 : PAIRS6
  const parser: Parser<IcmpMessage> = {
    next(bytes, start, end) {
      const message = new IcmpMessage(version, copyOf(bytes, start, end))
      const id = pairingId(version, bytes, start, end)
      return { kind: 'message', message, length: end - start, ...(id === undefined ? {} : { id }) }
    },
  }
  return defineDissector({
    name: 'icmp',
    transport: 'icmp',
    ports: [],
    pairing: 'by-id',
    protocols: [protocol(version)],
    request: shape,
    response: shape,
    data: shape,
    probe: (bytes: Uint8Array, start: number, end: number, from: 'client' | 'server') =>
      end - start >= 4 && replies.has(u8(bytes, start)) === (from === 'server') ? 'match' : 'reject',
    open: () => ({ client: parser, server: parser }),
    summarize: (request: IcmpMessage | null, response: IcmpMessage | null) => {
      const typeCode = (request ?? response)?.typeCode ?? ''
      return {
        method: '',
        methodQuery: '',
        summary: typeCode,
        summaryQuery: `${request === null ? 'response' : 'request'}.typeCode == ${JSON.stringify(typeCode)}`,
        status: 0,
        statusQuery: '',
      }
    },
  })
}

/** The header that an error quotes: addresses, and ports where there are some. */
function quotedPacket(bytes: Uint8Array, at: number): Quoted | null {
  const nibble = at < bytes.length ? u8(bytes, at) >> 4 : 0
  if (nibble === 4 && bytes.length >= at + 20) {
    const transport = at + ((u8(bytes, at) & 15) << 2)
    const isFirst = (u16(bytes, at + 6) & 0x1fff) === 0
    const src = addressText(4, i32(bytes, at + 12), 0, 0, 0)
    return {
      protocol: u8(bytes, at + 9),
      src,
      dst: addressText(4, i32(bytes, at + 16), 0, 0, 0),
      ...portsAt(bytes, isFirst ? transport : bytes.length, u8(bytes, at + 9)),
    }
  }
  if (nibble === 6 && bytes.length >= at + 40) {
    const { protocol, transport } = behindExtensions(bytes, at + 40, u8(bytes, at + 6))
    return {
      protocol,
      src: ipv6At(bytes, at + 8),
      dst: ipv6At(bytes, at + 24),
      ...portsAt(bytes, transport, protocol),
    }
  }
  return null
}

/** Past the extension headers of IPv6 that are quoted; of a later fragment nothing is behind them. RFC 8200 §4 */
function behindExtensions(
  bytes: Uint8Array,
  start: number,
  first: number,
): { protocol: number; transport: number } {
  let protocol = first
  let at = start
  while (EXTENSION_HEADERS.has(protocol) && at + 8 <= bytes.length) {
    const isLaterFragment = protocol === FRAGMENT && (u16(bytes, at + 2) & 0xfff8) !== 0
    const length = protocol === FRAGMENT ? 8 : (u8(bytes, at + 1) + 1) * 8
    protocol = u8(bytes, at)
    if (isLaterFragment) return { protocol, transport: bytes.length }
    at += length
  }
  return { protocol, transport: at }
}

function portsAt(bytes: Uint8Array, at: number, protocol: number): { srcPort: number; dstPort: number } {
  const hasPorts = (protocol === 6 || protocol === 17 || protocol === 132) && at + 4 <= bytes.length
  return hasPorts ? { srcPort: u16(bytes, at), dstPort: u16(bytes, at + 2) } : { srcPort: 0, dstPort: 0 }
}

function ipv6At(bytes: Uint8Array, at: number): string {
  return addressText(6, i32(bytes, at), i32(bytes, at + 4), i32(bytes, at + 8), i32(bytes, at + 12))
}

function typeCodeText(version: number, type: number, code: number): string {
  const name = (version === 4 ? TYPES4 : TYPES6)[type]
  if (name === undefined) return `${type}(${code})`
  const codes = (version === 4 ? CODES4 : CODES6)[type]
  return codes === undefined ? name : `${name}(${codes[code] ?? `Code: ${code}`})`
}

function protocol(version: 4 | 6): Protocol {
  return {
    name: 'icmp',
    version: String(version),
    abbr: `ICMPv${version}`,
    longName: `Internet Control Message Protocol version ${version}`,
    macro: 'icmp',
    backgroundColor: '#7d3c98',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: `https://www.rfc-editor.org/rfc/${version === 4 ? 'rfc792' : 'rfc4443'}`,
    ports: [],
    layer4: '',
    layer3: 'ip',
    priority: 5,
  }
}

/** Types that ask, and types that answer with what they answer. */
const PAIRS4 = {
  requests: new Set([8, 13, 15, 17, 42]),
  replies: new Map([
    [0, 8],
    [14, 13],
    [16, 15],
    [18, 17],
    [43, 42],
  ]),
}
const PAIRS6 = {
  requests: new Set([128, 139, 160]),
  replies: new Map([
    [129, 128],
    [140, 139],
    [161, 160],
  ]),
}
const EXTENDED4: ReadonlySet<number> = new Set([42, 43])
const EXTENDED6: ReadonlySet<number> = new Set([160, 161])
const FRAGMENT = 44
/** Hop-by-hop options, routing, fragment, destination options. */
const EXTENSION_HEADERS: ReadonlySet<number> = new Set([0, 43, FRAGMENT, 60])
const ERRORS4: ReadonlySet<number> = new Set([3, 4, 5, 11, 12])
const ERRORS6: ReadonlySet<number> = new Set([1, 2, 3, 4])

/** Names as packet libraries of the Go world print them, which scripts of the original know. */
const TYPES4: Readonly<Record<number, string>> = {
  0: 'EchoReply',
  3: 'DestinationUnreachable',
  4: 'SourceQuench',
  5: 'Redirect',
  8: 'EchoRequest',
  9: 'RouterAdvertisement',
  10: 'RouterSolicitation',
  11: 'TimeExceeded',
  12: 'ParameterProblem',
  13: 'TimestampRequest',
  14: 'TimestampReply',
  15: 'InfoRequest',
  16: 'InfoReply',
  17: 'AddressMaskRequest',
  18: 'AddressMaskReply',
  42: 'ExtendedEchoRequest',
  43: 'ExtendedEchoReply',
}
const CODES4: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  3: {
    0: 'Net',
    1: 'Host',
    2: 'Protocol',
    3: 'Port',
    4: 'FragmentationNeeded',
    5: 'SourceRoutingFailed',
    6: 'NetUnknown',
    7: 'HostUnknown',
    8: 'SourceIsolated',
    9: 'NetAdminProhibited',
    10: 'HostAdminProhibited',
    11: 'NetTOS',
    12: 'HostTOS',
    13: 'CommAdminProhibited',
    14: 'HostPrecedence',
    15: 'PrecedenceCutoff',
  },
  5: { 0: 'Net', 1: 'Host', 2: 'TOS+Net', 3: 'TOS+Host' },
  11: { 0: 'TTLExceeded', 1: 'FragmentReassemblyTimeExceeded' },
  12: { 0: 'PointerIndicatesError', 1: 'MissingOption', 2: 'BadLength' },
}
const TYPES6: Readonly<Record<number, string>> = {
  1: 'DestinationUnreachable',
  2: 'PacketTooBig',
  3: 'TimeExceeded',
  4: 'ParameterProblem',
  128: 'EchoRequest',
  129: 'EchoReply',
  130: 'MLDv1MulticastListenerQuery',
  131: 'MLDv1MulticastListenerReport',
  132: 'MLDv1MulticastListenerDone',
  133: 'RouterSolicitation',
  134: 'RouterAdvertisement',
  135: 'NeighborSolicitation',
  136: 'NeighborAdvertisement',
  137: 'Redirect',
  139: 'NodeInformationQuery',
  140: 'NodeInformationReply',
  143: 'MLDv2MulticastListenerReport',
  160: 'ExtendedEchoRequest',
  161: 'ExtendedEchoReply',
}
const CODES6: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  1: {
    0: 'NoRouteToDst',
    1: 'AdminProhibited',
    2: 'BeyondScopeOfSrc',
    3: 'AddressUnreachable',
    4: 'PortUnreachable',
    5: 'SrcAddressFailedPolicy',
    6: 'RejectRouteToDst',
  },
  3: { 0: 'HopLimitExceeded', 1: 'FragmentReassemblyTimeExceeded' },
  4: { 0: 'ErroneousHeader', 1: 'UnrecognizedNextHeader', 2: 'UnrecognizedIPv6Option' },
}

/** RFC 792, 950, 8335 and what IANA lists. */
export const icmp4 = icmp(4)
/** RFC 4443, 4861. */
export const icmp6 = icmp(6)
