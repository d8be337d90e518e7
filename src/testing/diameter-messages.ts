/** An AVP: its value as text, a number of four bytes, or bytes. RFC 6733 §4.1 */
export function avp(code: number, value: string | number | Uint8Array, vendor = 0): Buffer {
  const bytes = typeof value === 'number' ? word(value) : Buffer.from(value as Uint8Array)
  const header = Buffer.concat([word(code), Buffer.alloc(4), vendor === 0 ? Buffer.alloc(0) : word(vendor)])
  header.writeUInt32BE(header.length + bytes.length, 4)
  header[4] = vendor === 0 ? 0x40 : 0xc0
  return Buffer.concat([header, bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}

export function groupedAvp(code: number, avps: readonly Uint8Array[], vendor = 0): Buffer {
  return avp(code, Buffer.concat(avps), vendor)
}

/** What is in the header beside the length. `id` is the hop-by-hop identifier; the end-to-end identifier is one more. */
export interface Header {
  readonly code?: number
  readonly flags?: number
  readonly id?: number
  readonly application?: number
}

/** By default a Credit-Control-Request. RFC 6733 §3 */
export function diameterMessage(
  avps: readonly Uint8Array[],
  { code = 272, flags = 0xc0, id = 7, application = 4 }: Header = {},
): Buffer {
  const body = Buffer.concat(avps)
  const header = Buffer.concat([20 + body.length, code, application, id, id + 1].map(word))
  header[0] = 1
  header[4] = flags
  return Buffer.concat([header, body])
}

function word(value: number): Buffer {
  return Buffer.from([value >>> 24, value >>> 16, value >>> 8, value])
}
