import type { Summary } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import type { TlsRequest, TlsResponse } from './messages.ts'

/** The handshake of TLS, or of DTLS, which agents see as one protocol. */
export const handshakeProtocol = (layer4: 'tcp' | 'udp'): Protocol => ({
  name: 'tlsx',
  version: '',
  abbr: 'TLSX',
  longName: layer4 === 'tcp' ? 'Transport Layer Security' : 'Datagram Transport Layer Security',
  macro: 'tlsx',
  backgroundColor: '#4d6b1f',
  foregroundColor: '#ffffff',
  fontSize: 12,
  referenceLink: `https://www.rfc-editor.org/rfc/${layer4 === 'tcp' ? 'rfc8446' : 'rfc9147'}`,
  ports: ['443'],
  layer4,
  layer3: 'ip',
  priority: 5,
})

export function summarizeHandshake(request: TlsRequest | null, response: TlsResponse | null): Summary {
  const side = request === null ? 'response' : 'request'
  const { type = '', alert = null } = request ?? response ?? {}
  const sni = request?.sni ?? ''
  return {
    method: type,
    methodQuery: `${side}.type == ${JSON.stringify(type)}`,
    ...(alert === null
      ? { summary: sni, summaryQuery: sni === '' ? '' : `request.sni == ${JSON.stringify(sni)}` }
      : {
          summary: alert.description,
          summaryQuery: `${side}.alert.description == ${JSON.stringify(alert.description)}`,
        }),
    status: 0,
    statusQuery: '',
  }
}
