import { flag, list, number, object, text, textList, textMap } from '../../entry/shape.ts'
import { BodyBytes, type DecodedBody, decodeBody } from './body.ts'
import { headerOf, readable, readHeaders } from './head.ts'

interface Param {
  readonly name: string
  readonly value: string
}

export const requestShape = object('HTTP request', {
  method: text('Method as sent, usually upper case'),
  url: text('Path with query, as in the request line'),
  targetUri: text('The same without the query'),
  path: text('Path without the query'),
  pathSegments: textList('Parts of the path, without empty ones'),
  httpVersion: text('HTTP/1.1'),
  headers: textMap('Headers by name as sent; repeated ones joined by a comma'),
  cookies: textMap('Cookies by name'),
  queryString: textMap('Query parameters by name, decoded; repeated ones joined by a comma'),
  headersSize: number('Not measured: -1'),
  bodySize: number('Bytes of the body on the wire, without chunk framing'),
  postData: object('The body', {
    mimeType: text('Content-Type without parameters'),
    params: list<Param>('Form fields', '{ name: string, value: string }[]'),
    text: text('The body as text, or as base64 when it is not text'),
    encoding: text('"base64" when text is base64'),
    truncated: flag('Longer than what was kept'),
  }),
  incomplete: flag('Cut off, or with a hole'),
})

export const responseShape = object('HTTP response', {
  status: number('Status code'),
  statusText: text('Reason phrase'),
  httpVersion: text('HTTP/1.1'),
  headers: textMap('Headers by name as sent; repeated ones joined by a comma'),
  cookies: textMap('Cookies set, by name'),
  redirectURL: text('Location header'),
  headersSize: number('Not measured: -1'),
  bodySize: number('Bytes of the body on the wire, without chunk framing'),
  content: object('The body', {
    size: number('Bytes after decompression'),
    mimeType: text('Content-Type without parameters'),
    text: text('The body as text, or as base64 when it is not text'),
    encoding: text('"base64" when text is base64'),
    truncated: flag('Longer than what was kept'),
  }),
  incomplete: flag('Cut off, or with a hole'),
})

/** What requests and responses have in common. Everything but the first line is read when somebody asks. */
abstract class HttpMessage {
  readonly head: string
  readonly httpVersion: string
  readonly body = new BodyBytes()
  readonly headersSize = -1
  incomplete = false
  readonly #linesFrom: number
  #headers: Record<string, string> | undefined
  #decoded: DecodedBody | undefined

  constructor(head: string, linesFrom: number, httpVersion: string) {
    this.head = head
    this.#linesFrom = linesFrom
    this.httpVersion = httpVersion
  }

  get headers(): Readonly<Record<string, string>> {
    this.#headers ??= readHeaders(this.head, this.#linesFrom)
    return this.#headers
  }

  /** Trailer fields (RFC 9110 §6.5) that are no headers yet. */
  addTrailers(block: string): void {
    const trailers = readHeaders(block, 0)
    this.#headers = { ...trailers, ...this.headers }
  }

  get bodySize(): number {
    return this.body.size
  }

  protected get mimeType(): string {
    return (headerOf(this.headers, 'content-type').split(';')[0] ?? '').trim()
  }

  protected get decoded(): DecodedBody {
    this.#decoded ??= decodeBody(this.body, headerOf(this.headers, 'content-encoding'))
    return this.#decoded
  }
}

export class HttpRequest extends HttpMessage {
  readonly method: string
  readonly #target: string
  #url: string | undefined

  constructor(head: string, linesFrom: number, method: string, target: string, httpVersion: string) {
    super(head, linesFrom, httpVersion)
    this.method = method
    this.#target = target
  }

  /** The target in origin form: that of a proxy request without scheme and authority. */
  get url(): string {
    this.#url ??= readable(originForm(this.#target))
    return this.#url
  }

  get targetUri(): string {
    return this.path
  }

  get path(): string {
    const { url } = this
    const query = url.indexOf('?')
    return query < 0 ? url : url.slice(0, query)
  }

  get pathSegments(): string[] {
    return this.path.split('/').filter((segment) => segment !== '')
  }

  get queryString(): Record<string, string> {
    const query = this.url.indexOf('?')
    return query < 0 ? {} : paramsByName(formParams(this.url.slice(query + 1)))
  }

  get cookies(): Record<string, string> {
    return cookies(headerOf(this.headers, 'cookie').split(/;\s*/))
  }

  get postData() {
    return new PostData(this.mimeType, headerOf(this.headers, 'content-type'), () => this.decoded, this.body)
  }

  /** Host of the request, from the target or the Host header, without the port. */
  get authority(): string | undefined {
    const absolute = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(this.#target)?.[1]
    const host = absolute ?? (this.method === 'CONNECT' ? this.#target : headerOf(this.headers, 'host'))
    const name = host.replace(/^.*@/, '').replace(/:\d*$/, '')
    return name === '' ? undefined : name
  }
}

class PostData {
  readonly mimeType: string
  readonly #contentType: string
  readonly #decoded: () => DecodedBody
  readonly #body: BodyBytes

  constructor(mimeType: string, contentType: string, decoded: () => DecodedBody, body: BodyBytes) {
    this.mimeType = mimeType
    this.#contentType = contentType
    this.#decoded = decoded
    this.#body = body
  }

  get text(): string {
    return this.#decoded().text
  }

  get encoding(): string {
    return this.#decoded().encoding
  }

  get truncated(): boolean {
    return this.#body.truncated
  }

  get params(): Param[] {
    if (this.mimeType === 'application/x-www-form-urlencoded') return formParams(this.text)
    const boundary = /boundary="?([^";]+)/i.exec(this.#contentType)?.[1]
    if (boundary === undefined || !this.mimeType.startsWith('multipart/')) return []
    return multipartParams(Buffer.from(this.#body.kept).toString('latin1'), boundary)
  }
}

export class HttpResponse extends HttpMessage {
  readonly status: number
  readonly #statusText: string

  constructor(head: string, linesFrom: number, status: number, statusText: string, httpVersion: string) {
    super(head, linesFrom, httpVersion)
    this.status = status
    this.#statusText = statusText
  }

  get statusText(): string {
    return readable(this.#statusText)
  }

  get redirectURL(): string {
    return headerOf(this.headers, 'location')
  }

  get cookies(): Record<string, string> {
    // Joined by commas, which also stand in `Expires`: a new cookie begins where `name=` follows.
    const set = headerOf(this.headers, 'set-cookie')
    return cookies(set.split(/,(?=[^;,=\s]+=)/).map((cookie) => cookie.split(';')[0] ?? ''))
  }

  get content() {
    return new Content(this.mimeType, () => this.decoded, this.body)
  }
}

class Content {
  readonly mimeType: string
  readonly #decoded: () => DecodedBody
  readonly #body: BodyBytes

  constructor(mimeType: string, decoded: () => DecodedBody, body: BodyBytes) {
    this.mimeType = mimeType
    this.#decoded = decoded
    this.#body = body
  }

  get size(): number {
    return this.#decoded().size
  }

  get text(): string {
    return this.#decoded().text
  }

  get encoding(): string {
    return this.#decoded().encoding
  }

  get truncated(): boolean {
    return this.#body.truncated
  }
}

/** RFC 9112 §3.2: absolute form as proxies get it becomes origin form. */
function originForm(target: string): string {
  const scheme = target.indexOf('://')
  if (scheme <= 0 || target.startsWith('/')) return target
  const path = target.indexOf('/', scheme + 3)
  return path < 0 ? '/' : target.slice(path)
}

function formParams(text: string): Param[] {
  if (text === '') return []
  return text
    .split('&', MOST_PARAMS)
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      if (equals < 0) return { name: decoded(pair), value: '' }
      return { name: decoded(pair.slice(0, equals)), value: decoded(pair.slice(equals + 1)) }
    })
}

function decoded(text: string): string {
  const spaced = text.replaceAll('+', ' ')
  if (!spaced.includes('%')) return spaced
  try {
    return decodeURIComponent(spaced)
  } catch {
    return spaced
  }
}

function paramsByName(params: readonly Param[]): Record<string, string> {
  const byName: Record<string, string> = {}
  for (const { name, value } of params)
    define(byName, name, Object.hasOwn(byName, name) ? `${byName[name]},${value}` : value)
  return byName
}

/** RFC 7578: names and values of the fields; of files the name of the file. */
function multipartParams(body: string, boundary: string): Param[] {
  const parts = body.split(`--${boundary}`, MOST_PARAMS).slice(1)
  return parts.flatMap((part) => {
    const blank = part.indexOf('\r\n\r\n')
    if (blank < 0) return []
    const disposition = /^content-disposition:(.*)$/im.exec(part.slice(0, blank))?.[1] ?? ''
    const name = /\bname="([^"]*)"/i.exec(disposition)?.[1]
    if (name === undefined) return []
    const file = /\bfilename="([^"]*)"/i.exec(disposition)?.[1]
    return [{ name: readable(name), value: readable(file ?? part.slice(blank + 4).replace(/\r\n$/, '')) }]
  })
}

function cookies(pairs: readonly string[]): Record<string, string> {
  const byName: Record<string, string> = {}
  for (const pair of pairs.slice(0, MOST_PARAMS)) {
    const equals = pair.indexOf('=')
    if (equals > 0) define(byName, pair.slice(0, equals).trim(), pair.slice(equals + 1).trim())
  }
  return byName
}

function define(target: Record<string, string>, key: string, value: string): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}

const MOST_PARAMS = 1000
