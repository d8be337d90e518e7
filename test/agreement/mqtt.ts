import { type Comparison, type Rows, tally } from './seen.ts'

/** Whole packets of every type, and the topics of publications. */
export const mqtt: Comparison = (seen, truth) => {
  const { messages } = (truth.mqtt as { messages?: Rows } | undefined) ?? {}
  if (messages === undefined) return []
  const ours = [...seen.requests('mqtt'), ...seen.responses('mqtt')].filter(({ incomplete }) => !incomplete)
  return [
    {
      what: 'packet',
      ours: tally(ours.map(({ type }) => String(type))),
      theirs: tally(messages.rows.map((row) => TYPES[String(row[3])] ?? String(row[3]))),
    },
    {
      what: 'publication',
      ours: tally(
        ours
          .filter(({ type }) => type === 'PUBLISH')
          .map(({ qos, packetId, topic }) => `${qos} ${packetId} ${topic}`),
      ),
      theirs: tally(
        messages.rows
          .filter((row) => row[3] === 'Publish Message')
          .map((row) => `${row[4]} ${row[5] ?? 0} ${(row[6] as string[])[0] ?? ''}`),
      ),
    },
  ]
}

/** What tshark calls them. */
const TYPES: Readonly<Record<string, string>> = {
  'Connect Command': 'CONNECT',
  'Connect Ack': 'CONNACK',
  'Publish Message': 'PUBLISH',
  'Publish Ack': 'PUBACK',
  'Publish Received': 'PUBREC',
  'Publish Release': 'PUBREL',
  'Publish Complete': 'PUBCOMP',
  'Subscribe Request': 'SUBSCRIBE',
  'Subscribe Ack': 'SUBACK',
  'Unsubscribe Request': 'UNSUBSCRIBE',
  'Unsubscribe Ack': 'UNSUBACK',
  'Ping Request': 'PINGREQ',
  'Ping Response': 'PINGRESP',
  'Disconnect Req': 'DISCONNECT',
  'Authentication Exchange': 'AUTH',
}
