import { Mistake } from '../../mistake/mistake.ts'
import { Refusal, retryOfStatus } from '../answer.ts'

/** What the library throws, in our own words. */
export function failureOf(error: unknown, peer: string): unknown {
  if (error instanceof Mistake || !(error instanceof Error)) return error
  const code = codeOf(error)
  if (code !== undefined) return failed(`${peer}: ${REASONS[code] ?? `failed (${code})`}`)
  switch (error.name) {
    case 'AuthorizationError':
    case 'UserAuthenticationExpiredError':
      return refused(`${peer}: wrong credentials`, 401)
    case 'PermissionViolationError':
      return refused(`${peer}: not permitted`, 403)
    case 'NoResponders':
    case 'NoRespondersError':
      return noStream(peer)
    case 'RequestError':
      return error.cause instanceof Error ? failureOf(error.cause, peer) : noStream(peer)
    case 'TimeoutError':
      return failed(`${peer}: no answer in time`)
    case 'ConnectionError':
    case 'ClosedConnectionError':
    case 'DrainingConnectionError':
    case 'ProtocolError':
      return failed(`${peer}: the connection was closed`)
  }
  return error
}

/** It may pass as HTTP says of the status. */
export function refused(reason: string, status: number): Refusal {
  return new Refusal(`${HELPER}: ${reason}`, status, retryOfStatus(status))
}

export function failed(reason: string): Mistake {
  return new Mistake('E_HELPER_FAILED', `${HELPER}: ${reason}`)
}

/** Also while a stream has no leader. */
function noStream(peer: string): Refusal {
  return new Refusal(`${HELPER}: ${peer}: no stream takes this subject`, 404, { when: 'later' })
}

/** Of the operating system or TLS, however deep. */
function codeOf(error: Error): string | undefined {
  if ('code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(error.code))
    return error.code
  return error.cause instanceof Error ? codeOf(error.cause) : undefined
}

const HELPER = 'vendor.nats.put'

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was closed',
  ERR_STREAM_WRITE_AFTER_END: 'the connection was closed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted',
}
