import type { HandshakeTimes } from './protocols.ts'

/** How long the latest handshakes with each server took. */
export class Handshakes {
  /** By server, the one heard of longest ago first; µs by number of the connection. */
  readonly #times = new Map<string, Map<number, number>>()

  /** Of a connection again and again the same; 0 is none. */
  note(server: string, connection: number, micros: number): void {
    if (micros <= 0) return
    const times = this.#times.get(server) ?? new Map<number, number>()
    this.#times.delete(server)
    this.#times.set(server, times)
    times.set(connection, micros)
    forgetBeyond(times, MOST_TIMES)
    forgetBeyond(this.#times, MOST_SERVERS)
  }

  of(server: string): HandshakeTimes {
    const times = [...(this.#times.get(server)?.values() ?? [])].sort((a, b) => a - b)
    // The nearest rank: the smallest that so many are not above.
    const quantile = (part: number) => Math.round(times[Math.max(0, Math.ceil(part * times.length) - 1)] ?? 0)
    return {
      tcp_handshake_p50_us: quantile(0.5),
      tcp_handshake_p90_us: quantile(0.9),
      tcp_handshake_p99_us: quantile(0.99),
    }
  }
}

function forgetBeyond<Key>(map: Map<Key, unknown>, most: number): void {
  if (map.size <= most) return
  const [oldest] = map.keys()
  map.delete(oldest as Key)
}

const MOST_SERVERS = 10_000
const MOST_TIMES = 128
