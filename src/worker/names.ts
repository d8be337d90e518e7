import type { LearnedName } from './capture-messages.ts'

/** Names of addresses as DNS replies in the traffic gave them. The latest wins; the oldest go when there are too many. */
export class DnsNames {
  readonly #names = new Map<string, { readonly name: string; seconds: number }>()
  #new: LearnedName[] = []

  learn(seconds: number, ip: string, name: string): void {
    const known = this.#names.get(ip)
    if (known?.name === name) {
      known.seconds = Math.max(known.seconds, seconds)
      return
    }
    if (this.#new.length < MOST_NEW) this.#new.push({ seconds, ip, name })
    this.#names.delete(ip)
    this.#names.set(ip, { name, seconds })
    if (this.#names.size <= MOST_NAMES) return
    const [oldest] = this.#names
    if (oldest !== undefined) this.#names.delete(oldest[0])
  }

  /** What was learned since the last time. */
  takeNew(): readonly LearnedName[] {
    const names = this.#new
    this.#new = []
    return names
  }

  /** What was said before `sinceMs` (since the epoch) was said of another one with this address. */
  nameOf(ip: string, sinceMs = -Infinity): string | undefined {
    const known = this.#names.get(ip)
    return known === undefined || known.seconds * 1000 < sinceMs ? undefined : known.name
  }
}

const MOST_NEW = 1000
const MOST_NAMES = 50_000
