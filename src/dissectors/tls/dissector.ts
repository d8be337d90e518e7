import { defineDissector } from '../../dissect/dissector.ts'
import { readClientHello, readServerHello } from './hello.ts'
import {
  ClientHello,
  clientAlert,
  requestShape,
  responseShape,
  ServerHello,
  serverAlert,
  type TlsRequest,
  type TlsResponse,
} from './messages.ts'
import { handshakeProtocol, summarizeHandshake } from './protocol.ts'
import { probeHello, RecordParser } from './records.ts'

/**
 * The handshake of SSL 3.0 to TLS 1.3, as far as it is in the open: hellos and early alerts. What is inside the
 * connection stays encrypted and costs nothing. SSL 2.0 hellos are not recognised.
 */
export const tls = defineDissector({
  name: 'tls',
  transport: 'tcp',
  ports: [443],
  pairing: 'in-order',
  protocols: [handshakeProtocol('tcp')],
  request: requestShape,
  response: responseShape,
  probe: (bytes, start, end, from) =>
    probeHello(bytes, start, end, from === 'client' ? CLIENT_HELLO : SERVER_HELLO),
  open() {
    /** ClientHellos without a reply: while there is one, an alert of the server answers it. */
    let waiting = 0
    const settle = () => waiting > 0 && waiting-- > 0
    return {
      client: new RecordParser<TlsRequest>(CLIENT_HELLO, {
        hello(body) {
          waiting++
          return clientHello(body)
        },
        alert: (level, description) => ({ message: clientAlert(level, description), id: 'no-reply' }),
      }),
      server: new RecordParser<TlsResponse>(SERVER_HELLO, {
        hello(body) {
          settle()
          return serverHello(body)
        },
        alert: (level, description) => ({
          message: serverAlert(level, description),
          id: settle() ? undefined : 'push',
        }),
      }),
    }
  },
  summarize: summarizeHandshake,
})

function clientHello(body: Uint8Array): TlsRequest | undefined {
  const hello = readClientHello(body, false)
  return hello && new ClientHello(hello, 't')
}

function serverHello(body: Uint8Array): TlsResponse | undefined {
  const hello = readServerHello(body)
  return hello && new ServerHello(hello)
}

const CLIENT_HELLO = 1
const SERVER_HELLO = 2
