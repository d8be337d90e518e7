import { Mistake } from '../../mistake/mistake.ts'
import { Refusal, type Retry, refusalOf, retryOfStatus } from '../answer.ts'
import type { HelperHost, HttpReply } from '../helper.ts'

/** A call of a helper to AWS, as far as failures tell of it. */
export interface FailingCall {
  readonly helper: string
  readonly host: HelperHost
  readonly account: Account
}

/** Whom a call is made as. Without keys: as whom the environment, a role or the machine says. */
export interface Account {
  readonly region: string
  readonly keys?: { readonly id: string; readonly secret: string }
}

/** What a service says in a reply that is no success: as XML (S3) or JSON (Kinesis). */
export function refusalOfAws({ helper, host, account }: FailingCall, url: string, reply: HttpReply): Refusal {
  const { code, message } = complaintIn(reply)
  const region = reply.headers['x-amz-bucket-region']
  const words = [code, message, region === undefined ? undefined : `the bucket is in ${region}`]
    .filter((each) => each !== undefined && each !== '')
    .join(': ')
  return refusalOf(
    helper,
    host,
    { url },
    reply,
    withoutKeys(words === '' ? reply.body : words, account),
    retryOfAws(code, reply.status, reply.headers['retry-after'], account),
  )
}

/** Of one record among several, which has a code but no reply of its own. */
export function refusalOfRecord(
  { helper, host, account }: FailingCall,
  code: string,
  message: string,
): Refusal {
  const words = host.masked(withoutKeys(`${code}: ${message}`, account)).slice(0, LONGEST_REASON)
  return new Refusal(`${helper}: ${words}`, 400, retryOfAws(code, 400, undefined, account))
}

/** What the SDK throws by itself: our own handler throws all that the other side says. */
export function failureOfSdk({ helper }: FailingCall, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof Mistake) return error
  if (/CredentialsProviderError|TokenProviderError/.test(error.name))
    return new Mistake(
      'E_HELPER_FAILED',
      `${helper}: no AWS credentials were given, and neither the environment, a role nor the machine has any`,
      { cause: error },
    )
  if ('$fault' in error)
    return new Mistake(
      'E_HELPER_FAILED',
      `${helper}: AWS gives no credentials for the role of this process: ${error.name}`,
      { cause: error },
    )
  if ('$metadata' in error)
    return new Mistake('E_HELPER_FAILED', `${helper}: the reply makes no sense`, { cause: error })
  return error
}

/**
 * Codes that say "not now", some with a status that says "never":
 * https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
 * https://docs.aws.amazon.com/kinesis/latest/APIReference/CommonErrors.html
 */
function retryOfAws(
  code: string | undefined,
  status: number,
  retryAfter: string | undefined,
  { keys }: Account,
): Retry {
  const passes = code !== undefined && (PASSING.test(code) || (keys === undefined && EXPIRED.test(code)))
  return retryOfStatus(passes ? 503 : status, retryAfter)
}

const PASSING =
  /Throttl|^ProvisionedThroughputExceeded|^LimitExceeded|^RequestLimitExceeded|^SlowDown|^RequestTimeout$|^RequestTimeTooSkewed|^InternalError|^InternalFailure|^ServiceUnavailable|^OperationAborted/
/** Of a role: the next ones are good again. Keys that were given stay expired. */
const EXPIRED = /^ExpiredToken|^TokenRefreshRequired/

function complaintIn({ headers, body }: HttpReply): {
  code?: string | undefined
  message?: string | undefined
} {
  if (body.trimStart().startsWith('<'))
    return { code: element(body, 'Code'), message: element(body, 'Message') }
  const said = jsonIn(body)
  const type = headers['x-amzn-errortype'] ?? text(said.__type) ?? text(said.code)
  // `com.amazonaws.kinesis#LimitExceededException:http://…`
  return {
    code: type?.replace(/^.*#/, '').replace(/:.*$/, ''),
    message: text(said.message) ?? text(said.Message),
  }
}

function element(xml: string, name: string): string | undefined {
  const found = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return found?.replace(/&(lt|gt|quot|apos|amp);/g, (_, entity: string) => ENTITIES[entity] ?? '')
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' }

function jsonIn(body: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Some complaints quote the key id, and what was signed. */
function withoutKeys(words: string, { keys }: Account): string {
  if (keys === undefined) return words
  return [keys.id, keys.secret].reduce((said, key) => said.replaceAll(key, '[key]'), words)
}

const LONGEST_REASON = 200
