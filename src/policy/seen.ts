import type { Labels } from './flow.ts'

/** An entry as policies see it: who had opened the connection to whom. */
export interface SeenEntry {
  /** Identity of the entry. */
  readonly id: string
  /** ms since the epoch */
  readonly at: number
  readonly from: SeenEnd
  readonly to: SeenEnd
  /** `TCP`, `UDP`, `SCTP`, or another. */
  readonly protocol: string
  /** It tells of a connection as a whole, and is no request in it. */
  readonly isReport: boolean
}

/** Requests of a minute between the same two, at the same port. */
export interface SeenSum {
  readonly from: SeenEnd
  readonly to: SeenEnd
  readonly protocol: string
  requests: number
  /** ms since the epoch */
  firstAt: number
  lastAt: number
}

export interface SeenEnd {
  readonly address: string
  readonly port: number
  /** As the entry names it; absent where it names none. */
  readonly pod?: SeenPod | undefined
}

/** A pod as it was at the time of an entry. */
export interface SeenPod {
  readonly namespace: string
  readonly name: string
  readonly labels: Labels
  /** Where it ran, and the address of that; "" where nobody knows. */
  readonly node: string
  readonly hostAddress: string
}

/**
 * Reads entries in the order in which they came. The first one of a connection tells who opened it: what the server sends by
 * itself later, such as frames of a WebSocket, is of the same connection. Of the connections that are remembered the oldest
 * goes.
 */
export class SeenEntries {
  readonly #openers = new Map<string, string>()
  readonly #most: number

  constructor(most = MOST_CONNECTIONS) {
    this.#most = most
  }

  /** Undefined for what is no traffic between two addresses. */
  read(entry: unknown): SeenEntry | undefined {
    const { id, timestamp, src, dst, protocol } = fieldsOf(entry)
    const { layer4, macro } = fieldsOf(protocol)
    const [source, target] = [endOf(src), endOf(dst)]
    if (source === undefined || target === undefined || typeof timestamp !== 'number') return undefined
    const [from, to] = this.#byOpener(textOf(id).replace(/-\d+$/, ''), source, target)
    const transport = textOf(layer4).toUpperCase()
    return {
      id: textOf(id),
      at: timestamp,
      from,
      to,
      protocol: transport === '' ? 'ICMP' : transport,
      isReport: /_(conn|flow)$/.test(textOf(macro)),
    }
  }

  #byOpener(stream: string, source: SeenEnd, target: SeenEnd): readonly [SeenEnd, SeenEnd] {
    const name = ({ address, port }: SeenEnd) => `${address} ${port}`
    const opener = this.#openers.get(stream)
    if (opener === name(target) && opener !== name(source)) return [target, source]
    if (opener === undefined && stream !== '') {
      this.#openers.set(stream, name(source))
      const [oldest] = this.#openers.keys()
      if (this.#openers.size > this.#most && oldest !== undefined) this.#openers.delete(oldest)
    }
    return [source, target]
  }
}

/** Sums entries, by the minutes in which they were seen. What would be one connection too many is missed. */
export class SeenSums {
  readonly #sums = new Map<string, SeenSum>()
  missed = 0

  get all(): SeenSum[] {
    return [...this.#sums.values()]
  }

  add({ at, from, to, protocol, isReport }: SeenEntry): void {
    const requests = isReport ? 0 : 1
    const key = `${Math.floor(at / MINUTE_MS)} ${protocol} ${nameIn(from)} ${nameIn(to)} ${to.port}`
    const known = this.#sums.get(key)
    if (known !== undefined) {
      known.requests += requests
      known.firstAt = Math.min(known.firstAt, at)
      known.lastAt = Math.max(known.lastAt, at)
    } else if (this.#sums.size < MOST_SUMS)
      this.#sums.set(key, { from, to, protocol, requests, firstAt: at, lastAt: at })
    else this.missed++
  }
}

function nameIn({ address, pod }: SeenEnd): string {
  return pod === undefined ? address : `${address} ${pod.namespace}/${pod.name}`
}

function endOf(value: unknown): SeenEnd | undefined {
  const { ip, port, pod } = fieldsOf(value)
  if (typeof ip !== 'string' || ip === '') return undefined
  const known = podOf(pod)
  return { address: ip, port: Number(port) || 0, ...(known === undefined ? {} : { pod: known }) }
}

function podOf(value: unknown): SeenPod | undefined {
  const { metadata, spec, status } = fieldsOf(value)
  const { name, namespace, labels } = fieldsOf(metadata)
  if (textOf(name) === '') return undefined
  return {
    name: textOf(name),
    namespace: textOf(namespace),
    labels: Object.fromEntries(Object.entries(fieldsOf(labels)).map(([key, each]) => [key, textOf(each)])),
    node: textOf(fieldsOf(spec).nodeName),
    hostAddress: textOf(fieldsOf(status).hostIp),
  }
}

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {}
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

const MOST_CONNECTIONS = 100_000
const MOST_SUMS = 20_000
export const MINUTE_MS = 60_000
