import type { Counts } from './counts.ts'
import type { NatsLink } from './nats-link.ts'

/**
 * Messages on their way to the servers. While none can be reached a few are put by for a moment, so that a short outage
 * is not noticed; what is older is stale, and who listens would take it for news.
 */
export class NatsOutgoing {
  readonly #link: NatsLink
  readonly #counts: Counts
  readonly #stop: () => void
  #waiting: { readonly subject: string; readonly payload: Uint8Array; readonly at: number }[] = []
  #waitingBytes = 0
  /** Handed to the connection since the server has last said that it has everything. */
  #unsentBytes = 0
  #isFlushing = false

  constructor(link: NatsLink, counts: Counts) {
    this.#link = link
    this.#counts = counts
    this.#stop = link.onConnection((connected) => {
      if (connected) this.#sendWaiting()
    })
  }

  publish(subject: string, payload: Uint8Array): void {
    if (this.#link.connected) this.#send(subject, payload)
    else this.#putBy(subject, payload)
  }

  close(): void {
    this.#stop()
    this.#counts.add('not-connected', this.#waiting.length)
    this.#waiting = []
  }

  #putBy(subject: string, payload: Uint8Array): void {
    this.#waiting.push({ subject, payload: payload.slice(), at: performance.now() })
    this.#waitingBytes += payload.length
    let dropped = 0
    while (this.#waiting.length - dropped > MOST_WAITING || this.#waitingBytes > MOST_WAITING_BYTES)
      this.#waitingBytes -= this.#waiting[dropped++]?.payload.length ?? 0
    if (dropped === 0) return
    this.#waiting.splice(0, dropped)
    this.#counts.add('not-connected', dropped)
  }

  #sendWaiting(): void {
    const waiting = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    this.#unsentBytes = 0
    const oldest = performance.now() - LONGEST_WAIT_MS
    for (const { subject, payload, at } of waiting)
      if (at < oldest) this.#counts.add('not-connected')
      else this.#send(subject, payload)
  }

  #send(subject: string, payload: Uint8Array): void {
    // A server that does not read makes what is unsent grow in our memory.
    if (this.#unsentBytes > MOST_UNSENT_BYTES) this.#counts.add('behind')
    // The connection holds on to it until it is written, and the caller may use its buffer again.
    else if (this.#link.send(subject, payload.slice())) this.#unsentBytes += payload.length + subject.length
    else this.#counts.add('not-connected')
    if (this.#unsentBytes > FLUSH_BYTES && !this.#isFlushing) this.#flush()
  }

  #flush(): void {
    const bytes = this.#unsentBytes
    this.#isFlushing = true
    this.#link
      .flush()
      .then(() => {
        this.#unsentBytes = Math.max(this.#unsentBytes - bytes, 0)
      })
      // The connection was lost, and what was unsent with it.
      .catch(() => {
        this.#unsentBytes = 0
      })
      .finally(() => {
        this.#isFlushing = false
      })
  }
}

const MOST_WAITING = 1000
const MOST_WAITING_BYTES = 4 << 20
const LONGEST_WAIT_MS = 2000
const FLUSH_BYTES = 256 << 10
const MOST_UNSENT_BYTES = 32 << 20
