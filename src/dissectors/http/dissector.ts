import { defineDissector } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { innerDns } from './dns.ts'
import { graphqlProtocol } from './graphql-protocol.ts'
import { HttpRequest, isCall, requestShape, responseShape } from './messages.ts'
import { RequestParser, ResponseParser } from './parsers.ts'
import { probeClient, probeServer } from './probe.ts'
import { Session } from './session.ts'
import { summarize } from './summary.ts'

const HTTP_11 = protocol('1.1', 'rfc9112')
const HTTP_10 = protocol('1.0', 'rfc1945')

/** HTTP/1.1 and HTTP/1.0: RFC 9110, RFC 9112. */
export const http = defineDissector({
  name: 'http',
  transport: 'tcp',
  ports: [80, 8080],
  pairing: 'in-order',
  protocols: [HTTP_11, HTTP_10, grpcWeb(), graphqlProtocol(HTTP_11), graphqlProtocol(HTTP_10)],
  request: requestShape,
  response: responseShape,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeClient(bytes, start, end) : probeServer(bytes, start, end),
  open(context, { clock }) {
    const session = new Session()
    return {
      client: new RequestParser(session, context, clock),
      server: new ResponseParser(session, context),
    }
  },
  variant(request, response) {
    if (isCall(request) || isCall(response)) return 2
    const isOld = (request ?? response)?.httpVersion === 'HTTP/1.0'
    if (request !== null && request.graphql !== null) return isOld ? 4 : 3
    return isOld ? 1 : 0
  },
  inner: innerDns,
  isOurs: (request) => request instanceof HttpRequest && request.isOurs,
  authority: (request) => (request instanceof HttpRequest ? request.authority : undefined),
  summarize,
})

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

/** gRPC-Web, which also goes over HTTP/1. */
function grpcWeb(): Protocol {
  return {
    ...HTTP_11,
    abbr: 'gRPC',
    longName: 'gRPC-Web over HTTP/1.1',
    macro: 'grpc',
    backgroundColor: '#244c5a',
    referenceLink: 'https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md',
  }
}
