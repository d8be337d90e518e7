import { Readable } from 'node:stream'
import type { BlobServiceClient, HttpOperationResponse, IHttpClient, WebResource } from '@azure/storage-blob'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { refusalOf } from '../answer.ts'
import { type HelperHost, type HttpReply, type HttpRequest, helper, namespace } from '../helper.ts'
import { isStandIn, NO_HOST } from '../secrets.ts'
import { dropAside, setAside } from '../set-aside.ts'
import { localFile } from './local-file.ts'
import { nodeObjectName } from './object-name.ts'

const NAME = 'vendor.azure.put'

const put = helper({
  effect: 'network',
  doc: 'Uploads a file of the data folder to Azure Blob Storage and returns its address, `https://<account>.blob.core.windows.net/<container>/<node>_<ip>/<file>`. A blob of that name is replaced. With the name of the account alone it signs in as the managed identity or workload identity of this machine.',
  params: {
    containerName: z
      .string()
      .regex(
        /^(\$root|\$web|[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9])$/,
        'the name of a container: 3 to 63 letters in lower case, digits and single dashes',
      )
      .describe('Container, which must be there'),
    path: z.string().min(1).describe('File in the data folder'),
    accountName: z.string().optional().describe('Storage account; "" with a connection string'),
    accountKey: z.string().optional().describe('Key of the account; absent or "": the managed identity'),
    connectionString: z
      .string()
      .optional()
      .describe('As the portal shows it, with a key or a shared access signature; goes before the other two'),
  },
  returns: z.string(),
  target: (args) => {
    const { endpoint } = accountOf(args)
    return {
      text: `azure://${endpoint.host}/${args.containerName}`,
      hosts: [endpoint.hostname],
      bucket: args.containerName,
    }
  },
  example: `file.write('calls.json', '[]')\ntry {\n  var url = vendor.azure.put('traffic', 'calls.json', '', '', 'BlobEndpoint=http://127.0.0.1:9/shop;AccountName=shop;AccountKey=c2VjcmV0')\n  console.log(url)\n} catch (error) {\n  console.error(error)\n}`,
  queued: {
    key: (args) => `${accountOf(args).endpoint.host}/${args.containerName}`,
    async prepare(args, host) {
      await localFile(NAME, host, args.path)
      return { ...args, path: await setAside(host, args.path) }
    },
    settled: ({ path }, host) => dropAside(host, path),
  },
  async run({ containerName, path, ...account }, host) {
    const file = await localFile(NAME, host, path)
    const { client, failure } = await connect(accountOf(account), host)
    const blob = client.getContainerClient(containerName).getBlockBlobClient(nodeObjectName(host, path))
    try {
      await blob.uploadFile(file.path, {
        blockSize: BLOCK_BYTES,
        maxSingleShotSize: BLOCK_BYTES,
        concurrency: 2,
        abortSignal: host.signal,
      })
    } catch (error) {
      throw failure(error)
    }
    return withoutQuery(blob.url)
  },
  async rehearsed({ containerName, path, ...account }, host) {
    const file = await localFile(NAME, host, path)
    const { endpoint } = accountOf(account)
    const name = nodeObjectName(host, path).split('/').map(encodeURIComponent).join('/')
    const url = `${endpoint.href.replace(/\/$/, '')}/${containerName}/${name}`
    await host.request({ method: 'PUT', url, headers: {}, body: file.read(0, file.bytes) })
    return url
  },
})

export const azure = namespace('vendor.azure', 'Uploads to Azure Blob Storage.', { put })

/** Of each request of an upload: no more of a file is in flight than two of these. */
const BLOCK_BYTES = 8 * 2 ** 20
const BLOCK_MS = 120_000

interface Account {
  /** Without a query. */
  readonly endpoint: URL
  readonly name: string
  /** Absent without `sas`: the managed identity. */
  readonly key?: string
  /** Shared access signature, without `?`. */
  readonly sas?: string
}

interface AccountArguments {
  readonly accountName?: string | undefined
  readonly accountKey?: string | undefined
  readonly connectionString?: string | undefined
}

function accountOf({ accountName = '', accountKey = '', connectionString = '' }: AccountArguments): Account {
  if (isStandIn(connectionString) || isStandIn(accountName))
    return { endpoint: new URL(`https://${NO_HOST}`), name: '', key: '' }
  if (connectionString !== '') return accountIn(connectionString)
  if (accountName === '')
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${NAME}: give the name of a storage account, or a connection string`,
    )
  const endpoint = publicEndpoint('https', accountName, 'core.windows.net')
  return { endpoint, name: accountName, ...(accountKey === '' ? {} : { key: accountKey }) }
}

/** https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string */
function accountIn(connectionString: string): Account {
  const parts = new Map(
    connectionString.split(';').map((part) => {
      const at = part.indexOf('=')
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()]
    }),
  )
  const name = parts.get('AccountName') ?? ''
  const given = parts.get('BlobEndpoint') ?? ''
  const endpoint =
    given === ''
      ? publicEndpoint(
          parts.get('DefaultEndpointsProtocol') ?? 'https',
          name,
          parts.get('EndpointSuffix') ?? 'core.windows.net',
        )
      : URL.parse(given)
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol))
    throw malformed('BlobEndpoint is no http or https address')
  endpoint.search = ''
  const [key = '', sas = ''] = [parts.get('AccountKey'), parts.get('SharedAccessSignature')]
  if (key !== '' && name === '') throw malformed('AccountName is missing')
  if (key !== '') return { endpoint, name, key }
  if (sas === '') throw malformed('it has neither AccountKey nor SharedAccessSignature')
  return { endpoint, name, sas: sas.replace(/^\?/, '') }
}

function malformed(reason: string): Mistake {
  return new Mistake('E_HELPER_ARGUMENT', `${NAME}: the connection string does not do: ${reason}`)
}

/** Names of accounts become names of hosts: nothing else may be in them. */
function publicEndpoint(protocol: string, account: string, suffix: string): URL {
  if (!/^[a-z0-9]{3,24}$/.test(account))
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${NAME}: the name of an account is 3 to 24 letters in lower case and digits`,
    )
  const endpoint = /^[a-z0-9.-]+$/.test(suffix) ? URL.parse(`${protocol}://${account}.blob.${suffix}`) : null
  if (endpoint === null || !/^https?:$/.test(endpoint.protocol))
    throw malformed('DefaultEndpointsProtocol or EndpointSuffix')
  return endpoint
}

interface Connection {
  readonly client: BlobServiceClient
  /** What an error of the client is for the script. */
  failure(error: unknown): unknown
}

/** A client whose requests are ours, and are made once. */
async function connect({ endpoint, name, key, sas }: Account, host: HelperHost): Promise<Connection> {
  const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob')
  const transport = new Transport(host)
  const options = { httpClient: transport, retryOptions: { maxTries: 1 } }
  const url = sas === undefined ? endpoint.href : `${endpoint.href}?${sas}`
  const credential =
    sas !== undefined
      ? undefined
      : key === undefined
        ? await ownIdentity()
        : new StorageSharedKeyCredential(name, key)
  return {
    client: new BlobServiceClient(url, credential, options),
    failure: (error) => {
      if (error instanceof Mistake) return error
      if (transport.refused !== undefined) return transport.refused
      if (!(error instanceof Error) || host.signal.aborted) return error
      if (
        /^(CredentialUnavailable|Authentication|AuthenticationRequired|AggregateAuthentication)/.test(
          error.name,
        )
      )
        return new Mistake(
          'E_HELPER_FAILED',
          `${NAME}: this machine has no identity that Azure knows, and there is no key: ${error.name}`,
          { cause: error },
        )
      if (error.name === 'RestError')
        return new Mistake('E_HELPER_FAILED', `${NAME}: the reply of ${endpoint.host} makes no sense`, {
          cause: error,
        })
      return error
    },
  }
}

/**
 * Of this machine, by the SDK and its own requests: the federated token of a pod (AKS workload identity), or the metadata
 * service, which scripts never reach.
 */
async function ownIdentity() {
  const { ChainedTokenCredential, ManagedIdentityCredential, WorkloadIdentityCredential } = await import(
    '@azure/identity'
  )
  const options = { retryOptions: { maxRetries: 0 } }
  const managed = new ManagedIdentityCredential(options)
  // It throws at once where nothing says that there is one.
  return process.env.AZURE_FEDERATED_TOKEN_FILE === undefined
    ? managed
    : new ChainedTokenCredential(new WorkloadIdentityCredential(options), managed)
}

/** Takes the requests of the SDK to `host.request`. */
class Transport implements IHttpClient {
  readonly #host: HelperHost
  /** What the service has refused last. */
  refused: Mistake | undefined

  constructor(host: HelperHost) {
    this.#host = host
  }

  async sendRequest(request: WebResource): Promise<HttpOperationResponse> {
    const body = typeof request.body === 'function' ? request.body() : request.body
    const { method, url, headers: given } = request
    const sent: HttpRequest = { method, url, headers: given.rawHeaders(), body, totalMs: BLOCK_MS }
    const reply = await this.#host.request(sent).finally(() => {
      if (body instanceof Readable) body.destroy()
    })
    // Kept: another block may go well before the SDK has told of this one.
    if (reply.status >= 400) this.refused = refusalOf(NAME, this.#host, sent, reply, reasonIn(reply))
    const headers = request.headers.clone()
    for (const name of headers.headerNames()) headers.remove(name)
    for (const [name, value] of Object.entries(reply.headers)) headers.set(name, value)
    return { request, status: reply.status, headers, bodyAsText: reply.body }
  }
}

/**
 * Code and first sentence of an error (https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2). What
 * follows tells what was signed.
 */
function reasonIn({ headers, body }: HttpReply): string {
  const code = headers['x-ms-error-code'] ?? /<Code>([^<]*)/.exec(body)?.[1]
  const message = /<Message>([^<\n]*)/.exec(body)?.[1]
  return [code, message, skewIn(headers)].filter((each) => each !== undefined && each !== '').join(': ')
}

/** A signature is good for a quarter of an hour, and Azure does not say that this is why it is none. */
function skewIn({ date = '' }: HttpReply['headers']): string | undefined {
  const minutes = Math.round((Date.now() - Date.parse(date)) / 60_000)
  if (!(Math.abs(minutes) >= TOLERATED_SKEW_MIN)) return undefined
  return `the clock of this machine is ${Math.abs(minutes)} minutes ${minutes > 0 ? 'ahead' : 'behind'}`
}

const TOLERATED_SKEW_MIN = 10

function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, '')
}
