import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, decodeBytes, encode } from '../wire/codec.ts'
import {
  type OpenPackets,
  type PacketPart,
  type PacketPlace,
  type PacketSpan,
  packetsOpened,
  packetsPart,
  type WantedStream,
} from '../wire/packets.ts'
import { SUBJECTS } from '../wire/subjects.ts'

/** The packets that a worker keeps, over the bus. */
export class WorkerPackets implements PacketPlace {
  readonly #bus: Bus
  readonly #node: string
  readonly #signal: AbortSignal

  constructor(bus: Bus, node: string, signal: AbortSignal) {
    this.#bus = bus
    this.#node = node
    this.#signal = signal
  }

  async open(streams: readonly WantedStream[]): Promise<OpenPackets> {
    const answer = decode(packetsOpened, await this.#ask({ ask: 'open', streams }))
    if (answer === undefined) throw this.#nonsense()
    const { id, ...found } = answer
    return { ...found, read: (span) => this.#read(id, span) }
  }

  async #read(id: string, { from, limit, snap }: PacketSpan): Promise<PacketPart> {
    const part = decodeBytes(packetsPart, await this.#ask({ ask: 'read', id, from, limit, snap }))
    if (part === undefined) throw this.#nonsense()
    const { records, next } = part.header
    // One that stays where it is would be asked for ever.
    if (next < from || (next === from && records.length > 0)) throw this.#nonsense()
    let at = 0
    const packets = records.map(([seconds, nanos, captured, length, interfaceId, size]) => {
      const bytes = part.bytes.subarray(at, at + size)
      at += size
      if (bytes.length !== size) throw this.#nonsense()
      return { bytes, captured, length, seconds, nanos, interfaceId }
    })
    return { packets, next }
  }

  #ask(question: object): Promise<Uint8Array> {
    const options = { timeoutMs: ANSWER_MS, signal: this.#signal }
    return this.#bus.request(SUBJECTS.packets(this.#node), encode(question), options)
  }

  #nonsense(): Mistake {
    return new Mistake('E_BUS_NO_ANSWER', `${this.#node} answered with what are no packets`)
  }
}

/** Long streams take a while to find. */
const ANSWER_MS = 20_000
