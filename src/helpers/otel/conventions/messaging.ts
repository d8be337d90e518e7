import type { SpanKind } from '../messages.ts'
import type { Carrier } from '../trace-context.ts'
import { type Described, isObject, positive, type SeenEntry } from './seen.ts'

/** What a span of messaging says, whatever the system. */
interface Operation {
  readonly system: string
  /** As the system calls it. */
  readonly name: string
  readonly type?: 'send' | 'receive' | 'process' | 'settle'
  readonly destination?: string | undefined
  readonly attributes?: Readonly<Record<string, unknown>>
  readonly error?: Described['error']
  readonly carriers?: readonly Carrier[]
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/: kind and name of a span follow from what is done. */
function described(
  entry: SeenEntry,
  { system, name, type, destination, attributes, error, carriers }: Operation,
): Described {
  return {
    name: destination === undefined ? name : `${name} ${destination}`,
    kind: KINDS[type ?? 'receive'],
    attributes: {
      'messaging.system.name': system,
      // Until 1.44, which receivers still look for.
      'messaging.system': system,
      'messaging.operation.name': name,
      'messaging.operation.type': type,
      'messaging.destination.name': destination,
      ...attributes,
      'server.address': entry.text('dst.name') ?? entry.text('dst.ip'),
      'server.port': positive(entry.number('dst.port')),
    },
    error,
    ...(carriers === undefined ? {} : { carriers }),
  }
}

/** What is pulled is asked for by a client; only what is pushed arrives at a consumer. */
const KINDS = {
  send: 'producer',
  receive: 'client',
  process: 'consumer',
  settle: 'client',
} as const satisfies Record<NonNullable<Operation['type']>, SpanKind>

/** https://opentelemetry.io/docs/specs/semconv/messaging/kafka/ */
export function describeKafka(entry: SeenEntry): Described {
  const api = entry.text('request.apiKeyName') ?? 'kafka'
  const topics = entry.list('request.topics').filter((each) => typeof each === 'string')
  const type = api === 'Produce' ? 'send' : api === 'Fetch' ? 'receive' : undefined
  const records =
    type === undefined ? [] : recordsIn(entry.at(api === 'Produce' ? 'request.payload' : 'response.payload'))
  const [record] = records
  const failure = entry.text('response.errorName')
  return described(entry, {
    system: 'kafka',
    name: type === undefined ? api : type === 'send' ? 'send' : 'poll',
    ...(type === undefined ? {} : { type }),
    destination: topics.length === 1 ? topics[0] : undefined,
    attributes: {
      'messaging.client.id': entry.text('request.clientID'),
      'messaging.consumer.group.name':
        entry.text('request.payload.groupId') ?? entry.text('request.payload.groupID'),
      'messaging.batch.message_count': records.length > 1 ? records.length : undefined,
      'kafka.message.key':
        records.length === 1 && typeof record?.key === 'string' && record.key !== '' ? record.key : undefined,
    },
    error: failure === undefined || failure === 'NONE' ? undefined : { type: failure },
    carriers: records.map(({ headers }) => kafkaHeaders(headers)),
  })
}

type KafkaRecord = Readonly<Record<string, unknown>>

/** Records lie in batches of partitions of topics, and `more` of them beside the first. */
function recordsIn(value: unknown, found: KafkaRecord[] = []): KafkaRecord[] {
  if (found.length >= MOST_RECORDS) return found
  if (Array.isArray(value)) for (const each of value) recordsIn(each, found)
  else if (isObject(value))
    for (const [name, each] of Object.entries(value)) {
      if (name === 'record' && Array.isArray(each))
        found.push(...each.slice(0, MOST_RECORDS).filter(isObject))
      else recordsIn(each, found)
    }
  return found
}

const MOST_RECORDS = 10_000

function kafkaHeaders(headers: unknown): Carrier {
  if (!Array.isArray(headers)) return {}
  return Object.fromEntries(
    headers.filter(isObject).map(({ headerKey, value }) => [String(headerKey), value]),
  )
}

/** https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/ */
export function describeAmqp(entry: SeenEntry): Described {
  const method = entry.text('request.method') ?? 'amqp'
  const name = method.replace(/^basic /, '')
  // A message that was fetched is in the reply.
  const side = method === 'basic get' ? 'response' : 'request'
  const exchange = entry.text(`${side}.exchange`)
  const key = entry.text(`${side}.routingKey`)
  const queue = entry.text('request.queue')
  const type = method.startsWith('basic ') ? AMQP_TYPES[name] : undefined
  const code = entry.number('request.replyCode')
  return described(entry, {
    system: 'rabbitmq',
    name,
    ...(type === undefined ? {} : { type }),
    destination:
      [exchange, key, queue === key ? undefined : queue].filter((each) => each !== undefined).join(':') ||
      undefined,
    attributes: {
      'rabbitmq.destination.routing_key': key,
      'rabbitmq.message.delivery_tag': positive(entry.number(`${side}.deliveryTag`)),
      'messaging.message.id': entry.text(`${side}.properties.messageId`),
      'messaging.message.conversation_id': entry.text(`${side}.properties.correlationId`),
      'messaging.message.body.size': positive(entry.number(`${side}.bodySize`)),
    },
    error:
      code !== undefined && code >= 300
        ? { type: String(code), message: entry.text('request.replyText') }
        : undefined,
    carriers: [entry.object(`${side}.properties.headers`)],
  })
}

const AMQP_TYPES: Readonly<Record<string, Operation['type']>> = {
  publish: 'send',
  return: 'process',
  deliver: 'process',
  get: 'receive',
  ack: 'settle',
  nack: 'settle',
  reject: 'settle',
}

/** There is no convention for MQTT alone; what all have in common holds. */
export function describeMqtt(entry: SeenEntry): Described {
  const packet = entry.text('request.type') ?? 'mqtt'
  const isPublish = packet === 'PUBLISH'
  const isPushed = isPublish && entry.text('request.from') === 'server'
  const reason = entry.number('response.reasonCode')
  return described(entry, {
    system: 'mqtt',
    name: isPushed ? 'deliver' : packet.toLowerCase(),
    ...(isPublish ? { type: isPushed ? 'process' : 'send' } : {}),
    destination: isPublish ? entry.text('request.topic') : undefined,
    attributes: {
      'messaging.client.id': entry.text('request.clientId'),
      'messaging.message.body.size': positive(entry.number('request.payloadLength')),
    },
    // From 128 on they are failures, in all versions but for what CONNACK says in 3.
    error:
      reason !== undefined && (reason >= 128 || (packet === 'CONNECT' && reason > 0))
        ? { type: String(reason), message: entry.text('response.reason') }
        : undefined,
    carriers: [entry.object('request.properties.userProperties')],
  })
}
