import { defineDissector, type Summary } from '../../dissect/dissector.ts'
import { LONGEST_SUMMARY, textQuery } from '../../dissect/text-query.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { type Message, requestShape, responseShape } from './messages.ts'
import { PacketParser } from './parser.ts'
import { probe, resumes } from './probe.ts'
import { Session } from './session.ts'

/** By the number that CONNECT gives them; 0 = it was not seen. */
const VERSIONS = [4, 5, 3, 0]

/**
 * MQTT 3.1, 3.1.1 and 5. Section numbers in this folder are those of version 5, which says more than the others.
 *
 * A packet and the one that answers it are one entry, whoever sent them: what the server publishes is a request that the
 * client acknowledges. With QoS 2 a message is two entries, PUBLISH with PUBREC, and PUBREL with PUBCOMP. DISCONNECT and AUTH
 * have no answer.
 */
export const mqtt = defineDissector({
  name: 'mqtt',
  transport: 'tcp',
  ports: [1883],
  pairing: 'by-id',
  protocols: [protocol('3.1.1', 'v3.1.1'), protocol('5', 'v5.0'), protocol('3.1', ''), protocol('', 'v5.0')],
  request: requestShape,
  response: responseShape,
  probe,
  resumes,
  open(context) {
    const session = new Session()
    return {
      client: new PacketParser('client', session, context),
      server: new PacketParser('server', session, context),
    }
  },
  variant: (request, response) => Math.max(0, VERSIONS.indexOf((request ?? response)?.protocolVersion ?? 0)),
  summarize: (request, response) => ({
    ...rowOf((request ?? response) as Message, request === null ? 'response' : 'request'),
    ...statusOf(request as Message | null, response as Message | null),
  }),
})

type Row = Omit<Summary, 'status' | 'statusQuery'>

/** What the packet is about: the topic, what is subscribed to, or who connects. */
function rowOf(message: Message, side: string): Row {
  const row = { method: message.type, methodQuery: `${side}.type == ${JSON.stringify(message.type)}` }
  const [first] = message.topics
  if (first !== undefined)
    return {
      ...row,
      summary: message.topics
        .slice(0, MOST_TOPICS)
        .map(({ filter }) => filter)
        .join(', ')
        .slice(0, LONGEST_SUMMARY),
      summaryQuery: `${side}.topics[0].filter == ${JSON.stringify(first.filter)}`,
    }
  const name = TELLING.find((each) => message[each] !== '' && (each !== 'reason' || message.reasonCode !== 0))
  if (name === undefined) return { ...row, summary: '', summaryQuery: '' }
  const text = message[name]
  return {
    ...row,
    summary: text.slice(0, LONGEST_SUMMARY),
    summaryQuery: textQuery(`${side}.${name}`, text),
  }
}

/** A QoS that was granted is none. */
function statusOf(
  request: Message | null,
  response: Message | null,
): Pick<Summary, 'status' | 'statusQuery'> {
  const { type, reasonCode } = response ?? (request as Message)
  const status = type === 'SUBACK' && reasonCode < FAILURE ? 0 : reasonCode
  const side = response === null ? 'request' : 'response'
  return { status, statusQuery: status === 0 ? '' : `${side}.reasonCode == ${status}` }
}

function protocol(version: string, folder: string): Protocol {
  return {
    name: 'mqtt',
    version,
    abbr: 'MQTT',
    longName: version === '' ? 'MQTT' : `MQTT ${version}`,
    macro: 'mqtt',
    backgroundColor: '#660066',
    foregroundColor: '#ffffff',
    fontSize: 12,
    referenceLink:
      folder === ''
        ? 'https://public.dhe.ibm.com/software/dw/webservices/ws-mqtt/mqtt-v3r1.html'
        : `https://docs.oasis-open.org/mqtt/mqtt/${folder}/mqtt-${folder}.html`,
    ports: ['1883'],
    layer4: 'tcp',
    layer3: 'ip',
    priority: 6,
  }
}

/** What a packet is about, the best first. */
const TELLING = ['topic', 'clientId', 'reason'] as const
/** Reason codes from here on tell of failures. */
const FAILURE = 0x80
const MOST_TOPICS = 16
