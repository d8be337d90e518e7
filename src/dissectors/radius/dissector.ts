import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { any, flag, list, number, object, text } from '../../entry/shape.ts'
import type { Attribute } from './attributes.ts'
import { isReply, isRequest } from './codes.ts'
import type { Eap } from './eap.ts'
import type { AttributeMap, RadiusMessage } from './message.ts'
import { openDatagrams, openStream } from './parsers.ts'
import { probeDatagram, probeStream } from './probe.ts'

const fields = {
  code: number('Code of the message'),
  codeName: text('Its name: Access-Request, Access-Accept …'),
  identifier: number('Pairs a reply with its request'),
  length: number('Bytes of the message'),
  authenticator: text('Random number of a request, or the sum that proves a message, in hexadecimal'),
  attributes: any<AttributeMap>(
    'Values by name; a list where there are several. Numbers that have names are shown by name, bytes as text or 0x…, secrets as [REDACTED]',
    '{ [name: string]: any }',
  ),
  attributeList: list<Attribute>(
    'All attributes in their order; vendor is "" and tag 0 where there is none',
    '{ type: string, name: string, value: string | number, vendor: string, tag: number }[]',
  ),
  eap: any<Eap | null>(
    'The EAP packet in the EAP-Message attributes',
    '{ code: string, identifier: number, length: number, type: string, identity: string } | null',
  ),
  userName: text('The attribute User-Name; "" without'),
  retransmission: flag('The same as a message before it: it is not paired'),
  malformed: flag('Cut off, or with attributes that do not fit'),
}

const common = {
  name: 'radius',
  ports: [1812, 1813, 1645, 1646, 3799, 1700],
  pairing: 'by-id',
  request: object('A request', fields),
  response: object('A reply', fields),
  summarize(request: RadiusMessage | null, response: RadiusMessage | null): Summary {
    const side = request === null ? 'response' : 'request'
    const { codeName = '', userName = '' } = request ?? response ?? {}
    return {
      method: codeName,
      methodQuery: `${side}.codeName == ${JSON.stringify(codeName)}`,
      summary: userName,
      summaryQuery: `${side}.userName == ${JSON.stringify(userName)}`,
      status: response?.code ?? 0,
      statusQuery: response === null ? '' : `response.code == ${response.code}`,
    }
  },
} as const

/** RADIUS over UDP: authentication, accounting, and changes that the server asks for. RFC 2865, 2866, 5176 */
export const radius = defineDissector({
  ...common,
  transport: 'udp',
  protocols: [protocol('udp')],
  probe: (bytes, start, end, from) =>
    probeDatagram(bytes, start, end, from === 'client' ? isRequest : isReply),
  open: openDatagrams,
})

/** RADIUS over TCP. RFC 6613 */
export const radiusTcp = defineDissector({
  ...common,
  transport: 'tcp',
  protocols: [protocol('tcp')],
  probe: probeStream,
  open: openStream,
})

function protocol(layer4: 'udp' | 'tcp'): Protocol {
  return {
    name: 'radius',
    version: '',
    abbr: 'RADIUS',
    longName: 'Remote Authentication Dial-In User Service',
    macro: 'radius',
    backgroundColor: '#8a5a9e',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: 'https://www.rfc-editor.org/rfc/rfc2865',
    ports: ['1812', '1813'],
    layer4,
    layer3: 'ip',
    priority: 5,
  }
}
