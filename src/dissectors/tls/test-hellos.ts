/** Handshake messages made by hand, for tests. */

/** Bytes of numbers, texts and bytes, one after another. */
export function bytesOf(...parts: (number | string | Uint8Array | readonly number[])[]): Uint8Array {
  return Buffer.concat(
    parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : Buffer.from(part as Uint8Array))),
  )
}

export const u16s = (...numbers: number[]) =>
  bytesOf(numbers.flatMap((number) => [number >> 8, number & 0xff]))

/** `content` with its length in front. */
export function vector(lengthBytes: 1 | 2 | 3, ...content: Parameters<typeof bytesOf>): Uint8Array {
  const bytes = bytesOf(...content)
  const length = Buffer.alloc(lengthBytes)
  length.writeUIntBE(bytes.length, 0, lengthBytes)
  return bytesOf(length, bytes)
}

export const extension = (type: number, ...content: Parameters<typeof bytesOf>) =>
  bytesOf(u16s(type), vector(2, ...content))

export const sni = (name: string) => extension(0, vector(2, 0, vector(2, name)))
export const alpn = (...names: string[]) => extension(16, vector(2, ...names.map((name) => vector(1, name))))
export const groups = (...codes: number[]) => extension(10, vector(2, u16s(...codes)))
export const pointFormats = (...codes: number[]) => extension(11, vector(1, codes))
export const signatures = (...codes: number[]) => extension(13, vector(2, u16s(...codes)))
export const versions = (...codes: number[]) => extension(43, vector(1, u16s(...codes)))

export interface HelloOptions {
  readonly version?: number
  readonly random?: Uint8Array
  readonly session?: readonly number[]
  /** DTLS: also when empty. */
  readonly cookie?: readonly number[]
  readonly ciphers?: readonly number[]
  readonly extensions?: readonly Uint8Array[] | undefined
}

/** Body of a ClientHello. */
export function clientHelloBody(options: HelloOptions = {}): Uint8Array {
  const { version = 0x0303, random = new Uint8Array(32), session = [], cookie, ciphers = [0x1301] } = options
  return bytesOf(
    u16s(version),
    random,
    vector(1, session),
    cookie === undefined ? [] : vector(1, cookie),
    vector(2, u16s(...ciphers)),
    vector(1, 0),
    options.extensions === undefined ? [] : vector(2, ...options.extensions),
  )
}

/** Body of a ServerHello. */
export function serverHelloBody(options: HelloOptions = {}): Uint8Array {
  const { version = 0x0303, random = new Uint8Array(32), session = [], ciphers = [0x1301] } = options
  const extensions = options.extensions === undefined ? [] : vector(2, ...options.extensions)
  return bytesOf(u16s(version), random, vector(1, session), u16s(...ciphers), 0, extensions)
}

export const handshake = (type: number, body: Uint8Array) => bytesOf(type, vector(3, body))
export const record = (type: number, ...content: Parameters<typeof bytesOf>) =>
  bytesOf(type, u16s(0x0303), vector(2, ...content))

export const clientHello = (options?: HelloOptions) => record(22, handshake(1, clientHelloBody(options)))
export const serverHello = (options?: HelloOptions) => record(22, handshake(2, serverHelloBody(options)))
