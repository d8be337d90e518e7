import { createHash } from 'node:crypto'
import {
  ALPN,
  type HelloParts,
  numbersIn,
  POINT_FORMATS,
  SERVER_NAME,
  SIGNATURE_ALGORITHMS,
  SUPPORTED_GROUPS,
  SUPPORTED_VERSIONS,
  stringsIn,
} from './hello.ts'
import { hex4, isGrease } from './names.ts'

/** What the client shows, in the order in which it shows it. https://github.com/salesforce/ja3 */
export function ja3Text(hello: HelloParts): string {
  return [
    hello.legacyVersion,
    withoutGrease(hello.cipherSuites).join('-'),
    withoutGrease(hello.extensions.map(({ type }) => type)).join('-'),
    withoutGrease(numbersIn(hello, SUPPORTED_GROUPS, 2, 2)).join('-'),
    numbersIn(hello, POINT_FORMATS, 1, 1).join('-'),
  ].join(',')
}

/** The same of a server: what it chose. */
export function ja3sText(hello: HelloParts): string {
  return [
    hello.legacyVersion,
    hello.cipherSuites.join('-'),
    hello.extensions.map(({ type }) => type).join('-'),
  ].join(',')
}

export function md5(text: string): string {
  return createHash('md5').update(text).digest('hex')
}

/** https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md; `t` over TCP, `d` for DTLS, `q` for QUIC. */
export function ja4(hello: HelloParts, transport: 't' | 'd' | 'q'): string {
  const ciphers = withoutGrease(hello.cipherSuites)
  const extensions = withoutGrease(hello.extensions.map(({ type }) => type))
  const domain = extensions.includes(SERVER_NAME) ? 'd' : 'i'
  const counts = twoDigits(ciphers.length) + twoDigits(extensions.length)
  const first = `${transport}${versionCode(hello)}${domain}${counts}${alpnCode(stringsIn(hello, ALPN)[0])}`
  return `${first}_${listHash(sortedHex(ciphers))}_${extensionHash(hello, extensions)}`
}

/** The highest value offered, whatever it means. */
function versionCode(hello: HelloParts): string {
  const offered = withoutGrease(numbersIn(hello, SUPPORTED_VERSIONS, 1, 2))
  return VERSION_CODES[offered.length > 0 ? Math.max(...offered) : hello.legacyVersion] ?? '00'
}

/** First and last character of the first protocol, of its hexadecimal form if they are not letters or digits. */
function alpnCode(protocol: Uint8Array | undefined): string {
  const first = protocol?.[0]
  const last = protocol?.at(-1)
  if (first === undefined || last === undefined) return '00'
  if (isAlphanumeric(first) && isAlphanumeric(last)) return String.fromCharCode(first, last)
  return (first >> 4).toString(16) + (last & 15).toString(16)
}

function extensionHash(hello: HelloParts, extensions: readonly number[]): string {
  const listed = sortedHex(extensions.filter((type) => type !== SERVER_NAME && type !== ALPN))
  if (listed === '') return listHash('')
  const signatures = withoutGrease(numbersIn(hello, SIGNATURE_ALGORITHMS, 2, 2))
    .map(hex4)
    .join(',')
  return listHash(signatures === '' ? listed : `${listed}_${signatures}`)
}

function listHash(list: string): string {
  if (list === '') return '0'.repeat(HASH_LENGTH)
  return createHash('sha256').update(list).digest('hex').slice(0, HASH_LENGTH)
}

function sortedHex(codes: readonly number[]): string {
  return codes.map(hex4).sort().join(',')
}

function twoDigits(count: number): string {
  return String(Math.min(count, 99)).padStart(2, '0')
}

function withoutGrease(codes: readonly number[]): number[] {
  return codes.filter((code) => !isGrease(code))
}

function isAlphanumeric(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a)
}

const HASH_LENGTH = 12

const VERSION_CODES: Readonly<Record<number, string>> = {
  2: 's2',
  768: 's3',
  769: '10',
  770: '11',
  771: '12',
  772: '13',
  65276: 'd3',
  65277: 'd2',
  65279: 'd1',
}
