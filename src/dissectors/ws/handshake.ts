import { trimmed } from '../http/characters.ts'
import { Upgrade } from '../http/upgrade.ts'
import { LARGEST_WINDOW } from './inflater.ts'

/** What both ends agreed on before the first frame, as far as it was seen. */
export interface Handshake {
  /** What the client asked for: `/chat`; "" when that was not seen. */
  readonly path: string
  /** What the server chose of what the client offered (RFC 6455 §1.9). */
  readonly subprotocol: string
  /** Undefined when the reply was not seen: anything may have been agreed on. */
  readonly extensions: Extensions | undefined
  /** Of a draft before the seventh, which has other frames (draft-ietf-hybi-thewebsocketprotocol-00). */
  readonly isOld: boolean
}

export interface Extensions {
  /** RFC 7692; undefined when nothing is compressed in this way. */
  readonly deflate: Deflate | undefined
  /** Others were agreed on: what they make of reserved bits and payloads is not known. */
  readonly hasOthers: boolean
}

/** How far back the messages of each side may refer, in bytes (RFC 7692 §7.1.2). */
export interface Deflate {
  readonly client: number
  readonly server: number
}

/** What HTTP has left: the request and its reply 101. */
export function handshakeOf(handover: unknown): Handshake {
  if (!(handover instanceof Upgrade)) return UNSEEN
  const { request, response } = handover
  return {
    path: request?.path ?? '',
    subprotocol: response.headerList('sec-websocket-protocol'),
    extensions: readExtensions(response.headerList('sec-websocket-extensions')),
    isOld: `${response.header('sec-websocket-location')}${response.header('websocket-location')}` !== '',
  }
}

/** `permessage-deflate; server_no_context_takeover, other` (RFC 6455 §9.1). */
export function readExtensions(header: string): Extensions {
  const offers = header
    .split(',', MOST_EXTENSIONS)
    .map((each) => each.split(';', MOST_PARAMETERS).map((part) => trimmed(part).toLowerCase()))
    .filter(([name]) => name !== '')
  const deflate = offers.find(([name]) => name === 'permessage-deflate')
  return {
    deflate: deflate && {
      client: windowIn(deflate, 'client_max_window_bits'),
      server: windowIn(deflate, 'server_max_window_bits'),
    },
    hasOthers: offers.some((each) => each !== deflate),
  }
}

/** zlib makes 9 bits of 8. */
function windowIn(parameters: readonly string[], name: string): number {
  const value = parameters.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1) ?? ''
  const bits = Number(value.replaceAll('"', ''))
  return bits >= 8 && bits < 15 ? 1 << Math.max(bits, 9) : LARGEST_WINDOW
}

const UNSEEN: Handshake = { path: '', subprotocol: '', extensions: undefined, isOld: false }
const MOST_EXTENSIONS = 16
const MOST_PARAMETERS = 16
