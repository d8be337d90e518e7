import { hex, latin1 } from '../../bytes/text.ts'
import { flag, nullable, object, text, textList, type Value } from '../../entry/shape.ts'
import { ja3sText, ja3Text, ja4, md5 } from './fingerprints.ts'
import {
  ALPN,
  extensionOf,
  type HelloParts,
  hostNameIn,
  isRetryRequest,
  numbersIn,
  SIGNATURE_ALGORITHMS,
  SUPPORTED_GROUPS,
  SUPPORTED_VERSIONS,
  stringsIn,
} from './hello.ts'
import { alertName, cipherName, groupName, isGrease, signatureName, versionName } from './names.ts'

const alertShape = nullable(
  object('An alert in the open; null when it is a hello', {
    level: text('warning or fatal'),
    description: text('Such as handshake_failure, unknown_ca'),
  }),
)

export const requestShape = object('What a client sends in the open', {
  type: text('ClientHello or Alert'),
  version: text('Newest version it offers: TLS 1.3'),
  sni: text('Name of the server it wants (SNI); "" when it gives none'),
  alpn: textList('Protocols it wants to speak inside (ALPN)'),
  cipherSuites: textList('Cipher suites it offers, IANA names'),
  supportedVersions: textList('Versions it lists in the extension of that name'),
  ja3: text('JA3 fingerprint: MD5 of ja3Full'),
  ja4: text('JA4 fingerprint'),
  ja3Full: text('Version, cipher suites, extensions, groups and point formats as JA3 writes them'),
  groups: textList('Groups for the key exchange'),
  signatureAlgorithms: textList('Signature algorithms'),
  sessionId: text('Session it wants to resume, hexadecimal; in TLS 1.3 without meaning'),
  alert: alertShape,
})

export const responseShape = object('What a server sends in the open', {
  type: text('ServerHello or Alert, in DTLS also HelloVerifyRequest'),
  version: text('Version it chose'),
  cipherSuite: text('Cipher suite it chose, IANA name'),
  alpn: text('Protocol it chose (ALPN), where that is not encrypted; "" when none'),
  ja3s: text('JA3S fingerprint: MD5 of ja3sFull'),
  ja3sFull: text('Version, cipher suite and extensions as JA3S writes them'),
  sessionId: text('Session, hexadecimal: the one asked for means that it is resumed, before TLS 1.3'),
  helloRetryRequest: flag('It asks for another ClientHello'),
  alert: alertShape,
})

export type TlsRequest = Value<typeof requestShape>
export type TlsResponse = Value<typeof responseShape>

/** Its lists and fingerprints are read when somebody asks for them. */
export class ClientHello implements TlsRequest {
  readonly type: string = 'ClientHello'
  readonly alert = null
  readonly #hello: HelloParts
  readonly #transport: 't' | 'd'

  constructor(hello: HelloParts, transport: 't' | 'd') {
    this.#hello = hello
    this.#transport = transport
  }

  get version(): string {
    const offered = this.#offered().filter((version) => !isGrease(version))
    return versionName(offered.length > 0 ? offered.reduce(newer) : this.#hello.legacyVersion)
  }
  get sni(): string {
    const name = hostNameIn(this.#hello)
    return name === undefined ? '' : latin1(this.#hello.bytes, ...name)
  }
  get alpn(): readonly string[] {
    return protocolsIn(this.#hello)
  }
  get cipherSuites(): readonly string[] {
    return this.#hello.cipherSuites.map(cipherName)
  }
  get supportedVersions(): readonly string[] {
    return this.#offered().map(versionName)
  }
  get ja3(): string {
    return md5(this.ja3Full)
  }
  get ja4(): string {
    return ja4(this.#hello, this.#transport)
  }
  get ja3Full(): string {
    return ja3Text(this.#hello)
  }
  get groups(): readonly string[] {
    return numbersIn(this.#hello, SUPPORTED_GROUPS, 2, 2).map(groupName)
  }
  get signatureAlgorithms(): readonly string[] {
    return numbersIn(this.#hello, SIGNATURE_ALGORITHMS, 2, 2).map(signatureName)
  }
  get sessionId(): string {
    return sessionOf(this.#hello)
  }

  #offered(): number[] {
    return numbersIn(this.#hello, SUPPORTED_VERSIONS, 1, 2)
  }
}

/** Also the HelloRetryRequest, which has the same form. */
export class ServerHello implements TlsResponse {
  readonly type: string = 'ServerHello'
  readonly alert = null
  readonly #hello: HelloParts

  constructor(hello: HelloParts) {
    this.#hello = hello
  }

  get version(): string {
    const chosen = extensionOf(this.#hello, SUPPORTED_VERSIONS)
    if (chosen === undefined || chosen.end - chosen.start !== 2) return versionName(this.#hello.legacyVersion)
    const [high = 0, low = 0] = this.#hello.bytes.subarray(chosen.start, chosen.end)
    return versionName((high << 8) | low)
  }
  get cipherSuite(): string {
    return cipherName(this.#hello.cipherSuites[0] ?? 0)
  }
  get alpn(): string {
    return protocolsIn(this.#hello)[0] ?? ''
  }
  get ja3s(): string {
    return md5(this.ja3sFull)
  }
  get ja3sFull(): string {
    return ja3sText(this.#hello)
  }
  get sessionId(): string {
    return sessionOf(this.#hello)
  }
  get helloRetryRequest(): boolean {
    return isRetryRequest(this.#hello.bytes)
  }
}

export function clientAlert(level: number, description: number): TlsRequest {
  return { ...NO_CLIENT_HELLO, type: 'Alert', alert: alert(level, description) }
}

export function serverAlert(level: number, description: number): TlsResponse {
  return { ...NO_SERVER_HELLO, type: 'Alert', alert: alert(level, description) }
}

/** DTLS: the server wants the hello again, with the cookie that it sends along. RFC 6347 §4.2.1 */
export function helloVerifyRequest(version: number): TlsResponse {
  return { ...NO_SERVER_HELLO, type: 'HelloVerifyRequest', version: versionName(version) }
}

function alert(level: number, description: number) {
  return { level: level === WARNING ? 'warning' : 'fatal', description: alertName(description) }
}

function protocolsIn(hello: HelloParts): string[] {
  return stringsIn(hello, ALPN).map((protocol) => latin1(protocol, 0, protocol.length))
}

function sessionOf({ bytes, sessionStart, sessionEnd }: HelloParts): string {
  return hex(bytes, sessionStart, sessionEnd)
}

/** Numbers of DTLS fall with its versions, and those of drafts are above all others. */
function newer(one: number, other: number): number {
  return age(other) < age(one) ? other : one
}

function age(version: number): number {
  if (version >> 8 === 0xfe) return version - 0xfe00
  return version >> 8 === 0x03 ? 0x0400 - version : DRAFT_AGE
}

const WARNING = 1
/** Between TLS 1.3 (0x0304), which the drafts became, and TLS 1.2. */
const DRAFT_AGE = 252.5

const NO_CLIENT_HELLO = {
  version: '',
  sni: '',
  alpn: [],
  cipherSuites: [],
  supportedVersions: [],
  ja3: '',
  ja4: '',
  ja3Full: '',
  groups: [],
  signatureAlgorithms: [],
  sessionId: '',
}

const NO_SERVER_HELLO = {
  version: '',
  cipherSuite: '',
  alpn: '',
  ja3s: '',
  ja3sFull: '',
  sessionId: '',
  helloRetryRequest: false,
  alert: null,
}
