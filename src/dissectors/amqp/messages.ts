import { base64 } from '../../bytes/text.ts'
import type { Side } from '../../dissect/dissector.ts'
import { REDACTED } from '../../entry/redacted.ts'
import { any, flag, number, object, ofBody, text, type Value } from '../../entry/shape.ts'
import { METHOD_IDS } from './frames.ts'
import type { Method } from './grammar.ts'
import { type Properties, propertiesShape, readProperties } from './properties.ts'
import { AmqpReader, type Table } from './reader.ts'

const table = (doc: string) => any<Table>(doc, '{ [name: string]: any }')

/** Every message has these. */
const common = {
  method: text('Class and verb, such as basic publish'),
  channel: number('Channel that it was sent on; 0 for those of the connection'),
  from: text('client or server: who sent it'),
}
/** Arguments of both requests and replies; of methods that have none so called "", 0, false or {}. */
const shared = {
  exchange: text('Exchange; "" = the default one'),
  routingKey: text('Routing key'),
  queue: text('Queue'),
  consumerTag: text('Name of the consumer'),
  deliveryTag: number('Number of the delivery on its channel, or what is acknowledged'),
  redelivered: flag('It may have been delivered before'),
  active: flag('Of channel flow: content may be sent'),
  channelMax: number('Of connection tune: most channels; 0 = no limit'),
  frameMax: number('Of connection tune: longest frame, bytes; 0 = no limit'),
  heartbeat: number('Of connection tune: seconds between heartbeats; 0 = none'),
  properties: propertiesShape,
  body: ofBody(text('The content, base64, as far as it was kept')),
  bodySize: number('Its length in bytes'),
  incomplete: flag('Part of the content was not captured, or not sent'),
}

export const requestShape = object('A method that asks for something, or that has no reply', {
  ...common,
  ...shared,
  mandatory: flag('Of basic publish: return it when no queue takes it'),
  immediate: flag('Of basic publish: return it when no consumer takes it'),
  passive: flag('Only see whether it exists'),
  durable: flag('Survives a restart of the server'),
  exclusive: flag('For this connection alone'),
  autoDelete: flag('Deleted when it is not used any more'),
  internal: flag('Of exchange declare: clients cannot publish to it'),
  noWait: flag('No reply is wanted'),
  noAck: flag('Deliveries need no acknowledgement'),
  noLocal: flag('Of basic consume: not what this connection published'),
  arguments: table('Arguments beyond those of the protocol, such as x-max-length'),
  type: text('Of exchange declare: direct, fanout, topic, headers …'),
  ifUnused: flag('Delete only what is not used'),
  ifEmpty: flag('Delete only a queue without messages'),
  destination: text('Of exchange bind and unbind: exchange that messages go to'),
  source: text('Of exchange bind and unbind: exchange that they come from'),
  multiple: flag('Also all deliveries before this one'),
  requeue: flag('Deliver it again'),
  prefetchSize: number('Of basic qos: bytes'),
  prefetchCount: number('Of basic qos: messages'),
  global: flag('Of basic qos: for the whole channel, in the words of RabbitMQ'),
  virtualHost: text('Of connection open'),
  versionMajor: number('Of connection start'),
  versionMinor: number('Of connection start'),
  serverProperties: table('Of connection start: what the server says of itself'),
  mechanisms: text('Of connection start: ways to log in'),
  locales: text('Of connection start: languages'),
  challenge: text('Of connection secure'),
  newSecret: text('Of connection update-secret: [REDACTED]'),
  reason: text('Of connection blocked and update-secret'),
  replyCode: number('Of close and basic return: why, 200 = all is well'),
  relyCode: number('The same, as it was first spelled'),
  replyText: text('The same in words'),
  classId: number('Of close: class of the method that failed'),
  methodId: number('Of close: the method that failed'),
  realm: text('Of access request'),
  read: flag('Of access request'),
  write: flag('Of access request'),
})

export const responseShape = object('The reply to it', {
  ...common,
  ...shared,
  messageCount: number('Messages in the queue'),
  consumerCount: number('Of queue declare-ok: consumers of the queue'),
  clientProperties: table('Of connection start-ok: what the client says of itself'),
  mechanism: text('Of connection start-ok: how it logs in'),
  response: text('Of start-ok and secure-ok: the credentials, [REDACTED]'),
  user: text('Of connection start-ok: who logs in, as far as it says'),
  locale: text('Of connection start-ok: language'),
})

/** The content behind a method: its header frame and what was kept of its body. */
export interface Content {
  readonly header: Uint8Array
  readonly body: Uint8Array
  readonly bodySize: number
  readonly isIncomplete: boolean
}

/** A method with its content. Arguments and properties are read when somebody asks for them. */
class AnyMessage {
  readonly method: string
  readonly channel: number
  readonly from: Side
  readonly grammar: Method
  content: Content | undefined = undefined
  readonly #wire: Uint8Array
  #arguments: Table | undefined
  #properties: Properties | undefined

  /** `wire` is the payload of its method frame. */
  constructor(grammar: Method, wire: Uint8Array, channel: number, from: Side) {
    this.grammar = grammar
    this.method = grammar.name
    this.channel = channel
    this.from = from
    this.#wire = wire
  }

  get properties(): Properties {
    this.#properties ??= readProperties(this.content?.header ?? NOTHING)
    return this.#properties
  }
  get body(): string {
    return base64(this.content?.body ?? NOTHING)
  }
  get bodySize(): number {
    return this.content?.bodySize ?? 0
  }
  get incomplete(): boolean {
    return this.content?.isIncomplete ?? false
  }
  get relyCode(): unknown {
    return this.argument('replyCode') ?? 0
  }
  get user(): string {
    return userIn(this.argument('mechanism'), this.argument('response'))
  }
  get response(): string {
    return masked(this.argument('response'))
  }
  get newSecret(): string {
    return masked(this.argument('newSecret'))
  }

  /** As it is on the wire, credentials too; undefined where the method has none so called. */
  argument(name: string): unknown {
    this.#arguments ??= new AmqpReader(this.#wire, METHOD_IDS, this.#wire.length).arguments(
      this.grammar.arguments,
    )
    return this.#arguments[name]
  }

  /** Bytes that it keeps. */
  get held(): number {
    return this.#wire.length + (this.content?.header.length ?? 0) + (this.content?.body.length ?? 0)
  }
}

/** What the shapes name and the class does not are arguments; where the method has none so called, the empty value of their kind. */
for (const [name, { kind }] of Object.entries({ ...requestShape.fields, ...responseShape.fields })) {
  if (Object.hasOwn(common, name) || Object.hasOwn(AnyMessage.prototype, name)) continue
  const none = kind === 'text' ? '' : kind === 'number' ? 0 : kind === 'flag' ? false : {}
  Object.defineProperty(AnyMessage.prototype, name, {
    get(this: AnyMessage) {
      return this.argument(name) ?? none
    },
  })
}

/** Its fields are those of both shapes. */
export type Message = AnyMessage & Value<typeof requestShape> & Value<typeof responseShape>
export const Message = AnyMessage as new (...given: ConstructorParameters<typeof AnyMessage>) => Message

function masked(secret: unknown): string {
  return secret === undefined || secret === '' ? '' : REDACTED
}

/** Not a secret: who logs in with PLAIN (RFC 4616 §2) or with RabbitMQ's AMQPLAIN. */
function userIn(mechanism: unknown, response: unknown): string {
  const found = mechanism === 'PLAIN' ? PLAIN_USER : mechanism === 'AMQPLAIN' ? AMQPLAIN_USER : undefined
  return found?.exec(String(response))?.[1] ?? ''
}

const NOTHING = new Uint8Array(0)
const PLAIN_USER = /^[^\0]*\0([^\0]*)\0/
/** Lengths stand before the names and values. */
const AMQPLAIN_USER = /\p{Cc}LOGINS\0\0\0.([^\0]*?)(?:\p{Cc}PASSWORD|$)/su
