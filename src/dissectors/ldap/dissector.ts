import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { LdapRequest, requestShape, responseShape } from './messages.ts'
import { DatagramParser, LdapParser } from './parsers.ts'
import { probe } from './probe.ts'
import { Session } from './session.ts'
import { beginsSealed } from './wire.ts'

/** LDAP: RFC 4511. A search is one entry, with what was found. */
export const ldap = defineDissector({
  name: 'ldap',
  transport: 'tcp',
  ports: [389, 3268],
  pairing: 'own',
  protocols: [protocol('tcp')],
  request: requestShape,
  response: responseShape,
  probe,
  resumes: (bytes, start, end, from) =>
    probe(bytes, start, end, from) === 'match' || beginsSealed(bytes, start, end, from),
  open(context, { clock, isWhole }) {
    const session = new Session(context, isWhole)
    return {
      client: new LdapParser('client', session, clock),
      server: new LdapParser('server', session, clock),
      abandon: () => session.abandon(),
    }
  },
  summarize,
})

/** LDAP in datagrams, with which clients look for a domain controller: [MS-ADTS] §6.3.3. */
export const cldap = defineDissector({
  name: 'ldap',
  transport: 'udp',
  ports: [389],
  pairing: 'by-id',
  protocols: [protocol('udp')],
  request: requestShape,
  response: responseShape,
  probe,
  open(context) {
    const session = new Session(context, true)
    return {
      client: new DatagramParser('client', session, (message) => new LdapRequest(message)),
      server: new DatagramParser('server', session, (message) => session.reply(message)),
    }
  },
  summarize,
})

interface Asked {
  readonly type: string
  readonly dn: string
  readonly oid: string
  readonly oidName: string
}

interface Answered {
  readonly type: string
  readonly resultCode: number
  readonly oid: string
  readonly oidName: string
}

/** The summary is the name of the entry; what has none, but is an extension, is called by that. */
function summarize(request: Asked | null, response: Answered | null): Summary {
  const side = request === null ? 'response' : 'request'
  const { type, oid, oidName } = request ?? response ?? { type: '', oid: '', oidName: '' }
  const dn = request?.dn ?? ''
  const isExtension = dn === '' && oid !== ''
  return {
    method: type,
    methodQuery: `${side}.type == ${JSON.stringify(type)}`,
    summary: isExtension ? oidName || oid : dn.slice(0, LONGEST_SUMMARY),
    summaryQuery: isExtension ? `${side}.oid == ${JSON.stringify(oid)}` : dnQuery(request?.dn),
    status: response?.resultCode ?? 0,
    statusQuery: response === null ? '' : `response.resultCode == ${response.resultCode}`,
  }
}

function dnQuery(dn: string | undefined): string {
  return dn === undefined ? '' : textQuery('request.dn', dn, LONGEST_SUMMARY)
}

function protocol(layer4: 'tcp' | 'udp'): Protocol {
  return {
    name: 'ldap',
    version: '3',
    abbr: 'LDAP',
    longName: 'Lightweight Directory Access Protocol',
    macro: 'ldap',
    backgroundColor: '#7b3fa0',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink: 'https://www.rfc-editor.org/rfc/rfc4511',
    ports: ['389'],
    layer4,
    layer3: 'ip',
    priority: 6,
  }
}

/** Characters of a name that are shown in a row. */
const LONGEST_SUMMARY = 512
