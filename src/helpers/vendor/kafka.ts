import type { Message, RecordMetadata } from 'kafkajs'
import { z } from 'zod'
import { type Arguments, type HelperHost, helper, jsonText, namespace, type QueuedCall } from '../helper.ts'
import type { Acks, Cluster } from '../kafka/producer.ts'
import { sendTogether } from '../together.ts'

const broker = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/,[\]@]+)(:\d{1,5})?$/, 'a broker, such as kafka:9092')

const options = z
  .strictObject({
    key: z.string().optional().describe('Messages with the same key go to the same partition, in order'),
    headers: z.record(z.string(), z.string()).optional().describe('Headers of the message'),
    partition: z.int().min(0).optional().describe('Chosen by the key, or in turn, when it is absent'),
    acks: z
      .enum(['all', 'leader', 'none'])
      .optional()
      .describe('Who must have it: all replicas that are in step (by default), the leader, or nobody'),
    base64: z.boolean().optional().describe('The payload is base64 of the bytes to be sent'),
    sasl: z
      .strictObject({
        mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']),
        username: z.string(),
        password: z.string(),
      })
      .optional()
      .describe('Credentials'),
    tls: z
      .union([
        z.boolean(),
        z.strictObject({
          ca: z.string().optional(),
          cert: z.string().optional(),
          key: z.string().optional(),
          servername: z.string().optional(),
        }),
      ])
      .optional()
      .describe(
        'TLS: true, or PEM texts of an authority to trust, and of a certificate and key to log in with',
      ),
  })
  .default({})
  .describe('Key, headers, partition, acks, credentials and TLS')

const params = {
  brokers: z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [given].flat().flatMap((each) => each.split(',').map((name) => name.trim())))
    .pipe(z.array(broker).min(1).max(20))
    .describe('Some brokers of the cluster, `host:port`: a list, or text with commas'),
  topic: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,249}$/, 'the name of a topic')
    .describe('Topic, which must exist'),
  payload: jsonText.describe('Text as it is; an object is sent as JSON'),
  options,
}

type PutArguments = Arguments<typeof params>

export const kafka = namespace('vendor.kafka', 'Messages for Apache Kafka.', {
  put: helper({
    effect: 'network',
    doc: 'Puts a message into a topic and tells where it is. Throws when it was not taken. Connections are kept for the next call.',
    params,
    returns: z.object({
      topic: z.string(),
      partition: z.number().describe('-1 when nobody says, as with `acks: "none"`'),
      offset: z.number().describe('-1 when nobody says'),
    }),
    target: ({ brokers, topic }) => ({
      text: `kafka://${brokers[0]}/${topic}`,
      hosts: clusterOf({ brokers, options: {} }).brokers.map(({ host }) => host),
      bucket: topic,
    }),
    queued: {
      key: ({ brokers, topic }) => `kafka://${brokers.join()}/${topic}`,
      // Of what goes to one partition together, brokers take a megabyte unless they are told otherwise.
      batch: { most: 1000, mostBytes: 900_000, send: putAll },
    },
    rehearsed: ({ topic, options }) => ({ topic, partition: options.partition ?? 0, offset: 0 }),
    example: `try {\n  var sent = vendor.kafka.put('127.0.0.1:9', 'alerts', { path: '/cart', status: 500 }, { key: 'cart', headers: { team: 'shop' } })\n  console.log(sent.partition, sent.offset)\n} catch (error) {\n  console.error(error)\n}`,
    async run(args, host) {
      const [placed] = await put([args], host)
      return {
        topic: args.topic,
        partition: placed?.partition ?? args.options.partition ?? -1,
        offset: Number(placed?.baseOffset ?? placed?.offset ?? -1),
      }
    },
  }),
})

/** Calls to one topic, which may come with different credentials. */
async function putAll(calls: readonly QueuedCall<typeof params>[], host: HelperHost): Promise<void> {
  await sendTogether({
    calls,
    alike: ({ args }) => JSON.stringify([args.options.sasl, args.options.tls, args.options.acks]),
    send: async (together) => {
      await put(
        together.map(({ args }) => args),
        host,
      )
    },
  })
}

/** All to one topic, with the same credentials. */
async function put(calls: readonly PutArguments[], host: HelperHost): Promise<RecordMetadata[]> {
  const [first] = calls
  if (first === undefined) return []
  const { topic } = first
  const cluster = clusterOf(first)
  const acks = ACKS[first.options.acks ?? 'all']
  const { KafkaProducer } = await import('../kafka/producer.ts')
  return await host.clients.with(
    ['kafka', host.agent.id ?? host.agent.title, cluster, acks],
    () => KafkaProducer.open(cluster, acks, host),
    (producer) => producer.send({ topic, acks, messages: calls.map(messageOf) }, host),
  )
}

function messageOf({ payload, options: { key, headers, partition, base64 } }: PutArguments): Message {
  return {
    value: Buffer.from(payload, base64 === true ? 'base64' : 'utf8'),
    ...(key === undefined ? {} : { key }),
    ...(headers === undefined ? {} : { headers }),
    ...(partition === undefined ? {} : { partition }),
  }
}

function clusterOf({ brokers, options: { sasl, tls } }: Pick<PutArguments, 'brokers' | 'options'>): Cluster {
  return {
    brokers: brokers.map(placeOf),
    ...(sasl === undefined ? {} : { sasl }),
    ...(tls === undefined || tls === false ? {} : { tls: tls === true ? {} : tls }),
  }
}

function placeOf(broker: string): { host: string; port: number } {
  const [, host = broker, port = DEFAULT_PORT] = /^(.*?)(?::(\d+))?$/.exec(broker) ?? []
  const isBracketed = broker.startsWith('[')
  const at = isBracketed ? broker.indexOf(']') : -1
  return isBracketed
    ? { host: broker.slice(1, at), port: Number(broker.slice(at + 2) || DEFAULT_PORT) }
    : { host, port: Number(port) }
}

const ACKS: Readonly<Record<'all' | 'leader' | 'none', Acks>> = { all: -1, leader: 1, none: 0 }
const DEFAULT_PORT = '9092'
