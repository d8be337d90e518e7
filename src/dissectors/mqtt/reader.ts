import { ByteReader } from '../../bytes/byte-reader.ts'
import { base64, utf8Text } from '../../bytes/text.ts'
import { REDACTED } from '../../entry/redacted.ts'

/** Properties of MQTT 5 by their names; those that repeat are arrays. */
export type Properties = Readonly<Record<string, unknown>>

/** Reads the values of MQTT one after another (§1.5). */
export class MqttReader extends ByteReader {
  /** A number of one to four bytes, seven bits each. */
  variable(): number {
    let value = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.octet()
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
    this.isWhole = false
    return 0
  }

  text(): string {
    const length = this.short()
    const at = this.take(length)
    return at < 0 ? '' : utf8Text(this.bytes, at, at + length)
  }

  /** A view. */
  binary(): Uint8Array {
    const length = this.short()
    const at = this.take(length)
    return at < 0 ? NOTHING : this.bytes.subarray(at, at + length)
  }

  /** With their length in front. Those of other kinds of packets than `allowed` make no sense. §2.2.2 */
  properties(allowed?: ReadonlySet<number>): Properties {
    const length = this.variable()
    const properties = Object.create(null) as Record<string, unknown>
    if (length > this.left) {
      this.isWhole = false
      return properties
    }
    const end = this.at + length
    while (this.isWhole && this.at < end) {
      const id = this.octet()
      const property = PROPERTIES[id]
      if (property === undefined || allowed?.has(id) === false) this.isWhole = false
      else this.#property(properties, id, property)
    }
    if (this.at > end) this.isWhole = false
    return properties
  }

  #property(properties: Record<string, unknown>, id: number, [name, type]: Property): void {
    if (id === USER_PROPERTY) this.#userProperty(properties, name)
    else if (id === AUTHENTICATION_DATA) properties[name] = this.binary().length > 0 ? REDACTED : ''
    else if (type === 'binary') properties[name] = base64(this.binary())
    else properties[name] = added(properties[name], this[type]())
  }

  /** Names may repeat, and be `__proto__`. */
  #userProperty(properties: Record<string, unknown>, name: string): void {
    const users = (properties[name] ?? Object.create(null)) as Record<string, unknown>
    const key = this.text()
    users[key] = added(users[key], this.text())
    properties[name] = users
  }
}

/** The only value, or all of them. */
function added(before: unknown, value: unknown): unknown {
  if (before === undefined) return value
  if (!Array.isArray(before)) return [before, value]
  before.push(value)
  return before
}

type Property = readonly [name: string, type: 'octet' | 'short' | 'long' | 'variable' | 'text' | 'binary']

const NOTHING = new Uint8Array(0)
const AUTHENTICATION_DATA = 22
const USER_PROPERTY = 38
const PROPERTIES: Readonly<Record<number, Property>> = {
  1: ['payloadFormatIndicator', 'octet'],
  2: ['messageExpiryInterval', 'long'],
  3: ['contentType', 'text'],
  8: ['responseTopic', 'text'],
  9: ['correlationData', 'binary'],
  11: ['subscriptionIdentifier', 'variable'],
  17: ['sessionExpiryInterval', 'long'],
  18: ['assignedClientIdentifier', 'text'],
  19: ['serverKeepAlive', 'short'],
  21: ['authenticationMethod', 'text'],
  [AUTHENTICATION_DATA]: ['authenticationData', 'binary'],
  23: ['requestProblemInformation', 'octet'],
  24: ['willDelayInterval', 'long'],
  25: ['requestResponseInformation', 'octet'],
  26: ['responseInformation', 'text'],
  28: ['serverReference', 'text'],
  31: ['reasonString', 'text'],
  33: ['receiveMaximum', 'short'],
  34: ['topicAliasMaximum', 'short'],
  35: ['topicAlias', 'short'],
  36: ['maximumQoS', 'octet'],
  37: ['retainAvailable', 'octet'],
  [USER_PROPERTY]: ['userProperties', 'text'],
  39: ['maximumPacketSize', 'long'],
  40: ['wildcardSubscriptionAvailable', 'octet'],
  41: ['subscriptionIdentifierAvailable', 'octet'],
  42: ['sharedSubscriptionAvailable', 'octet'],
}
/** Those that PUBLISH may have. */
export const PUBLISH_PROPERTIES: ReadonlySet<number> = new Set([1, 2, 3, 8, 9, 11, 35, USER_PROPERTY])
