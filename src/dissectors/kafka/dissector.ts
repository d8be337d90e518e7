import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { any, flag, number, object, ofBody, text, textList } from '../../entry/shape.ts'
import { RequestParser, ResponseParser } from './parsers.ts'
import { beginsReply, probeClient, probeServer } from './probe.ts'
import { Session } from './session.ts'

const protocol: Protocol = {
  name: 'kafka',
  version: '12',
  abbr: 'KAFKA',
  longName: 'Apache Kafka Protocol',
  macro: 'kafka',
  backgroundColor: '#000000',
  foregroundColor: '#ffffff',
  fontSize: 11,
  referenceLink: 'https://kafka.apache.org/protocol',
  ports: ['9092'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 2,
}

const captureTime = text('When its first byte came: 2026-01-01T00:00:00.123456789Z')
const truncated = flag('payload is not all of the message: it was too long to be kept, or could not be read')
const incomplete = flag('Some of the message was not captured, or it was cut off')

const request = object('A request', {
  size: number('Bytes of the message, without the four of its length'),
  apiKeyName: text('Produce, Fetch, Metadata …; SaslToken for a step of a login that has no header'),
  apiKey: number('Number of the API: 0 is Produce, 1 Fetch, 2 ListOffsets, 3 Metadata'),
  apiVersion: number('Version of the API in which request and reply are written'),
  correlationID: number('Number that the reply has, too'),
  clientID: text('Name that the client gives itself; "" without one'),
  payload: ofBody(
    any(
      'What is in the message, by the names of its fields in the Kafka protocol; null where the API is only named. Names of errors stand beside their codes, secrets are masked. Of what has several parts, such as the partitions of a topic in Produce and their batches, the first has a name and the others are in more',
    ),
  ),
  captureTime,
  topics: textList('Names of the topics in the message, each once, the first 32'),
  subject: text('The topics; else the groups, transactions or resources that it is about'),
  truncated,
  incomplete,
})

const response = object('A reply', {
  size: number('Bytes of the message, without the four of its length'),
  apiKeyName: text('Name of the API of the request, as there; "" when the request was not seen'),
  correlationID: number('Number of the request'),
  payload: ofBody(
    any('What is in the message; null when the request was not seen, which alone says what this is'),
  ),
  captureTime,
  errorCode: number('The first error code in the message that is not 0; 0 when there is none'),
  errorName: text('Its name, such as UNKNOWN_TOPIC_OR_PARTITION; NONE when there is none'),
  truncated,
  incomplete,
})

/** Apache Kafka and what speaks like it, in all versions. https://kafka.apache.org/protocol */
export const kafka = defineDissector({
  name: 'kafka',
  transport: 'tcp',
  ports: [9092, 9093, 19092, 29092],
  pairing: 'by-id',
  protocols: [protocol],
  request,
  response,
  probe: (bytes, start, end, from) =>
    from === 'client' ? probeClient(bytes, start, end) : probeServer(bytes, start, end),
  resumes: (bytes, start, end, from) =>
    from === 'client' ? probeClient(bytes, start, end) === 'match' : beginsReply(bytes, start, end),
  open(context, opening) {
    const session = new Session()
    return {
      client: new RequestParser(session, context, opening),
      server: new ResponseParser(session, context, opening),
    }
  },
  summarize(request, response): Summary {
    const side = request === null ? 'response' : 'request'
    const method = (request ?? response)?.apiKeyName ?? ''
    const subject = request?.subject ?? ''
    const status = response?.errorCode ?? 0
    return {
      method,
      methodQuery: method === '' ? '' : `${side}.apiKeyName == ${JSON.stringify(method)}`,
      summary: subject.slice(0, LONGEST_SUMMARY),
      summaryQuery: request === null ? '' : textQuery('request.subject', subject),
      status,
      statusQuery: response === null ? '' : `response.errorCode == ${status}`,
    }
  },
})
