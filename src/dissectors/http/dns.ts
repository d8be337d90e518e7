import type { Inner } from '../../dissect/dissector.ts'
import { type HttpMessage, HttpRequest, HttpResponse } from './messages.ts'
import { LONGEST_DNS } from './open-body.ts'

/** DNS over HTTPS (RFC 8484): what is asked is the body of a POST, or is in the query of a GET. */
export function innerDns(request: object | null, response: object | null): Inner | undefined {
  const asked = request instanceof HttpRequest ? questionIn(request, response) : null
  const answered = response instanceof HttpResponse ? dnsIn(response) : null
  return asked === null && answered === null
    ? undefined
    : { dissector: 'dns', request: asked, response: answered }
}

function questionIn(request: HttpRequest, response: object | null): Uint8Array | null {
  if (request.bodySize > 0) return dnsIn(request)
  const isAnswered = response instanceof HttpResponse && response.head.kind === 'dns'
  if (!request.mayAskFor('dns')) return null
  if (!isAnswered && !request.header('accept').includes(DNS_TYPE)) return null
  const encoded = request.queryString.dns ?? ''
  return BASE64URL.test(encoded) ? Buffer.from(encoded, 'base64url') : null
}

/** Only the whole of it: the rest of a message would be taken for the message. */
function dnsIn(message: HttpMessage): Uint8Array | null {
  if (message.bodySize === 0 || message.head.kind !== 'dns') return null
  return message.incomplete || message.body.isCut ? null : (message.undone(LONGEST_DNS) ?? null)
}

const DNS_TYPE = 'application/dns-message'
/** So long that it has at least the header of a message. */
const BASE64URL = /^[\w-]{16,}$/
