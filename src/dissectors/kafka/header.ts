import { i32, u16 } from '../../bytes/read.ts'
import { endOfCharacters } from '../../bytes/text.ts'
import { API_VERSIONS, type Api, apiOf, CONTROLLED_SHUTDOWN } from './apis.ts'
import { eachTagged } from './payload.ts'
import { textOf, Wire } from './wire.ts'

/** What a request begins with (RequestHeader.json). */
export interface RequestHeader {
  readonly apiKey: number
  readonly apiVersion: number
  readonly correlationId: number
  /** Of a long one the beginning: many requests may wait for replies. */
  readonly clientId: string
  /** Undefined where the key is not known. */
  readonly api: Api | undefined
}

/** Reads a header, the length before it included. `incomplete` when it is not all here; undefined when it is none. */
export function readHeader(
  bytes: Uint8Array,
  start: number,
  end: number,
): RequestHeader | 'incomplete' | undefined {
  if (end - start < SHORTEST_HEADER) return 'incomplete'
  const size = i32(bytes, start)
  const apiKey = u16(bytes, start + 4)
  const apiVersion = u16(bytes, start + 6)
  const correlationId = i32(bytes, start + 8)
  if (size < SHORTEST_HEADER - 4 || apiKey > HIGHEST_KEY || apiVersion > HIGHEST_VERSION) return undefined
  const api = apiOf(apiKey)
  if (apiKey === CONTROLLED_SHUTDOWN && apiVersion === 0)
    return { apiKey, apiVersion, correlationId, clientId: '', api }
  const name = start + SHORTEST_HEADER + 2
  if (end < name) return 'incomplete'
  const length = (u16(bytes, name - 2) << 16) >> 16
  const nameEnd = name + Math.max(length, 0)
  if (length < -1 || nameEnd > start + 4 + size) return undefined
  if (end < nameEnd) return 'incomplete'
  const cut = name + MOST_OF_NAME
  const shown = nameEnd > cut ? endOfCharacters(bytes, name, cut) : nameEnd
  return { apiKey, apiVersion, correlationId, clientId: textOf(bytes, name, shown), api }
}

/**
 * What a request of a known kind has, in a version that there is or soon will be, from a client whose name can be
 * read.
 */
export function looksLikeRequest({ api, apiVersion, correlationId, clientId }: RequestHeader): boolean {
  if (api === undefined || apiVersion > api.newest + NEWER || correlationId < 0) return false
  return clientId.length <= LONGEST_NAME && !NOT_PRINTABLE.test(clientId)
}

/** Where the content of a request begins, given its bytes from the length on. */
export function requestContent(bytes: Uint8Array, size: number, header: RequestHeader): Wire {
  return requestContentAt(bytes, 0, bytes.length, 4 + size, header)
}

/** The same in bytes of which `[start, end)` are of a request that goes to `limit`. */
export function requestContentAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  limit: number,
  { apiKey, apiVersion, api }: RequestHeader,
): Wire {
  const wire = new Wire(bytes, start + SHORTEST_HEADER, end, limit)
  if (apiKey === CONTROLLED_SHUTDOWN && apiVersion === 0) return wire
  // Not compact in flexible versions either (KIP-482).
  wire.skip(Math.max(wire.stringLength(false), 0))
  if (api?.isFlexible(apiVersion)) skipTags(wire)
  return wire
}

/**
 * Where the content of a reply begins. ApiVersions has the header of old in all versions, as who asks for versions
 * does not know yet what it will be answered by (KIP-511).
 */
export function responseContent(bytes: Uint8Array, size: number, api: Api, version: number): Wire {
  const wire = new Wire(bytes, RESPONSE_HEADER, bytes.length, 4 + size)
  if (api.key !== API_VERSIONS && api.isFlexible(version)) skipTags(wire)
  return wire
}

function skipTags(wire: Wire): void {
  eachTagged(wire, NO_TAGS, () => {})
}

const NO_TAGS = new Map()
/** Length, key, version, correlation id. */
export const SHORTEST_HEADER = 12
/** Length, correlation id. */
export const RESPONSE_HEADER = 8
/** Vendors number their own requests from 10,000 on. */
const HIGHEST_KEY = 20_000
const HIGHEST_VERSION = 100
/** Versions by which others may be ahead of the tables here. */
const NEWER = 2
const LONGEST_NAME = 256
/** Bytes of a name that are read: so many that one which is longer still is seen to be. */
const MOST_OF_NAME = 512
const NOT_PRINTABLE = /[\p{Cc}\ufffd]/u
