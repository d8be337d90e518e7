import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PeerCertificate, TLSSocket } from 'node:tls'
import { parse as parseYaml } from 'yaml'
import type { KubernetesAccess } from '../../src/kubernetes/access.ts'
import {
  type Attributes,
  attributes,
  EVERYTHING,
  forbidden,
  forbiddenPath,
  mayUse,
  mayVisit,
  OF_ALL,
  type Rule,
  rulesByBindings,
  serviceAccountGroups,
  serviceAccountName,
  type User,
} from './access.ts'
import { type ControllerName, collectGarbage, startControllers } from './controllers.ts'
import { established, kindsOf } from './custom-resources.ts'
import { AGGREGATED, discovery, wantsAggregated } from './discovery.ts'
import { answersInstead, type Fault, Faults } from './faults.ts'
import { apiVersionOf, BUILT_IN, qualified, type ResourceKind } from './kinds.ts'
import { type FakeObject, type Json, recordOf, textOf, timestamp } from './object.ts'
import { OPENAPI_V2, openApi, openApiV2 } from './openapi.ts'
import { Pages } from './pages.ts'
import type { PortForwards } from './port-forward.ts'
import { decodeProtobuf, PROTOBUF } from './protobuf.ts'
import { type Admission, Resources, type Target, type WriteOptions } from './resources.ts'
import { review } from './reviews.ts'
import { fieldSelector, labelSelector, namedBy } from './selectors.ts'
import { badRequest, methodNotAllowed, noSuchPath, Refusal } from './status.ts'
import { jsonOf, Storage } from './storage.ts'
import { tableOf, wantsTable } from './tables.ts'
import { checkWatchQuery, Watches } from './watch.ts'

export interface FakeOptions {
  /** Who has another is turned away, and who has it may do everything. */
  readonly token?: string
  /** With `ca`, who comes with a certificate of it is the user of its CN, in the groups of its O. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly ca?: string }
  readonly host?: string
  readonly port?: number
  /** Users are let in by their tokens, and may do what Role and ClusterRole objects and their bindings say. */
  readonly rbac?: boolean
  readonly controllers?: readonly ControllerName[]
  /** How many changes of a kind are kept for watches. */
  readonly history?: number
}

/**
 * An API server of Kubernetes in memory, over HTTP or TLS, for `kubectl`, Helm, the Kubernetes client of Node and ours: the resources of
 * `kinds.ts`, custom ones, versions, watches, patches, rights, and faults on demand.
 */
export class FakeKubernetes {
  readonly url: string
  /** Requests as `PUT /api/v1/…?query`. */
  readonly seen: string[] = []
  token: string | undefined
  /** How far its clock is ahead. */
  clockSkewMs = 0
  /** Called with each request before anything is done for it: what others do in between. */
  before: (asked: string) => void = () => {}
  /** Takes over connections to ports of pods; undefined: there are none. */
  forwards: PortForwards | undefined
  readonly #storage: Storage
  readonly #watches: Watches
  readonly #pages: Pages
  readonly #resources: Resources
  readonly #faults = new Faults()
  readonly #users = new Map<string, User>()
  readonly #rbac: boolean
  readonly #crd: ResourceKind
  #kinds: readonly ResourceKind[] = BUILT_IN

  /** On the loopback and a free port, unless options say otherwise; ends with the test. */
  static async start(t: Pick<TestContext, 'after'>, options: FakeOptions = {}): Promise<FakeKubernetes> {
    const { tls, host = '127.0.0.1', port = 0 } = options
    const server =
      tls === undefined
        ? createServer()
        : createTlsServer({ ...tls, requestCert: tls.ca !== undefined, rejectUnauthorized: false })
    await new Promise<void>((resolve) => server.listen(port, host, resolve))
    const sockets = new Set<Socket>()
    server.on('connection', (socket) => {
      sockets.add(socket)
      socket.on('close', () => sockets.delete(socket))
    })
    const fake = new FakeKubernetes(server, options)
    const stop = startControllers(
      options.controllers ?? [],
      fake.#storage,
      () => fake.#kinds,
      () => fake.#now(),
    )
    t.after(() => {
      stop()
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return fake
  }

  private constructor(
    server: Server,
    { token, tls, host = '127.0.0.1', rbac = false, history = 100_000 }: FakeOptions,
  ) {
    this.token = token
    this.#rbac = rbac
    const { port } = server.address() as AddressInfo
    this.url = `${tls === undefined ? 'http' : 'https'}://${host}:${port}`
    this.#storage = new Storage({ history, now: () => this.#now() })
    this.#watches = new Watches(this.#storage)
    this.#pages = new Pages(this.#storage)
    this.#resources = new Resources(
      this.#storage,
      () => this.#kinds,
      () => this.#now(),
    )
    this.#crd = this.#kind('customresourcedefinitions')
    this.#storage.onChange((kind) => {
      if (kind === this.#crd) this.#learnKinds()
    })
    for (const name of ['default', 'kube-node-lease', 'kube-public', 'kube-system']) this.#putNamespace(name)
    server.on('request', (request, response) => void this.#serve(request, response))
    server.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head))
  }

  access(token?: string): KubernetesAccess {
    return { url: this.url, namespace: 'default', ca: undefined, token: async () => token ?? this.token }
  }

  /** Lets somebody in by a token, with these rules only. From then on nobody else is let in. */
  addUser(token: string, name: string, rules: readonly Rule[] = [], groups: readonly string[] = []): void {
    this.#users.set(token, { name, groups: [...groups, 'system:authenticated'], rules })
  }

  /** A token for a service account, with these rules and, with `rbac`, those of its bindings. */
  addServiceAccount(namespace: string, name: string, rules: readonly Rule[] = []): string {
    const token = `token-${namespace}-${name}-${randomUUID()}`
    const groups = serviceAccountGroups(namespace)
    this.#users.set(token, { name: serviceAccountName(namespace, name), groups, rules })
    return token
  }

  /** The next requests that fit go wrong, one unless `times` says more. Requests are written `PUT /api/v1/…?query`. */
  fail(fault: Fault, fits: (asked: string) => boolean = () => true, times = 1): void {
    this.#faults.add(fault, fits, times)
  }

  /** No request goes wrong any more. */
  recover(): void {
    this.#faults.clear()
    this.#watches.isSilent = false
  }

  /** What an object of a resource, such as `pods` or `networkagents.remora.internal`, has now. */
  find(name: string, resource = 'configmaps', namespace = 'default'): FakeObject | undefined {
    const kind = this.#kind(resource)
    return this.#storage.get(kind, kind.namespaced ? namespace : '', name)
  }

  objects(resource: string, namespace = ''): readonly FakeObject[] {
    return this.#storage.list(this.#kind(resource), namespace)
  }

  /** Puts an object there with its status, as those would who may do anything. Its namespace is made where it is none. */
  put(name: string, content: object, resource = 'configmaps', namespace = 'default'): void {
    const kind = this.#kind(resource)
    if (kind.namespaced && this.find(namespace, 'namespaces') === undefined) this.#putNamespace(namespace)
    if (kind.resource === 'namespaces') this.#putNamespace(name, content)
    else this.#storage.put(kind, kind.namespaced ? namespace : '', name, content as Json)
  }

  remove(name: string, resource = 'configmaps', namespace = 'default'): void {
    const kind = this.#kind(resource)
    this.#storage.remove(kind, kind.namespaced ? namespace : '', name)
  }

  /** Takes away what is owned by nothing that is still there; says how many. */
  collectGarbage(): number {
    return collectGarbage({ storage: this.#storage, kinds: () => this.#kinds })
  }

  /** Says why an object is not admitted, as a webhook would. */
  set admission(admission: Admission) {
    this.#resources.admission = admission
  }

  /** What happened until now is not kept any more: watches and pages from there are refused. */
  forget(): void {
    this.#storage.forget()
    this.#pages.forget()
  }

  /** Ends watches, of all or of one resource, with the error that one gets which has fallen behind, or as when the server goes away. */
  endWatches(how: 'gone' | 'reset' | 'end', resource?: string): void {
    this.#watches.end(how, resource === undefined ? undefined : this.#kind(resource))
  }

  bookmark(): void {
    this.#watches.bookmark()
  }

  /** Writes anything at all to those who watch: half a line, what is no JSON, lines without end. */
  writeToWatches(text: string | Uint8Array): void {
    this.#watches.write(text)
  }

  /** Whether watches are told nothing, and not ended either. */
  set isSilent(isSilent: boolean) {
    this.#watches.isSilent = isSilent
  }

  get watches(): number {
    return this.#watches.size
  }

  get resourceVersion(): number {
    return this.#storage.version
  }

  #now(): number {
    return Date.now() + this.clockSkewMs
  }

  #putNamespace(name: string, content: object = {}): void {
    const { metadata } = content as { metadata?: Json }
    this.#storage.put(this.#kind('namespaces'), '', name, {
      ...content,
      metadata: {
        ...metadata,
        labels: { ...recordOf(metadata?.labels), 'kubernetes.io/metadata.name': name },
      },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    })
  }

  #kind(resource: string): ResourceKind {
    const found = this.#kinds.find((kind) => kind.resource === resource || qualified(kind) === resource)
    if (found === undefined) throw new Error(`the fake of Kubernetes knows no ${resource}`)
    return found
  }

  /** New kinds are served at once, and said to be a moment later. */
  #learnKinds(): void {
    const definitions = this.#storage.list(this.#crd)
    const custom = definitions.flatMap(kindsOf)
    // A kind that stays is the same object: watches know theirs by it.
    const before = this.#kinds
    this.#kinds = [...BUILT_IN, ...custom.map((kind) => before.find((old) => isSame(old, kind)) ?? kind)]
    // As in the API server: whoever watches a kind that was defined anew begins again.
    for (const kind of before) if (!this.#kinds.includes(kind)) this.#watches.end('end', kind)
    for (const definition of definitions)
      if (recordOf(definition.status).conditions === undefined)
        setImmediate(() => {
          const { name } = definition.metadata
          const now = this.#storage.get(this.#crd, '', name)
          if (now !== undefined)
            this.#storage.put(this.#crd, '', name, { ...now, status: established(now, this.#now()) })
        })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request
    response.setHeader('date', new Date(this.#now()).toUTCString())
    response.setHeader('audit-id', randomUUID())
    response.setHeader('cache-control', 'no-cache, private')
    const body = await readBody(request).catch((error: unknown) => error as Error)
    const asked = `${method} ${url}`
    this.seen.push(asked)
    this.before(asked)
    const fault = this.#faults.take(asked)
    if (answersInstead(fault, response)) return
    if (fault?.kind === 'slow') await sleep(fault.ms)
    try {
      if (body instanceof Error) throw body
      const user = this.#userOf(request)
      const result = this.#handle(user, request, body, response)
      if (result === undefined) return
      if (fault?.kind === 'reset') response.destroy()
      else if (fault?.kind === 'half') sendHalf(response, result)
      else send(response, result)
    } catch (error) {
      const { code, status } = error instanceof Refusal ? error : internalError(error)
      send(response, { code, body: status })
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { method = '', url = '' } = request
    const asked = `${method} ${url}`
    this.seen.push(asked)
    this.before(asked)
    const fault = this.#faults.take(asked)
    try {
      if (fault?.kind === 'status') throw new Refusal(fault.code, 'Injected', `fault ${fault.code}`)
      const user = this.#userOf(request)
      const target = this.#target(new URL(url, this.url).pathname)
      if (target?.subresource !== 'portforward') throw noSuchPath()
      // WebSockets begin with a GET; since 1.35 they take the right to create as well (kubernetes/kubernetes#134577).
      if (method === 'GET') this.#authorize(user, attributes('get', target.kind, target))
      this.#authorize(user, attributes('create', target.kind, target))
      this.#resources.get(target)
      if (fault?.kind === 'reset' || this.forwards === undefined) socket.destroy()
      else this.forwards.upgrade(request, socket, head, target.namespace, target.name)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const body = JSON.stringify(error.status)
      const head = `HTTP/1.1 ${error.code} ${error.reason}\r\ncontent-type: application/json`
      socket.end(`${head}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`)
    }
  }

  /** Who asks, or in whose name. */
  #userOf(request: IncomingMessage): User {
    const user = this.#authenticated(request)
    const { 'impersonate-user': name, 'impersonate-group': groups = [] } = request.headers
    if (typeof name !== 'string') return user
    const wanted = { group: '', subresource: '', name, namespace: '' }
    this.#authorize(user, { ...wanted, verb: 'impersonate', resource: 'users' })
    const known = [...this.#users.values()].find((each) => each.name === name)
    return {
      name,
      groups: known?.groups ?? [...[groups].flat(), 'system:authenticated'],
      rules: known?.rules ?? [],
    }
  }

  #authenticated(request: IncomingMessage): User {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1]
    const unauthorized = new Refusal(401, 'Unauthorized', 'Unauthorized')
    if (token !== undefined) {
      const user = this.#users.get(token)
      if (user !== undefined) return user
      if (this.token === token) return ADMIN
      if (this.token !== undefined || this.#isClosed) throw unauthorized
      return ADMIN
    }
    const socket = request.socket as Partial<TLSSocket>
    if (socket.authorized === true && socket.getPeerCertificate !== undefined)
      return { ...userOfCertificate(socket.getPeerCertificate()) }
    if (this.token !== undefined) throw unauthorized
    return this.#isClosed ? ANONYMOUS : ADMIN
  }

  /** Whether it matters who asks. */
  get #isClosed(): boolean {
    return this.#rbac || this.#users.size > 0
  }

  rulesOf(user: User): readonly Rule[] {
    if (user.groups.includes('system:masters') || !this.#isClosed) return EVERYTHING
    const own = [...user.rules, ...(user === ANONYMOUS ? [] : OF_ALL)]
    if (!this.#rbac) return own
    const list = (resource: string) => this.objects(`${resource}.rbac.authorization.k8s.io`)
    const objects = {
      clusterRoles: list('clusterroles'),
      clusterRoleBindings: list('clusterrolebindings'),
      roles: list('roles'),
      roleBindings: list('rolebindings'),
    }
    return [...own, ...rulesByBindings(user, objects)]
  }

  #authorize(user: User, wanted: Attributes): void {
    if (!mayUse(user, this.rulesOf(user), wanted)) throw forbidden(user, wanted)
  }

  #handle(user: User, request: IncomingMessage, body: Buffer, response: ServerResponse): Result | undefined {
    const { method = '', url = '', headers } = request
    const { pathname, searchParams: query } = new URL(url, this.url)
    const target = this.#target(pathname)
    if (target === undefined) return this.#visit(user, method, pathname, headers.accept ?? '')
    const verb = verbOf(method, target, query)
    // A list or watch of one object by its name may be allowed for that name:
    // https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
    const only = namedBy(query.get('fieldSelector') ?? '')
    const isOne = (verb === 'list' || verb === 'watch') && only !== undefined
    this.#authorize(user, attributes(verb, target.kind, isOne ? { ...target, name: only } : target))
    if (!target.kind.verbs.includes(verb)) throw methodNotAllowed()
    const type = (headers['content-type'] ?? 'application/json').split(';')[0]?.trim() ?? ''
    const options = writeOptions(query, headers['user-agent'])
    const { kind, subresource } = target
    switch (verb) {
      case 'watch':
        this.#watch(target, query, response)
        return undefined
      case 'list':
        return asTable(kind, headers.accept, this.#pages.list(target, this.#selected(target, query), query))
      case 'get':
        return asTable(kind, headers.accept, jsonOf(this.#resources.get(target)))
      case 'create':
        return { code: 201, body: this.#create(target, decode(body, type), user, options) }
      case 'update':
        return { code: 200, body: this.#resources.update(target, recordOf(decode(body, type)), options) }
      case 'patch':
        return { code: 200, body: this.#resources.patch(target, type, decode(body, type), options) }
      case 'delete':
        return { code: 200, body: this.#resources.delete(target, deleteOptions(body, type, query), options) }
      case 'deletecollection':
        return { code: 200, body: this.#deleteAll(target, body, type, query, options) }
    }
    throw new Error(`${verb} of ${kind.resource} ${subresource}`)
  }

  #visit(user: User, method: string, path: string, accept: string): Result {
    if (!mayVisit(user, [...OF_ALL, ...this.rulesOf(user)], method.toLowerCase(), path))
      throw forbiddenPath(user, method.toLowerCase(), path)
    if (method === 'GET' && HEALTH.has(path)) return { code: 200, text: 'ok', type: 'text/plain' }
    if (method === 'GET' && path === '/openapi/v2' && accept.includes(OPENAPI_V2.accept))
      return { code: 200, text: Buffer.from(openApiV2(this.#kinds)), type: OPENAPI_V2.type }
    const isAggregated = wantsAggregated(accept)
    const found =
      method === 'GET'
        ? (discovery(path, this.#kinds, isAggregated) ?? openApi(path, this.#kinds))
        : undefined
    if (found === undefined) throw noSuchPath()
    const type = isAggregated && (path === '/api' || path === '/apis') ? AGGREGATED : undefined
    return { code: 200, body: found, ...(type === undefined ? {} : { type }) }
  }

  #create(target: Target, decoded: unknown, user: User, options: WriteOptions): Json {
    const body = recordOf(decoded)
    const { kind, namespace, name, subresource } = target
    if (kind.resource === 'serviceaccounts' && subresource === 'token') {
      this.#resources.get({ ...target, subresource: '' })
      const status = {
        token: this.addServiceAccount(namespace, name),
        expirationTimestamp: timestamp(this.#now() + 3_600_000),
      }
      return { kind: 'TokenRequest', apiVersion: 'authentication.k8s.io/v1', metadata: {}, ...body, status }
    }
    if (name !== '') throw methodNotAllowed()
    if (kind.verbs.length === 1) return review(kind, body, user, this, namespace)
    return this.#resources.create(target, body, options)
  }

  #selected({ kind, namespace, name }: Target, query: URLSearchParams): (object: FakeObject) => boolean {
    const labels = labelSelector(query.get('labelSelector') ?? '')
    const fields = fieldSelector(query.get('fieldSelector') ?? '', kind)
    return (object) =>
      (namespace === '' || !kind.namespaced || object.metadata.namespace === namespace) &&
      (name === '' || object.metadata.name === name) &&
      labels(object) &&
      fields(object)
  }

  #watch(target: Target, query: URLSearchParams, response: ServerResponse): void {
    checkWatchQuery(query)
    const request = {
      kind: target.kind,
      namespace: target.namespace,
      fits: this.#selected(target, query),
      from: query.get('resourceVersion') ?? '',
      bookmarks: isTrue(query.get('allowWatchBookmarks')),
      sendInitialEvents: isTrue(query.get('sendInitialEvents')),
      timeoutMs: Number(query.get('timeoutSeconds') ?? 0) * 1000,
    }
    this.#watches.open(request, response)
  }

  #deleteAll(
    target: Target,
    body: Buffer,
    type: string,
    query: URLSearchParams,
    options: WriteOptions,
  ): Json {
    const { kind, namespace } = target
    const fits = this.#selected(target, query)
    const items = this.#storage.list(kind, namespace).filter(fits)
    const asked = deleteOptions(body, type, query)
    for (const { metadata } of items) {
      const { name, namespace: own = '' } = metadata
      this.#resources.delete({ kind, namespace: own, name, subresource: '' }, asked, options)
    }
    const metadata = { resourceVersion: String(this.#storage.version) }
    return { kind: `${kind.kind}List`, apiVersion: apiVersionOf(kind), metadata, items }
  }

  /** Undefined: no path of a resource. */
  #target(path: string): Target | undefined {
    const steps = path.split('/').slice(1).map(decodeURIComponent)
    const root = steps.shift()
    const group = root === 'apis' ? (steps.shift() ?? '') : ''
    if (root !== 'api' && root !== 'apis') return undefined
    const version = steps.shift()
    let namespace = ''
    if (steps[0] === 'namespaces' && steps.length > 2 && !NAMESPACE_SUBRESOURCES.has(steps[2] ?? '')) {
      namespace = steps[1] ?? ''
      steps.splice(0, 2)
    }
    const [resource = '', name = '', subresource = '', ...more] = steps
    const kind = this.#kinds.find(
      (each) => each.resource === resource && each.group === group && each.version === version,
    )
    const isKnown =
      subresource === '' ||
      (subresource === 'status' && kind?.hasStatus) ||
      OTHER_SUBRESOURCES.has(`${resource}/${subresource}`)
    if (kind === undefined || more.length > 0 || !isKnown || (namespace !== '' && !kind.namespaced))
      return undefined
    return { kind, namespace, name, subresource }
  }
}

/** As the API server answers when it panics: a fault of this one, which the test should show. */
function internalError(error: unknown): Refusal {
  const said = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return new Refusal(500, 'InternalError', `Internal error occurred: ${said}`)
}

interface Result {
  readonly code: number
  readonly body?: object
  readonly text?: string | Buffer
  readonly type?: string
}

/** As it is, but for clients that want to show it. */
function asTable({ columns }: ResourceKind, accept: string | undefined, text: string): Result {
  if (columns === undefined || !wantsTable(accept ?? '')) return { code: 200, text }
  const { items, metadata, ...rest } = JSON.parse(text) as Json
  const objects = (items ?? [{ metadata, ...rest }]) as readonly FakeObject[]
  return { code: 200, body: tableOf(objects, columns, items === undefined ? {} : recordOf(metadata)) }
}

function verbOf(method: string, { name, kind, namespace }: Target, query: URLSearchParams): string {
  switch (method) {
    case 'GET':
      if (isTrue(query.get('watch'))) return 'watch'
      return name === '' ? 'list' : 'get'
    case 'POST':
      if (kind.namespaced && namespace === '' && kind.verbs.length > 1) throw methodNotAllowed()
      return 'create'
    case 'PUT':
    case 'PATCH':
      if (name === '') throw methodNotAllowed()
      return method === 'PUT' ? 'update' : 'patch'
    case 'DELETE':
      return name === '' ? 'deletecollection' : 'delete'
  }
  throw methodNotAllowed()
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    // Read to its end all the same, or the answer may not arrive.
    if (length <= MOST_ASKED) chunks.push(chunk)
  }
  if (length > MOST_ASKED)
    return Promise.reject(
      new Refusal(413, 'RequestEntityTooLarge', `Request entity too large: limit is ${MOST_ASKED}`),
    )
  return Buffer.concat(chunks)
}

function decode(body: Buffer, type: string): unknown {
  if (type === PROTOBUF) return decodeProtobuf(body)
  try {
    return (type.endsWith('yaml') ? parseYaml(body.toString()) : JSON.parse(body.toString())) as unknown
  } catch (error) {
    throw badRequest(`error decoding the request: ${(error as Error).message}`)
  }
}

function deleteOptions(body: Buffer, type: string, query: URLSearchParams): Json {
  const asked = body.length === 0 ? {} : recordOf(decode(body, type))
  const seconds = query.get('gracePeriodSeconds')
  const policy = query.get('propagationPolicy')
  return {
    ...(seconds === null ? {} : { gracePeriodSeconds: Number(seconds) }),
    ...(policy === null ? {} : { propagationPolicy: policy }),
    ...asked,
  }
}

function writeOptions(query: URLSearchParams, agent = ''): WriteOptions {
  return {
    isDryRun: query.get('dryRun') === 'All',
    fieldManager: query.get('fieldManager') ?? agent.split('/')[0] ?? '',
    force: isTrue(query.get('force')),
    isStrict: query.get('fieldValidation') === 'Strict',
  }
}

function send(
  response: ServerResponse,
  { code, body, text = JSON.stringify(body), type = 'application/json' }: Result,
): void {
  response.writeHead(code, { 'content-type': type }).end(text)
}

function sendHalf(response: ServerResponse, { code, body, text = JSON.stringify(body) }: Result): void {
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
  response.write(text.slice(0, text.length / 2), () => response.destroy())
}

function userOfCertificate({ subject }: PeerCertificate): User {
  const groups = [subject.O ?? []].flat()
  return { name: textOf(subject.CN), groups: [...groups, 'system:authenticated'], rules: [] }
}

function isSame(a: ResourceKind, b: ResourceKind): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1'
}

const ADMIN: User = {
  name: 'kubernetes-admin',
  groups: ['system:masters', 'system:authenticated'],
  rules: [],
}
const ANONYMOUS: User = { name: 'system:anonymous', groups: ['system:unauthenticated'], rules: [] }
const HEALTH = new Set(['/healthz', '/livez', '/readyz'])
const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize'])
const OTHER_SUBRESOURCES = new Set(['serviceaccounts/token', 'pods/portforward', 'pods/exec', 'pods/log'])
const MOST_ASKED = 3 << 20
