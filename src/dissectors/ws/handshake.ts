import { trimmed } from '../http/characters.ts'
import { Upgrade } from '../http/upgrade.ts'

/** What both ends agreed on before the first frame, as far as it was seen. */
export interface Handshake {
  /** What the client asked for: `/chat`; "" when that was not seen. */
  readonly path: string
  /** What the server chose of what the client offered (RFC 6455 §1.9). */
  readonly subprotocol: string
  /** Undefined when the reply was not seen: anything may have been agreed on. */
  readonly extensions: Extensions | undefined
}

export interface Extensions {
  /** RFC 7692; undefined when nothing is compressed in this way. */
  readonly deflate: Deflate | undefined
  /** Others were agreed on: what they make of reserved bits and payloads is not known. */
  readonly hasOthers: boolean
}

/** Whether the messages of each side may refer to earlier ones of that side (RFC 7692 §7.1.1). */
export interface Deflate {
  readonly client: boolean
  readonly server: boolean
}

/** What HTTP has left: the request and its reply 101. */
export function handshakeOf(handover: unknown): Handshake {
  if (!(handover instanceof Upgrade)) return UNSEEN
  const { request, response } = handover
  return {
    path: request?.path ?? '',
    subprotocol: response.headerList('sec-websocket-protocol'),
    extensions: readExtensions(response.headerList('sec-websocket-extensions')),
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
      client: !deflate.includes('client_no_context_takeover'),
      server: !deflate.includes('server_no_context_takeover'),
    },
    hasOthers: offers.some((each) => each !== deflate),
  }
}

const UNSEEN: Handshake = { path: '', subprotocol: '', extensions: undefined }
const MOST_EXTENSIONS = 16
const MOST_PARAMETERS = 16
