import type { LearnedName } from './capture-messages.ts'

/** Names of addresses as DNS replies in the traffic gave them. The latest wins; the oldest go when there are too many. */
export class DnsNames {
  readonly #names = new Map<string, string>()
  #new: LearnedName[] = []

  learn(seconds: number, ip: string, name: string): void {
    if (this.#names.get(ip) === name) return
    if (this.#new.length < MOST_NEW) this.#new.push({ seconds, ip, name })
    this.#names.delete(ip)
    this.#names.set(ip, name)
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

  nameOf(ip: string): string | undefined {
    return this.#names.get(ip)
  }
}

const MOST_NEW = 1000
const MOST_NAMES = 50_000
