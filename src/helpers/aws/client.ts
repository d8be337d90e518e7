import { AsyncLocalStorage } from 'node:async_hooks'
import { Readable } from 'node:stream'
import type { KinesisClient } from '@aws-sdk/client-kinesis'
import type { S3Client } from '@aws-sdk/client-s3'
import type { HelperHost, HttpRequest } from '../helper.ts'
import { given } from './account.ts'
import { type Account, type FailingCall, failureOfSdk, refusalOfAws } from './failure.ts'
import type { AwsService } from './place.ts'

type S3Sdk = typeof import('@aws-sdk/client-s3')
type KinesisSdk = typeof import('@aws-sdk/client-kinesis')

/** A call of a helper that goes to AWS. */
export interface AwsCall extends FailingCall {
  readonly host: HelperHost
  readonly account: Account
  /** Base address of the service: `https://s3.eu-west-1.amazonaws.com`. */
  readonly endpoint: string
  /** The bucket stands in the path, not in the name of the host. */
  readonly isPath?: boolean
  /** For each of its requests, ms, when that may take longer than usual. */
  readonly totalMs?: number
}

/** Uses the SDK for S3. Requests go out by `host.request`; what fails is a Mistake. */
export async function withS3<T>(
  call: AwsCall,
  use: (client: S3Client, sdk: S3Sdk) => Promise<T>,
): Promise<T> {
  const sdk = await import('@aws-sdk/client-s3')
  const client = clientFor('s3', call, (settings) => {
    const { credentials = new sdk.S3Client(AMBIENT(settings)).config.credentials, ...rest } = settings
    return new sdk.S3Client({
      ...rest,
      credentials,
      forcePathStyle: call.isPath === true,
      // The sum of a file is worked out before: a trailer after it is not what all stores understand.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      expectContinueHeader: false,
    })
  })
  return await during(call, () => use(client, sdk))
}

/** The same for Kinesis Data Streams. */
export async function withKinesis<T>(
  call: AwsCall,
  use: (client: KinesisClient, sdk: KinesisSdk) => Promise<T>,
): Promise<T> {
  const sdk = await import('@aws-sdk/client-kinesis')
  const client = clientFor('kinesis', call, (settings) => {
    const { credentials = new sdk.KinesisClient(AMBIENT(settings)).config.credentials, ...rest } = settings
    return new sdk.KinesisClient({ ...rest, credentials })
  })
  return await during(call, () => use(client, sdk))
}

/**
 * A client that is only there for its chain of credentials: environment, role of the pod, role of the machine. What the
 * chain asks of the metadata service or of STS, the SDK sends itself: scripts may not, and have no part in it.
 */
const AMBIENT = ({ region }: Settings) => ({ region })

interface Settings {
  readonly region: string
  readonly endpoint: string
  readonly useFipsEndpoint: boolean
  readonly useDualstackEndpoint: boolean
  readonly credentials?: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
  readonly maxAttempts: number
  readonly logger: typeof SILENT
  readonly requestHandler: FencedHandler
}

/** The SDK would write to our own output that it does not try again. */
const SILENT = { trace() {}, debug() {}, info() {}, warn() {}, error() {} }

/** Clients keep credentials of roles until they expire, and signing keys: one for each account and place. */
const clients = new Map<string, S3Client | KinesisClient>()
const MOST_CLIENTS = 32

function clientFor<Client extends S3Client | KinesisClient>(
  service: AwsService,
  { account: { region, keys }, endpoint, isPath, host: { env } }: AwsCall,
  open: (settings: Settings) => Client,
): Client {
  const sessionToken = tokenOf(keys, env)
  const key = JSON.stringify([service, region, endpoint, isPath, keys?.id, keys?.secret, sessionToken])
  // The key says which kind it is.
  const client =
    (clients.get(key) as Client | undefined) ??
    open({
      region,
      endpoint,
      // Else the environment of this process would say where to.
      ...{ useFipsEndpoint: false, useDualstackEndpoint: false },
      ...(keys === undefined
        ? {}
        : {
            credentials: {
              accessKeyId: keys.id,
              secretAccessKey: keys.secret,
              ...(sessionToken === undefined ? {} : { sessionToken }),
            },
          }),
      // The outbox tries again, by what the failure says.
      maxAttempts: 1,
      logger: SILENT,
      requestHandler: new FencedHandler(),
    })
  clients.delete(key)
  clients.set(key, client)
  const [oldest] = clients.keys()
  if (clients.size > MOST_CLIENTS && oldest !== undefined) clients.delete(oldest)
  return client
}

/** Keys that are good for a while come with a token, which no argument is for: AWS's own variable has it, beside the keys. */
function tokenOf(keys: Account['keys'], env: HelperHost['env']): string | undefined {
  const { AWS_ACCESS_KEY_ID: id, AWS_SESSION_TOKEN: token } = env
  return keys !== undefined && keys.id === id && typeof token === 'string' ? given(token) : undefined
}

/** A client serves many calls: this is the one on whose behalf it sends. */
const current = new AsyncLocalStorage<AwsCall>()

async function during<T>(call: AwsCall, work: () => Promise<T>): Promise<T> {
  try {
    return await current.run(call, work)
  } catch (error) {
    throw failureOfSdk(call, error)
  }
}

/** As the SDK hands requests on. */
interface SdkRequest {
  readonly method: string
  readonly protocol: string
  readonly hostname: string
  readonly port?: number
  readonly path: string
  readonly query?: Readonly<Record<string, string | string[] | null>>
  readonly headers: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** What SDKs send with: all goes through `host.request`, under its rules. */
class FencedHandler {
  readonly metadata = { handlerProtocol: 'http/1.1' }

  async handle(request: SdkRequest) {
    const call = current.getStore()
    if (call === undefined) throw new Error('AWS is called by helpers only')
    const url = urlOf(request)
    const { method, headers } = request
    const reply = await call.host.request({
      method,
      url,
      headers,
      body: bodyOf(request.body),
      ...(call.totalMs === undefined ? {} : { totalMs: call.totalMs }),
    })
    if (reply.status < 200 || reply.status >= 300) throw refusalOfAws(call, url, reply)
    const body = Readable.from(reply.body === '' ? [] : [Buffer.from(reply.body)])
    return { response: { statusCode: reply.status, headers: { ...reply.headers }, body } }
  }

  updateHttpClientConfig(): void {
    // There is nothing to set: the egress has its own limits.
  }

  httpHandlerConfigs() {
    return {}
  }
}

function bodyOf(body: unknown): HttpRequest['body'] {
  if (body === undefined || body === null) return undefined
  if (typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable) return body
  throw new Error('the SDK sends something that is neither text, bytes nor a stream')
}

/** Encoded as it was signed (RFC 3986, as SigV4 has it). */
function urlOf({ protocol, hostname, port, path, query = {} }: SdkRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((each) => (each === null ? encoded(name) : `${encoded(name)}=${encoded(each)}`)),
  )
  const search = pairs.length === 0 ? '' : `?${pairs.join('&')}`
  return `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${search}`
}

function encoded(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
