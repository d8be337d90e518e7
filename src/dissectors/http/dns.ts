import type { Inner } from '../../dissect/dissector.ts'
import { type HttpMessage, HttpRequest, HttpResponse } from './messages.ts'

/** The body is a message of DNS (RFC 8484 §6). */
export function isDnsType(contentType: string): boolean {
  return contentType.startsWith(DNS_TYPE)
}

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
  if (!request.url.includes('dns=')) return null
  const given = response instanceof HttpResponse ? response.header('content-type') : ''
  const encoded = request.queryString.dns ?? ''
  const isDns = isDnsType(given) || request.header('accept').includes(DNS_TYPE)
  return isDns && BASE64URL.test(encoded) ? Buffer.from(encoded, 'base64url') : null
}

/** Only the whole of it: the rest of a message would be taken for the message. */
function dnsIn(message: HttpMessage): Uint8Array | null {
  if (message.bodySize === 0 || !isDnsType(message.header('content-type'))) return null
  const { bytes, truncated } = message.decoded
  return truncated ? null : bytes
}

const DNS_TYPE = 'application/dns-message'
/** So long that it has at least the header of a message. */
const BASE64URL = /^[\w-]{16,}$/
