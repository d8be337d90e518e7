import { createHash, createVerify, generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import type { TestContext } from 'node:test'

const SCOPES = [
  'https://www.googleapis.com/auth/devstorage.read_write',
  'https://www.googleapis.com/auth/devstorage.full_control',
  'https://www.googleapis.com/auth/cloud-platform',
]
const EMAIL = 'remora@shop.iam.gserviceaccount.com'
const METADATA = '/computeMetadata/v1'
const PIECE_UNIT = 256 * 1024
/** How far a claim may be from the time of Google. */
const TOLERATED_S = 300

export interface GcsOptions {
  /** How far its clock is ahead, ms. */
  readonly aheadMs?: number
  /** Objects on a page of a listing. */
  readonly pageSize?: number
  /** Of each piece of an upload but the last, what it keeps at most. */
  readonly keepBytes?: number
}

export interface StoredObject {
  readonly bytes: number
  readonly sha256: string
  readonly contentType: string
}

/**
 * What Google's token endpoint and the JSON API of Cloud Storage do with one bucket, `traffic`, by their documentation. What
 * breaks its rules is answered with an error, and fails the test at its end.
 */
export async function gcsServer(t: TestContext, options: GcsOptions = {}) {
  const server = new GcsServer(options)
  const listener = createServer((request, response) => void server.serve(request, response))
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  server.url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`
  t.after(() => {
    listener.close()
    listener.closeAllConnections()
    if (server.wrong.length > 0) throw new Error(`not as Google wants it: ${server.wrong.join('; ')}`)
  })
  return server
}

const { publicKey, privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})

class GcsServer {
  readonly objects = new Map<string, StoredObject>()
  readonly wrong: string[] = []
  /** Requests by what they were for. */
  readonly counts = {
    metadata: 0,
    token: 0,
    refusedToken: 0,
    upload: 0,
    piece: 0,
    list: 0,
    delete: 0,
    unauthorized: 0,
  }
  url = ''
  readonly #options: GcsOptions
  readonly #tokens = new Set<string>()
  readonly #sessions = new Map<string, Session>()
  #made = 0

  constructor(options: GcsOptions) {
    this.#options = options
  }

  /** As in the file that Google makes. */
  get key() {
    return {
      type: 'service_account',
      project_id: 'shop',
      private_key_id: 'kid-1',
      private_key: privateKey,
      client_email: EMAIL,
      client_id: '1',
      auth_uri: 'https://accounts.google.com/o/oauth2/auth',
      token_uri: `${this.url}/token`,
    }
  }

  /** Tokens that it has given so far are no longer good. */
  revoke(): void {
    this.#tokens.clear()
  }

  put(name: string): void {
    this.objects.set(name, { bytes: 0, sha256: '', contentType: '' })
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.url)
    response.setHeader('date', new Date(this.#now()).toUTCString())
    const body = await buffer(request)
    const { status, headers = {}, json } = this.#answer(request, url, body)
    response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8', ...headers })
    response.end(json === undefined ? '' : JSON.stringify(json))
  }

  #now(): number {
    return Date.now() + (this.#options.aheadMs ?? 0)
  }

  #answer(request: IncomingMessage, url: URL, body: Buffer): Answer {
    const { method, headers } = request
    if (url.pathname.startsWith(METADATA)) return this.#metadata(request, url)
    if (url.pathname === '/token') return this.#token(method, headers['content-type'], body.toString())
    const session = this.#sessions.get(url.searchParams.get('upload_id') ?? '')
    if (session !== undefined) return this.#piece(session, request, body)
    const token = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? ''
    if (!this.#tokens.has(token)) {
      this.counts.unauthorized++
      return failure(401, 'authError', 'Invalid Credentials')
    }
    const [, upload, bucket, name] =
      /^(\/upload)?\/storage\/v1\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(url.pathname) ?? []
    if (bucket === undefined) return this.#bad(`no such method: ${method} ${url.pathname}`)
    if (bucket !== 'traffic') return failure(404, 'notFound', 'The specified bucket does not exist.')
    if (upload !== undefined && method === 'POST') return this.#upload(request, url, body)
    if (name === undefined && method === 'GET') return this.#list(url)
    if (name !== undefined && method === 'DELETE') return this.#delete(decodeURIComponent(name))
    return this.#bad(`no such method: ${method} ${url.pathname}`)
  }

  /** https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys */
  #metadata({ headers }: IncomingMessage, { pathname }: URL): Answer {
    if (headers['metadata-flavor'] !== 'Google') return this.#bad('metadata without Metadata-Flavor')
    const google = { 'metadata-flavor': 'Google' }
    if (!pathname.endsWith('/service-accounts/default/token'))
      return { status: 200, headers: google, json: {} }
    this.counts.metadata++
    return { status: 200, headers: google, json: this.#issue() }
  }

  #issue() {
    const token = `ya29.${++this.#made}`
    this.#tokens.add(token)
    return { access_token: token, expires_in: 3599, token_type: 'Bearer' }
  }

  /** https://developers.google.com/identity/protocols/oauth2/service-account#httprest */
  #token(method: string | undefined, type: string | undefined, body: string): Answer {
    this.counts.token++
    const form = new URLSearchParams(body)
    if (method !== 'POST' || !type?.startsWith('application/x-www-form-urlencoded'))
      return this.#bad('no form')
    if (form.get('grant_type') !== 'urn:ietf:params:oauth:grant-type:jwt-bearer')
      return this.#bad(`grant_type ${form.get('grant_type')}`)
    const refused = this.#claimProblem(form.get('assertion') ?? '')
    if (refused !== undefined) {
      this.counts.refusedToken++
      return { status: 400, json: { error: 'invalid_grant', error_description: refused } }
    }
    return { status: 200, json: this.#issue() }
  }

  #claimProblem(assertion: string): string | undefined {
    const [head = '', claims = '', signature = ''] = assertion.split('.')
    const { alg, typ, kid } = decoded(head)
    if (alg !== 'RS256' || (typ ?? 'JWT') !== 'JWT' || (kid ?? 'kid-1') !== 'kid-1')
      return 'Invalid JWT: header'
    const isSigned = createVerify('RSA-SHA256')
      .update(`${head}.${claims}`)
      .verify(publicKey, signature, 'base64url')
    if (!isSigned) return 'Invalid JWT Signature.'
    const { iss, scope, aud, iat, exp } = decoded(claims)
    if (iss !== EMAIL) return 'Invalid grant: account not found'
    if (aud !== `${this.url}/token` && aud !== 'https://oauth2.googleapis.com/token')
      return 'Invalid JWT: aud'
    if (
      !String(scope)
        .split(' ')
        .every((each) => SCOPES.includes(each))
    )
      return 'Invalid scope'
    const now = this.#now() / 1000
    const isTimely =
      Number(iat) <= now + TOLERATED_S && Number(exp) > now - TOLERATED_S && Number(exp) - Number(iat) <= 3600
    return isTimely
      ? undefined
      : 'Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your iat and exp values in the JWT claim.'
  }

  /** https://cloud.google.com/storage/docs/json_api/v1/objects/insert */
  #upload({ headers }: IncomingMessage, { searchParams }: URL, body: Buffer): Answer {
    const name = searchParams.get('name') ?? ''
    const problem = nameProblem(name)
    if (problem !== undefined) return this.#bad(problem)
    if (searchParams.get('uploadType') === 'media') {
      this.counts.upload++
      return this.#store(name, sha256().update(body), body.length, headers['content-type'])
    }
    if (searchParams.get('uploadType') !== 'resumable')
      return this.#bad(`uploadType ${searchParams.get('uploadType')}`)
    const total = Number(headers['x-upload-content-length'])
    if (!/^application\/json/.test(headers['content-type'] ?? '') || !Number.isInteger(total))
      return this.#bad('a resumable upload is begun with JSON and X-Upload-Content-Length')
    this.counts.upload++
    const id = `secret-session-${++this.#made}`
    this.#sessions.set(id, {
      name,
      total,
      type: String(headers['x-upload-content-type']),
      hash: sha256(),
      kept: 0,
    })
    const location = `${this.url}/upload/storage/v1/b/traffic/o?uploadType=resumable&upload_id=${id}`
    return { status: 200, headers: { location } }
  }

  /** https://cloud.google.com/storage/docs/performing-resumable-uploads#chunked-upload */
  #piece(session: Session, { method, headers }: IncomingMessage, body: Buffer): Answer {
    this.counts.piece++
    const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(headers['content-range'] ?? '') ?? []
    const isLast = Number(last) + 1 === session.total
    if (method !== 'PUT' || Number(first) !== session.kept || Number(total) !== session.total)
      return this.#bad(`${method} ${headers['content-range']}, with ${session.kept} there`)
    if (body.length !== Number(last) - Number(first) + 1) return this.#bad('another length than it says')
    if (!isLast && body.length % PIECE_UNIT !== 0) return this.#bad(`a piece of ${body.length} bytes`)
    if (headers.authorization !== undefined) return this.#bad('the address is all that a piece needs')
    const most = this.#options.keepBytes ?? body.length
    const kept = isLast && body.length <= most ? body.length : Math.min(body.length, most)
    session.hash.update(body.subarray(0, kept))
    session.kept += kept
    if (session.kept === session.total)
      return this.#store(session.name, session.hash, session.total, session.type)
    return { status: 308, headers: { range: `bytes=0-${session.kept - 1}` } }
  }

  #store(name: string, hash: Hash, bytes: number, contentType = ''): Answer {
    this.objects.set(name, { bytes, sha256: hash.digest('hex'), contentType })
    return { status: 200, json: { kind: 'storage#object', bucket: 'traffic', name, size: String(bytes) } }
  }

  /** https://cloud.google.com/storage/docs/json_api/v1/objects/list */
  #list({ searchParams }: URL): Answer {
    this.counts.list++
    const prefix = searchParams.get('prefix') ?? ''
    const after = Buffer.from(searchParams.get('pageToken') ?? '', 'base64url').toString()
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix) && name > after).sort()
    const size = this.#options.pageSize ?? 1000
    const page = names.slice(0, size)
    return {
      status: 200,
      json: {
        ...(page.length === 0 ? {} : { items: page.map((name) => ({ name })) }),
        ...(names.length > size
          ? { nextPageToken: Buffer.from(page.at(-1) ?? '').toString('base64url') }
          : {}),
      },
    }
  }

  #delete(name: string): Answer {
    this.counts.delete++
    return this.objects.delete(name) ? { status: 204 } : failure(404, 'notFound', `No such object: ${name}`)
  }

  #bad(problem: string): Answer {
    this.wrong.push(problem)
    return failure(400, 'invalid', problem)
  }
}

interface Session {
  readonly name: string
  readonly total: number
  readonly type: string
  readonly hash: Hash
  kept: number
}

interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
}

type Hash = ReturnType<typeof sha256>

function sha256() {
  return createHash('sha256')
}

function failure(code: number, reason: string, message: string): Answer {
  return { status: code, json: { error: { code, message, errors: [{ message, domain: 'global', reason }] } } }
}

/** https://cloud.google.com/storage/docs/objects#naming */
function nameProblem(name: string): string | undefined {
  const bytes = Buffer.byteLength(name)
  const isBad = bytes === 0 || bytes > 1024 || /[\r\n]/.test(name) || /^\.{1,2}$/.test(name)
  return isBad ? `an object cannot be called ${JSON.stringify(name)}` : undefined
}

function decoded(part: string): Record<string, unknown> {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return {}
  }
}
