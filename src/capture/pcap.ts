import { type Batch, MOST_PACKETS } from './batch.ts'
import { longestPacket, type Notes, type RecordReader, type Window } from './reader.ts'

/** First four bytes of a pcap file, read in its own byte order. */
export const PCAP_MAGIC = { micros: 0xa1b2c3d4, nanos: 0xa1b23c4d, modified: 0xa1b2cd34 } as const

/** https://datatracker.ietf.org/doc/html/draft-ietf-opsawg-pcap §4 */
export const PCAP_HEADER = 24
/** Record header, §5. */
const RECORD = 16
/** That of Alexey Kuznetzov's modified pcap: interface index, protocol and packet type follow. */
const MODIFIED_RECORD = 24

/** Reads pcap in either byte order, with microseconds or nanoseconds. */
export class PcapReader implements RecordReader {
  readonly #notes: Notes
  readonly #littleEndian: boolean
  readonly #recordHeader: number
  /** Fractions of a second as the file counts them, and how long each is. */
  readonly #unitsPerSecond: number
  readonly #nanosPerUnit: number
  readonly #longest: number
  readonly #lengthsMayBeSwapped: boolean
  #packets = 0

  /** `header` is the first `PCAP_HEADER` bytes of the file; they are known to start with a magic number. */
  constructor(header: DataView, batch: Batch, notes: Notes, interfaceName: string) {
    this.#notes = notes
    this.#littleEndian = isMagic(header.getUint32(0, true))
    const magic = header.getUint32(0, this.#littleEndian)
    this.#recordHeader = magic === PCAP_MAGIC.modified ? MODIFIED_RECORD : RECORD
    this.#unitsPerSecond = magic === PCAP_MAGIC.nanos ? 1_000_000_000 : 1_000_000
    this.#nanosPerUnit = 1_000_000_000 / this.#unitsPerSecond
    // Some writers up to version 2.3 wrote the two lengths the other way round.
    this.#lengthsMayBeSwapped = header.getUint16(6, this.#littleEndian) <= 3
    const snapLength = header.getUint32(16, this.#littleEndian)
    this.#longest = longestPacket(snapLength)
    // The upper half holds the length of the frame check sequence.
    const linkType = header.getUint32(20, this.#littleEndian) & 0xffff
    batch.interfaces.push({ name: interfaceName, linkType, snapLength })
    batch.interfaceIds.fill(0)
  }

  read(window: Window, batch: Batch): void {
    const { view, end } = window
    const littleEndian = this.#littleEndian
    const recordHeader = this.#recordHeader
    const unitsPerSecond = this.#unitsPerSecond
    const nanosPerUnit = this.#nanosPerUnit
    const longest = this.#longest
    const { offsets, captured, lengths, seconds, nanos } = batch
    let at = window.start
    let count = 0
    window.need = recordHeader
    while (count < MOST_PACKETS && end - at >= recordHeader) {
      let bytesHere = view.getUint32(at + 8, littleEndian)
      let length = view.getUint32(at + 12, littleEndian)
      if (bytesHere > length && this.#lengthsMayBeSwapped) [bytesHere, length] = [length, bytesHere]
      if (bytesHere > longest) {
        this.#stop(window, count, bytesHere)
        break
      }
      const packet = at + recordHeader
      if (bytesHere > end - packet) {
        window.need = recordHeader + bytesHere
        break
      }
      let second = view.getUint32(at, littleEndian)
      let units = view.getUint32(at + 4, littleEndian)
      if (units >= unitsPerSecond) {
        second += Math.floor(units / unitsPerSecond)
        units %= unitsPerSecond
      }
      offsets[count] = packet
      captured[count] = bytesHere
      lengths[count] = length
      seconds[count] = second
      nanos[count] = units * nanosPerUnit
      count++
      at = packet + bytesHere
    }
    this.#packets += count
    window.start = at
    batch.count = count
  }

  end(left: number): void {
    if (left === 0) return
    this.#notes.skipped.truncated++
    this.#notes.problems.push(`the capture ends in the middle of packet ${this.#packets + 1}`)
  }

  /** The next record starts where this one ends; if its length is wrong there is no way to find it. */
  #stop(window: Window, count: number, length: number): void {
    window.stopped = true
    this.#notes.skipped.absurdLength++
    this.#notes.problems.push(
      `packet ${this.#packets + count + 1} claims to be ${length} bytes long: the capture is damaged and was read up to there`,
    )
  }
}

function isMagic(value: number): boolean {
  return value === PCAP_MAGIC.micros || value === PCAP_MAGIC.nanos || value === PCAP_MAGIC.modified
}
