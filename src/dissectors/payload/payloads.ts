import { copyOf, u16 } from '../../bytes/read.ts'
import { endOfCharacters, textOf } from '../../bytes/text.ts'
import type { Summary } from '../../dissect/dissector.ts'
import type { EntryProtocol } from '../../entry/entry.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { flag, number, type ObjectShape, object, ofBody, text } from '../../entry/shape.ts'
import { FLAG, type Packet, PROTOCOL } from '../../packet/packet.ts'

/** Of which transports what packets carry is wanted: `tcp` and `udp`. */
export interface WantedPayloads {
  readonly tcp: boolean
  readonly udp: boolean
}

const payload = ofBody(
  text(
    'What it carries, at most 64 KiB, when bodies are kept: UTF-8, or a character a byte where it is not that',
  ),
)
const checksum = number('The checksum in its header')
const truncated = ofBody(flag('payload is not all of it: it was too long, not captured, or not kept'))

const segmentShape = object('A TCP segment', {
  payload,
  length: number('Bytes that it carries'),
  checksum,
  flags: text('SYN, FIN, RST, PSH, ACK, URG: those that are set, with spaces between'),
  seq: number('Sequence number of its first byte, as on the wire'),
  ack: number('Acknowledgement number'),
  window: number('The receive window, as on the wire'),
  truncated,
})

const datagramShape = object('A UDP datagram', {
  payload,
  length: number('Bytes of the datagram, its header of 8 bytes included'),
  checksum,
  truncated,
})

/** What a packet carries. The text is made when somebody reads it. */
abstract class Payload {
  readonly checksum: number
  readonly #bytes: Uint8Array
  readonly #size: number

  /** Of the payload at most `most` bytes are kept. */
  constructor(packet: Packet, checksumAt: number, most: number) {
    const { bytes, payloadStart, payloadEnd, payloadLength } = packet
    this.checksum = u16(bytes, checksumAt)
    this.#bytes = copyOf(
      bytes,
      payloadStart,
      Math.min(payloadEnd, payloadStart + Math.min(most, LONGEST_PAYLOAD)),
    )
    this.#size = payloadLength
  }

  get payload(): string {
    const { length } = this.#bytes
    return textOf(this.#bytes, 0, this.truncated ? endOfCharacters(this.#bytes, 0, length) : length)
  }

  get truncated(): boolean {
    return this.#bytes.length < this.#size
  }
}

class Segment extends Payload {
  readonly length: number
  readonly seq: number
  readonly ack: number
  readonly window: number
  readonly #flags: number

  constructor(packet: Packet, most: number) {
    super(packet, packet.headerStart + 16, most)
    this.length = packet.payloadLength
    this.seq = packet.seq
    this.ack = packet.ack
    this.window = packet.window
    this.#flags = packet.flags
  }

  get flags(): string {
    return FLAG_NAMES.filter(([, bit]) => (this.#flags & bit) !== 0)
      .map(([name]) => name.toUpperCase())
      .join(' ')
  }
}

class Datagram extends Payload {
  readonly length: number

  constructor(packet: Packet, most: number) {
    super(packet, packet.headerStart + 6, most)
    this.length = UDP_HEADER + packet.payloadLength
  }
}

/** What of a packet becomes an entry, and of which protocol; undefined when it carries nothing, or that is not wanted. */
export function payloadOf(
  packet: Packet,
  wanted: WantedPayloads,
  most: number,
): { readonly dissector: EntryProtocol; readonly data: Segment | Datagram } | undefined {
  if (packet.payloadLength === 0) return undefined
  if (packet.protocol === PROTOCOL.tcp && wanted.tcp)
    return { dissector: tcpPayload, data: new Segment(packet, most) }
  if (packet.protocol === PROTOCOL.udp && wanted.udp)
    return { dissector: udpPayload, data: new Datagram(packet, most) }
  return undefined
}

function payloadProtocol<S extends ObjectShape>(
  layer4: 'tcp' | 'udp',
  data: S,
  methodOf: (data: Segment | Datagram) => string,
): EntryProtocol & { readonly data: S } {
  const isTcp = layer4 === 'tcp'
  const protocol: Protocol = {
    name: layer4,
    version: '',
    abbr: layer4.toUpperCase(),
    longName: isTcp ? 'Transmission Control Protocol' : 'User Datagram Protocol',
    macro: layer4,
    backgroundColor: isTcp ? '#7b4b2a' : '#4a6b5d',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: `https://www.rfc-editor.org/rfc/${isTcp ? 'rfc9293' : 'rfc768'}`,
    ports: [],
    layer4,
    layer3: 'ip',
    priority: 10,
  }
  return {
    name: layer4,
    protocols: [protocol],
    request: nothing,
    response: nothing,
    data,
    summarize(_request: never, _response: never, data: Segment | Datagram): Summary {
      const method = methodOf(data)
      return {
        method,
        methodQuery: method === '' ? '' : `data.flags == "${method}"`,
        summary: `${data.length} bytes`,
        summaryQuery: `data.length == ${data.length}`,
        status: 0,
        statusQuery: '',
      }
    },
  }
}

const nothing = object('What packets carry is no request and no reply', {})

/** Segments of TCP that carry something, one entry each. What is said in them has entries of its own. */
export const tcpPayload = payloadProtocol('tcp', segmentShape, (data) => (data as Segment).flags)
/** Datagrams of UDP. */
export const udpPayload = payloadProtocol('udp', datagramShape, () => '')

const FLAG_NAMES = Object.entries(FLAG)
const UDP_HEADER = 8
const LONGEST_PAYLOAD = 64 << 10
