import { Mistake } from '../mistake/mistake.ts'

/** The mistake behind a connection that failed, with what to look at; all else as it is. */
export function unreachable(where: string, error: unknown): unknown {
  if (error instanceof Mistake || !(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  // OpenSSL's own words have addresses and files of its sources around the reason.
  const why = 'reason' in error && code.startsWith('ERR_SSL_') ? String(error.reason) : error.message
  const hint = HINTS.find(([codes]) => codes.test(code))?.[1] ?? OTHERWISE
  return new Mistake('E_KUBERNETES', `${where} cannot be reached: ${why || error.name}`, {
    hint,
    cause: error,
  })
}

/** By the codes of https://nodejs.org/api/errors.html, https://nodejs.org/api/tls.html#x509-certificate-error-codes and OpenSSL. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /^CERT_(NOT_YET_VALID|HAS_EXPIRED)$/,
    'Look at the clock of this machine: the certificate of the API server is for another time, unless it has to be renewed.',
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'Its certificate is for other names: use one of them as the address, or say it as tls-server-name in the kubeconfig.',
  ],
  [
    /^(CERT_|UNABLE_TO_|SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED_CERT)/,
    'Its certificate is of no authority that we trust: that is ca.crt beside the token of a pod, or the certificate-authority of the kubeconfig. A proxy on the way may show its own.',
  ],
  [
    /^ERR_SSL_.*ALERT/,
    'It does not take our certificate: look whether that of the kubeconfig has expired, or is missing.',
  ],
  [/^(ERR_SSL_|EPROTO$)/, 'It does not speak TLS there: look at the address and the port.'],
]
const OTHERWISE = 'Look whether the API server runs, and whether a network policy keeps us from it.'
