/** An element of BER; `long` writes its length in four bytes, as Active Directory does. */
export function element(tag: number, content: Uint8Array | string, long = false): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content
  const { length } = bytes
  const header =
    long || length > 0xffff
      ? [tag, 0x84, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff]
      : length > 0x7f
        ? [tag, 0x82, length >> 8, length & 0xff]
        : [tag, length]
  return Buffer.concat([Buffer.from(header), bytes])
}

export const sequence = (...parts: readonly Uint8Array[]): Buffer => element(0x30, Buffer.concat(parts))
export const set = (...parts: readonly Uint8Array[]): Buffer => element(0x31, Buffer.concat(parts))
export const text = (content: string | Uint8Array): Buffer => element(0x04, content)
export const integer = (value: number): Buffer => element(0x02, Buffer.of(value))
export const enumerated = (value: number): Buffer => element(0x0a, Buffer.of(value))
export const flag = (value: boolean): Buffer => element(0x01, Buffer.of(value ? 0xff : 0))

/** An LDAPMessage. */
export function message(
  id: number,
  tag: number,
  parts: readonly Uint8Array[] | string,
  ...controls: Buffer[]
): Buffer {
  const operation = element(tag, typeof parts === 'string' ? parts : Buffer.concat(parts))
  const behind = controls.length === 0 ? [] : [element(0xa0, Buffer.concat(controls))]
  return sequence(element(0x02, Buffer.from([id])), operation, ...behind)
}

export const bind = (id: number, dn = 'cn=admin', password = 'secret'): Buffer =>
  message(id, 0x60, [integer(3), text(dn), element(0x80, password)])
export const saslBind = (id: number, mechanism: string): Buffer =>
  message(id, 0x60, [integer(3), text(''), element(0xa3, Buffer.concat([text(mechanism), text('secret')]))])
export const search = (id: number, base = 'dc=x', filter = element(0x87, 'objectClass')): Buffer =>
  message(id, 0x63, [
    text(base),
    enumerated(2),
    enumerated(0),
    integer(0),
    integer(0),
    flag(false),
    filter,
    sequence(text('cn'), text('mail')),
  ])
export const entry = (id: number, dn: string, value: string | Uint8Array = 'v'): Buffer =>
  message(id, 0x64, [text(dn), sequence(sequence(text('cn'), set(text(value))))])
export const result = (id: number, tag: number, code = 0, words = ''): Buffer =>
  message(id, tag, [enumerated(code), text(''), text(words)])

/** A buffer of a SASL security layer. */
export function sealed(content: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}

/** A wrap token of Kerberos (RFC 4121), signed only, with its checksum rotated to the front. */
export function signed(content: Uint8Array, rotated: boolean): Buffer {
  const checksum = Buffer.alloc(12, 0xcc)
  const header = Buffer.from([5, 4, 5, 0xff, 0, 12, 0, rotated ? 12 : 0, 0, 0, 0, 0, 1, 2, 3, 4])
  return sealed(Buffer.concat(rotated ? [header, checksum, content] : [header, content, checksum]))
}
