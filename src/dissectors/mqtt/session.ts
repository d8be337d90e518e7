import type { Side } from '../../dissect/dissector.ts'

/** What both sides of a connection know of each other. */
export class Session {
  /** 3, 4 or 5, as CONNECT says; 0 while it was not seen. */
  version = 0
  /** It is version 5; undefined while nobody knows. */
  isFive: boolean | undefined
  /** Topics by their aliases, which each side gives for itself. MQTT 5 §3.3.2.3.4 */
  readonly #aliases: Readonly<Record<Side, Map<number, string>>> = { client: new Map(), server: new Map() }
  /** PINGREQs sent, and answered: they have no ids. */
  readonly #pings = { asked: 0, answered: 0 }
  /** Something was lost: it is the last PINGREQ that is answered rather than the next. */
  #isShaky = false

  /** Bytes that are kept of requests without an answer yet, by their ids. */
  readonly #waiting = new Map<string, number>()
  #kept = 0

  begin(version: number): void {
    this.version = version
    this.isFive = version === 5
    this.#aliases.client.clear()
    this.#aliases.server.clear()
  }

  /** A packet that only one of the two can have sent. */
  learn(isFive: boolean): void {
    this.isFive = isFive
    if (isFive) this.version = 5
  }

  /** The topic that an alias stands for, "" when nobody knows; from now on it is `topic`, if that is not "". */
  topicOf(side: Side, topic: string, alias: number): string {
    const aliases = this.#aliases[side]
    if (topic === '') return aliases.get(alias) ?? ''
    aliases.delete(alias)
    if (aliases.size < MOST_ALIASES && topic.length <= LONGEST_TOPIC) aliases.set(alias, topic)
    return topic
  }

  /** Bytes that may still be kept of packets: those that nobody answers add up. */
  get room(): number {
    return Math.max(0, MOST_KEPT - this.#kept)
  }

  asks(id: string, kept: number): void {
    this.answers(id)
    this.#waiting.set(id, kept)
    this.#kept += kept
    const [oldest] = this.#waiting.keys()
    if (this.#waiting.size > MOST_WAITING && oldest !== undefined) this.answers(oldest)
  }

  answers(id: string): void {
    this.#kept -= this.#waiting.get(id) ?? 0
    this.#waiting.delete(id)
  }

  asksPing(): string {
    return `PINGREQ ${++this.#pings.asked}`
  }

  answersPing(): string {
    const pings = this.#pings
    pings.answered = this.#isShaky ? pings.asked : Math.min(pings.answered + 1, pings.asked)
    return `PINGREQ ${pings.answered}`
  }

  /** Something that this side sent was lost: it may have given other topics to its aliases. */
  lost(side: Side): void {
    this.#aliases[side].clear()
    this.#isShaky = true
  }
}

/** Aliases of a side that are known at once, and characters of the topics that they stand for. */
const MOST_ALIASES = 1024
const LONGEST_TOPIC = 8192
/** Requests that wait for answers, as the engine has it, and bytes kept of them. */
const MOST_WAITING = 16384
const MOST_KEPT = 16 << 20
