import { createHash, type X509Certificate } from 'node:crypto'
import type { ConnectionOptions, TLSSocket } from 'node:tls'

/**
 * What to trust of a server when the SHA-256 of one of its certificates (DER, as hexadecimal digits) is known: that
 * certificate, and what it has signed. Undefined when the server does not show it. Its own certificate may be for any name,
 * as it is known by itself; one that the known one has signed must be for the host.
 */
export function pinnedTrust(socket: TLSSocket, sha256: string): ConnectionOptions | undefined {
  const shown = [...chainOf(socket.getPeerX509Certificate())]
  const known = shown.findIndex(({ raw }) => createHash('sha256').update(raw).digest('hex') === sha256)
  const certificate = shown[known]
  if (certificate === undefined) return undefined
  return {
    ca: certificate.toString(),
    allowPartialTrustChain: true,
    ...(known === 0 ? { checkServerIdentity: () => undefined } : {}),
  }
}

/** The certificate of the server, then that which signed it, and so on. */
function* chainOf(certificate: X509Certificate | undefined): Generator<X509Certificate> {
  const seen = new Set<string>()
  for (let next = certificate; next !== undefined && !seen.has(next.fingerprint256); ) {
    seen.add(next.fingerprint256)
    yield next
    next = next.issuerCertificate
  }
}
