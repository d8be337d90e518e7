import { cutText, visibleLine } from '../../lib/visible-text.ts'

/** What a row of the list shows of an entry, whatever its protocol; all texts are short and harmless. */
export interface EntryRow {
  readonly protocol: ProtocolBadge
  readonly method: string
  readonly summary: string
  readonly status: RowStatus | undefined
  readonly source: RowEnd
  readonly destination: RowEnd
  /** Bytes of both directions. */
  readonly size: number
  /** µs; undefined while there is no reply. */
  readonly elapsed: number | undefined
  /** ms since the epoch. */
  readonly at: number
  readonly mark: 'passed' | 'failed' | undefined
  readonly tags: readonly string[]
  readonly isTls: boolean
  /** A request without its reply, or a reply without its request. */
  readonly half: 'no reply' | 'no request' | undefined
  readonly error: string
  /** Rows of one stream belong together. */
  readonly stream: string
  readonly node: string
}

export interface ProtocolBadge {
  readonly label: string
  readonly title: string
  readonly background: string
  readonly foreground: string
}

export interface RowStatus {
  readonly text: string
  readonly tone: 'good' | 'moved' | 'warning' | 'bad' | 'plain'
}

export interface RowEnd {
  /** Its name, or its address where nobody knows one. */
  readonly name: string
  readonly namespace: string
  readonly address: string
  readonly isResolved: boolean
}

/** Undefined for what is no JSON object. */
export function rowOf(text: string): EntryRow | undefined {
  const entry = parsed(text)
  if (entry === undefined) return undefined
  const base = fields(entry.base)
  const request = entry.request ?? null
  const response = entry.response ?? null
  const elapsed = numberOf(entry.elapsedTime)
  return {
    protocol: badgeOf(fields(entry.protocol)),
    method: short(base.method),
    summary: short(base.summary),
    status: statusOf(base, fields(response)),
    source: endOf(fields(entry.src)),
    destination: endOf(fields(entry.dst)),
    size: numberOf(entry.size),
    elapsed: response === null && elapsed === 0 ? undefined : elapsed,
    at: numberOf(entry.timestamp),
    mark: entry.failed === true ? 'failed' : entry.passed === true ? 'passed' : undefined,
    tags: tagsOf(entry.tags),
    isTls: entry.tls === true,
    half: halfOf(request, response, entry.data),
    error: short(fields(entry.error).msg),
    stream: typeof entry.stream === 'string' ? entry.stream : '',
    node: short(fields(entry.node).name),
  }
}

/** Agents may have set a list, or names with values. */
export function tagsOf(tags: unknown): readonly string[] {
  if (Array.isArray(tags)) return tags.slice(0, MOST_TAGS).map(short)
  return Object.entries(fields(tags))
    .slice(0, MOST_TAGS)
    .map(([name, value]) => (value === true ? short(name) : short(`${name}: ${plain(value)}`)))
}

function badgeOf(protocol: Fields): ProtocolBadge {
  const background = colour(protocol.backgroundColor) ?? '#606060'
  return {
    label: cutText(short(protocol.abbr) || short(protocol.name) || '?', LONGEST_LABEL).text,
    title: short(protocol.longName),
    background,
    foreground: readableOn(background, colour(protocol.foregroundColor) ?? '#ffffff'),
  }
}

/** Nothing but a colour gets into a style. */
function colour(value: unknown): string | undefined {
  return typeof value === 'string' && /^#[0-9a-f]{6}$/i.test(value) ? value : undefined
}

/** The colour that is wanted, or black or white where it could not be read (WCAG 2.2, 1.4.3). */
function readableOn(background: string, wanted: string): string {
  return [wanted, '#000000', '#ffffff'].find((each) => contrast(background, each) >= READABLE) ?? '#000000'
}

function contrast(one: string, other: string): number {
  const [light = 1, dark = 1] = [luminance(one), luminance(other)].sort((left, right) => right - left)
  return (light + 0.05) / (dark + 0.05)
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

/** Protocols say by their filter whether 0 is a status or none. */
function statusOf(base: Fields, response: Fields): RowStatus | undefined {
  const status = numberOf(base.status)
  const query = typeof base.statusQuery === 'string' ? base.statusQuery : ''
  if (status === 0 && query === '') return undefined
  return { text: String(status), tone: toneOf(status, query, response) }
}

/** By what fields are called, so that a protocol that is new needs nothing here. */
function toneOf(status: number, query: string, response: Fields): RowStatus['tone'] {
  if (/\bresponse\.status ==/.test(query) && status >= 100 && status < 600)
    return HTTP_TONES[(status / 100) | 0] ?? 'plain'
  if (response.success === true) return 'good'
  if (response.success === false) return 'bad'
  if (/\b(error|grpc)\w* ==/i.test(query)) return status === 0 ? 'good' : 'bad'
  return 'plain'
}

function endOf(end: Fields): RowEnd {
  const name = short(end.name)
  const address = joined(short(end.ip), short(end.port))
  return { name: name || address, namespace: short(end.namespace), address, isResolved: name !== '' }
}

/** `[::1]:80`; ends without ports have port 0. */
function joined(ip: string, port: string): string {
  if (port === '' || port === '0') return ip
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
}

function halfOf(request: unknown, response: unknown, data: unknown): EntryRow['half'] {
  if (data !== null && data !== undefined) return undefined
  if (request !== null && response === null) return 'no reply'
  if (request === null && response !== null) return 'no request'
  return undefined
}

function parsed(text: string): Fields | undefined {
  try {
    const entry: unknown = JSON.parse(text)
    return typeof entry === 'object' && entry !== null ? (entry as Fields) : undefined
  } catch {
    return undefined
  }
}

interface Fields {
  readonly [name: string]: unknown
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NONE
}

function numberOf(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

function short(value: unknown): string {
  return visibleLine(cutText(plain(value), LONGEST_CELL).text)
}

function plain(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === undefined || value === null) return ''
  return typeof value === 'object' ? JSON.stringify(value).slice(0, LONGEST_CELL) : String(value)
}

const NONE: Fields = {}
const HTTP_TONES: readonly RowStatus['tone'][] = ['plain', 'plain', 'good', 'moved', 'warning', 'bad']
/** More than fits on any screen. */
const LONGEST_CELL = 400
const READABLE = 4.5
const LONGEST_LABEL = 10
const MOST_TAGS = 20
