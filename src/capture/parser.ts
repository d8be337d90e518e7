import type { PacketBatch } from '../packet/batch.ts'
import { Batch } from './batch.ts'
import { formatOf, HEAD_LENGTH, MAGIC_LENGTH, refuse } from './format.ts'
import { PCAP_HEADER, PcapReader } from './pcap.ts'
import { PcapngReader, SECTION_HEAD } from './pcapng.ts'
import type { Notes, RecordReader, Window } from './reader.ts'

/** Enough for thousands of packets, and small enough to stay in the processor's cache. */
const BUFFER_LENGTH = 1024 * 1024

/**
 * Turns the bytes of a capture file, in pieces of any size, into batches of packets. The same bytes give the same
 * packets however they are cut. A batch, and the buffer it lies in, are reused for the next.
 */
export class CaptureParser {
  readonly notes: Notes = {
    problems: [],
    skipped: { truncated: 0, absurdLength: 0, damagedBlock: 0, unknownBlock: 0, unknownInterface: 0 },
    losses: {},
  }

  readonly #name: string
  readonly #interfaceName: string
  readonly #batch = new Batch()
  readonly #window: Window
  #reader: RecordReader | undefined

  /** `name` is what messages call the input; `interfaceName` is that of pcap's one interface, when it is known. */
  constructor(name: string, options: { interfaceName?: string; bufferLength?: number } = {}) {
    this.#name = name
    this.#interfaceName = options.interfaceName ?? ''
    const bytes = new Uint8Array(options.bufferLength ?? BUFFER_LENGTH)
    const view = new DataView(bytes.buffer)
    this.#window = { bytes, view, start: 0, end: 0, need: MAGIC_LENGTH, skip: 0, stopped: false }
    this.#batch.bytes = bytes
  }

  /** Nothing more will come of this input, whatever is pushed: it is damaged. */
  get stopped(): boolean {
    return this.#window.stopped
  }

  /** Takes the next bytes. They are copied: `chunk` can be reused at once. */
  *push(chunk: Uint8Array): Generator<PacketBatch, void, void> {
    let at = 0
    while (at < chunk.length && !this.stopped) {
      const room = this.room()
      const piece = chunk.subarray(at, at + room.length)
      room.set(piece)
      at += piece.length
      yield* this.filled(piece.length)
    }
  }

  /** Where the next bytes can be written without a copy: at least one. Ends the life of the batch before. */
  room(): Uint8Array {
    const window = this.#window
    const left = window.end - window.start
    if (window.need > window.bytes.length) this.#grow(window.need)
    else if (window.start > 0) window.bytes.copyWithin(0, window.start, window.end)
    window.start = 0
    window.end = left
    return window.bytes.subarray(left)
  }

  /** Takes the first `length` bytes of `room()`. */
  *filled(length: number): Generator<PacketBatch, void, void> {
    const window = this.#window
    window.end += length
    for (;;) {
      dropSkipped(window)
      if (window.stopped || window.end - window.start < window.need) return
      if (this.#reader === undefined && !this.#open(false)) return
      this.#reader?.read(window, this.#batch)
      if (this.#batch.count > 0) yield this.#batch
      else if (window.skip === 0) return
    }
  }

  /** The input has ended. Throws a `Mistake` if it was no capture. */
  end(): void {
    if (this.stopped) return
    if (this.#reader === undefined) this.#open(true)
    const { start, end, skip } = this.#window
    this.#reader?.end(end - start + skip)
  }

  /** Finds out what the input is. False: more bytes are needed for that. */
  #open(ended: boolean): boolean {
    const window = this.#window
    const head = window.bytes.subarray(window.start, window.end)
    const format = formatOf(head)
    const needed = format === 'pcap' ? PCAP_HEADER : format === 'pcapng' ? SECTION_HEAD : HEAD_LENGTH
    if (head.length < needed && !ended) {
      window.need = needed
      return false
    }
    if (head.length < needed || format === 'gzip' || format === 'zstd' || format === 'other')
      throw refuse(this.#name, head)
    this.#reader = this.#readerOf(format)
    return true
  }

  #readerOf(format: 'pcap' | 'pcapng'): RecordReader {
    const window = this.#window
    if (format === 'pcapng') return new PcapngReader(this.#batch, this.notes)
    const header = new DataView(window.bytes.buffer, window.start, PCAP_HEADER)
    window.start += PCAP_HEADER
    return new PcapReader(header, this.#batch, this.notes, this.#interfaceName)
  }

  #grow(need: number): void {
    const window = this.#window
    const bytes = new Uint8Array(Math.max(need, 2 * window.bytes.length))
    bytes.set(window.bytes.subarray(window.start, window.end))
    window.bytes = bytes
    window.view = new DataView(bytes.buffer)
    this.#batch.bytes = bytes
  }
}

function dropSkipped(window: Window): void {
  const dropped = Math.min(window.skip, window.end - window.start)
  window.start += dropped
  window.skip -= dropped
}
