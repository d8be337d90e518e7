import { readable, trimmed } from './characters.ts'

/** A name with its value, of a query or a form. */
export interface Pair {
  readonly name: string
  readonly value: string
}

/** The parts of a request target (RFC 9112 §3.2): `/a?b`, `http://name/a?b`, `name:443`, `*`. */
export interface Target {
  /** Without query and fragment. */
  readonly uri: string
  /** `/a`, also of the absolute form; what has no path stands for itself. */
  readonly path: string
  /** After the question mark. */
  readonly query: string
  /** `name:port` of the absolute form; "" of others. */
  readonly authority: string
}

export function splitTarget(url: string): Target {
  const queryAt = url.search(/[?#]/)
  const uri = queryAt < 0 ? url : url.slice(0, queryAt)
  const query = queryAt < 0 || url[queryAt] === '#' ? '' : (url.slice(queryAt + 1).split('#', 1)[0] ?? '')
  const scheme = /^[a-z][a-z0-9+.-]{0,31}:\/\//i.exec(uri)?.[0]
  if (scheme === undefined) return { uri, path: uri, query, authority: '' }
  const slash = uri.indexOf('/', scheme.length)
  const authority = uri.slice(scheme.length, slash < 0 ? uri.length : slash)
  return { uri, path: slash < 0 ? '/' : uri.slice(slash), query, authority }
}

/** `["a", "b"]` of `/a/b`; what does not begin with a slash has none. */
export function segmentsOf(path: string): string[] {
  return path.startsWith('/') ? path.slice(1).split('/', MOST_SEGMENTS) : []
}

/** The pairs of a query or an urlencoded form, decoded. */
export function readPairs(text: string): Pair[] {
  return text
    .split('&', MOST_PAIRS)
    .filter((each) => each !== '')
    .map((each) => {
      const equals = each.indexOf('=')
      if (equals < 0) return { name: decoded(each), value: '' }
      return { name: decoded(each.slice(0, equals)), value: decoded(each.slice(equals + 1)) }
    })
}

/** Name of a host without port and user; undefined when it is empty or too long to be one. */
export function hostOf(authority: string): string | undefined {
  const host = trimmed(authority, authority.lastIndexOf('@') + 1).replace(/:\d*$/, '')
  return host === '' || host.length > LONGEST_HOST ? undefined : host
}

/** `%41` is a byte, and `+` a space where `isForm`; what is no escape stays. Bytes are UTF-8 where they can be. */
export function decoded(text: string, isForm = true): string {
  const spaced = isForm && text.includes('+') ? text.replaceAll('+', ' ') : text
  if (!spaced.includes('%')) return spaced
  return spaced.replace(/(?:%[0-9a-f]{2})+/gi, (run) =>
    readable(Buffer.from(run.replaceAll('%', ''), 'hex').toString('latin1')),
  )
}

/** Further ones are not shown. */
const MOST_PAIRS = 1000
const MOST_SEGMENTS = 1000
/** Of a name in DNS. */
const LONGEST_HOST = 253
