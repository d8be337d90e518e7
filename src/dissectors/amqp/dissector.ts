import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { type Message, requestShape, responseShape } from './messages.ts'
import { FrameParser } from './parser.ts'
import { probe, resumption } from './probe.ts'
import { Session } from './session.ts'

const protocol: Protocol = {
  name: 'amqp',
  version: '0-9-1',
  abbr: 'AMQP',
  longName: 'Advanced Message Queuing Protocol 0-9-1',
  macro: 'amqp',
  backgroundColor: '#ff6600',
  foregroundColor: '#ffffff',
  fontSize: 12,
  referenceLink: 'https://www.rabbitmq.com/amqp-0-9-1-reference.html',
  ports: ['5671', '5672'],
  layer4: 'tcp',
  layer3: 'ip',
  priority: 1,
}

/**
 * AMQP 0-9-1 with RabbitMQ's extensions. Section numbers in this folder are those of its specification.
 *
 * A method that has a reply is one entry with it, whoever asks. All others are entries with a request alone: what is
 * published, delivered and returned, with its content, and acknowledgements, which may be of many messages. When a channel or
 * the connection is closed, what was asked and has no reply yet ends with an error that says why; the close is an entry of its
 * own, with its code as status. Heartbeats are none.
 */
export const amqp = defineDissector({
  name: 'amqp',
  transport: 'tcp',
  ports: [5672],
  pairing: 'own',
  protocols: [protocol],
  request: requestShape,
  response: responseShape,
  probe,
  resumes: (bytes, start, end, from) => resumption(bytes, start, end, from) >= 0,
  open(context, opening) {
    const session = new Session()
    return {
      client: new FrameParser('client', session, context, opening),
      server: new FrameParser('server', session, context, opening),
      abandon: () => session.abandon(),
    }
  },
  summarize(request, response) {
    if (request === null) return summary('response', response as Message)
    const asked = summary('request', request as Message)
    // A queue or consumer without a name gets one from the server.
    if (asked.summary !== '' || response === null) return asked
    const { summary: text, summaryQuery } = summary('response', response as Message)
    return { ...asked, summary: text, summaryQuery }
  },
})

/** A row says what the method is about: the queue, exchange or name that it speaks of, or why something ends. */
function summary(side: 'request' | 'response', message: Message): Summary {
  const { method, replyCode } = message
  return {
    method,
    methodQuery: `${side}.method == ${JSON.stringify(method)}`,
    ...aboutOf(side, message),
    status: replyCode ?? 0,
    statusQuery: replyCode > 0 ? `${side}.replyCode == ${replyCode}` : '',
  }
}

function aboutOf(side: string, message: Message): Pick<Summary, 'summary' | 'summaryQuery'> {
  if (message.method === 'connection start') {
    const { versionMajor, versionMinor } = message
    return {
      summary: `${versionMajor}.${versionMinor}`,
      summaryQuery: `request.versionMajor == ${versionMajor} and request.versionMinor == ${versionMinor}`,
    }
  }
  const name = TELLING.find((each) => message[each] !== '')
  if (name === undefined) return deliveryOf(side, message)
  const text = message[name]
  return { summary: text.slice(0, LONGEST_SUMMARY), summaryQuery: textQuery(`${side}.${name}`, text) }
}

/** What an acknowledgement is about. */
function deliveryOf(side: string, { deliveryTag }: Message): Pick<Summary, 'summary' | 'summaryQuery'> {
  if (deliveryTag === 0) return { summary: '', summaryQuery: '' }
  return { summary: String(deliveryTag), summaryQuery: `${side}.deliveryTag == ${deliveryTag}` }
}

/** Arguments that tell most, the best first. */
const TELLING = [
  'queue',
  'exchange',
  'destination',
  'routingKey',
  'consumerTag',
  'virtualHost',
  'replyText',
  'reason',
] as const
