/** One end of what is summed: by its name in its namespace, or by its address where it has none. */
export interface End {
  readonly name: string
  readonly namespace: string
  /** Of a named one the first that was seen. */
  readonly ip: string
}

/** How a protocol is called and drawn, as its entries say. */
export interface Badge {
  readonly abbr: string
  readonly backgroundColor: string
  readonly foregroundColor: string
}

/** What an entry adds to a map of services. */
export interface Call {
  /** The same for all that go between the same two in the same protocol. */
  readonly key: string
  readonly source: End
  readonly destination: End
  readonly protocol: Badge
  /** 0 for what only tells that the two are connected. */
  readonly count: 0 | 1
  readonly isError: boolean
  /** µs from the request to its reply; undefined without one. */
  readonly latencyUs: number | undefined
  readonly bytesOut: number
  readonly bytesIn: number
}

/**
 * What an entry tells of who talks to whom; undefined of one that counts what others have counted: flows, packets of a
 * connection, and connections in which messages were read.
 */
export function callOf(entry: unknown): Call | undefined {
  const whole = record(entry)
  const protocol = record(whole.protocol)
  const macro = text(protocol.macro)
  if (PIECES.has(macro)) return undefined
  if (macro === 'tcp_conn' || macro === 'udp_conn') return connectionOf(whole, protocol)
  const { elapsedTime } = whole
  const hasReply = whole.response !== null && whole.response !== undefined && whole.request !== null
  return {
    ...between(whole, protocol),
    count: 1,
    isError: isError(whole, text(protocol.name)),
    latencyUs: hasReply && typeof elapsedTime === 'number' && elapsedTime >= 0 ? elapsedTime : undefined,
    bytesOut: amount(whole.requestSize),
    bytesIn: amount(whole.responseSize),
  }
}

/** One in which nothing was recognised; its bytes count when it has ended, since until then they are told again and again. */
function connectionOf(whole: Fields, protocol: Fields): Call | undefined {
  const data = record(whole.data)
  const { l7Detected } = data
  if (Array.isArray(l7Detected) && l7Detected.length > 0) return undefined
  const hasEnded = data.state === 'closed'
  return {
    ...between(whole, protocol),
    count: hasEnded ? 1 : 0,
    isError: hasEnded && FAILED_CONNECTIONS.has(text(data.reason)),
    latencyUs: undefined,
    bytesOut: hasEnded ? amount(data.localBytes) : 0,
    bytesIn: hasEnded ? amount(data.remoteBytes) : 0,
  }
}

function between(whole: Fields, protocol: Fields) {
  const source = endOf(whole.src)
  const destination = endOf(whole.dst)
  const badge: Badge = {
    abbr: text(protocol.abbr) || text(protocol.name) || '?',
    backgroundColor: text(protocol.backgroundColor),
    foregroundColor: text(protocol.foregroundColor),
  }
  return { key: callKey(source, destination, badge.abbr), source, destination, protocol: badge }
}

/** Of all that goes from one to another in a protocol. */
export function callKey(source: End, destination: End, abbr: string): string {
  return `${endKey(source)}\0${endKey(destination)}\0${abbr}`
}

/** What tells ends apart. */
export function endKey({ name, namespace, ip }: End): string {
  return name === '' ? `\x01${ip}` : `${namespace}\x01${name}`
}

function endOf(value: unknown): End {
  const { name, namespace, ip } = record(value)
  // Who was asked for by an address has no name.
  return { name: name === ip ? '' : text(name), namespace: text(namespace), ip: text(ip) }
}

/** The other side could not do, or did not answer; that the monitor missed something is no error of theirs. */
function isError(whole: Fields, protocol: string): boolean {
  const error = record(whole.error)
  if (error.type === 'connection' || error.type === 'timeout') return true
  const response = record(whole.response)
  if (response.success === false) return true
  return FAILURES[protocol]?.(response) === true
}

const FAILURES: Readonly<Record<string, (response: Fields) => boolean>> = {
  http: ({ status, grpcStatus }) => amount(status) >= 500 || amount(grpcStatus) > 0,
  dns: ({ code }) => typeof code === 'string' && code !== '' && !ANSWERS_OF_DNS.has(code),
  redis: ({ type }) => type === 'Error',
  kafka: ({ errorCode }) => amount(errorCode) !== 0,
  ldap: ({ resultCode }) => amount(resultCode) > 0 && !PROGRESS_OF_LDAP.has(amount(resultCode)),
  diameter: ({ resultCode }) => amount(resultCode) >= 3000,
  radius: ({ codeName }) => codeName === 'Access-Reject',
  mqtt: ({ reasonCode }) => amount(reasonCode) >= 128,
}
/** That there is no such name is an answer. */
const ANSWERS_OF_DNS: ReadonlySet<string> = new Set(['No Error', 'Non-Existent Domain'])
/** compareFalse, compareTrue, referral, saslBindInProgress (RFC 4511 §4.1.9). */
const PROGRESS_OF_LDAP: ReadonlySet<number> = new Set([5, 6, 10, 14])
const PIECES: ReadonlySet<string> = new Set(['tcp_flow', 'udp_flow', 'tcp', 'udp'])
const FAILED_CONNECTIONS: ReadonlySet<string> = new Set(['reset', 'refused'])

interface Fields {
  readonly [name: string]: unknown
}

const NONE: Fields = {}

function record(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : NONE
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}
