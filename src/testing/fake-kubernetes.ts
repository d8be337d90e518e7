import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import type { KubernetesAccess } from '../kubernetes/access.ts'

export interface FakeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Readonly<Record<string, unknown>> & {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly resourceVersion: string
  }
  readonly [field: string]: unknown
}

/** How a request goes wrong that would go right. */
export type Fault =
  | { readonly kind: 'status'; readonly code: number; readonly retryAfterS?: number }
  /** The connection breaks, before anything is done or only after. */
  | { readonly kind: 'reset'; readonly after: boolean }
  | { readonly kind: 'garbage' }

export interface FakeOptions {
  /** Who has another is turned away. */
  readonly token?: string
  readonly tls?: { readonly key: string; readonly cert: string }
}

/**
 * An API server of Kubernetes in memory, over HTTP: config maps, secrets and pods with resource versions, conflicts, paged
 * lists, watches with bookmarks, versions that are gone, limits of size, and faults on demand. `kubectl` can use it.
 */
export class FakeKubernetes {
  readonly url: string
  readonly seen: string[] = []
  token: string | undefined
  /** Called with each request before anything is done for it: what others do in between. */
  before: (asked: string) => void = () => {}
  /** Takes over connections to ports of pods; undefined: there are none. */
  forwards: PodForwards | undefined
  readonly #objects = new Map<string, FakeObject>()
  readonly #log: LoggedEvent[] = []
  readonly #watches = new Set<Watch>()
  readonly #faults: { readonly fault: Fault; readonly fits: (request: string) => boolean }[] = []
  #version = 100
  #oldest = 100

  static async start(t: Pick<TestContext, 'after'>, options: FakeOptions = {}): Promise<FakeKubernetes> {
    const server = options.tls === undefined ? createServer() : createTlsServer(options.tls)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    return new FakeKubernetes(server, options)
  }

  private constructor(server: Server, { token, tls }: FakeOptions) {
    this.token = token
    const { port } = server.address() as AddressInfo
    this.url = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
    server.on('request', (request, response) => void this.#serve(request, response))
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  access(): KubernetesAccess {
    return { url: this.url, namespace: 'default', ca: undefined, token: async () => this.token }
  }

  /** The next request that fits goes wrong. Requests are written `PUT /api/v1/…?query`. */
  fail(fault: Fault, fits: (request: string) => boolean = () => true): void {
    this.#faults.push({ fault, fits })
  }

  /** What a config map (or another object, by its whole path) has now. */
  find(name: string, resource = 'configmaps'): FakeObject | undefined {
    return this.#objects.get(`${resource}/default/${name}`)
  }

  /** Puts an object there, as some other client would. */
  put(name: string, content: object, resource = 'configmaps'): void {
    this.#store(resource, 'default', name, content)
  }

  remove(name: string, resource = 'configmaps'): void {
    this.#remove(`${resource}/default/${name}`)
  }

  /** What happened until now is not kept any more: watches from there are refused. */
  forget(): void {
    this.#log.length = 0
    this.#version++
    this.#oldest = this.#version
  }

  /** Ends all watches, with the error that one gets which has fallen behind, or as when the server goes away. */
  endWatches(how: 'gone' | 'reset' | 'end'): void {
    for (const watch of this.#watches) {
      if (how === 'gone') watch.send('ERROR', failure(410, 'Expired', 'too old resource version'))
      if (how === 'reset') watch.response.destroy()
      else watch.response.end()
      this.#watches.delete(watch)
    }
  }

  bookmark(): void {
    const metadata = { name: '', resourceVersion: String(this.#version) }
    for (const watch of this.#watches)
      watch.send('BOOKMARK', { kind: 'ConfigMap', apiVersion: 'v1', metadata })
  }

  get watches(): number {
    return this.#watches.size
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    const body = await text(request).catch(() => '')
    const asked = `${method} ${url}`
    this.seen.push(asked)
    this.before(asked)
    const at = this.#faults.findIndex(({ fits }) => fits(asked))
    const fault = at < 0 ? undefined : this.#faults.splice(at, 1)[0]?.fault
    if (fault?.kind === 'reset' && !fault.after) return void response.destroy()
    if (fault?.kind === 'garbage') return void response.end('<html>not an API</html>')
    if (fault?.kind === 'status') {
      if (fault.retryAfterS !== undefined) response.setHeader('retry-after', fault.retryAfterS)
      return answer(response, fault.code, failure(fault.code, 'Injected', `fault ${fault.code}`))
    }
    if (this.token !== undefined && request.headers.authorization !== `Bearer ${this.token}`)
      return answer(response, 401, failure(401, 'Unauthorized', 'Unauthorized'))
    try {
      const result = this.#handle(method, new URL(url, this.url), body, response)
      if (fault?.kind === 'reset') response.destroy()
      else if (result !== undefined) answer(response, result.code ?? 200, result.body)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      answer(response, error.code, failure(error.code, error.reason, error.message))
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { method = '', url = '', headers } = request
    const asked = `${method} ${url}`
    this.seen.push(asked)
    const at = this.#faults.findIndex(({ fits }) => fits(asked))
    const fault = at < 0 ? undefined : this.#faults.splice(at, 1)[0]?.fault
    const [, namespace = '', pod = ''] = FORWARDED.exec(url) ?? []
    const code = fault?.kind === 'status' ? fault.code : this.#findPod(namespace, pod) ? 200 : 404
    if (fault?.kind === 'reset') socket.destroy()
    else if (this.token !== undefined && headers.authorization !== `Bearer ${this.token}`)
      refuseUpgrade(socket, failure(401, 'Unauthorized', 'Unauthorized'))
    else if (code !== 200)
      refuseUpgrade(socket, failure(code, 'Refused', `pods "${pod}" cannot be reached (${code})`))
    else if (this.forwards === undefined) socket.destroy()
    else this.forwards.upgrade(request, socket, head, namespace, pod)
  }

  #findPod(namespace: string, pod: string): boolean {
    return this.#objects.has(`pods/${namespace}/${pod}`)
  }

  #handle(method: string, url: URL, body: string, response: ServerResponse): Result | undefined {
    const discovered = discovery(url.pathname)
    if (discovered !== undefined) return { body: discovered }
    const match = /^\/api\/v1(?:\/namespaces\/([^/]+))?\/(configmaps|secrets|pods)(?:\/([^/]+))?$/.exec(
      url.pathname,
    )
    if (match === null) throw new Refusal(404, 'NotFound', 'the server could not find the requested resource')
    const [, namespace = '', resource = '', name] = match
    if (body.length > 3 << 20)
      throw new Refusal(413, 'RequestEntityTooLarge', 'Request entity too large: limit is 3145728')
    const key = `${resource}/${namespace}/${name}`
    if (method === 'GET' && name === undefined) return this.#collection(resource, namespace, url, response)
    if (method === 'POST') return { code: 201, body: this.#create(resource, namespace, body) }
    const object = this.#objects.get(key)
    if (object === undefined) throw new Refusal(404, 'NotFound', `${resource} "${name}" not found`)
    if (method === 'GET') return { body: object }
    if (method === 'DELETE') {
      this.#remove(key)
      return { body: { kind: 'Status', apiVersion: 'v1', status: 'Success' } }
    }
    const wanted = method === 'PATCH' ? merged(object, parse(body)) : parse(body)
    return { body: this.#replace(object, resource, namespace, name ?? '', wanted) }
  }

  #create(resource: string, namespace: string, body: string): FakeObject {
    const object = parse(body)
    const { name } = metadataOf(object)
    if (typeof name !== 'string' || name === '')
      throw new Refusal(422, 'Invalid', 'metadata.name: Required value')
    if (this.#objects.has(`${resource}/${namespace}/${name}`))
      throw new Refusal(409, 'AlreadyExists', `${resource} "${name}" already exists`)
    return this.#store(resource, namespace, name, object)
  }

  #replace(old: FakeObject, resource: string, namespace: string, name: string, wanted: Json): FakeObject {
    const metadata = metadataOf(wanted)
    if (metadata.name !== name) throw new Refusal(400, 'BadRequest', 'the name of the object does not match')
    const { resourceVersion } = metadata
    if (
      resourceVersion !== undefined &&
      resourceVersion !== '' &&
      resourceVersion !== old.metadata.resourceVersion
    )
      throw new Refusal(
        409,
        'Conflict',
        `Operation cannot be fulfilled on ${resource} "${name}": the object has been modified; please apply your changes to the latest version and try again`,
      )
    return this.#store(resource, namespace, name, wanted)
  }

  #store(resource: string, namespace: string, name: string, content: object): FakeObject {
    const key = `${resource}/${namespace}/${name}`
    const old = this.#objects.get(key)
    checkData(resource, name, content)
    const metadata = {
      ...metadataOf(content as Json),
      name,
      namespace,
      uid: old?.metadata.uid ?? randomUUID(),
      creationTimestamp: old?.metadata.creationTimestamp ?? new Date().toISOString(),
      resourceVersion: String(++this.#version),
    }
    const object = { ...content, apiVersion: 'v1', kind: SINGULAR[resource] ?? '', metadata }
    this.#objects.set(key, object)
    this.#tell(resource, old === undefined ? 'ADDED' : 'MODIFIED', object)
    return object
  }

  #remove(key: string): void {
    const object = this.#objects.get(key)
    if (object === undefined) return
    this.#objects.delete(key)
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) }
    this.#tell(key.split('/')[0] ?? '', 'DELETED', { ...object, metadata })
  }

  #tell(resource: string, type: string, object: FakeObject): void {
    const event = { version: this.#version, resource, type, object }
    this.#log.push(event)
    for (const watch of this.#watches) if (watch.fits(event)) watch.send(type, object)
  }

  #collection(resource: string, namespace: string, url: URL, response: ServerResponse): Result | undefined {
    const query = url.searchParams
    const name = /^metadata\.name=(.+)$/.exec(query.get('fieldSelector') ?? '')?.[1]
    const fits = (other: string, object: FakeObject) =>
      other === resource &&
      (namespace === '' || object.metadata.namespace === namespace) &&
      (name === undefined || object.metadata.name === name)
    if (query.get('watch') === 'true' || query.get('watch') === '1') {
      this.#watch(query.get('resourceVersion') ?? '', (event) => fits(event.resource, event.object), response)
      return undefined
    }
    const items = [...this.#objects].filter(([key, object]) => fits(key.split('/')[0] ?? '', object))
    return {
      body: this.#page(
        resource,
        items.map(([, object]) => object),
        query,
      ),
    }
  }

  #page(resource: string, items: readonly FakeObject[], query: URLSearchParams): Json {
    const [from = 0, of = this.#version] = (query.get('continue') ?? '')
      .split('@')
      .filter(Boolean)
      .map(Number)
    if (of < this.#oldest) throw new Refusal(410, 'Expired', 'The provided continue parameter is too old')
    const limit = Number(query.get('limit') ?? 0) || items.length
    const isMore = from + limit < items.length
    return {
      kind: `${SINGULAR[resource]}List`,
      apiVersion: 'v1',
      metadata: { resourceVersion: String(of), ...(isMore ? { continue: `${from + limit}@${of}` } : {}) },
      items: items.slice(from, from + limit),
    }
  }

  #watch(from: string, fits: (event: LoggedEvent) => boolean, response: ServerResponse): void {
    if (from !== '' && from !== '0' && Number(from) < this.#oldest)
      throw new Refusal(410, 'Expired', `too old resource version: ${from} (${this.#oldest})`)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    const send = (type: string, object: object) => response.write(`${JSON.stringify({ type, object })}\n`)
    const watch = { fits, send, response }
    if (from === '' || from === '0')
      for (const [key, object] of this.#objects) {
        const event = { version: 0, resource: key.split('/')[0] ?? '', type: 'ADDED', object }
        if (fits(event)) send('ADDED', object)
      }
    else
      for (const event of this.#log)
        if (event.version > Number(from) && fits(event)) send(event.type, event.object)
    this.#watches.add(watch)
    response.on('close', () => this.#watches.delete(watch))
  }
}

/** Such as `PortForwards` of test/kube. */
interface PodForwards {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, namespace: string, pod: string): void
}

const FORWARDED = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/portforward(?:\?|$)/

function refuseUpgrade(socket: Duplex, status: Json): void {
  const body = JSON.stringify(status)
  socket.end(
    `HTTP/1.1 ${status.code} Refused\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  )
}

interface LoggedEvent {
  readonly version: number
  readonly resource: string
  readonly type: string
  readonly object: FakeObject
}

interface Watch {
  readonly fits: (event: LoggedEvent) => boolean
  readonly send: (type: string, object: object) => void
  readonly response: ServerResponse
}

interface Result {
  readonly code?: number
  readonly body: object
}

type Json = Readonly<Record<string, unknown>>

class Refusal extends Error {
  readonly code: number
  readonly reason: string
  constructor(code: number, reason: string, message: string) {
    super(message)
    this.code = code
    this.reason = reason
  }
}

function failure(code: number, reason: string, message: string): Json {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code }
}

function answer(response: ServerResponse, code: number, body: object): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

function parse(body: string): Json {
  try {
    return JSON.parse(body) as Json
  } catch {
    throw new Refusal(400, 'BadRequest', 'the body of the request is not JSON')
  }
}

function metadataOf(object: Json): Json {
  return (object.metadata ?? {}) as Json
}

/** As the API server checks config maps and secrets (pkg/apis/core/validation). */
function checkData(resource: string, name: string, content: object): void {
  if (resource === 'pods') return
  const { data } = content as { data?: unknown }
  let size = 0
  for (const [key, value] of Object.entries(data ?? {})) {
    if (typeof value !== 'string')
      throw new Refusal(400, 'BadRequest', `json: cannot unmarshal ${typeof value} into data of type string`)
    if (!/^[-._a-zA-Z0-9]+$/.test(key)) throw new Refusal(422, 'Invalid', `data[${key}]: Invalid value`)
    size += Buffer.byteLength(value)
  }
  if (size > 1 << 20)
    throw new Refusal(422, 'Invalid', `${name} is invalid: []: Too long: may not be more than 1048576 bytes`)
}

/** RFC 7386; strategic merges of config maps come to the same. */
function merged(target: unknown, patch: unknown): Json {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch as Json
  const result: Record<string, unknown> = { ...(target as Json) }
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key]
    else result[key] = merged(result[key], value)
  return result
}

/** What `kubectl` asks before anything else. */
function discovery(path: string): Json | undefined {
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] }
  if (path === '/apis') return { kind: 'APIGroupList', apiVersion: 'v1', groups: [] }
  if (path === '/version') return { major: '1', minor: '32', gitVersion: 'v1.32.0' }
  if (path !== '/api/v1') return undefined
  const verbs = ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch']
  const resources = Object.entries(SINGULAR).map(([name, kind]) => ({
    ...{ name, singularName: kind.toLowerCase(), namespaced: true, kind, verbs },
    ...(name === 'configmaps' ? { shortNames: ['cm'] } : {}),
  }))
  return { kind: 'APIResourceList', groupVersion: 'v1', resources }
}

const SINGULAR: Readonly<Record<string, string>> = { configmaps: 'ConfigMap', secrets: 'Secret', pods: 'Pod' }
