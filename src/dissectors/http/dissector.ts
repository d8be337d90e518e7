import { u8 } from '../../bytes/read.ts'
import { defineDissector } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { HttpRequest, requestShape, responseShape } from './messages.ts'
import {
  HttpConnection,
  isTokenStart,
  LONGEST_METHOD,
  RequestParser,
  ResponseParser,
  startsWith,
} from './parser.ts'

/** HTTP/1.0 and HTTP/1.1: RFC 9110, RFC 9112. */
export const http = defineDissector({
  name: 'http',
  transport: 'tcp',
  ports: [80, 8080],
  pairing: 'in-order',
  protocols: [protocol('1.1', 'rfc9112'), protocol('1.0', 'rfc1945')],
  request: requestShape,
  response: responseShape,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeRequest(bytes, start, end) : probeReply(bytes, start, end),
  open(context) {
    const connection = new HttpConnection()
    return { client: new RequestParser(connection, context), server: new ResponseParser(connection, context) }
  },
  variant: (request, response) => ((request ?? response)?.httpVersion === 'HTTP/1.0' ? 1 : 0),
  authority: (request) => (request instanceof HttpRequest ? request.authority : undefined),
  summarize: (request, response) => ({
    method: request?.method ?? '',
    methodQuery: request === null ? '' : `request.method == ${JSON.stringify(request.method)}`,
    summary: request?.path ?? '',
    summaryQuery: request === null ? '' : `request.path == ${JSON.stringify(request.path)}`,
    status: response?.status ?? 0,
    statusQuery: response === null ? '' : `response.status == ${response.status}`,
  }),
})

type Verdict = 'match' | 'reject' | 'unsure'

/** `METHOD SP target SP HTTP/1.x`, as far as it has come. */
function probeRequest(bytes: Uint8Array, start: number, end: number): Verdict {
  if (!isTokenStart(bytes, start, end) || startsWithWhole(bytes, start, end, 'HTTP/')) return 'reject'
  const limit = Math.min(end, start + LONGEST_REQUEST_LINE)
  const lineFeed = bytes.indexOf(LF, start)
  if (lineFeed < 0 || lineFeed >= limit) {
    if (!firstWordIsMethod(bytes, start, end)) return 'reject'
    return limit - start >= LONGEST_REQUEST_LINE ? 'reject' : 'unsure'
  }
  const lineEnd = u8(bytes, lineFeed - 1) === CR ? lineFeed - 1 : lineFeed
  const at = lineEnd - 9
  if (at <= start || u8(bytes, at) !== SPACE || !startsWithWhole(bytes, at + 1, lineEnd, 'HTTP/1.'))
    return 'reject'
  const minor = u8(bytes, lineEnd - 1)
  return minor === 48 || minor === 49 ? 'match' : 'reject'
}

/** While the line is not whole, only methods that are in use may keep the bytes waiting. */
function firstWordIsMethod(bytes: Uint8Array, start: number, end: number): boolean {
  let word = ''
  for (let at = start; at < end && word.length <= LONGEST_METHOD; at++) {
    const byte = u8(bytes, at)
    if (byte === SPACE) return METHODS.has(word)
    word += String.fromCharCode(byte)
  }
  for (const method of METHODS) if (method.startsWith(word)) return true
  return false
}

function probeReply(bytes: Uint8Array, start: number, end: number): Verdict {
  if (!startsWith(bytes, start, end, 'HTTP/1.')) return 'reject'
  return end - start < STATUS_LINE ? 'unsure' : u8(bytes, start + 8) === SPACE ? 'match' : 'reject'
}

function startsWithWhole(bytes: Uint8Array, start: number, end: number, text: string): boolean {
  return end - start >= text.length && startsWith(bytes, start, end, text)
}

function protocol(version: '1.0' | '1.1', rfc: string): Protocol {
  return {
    name: 'http',
    version,
    abbr: 'HTTP',
    longName: `Hypertext Transfer Protocol -- HTTP/${version}`,
    macro: 'http',
    backgroundColor: '#326de6',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: `https://www.rfc-editor.org/rfc/${rfc}`,
    ports: ['80', '443', '8080'],
    layer4: 'tcp',
    layer3: 'ip',
    priority: 0,
  }
}

const LF = 10
const CR = 13
const SPACE = 32
/** `HTTP/1.1 200` */
const STATUS_LINE = 12
/** Longest request line that a probe waits for. */
const LONGEST_REQUEST_LINE = 4096
/** https://www.iana.org/assignments/http-methods, and what is common beside it. */
const METHODS: ReadonlySet<string> = new Set(
  (
    'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY LABEL LINK LOCK ' +
    'MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE ORDERPATCH PROPFIND PROPPATCH QUERY REBIND REPORT ' +
    'SEARCH UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE UPDATEREDIRECTREF VERSION-CONTROL PURGE NOTIFY SUBSCRIBE UNSUBSCRIBE M-SEARCH'
  ).split(' '),
)
