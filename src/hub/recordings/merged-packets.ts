import type { Bus } from '../../bus/bus.ts'
import { captureWriter } from '../../capture/pcap-writer.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { decodeChunk } from '../../wire/chunk.ts'
import { encode } from '../../wire/codec.ts'
import { type PacketRecord, readPackets } from '../../wire/packet-records.ts'
import { type RecordedAnswer, recordedAnswer } from '../../wire/recordings.ts'
import { SUBJECTS } from '../../wire/subjects.ts'

export interface PacketsAsked {
  readonly bus: Pick<Bus, 'request'>
  readonly name: string
  /** Of this download. */
  readonly session: string
  readonly signal: AbortSignal
  /** Only those between these ends (`endsText`). */
  readonly between?: readonly string[]
}

/** A capture file of the packets of workers, in order of time. */
export interface MergedPackets {
  readonly extension: 'pcap' | 'pcapng'
  /** Rejects when a worker does not answer any more. */
  readonly bytes: AsyncIterable<Uint8Array>
}

export function mergePackets(workers: readonly RecordedPackets[]): MergedPackets {
  const linkTypes = [...new Set(workers.flatMap((worker) => worker.linkTypes))].sort((a, b) => a - b)
  const writer = captureWriter(linkTypes.map((linkType) => ({ name: '', linkType, snapLength: 0 })))
  const write = (packet: PacketRecord) =>
    writer.record({ ...packet, interfaceId: linkTypes.indexOf(packet.linkType) })
  return { extension: writer.extension, bytes: inPieces(writer.head(), merged(workers), write) }
}

async function* inPieces(
  head: Uint8Array,
  packets: AsyncIterable<PacketRecord>,
  write: (packet: PacketRecord) => Uint8Array,
): AsyncGenerator<Uint8Array> {
  let pieces = [head]
  let bytes = head.length
  for await (const packet of packets) {
    const record = write(packet)
    pieces.push(record)
    bytes += record.length
    if (bytes < PIECE_BYTES) continue
    yield Buffer.concat(pieces)
    pieces = []
    bytes = 0
  }
  if (bytes > 0) yield Buffer.concat(pieces)
}

/** In order of time. */
export async function* merged(workers: readonly RecordedPackets[]): AsyncGenerator<PacketRecord> {
  for (;;) {
    let first: RecordedPackets | undefined
    for (const worker of workers)
      if (worker.head !== undefined && (first?.head === undefined || isBefore(worker.head, first.head)))
        first = worker
    if (first?.head === undefined) return
    yield first.head
    first.take()
    if (first.head === undefined) await first.more()
  }
}

function isBefore(a: PacketRecord, b: PacketRecord): boolean {
  return a.seconds < b.seconds || (a.seconds === b.seconds && a.nanos < b.nanos)
}

/** The packets of one worker, fetched as they are taken. */
export class RecordedPackets {
  readonly node: string
  readonly #asked: PacketsAsked
  #answer: RecordedAnswer = { node: '', packets: 0, linkTypes: [], next: 0 }
  #packets: readonly PacketRecord[] = []
  #taken = 0

  /** Rejects with `E_BUS_NO_ANSWER` when it does not answer. */
  static async open(node: string, asked: PacketsAsked): Promise<RecordedPackets> {
    const worker = new RecordedPackets(node, asked)
    await worker.more()
    return worker
  }

  private constructor(node: string, asked: PacketsAsked) {
    this.node = node
    this.#asked = asked
  }

  get linkTypes(): readonly number[] {
    return this.#answer.linkTypes
  }

  get head(): PacketRecord | undefined {
    return this.#packets[this.#taken]
  }

  take(): void {
    this.#taken++
  }

  /** After the last one was taken: the next ones, if there are more. */
  async more(): Promise<void> {
    const from = this.#answer.next
    if (from === null) return
    const { bus, name, session, signal, between } = this.#asked
    const payload = await bus.request(
      SUBJECTS.recordedPackets(this.node),
      encode({ name, session: `${session}/${this.node}`, from, between }),
      { timeoutMs: ANSWER_MS, signal },
    )
    const answer = decodeChunk(recordedAnswer, payload)
    const packets = answer && readPackets(answer.bytes)
    const isStuck = answer?.head.next !== null && packets?.length === 0
    if (answer === undefined || packets === undefined || isStuck)
      throw new Mistake('E_BUS_NO_ANSWER', `${this.node} answered with what are no packets`)
    this.#answer = { ...answer.head, linkTypes: from === 0 ? answer.head.linkTypes : [...this.linkTypes] }
    this.#packets = packets
    this.#taken = 0
  }
}

const PIECE_BYTES = 256 << 10
/** Before the first piece a worker looks through all. */
const ANSWER_MS = 30_000
