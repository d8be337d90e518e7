import type { Dissector, Summary } from '../dissect/dissector.ts'
import type { Identity } from './identity.ts'
import type { Process } from './process.ts'
import type { Protocol } from './protocol.ts'

/** A request and its reply, or one of them, or an item of its own, as the pairing found it. */
export interface Exchange {
  readonly dissector: EntryProtocol
  /** Index into `dissector.protocols`. */
  readonly variant: number
  /** The conversation it was seen in. */
  readonly stream: StreamInfo
  /** Ordinal within the stream. */
  readonly index: number
  readonly request: object | null
  readonly response: object | null
  readonly data: object | null
  readonly requestSize: number
  readonly responseSize: number
  /** When the first byte came … */
  readonly seconds: number
  readonly nanos: number
  /** … and µs from there to the end of the reply. */
  readonly elapsedTime: number
  readonly error: { readonly type: ErrorType; readonly msg: string } | null
  readonly matcherKey: string
}

export type ErrorType = 'dissection' | 'connection' | 'timeout' | 'pair-not-found'

/** The part of a dissector that entries need; items without request and reply have only this. */
export type EntryProtocol = Pick<Dissector, 'name' | 'protocols' | 'request' | 'response' | 'data'> & {
  summarize(request: never, response: never, data: never): Summary
  isOurs?(request: never): boolean
  authority?(request: never): string | undefined
  names?(response: never): readonly { readonly ip: string; readonly name: string }[]
}

export interface StreamInfo {
  /** 000000000042.pcap */
  readonly name: string
  readonly client: Endpoint
  readonly server: Endpoint
  readonly vlan: number
  readonly interfaceName: string
}

export interface Endpoint {
  readonly ip: string
  readonly port: string
}

/** What all entries of a run have in common. */
export interface EntryOrigin {
  /** ip:port of this worker. */
  readonly worker: string
  readonly node: { readonly ip: string; readonly name: string }
  /** pcap or af_packet. */
  readonly backend: string
  /** Name of an address, from DNS replies seen earlier. */
  nameOf(ip: string): string | undefined
  /** Who had an address and port at a time in ms since the epoch, as a cluster says; absent where there is none. */
  readonly identityOf?:
    | ((ip: string, port: string, atMs: number, layer4: Protocol['layer4']) => Identity | undefined)
    | undefined
  /** Whether more may become known of who that was. */
  readonly mayChange?:
    | ((ip: string, port: string, atMs: number, layer4: Protocol['layer4']) => boolean)
    | undefined
  /** The process of this machine that has the end of a connection; absent where nobody looks. */
  readonly processOf?: ((end: Endpoint, peer: Endpoint) => Process | undefined) | undefined
}

/**
 * An entry as agents see it (`data`), computed on demand: only what somebody reads costs anything. Its fields are
 * those of `schema.ts`.
 */
export class Entry {
  readonly #exchange: Exchange
  readonly #origin: EntryOrigin

  constructor(exchange: Exchange, origin: EntryOrigin) {
    this.#exchange = exchange
    this.#origin = origin
  }

  get id() {
    return `${this.#origin.worker}/${this.#exchange.stream.name}-${this.#exchange.index}`
  }
  get index() {
    return this.#exchange.index
  }
  get stream() {
    return this.#exchange.stream.name
  }
  get worker() {
    return this.#origin.worker
  }
  get node() {
    return this.#origin.node
  }
  get protocol(): Protocol {
    return this.#exchange.dissector.protocols[this.#exchange.variant] as Protocol
  }
  get src() {
    const { client, server } = this.#exchange.stream
    return this.#endpoint(client, server, undefined)
  }
  get dst() {
    const { request, dissector, stream } = this.#exchange
    const authority = request === null ? undefined : dissector.authority?.(request as never)
    return this.#endpoint(stream.server, stream.client, authority)
  }
  get timestamp() {
    return this.#exchange.seconds * 1000 + Math.floor(this.#exchange.nanos / 1e6)
  }
  get startTime() {
    return rfc3339(this.#exchange.seconds, this.#exchange.nanos)
  }
  get request() {
    return this.#exchange.request
  }
  get response() {
    return this.#exchange.response
  }
  get data() {
    return this.#exchange.data
  }
  get requestSize() {
    return this.#exchange.requestSize
  }
  get responseSize() {
    return this.#exchange.responseSize
  }
  get size() {
    return this.#exchange.requestSize + this.#exchange.responseSize
  }
  get elapsedTime() {
    return this.#exchange.elapsedTime
  }
  get error() {
    return this.#exchange.error
  }
  get entryFile() {
    return `${this.#exchange.stream.name.replaceAll('.', '_')}-${this.#exchange.index}_entry.json`
  }
  get base(): Summary {
    const { dissector, request, response, data } = this.#exchange
    return dissector.summarize(request as never, response as never, data as never)
  }
  get capture() {
    const { vlan, interfaceName } = this.#exchange.stream
    return {
      backend: this.#origin.backend,
      source: interfaceName,
      vlan: { id: Math.max(vlan, 0), dot1q: vlan >= 0 },
    }
  }
  get captureSource() {
    return this.#origin.backend === 'af_packet' ? 1 : 0
  }
  get matcherKey() {
    return this.#exchange.matcherKey
  }

  /**
   * The best name there is, in the order of trust: what the cluster says, what DNS said, what the request asked for, and who
   * has the socket.
   */
  #endpoint(end: Endpoint, peer: Endpoint, authority: string | undefined) {
    const { identityOf, processOf } = this.#origin
    const identity = identityOf?.(end.ip, end.port, this.timestamp, this.protocol.layer4)
    const process = processOf?.(end, peer)
    const { ip, port } = end
    if (identity !== undefined) return knownEnd(ip, port, identity, identity.mechanism, process)
    const dnsName = this.#origin.nameOf(ip)
    const name = dnsName ?? authority ?? ''
    const mechanism = dnsName !== undefined ? 'dns' : authority !== undefined ? 'http-header' : 'none'
    if (process === undefined) return { ip, port, name, namespace: '', resolutionMechanism: mechanism }
    if (name !== '' || process.owner === undefined)
      return knownEnd(ip, port, { ...NOBODY, name }, mechanism, process)
    return knownEnd(ip, port, process.owner, 'container-id', process)
  }
}

function knownEnd(
  ip: string,
  port: string,
  { name, namespace, pod, endpointSlice, service, workload, nodeName }: Omit<Identity, 'mechanism'>,
  resolutionMechanism: string,
  process: Process | undefined,
) {
  return {
    ...{ ip, port, name, namespace, pod, endpointSlice, service, workload, nodeName },
    cgroupId: process?.cgroupId ?? '',
    containerId: process?.containerId ?? '',
    socketId: process?.socketId ?? '',
    processId: process?.processId ?? 0,
    parentProcessId: process?.parentProcessId ?? 0,
    hostProcessId: process?.hostProcessId ?? 0,
    hostParentProcessId: process?.hostParentProcessId ?? 0,
    processName: process?.processName ?? '',
    processPath: process?.processPath ?? '',
    resolutionMechanism,
  }
}

const NOBODY: Omit<Identity, 'mechanism'> = {
  name: '',
  namespace: '',
  pod: null,
  service: null,
  endpointSlice: null,
  workload: null,
  nodeName: '',
}

/** `2026-01-01T00:00:00.123456789Z`; the text of a second is kept, since the next entry is likely in the same. */
export function rfc3339(seconds: number, nanos: number): string {
  if (seconds !== lastSecond.seconds) {
    lastSecond.seconds = seconds
    lastSecond.text =
      Math.abs(seconds) <= MOST_SECONDS
        ? new Date(seconds * 1000).toISOString().slice(0, -4)
        : '0000-00-00T00:00:00.'
  }
  return `${lastSecond.text}${String(nanos).padStart(9, '0')}Z`
}

const lastSecond = { seconds: Number.NaN, text: '' }
/** Beyond it `Date` gives up (ECMA-262 §21.4.1.1). */
const MOST_SECONDS = 8.64e12
