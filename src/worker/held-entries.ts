import type { Identities } from '../cluster/identities.ts'
import type { RelayedEvent } from '../dissect/relay.ts'
import type { Endpoint, Exchange } from '../entry/entry.ts'
import type { Packet } from '../packet/packet.ts'
import type { Connection } from '../reassembly/connection.ts'
import type { EventSink } from './pipeline.ts'

export interface HeldCounters {
  /** Entries that are held now. */
  readonly waiting: number
  /** That were held for longer since more might become known of their ends … */
  readonly waited: number
  /** … and those of which nothing did. */
  readonly inVain: number
  /** That could not be held: there were too many. */
  readonly hurried: number
  /** That the worker on another node has as well, as became known meanwhile: left out here. */
  readonly ofOtherNode: number
}

export interface HoldOptions {
  /** How long an entry waits until it is known who its ends are, ms. */
  readonly waitMs: number
  /** ms, of a clock that never goes back. */
  readonly now: () => number
  /** Whether another worker makes this entry, by what is known now. */
  readonly isOfOtherNode: (exchange: Exchange) => boolean
}

/**
 * Holds entries of pods of a live capture back until it is known who their ends are. What happens in a cluster is known some time
 * later: who is asked for at once may have given the address up, and who has it since then may not be known. So each such entry
 * waits for as long as news takes, and for longer while more may become known of one of its ends. Entries of one connection
 * stay in their order.
 */
export class HeldEntries implements EventSink {
  readonly #next: EventSink
  readonly #identities: Identities
  readonly #options: HoldOptions
  #settling: Held[] = []
  #first = 0
  #unsure: Held[] = []
  /** Addresses of which nothing became known when it was waited for, with the time, where they are those of pods by guess. */
  readonly #vain = new Map<string, number>()
  #bytes = 0
  #hasNews = false
  #waited = 0
  #inVain = 0
  #hurried = 0
  #ofOtherNode = 0

  constructor(next: EventSink, identities: Identities, options: HoldOptions) {
    this.#next = next
    this.#identities = identities
    this.#options = options
  }

  get bodies(): boolean {
    return this.#next.bodies
  }

  get packetsOnly(): boolean {
    return this.#next.packetsOnly
  }

  get counters(): HeldCounters {
    return {
      waiting: this.#held,
      waited: this.#waited,
      inVain: this.#inVain,
      hurried: this.#hurried,
      ofOtherNode: this.#ofOtherNode,
    }
  }

  packet(packet: Packet): void {
    this.#next.packet(packet)
  }

  relayed(connection: Connection, event: RelayedEvent): void {
    this.#next.relayed(connection, event)
  }

  item(exchange: Exchange): void {
    const { client, server } = exchange.stream
    const identities = this.#identities
    if (!identities.isOfPods(client.ip) && !identities.isOfPods(server.ip)) {
      this.#next.item(exchange)
      return
    }
    const bytes = exchange.requestSize + exchange.responseSize
    if (this.#held >= MOST_HELD || this.#bytes + bytes > MOST_BYTES) {
      this.#hurried++
      this.#next.item(exchange)
      return
    }
    this.#bytes += bytes
    this.#settling.push({ exchange, bytes, since: this.#options.now() })
  }

  /** Something has changed in the cluster. */
  hear(): void {
    this.#hasNews = true
  }

  /** Time has passed: lets go of what need not wait any more. False when there was none. */
  advance(): boolean {
    if (this.#held === 0) return false
    const now = this.#options.now()
    const before = this.#held
    this.#lookAgain(now)
    this.#settle(now)
    return this.#held < before
  }

  /** Lets go of all. */
  finish(): void {
    for (const held of this.#unsure) this.#pass(held)
    for (const held of this.#settling.slice(this.#first)) this.#pass(held)
    this.#unsure = []
    this.#settling = []
    this.#first = 0
  }

  get #held(): number {
    return this.#settling.length - this.#first + this.#unsure.length
  }

  #settle(now: number): void {
    const settleMs = Math.min(SETTLE_MS, this.#options.waitMs)
    for (let held = this.#settling[this.#first]; held !== undefined; held = this.#settling[this.#first]) {
      if (held.since + settleMs > now) break
      this.#first++
      if (this.#mayChange(held)) {
        this.#waited++
        this.#unsure.push(held)
      } else this.#pass(held)
    }
    if (this.#first < this.#settling.length && this.#first < MOST_GONE) return
    this.#settling = this.#settling.slice(this.#first)
    this.#first = 0
  }

  /** Those that wait longer: until something is known, or their time is over. */
  #lookAgain(now: number): void {
    const { waitMs } = this.#options
    const [oldest] = this.#unsure
    if (oldest === undefined || (!this.#hasNews && oldest.since + waitMs > now)) return
    const hasNews = this.#hasNews
    this.#hasNews = false
    this.#unsure = this.#unsure.filter((held) => {
      const isLate = held.since + waitMs <= now
      if (!isLate && (!hasNews || this.#mayChange(held))) return true
      if (isLate && this.#mayChange(held)) this.#noteVain(held, now)
      this.#pass(held)
      return false
    })
  }

  /** What is no pod, such as a database beside the cluster, need not be waited for each time. */
  #noteVain(held: Held, now: number): void {
    this.#inVain++
    for (const { ip } of this.#changing(held)) {
      if (this.#identities.isCertainlyOfPods(ip)) continue
      this.#vain.delete(ip)
      this.#vain.set(ip, now)
      const [oldest] = this.#vain
      if (this.#vain.size > MOST_VAIN && oldest !== undefined) this.#vain.delete(oldest[0])
    }
  }

  #mayChange(held: Held): boolean {
    return this.#changing(held).length > 0
  }

  /** Ends of which more may become known. */
  #changing({ exchange: { stream, seconds, nanos, dissector, variant } }: Held): Endpoint[] {
    const atMs = seconds * 1000 + Math.floor(nanos / 1e6)
    const layer4 = dissector.protocols[variant]?.layer4
    return [stream.client, stream.server].filter(
      ({ ip, port }) => this.#identities.mayChange(ip, port, atMs, layer4) && !this.#isVain(ip),
    )
  }

  #isVain(ip: string): boolean {
    const since = this.#vain.get(ip)
    return since !== undefined && this.#options.now() < since + VAIN_MS
  }

  #pass({ exchange, bytes }: Held): void {
    this.#bytes -= bytes
    if (this.#options.isOfOtherNode(exchange)) this.#ofOtherNode++
    else this.#next.item(exchange)
  }
}

interface Held {
  readonly exchange: Exchange
  readonly bytes: number
  readonly since: number
}

/** News of a cluster takes some tens of milliseconds from its API to a worker, and longer on busy machines. */
const SETTLE_MS = 250
const MOST_HELD = 20_000
const MOST_BYTES = 64 << 20
const MOST_GONE = 1024
const MOST_VAIN = 10_000
/** For so long an address is not waited for again. */
const VAIN_MS = 60_000
