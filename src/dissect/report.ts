import type { CloseReason, Connection, End } from '../reassembly/connection.ts'

/** What is told of a conversation as a whole: when it has ended, and from time to time while it lasts. */
export interface ConversationReport {
  readonly connection: Connection
  /** The end that sends requests; −1 when nobody knows. */
  readonly client: End | -1
  /** `open`: told of for the first time while it lasts; `in_progress`: again. */
  readonly state: 'open' | 'in_progress' | 'closed'
  /** How it ended, or `capture-end` where nothing more will be told; undefined before that. */
  readonly reason: CloseReason | undefined
  /** Protocols that were recognised in it, as entries name them. */
  readonly detected: readonly string[]
  /** What has come since it was told of last. */
  readonly since: Traffic
  /** Takes the next ordinal among the entries of the conversation. */
  nextIndex(): number
}

/** Packets and payload bytes of both ends, over a time in seconds. */
export interface Traffic {
  readonly packets: readonly [number, number]
  readonly bytes: readonly [number, number]
  readonly seconds: number
}

/** Tells when a conversation is due to be told of, and what has come since the last time. */
export class ReportClock {
  #times = 0
  #seconds: number
  #nanos: number
  #packets: readonly [number, number] = [0, 0]
  #bytes: readonly [number, number] = [0, 0]

  constructor({ firstSeconds, firstNanos }: Connection) {
    this.#seconds = firstSeconds
    this.#nanos = firstNanos
  }

  /** Silence is told of when it ends. */
  isDue({ aPackets, bPackets }: Connection, seconds: number, every: number): boolean {
    return seconds - this.#seconds >= every && aPackets + bPackets > this.#packets[0] + this.#packets[1]
  }

  get isFirst(): boolean {
    return this.#times === 0
  }

  take({ aPackets, bPackets, aPayload, bPayload, seconds, nanos }: Connection): Traffic {
    const traffic: Traffic = {
      packets: [aPackets - this.#packets[0], bPackets - this.#packets[1]],
      bytes: [aPayload - this.#bytes[0], bPayload - this.#bytes[1]],
      seconds: Math.max(0, seconds - this.#seconds + (nanos - this.#nanos) / 1e9),
    }
    this.#times++
    this.#packets = [aPackets, bPackets]
    this.#bytes = [aPayload, bPayload]
    this.#seconds = seconds
    this.#nanos = nanos
    return traffic
  }
}
