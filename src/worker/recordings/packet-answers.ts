import { z } from 'zod'
import type { Bus } from '../../bus/bus.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { encodeChunk } from '../../wire/chunk.ts'
import { decode, encode } from '../../wire/codec.ts'
import {
  type RecordedAnswer,
  type RecordedNames,
  recordedRequest,
  recordingName,
} from '../../wire/recordings.ts'
import { SUBJECTS } from '../../wire/subjects.ts'
import { PacketIndex } from './packet-index.ts'

/** What of a recording hubs ask for, beside its entries. */
export interface Recorded {
  readonly packetsFolder: string
  names(): RecordedNames
}

export interface PacketAnswerOptions {
  readonly bus: Bus
  readonly node: string
  /** Undefined when there is nothing of it here. */
  readonly find: (name: string) => Recorded | undefined
}

/** Answers packets of recordings piece by piece, as they were when the first piece was asked for. */
export class PacketAnswers {
  readonly #options: PacketAnswerOptions
  readonly #sessions = new Map<string, Session>()
  readonly #stops: readonly (() => void)[]
  readonly #sweep: NodeJS.Timeout

  constructor(options: PacketAnswerOptions) {
    this.#options = options
    const { bus, node } = options
    this.#stops = [
      bus.respond(SUBJECTS.recordedPackets(node), (payload) => this.#packets(payload)),
      bus.respond(SUBJECTS.recordedNames(node), async (payload) => this.#names(payload)),
    ]
    this.#sweep = setInterval(
      () => this.#closeSome((usedAt) => performance.now() - usedAt > IDLE_MS),
      SWEEP_MS,
    )
  }

  close(): void {
    for (const stop of this.#stops) stop()
    clearInterval(this.#sweep)
    this.#closeSome(() => true)
  }

  async #packets(payload: Uint8Array): Promise<Uint8Array> {
    const { bus, node, find } = this.#options
    const request = decode(recordedRequest, payload)
    if (request === undefined) throw new Mistake('E_REQUEST', 'this is no request for packets')
    const { name, session, from, between } = request
    const folder = find(name)?.packetsFolder
    if (folder === undefined) return encodeChunk({ node, packets: 0, linkTypes: [], next: null }, NO_BYTES)
    const index = await this.#indexOf(session, { folder, from, between })
    const { bytes, next } = index.read(from, Math.min(bus.mostBytes - ROOM, PIECE_BYTES))
    const answer: RecordedAnswer = { node, packets: index.count, linkTypes: [...index.linkTypes], next }
    if (next === null) this.#close(session)
    return encodeChunk(answer, bytes)
  }

  async #indexOf(id: string, { folder, from, between }: Wanted): Promise<PacketIndex> {
    const known = this.#sessions.get(id)
    if (known !== undefined) {
      known.usedAt = performance.now()
      return known.index
    }
    if (from > 0)
      throw new Mistake('E_NOT_FOUND', 'the worker has lost its place in the packets of a recording')
    if (this.#sessions.size >= MOST_SESSIONS)
      throw new Mistake('E_CONFLICT', 'too many fetch packets of recordings at the same time')
    const index = await PacketIndex.open(folder, between && new Set(between))
    this.#sessions.set(id, { index, usedAt: performance.now() })
    return index
  }

  #names(payload: Uint8Array): Uint8Array {
    const name = decode(z.object({ name: recordingName }), payload)?.name
    return encode(this.#options.find(name ?? '')?.names() ?? {})
  }

  #closeSome(isOver: (usedAt: number) => boolean): void {
    for (const [id, { usedAt }] of this.#sessions) if (isOver(usedAt)) this.#close(id)
  }

  #close(id: string): void {
    this.#sessions.get(id)?.index.close()
    this.#sessions.delete(id)
  }
}

interface Wanted {
  readonly folder: string
  readonly from: number
  readonly between: readonly string[] | undefined
}

interface Session {
  readonly index: PacketIndex
  usedAt: number
}

const NO_BYTES = new Uint8Array()
const SWEEP_MS = 5000
/** Whoever fetches pieces is slow, or gone. */
const IDLE_MS = 60_000
const MOST_SESSIONS = 8
const PIECE_BYTES = 512 << 10
/** For the head. */
const ROOM = 64 << 10
