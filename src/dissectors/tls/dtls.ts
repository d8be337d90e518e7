import { u8, u16, u24 } from '../../bytes/read.ts'
import { defineDissector, type Parser, type Step } from '../../dissect/dissector.ts'
import { LONGEST_HELLO, readClientHello, readServerHello } from './hello.ts'
import {
  ClientHello,
  helloVerifyRequest,
  requestShape,
  responseShape,
  ServerHello,
  type TlsRequest,
  type TlsResponse,
} from './messages.ts'
import { handshakeProtocol, summarizeHandshake } from './protocol.ts'

/** The hellos of DTLS 1.0 to 1.3 (RFC 6347, RFC 9147). Alerts and all that is encrypted pass by unread. */
export const dtls = defineDissector({
  name: 'dtls',
  transport: 'udp',
  ports: [443, 4433, 5684],
  pairing: 'by-id',
  protocols: [handshakeProtocol('udp')],
  request: requestShape,
  response: responseShape,
  probe(bytes, start, end, from) {
    const first = fragmentAt(bytes, start, end)
    if (first === undefined) return 'reject'
    return (first.type === CLIENT_HELLO) === (from === 'client') ? 'match' : 'reject'
  },
  open: () => ({ client: new HelloParser(readRequest), server: new HelloParser(readResponse) }),
  summarize: summarizeHandshake,
})

/** Finds hellos in datagrams, and puts together those that are sent in fragments. RFC 6347 §4.2.3 */
class HelloParser<Message> implements Parser<Message> {
  readonly #read: (type: number, body: Uint8Array) => Message | undefined
  #fragments: Fragments | undefined

  constructor(read: (type: number, body: Uint8Array) => Message | undefined) {
    this.#read = read
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Message> {
    let at = start
    while (at < end) {
      const fragment = fragmentAt(bytes, at, end)
      const message = fragment && this.#add(fragment, bytes)
      if (fragment !== undefined && message !== undefined)
        return { kind: 'message', message, length: end - start, id: fragment.sequence }
      at = recordEnd(bytes, at, end)
    }
    return { kind: 'skip', length: end - start }
  }

  #add(fragment: Fragment, bytes: Uint8Array): Message | undefined {
    if (this.#fragments?.continues(fragment) !== true) this.#fragments = new Fragments(fragment)
    const body = this.#fragments.add(fragment, bytes)
    if (body === undefined) return undefined
    this.#fragments = undefined
    return this.#read(fragment.type, body)
  }
}

/** Fragments of one message, taken in order; one that comes too early is left to its retransmission. */
class Fragments {
  readonly #first: Fragment
  readonly #body: Uint8Array
  #has = 0

  constructor(first: Fragment) {
    this.#first = first
    this.#body = new Uint8Array(first.length)
  }

  continues(fragment: Fragment): boolean {
    const { type, sequence, length } = this.#first
    return fragment.type === type && fragment.sequence === sequence && fragment.length === length
  }

  /** The body once it is whole. */
  add({ offset, start, end }: Fragment, bytes: Uint8Array): Uint8Array | undefined {
    if (offset <= this.#has) {
      this.#body.set(bytes.subarray(start, end), offset)
      this.#has = Math.max(this.#has, offset + end - start)
    }
    return this.#has === this.#body.length ? this.#body : undefined
  }
}

interface Fragment {
  readonly type: number
  /** Length of the whole body. */
  readonly length: number
  readonly sequence: number
  /** Where in the body `[start, end)` of the datagram belongs. */
  readonly offset: number
  readonly start: number
  readonly end: number
}

/** The fragment of a hello with which the record at `at` begins, if it is one that is not encrypted. */
function fragmentAt(bytes: Uint8Array, at: number, end: number): Fragment | undefined {
  const last = recordEnd(bytes, at, end)
  if (last > end || last - at < HEADER + HANDSHAKE_HEADER) return undefined
  const isOpen = u8(bytes, at) === HANDSHAKE && isVersion(u16(bytes, at + 1)) && u16(bytes, at + 3) === 0
  const type = u8(bytes, at + HEADER)
  if (!isOpen || (type !== CLIENT_HELLO && type !== SERVER_HELLO && type !== HELLO_VERIFY_REQUEST))
    return undefined
  const length = u24(bytes, at + HEADER + 1)
  const sequence = u16(bytes, at + HEADER + 4)
  const offset = u24(bytes, at + HEADER + 6)
  const start = at + HEADER + HANDSHAKE_HEADER
  const fragmentEnd = start + u24(bytes, at + HEADER + 9)
  if (fragmentEnd > last || offset + fragmentEnd - start > length || length > LONGEST_HELLO) return undefined
  return { type, length, sequence, offset, start, end: fragmentEnd }
}

/** Behind the record at `at`, or past the end of the datagram when it is cut off. */
function recordEnd(bytes: Uint8Array, at: number, end: number): number {
  return at + HEADER > end ? end + 1 : at + HEADER + u16(bytes, at + 11)
}

function isVersion(version: number): boolean {
  return version === DTLS_1_0 || version === DTLS_1_2
}

function readRequest(_type: number, body: Uint8Array): TlsRequest | undefined {
  const hello = readClientHello(body, true)
  return hello && new ClientHello(hello, 'd')
}

function readResponse(type: number, body: Uint8Array): TlsResponse | undefined {
  if (type === HELLO_VERIFY_REQUEST) return helloVerifyRequest(u16(body, 0))
  const hello = readServerHello(body)
  return hello && new ServerHello(hello)
}

/** Type, version, epoch, sequence number, length. */
const HEADER = 13
/** Type, length, sequence number, offset and length of the fragment. */
const HANDSHAKE_HEADER = 12
const HANDSHAKE = 22
const CLIENT_HELLO = 1
const SERVER_HELLO = 2
const HELLO_VERIFY_REQUEST = 3
/** In records; hellos of DTLS 1.3 carry that of 1.2. */
const DTLS_1_0 = 0xfeff
const DTLS_1_2 = 0xfefd
