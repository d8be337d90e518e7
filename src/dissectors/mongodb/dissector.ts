import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { requestShape, responseShape } from './messages.ts'
import { foundReply, foundRequest } from './pairing.ts'
import { MessageParser } from './parsers.ts'
import { beginsMessage, probe } from './probe.ts'
import { Session } from './session.ts'

const protocol: Protocol = {
  name: 'mongodb',
  version: '',
  abbr: 'MONGODB',
  longName: 'MongoDB Wire Protocol',
  macro: 'mongodb',
  backgroundColor: '#00684a',
  foregroundColor: '#ffffff',
  fontSize: 10,
  referenceLink: 'https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/',
  ports: ['27017'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 5,
}

/** MongoDB and what speaks like it: OP_MSG, OP_COMPRESSED, and the opcodes that were before them. */
export const mongodb = defineDissector({
  name: 'mongodb',
  transport: 'tcp',
  ports: [27017],
  pairing: 'by-id',
  protocols: [protocol],
  request: requestShape,
  response: responseShape,
  probe,
  resumes: (bytes, start, end, from) => beginsMessage(bytes, start, end, from) === 'match',
  open(context) {
    const session = new Session()
    return {
      client: new MessageParser('client', context, (told, prelude) => foundRequest(session, told, prelude)),
      server: new MessageParser('server', context, (told) => foundReply(session, told)),
    }
  },
  summarize: (request, response) => ({
    ...targetRow(request === null ? 'response' : 'request', request ?? response),
    status: response?.errorCode ?? 0,
    statusQuery: response === null ? '' : `response.errorCode == ${response.errorCode}`,
  }),
})

interface Target {
  readonly command: string
  readonly database: string
  readonly collection: string
}

/** `database.collection`; of a reply whose request was not seen nothing is known. */
function targetRow(side: string, target: Target | null): Omit<Summary, 'status' | 'statusQuery'> {
  const { command, database, collection } = target ?? { command: '', database: '', collection: '' }
  const summary = collection === '' ? database : `${database}.${collection}`
  return {
    method: command,
    methodQuery: `${side}.command == ${JSON.stringify(command)}`,
    summary: summary.slice(0, LONGEST_SUMMARY),
    summaryQuery: `${textQuery(`${side}.database`, database)} and ${textQuery(`${side}.collection`, collection)}`,
  }
}

const LONGEST_SUMMARY = 512
