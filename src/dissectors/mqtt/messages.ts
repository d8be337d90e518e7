import type { Side } from '../../dissect/dissector.ts'
import { any, flag, list, number, object, ofBody, text, type Value } from '../../entry/shape.ts'
import { type Body, type Packet, readBody, type Topic, type Will } from './body.ts'
import { PUBLISH, typeOf } from './packets.ts'
import type { Properties } from './reader.ts'

/** Every packet has these. */
const common = {
  type: text('Type of the packet: CONNECT, PUBLISH, SUBACK …'),
  from: text('client or server: who sent it'),
  protocolVersion: number('3 is MQTT 3.1, 4 is 3.1.1, 5 is 5; 0 = its CONNECT was not seen'),
  packetId: number('What a packet and those that answer it have in common; 0 where it has none'),
  reasonCode: number('Of version 5, and what older ones call return code; 0 = all is well'),
  reason: text('The same in words, such as Not authorized'),
  properties: any<Properties>(
    'Properties of version 5, such as contentType, responseTopic, userProperties',
    '{ [name: string]: any }',
  ),
  incomplete: flag('Part of it was not captured'),
}

export const requestShape = object('A packet that is no answer', {
  ...common,
  topic: text(
    'Of PUBLISH: topic, also where an alias stands for it; "" = the alias was given before the capture',
  ),
  qos: number('Of PUBLISH: 0 at most once, 1 at least once, 2 exactly once'),
  retain: flag('Of PUBLISH: the server keeps it for those who subscribe later, or has kept it'),
  dup: flag('Of PUBLISH: it was sent before'),
  payload: ofBody(text('Of PUBLISH: text if it is UTF-8, else base64, as far as it was kept')),
  payloadEncoding: ofBody(text('base64, or "" for text')),
  payloadLength: number('Its length in bytes; −1 = unknown, since the version is'),
  clientId: text('Of CONNECT'),
  username: text('Of CONNECT'),
  password: text('Of CONNECT: [REDACTED], or "" without one'),
  protocolName: text('Of CONNECT: MQTT, or MQIsdp for 3.1'),
  keepAlive: number('Of CONNECT: seconds'),
  cleanStart: flag('Of CONNECT: forget the earlier session; older versions call it clean session'),
  will: any<Will | null>(
    'Of CONNECT: what to publish when the client is gone',
    '{ topic: string, payload: string, payloadEncoding: string, payloadLength: number, qos: number, retain: boolean, properties: { [name: string]: any } } | null',
  ),
  topics: list<Topic>(
    'Of SUBSCRIBE and UNSUBSCRIBE',
    '{ filter: string, qos: number, noLocal: boolean, retainAsPublished: boolean, retainHandling: number }[]',
  ),
})

export const responseShape = object('The packet that answers it', {
  ...common,
  returnCode: number('The same as reasonCode'),
  reasonCodes: list<number>('Of SUBACK and UNSUBACK: one a topic', 'number[]'),
  sessionPresent: flag('Of CONNACK: an earlier session goes on'),
})

/** A packet. What it says beyond its type is read when somebody asks for it. */
class AnyMessage {
  readonly type: string
  readonly from: Side
  readonly protocolVersion: number
  readonly incomplete: boolean
  readonly #packet: Packet
  #body: Body | undefined

  constructor(packet: Packet) {
    this.#packet = packet
    this.type = typeOf(packet.type)?.name ?? ''
    this.from = packet.from
    this.protocolVersion = packet.version
    this.incomplete = packet.isIncomplete
  }

  get topic(): string {
    return this.#packet.topic ?? (this.part('topic') as string | undefined) ?? ''
  }
  get qos(): number {
    return (this.#publishFlags >> 1) & 3
  }
  get retain(): boolean {
    return (this.#publishFlags & 1) !== 0
  }
  get dup(): boolean {
    return (this.#publishFlags & 8) !== 0
  }
  get returnCode(): unknown {
    return this.part('reasonCode') ?? 0
  }

  /** What the bytes behind the fixed header say; undefined where packets of this type have none so called. */
  part(name: string): unknown {
    this.#body ??= readBody(this.#packet)
    return this.#body[name]
  }

  get #publishFlags(): number {
    return this.#packet.type === PUBLISH ? this.#packet.flags : 0
  }
}

const OWN: ReadonlySet<string> = new Set(['type', 'from', 'protocolVersion', 'incomplete'])
const NONE: Readonly<Record<string, unknown>> = { text: '', number: 0, flag: false, list: [] }

/** What the shapes name and the class does not is in the body; where it is not, there is the empty value of its kind. */
for (const [name, { kind }] of Object.entries({ ...requestShape.fields, ...responseShape.fields })) {
  if (OWN.has(name) || Object.hasOwn(AnyMessage.prototype, name)) continue
  const none = name === 'will' ? null : (NONE[kind] ?? {})
  Object.defineProperty(AnyMessage.prototype, name, {
    get(this: AnyMessage) {
      return this.part(name) ?? none
    },
  })
}

/** Its fields are those of both shapes. */
export type Message = AnyMessage & Value<typeof requestShape> & Value<typeof responseShape>
export const Message = AnyMessage as new (packet: Packet) => Message
