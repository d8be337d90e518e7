import { defineDissector } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { innerDns } from '../http/dns.ts'
import { graphqlProtocol } from '../http/graphql-protocol.ts'
import { HttpRequest, isCall, requestShape, responseShape } from '../http/messages.ts'
import { summarize } from '../http/summary.ts'
import { FrameParser } from './parsers.ts'
import { beginsFrame, probe } from './probe.ts'
import { Session } from './session.ts'

const plain: Protocol = {
  name: 'http',
  version: '2.0',
  abbr: 'HTTP/2',
  longName: 'Hypertext Transfer Protocol Version 2 (HTTP/2)',
  macro: 'http2',
  backgroundColor: '#244c5a',
  foregroundColor: '#ffffff',
  fontSize: 11,
  referenceLink: 'https://www.rfc-editor.org/rfc/rfc9113',
  ports: ['80', '443', '8080'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 0,
}

const grpc: Protocol = {
  ...plain,
  abbr: 'gRPC',
  longName: 'Hypertext Transfer Protocol Version 2 (HTTP/2) [ gRPC over HTTP/2 ]',
  macro: 'grpc',
  referenceLink: 'https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md',
  ports: [...plain.ports, '50051'],
}

/** HTTP/2 (RFC 9113) with HPACK (RFC 7541): with prior knowledge, after an upgrade, and as TLS carries it. */
export const http2 = defineDissector({
  name: 'http2',
  transport: 'tcp',
  ports: [80, 8080, 50051],
  pairing: 'own',
  protocols: [plain, grpc, graphqlProtocol(plain)],
  request: requestShape,
  response: responseShape,
  probe,
  resumes: beginsFrame,
  open(context, opening) {
    const session = new Session(context, opening)
    return {
      client: new FrameParser('client', session, opening),
      server: new FrameParser('server', session, opening),
      abandon: () => session.abandon(),
    }
  },
  variant: (request, response) => (isCall(request) || isCall(response) ? 1 : request?.graphql ? 2 : 0),
  inner: innerDns,
  isOurs: (request) => request instanceof HttpRequest && request.isOurs,
  authority: (request) => (request instanceof HttpRequest ? request.authority : undefined),
  summarize,
})
