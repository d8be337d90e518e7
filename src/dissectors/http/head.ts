import { utf8Text } from '../../bytes/text.ts'

/** What the framing of a message depends on, found in one pass over its header lines (RFC 9112 §6). */
export interface Framing {
  /** −1 when there is none; −2 when it is there and no number, or two that differ. */
  readonly contentLength: number
  readonly chunked: boolean
  /** Token of `Upgrade`, lower case; "" when there is none. */
  readonly upgrade: string
  readonly close: boolean
}

/** Reads the header lines of a head, from the line after the first on. */
export function readFraming(head: string, linesFrom: number): Framing {
  let contentLength = -1
  let chunked = false
  let upgrade = ''
  let close = false
  for (let at = linesFrom; at < head.length; ) {
    const next = head.indexOf('\n', at)
    const end = next < 0 ? head.length : next
    // Only the names that matter, told apart by their first letter and length before anything is cut out.
    switch (head.charCodeAt(at) | 0x20) {
      case 0x63: // c
        if (head.charCodeAt(at + 14) === COLON && nameIs(head, at, 'content-length')) {
          const value = lengthValue(head.slice(at + 15, end))
          contentLength = contentLength === -1 || contentLength === value ? value : -2
        } else if (head.charCodeAt(at + 10) === COLON && nameIs(head, at, 'connection')) {
          if (
            head
              .slice(at + 11, end)
              .toLowerCase()
              .includes('close')
          )
            close = true
        }
        break
      case 0x74: // t
        if (head.charCodeAt(at + 17) === COLON && nameIs(head, at, 'transfer-encoding'))
          chunked =
            chunked ||
            head
              .slice(at + 18, end)
              .toLowerCase()
              .includes('chunked')
        break
      case 0x75: // u
        if (head.charCodeAt(at + 7) === COLON && nameIs(head, at, 'upgrade'))
          upgrade =
            head
              .slice(at + 8, end)
              .trim()
              .toLowerCase()
              .split(/[,/\s]/)[0] ?? ''
        break
    }
    at = end + 1
  }
  return { contentLength, chunked, upgrade, close }
}

function nameIs(head: string, at: number, name: string): boolean {
  return head.slice(at, at + name.length).toLowerCase() === name
}

/** RFC 9110 §8.6: digits; a list of the same number is that number. */
function lengthValue(text: string): number {
  const trimmed = text.trim()
  if (/^\d{1,15}$/.test(trimmed)) return Number(trimmed)
  const parts = new Set(trimmed.split(',').map((part) => part.trim()))
  const [only] = parts
  return parts.size === 1 && only !== undefined && /^\d{1,15}$/.test(only) ? Number(only) : -2
}

/** Header names as on the wire; repeated ones joined by a comma, folded lines (RFC 9112 §5.2) unfolded. */
export function readHeaders(head: string, linesFrom: number): Record<string, string> {
  const headers: Record<string, string> = {}
  const spelling = new Map<string, string>()
  let last = ''
  let count = 0
  for (let at = linesFrom; at < head.length && count < MOST_HEADERS; count++) {
    const next = head.indexOf('\n', at)
    let end = next < 0 ? head.length : next
    const after = end + 1
    if (head.charCodeAt(end - 1) === CR) end--
    if (end > at) {
      const first = head.charCodeAt(at)
      if ((first === SPACE || first === TAB) && last !== '') {
        setOwn(headers, last, `${headers[last]} ${readable(head.slice(at, end).trim())}`)
      } else {
        const colon = head.indexOf(':', at)
        if (colon > at && colon < end) {
          const name = head.slice(at, colon).trimEnd()
          const value = readable(head.slice(colon + 1, end).trim())
          const known = spelling.get(name.toLowerCase())
          last = known ?? name
          if (known === undefined) spelling.set(name.toLowerCase(), name)
          setOwn(headers, last, known === undefined ? value : `${headers[known]},${value}`)
        }
      }
    }
    at = after
  }
  return headers
}

/** A header named `__proto__` is a header like any other. */
function setOwn(target: Record<string, string>, key: string, value: string): void {
  if (key === '__proto__')
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
  else target[key] = value
}

/** Text that came as bytes, one character each: shown as UTF-8 when it is valid UTF-8. */
export function readable(text: string): string {
  if (!HIGH.test(text)) return text
  const bytes = Buffer.from(text, 'latin1')
  const utf8 = utf8Text(bytes, 0, bytes.length)
  return utf8.includes('\ufffd') ? text : utf8
}

/** The value of a header whatever its case; "" when there is none. */
export function headerOf(headers: Readonly<Record<string, string>>, name: string): string {
  const exact = headers[name]
  if (exact !== undefined) return exact
  for (const key of Object.keys(headers))
    if (key.length === name.length && key.toLowerCase() === name) return headers[key] ?? ''
  return ''
}

const HIGH = /[\u0080-\u00ff]/
const COLON = 58
const CR = 13
const SPACE = 32
const TAB = 9
/** Further ones are not shown. */
const MOST_HEADERS = 1000
