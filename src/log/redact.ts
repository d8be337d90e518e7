/**
 * Fields as they may be seen: what is named like a secret is left out, passwords in addresses and tokens in headers too, and
 * nothing is longer or deeper than it is read. Errors are their message and code.
 */
export function redacted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return object(fields, 0)
}

/** Text without passwords in addresses, tokens in headers, and control characters that would move the cursor. */
export function redactedText(text: string): string {
  const short = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text
  return short
    .replace(PASSWORD_IN_URL, '$1***@')
    .replace(TOKEN_IN_HEADER, '$1 ***')
    .replace(SECRET_IN_QUERY, '$1***')
}

function value(of: unknown, depth: number): unknown {
  switch (typeof of) {
    case 'string':
      return redactedText(of)
    case 'bigint':
      return String(of)
    case 'function':
    case 'symbol':
      return undefined
    case 'object':
      return of === null ? null : compound(of, depth)
    default:
      return of
  }
}

function compound(of: object, depth: number): unknown {
  if (of instanceof Error) return error(of, depth)
  if (of instanceof Date) return Number.isNaN(of.getTime()) ? 'never' : of.toISOString()
  if (ArrayBuffer.isView(of)) return `${of.byteLength} bytes`
  if (depth >= DEEPEST) return '…'
  if (Array.isArray(of)) {
    const shown = of.slice(0, MOST_PARTS).map((each) => value(each, depth + 1))
    return of.length > MOST_PARTS ? [...shown, `and ${of.length - MOST_PARTS} more`] : shown
  }
  return object(of, depth)
}

function object(of: object, depth: number): Record<string, unknown> {
  const shown: Record<string, unknown> = {}
  for (const [name, each] of Object.entries(of).slice(0, MOST_PARTS))
    shown[name] = SECRET_NAME.test(name) && isTelling(each) ? '***' : value(each, depth + 1)
  return shown
}

/** Whether there is anything to hide: counts and flags are not secrets. */
function isTelling(of: unknown): boolean {
  return (typeof of === 'string' && of !== '') || (typeof of === 'object' && of !== null)
}

function error(of: Error, depth: number): Record<string, unknown> {
  const { name, message, cause } = of
  const code = 'code' in of && typeof of.code === 'string' ? { code: of.code } : {}
  const deeper = cause === undefined || depth >= DEEPEST ? {} : { cause: value(cause, depth + 1) }
  return { name, message: redactedText(message), ...code, ...deeper }
}

const SECRET_NAME =
  /token|secret|passw|credential|authorization|cookie|api[-_]?key|private[-_]?key|webhook|creds$/i
const PASSWORD_IN_URL = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi
const TOKEN_IN_HEADER = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi
const SECRET_IN_QUERY =
  /([?&](?:token|access_token|api_key|apikey|key|password|secret|sig|signature)=)[^&\s"']+/gi
const LONGEST_TEXT = 4096
const MOST_PARTS = 50
const DEEPEST = 5
