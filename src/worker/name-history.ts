import type { NamedSince } from '../cluster/identities.ts'
import type { NameHistory } from '../helpers/helper.ts'

/** Which names addresses had, and since when: what DNS said in the traffic, and what the cluster says. */
export class NamesSince {
  readonly #learned = new Map<string, Record<string, { FullAddress: string; Namespace: string }>>()
  #known: () => Iterable<NamedSince> = () => []

  /** A reply of DNS has named an address. */
  learn(seconds: number, address: string, name: string): void {
    const key = String(Math.floor(seconds))
    const names = this.#learned.get(key) ?? {}
    names[address] = { FullAddress: name, Namespace: '' }
    this.#learned.set(key, names)
    const [oldest] = this.#learned
    if (this.#learned.size > MOST_LEARNED && oldest !== undefined) this.#learned.delete(oldest[0])
  }

  /** Who has which address in the cluster. */
  know(known: () => Iterable<NamedSince>): void {
    this.#known = known
  }

  /** UNIX seconds of changes → address or address:port → name (agent-api §4.7). What the cluster says goes before DNS. */
  history(): NameHistory {
    const history = new Map([...this.#learned].map(([key, names]) => [key, { ...names }]))
    const known = [...this.#known()].sort((a, b) => b.since - a.since).slice(0, MOST_KNOWN)
    for (const { since, address, name, namespace } of known) {
      const key = String(Math.floor(since / 1000))
      const names = history.get(key) ?? {}
      names[address] = {
        FullAddress: namespace === '' ? name : `${name}.${namespace}`,
        Namespace: namespace,
      }
      history.set(key, names)
    }
    return Object.fromEntries(history)
  }
}

/** Seconds in which something was learned. */
const MOST_LEARNED = 1000
/** Newest ones: some 100 bytes each. */
const MOST_KNOWN = 50_000
