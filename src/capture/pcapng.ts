import { utf8Text } from '../bytes/text.ts'
import { type Batch, MOST_PACKETS } from './batch.ts'
import { Clock, MICROSECONDS } from './clock.ts'
import { LONGEST_PACKET, longestPacket, type Notes, type RecordReader, type Window } from './reader.ts'
import type { Skipped } from './source.ts'

/** Block types. https://datatracker.ietf.org/doc/html/draft-ietf-opsawg-pcapng §4, §11.1 */
export const BLOCK = {
  section: 0x0a0d0d0a,
  interface: 1,
  obsoletePacket: 2,
  simplePacket: 3,
  names: 4,
  statistics: 5,
  packet: 6,
  journal: 9,
  secrets: 10,
} as const

/** Says which byte order a section has; §4.1. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d

/** Up to and with the byte-order magic: what it takes to know a section. */
export const SECTION_HEAD = 12

/** Option codes. */
const IF_NAME = 2
const IF_TSRESOL = 9
const IF_TSOFFSET = 14
const ISB_IFDROP = 5
const ISB_OSDROP = 7

/** Type, length and the length again. */
const FRAME = 12
/** Where a packet's bytes start in its block, and what follows them at least. */
const PACKET_DATA = 28
const SIMPLE_PACKET_DATA = 12
const TRAILER = 4
/** Everything in a packet's block that is not the packet, options included. */
const MOST_BESIDES_PACKET = 1024 * 1024
/** `PacketBatch.interfaceIds` has 16 bits; a file with more interfaces was made to hurt. */
const MOST_INTERFACES = 65_536
/** In bytes; Linux allows 15. */
const LONGEST_NAME = 256

/** Reads pcapng: several sections, each in its own byte order and with its own interfaces. */
export class PcapngReader implements RecordReader {
  readonly #batch: Batch
  readonly #notes: Notes
  readonly #known = new Map<string, number>()
  readonly #drops = new Drops()
  #littleEndian = true
  /** Interfaces of this section by their number there; undefined = its description could not be read. */
  #section: (SectionInterface | undefined)[] = []
  #packets = 0
  /** Simple Packet Blocks have no time of their own. */
  #timeless = 0
  #lastSeconds = 0
  #lastNanos = 0

  constructor(batch: Batch, notes: Notes) {
    this.#batch = batch
    this.#notes = notes
  }

  read(window: Window, batch: Batch): void {
    batch.count = 0
    while (batch.count < MOST_PACKETS && !window.stopped && this.#readBlock(window));
  }

  end(left: number): void {
    if (left > 0) {
      this.#notes.skipped.truncated++
      this.#notes.problems.push(`the capture ends in the middle of a block, ${this.#after()}`)
    }
    if (this.#timeless > 0)
      this.#notes.problems.push(
        `${this.#timeless} packets carry no time of their own and were given that of the packet before`,
      )
  }

  /** Reads one block, or says in `window.need` how much of it must be here. */
  #readBlock(window: Window): boolean {
    const { view, start } = window
    const here = window.end - start
    window.need = FRAME
    if (here < FRAME) return false
    if (view.getUint32(start, true) === BLOCK.section && !this.#beginSection(window)) return false

    const type = view.getUint32(start, this.#littleEndian)
    const length = view.getUint32(start + 4, this.#littleEndian)
    if (length < FRAME || length % 4 !== 0) return this.#stop(window, `a block claims a length of ${length}`)
    if (!isRead(type)) return this.#skip(window, type, length)
    if (length > LONGEST_PACKET + MOST_BESIDES_PACKET) {
      this.#notes.skipped.absurdLength++
      return this.#stop(window, `a block claims a length of ${length}`)
    }
    window.need = length
    if (here < length) return false
    const trailing = view.getUint32(start + length - TRAILER, this.#littleEndian)
    if (trailing !== length) {
      this.#notes.skipped.damagedBlock++
      return this.#stop(
        window,
        `a block says at its start that it is ${length} bytes long and at its end ${trailing}`,
      )
    }
    const flaw = this.#readWhole(type, window, start + length - TRAILER)
    if (flaw !== undefined) this.#notes.skipped[flaw]++
    window.need = FRAME
    if (!window.stopped) window.start = start + length
    return !window.stopped
  }

  /** Reads the block at `window.start`, whose trailer is at `end`. Answers why it could not be used. */
  #readWhole(type: number, window: Window, end: number): Flaw {
    const id = window.start + 8
    switch (type) {
      case BLOCK.packet:
        return this.#readPacket(window, end, window.view.getUint32(id, this.#littleEndian))
      case BLOCK.obsoletePacket:
        return this.#readPacket(window, end, window.view.getUint16(id, this.#littleEndian))
      case BLOCK.simplePacket:
        return this.#readSimplePacket(window, end)
      case BLOCK.interface:
        return this.#readInterface(window, end)
      case BLOCK.statistics:
        return this.#readStatistics(window, end)
    }
  }

  #beginSection(window: Window): boolean {
    const littleEndian = window.view.getUint32(window.start + 8, true) === BYTE_ORDER_MAGIC
    if (!littleEndian && window.view.getUint32(window.start + 8) !== BYTE_ORDER_MAGIC)
      return this.#stop(window, 'a section has no byte order')
    this.#littleEndian = littleEndian
    this.#section = []
    this.#drops.beginSection()
    return true
  }

  /** Enhanced Packet Block, §4.3, and Packet Block, appendix A: they differ in the interface id's width alone. */
  #readPacket(window: Window, end: number, interfaceId: number): Flaw {
    const { view, start } = window
    const data = start + PACKET_DATA
    if (data > end) return 'damagedBlock'
    const from = this.#section[interfaceId]
    if (from === undefined) return 'unknownInterface'
    const captured = view.getUint32(start + 20, this.#littleEndian)
    if (captured > from.longest) return this.#absurd(window, captured)
    if (captured > end - data) return 'damagedBlock'
    from.clock.read(
      view.getUint32(start + 12, this.#littleEndian),
      view.getUint32(start + 16, this.#littleEndian),
    )
    this.#lastSeconds = from.clock.seconds
    this.#lastNanos = from.clock.nanos
    this.#add(data, captured, view.getUint32(start + 24, this.#littleEndian), from.id)
  }

  /** Simple Packet Block, §4.4: of the section's first interface. How much was captured follows from the lengths. */
  #readSimplePacket(window: Window, end: number): Flaw {
    const data = window.start + SIMPLE_PACKET_DATA
    if (data > end) return 'damagedBlock'
    const from = this.#section[0]
    if (from === undefined) return 'unknownInterface'
    const length = window.view.getUint32(window.start + 8, this.#littleEndian)
    const captured = Math.min(length, end - data, from.snapLength || length)
    if (captured > from.longest) return this.#absurd(window, captured)
    this.#timeless++
    this.#add(data, captured, length, from.id)
  }

  #add(offset: number, captured: number, length: number, interfaceId: number): void {
    const batch = this.#batch
    const at = batch.count++
    batch.offsets[at] = offset
    batch.captured[at] = captured
    batch.lengths[at] = length
    batch.seconds[at] = this.#lastSeconds
    batch.nanos[at] = this.#lastNanos
    batch.interfaceIds[at] = interfaceId
    this.#packets++
  }

  /** Interface Description Block, §4.2. */
  #readInterface(window: Window, end: number): Flaw {
    const { view, start, bytes } = window
    if (this.#section.length >= MOST_INTERFACES) return 'damagedBlock'
    if (start + 16 > end) {
      this.#section.push(undefined)
      return 'damagedBlock'
    }
    const linkType = view.getUint16(start + 8, this.#littleEndian)
    const snapLength = view.getUint32(start + 12, this.#littleEndian)
    let name = ''
    let resolution = MICROSECONDS
    let offset = 0n
    for (const { code, at, length } of options(view, start + 16, end, this.#littleEndian)) {
      if (code === IF_NAME) name = nameOf(bytes, at, length)
      if (code === IF_TSRESOL && length === 1) resolution = view.getUint8(at)
      if (code === IF_TSOFFSET && length === 8) offset = view.getBigInt64(at, this.#littleEndian)
    }
    const id = this.#identify(name, linkType, snapLength)
    const clock = new Clock(resolution, offset)
    this.#section.push(id < 0 ? undefined : { id, snapLength, longest: longestPacket(snapLength), clock })
  }

  /**
   * Its place in `PacketBatch.interfaces`; −1 = that is full. The same interface in a later section is the same
   * interface: files joined end to end have thousands of sections.
   */
  #identify(name: string, linkType: number, snapLength: number): number {
    const key = `${this.#section.length}/${linkType}/${snapLength}/${name}`
    const { interfaces } = this.#batch
    const known = this.#known.get(key)
    if (known !== undefined) return known
    if (interfaces.length === MOST_INTERFACES) return -1
    this.#known.set(key, interfaces.length)
    return interfaces.push({ name, linkType, snapLength }) - 1
  }

  /** Interface Statistics Block, §4.6. */
  #readStatistics(window: Window, end: number): Flaw {
    const { view, start } = window
    if (start + 20 > end) return 'damagedBlock'
    const interfaceId = view.getUint32(start + 8, this.#littleEndian)
    if (interfaceId >= this.#section.length) return
    for (const { code, at, length } of options(view, start + 20, end, this.#littleEndian)) {
      if (length !== 8) continue
      const count = Number(view.getBigUint64(at, this.#littleEndian))
      if (code === ISB_OSDROP) this.#drops.set('kernel', interfaceId, count)
      if (code === ISB_IFDROP) this.#drops.set('interface', interfaceId, count)
    }
    this.#notes.losses = this.#drops.total()
  }

  /** Drops a block of no interest, however long, without holding it. */
  #skip(window: Window, type: number, length: number): boolean {
    if (!isKnown(type)) this.#notes.skipped.unknownBlock++
    const here = window.end - window.start
    window.start += Math.min(here, length)
    window.skip = Math.max(0, length - here)
    return window.skip === 0
  }

  #absurd(window: Window, length: number): Flaw {
    this.#stop(window, `packet ${this.#packets + 1} claims to be ${length} bytes long`)
    return 'absurdLength'
  }

  /** Blocks are found by the lengths of those before; with one of them wrong there is no next. */
  #stop(window: Window, what: string): false {
    window.stopped = true
    this.#notes.problems.push(`${what}: the capture is damaged and was read up to there, ${this.#after()}`)
    return false
  }

  #after(): string {
    return this.#packets === 0 ? 'before the first packet' : `after packet ${this.#packets}`
  }
}

/** Why a block was of no use. */
type Flaw = keyof Skipped | undefined

/** An interface as its section numbers it. */
interface SectionInterface {
  /** Its place in `PacketBatch.interfaces`. */
  readonly id: number
  readonly snapLength: number
  readonly longest: number
  readonly clock: Clock
}

/** Drops by interface. Statistics count from the start of the capture, so a later block replaces an earlier one. */
class Drops {
  readonly #ended = { kernel: 0, interface: 0 }
  readonly #now = { kernel: new Map<number, number>(), interface: new Map<number, number>() }

  set(who: 'kernel' | 'interface', interfaceId: number, count: number): void {
    this.#now[who].set(interfaceId, count)
  }

  beginSection(): void {
    for (const who of ['kernel', 'interface'] as const) {
      this.#ended[who] += sum(this.#now[who])
      this.#now[who].clear()
    }
  }

  total(): { kernel: number; interface: number } {
    return {
      kernel: this.#ended.kernel + sum(this.#now.kernel),
      interface: this.#ended.interface + sum(this.#now.interface),
    }
  }
}

function sum(counts: Map<number, number>): number {
  let total = 0
  for (const count of counts.values()) total += count
  return total
}

/** Options of a block, §3.5, until their end or the first that does not fit. */
function* options(view: DataView, start: number, end: number, littleEndian: boolean) {
  let at = start
  while (at + 4 <= end) {
    const code = view.getUint16(at, littleEndian)
    const length = view.getUint16(at + 2, littleEndian)
    at += 4
    if (code === 0 || at + length > end) return
    yield { code, at, length }
    at += (length + 3) & ~3
  }
}

/** Some writers count the padding, or a closing NUL, as part of the text. */
function nameOf(bytes: Uint8Array, at: number, length: number): string {
  const text = utf8Text(bytes, at, at + Math.min(length, LONGEST_NAME))
  const nul = text.indexOf('\0')
  return nul < 0 ? text : text.slice(0, nul)
}

/** Blocks that are looked into; of a section's, the head is enough. */
function isRead(type: number): boolean {
  return type >= BLOCK.interface && type <= BLOCK.packet && type !== BLOCK.names
}

function isKnown(type: number): boolean {
  return type === BLOCK.section || type === BLOCK.names || type === BLOCK.journal || type === BLOCK.secrets
}
