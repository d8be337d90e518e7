import { defineDissector, type Message, type Summary } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { graphqlLabel, graphqlQuery } from './graphql.ts'
import { HttpRequest, requestShape, responseShape } from './messages.ts'
import { RequestParser, ResponseParser } from './parsers.ts'
import { probeClient, probeServer } from './probe.ts'
import { Session } from './session.ts'

/** HTTP/1.1 and HTTP/1.0: RFC 9110, RFC 9112. */
export const http = defineDissector({
  name: 'http',
  transport: 'tcp',
  ports: [80, 8080],
  pairing: 'in-order',
  protocols: [protocol('1.1', 'rfc9112'), protocol('1.0', 'rfc1945'), graphql('1.1'), graphql('1.0')],
  request: requestShape,
  response: responseShape,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeClient(bytes, start, end) : probeServer(bytes, start, end),
  open(context) {
    const session = new Session()
    return { client: new RequestParser(session, context), server: new ResponseParser(session, context) }
  },
  variant: (request, response) =>
    ((request ?? response)?.httpVersion === 'HTTP/1.0' ? 1 : 0) + (request?.graphql ? 2 : 0),
  isOurs: (request) => request instanceof HttpRequest && request.isOurs,
  authority: (request) => (request instanceof HttpRequest ? request.authority : undefined),
  summarize: (request, response) => ({
    ...methodOf(request),
    ...(request === null ? NO_PATH : summaryOf(request.path)),
    status: response?.status ?? 0,
    statusQuery: response === null ? '' : `response.status == ${response.status}`,
  }),
})

function methodOf(request: Message<typeof requestShape> | null): Pick<Summary, 'method' | 'methodQuery'> {
  if (request === null) return { method: '', methodQuery: '' }
  if (request.graphql !== null)
    return { method: graphqlLabel(request.graphql), methodQuery: graphqlQuery(request.graphql) }
  return { method: request.method, methodQuery: `request.method == ${quoted(request.method)}` }
}

function summaryOf(path: string): { readonly summary: string; readonly summaryQuery: string } {
  if (path.length <= LONGEST_SUMMARY)
    return { summary: path, summaryQuery: `request.path == ${quoted(path)}` }
  const summary = path.slice(0, LONGEST_SUMMARY)
  return { summary, summaryQuery: `request.path.startsWith(${quoted(summary)})` }
}

function quoted(text: string): string {
  return JSON.stringify(text)
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

function graphql(version: '1.0' | '1.1'): Protocol {
  return {
    ...protocol(version, ''),
    abbr: 'GQL',
    longName: `GraphQL over HTTP/${version}`,
    macro: 'gql',
    backgroundColor: '#e10098',
    referenceLink: 'https://graphql.github.io/graphql-over-http/draft/',
  }
}

const NO_PATH = { summary: '', summaryQuery: '' }
/** Characters of a path that are shown in a row. */
const LONGEST_SUMMARY = 1024
