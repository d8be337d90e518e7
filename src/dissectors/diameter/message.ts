import { u8, u24, u32 } from '../../bytes/read.ts'
import { textOf } from '../aaa/value.ts'
import { type Avp, findAvp, readAvps } from './avps.ts'
import { applicationName, type Command, commandOf, resultName } from './names.ts'

/** RFC 6733 §3. AVPs are read when somebody looks at them. */
export class DiameterMessage {
  /** Not all of it was kept: AVPs at its end are missing. */
  readonly truncated: boolean
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.truncated = bytes.length < u24(bytes, 1)
  }

  get isRequest(): boolean {
    return (u8(this.#bytes, 4) & REQUEST) !== 0
  }

  get method(): string {
    return this.#command.name
  }

  get command(): string {
    const { letters } = this.#command
    return letters === '' ? '' : `${letters}${this.isRequest ? 'R' : 'A'}`
  }

  get commandCode(): number {
    return u24(this.#bytes, 5)
  }

  get applicationId(): number {
    return u32(this.#bytes, 8)
  }

  get applicationName(): string {
    return applicationName(this.applicationId)
  }

  get hopByHopId(): number {
    return u32(this.#bytes, 12)
  }

  get endToEndId(): number {
    return u32(this.#bytes, 16)
  }

  get flags(): string {
    const flags = u8(this.#bytes, 4)
    return ['R', 'P', 'E', 'T'].map((letter, bit) => (flags & (REQUEST >> bit) ? letter : '-')).join('')
  }

  get length(): number {
    return u24(this.#bytes, 1)
  }

  get avps(): readonly Avp[] {
    return readAvps(this.#bytes, HEADER, this.#bytes.length)
  }

  get sessionId(): string {
    return this.#text(SESSION_ID)
  }

  get originHost(): string {
    return this.#text(ORIGIN_HOST)
  }

  get originRealm(): string {
    return this.#text(ORIGIN_REALM)
  }

  get destinationHost(): string {
    return this.#text(DESTINATION_HOST)
  }

  get destinationRealm(): string {
    return this.#text(DESTINATION_REALM)
  }

  get userName(): string {
    return this.#text(USER_NAME)
  }

  get resultCode(): number {
    return this.#result.code
  }

  get resultName(): string {
    const { code, vendor } = this.#result
    return resultName(code, vendor)
  }

  get resultVendorId(): number {
    return this.#result.vendor
  }

  /** The Result-Code, or what stands in Experimental-Result instead. RFC 6733 §7.6 */
  get #result(): { readonly code: number; readonly vendor: number } {
    const bytes = this.#bytes
    const code = this.#number(HEADER, bytes.length, RESULT_CODE)
    if (code >= 0) return { code, vendor: 0 }
    const group = findAvp(bytes, HEADER, bytes.length, EXPERIMENTAL_RESULT)
    if (group === undefined) return { code: 0, vendor: 0 }
    return {
      code: Math.max(this.#number(...group, EXPERIMENTAL_RESULT_CODE), 0),
      vendor: Math.max(this.#number(...group, VENDOR_ID), 0),
    }
  }

  get #command(): Command {
    return commandOf(this.commandCode)
  }

  #text(code: number): string {
    const found = findAvp(this.#bytes, HEADER, this.#bytes.length, code)
    return found === undefined ? '' : textOf(this.#bytes, ...found)
  }

  /** −1 when there is none. */
  #number(start: number, end: number, code: number): number {
    const found = findAvp(this.#bytes, start, end, code)
    return found === undefined || found[1] - found[0] !== 4 ? -1 : u32(this.#bytes, found[0])
  }
}

/** Version, length, flags, command, application, hop-by-hop and end-to-end identifiers. */
export const HEADER = 20
/** The bit that tells a request from an answer. */
export const REQUEST = 0x80
const USER_NAME = 1
const SESSION_ID = 263
const ORIGIN_HOST = 264
const VENDOR_ID = 266
const RESULT_CODE = 268
const DESTINATION_REALM = 283
const DESTINATION_HOST = 293
const ORIGIN_REALM = 296
const EXPERIMENTAL_RESULT = 297
const EXPERIMENTAL_RESULT_CODE = 298
