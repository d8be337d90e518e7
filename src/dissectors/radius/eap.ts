import { u8, u16 } from '../../bytes/read.ts'
import { utf8Text } from '../../bytes/text.ts'

/** An EAP packet as far as it says what it is. RFC 3748 §4 */
export interface Eap {
  /** Request, Response, Success, Failure … */
  readonly code: string
  readonly identifier: number
  readonly length: number
  /** Identity, MD5-Challenge, EAP-TLS …; "" of those that have none. */
  readonly type: string
  /** What a Response to Identity says; "" for others. */
  readonly identity: string
}

/** Undefined when it is too short to be one. */
export function readEap(bytes: Uint8Array): Eap | undefined {
  if (bytes.length < 4) return undefined
  const code = u8(bytes, 0)
  const length = u16(bytes, 2)
  const end = Math.min(length, bytes.length)
  const type = (code === REQUEST || code === RESPONSE) && end >= 5 ? u8(bytes, 4) : 0
  return {
    code: CODES[code] ?? `Code ${code}`,
    identifier: u8(bytes, 1),
    length,
    type: type === 0 ? '' : (TYPES[type] ?? `Type ${type}`),
    identity: code === RESPONSE && type === IDENTITY ? utf8Text(bytes, 5, end) : '',
  }
}

const REQUEST = 1
const RESPONSE = 2
const IDENTITY = 1
/** https://www.iana.org/assignments/eap-numbers */
const CODES: Readonly<Record<number, string>> = {
  1: 'Request',
  2: 'Response',
  3: 'Success',
  4: 'Failure',
  5: 'Initiate',
  6: 'Finish',
}
const TYPES: Readonly<Record<number, string>> = {
  1: 'Identity',
  2: 'Notification',
  3: 'Legacy Nak',
  4: 'MD5-Challenge',
  5: 'One-Time Password',
  6: 'Generic Token Card',
  9: 'RSA Public Key Authentication',
  13: 'EAP-TLS',
  15: 'RSA Security SecurID EAP',
  17: 'EAP-Cisco Wireless',
  18: 'EAP-SIM',
  19: 'SRP-SHA1',
  21: 'EAP-TTLS',
  23: 'EAP-AKA',
  25: 'PEAP',
  26: 'MS-EAP-Authentication',
  29: 'EAP-MSCHAP-V2',
  32: 'Protected One-Time Password',
  33: 'MS-Authentication-TLV',
  38: 'EAP-TNC',
  43: 'EAP-FAST',
  46: 'EAP-PAX',
  47: 'EAP-PSK',
  48: 'EAP-SAKE',
  49: 'EAP-IKEv2',
  50: "EAP-AKA'",
  51: 'EAP-GPSK',
  52: 'EAP-pwd',
  53: 'EAP-EKE Version 1',
  54: 'EAP Method Type for PT-EAP',
  55: 'TEAP',
  56: 'EAP-NOOB',
  254: 'Expanded Type',
  255: 'Experimental',
}
