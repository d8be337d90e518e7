import type { Side } from '../../dissect/dissector.ts'

/** Types of control packets by their number. MQTT 5 §2.1.2 */
export const CONNECT = 1
export const CONNACK = 2
export const PUBLISH = 3
export const PUBACK = 4
export const PUBREC = 5
export const PUBREL = 6
export const PUBCOMP = 7
export const SUBSCRIBE = 8
export const SUBACK = 9
export const UNSUBSCRIBE = 10
export const UNSUBACK = 11
export const PINGREQ = 12
export const PINGRESP = 13
export const DISCONNECT = 14
export const AUTH = 15

/** A type of packets. */
export interface PacketType {
  readonly name: string
  /** Who may send it; only from version 5 on servers send DISCONNECT. */
  readonly sender: Side | 'both'
  /** The type that it answers, or of several the one that it acknowledges; "" when it is no answer. */
  readonly answers: string
  /** It gets an answer; PUBLISH does unless its QoS is 0. */
  readonly isAsked: boolean
}

export function typeOf(number: number): PacketType | undefined {
  return TYPES[number]
}

/** What a reason code, or the return code of older versions, means; "" where nobody has said so. */
export function reasonText(type: number, code: number, isFive: boolean): string {
  const own = isFive ? REASONS_OF_FIVE : RETURN_CODES
  return own[type]?.[code] ?? (isFive ? (REASONS[code] ?? '') : '')
}

/** Whether packets of this type may have this reason code, or return code. */
export function isReason(type: number, code: number, isFive: boolean): boolean {
  return reasonText(type, code, isFive) !== ''
}

const TYPES: readonly (PacketType | undefined)[] = [
  undefined,
  packet('CONNECT', 'client', '', true),
  packet('CONNACK', 'server', 'CONNECT'),
  packet('PUBLISH', 'both', '', true),
  packet('PUBACK', 'both', 'PUBLISH'),
  packet('PUBREC', 'both', 'PUBLISH'),
  packet('PUBREL', 'both', '', true),
  packet('PUBCOMP', 'both', 'PUBREL'),
  packet('SUBSCRIBE', 'client', '', true),
  packet('SUBACK', 'server', 'SUBSCRIBE'),
  packet('UNSUBSCRIBE', 'client', '', true),
  packet('UNSUBACK', 'server', 'UNSUBSCRIBE'),
  packet('PINGREQ', 'client', '', true),
  packet('PINGRESP', 'server', 'PINGREQ'),
  packet('DISCONNECT', 'both', ''),
  packet('AUTH', 'both', ''),
]

function packet(name: string, sender: Side | 'both', answers: string, isAsked = false): PacketType {
  return { name, sender, answers, isAsked }
}

const GRANTED = ['Granted QoS 0', 'Granted QoS 1', 'Granted QoS 2']
/** MQTT 3.1.1 §3.2.2.3, §3.9.3 */
const RETURN_CODES: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [CONNACK]: [
    'Connection accepted',
    'Unacceptable protocol version',
    'Identifier rejected',
    'Server unavailable',
    'Bad user name or password',
    'Not authorized',
  ],
  [SUBACK]: { ...GRANTED, 128: 'Failure' },
}
const REASONS_OF_FIVE: Readonly<Record<number, Readonly<Record<number, string>>>> = {
  [SUBACK]: GRANTED,
  [DISCONNECT]: { 0: 'Normal disconnection' },
}
/** MQTT 5 §2.4 */
const REASONS: Readonly<Record<number, string>> = {
  0: 'Success',
  4: 'Disconnect with Will Message',
  16: 'No matching subscribers',
  17: 'No subscription existed',
  24: 'Continue authentication',
  25: 'Re-authenticate',
  128: 'Unspecified error',
  129: 'Malformed Packet',
  130: 'Protocol Error',
  131: 'Implementation specific error',
  132: 'Unsupported Protocol Version',
  133: 'Client Identifier not valid',
  134: 'Bad User Name or Password',
  135: 'Not authorized',
  136: 'Server unavailable',
  137: 'Server busy',
  138: 'Banned',
  139: 'Server shutting down',
  140: 'Bad authentication method',
  141: 'Keep Alive timeout',
  142: 'Session taken over',
  143: 'Topic Filter invalid',
  144: 'Topic Name invalid',
  145: 'Packet Identifier in use',
  146: 'Packet Identifier not found',
  147: 'Receive Maximum exceeded',
  148: 'Topic Alias invalid',
  149: 'Packet too large',
  150: 'Message rate too high',
  151: 'Quota exceeded',
  152: 'Administrative action',
  153: 'Payload format invalid',
  154: 'Retain not supported',
  155: 'QoS not supported',
  156: 'Use another server',
  157: 'Server moved',
  158: 'Shared Subscriptions not supported',
  159: 'Connection rate exceeded',
  160: 'Maximum connect time',
  161: 'Subscription Identifiers not supported',
  162: 'Wildcard Subscriptions not supported',
}
