interface Pair {
  readonly name: string
  readonly value: string
}

/**
 * A request of HTTP as a command for bash or zsh; undefined for what is none. Whatever the request has, the command does nothing
 * but send it: what it is made of comes from the network.
 */
export function curlOf(entry: Readonly<Record<string, unknown>>): string | undefined {
  const request = objectIn(entry.request)
  const method = textIn(request.method)
  if (textIn(objectIn(entry.protocol).name) !== 'http' || method === '') return undefined
  const headers = pairsIn(request.headers)
  const url = addressOf(textIn(request.url), headers, entry)
  const parts = [`curl ${quoted(url)}`, ...methodPart(method)]
  if (/^HTTP\/2/.test(textIn(request.httpVersion))) parts.push('--http2')
  for (const { name, value } of headers)
    if (TOKEN.test(name) && !isOwn(name))
      parts.push(`-H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`)
  // Names of paths are sent as they are, and so are braces and brackets.
  parts.push('--path-as-is --globoff')
  const body = bodyPart(objectIn(request.postData))
  return [...parts, ...(body === undefined ? [] : [body])].join(' \\\n  ')
}

function methodPart(method: string): string[] {
  return method === 'HEAD' ? ['--head'] : [`-X ${quoted(method)}`]
}

/** Text as it is; bytes by way of base64, since shells keep no NUL in what they are given. */
function bodyPart(postData: Readonly<Record<string, unknown>>): string | undefined {
  const text = textIn(postData.text)
  if (text === '') return undefined
  if (textIn(postData.encoding) !== 'base64' && !text.includes('\0')) return `--data-raw ${quoted(text)}`
  const base64 = textIn(postData.encoding) === 'base64' ? text : base64Of(text)
  return `--data-binary @<(base64 -d <<< ${quoted(base64)})`
}

/**
 * One word for a shell. Within single quotes nothing means anything but their end. Control characters are written as escapes:
 * a terminal would take them as keys when the command is pasted.
 */
export function quoted(text: string): string {
  const clean = text.replaceAll('\0', '')
  if (/^[\w@%+=:,./-]+$/.test(clean) && !clean.startsWith('-')) return clean
  if (!CONTROLS.test(clean)) return `'${clean.replaceAll("'", `'\\''`)}'`
  const escaped = clean.replace(/[\\']/g, '\\$&').replace(new RegExp(CONTROLS, 'gu'), escapeOf)
  return `$'${escaped}'`
}

function escapeOf(letter: string): string {
  return `\\u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
}

/** What curl works out by itself, and what HTTP/2 has instead of a first line. */
function isOwn(name: string): boolean {
  return name.startsWith(':') || /^(content-length|transfer-encoding|connection|host)$/i.test(name)
}

function addressOf(url: string, headers: readonly Pair[], entry: Readonly<Record<string, unknown>>): string {
  if (/^https?:\/\//i.test(url)) return url
  const named = headers.find(({ name }) => /^(host|:authority)$/i.test(name))?.value
  const server = objectIn(entry.dst)
  const ip = textIn(server.ip)
  const address = `${ip.includes(':') ? `[${ip}]` : ip}:${textIn(server.port)}`
  const path = url.startsWith('/') ? url : `/${url}`
  return `${entry.tls === true ? 'https' : 'http'}://${named === undefined || named === '' ? address : named}${path}`
}

function pairsIn(value: unknown): Pair[] {
  return Object.entries(objectIn(value)).flatMap(([name, one]) =>
    (Array.isArray(one) ? one : [one]).map((each: unknown) => ({
      name,
      value: typeof each === 'string' ? each : String(each ?? ''),
    })),
  )
}

function objectIn(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function textIn(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function base64Of(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}

/** Names of headers (RFC 9110 §5.1); with anything else in front curl would read a file. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
/** Also those that turn or hide what people read before they press Enter. */
const CONTROLS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u
