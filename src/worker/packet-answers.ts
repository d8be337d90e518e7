import { randomUUID } from 'node:crypto'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, encode, encodeBytes } from '../wire/codec.ts'
import {
  type OpenPackets,
  type PacketPlace,
  packetsRequest,
  type ReadRequest,
  type WantedStream,
} from '../wire/packets.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface PacketAnswerOptions {
  readonly bus: Bus
  readonly node: string
  /** Undefined when this worker keeps no packets. */
  readonly packets: PacketPlace | undefined
}

/** Answers hubs that want packets of this worker. Answers how to stop. */
export function answerPackets(options: PacketAnswerOptions): () => void {
  const answers = new PacketAnswers(options)
  return options.bus.respond(SUBJECTS.packets(options.node), (payload) => answers.answer(payload))
}

class PacketAnswers {
  readonly #options: PacketAnswerOptions
  /** What hubs read at the moment, who came last at the end. */
  readonly #open = new Map<string, OpenPackets>()

  constructor(options: PacketAnswerOptions) {
    this.#options = options
  }

  async answer(payload: Uint8Array): Promise<Uint8Array> {
    const request = decode(packetsRequest, payload)
    if (request === undefined) throw new Mistake('E_REQUEST', 'this asks for no packets')
    return request.ask === 'open' ? this.#find(request.streams) : this.#read(request)
  }

  async #find(streams: readonly WantedStream[]): Promise<Uint8Array> {
    const { node, packets } = this.#options
    if (packets === undefined)
      throw new Mistake('E_NOT_FOUND', `${node} keeps no packets`, {
        hint: 'Set tap.capture.raw.enabled; packets that come from then on are kept.',
      })
    const { read, ...found } = await packets.open(streams)
    const id = randomUUID()
    this.#keep(id, { ...found, read })
    return encode({ ...found, id })
  }

  async #read({ id, from, limit, snap }: ReadRequest): Promise<Uint8Array> {
    const open = this.#open.get(id)
    if (open === undefined)
      throw new Mistake('E_NOT_FOUND', 'these packets were not asked for lately: too many others were since')
    this.#keep(id, open)
    const mostBytes = this.#options.bus.mostBytes - ROOM
    const { packets, next } = await open.read({
      from,
      limit: Math.min(limit, MOST_RECORDS),
      snap: Math.min(snap, mostBytes),
      mostBytes,
    })
    const records = packets.map(({ seconds, nanos, captured, length, interfaceId, bytes }) => [
      ...[seconds, nanos, captured, length, interfaceId, bytes.length],
    ])
    return encodeBytes(
      { next, records },
      packets.map(({ bytes }) => bytes),
    )
  }

  #keep(id: string, open: OpenPackets): void {
    this.#open.delete(id)
    this.#open.set(id, open)
    const [oldest] = this.#open.keys()
    if (this.#open.size > MOST_OPEN && oldest !== undefined) this.#open.delete(oldest)
  }
}

/** Who comes back for more than so many others have come meanwhile begins anew. */
const MOST_OPEN = 16
/** Their numbers have to fit beside their bytes. */
const MOST_RECORDS = 2000
const ROOM = 256 << 10
