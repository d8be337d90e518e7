import {
  any,
  flag,
  list,
  nullable,
  number,
  object,
  ofBody,
  text,
  textList,
  textMap,
} from '../../entry/shape.ts'
import { type Body, NO_BODY } from './body.ts'
import { CAPTURE_MARK } from './capture-mark.ts'
import { trimmed } from './characters.ts'
import { type Content, readContent, undoneForLittle } from './content.ts'
import type { ContentKind } from './content-kind.ts'
import { mediaType, type Param, readForm } from './form.ts'
import {
  type GraphqlError,
  type GraphqlOperation,
  type GraphqlRequest,
  graphqlErrors,
  graphqlOf,
  isMultipart,
  LONGEST_OPERATION,
  mayBeInQuery,
} from './graphql.ts'
import type { GrpcBody, GrpcMessage } from './grpc/body.ts'
import type { Field } from './head.ts'
import { decoded, hostOf, type Pair, readPairs, segmentsOf, splitTarget, type Target } from './target.ts'

const headers = textMap(
  'Headers by name as on the wire, in HTTP/2 with :path and its like; the values of one that is repeated are joined by a comma',
)
const headersSize = number('Always -1: not measured')
const bodySize = number(
  'Bytes of the body on the wire, without chunk framing; as the message declares it where some were not captured',
)
const incomplete = flag('Some of the message was not captured, or it was cut off')
const truncated = ofBody(
  flag('text is not all of the body: it was cut off, longer than what is kept, broken, or not kept'),
)
const grpcMessageCount = number('Messages of gRPC; 0 when it is not that')
const grpcMessages = ofBody(
  list<GrpcMessage>(
    'Messages of gRPC, at most 1000: fields by name where tap.grpc.protos has the type, else by number; wireTypes tells how those without a name were written',
    '{ size: number; compressed: boolean; type: string; message: any; wireTypes: { [path: string]: string } }[]',
  ),
)

export const requestShape = object('HTTP request', {
  method: text('Method as sent: GET'),
  url: text('Target as sent, with its query'),
  targetUri: text('The target without its query'),
  path: text('Path of the target'),
  pathSegments: textList('Parts of the path between slashes'),
  httpVersion: text('HTTP/1.1, HTTP/1.0 or HTTP/2.0'),
  headers,
  cookies: textMap('Cookies by name'),
  queryString: textMap(
    'Parameters of the query, decoded; the values of one that is repeated are joined by a comma',
  ),
  headersSize,
  bodySize,
  postData: object('Body of the request', {
    mimeType: text('Media type of the body, without parameters'),
    params: ofBody(
      list<Param>(
        'Fields of a form; of a file its name and type in place of what is in it',
        '{ name: string; value: string; fileName?: string; contentType?: string }[]',
      ),
    ),
    text: ofBody(text('The body, decompressed: as text where it is text, else as base64')),
    encoding: ofBody(text('base64 when text is; "" when it is plain text')),
    truncated,
  }),
  incomplete,
  graphql: nullable(
    object('What it asks for in GraphQL, the first operation of several; null when it is none', {
      operationType: text(
        'query, mutation or subscription; "" of a persisted query, where the server alone knows',
      ),
      operationName: text('Name of the operation; "" without one'),
      fields: textList('Fields that it asks for at the top'),
      query: text('The document as sent; "" of a persisted query'),
      variables: any('Variables as sent; null without'),
      persistedQuery: text('Hash of a persisted query; "" without'),
      batch: list<GraphqlOperation>(
        'All operations, when several were sent at once',
        '{ operationType: string; operationName: string; fields: string[]; query: string; variables: any; persistedQuery: string }[]',
      ),
    }),
  ),
  grpcService: text('Service that gRPC calls: shop.v1.Catalog; "" when it is not that'),
  grpcMethod: text('Method of it: Get'),
  grpcMessageCount,
  grpcMessages,
})

export const responseShape = object('HTTP response', {
  status: number('Status code: 200'),
  statusText: text('Reason phrase: OK; "" in HTTP/2, which has none'),
  httpVersion: text('HTTP/1.1, HTTP/1.0 or HTTP/2.0'),
  headers,
  cookies: textMap('Cookies that are set, by name, without their attributes'),
  redirectURL: text('Where the reply sends the client: the Location header'),
  headersSize,
  bodySize,
  content: object('Body of the response', {
    size: ofBody(
      number('Bytes after decompression, as far as they were kept; bodySize when the body is not compressed'),
    ),
    mimeType: text('Content-Type as sent'),
    text: ofBody(text('The body, decompressed: as text where it is text, else as base64')),
    encoding: ofBody(text('base64 when text is; "" when it is plain text')),
    truncated,
  }),
  incomplete,
  errors: ofBody(
    list<GraphqlError>(
      'Errors in the reply to a request of GraphQL; else none',
      '{ message: string; path: (string | number)[]; code: string }[]',
    ),
  ),
  grpcStatus: any<number | null>('Status of a gRPC call: 0 is OK; null when it has none', 'number | null'),
  grpcMessage: text('What a gRPC call says of its status'),
  grpcMessageCount,
  grpcMessages,
})

/** What a message says beside its body, however it was written. */
export interface Head {
  /** Value of the first header called `name` (in lower case), found without reading the others; "" when there is none. */
  find(name: string): string
  /** What Content-Type says of the body. */
  readonly kind: ContentKind
  /** Helpers of scripts put a field into their requests: false where it is not there. */
  readonly isMarked: boolean
  readonly fields: readonly Field[]
  /** Those that came after the body. */
  readonly trailers: readonly Field[]
}

/** What requests and responses have in common. What is in head and body is read when somebody asks, once. */
export abstract class HttpMessage<H extends Head = Head> {
  /** Set by the parser while the message comes in, as is `body`. */
  incomplete = false
  body: Body = NO_BODY
  /** Of gRPC. */
  grpc: GrpcBody | undefined = undefined
  readonly head: H
  #headers: Readonly<Record<string, string>> | undefined
  #cookies: Readonly<Record<string, string>> | undefined
  #content: Content | undefined

  constructor(head: H) {
    this.head = head
  }

  get headersSize(): number {
    return -1
  }

  get bodySize(): number {
    return this.body.size
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= byName([...this.head.fields, ...this.#newTrailers()], true)
    return this.#headers
  }

  get cookies(): Readonly<Record<string, string>> {
    this.#cookies ??= this.readCookies()
    return this.#cookies
  }

  /** The body as it is shown; its parts are the fields of `postData` and `content`. */
  get decoded(): Content {
    this.#content ??= readContent(this.body, this.incomplete, this.codings(), this.header('content-type'))
    return this.#content
  }

  /** What is kept of the body without its codings; undefined where that costs more than it may unasked. */
  undone(most: number): Uint8Array | undefined {
    const codings = this.codings()
    return codings === '' ? this.body.kept : undoneForLittle(this.body.kept, codings, most)
  }

  /** Codings of the body in the order in which they were applied; chunks are undone already (RFC 9112 §6.1). */
  protected codings(): string {
    const transfer = this.header('transfer-encoding')
      .split(',', MOST_CODINGS)
      .filter((coding) => trimmed(coding).toLowerCase() !== 'chunked')
    return [this.header('content-encoding'), ...transfer].filter((coding) => coding !== '').join(',')
  }

  header(name: string): string {
    return this.head.find(name)
  }

  get isGrpc(): boolean {
    return this.head.kind === 'grpc'
  }

  get grpcMessageCount(): number {
    return this.grpc?.count ?? 0
  }

  get grpcMessages(): readonly GrpcMessage[] {
    return this.grpc?.read(this.body.kept, this.header('content-type'), this.header('grpc-encoding')) ?? []
  }

  abstract get httpVersion(): string

  /** The values of all headers called `name` (in lower case), joined by commas; "" when there are none. */
  headerList(name: string): string {
    return this.fieldsNamed(name).join(',')
  }

  protected abstract readCookies(): Readonly<Record<string, string>>

  protected fieldsNamed(name: string): string[] {
    return this.head.fields.filter((field) => field.name.toLowerCase() === name).map(({ value }) => value)
  }

  /** A trailer says nothing of a header that came before (RFC 9110 §6.5.1). */
  #newTrailers(): readonly Field[] {
    const { fields, trailers } = this.head
    if (trailers.length === 0) return []
    const known = new Set(fields.map(({ name }) => name.toLowerCase()))
    return trailers.filter(({ name }) => !known.has(name.toLowerCase()))
  }
}

export abstract class HttpRequest<H extends Head = Head> extends HttpMessage<H> {
  #target: Target | undefined
  #queryString: Readonly<Record<string, string>> | undefined
  #postData: PostData | undefined
  /** Set by the parser, once it knows better. The body is kept until it was looked into. */
  mayBeGraphql = true
  #graphql: GraphqlRequest | null | undefined

  abstract get method(): string
  abstract get url(): string

  get targetUri(): string {
    return this.target.uri
  }

  get path(): string {
    return this.target.path
  }

  get pathSegments(): readonly string[] {
    return segmentsOf(this.path)
  }

  get queryString(): Readonly<Record<string, string>> {
    this.#queryString ??= byName(readPairs(this.target.query), false)
    return this.#queryString
  }

  get postData(): PostData {
    this.#postData ??= new PostData(this)
    return this.#postData
  }

  get isPost(): boolean {
    return this.method === 'POST'
  }

  /** Null also when not all of the body was captured. Found out while the body is there. */
  get graphql(): GraphqlRequest | null {
    if (this.#graphql === undefined) this.#graphql = this.#readGraphql() ?? null
    return this.#graphql
  }

  /** False: nothing in its query is called so. */
  mayAskFor(_name: string): boolean {
    return true
  }

  protected get mayAskInTarget(): boolean {
    return mayBeInQuery(this.url)
  }

  #readGraphql(): GraphqlRequest | undefined {
    if (this.mayBeGraphql && this.body.size > 0 && !this.incomplete) {
      const contentType = this.header('content-type')
      if (this.body.isCut && !isMultipart(contentType)) return undefined
      const bytes = this.undone(LONGEST_OPERATION) ?? NO_BODY.kept
      return graphqlOf('POST', contentType, this.url, bytes)
    }
    return this.mayAskInTarget ? graphqlOf(this.method, '', this.url, NO_BODY.kept) : undefined
  }

  get grpcService(): string {
    return this.isGrpc ? this.path.slice(1, Math.max(this.path.lastIndexOf('/'), 1)) : ''
  }

  get grpcMethod(): string {
    return this.isGrpc ? this.path.slice(this.path.lastIndexOf('/') + 1) : ''
  }

  /** The server's name as the client knows it, without the port (RFC 9112 §3.2.2). */
  get authority(): string | undefined {
    if (this.method === 'CONNECT') return hostOf(this.url)
    return hostOf(this.target.authority || this.header('host'))
  }

  /** A request of a helper of ours or of Kubeshark's: what scripts send must not come back to them (agent-api §2.7). */
  get isOurs(): boolean {
    return this.head.isMarked && this.header(CAPTURE_MARK).trim().toLowerCase() === 'ignore'
  }

  protected get target(): Target {
    this.#target ??= splitTarget(this.url)
    return this.#target
  }

  /** Of several with one name the first is the most specific (RFC 6265 §5.4). */
  protected readCookies(): Readonly<Record<string, string>> {
    const pairs = this.fieldsNamed('cookie').flatMap((value) => value.split(';', MOST_COOKIES))
    return cookiesByName(pairs.slice(0, MOST_COOKIES).reverse())
  }
}

export abstract class HttpResponse<H extends Head = Head> extends HttpMessage<H> {
  #shownContent: ShownContent | undefined
  /** Set by the parser. */
  answersGraphql = false

  abstract get status(): number
  abstract get statusText(): string

  get redirectURL(): string {
    return this.header('location')
  }

  get grpcStatus(): number | null {
    const status = this.grpcTrailer('grpc-status')
    return /^\d{1,9}$/.test(status) ? Number(status) : null
  }

  get grpcMessage(): string {
    return decoded(this.grpcTrailer('grpc-message'), false)
  }

  get errors(): readonly GraphqlError[] {
    return this.answersGraphql && this.content.encoding === '' ? graphqlErrors(this.content.text) : []
  }

  get content(): ShownContent {
    this.#shownContent ??= new ShownContent(this)
    return this.#shownContent
  }

  /** After the body, among the headers of a reply that has none, or at the end of the body as in gRPC-Web. */
  protected grpcTrailer(name: string): string {
    const trailer = this.head.trailers.find((field) => field.name.toLowerCase() === name)
    return trailer?.value || this.header(name) || (this.grpc?.trailer(name) ?? '')
  }

  /** A cookie that is set again replaces the one before. */
  protected readCookies(): Readonly<Record<string, string>> {
    return cookiesByName(this.fieldsNamed('set-cookie').map((value) => value.split(';', 1)[0] ?? ''))
  }
}

/** A request or a reply of gRPC. */
export function isCall(message: object | null): boolean {
  return message instanceof HttpMessage && message.isGrpc
}

class PostData {
  readonly #message: HttpMessage
  #params: readonly Param[] | undefined

  constructor(message: HttpMessage) {
    this.#message = message
  }

  get mimeType(): string {
    return mediaType(this.#message.header('content-type'))
  }

  get params(): readonly Param[] {
    this.#params ??= readForm(this.#message.decoded.bytes, this.#message.header('content-type'))
    return this.#params
  }

  get text(): string {
    return this.#message.decoded.text
  }

  get encoding(): string {
    return this.#message.decoded.encoding
  }

  get truncated(): boolean {
    return this.#message.decoded.truncated
  }
}

class ShownContent {
  readonly #message: HttpMessage

  constructor(message: HttpMessage) {
    this.#message = message
  }

  get size(): number {
    return this.#message.decoded.size
  }

  get mimeType(): string {
    return this.#message.header('content-type')
  }

  get text(): string {
    return this.#message.decoded.text
  }

  get encoding(): string {
    return this.#message.decoded.encoding
  }

  get truncated(): boolean {
    return this.#message.decoded.truncated
  }
}

/** Values by name; names that differ in case only are one, spelt as the first, when `foldCase`. */
function byName(pairs: readonly Pair[], foldCase: boolean): Readonly<Record<string, string>> {
  const values = emptyMap()
  const spellings = new Map<string, string>()
  for (const { name, value } of pairs) {
    const key = foldCase ? name.toLowerCase() : name
    const spelling = spellings.get(key)
    if (spelling === undefined) spellings.set(key, name)
    values[spelling ?? name] = spelling === undefined ? value : `${values[spelling]},${value}`
  }
  return values
}

function cookiesByName(pairs: readonly string[]): Readonly<Record<string, string>> {
  const values = emptyMap()
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    if (equals > 0) values[trimmed(pair, 0, equals)] = trimmed(pair, equals + 1)
  }
  return values
}

/** Without a prototype: a header may be called `__proto__`. */
function emptyMap(): Record<string, string> {
  return Object.create(null) as Record<string, string>
}

/** Further ones are not shown … */
const MOST_COOKIES = 1000
/** … or not undone. */
const MOST_CODINGS = 8
