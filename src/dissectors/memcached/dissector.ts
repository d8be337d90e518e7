import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { CommandParser } from './client.ts'
import { commandDatagrams, probeDatagram, replyDatagrams } from './datagrams.ts'
import type { Reply, Request } from './messages.ts'
import { beginsReply, probeCommand, probeReply } from './probe.ts'
import { ReplyParser } from './server.ts'
import { Session } from './session.ts'
import { requestShape, responseShape } from './shapes.ts'

const protocol = (layer4: 'tcp' | 'udp'): Protocol => ({
  name: 'memcached',
  version: '1.6',
  abbr: 'MEMCACHED',
  longName: 'Memcached Protocol',
  macro: 'memcached',
  backgroundColor: '#1d8a7a',
  foregroundColor: '#ffffff',
  fontSize: 11,
  referenceLink: 'https://docs.memcached.org/protocols/',
  ports: ['11211'],
  layer4,
  layer3: 'ip',
  priority: 8,
})

/** Memcached over TCP: its text protocol with the meta commands, and its binary protocol. */
export const memcached = defineDissector({
  name: 'memcached',
  transport: 'tcp',
  ports: [11211],
  pairing: 'own',
  protocols: [protocol('tcp')],
  request: requestShape,
  response: responseShape,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeCommand(bytes, start, end) : probeReply(bytes, start, end),
  resumes: (bytes, start, end, from) =>
    from === 'client' ? probeCommand(bytes, start, end) !== 'reject' : beginsReply(bytes, start, end),
  open(context, opening) {
    const session = new Session(opening)
    return {
      client: new CommandParser(session, context),
      server: new ReplyParser(session, context),
      abandon: () => session.abandon(),
    }
  },
  summarize,
})

/** The same over UDP. */
export const memcachedUdp = defineDissector({
  name: 'memcached',
  transport: 'udp',
  ports: [11211],
  pairing: 'by-id',
  protocols: [protocol('udp')],
  request: requestShape,
  response: responseShape,
  probe: probeDatagram,
  open: (context) => ({ client: commandDatagrams(context), server: replyDatagrams(context) }),
  summarize,
})

function summarize(request: Request | null, response: Reply | null): Summary {
  const method = request?.command ?? response?.status ?? ''
  const methodField = request === null ? 'response.status' : 'request.command'
  const key = request?.key ?? ''
  const status = response?.statusCode ?? 0
  return {
    method,
    methodQuery: `${methodField} == ${JSON.stringify(method)}`,
    summary: key.slice(0, LONGEST_SUMMARY),
    summaryQuery: request === null ? '' : textQuery('request.key', key),
    status,
    statusQuery: response === null ? '' : statusQuery(response),
  }
}

/** Text has no numbers: what succeeded and what did not are told apart by that. */
function statusQuery({ statusCode, success }: Reply): string {
  const query = `response.statusCode == ${statusCode}`
  return statusCode === 0 ? `${query} and response.success == ${success}` : query
}
