import { lookup } from 'node:dns/promises'
import { once } from 'node:events'
import { BlockList, connect as connectPlain, isIP, type Socket, type TcpNetConnectOpts } from 'node:net'
import { unescape as percentDecoded } from 'node:querystring'
import { Readable } from 'node:stream'
import { type ConnectionOptions, connect as connectTls, getCACertificates, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import type { Agent, buildConnector, Dispatcher } from 'undici'
import { Mistake } from '../mistake/mistake.ts'
import { Busy } from './answer.ts'
import type { ConnectRequest, HttpReply, HttpRequest } from './helper.ts'
import { pinnedTrust } from './pinned-certificate.ts'

export interface EgressOptions {
  /**
   * Where scripts may send: `hooks.slack.com`, `*.example.com`, an address or `10.0.0.0/8`. Empty or absent: anywhere.
   * Compared with the host in the URL as it is written there.
   */
  readonly allow?: readonly string[]
  /** Where they may not, in the same words; goes before `allow`. Addresses count also for names that lead to them. */
  readonly deny?: readonly string[]
  /** False: public addresses are refused; loopback and private networks stay. True by default. */
  readonly internetConnectivity?: boolean
  /** Certificates (PEM) to trust beside those that Node trusts. */
  readonly ca?: string
  /** For connecting, for the head of a reply and for each pause in its body. 10 s by default. */
  readonly timeoutMs?: number
  /** For all of it, redirects included. 30 s by default. */
  readonly totalMs?: number
  /** 2 MiB by default. */
  readonly largestReplyBytes?: number
  /** False: this machine itself is refused, unless the rules of an agent say otherwise. True by default. */
  readonly loopback?: boolean
  /** Requests at the same time to one host, and of one agent; more wait, up to `mostWaiting` each. */
  readonly mostPerHost?: number
  readonly mostPerAgent?: number
  readonly mostWaiting?: number
}

/** What else holds for one agent. */
export interface EgressRules {
  /** Who shares the limit of one agent with nobody else. */
  readonly agent?: string
  /** A host must match one of each of these lists. */
  readonly hosts?: readonly HostList[]
  /** Whether it may connect to this machine; absent: as the options say. */
  readonly loopback?: boolean | undefined
  /** Whether it may connect to metadata services and link-local addresses; false by default. */
  readonly metadata?: boolean | undefined
}

export interface HostList {
  readonly allow: readonly string[]
  /** Who says so, as the end of a sentence: `the header of the script`. */
  readonly by: string
}

/** The only way out for scripts. One per process: connections are kept and used again. */
export interface Egress {
  /** Throws a Mistake that names the host and the reason, never the path, the query or headers: they hold secrets. */
  request(options: HttpRequest, signal?: AbortSignal): Promise<HttpReply>
  /** Throws what `request` would before anything is sent; what only connecting tells is not looked at. */
  check(options: HttpRequest): void
  /** A connection for what is not HTTP, by the same rules. Its errors are those of `request`; afterwards it is the caller's. */
  connect(options: ConnectRequest, signal?: AbortSignal): Promise<Socket>
  /** An address of the host that may be connected to: who connects by itself must take this one, not the name. */
  addressOf(host: string, port: number): Promise<string>
  /** Throws for hosts that would be refused by their names. */
  checkHosts(hosts: readonly string[]): void
  /** The same way out, under the rules of an agent as well. Connections are shared by all whose rules for addresses are equal. */
  under(rules: EgressRules): Egress
  /** Calls that were refused since too many others were on their way. */
  readonly crowded: number
  /** Closes idle connections and breaks the others. */
  close(): Promise<void>
}

export const TIMEOUT_MS = 10_000
export const TOTAL_MS = 30_000
/** Twice escaped as JSON it still crosses to the sandbox in one frame. */
export const LARGEST_REPLY_BYTES = 2 * 1024 * 1024
const MOST_REDIRECTS = 5
const MOST_CONNECTIONS_PER_ORIGIN = 32

export function openEgress(options: EgressOptions = {}): Egress {
  return new FencedEgress(options)
}

class FencedEgress implements Egress {
  readonly #options: EgressOptions
  readonly #rules: EgressRules
  readonly #ways: Ways
  readonly #forbidden: BlockList

  constructor(options: EgressOptions, rules: EgressRules = {}, ways = new Ways(options)) {
    this.#options = options
    this.#rules = rules
    this.#ways = ways
    this.#forbidden = ways.forbidden(rules)
  }

  under(rules: EgressRules): Egress {
    return new FencedEgress(this.#options, rules, this.#ways)
  }

  get crowded(): number {
    return this.#ways.crowded
  }

  checkHosts(hosts: readonly string[]): void {
    for (const host of hosts) this.#checkHost(peerOf(host, undefined))
  }

  async request(options: HttpRequest, signal?: AbortSignal): Promise<HttpReply> {
    const total = AbortSignal.timeout(options.totalMs ?? this.#options.totalMs ?? TOTAL_MS)
    const stop = signal === undefined ? total : AbortSignal.any([signal, total])
    const next = firstHop(options)
    this.#checkHost(next)
    const leave = await this.#ways.enter(next, this.#rules.agent, stop)
    try {
      return await this.#follow(next, stop)
    } finally {
      leave()
    }
  }

  async #follow(first: Hop, stop: AbortSignal): Promise<HttpReply> {
    let next = first
    for (let redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      const reply = await this.#send(next, stop)
      if ('status' in reply) return reply
      next = followed(next, reply)
    }
    throw failed(next, `more than ${MOST_REDIRECTS} redirects`)
  }

  check(options: HttpRequest): void {
    this.#checkHost(firstHop(options))
  }

  async connect({ host, port, tls }: ConnectRequest, signal?: AbortSignal): Promise<Socket> {
    const peer = peerOf(host, port)
    this.#checkHost(peer)
    // What was checked, and nothing else.
    const place = { host: peer.url.hostname, port }
    return await this.#open(peer, { ...place, ...(tls === undefined ? {} : { tls }) }, signal)
  }

  async #open(
    peer: Peer,
    { host, port, tls }: ConnectRequest,
    signal: AbortSignal | undefined,
    trust: ConnectionOptions = {},
  ): Promise<Socket> {
    const limit = AbortSignal.timeout(this.#options.timeoutMs ?? TIMEOUT_MS)
    const stop = signal === undefined ? limit : AbortSignal.any([signal, limit])
    // @types/node knows `blockList` only for `new Socket`, which `net.connect` hands its options to.
    const fenced: TcpNetConnectOpts = { host: bare(host), port }
    const socket = connectPlain(Object.assign(fenced, { blockList: this.#forbidden }))
    try {
      await once(socket, 'connect', { signal: stop })
      if (tls === undefined) {
        trusted.set(socket, trustOf(this.#options).ca)
        return socket
      }
      const name = tls.servername ?? hostOf(peer.url)
      const secure = connectTls({
        socket,
        ...(isIP(name) === 0 ? { servername: name } : { host: name }),
        ...(tls.alpn === undefined ? {} : { ALPNProtocols: [...tls.alpn] }),
        ...trustOf(this.#options),
        ...trust,
        ...(tls.ca === undefined
          ? {}
          : { ca: [...getCACertificates(), ...[this.#options.ca ?? []].flat(), tls.ca] }),
        ...(tls.cert === undefined ? {} : { cert: tls.cert, key: tls.key }),
      })
      await once(secure, 'secureConnect', { signal: stop })
      return secure
    } catch (error) {
      socket.destroy()
      throw stop.aborted ? failed(peer, 'no answer to the connection') : asMistake(error, peer)
    }
  }

  async addressOf(host: string, port: number): Promise<string> {
    const peer = peerOf(host, port)
    this.#checkHost(peer)
    try {
      const found = await lookup(bare(peer.url.hostname), { all: true })
      const allowed = found.find(({ address }) => !this.#forbidden.check(address, familyOf(address)))
      if (allowed === undefined) throw refused(peer, FORBIDDEN)
      return allowed.address
    } catch (error) {
      throw asMistake(error, peer)
    }
  }

  close(): Promise<void> {
    return this.#ways.close()
  }

  async #send(hop: Hop, signal: AbortSignal): Promise<HttpReply | Redirect> {
    this.#checkHost(hop)
    if (hop.certificateSha256 === undefined) {
      return await this.#sendBy(await this.#ways.client(this.#rules), hop, signal)
    }
    const trust = await this.#pinned(hop, hop.certificateSha256, signal)
    const client = await openClient(this.#options, this.#forbidden, trust)
    try {
      return await this.#sendBy(client, hop, signal)
    } finally {
      await client.agent.destroy()
    }
  }

  /** Looks at the certificates of a server, and sends it nothing. What is then trusted is checked as any other is. */
  async #pinned(hop: Hop, sha256: string, signal: AbortSignal): Promise<ConnectionOptions> {
    if (hop.url.protocol !== 'https:')
      throw refused(hop, 'without https there is no certificate to know it by')
    const place = { host: hostOf(hop.url), port: Number(hop.url.port || 443), tls: {} }
    const socket = await this.#open(hop, place, signal, { rejectUnauthorized: false })
    try {
      const trust = pinnedTrust(socket as TLSSocket, sha256)
      if (trust === undefined)
        throw failed(hop, 'none of its certificates has the fingerprint that was given')
      return trust
    } finally {
      socket.destroy()
    }
  }

  async #sendBy({ undici, agent }: Client, hop: Hop, signal: AbortSignal): Promise<HttpReply | Redirect> {
    try {
      const { answerMs } = hop
      const reply = await undici.request(hop.url, {
        dispatcher: agent,
        method: hop.method as Dispatcher.HttpMethod,
        headers: hop.headers,
        body: isEmpty(hop.body) ? null : (hop.body as string | Uint8Array | Readable),
        signal,
        ...(answerMs === undefined ? {} : { headersTimeout: answerMs, bodyTimeout: answerMs }),
      })
      const coded = joinHeaders(reply.headers)
      const { headers, bytes } = await decoded(coded, await reply.body.bytes(), this.#largestReply)
      const body = new TextDecoder().decode(bytes)
      const to = REDIRECTS.has(reply.statusCode) ? headers.location : undefined
      return to === undefined
        ? { status: reply.statusCode, headers, body, bytes }
        : { code: reply.statusCode, to }
    } catch (error) {
      throw signal.aborted ? failed(hop, 'the time is up') : asMistake(error, hop)
    }
  }

  get #largestReply(): number {
    return this.#options.largestReplyBytes ?? LARGEST_REPLY_BYTES
  }

  /** Literal addresses are refused here, before anything is tried; those that names lead to, while connecting. */
  #checkHost(hop: Peer): void {
    const host = hostOf(hop.url)
    const { allow = [], deny = [] } = this.#options
    if (isIP(host) !== 0 && this.#forbidden.check(host, familyOf(host))) throw refused(hop, FORBIDDEN)
    if (deny.some((pattern) => matches(pattern, host))) throw refused(hop, 'the host is on the deny list')
    if (allow.length > 0 && !allow.some((pattern) => matches(pattern, host)))
      throw refused(hop, 'the host is not on the allow list')
    const closed = this.#rules.hosts?.find((list) => !list.allow.some((pattern) => matches(pattern, host)))
    if (closed !== undefined) throw refused(hop, `the host is not granted by ${closed.by}`)
  }
}

/** Connections and limits that all agents share. */
class Ways {
  readonly #options: EgressOptions
  readonly #lists = new Map<string, BlockList>()
  readonly #clients = new Map<string, Promise<Client>>()
  readonly #hosts: Crowd
  readonly #agents: Crowd

  constructor(options: EgressOptions) {
    this.#options = options
    const { mostPerHost = MOST_PER_HOST, mostPerAgent = MOST_PER_AGENT, mostWaiting = MOST_WAITING } = options
    this.#hosts = new Crowd(mostPerHost, mostWaiting)
    this.#agents = new Crowd(mostPerAgent, mostWaiting)
    // A network that is none is said at once.
    this.forbidden({})
  }

  get crowded(): number {
    return this.#hosts.refused + this.#agents.refused
  }

  /** Addresses that nobody under these rules connects to. */
  forbidden(rules: EgressRules): BlockList {
    const { loopback, metadata } = this.#doors(rules)
    const key = keyOf({ loopback, metadata })
    const list = this.#lists.get(key) ?? forbiddenAddresses({ ...this.#options, loopback, metadata })
    this.#lists.set(key, list)
    return list
  }

  client(rules: EgressRules): Promise<Client> {
    const key = keyOf(this.#doors(rules))
    const client = this.#clients.get(key) ?? openClient(this.#options, this.forbidden(rules))
    this.#clients.set(key, client)
    return client
  }

  #doors({ loopback = this.#options.loopback ?? true, metadata = false }: EgressRules): Doors {
    return { loopback, metadata }
  }

  /** Waits until a request may be made; answers how to say that it is over. */
  async enter(peer: Peer, agent: string | undefined, signal: AbortSignal): Promise<() => void> {
    const tooMany = (whom: string) =>
      new Busy(`${peer.method} ${peer.url.host}: too many requests ${whom} are on their way`, BUSY_MS)
    const ofAgent =
      agent === undefined
        ? undefined
        : await this.#agents.enter(agent, () => tooMany('of this agent'), signal)
    try {
      const ofHost = await this.#hosts.enter(peer.url.host, () => tooMany('to this host'), signal)
      return () => {
        ofHost()
        ofAgent?.()
      }
    } catch (error) {
      ofAgent?.()
      throw error instanceof Mistake ? error : failed(peer, 'the time is up')
    }
  }

  async close(): Promise<void> {
    for (const client of this.#clients.values()) await (await client).agent.destroy()
  }
}

interface Doors {
  readonly loopback: boolean
  readonly metadata: boolean
}

function keyOf({ loopback, metadata }: Doors): string {
  return `${loopback} ${metadata}`
}

/** Lets in so many of one name at a time; others wait in order, and beyond that they are refused. */
class Crowd {
  readonly #most: number
  readonly #mostWaiting: number
  readonly #inside = new Map<string, { count: number; readonly waiting: (() => void)[] }>()
  refused = 0

  constructor(most: number, mostWaiting: number) {
    this.#most = most
    this.#mostWaiting = mostWaiting
  }

  async enter(name: string, refusal: () => Mistake, signal: AbortSignal): Promise<() => void> {
    const crowd = this.#inside.get(name) ?? { count: 0, waiting: [] }
    this.#inside.set(name, crowd)
    if (crowd.count < this.#most) crowd.count++
    else {
      if (crowd.waiting.length >= this.#mostWaiting) {
        this.refused++
        throw refusal()
      }
      await this.#turn(crowd.waiting, signal)
    }
    return () => this.#leave(name)
  }

  /** Whoever leaves hands over the place: the count stays. */
  async #turn(waiting: (() => void)[], signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const give = () => {
      const at = waiting.indexOf(resolve)
      if (at < 0) return
      waiting.splice(at, 1)
      reject(signal.reason)
    }
    waiting.push(resolve)
    signal.addEventListener('abort', give, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', give)
    }
  }

  #leave(name: string): void {
    const crowd = this.#inside.get(name)
    if (crowd === undefined) return
    const next = crowd.waiting.shift()
    if (next !== undefined) next()
    else if (--crowd.count === 0) this.#inside.delete(name)
  }
}

const MOST_PER_HOST = 16
const MOST_PER_AGENT = 16
const MOST_WAITING = 256
/** When it makes sense to ask again. */
const BUSY_MS = 1000

/** Beside what Node trusts. */
function trustOf({ ca }: EgressOptions): { readonly ca?: string[] } {
  return ca === undefined ? {} : { ca: [...getCACertificates(), ca] }
}

/** Of plain connections. */
const trusted = new WeakMap<Socket, string[] | undefined>()

/**
 * Certificates (PEM) to trust where TLS begins later, by a library, on a connection that `Egress.connect` has made: those of
 * the egress. Undefined: those of Node.
 */
export function trustedOn(socket: Socket): string[] | undefined {
  return trusted.get(socket)
}

interface Client {
  readonly undici: typeof import('undici')
  readonly agent: Agent
}

/** Loads the HTTP client when it is first needed: most runs send nothing, and it takes longer to load than the rest. */
async function openClient(
  options: EgressOptions,
  forbidden: BlockList,
  trust: ConnectionOptions = trustOf(options),
): Promise<Client> {
  const undici = await import('undici')
  const timeout = options.timeoutMs ?? TIMEOUT_MS
  const agent = new undici.Agent({
    connect: fencedConnector(undici.buildConnector, forbidden, timeout, trust),
    connections: MOST_CONNECTIONS_PER_ORIGIN,
    headersTimeout: timeout,
    bodyTimeout: timeout,
    maxResponseSize: options.largestReplyBytes ?? LARGEST_REPLY_BYTES,
  })
  return { undici, agent }
}

/** Whom something is about, in words: `POST host:port`. */
interface Peer {
  readonly method: string
  readonly url: URL
}

/** One request of a chain of redirects. */
interface Hop extends Peer {
  readonly headers: Readonly<Record<string, string>>
  readonly body: HttpRequest['body']
  readonly certificateSha256?: string | undefined
  readonly answerMs: number | undefined
}

/**
 * Names are put as in addresses of HTTP, in lower case and as ASCII, so that lists know them however they are written; what
 * is more than a name is none.
 */
function peerOf(host: string, port: number | undefined): Peer {
  const given = bare(host)
  const found = URL.parse(`http://${isIP(given) === 6 ? `[${given}]` : given}/`)
  const url = URL.parse(`tcp://${found?.hostname ?? ''}${port === undefined ? '' : `:${port}`}`)
  if (found === null || url === null || found.href !== `http://${found.hostname}/`)
    throw new Mistake('E_HELPER_ARGUMENT', 'that is no host with a port')
  return { method: 'connect to', url }
}

/** Without the brackets of an IPv6 address. */
function bare(host: string): string {
  return host.replace(/^\[|\]$/g, '')
}

function isEmpty(body: HttpRequest['body']): boolean {
  return body === undefined || (!(body instanceof Readable) && body.length === 0)
}

interface Redirect {
  readonly code: number
  readonly to: string
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** Marks our own requests, which are no traffic to look at: a script that reports each call would never end. */
export const OWN_TRAFFIC = { 'x-kubeshark-capture': 'ignore' }

function firstHop({ method, url, headers, body, certificateSha256, answerMs }: HttpRequest): Hop {
  const target = new URL(url)
  const given = Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), onWire(value)] as const)
    .filter(
      ([name]) => !OF_THE_CONNECTION.has(name) && (name !== 'content-length' || body instanceof Readable),
    )
  const credentials = credentialsOf(target)
  target.username = ''
  target.password = ''
  return {
    method,
    url: target,
    headers: { ...credentials, ...Object.fromEntries(given), ...OWN_TRAFFIC },
    body,
    certificateSha256,
    answerMs,
  }
}

/**
 * What scripts may have from a request that they pass on, and what is ours to say: no other host than the one that was checked,
 * and how the connection is used (RFC 9110 §7.6.1). The length of a body is that of the body.
 */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  ...['host', 'connection', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding'],
  'upgrade',
])

/** A value of a header in UTF-8, a character for each byte, without white space around it, such as the line end of a file. */
function onWire(value: string): string {
  return Buffer.from(value.trim()).toString('latin1')
}

/** `http://user:password@host/`, as other clients understand it (RFC 7617). */
function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${percentDecoded(username)}:${percentDecoded(password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** RFC 9110 §15.4: which method and body go on; what is a secret stays with the host it was meant for. */
function followed(hop: Hop, { code, to }: Redirect): Hop {
  const url = URL.parse(to, hop.url)
  if (url === null || !/^https?:$/.test(url.protocol)) throw refused(hop, 'redirects to no http address')
  const headers = url.origin === hop.url.origin ? hop.headers : publicHeaders(hop.headers)
  const becomesGet = code === 303 ? hop.method !== 'HEAD' : code < 303 && hop.method === 'POST'
  if (!becomesGet) {
    if (hop.body instanceof Readable) throw refused(hop, 'redirects, and what is sent can be read once only')
    return { ...hop, url, headers }
  }
  const left = Object.entries(headers).filter(([name]) => !name.startsWith('content-'))
  return { ...hop, method: 'GET', url, headers: Object.fromEntries(left), body: undefined }
}

function publicHeaders(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => PUBLIC_HEADERS.has(name)))
}

const PUBLIC_HEADERS: ReadonlySet<string> = new Set([
  'accept',
  'accept-language',
  'content-type',
  'user-agent',
  ...Object.keys(OWN_TRAFFIC),
])

/** Who asks for a compressed reply gets it as it was before, within the same limit. */
async function decoded(
  headers: Readonly<Record<string, string>>,
  bytes: Uint8Array,
  maxOutputLength: number,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly bytes: Uint8Array }> {
  const decode = DECODERS[headers['content-encoding']?.trim().toLowerCase() ?? '']
  if (decode === undefined || bytes.length === 0) return { headers, bytes }
  const { 'content-encoding': _, 'content-length': __, ...rest } = headers
  return { headers: rest, bytes: await decode(bytes, { maxOutputLength }) }
}

type Decoder = (bytes: Uint8Array, limits: { readonly maxOutputLength: number }) => Promise<Uint8Array>

/** RFC 9110 §8.4.1 and RFC 8878. */
const DECODERS: Readonly<Record<string, Decoder>> = {
  br: promisify(zlib.brotliDecompress),
  deflate: promisify(zlib.inflate),
  gzip: promisify(zlib.gunzip),
  'x-gzip': promisify(zlib.gunzip),
  zstd: promisify(zlib.zstdDecompress),
}

function joinHeaders(headers: Readonly<Record<string, string | string[] | undefined>>) {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(', ')]))
}

/** Host without brackets and without the dot of a full name. URL has put it in lower case and addresses in order. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '')
}

function matches(pattern: string, host: string): boolean {
  if (isNetwork(pattern)) return isIP(host) !== 0 && listOf([pattern]).check(host, familyOf(host))
  const name = pattern.toLowerCase()
  if (name === '*') return true
  return name.startsWith('*.') ? host.endsWith(name.slice(1)) : host === name
}

/** An address or a range of them, rather than a name. */
function isNetwork(pattern: string): boolean {
  return isIP(pattern.split('/')[0] ?? '') !== 0
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4'
}

/**
 * Connects only to addresses that are not forbidden, whatever name led there. `tls.connect` does not look at
 * `blockList` (Node 26), so a TLS connection begins as a plain one that does.
 */
function fencedConnector(
  connector: typeof buildConnector,
  blockList: BlockList,
  timeout: number,
  trust: ConnectionOptions,
): buildConnector.connector {
  // @types/node knows `blockList` only for `new Socket`, which `net.connect` hands its options to.
  const plain = connector({ blockList, timeout } as buildConnector.BuildOptions)
  const tls = connector({ timeout, allowH2: false, ...trust } as buildConnector.BuildOptions) // the limits are proved on HTTP/1.1
  return (options, callback) => {
    if (options.protocol !== 'https:') return plain(options, callback)
    const { hostname, port } = options
    plain({ hostname, port: port || '443', protocol: 'http:' }, (...[error, socket]) => {
      if (error !== null) callback(error, null)
      else tls({ ...options, httpSocket: socket }, callback)
    })
  }
}

function forbiddenAddresses({
  deny = [],
  internetConnectivity = true,
  loopback,
  metadata,
}: EgressOptions & Doors): BlockList {
  const list = listOf([...(metadata ? [] : NEVER), ...(loopback ? [] : LOOPBACK), ...deny.filter(isNetwork)])
  if (!internetConnectivity) for (const [first, last] of PUBLIC) list.addRange(first, last, familyOf(first))
  return list
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) addNetwork(list, network)
  return list
}

function addNetwork(list: BlockList, network: string): void {
  const [address = '', bits] = network.split('/')
  try {
    if (bits === undefined) list.addAddress(address, familyOf(address))
    else list.addSubnet(address, Number(bits), familyOf(address))
  } catch (cause) {
    throw new Mistake('E_CONFIG_VALUE', `egress: ${network} is not a network`, { cause })
  }
}

/** Cloud metadata hands out credentials of the machine, and link-local addresses lead to it by many ways. */
const NEVER = [
  '169.254.0.0/16', // link-local, RFC 3927; metadata of AWS, Google, Azure, Oracle and others
  '100.100.100.200', // metadata of Alibaba
  '168.63.129.16', // Azure's host
  '192.0.0.192', // metadata of Oracle
  'fe80::/10', // link-local, RFC 4291
  'fd00:ec2::/32', // metadata of AWS
  'fd20:ce::254', // metadata of Google
  '64:ff9b::a9fe:0/112', // 169.254.0.0/16 by NAT64, RFC 6052
  '2002:a9fe::/32', // and by 6to4, RFC 3056
  '::a9fe:0/112', // and as IPv4-compatible, RFC 4291 §2.5.5.1
]

/** This machine. Who connects to no address at all (`0.0.0.0`, `::`) gets there, too. */
const LOOPBACK = [
  '127.0.0.0/8',
  '0.0.0.0/8',
  '::/128',
  '::1',
  '::7f00:0/104', // 127.0.0.0/8 as IPv4-compatible,
  '64:ff9b::7f00:0/104', // by NAT64,
  '2002:7f00::/24', // and by 6to4
]

/** All but loopback, RFC 1918, RFC 6598 and RFC 4193. */
const PUBLIC = [
  ['1.0.0.0', '9.255.255.255'],
  ['11.0.0.0', '100.63.255.255'],
  ['100.128.0.0', '126.255.255.255'],
  ['128.0.0.0', '172.15.255.255'],
  ['172.32.0.0', '192.167.255.255'],
  ['192.169.0.0', '255.255.255.255'],
  ['::2', '::fffe:ffff:ffff'], // not ::ffff:0:0/96, which is IPv4 over again
  ['::1:0:0:0', 'fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ['fe00::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
] as const

const FORBIDDEN =
  'the address is forbidden: link-local and metadata are without a grant, so is loopback in a cluster, and public ones are without internetConnectivity'

/** Of zlib. */
const NOT_DECODED = /^(Z_|ZSTD_|ERR_+BROTLI|ERR_+ERROR_)/

function refused(hop: Peer, reason: string): Mistake {
  return new Mistake('E_HELPER_REFUSED', words(hop, reason))
}

function failed(hop: Peer, reason: string): Mistake {
  return new Mistake('E_HELPER_FAILED', words(hop, reason))
}

function words({ method, url }: Peer, reason: string): string {
  return `${method} ${url.host}: ${reason}`
}

/** In our own words: messages of libraries may quote what was sent. */
function asMistake(error: unknown, hop: Peer): unknown {
  if (!(error instanceof Error) || error instanceof Mistake) return error
  if (error.name === 'HTTPParserError') return failed(hop, 'the reply is not HTTP')
  const code = codeOf(error)
  if (code === 'ERR_IP_BLOCKED') return refused(hop, FORBIDDEN)
  // It will not be any other when it is tried again.
  if (code === 'UND_ERR_INVALID_ARG' || code === 'UND_ERR_NOT_SUPPORTED')
    return new Mistake('E_HELPER_ARGUMENT', words(hop, 'a header or the method is not valid HTTP'))
  if (code !== undefined && NOT_DECODED.test(code))
    return failed(hop, 'the reply is not compressed as it says')
  return code === undefined ? error : failed(hop, connectionReason(code) ?? `failed (${code})`)
}

/** A host with several addresses fails with one error for each; a forbidden one tells most. */
function codeOf(error: Error): string | undefined {
  const codes = error instanceof AggregateError ? error.errors.map((each) => each?.code) : []
  if (codes.includes('ERR_IP_BLOCKED')) return 'ERR_IP_BLOCKED'
  const code = 'code' in error ? error.code : codes[0]
  return typeof code === 'string' ? code : undefined
}

/** What an error of a connection, by its code, means; undefined for one that is not known. */
export function connectionReason(code: string): string | undefined {
  return REASONS[code]
}

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  EAI_AGAIN: 'the name cannot be resolved',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was reset',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ENOTFOUND: 'no such host',
  EPIPE: 'the connection was closed',
  ERR_BUFFER_TOO_LARGE: 'the reply is too large',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  ETIMEDOUT: 'no answer to the connection',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not trusted',
  UND_ERR_BODY_TIMEOUT: 'the reply stopped coming',
  UND_ERR_CONNECT_TIMEOUT: 'no answer to the connection',
  UND_ERR_HEADERS_OVERFLOW: 'the head of the reply is too large',
  UND_ERR_HEADERS_TIMEOUT: 'no reply in time',
  UND_ERR_REQ_CONTENT_LENGTH_MISMATCH: 'what was to be sent has another length than was said',
  UND_ERR_RES_EXCEEDED_MAX_SIZE: 'the reply is too large',
  UND_ERR_SOCKET: 'the connection was closed',
}
