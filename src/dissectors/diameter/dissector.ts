import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { flag, list, number, object, text } from '../../entry/shape.ts'
import type { Avp } from './avps.ts'
import type { DiameterMessage } from './message.ts'
import { openDatagrams, openStream } from './parsers.ts'
import { asks, beginsMessage } from './probe.ts'

const fields = {
  method: text('Name of the command: Credit-Control; Unknown where it is not known here'),
  command: text('Its abbreviation: CCR of a request, CCA of an answer; "" where it is not known here'),
  commandCode: number('Its number'),
  applicationId: number('Number of the application'),
  applicationName: text('Its name: 3GPP Gx; "" where it is not known here'),
  hopByHopId: number('Pairs an answer with its request'),
  endToEndId: number('Stays the same from end to end'),
  flags: text('R (request), P (proxiable), E (error), T (sent again), or - in their places'),
  length: number('Bytes of the message'),
  avps: list<Avp>(
    'AVPs in their order. Of grouped ones value is a list; numbers that have names are shown by name, bytes as text or 0x…, secrets as [REDACTED]',
    '{ code: number, name: string, vendorId: number, flags: string, length: number, value: any }[]',
  ),
  sessionId: text('Session-Id; "" without'),
  originHost: text('Origin-Host'),
  originRealm: text('Origin-Realm'),
  destinationHost: text('Destination-Host'),
  destinationRealm: text('Destination-Realm'),
  userName: text('User-Name'),
  truncated: flag('Not all of it was kept'),
}

const common = {
  name: 'diameter',
  ports: [3868],
  pairing: 'by-id',
  request: object('A request', fields),
  response: object('An answer', {
    ...fields,
    resultCode: number('Result-Code, or the Experimental-Result-Code that is there instead; 0 without'),
    resultName: text('Its name: DIAMETER_SUCCESS; "" where it is not known here'),
    resultVendorId: number('Whose Experimental-Result-Code it is; 0 = it is a Result-Code'),
  }),
  summarize(request: DiameterMessage | null, response: DiameterMessage | null): Summary {
    const side = request === null ? 'response' : 'request'
    const message = request ?? response
    const name = message?.sessionId ? 'sessionId' : 'originHost'
    const summary = message?.[name] ?? ''
    const method = message?.method ?? ''
    return {
      method,
      methodQuery: `${side}.method == ${JSON.stringify(method)}`,
      summary: summary.slice(0, LONGEST_SUMMARY),
      summaryQuery: textQuery(`${side}.${name}`, summary),
      status: response?.resultCode ?? 0,
      statusQuery: response === null ? '' : `response.resultCode == ${response.resultCode}`,
    }
  },
} as const

/** Diameter over TCP. RFC 6733 */
export const diameter = defineDissector({
  ...common,
  transport: 'tcp',
  protocols: [protocol('tcp')],
  probe(bytes, start, end, from) {
    const verdict = beginsMessage(bytes, start, end)
    // Either end may ask, but who does nothing but answer is not the client.
    return verdict === 'match' && from === 'client' && !asks(bytes, start) ? 'unsure' : verdict
  },
  resumes: (bytes, start, end) => beginsMessage(bytes, start, end) === 'match',
  open: openStream,
})

/** Diameter over SCTP, where each message comes whole. */
export const diameterSctp = defineDissector({
  ...common,
  transport: 'sctp',
  protocols: [protocol('sctp')],
  probe(bytes, start, end, from) {
    if (beginsMessage(bytes, start, end) !== 'match') return 'reject'
    return asks(bytes, start) === (from === 'client') ? 'match' : 'reject'
  },
  open: openDatagrams,
})

function protocol(layer4: 'tcp' | 'sctp'): Protocol {
  return {
    name: 'diameter',
    version: '1',
    abbr: 'DIAMETER',
    longName: 'Diameter',
    macro: 'diameter',
    backgroundColor: '#5b7f3b',
    foregroundColor: '#ffffff',
    fontSize: 11,
    referenceLink: 'https://www.rfc-editor.org/rfc/rfc6733',
    ports: ['3868'],
    layer4,
    layer3: 'ip',
    priority: 5,
  }
}
