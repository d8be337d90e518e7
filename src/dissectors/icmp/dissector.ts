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
  gateway: text('Where a redirect points; "" for others'),
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
    return this.#isPaired ? u16(this.#bytes, 4) : 0
  }

  get sequence(): number {
    return this.#isPaired ? u16(this.#bytes, 6) : 0
  }

  get gateway(): string {
    return this.version === 4 && this.type === 5 && this.length >= 8
      ? addressText(4, i32(this.#bytes, 4), 0, 0, 0)
      : ''
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

  get #isPaired(): boolean {
    const { requests, replies } = this.version === 4 ? PAIRS4 : PAIRS6
    return (requests.has(this.type) || replies.has(this.type)) && this.length >= 8
  }
}

function icmp(version: 4 | 6) {
  const { requests, replies } = version === 4 ? PAIRS4 : PAIRS6
  const parser: Parser<IcmpMessage> = {
    next(bytes, start, end) {
      const message = new IcmpMessage(version, copyOf(bytes, start, end))
      const type = u8(bytes, start)
      const request = replies.get(type) ?? (requests.has(type) ? type : undefined)
      const isPaired = request !== undefined && end - start >= 8
      return {
        kind: 'message',
        message,
        length: end - start,
        ...(isPaired ? { id: `${request} ${u16(bytes, start + 4)} ${u16(bytes, start + 6)}` } : {}),
      }
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
    probe: (bytes: Uint8Array, start: number, end: number, from: 'client' | 'server') =>
      end - start >= 4 && replies.has(u8(bytes, start)) === (from === 'server') ? 'match' : 'reject',
    open: () => ({ client: parser, server: parser }),
    summarize: (request: IcmpMessage | null, response: IcmpMessage | null) => {
      const typeCode = (request ?? response)?.typeCode ?? ''
      return {
        method: '',
        methodQuery: '',
        summary: typeCode,
        summaryQuery: `request.typeCode == ${JSON.stringify(typeCode)}`,
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
    const src = addressText(4, i32(bytes, at + 12), 0, 0, 0)
    return {
      protocol: u8(bytes, at + 9),
      src,
      dst: addressText(4, i32(bytes, at + 16), 0, 0, 0),
      ...portsAt(bytes, transport, u8(bytes, at + 9)),
    }
  }
  if (nibble === 6 && bytes.length >= at + 40)
    return {
      protocol: u8(bytes, at + 6),
      src: ipv6At(bytes, at + 8),
      dst: ipv6At(bytes, at + 24),
      ...portsAt(bytes, at + 40, u8(bytes, at + 6)),
    }
  return null
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
