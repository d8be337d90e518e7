import { Agent, type Dispatcher } from 'undici'
import { z } from 'zod'
import { Mistake, type MistakeCode } from '../mistake/mistake.ts'
import { firstOf } from '../waiting/first-of.ts'
import { pause } from '../waiting/pause.ts'
import { type KubernetesAccess, tlsOptions } from './access.ts'
import { jsonOf, readStatus, redirected, refusal } from './status.ts'
import { readAll, textLines } from './text-lines.ts'
import { unreachable } from './unreachable.ts'

/** Any object of Kubernetes: what every one has, and the rest as it came. */
const kubernetesObject = z.looseObject({
  metadata: z.looseObject({
    name: z.string().default(''),
    namespace: z.string().optional(),
    uid: z.string().optional(),
    resourceVersion: z.string().optional(),
  }),
})
export type KubernetesObject = z.infer<typeof kubernetesObject>

const objectList = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string().default(''), continue: z.string().default('') }),
  items: z.array(z.unknown()).nullish(),
})

const accessReview = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) })

const watchLine = z.object({ type: z.string(), object: z.unknown() })

export interface Selection {
  readonly labelSelector?: string
  readonly fieldSelector?: string
  /** One object only: then the right to list is not needed. */
  readonly name?: string
}

export type WatchEvent =
  /** All there is: what was known before counts no more. First, and when it is not known what was missed. */
  | { readonly kind: 'all'; readonly objects: readonly KubernetesObject[] }
  | { readonly kind: 'put' | 'delete'; readonly object: KubernetesObject }

export interface WatchOptions extends Selection {
  readonly signal: AbortSignal
  /** Told why it does not go on, once until it does or there is another reason. */
  readonly onTrouble?: (mistake: Mistake) => void
  /** It goes on after trouble. */
  readonly onRecovered?: () => void
  /** Leaves out of each object what nobody will need, before it is kept. */
  readonly trim?: (object: KubernetesObject) => KubernetesObject
  /** Told of each object that is none, and left out. */
  readonly onMalformed?: () => void
}

/** A right, as roles give it. */
export interface Right {
  readonly verb: string
  /** Plural; with a subresource as `pods/status`. */
  readonly resource: string
  /** Undefined: the core group. */
  readonly group?: string
  /** Undefined: in the whole cluster. */
  readonly namespace?: string
  readonly name?: string
}

export interface ApplyOptions extends RequestOptions {
  /** Who owns the fields from then on: the name of the program. */
  readonly fieldManager: string
  /** Whether fields are taken from those who own them and want them otherwise; else that is `E_CONFLICT`. */
  readonly force?: boolean
}

export interface ClientOptions {
  /** A watch of which nothing has been heard for so long is begun anew: the connection may be dead. */
  readonly silenceMs?: number
  /** Told once when the clock of the server and ours differ by seconds, in milliseconds: by how much theirs is ahead. */
  readonly onClockSkew?: (skewMs: number) => void
}

export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
}

/**
 * The little of the Kubernetes API that Remora needs, over paths such as `/api/v1/namespaces/x/configmaps`. What the server
 * refuses becomes a Mistake with its own words. Reads are tried again when the server fails; writes only when they cannot
 * have reached it.
 */
export class KubernetesClient {
  readonly description: string
  readonly namespace: string
  readonly #access: KubernetesAccess
  readonly #agent: Agent
  readonly #base: URL
  readonly #closed = new AbortController()
  readonly #silenceMs: number
  readonly #onClockSkew: ((skewMs: number) => void) | undefined
  #isSkewTold = false
  #token: { readonly value: string | undefined; readonly atMs: number } | undefined

  constructor(access: KubernetesAccess, options: ClientOptions = {}) {
    this.#silenceMs = options.silenceMs ?? SILENCE_MS
    this.#onClockSkew = options.onClockSkew
    this.description = `Kubernetes at ${access.url}`
    this.namespace = access.namespace
    this.#access = access
    this.#base = new URL(access.url)
    this.#agent = new Agent({
      connect: { timeout: CONNECT_MS, ...tlsOptions(access) },
      headersTimeout: ANSWER_MS,
      bodyTimeout: ANSWER_MS,
    })
  }

  async get(path: string, options: RequestOptions = {}): Promise<KubernetesObject> {
    return asObject(await this.#ask('GET', path, options), path)
  }

  /** The resource version of the object says which one is to be replaced: `E_CONFLICT` when there is another by now. */
  async update(
    path: string,
    object: KubernetesObject,
    options: RequestOptions = {},
  ): Promise<KubernetesObject> {
    return asObject(await this.#ask('PUT', path, { ...options, body: object }), path)
  }

  /** `path` is that of the collection. */
  async create(
    path: string,
    object: KubernetesObject,
    options: RequestOptions = {},
  ): Promise<KubernetesObject> {
    return asObject(await this.#ask('POST', path, { ...options, body: object }), path)
  }

  /** RFC 7386: null removes. */
  async patch(path: string, change: unknown, options: RequestOptions = {}): Promise<KubernetesObject> {
    const type = 'application/merge-patch+json'
    return asObject(await this.#ask('PATCH', path, { ...options, body: change, type }), path)
  }

  /**
   * Server-side apply: the object is made, or has from then on what this one says, and loses what it said before and does not any
   * more. https://kubernetes.io/docs/reference/using-api/server-side-apply/
   */
  async apply(path: string, object: object, options: ApplyOptions): Promise<KubernetesObject> {
    const { fieldManager, force = false, ...rest } = options
    const query = { fieldManager, force: String(force) }
    const type = 'application/apply-patch+yaml'
    return asObject(await this.#ask('PATCH', path, { ...rest, body: object, type, query }), path)
  }

  /** Whether we have a right: a review of ourselves, which everybody may ask for. */
  async may(right: Right, options: RequestOptions = {}): Promise<boolean> {
    const { verb, resource: all, group = '', namespace = '', name = '' } = right
    const [resource, subresource = ''] = all.split('/', 2)
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb, group, resource, subresource, namespace, name } },
    }
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews'
    const answer = accessReview.safeParse(await this.#ask('POST', path, { ...options, body }))
    if (!answer.success) throw notUnderstood(path)
    return answer.data.status.allowed
  }

  async delete(path: string, options: RequestOptions = {}): Promise<void> {
    await this.#ask('DELETE', path, options)
  }

  /** All objects of a collection, fetched in pages, and the version of the collection that they are. */
  async list(
    path: string,
    selection: Selection & RequestOptions & Pick<WatchOptions, 'trim' | 'onMalformed'> = {},
  ): Promise<{ readonly objects: readonly KubernetesObject[]; readonly resourceVersion: string }> {
    const { signal, trim = (object) => object, onMalformed } = selection
    const objects: KubernetesObject[] = []
    const pages = new Set<string>()
    let limit = PAGE
    for (let from = '', restarts = 0; ; ) {
      const query = {
        ...selectors(selection),
        limit: String(limit),
        ...(from === '' ? {} : { continue: from }),
      }
      const answer = await this.#send('GET', path, { query, signal })
      if (answer.status === 410 && restarts++ < MOST_RESTARTS) {
        // The version that the first pages are of is not kept any more.
        await readAll(answer.body)
        objects.length = 0
        pages.clear()
        from = ''
        continue
      }
      let value: unknown
      try {
        value = await this.#accepted(answer, `list ${path}`)
      } catch (error) {
        if (!(error instanceof Mistake) || error.code !== 'E_TOO_LARGE' || limit === 1) throw error
        limit = Math.max(1, Math.floor(limit / 10))
        continue
      }
      const page = objectList.safeParse(value)
      if (!page.success) throw notUnderstood(path)
      for (const item of page.data.items ?? []) {
        const object = kubernetesObject.safeParse(item).data
        if (object === undefined || object.metadata.name === '') onMalformed?.()
        else objects.push(trim(object))
      }
      from = page.data.metadata.continue
      if (from === '') return { objects, resourceVersion: page.data.metadata.resourceVersion }
      if (pages.has(from) || pages.size >= MOST_PAGES) throw endless(path)
      pages.add(from)
    }
  }

  /** Follows a collection, or one object of it, until the signal aborts or the client is closed; mends itself after outages. */
  async *watch(path: string, options: WatchOptions): AsyncIterable<WatchEvent> {
    const { signal, release } = firstOf(options.signal, this.#closed.signal)
    try {
      yield* this.#watch(path, { ...options, signal })
    } finally {
      release()
    }
  }

  async *#watch(path: string, options: WatchOptions): AsyncIterable<WatchEvent> {
    const { signal, onTrouble, onRecovered, trim = (object) => object } = options
    let version: string | undefined
    let trouble: MistakeCode | undefined
    // Watches in a row that were answered, and have told nothing that makes sense …
    let inVain = 0
    // … or nothing at all for long.
    let silent = 0
    // Times in a row that it went back to an older version.
    let backs = 0
    for (let failures = 0; !signal.aborted; ) {
      let since = Date.now()
      let isOpen = false
      try {
        if (version === undefined) {
          const all = await this.#all(path, options)
          version = all.resourceVersion
          yield { kind: 'all', objects: all.objects }
          since = Date.now()
        }
        let known: string = version
        let isHeard = false
        for await (const line of this.#lines(path, options, known)) {
          if (line.kind === 'gone') {
            version = undefined
            break
          }
          if (trouble !== undefined) onRecovered?.()
          trouble = undefined
          isOpen = true
          if (line.kind === 'open') continue
          failures = 0
          if (Date.now() - since > SHORTEST_WATCH_MS) backs = 0
          isHeard = true
          inVain = 0
          const { resourceVersion: next = known } = line.object.metadata
          if (isBefore(next, known)) {
            version = undefined
            failures = backs++
            throw wentBack(path, known, next)
          }
          known = next
          version = next
          if (line.kind !== 'bookmark') yield { kind: line.kind, object: trim(line.object) }
        }
        silent = isHeard || Date.now() - since < this.#silenceMs ? 0 : silent + 1
        // A version that it has not come to is waited for without a word. Its storage may have been put back to an older state.
        if (silent === MOST_SILENT) {
          version = undefined
          silent = 0
        }
        // A server that ends each watch at once is not asked all the time.
        if (Date.now() - since < SHORTEST_WATCH_MS) await rest(++failures, signal)
        else failures = 0
      } catch (error) {
        if (signal.aborted) return
        if (!(error instanceof Mistake)) throw error
        // Broken off, as by a proxy that ends what is idle: it is trouble when it cannot be begun anew.
        if (isOpen && error.cause !== undefined && Date.now() - since > SHORTEST_WATCH_MS) continue
        failures++
        // What cannot be reached has a cause; all else was answered, and will be again.
        if (error.cause === undefined && ++inVain % MOST_IN_VAIN === 0) version = undefined
        // A kind that is gone takes its versions along: when it is back, they are of other objects.
        if (error.code === 'E_NOT_FOUND') version = undefined
        if (error.code !== trouble) onTrouble?.(error)
        trouble = error.code
        await rest(failures, signal)
      }
    }
  }

  /** Ends its watches, too. */
  async close(): Promise<void> {
    this.#closed.abort()
    await this.#agent.destroy()
  }

  async #all(path: string, options: WatchOptions) {
    if (options.name === undefined) return this.list(path, options)
    const answer = await this.#send('GET', `${path}/${options.name}`, options)
    const body = await this.#accepted(answer, `read ${path}/${options.name}`, [404])
    if (answer.status === 404) return { objects: [], resourceVersion: '' }
    const object = asObject(body, path)
    return { objects: [object], resourceVersion: object.metadata.resourceVersion ?? '' }
  }

  async *#lines(path: string, options: WatchOptions, version: string): AsyncIterable<Line> {
    const seconds = WATCH_S + Math.floor(Math.random() * WATCH_S)
    const query = {
      ...selectors(options),
      watch: 'true',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(seconds),
      ...(version === '' ? {} : { resourceVersion: version }),
    }
    const bodyTimeout = this.#silenceMs
    const answer = await this.#send('GET', path, { query, signal: options.signal, bodyTimeout })
    if (answer.status === 410) {
      await readAll(answer.body)
      yield { kind: 'gone' }
    } else if (answer.status !== 200) await this.#accepted(answer, `watch ${path}`)
    else {
      yield { kind: 'open' }
      for await (const text of textLines(answer.body, path)) {
        const line = readLine(text, path)
        if (line === 'malformed') options.onMalformed?.()
        else if (line !== undefined) yield line
      }
    }
  }

  async #ask(method: Dispatcher.HttpMethod, path: string, request: Request): Promise<unknown> {
    return this.#accepted(await this.#send(method, path, request), `${VERBS[method] ?? method} ${path}`)
  }

  async #accepted(answer: Answer, what: string, also: readonly number[] = []): Promise<unknown> {
    const { status, body, location } = answer
    const value = jsonOf(await readAll(body))
    if (location !== undefined) throw redirected(what, location)
    if ((status < 200 || status > 299) && !also.includes(status)) throw refusal(what, status, value)
    return value
  }

  /** The answer that counts, whatever it is: after new tries where that makes sense. */
  async #send(method: Dispatcher.HttpMethod, path: string, request: Request): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const isLast = tries === MOST_TRIES
      try {
        const answer = await this.#sendOnce(method, path, request)
        if (isLast || !isWorthAnother(method, answer.status, tries)) return answer
        await readAll(answer.body)
        if (answer.status === 401) await this.#renewToken()
        await rest(tries, request.signal, answer.retryAfterMs)
      } catch (error) {
        if (request.signal?.aborted) throw unreachable(this.description, error)
        if (isLast || !(method === 'GET' || isNeverSent(error))) throw unreachable(this.description, error)
        await rest(tries, request.signal)
      }
    }
  }

  async #sendOnce(method: Dispatcher.HttpMethod, path: string, request: Request): Promise<Answer> {
    const { body, type = 'application/json', query = {}, signal, bodyTimeout } = request
    const token = await this.#freshToken()
    const search = new URLSearchParams(query).toString()
    const response = await this.#agent.request({
      origin: this.#base.origin,
      path: `${this.#base.pathname.replace(/\/$/, '')}${path}${search === '' ? '' : `?${search}`}`,
      method,
      headers: {
        accept: 'application/json',
        'user-agent': 'remora',
        ...this.#access.headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': type }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
      ...(bodyTimeout === undefined ? {} : { bodyTimeout }),
    })
    const seconds = Number(response.headers['retry-after'])
    const retryAfterMs = seconds > 0 ? Math.min(seconds * 1000, LONGEST_REST_MS) : undefined
    this.#compareClocks(response.headers.date)
    const { statusCode: status, body: answered } = response
    // Never followed: who is at the other end is not whom our token is for.
    const location = status >= 300 && status < 400 ? (response.headers.location ?? '') : undefined
    return { status, body: answered, retryAfterMs, location: location?.toString() }
  }

  /** The header has whole seconds, and is on its way for some time. */
  #compareClocks(date: string | string[] | undefined): void {
    const skewMs = Date.parse(String(date)) - Date.now()
    if (Number.isNaN(skewMs) || Math.abs(skewMs) < MOST_SKEW_MS || this.#isSkewTold) return
    this.#isSkewTold = true
    this.#onClockSkew?.(skewMs)
  }

  async #freshToken(): Promise<string | undefined> {
    if (this.#token !== undefined && Date.now() - this.#token.atMs <= TOKEN_MS) return this.#token.value
    return this.#keepToken(await this.#access.token())
  }

  /** Another one may have been mounted, or be given to who asks. */
  async #renewToken(): Promise<void> {
    this.#keepToken(await this.#access.token(true))
  }

  #keepToken(value: string | undefined): string | undefined {
    this.#token = { value, atMs: Date.now() }
    return value
  }
}

interface Request extends RequestOptions {
  readonly body?: unknown
  readonly type?: string
  readonly query?: Readonly<Record<string, string>>
  readonly bodyTimeout?: number
}

interface Answer {
  readonly status: number
  readonly body: AsyncIterable<Uint8Array>
  readonly retryAfterMs: number | undefined
  /** Where it sends us to instead. */
  readonly location: string | undefined
}

type Line =
  | { readonly kind: 'put' | 'delete' | 'bookmark'; readonly object: KubernetesObject }
  | { readonly kind: 'gone' }
  | { readonly kind: 'open' }

function readLine(text: string, path: string): Line | 'malformed' | undefined {
  const line = watchLine.safeParse(jsonOf(text))
  if (!line.success) throw notUnderstood(path)
  const { type, object } = line.data
  if (type === 'ERROR') {
    const code = readStatus(object)?.code ?? 500
    if (code === 410) return { kind: 'gone' }
    throw refusal(`watch ${path}`, code, object)
  }
  const kind = KINDS[type]
  if (kind === undefined) return undefined
  const read = kubernetesObject.safeParse(object).data
  const isNamed = read !== undefined && (kind === 'bookmark' || read.metadata.name !== '')
  return isNamed ? { kind, object: read } : 'malformed'
}

const KINDS: Readonly<Record<string, 'put' | 'delete' | 'bookmark'>> = {
  ADDED: 'put',
  MODIFIED: 'put',
  DELETED: 'delete',
  BOOKMARK: 'bookmark',
}

function isWorthAnother(method: string, status: number, tries: number): boolean {
  if (status === 401) return tries === 1
  return status === 429 || (method === 'GET' && RETRIED.has(status))
}

function isNeverSent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && NEVER_SENT.has(String(error.code))
}

function asObject(value: unknown, path: string): KubernetesObject {
  const object = kubernetesObject.safeParse(value)
  if (object.success) return object.data
  throw notUnderstood(path)
}

function selectors({ labelSelector, fieldSelector, name }: Selection): Record<string, string> {
  const fields = name === undefined ? fieldSelector : `metadata.name=${name}`
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fields === undefined ? {} : { fieldSelector: fields }),
  }
}

function notUnderstood(path: string): Mistake {
  return new Mistake('E_KUBERNETES', `what Kubernetes answers for ${path} is no object of Kubernetes`)
}

function endless(path: string): Mistake {
  return new Mistake('E_TOO_LARGE', `the list of ${path} does not come to an end`, {
    hint: `After ${MOST_PAGES} pages, or where a page says that it is followed by one before it, we stop.`,
  })
}

function wentBack(path: string, from: string, to: string): Mistake {
  const message = `what Kubernetes tells of ${path} goes back from version ${from} to ${to}`
  const hint = 'All is read anew. An API server whose storage was put back to an older state does that once.'
  return new Mistake('E_KUBERNETES', message, { hint })
}

/** Versions are numbers that grow (KEP-5504); what is none is not compared. */
function isBefore(version: string, than: string): boolean {
  return NUMBER.test(version) && NUMBER.test(than) && BigInt(version) < BigInt(than)
}

/** Longer each time, and not the same for all who failed together. Ends early with the signal. */
async function rest(tries: number, signal?: AbortSignal, atLeastMs = 0): Promise<void> {
  const most = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** tries)
  await pause(Math.max(atLeastMs, most * (0.5 + Math.random() / 2)), signal)
}

const VERBS: Readonly<Record<string, string>> = {
  GET: 'read',
  PUT: 'replace',
  POST: 'create in',
  PATCH: 'change',
  DELETE: 'delete',
}
const RETRIED = new Set([500, 502, 503, 504])
const NEVER_SENT = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const CONNECT_MS = 10_000
const ANSWER_MS = 30_000
const MOST_TRIES = 5
/** Then all is read anew. */
const MOST_IN_VAIN = 5
const MOST_SILENT = 2
const FIRST_REST_MS = 50
const LONGEST_REST_MS = 15_000
const MOST_RESTARTS = 3
const SHORTEST_WATCH_MS = 1000
/** A watch lasts so long, and up to twice as long. */
const WATCH_S = 180
const PAGE = 500
/** Of 500 objects, or fewer where these are too large. */
const MOST_PAGES = 2000
/** Bookmarks come once a minute, but for those that would say nothing new: then it may be silent for long, and well. */
const SILENCE_MS = 150_000
/** What is less may be the way of an answer. */
const MOST_SKEW_MS = 5000
const NUMBER = /^\d{1,40}$/
/** Mounted tokens are replaced an hour after they were made. */
const TOKEN_MS = 60_000
