import { Mistake } from '../mistake/mistake.ts'
import type { HelperHost, HttpReply, HttpRequest } from './helper.ts'

/** What comes of a call that failed: whether it may succeed when it is made again, and when that makes sense. */
export type Retry = { readonly when: 'later'; readonly afterMs?: number } | { readonly when: 'never' }

/** The other side has answered that it will not, or not now. */
export class Refusal extends Mistake {
  readonly status: number
  readonly retry: Retry

  constructor(message: string, status: number, retry: Retry) {
    super('E_HELPER_FAILED', message)
    this.status = status
    this.retry = retry
  }
}

/** A limit that passes by itself. */
export class Busy extends Mistake {
  readonly retry: Retry

  constructor(message: string, afterMs: number) {
    super('E_HELPER_REFUSED', message)
    this.retry = { when: 'later', afterMs }
  }
}

/** Of calls that were sent together: some have arrived. */
export class PartlyFailed extends Mistake {
  /** By place in what was sent: why each of these did not arrive. */
  readonly failures: ReadonlyMap<number, unknown>

  constructor(message: string, failures: ReadonlyMap<number, unknown>) {
    super('E_HELPER_FAILED', message)
    this.failures = failures
  }
}

/** A mistake of the script, or a limit, stays one; what the other side or the way there did may pass. */
export function retryOf(error: unknown): Retry {
  if (error instanceof Refusal || error instanceof Busy) return error.retry
  if (error instanceof Mistake && error.code !== 'E_HELPER_FAILED') return { when: 'never' }
  return { when: 'later' }
}

/** RFC 9110 §15: 408, 429 and 5xx pass; 501 and 505 do not, nor do other refusals. */
export function retryOfStatus(status: number, retryAfter?: string, nowMs = Date.now()): Retry {
  const passes = status === 408 || status === 425 || status === 429 || (status >= 500 && !LASTING.has(status))
  if (!passes) return { when: 'never' }
  const afterMs = retryAfter === undefined ? undefined : retryAfterMs(retryAfter, nowMs)
  return afterMs === undefined ? { when: 'later' } : { when: 'later', afterMs }
}

/** Not implemented, HTTP version not supported, network authentication required. */
const LASTING: ReadonlySet<number> = new Set([501, 505, 511])

/** `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. */
export function retryAfterMs(value: string, nowMs: number): number | undefined {
  if (/^\d+$/.test(value.trim())) return Math.min(Number(value) * 1000, LONGEST_WAIT_MS)
  const date = Date.parse(value)
  return Number.isNaN(date) ? undefined : Math.min(Math.max(date - nowMs, 0), LONGEST_WAIT_MS)
}

const LONGEST_WAIT_MS = 3_600_000

/**
 * A request whose reply must be a success: for APIs, where a webhook would take any status. Throws a `Refusal` with what
 * the other side says (`reasonIn`, or the beginning of the body), without secrets.
 */
export async function requestOf(
  helper: string,
  host: HelperHost,
  request: HttpRequest,
  reasonIn: (reply: HttpReply) => string | undefined = () => undefined,
): Promise<HttpReply> {
  const reply = await host.request(request)
  if (reply.status >= 200 && reply.status < 300) return reply
  throw refusalOf(helper, host, request, reply, reasonIn(reply))
}

/** For replies that are refusals in spite of their status, too. */
export function refusalOf(
  helper: string,
  host: HelperHost,
  { url }: Pick<HttpRequest, 'url'>,
  { status, headers, body }: HttpReply,
  reason?: string,
  retry: Retry = retryOfStatus(status, headers['retry-after']),
): Refusal {
  const said = host
    .masked(reason ?? body.slice(0, LONGEST_REASON))
    .replace(/\s+/g, ' ')
    .trim()
  const words = said === '' ? '' : `: ${said.slice(0, LONGEST_REASON)}`
  return new Refusal(`${helper}: ${new URL(url).host} answered ${status}${words}`, status, retry)
}

const LONGEST_REASON = 200

/** JSON of a reply; what is none is a failure of the other side. */
export function jsonOf(helper: string, { url }: Pick<HttpRequest, 'url'>, { body }: HttpReply): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new Mistake('E_HELPER_FAILED', `${helper}: the reply of ${new URL(url).host} is not JSON`)
  }
}
