import type { HandshakeTimes } from './protocols.ts'

/** How long the latest handshakes with each server took. */
export class Handshakes {
  /** By server, the one heard of longest ago first. */
  readonly #servers = new Map<string, ServerTimes>()

  /** Of a connection again and again the same; 0 is none. */
  note(server: string, connection: number, micros: number): void {
    if (micros <= 0) return
    const times = this.#servers.get(server) ?? new ServerTimes()
    this.#servers.delete(server)
    this.#servers.set(server, times)
    times.note(connection, micros)
    if (this.#servers.size <= MOST_SERVERS) return
    const [oldest = ''] = this.#servers.keys()
    this.#servers.delete(oldest)
  }

  of(server: string): HandshakeTimes {
    const times = this.#servers.get(server)
    return {
      tcp_handshake_p50_us: times?.quantile(0.5) ?? 0,
      tcp_handshake_p90_us: times?.quantile(0.9) ?? 0,
      tcp_handshake_p99_us: times?.quantile(0.99) ?? 0,
    }
  }
}

class ServerTimes {
  /** µs by number of the connection, the oldest first; and in order, as each entry of a flow asks for quantiles. */
  readonly #byConnection = new Map<number, number>()
  readonly #sorted: number[] = []

  note(connection: number, micros: number): void {
    if (this.#byConnection.has(connection)) return
    this.#byConnection.set(connection, micros)
    this.#sorted.splice(this.#placeOf(micros), 0, micros)
    if (this.#sorted.length <= MOST_TIMES) return
    const [oldest = [0, 0]] = this.#byConnection
    this.#byConnection.delete(oldest[0])
    this.#sorted.splice(this.#placeOf(oldest[1]), 1)
  }

  /** The nearest rank: the smallest that so many are not above. */
  quantile(part: number): number {
    return Math.round(this.#sorted[Math.max(0, Math.ceil(part * this.#sorted.length) - 1)] ?? 0)
  }

  /** Of the first one that is not smaller. */
  #placeOf(micros: number): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#sorted[middle] as number) < micros) low = middle + 1
      else high = middle
    }
    return low
  }
}

const MOST_SERVERS = 10_000
const MOST_TIMES = 128
