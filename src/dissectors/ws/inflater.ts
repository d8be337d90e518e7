import { constants, inflateRawSync } from 'node:zlib'

/** What became of compressed bytes. */
export interface Inflated {
  readonly bytes: Uint8Array
  /** All that there was; else the bytes are broken, too many, or refer to what was not seen. */
  readonly isWhole: boolean
}

/**
 * Undoes the compression of one direction (RFC 7692 §7.2.2). Messages may refer to the last 32 KiB of those before
 * them, so these are kept. After a loss they are not there: zlib refuses what would refer to them, so what it takes is
 * right, and from there on they are known again.
 */
export class Inflater {
  readonly #hasContext: boolean
  /** The last `#length` bytes are in front of the next message; older ones lie before them. */
  #window: Uint8Array = NOTHING
  #length = 0

  /** `hasContext`: messages may refer to earlier ones. */
  constructor(hasContext: boolean) {
    this.#hasContext = hasContext
  }

  /** Messages stand for themselves: they can be inflated in any order, or not at all. */
  get isLazy(): boolean {
    return !this.#hasContext
  }

  /** Bytes of memory. */
  get memory(): number {
    return this.#window.length
  }

  /** A message whose compressed bytes are all there. */
  inflate(compressed: Uint8Array): Inflated {
    const inflated = inflateAll(compressed, this.#window.subarray(0, this.#length))
    if (!this.#hasContext) return inflated
    if (inflated.isWhole) this.#remember(inflated.bytes)
    else this.lose()
    return inflated
  }

  /** The beginning of a message whose end is missing. What follows may refer to it. */
  inflateCut(compressed: Uint8Array): Inflated {
    const inflated = inflateAll(compressed, this.#window.subarray(0, this.#length))
    this.lose()
    return { bytes: inflated.bytes, isWhole: false }
  }

  /** A message was not seen whole. */
  lose(): void {
    this.#window = NOTHING
    this.#length = 0
  }

  #remember(bytes: Uint8Array): void {
    const added = bytes.length > WINDOW ? bytes.subarray(bytes.length - WINDOW) : bytes
    if (this.#length + added.length > this.#window.length) this.#makeRoom(added.length)
    this.#window.set(added, this.#length)
    this.#length += added.length
  }

  /** Twice the window at most, so that it moves once in a while and not with each message. */
  #makeRoom(length: number): void {
    const kept = Math.min(this.#length, WINDOW)
    const needed = kept + length
    const target = needed * 2 <= 2 * WINDOW ? new Uint8Array(Math.max(needed * 2, SMALLEST)) : this.#full()
    target.set(this.#window.subarray(this.#length - kept, this.#length))
    this.#window = target
    this.#length = kept
  }

  #full(): Uint8Array {
    return this.#window.length === 2 * WINDOW ? this.#window : new Uint8Array(2 * WINDOW)
  }
}

/** Blocks may be marked as the last one though more follow (RFC 7692 §7.2.3.4): then zlib stops, and has to go on. */
function inflateAll(compressed: Uint8Array, dictionary: Uint8Array): Inflated {
  let bytes: Uint8Array = NOTHING
  let known = dictionary
  for (let at = 0, runs = 0; at < compressed.length; runs++) {
    const rest = at === 0 ? compressed : compressed.subarray(at)
    const run = runs < MOST_RUNS ? inflateRun(rest, known, LONGEST_INFLATED - bytes.length) : undefined
    if (run === undefined) return { bytes, isWhole: false }
    bytes = at === 0 ? run.bytes : Buffer.concat([bytes, run.bytes])
    if (run.taken === rest.length || run.taken === 0 || isPadding(rest, run.taken)) break
    at += run.taken
    known = Buffer.concat([dictionary.subarray(-WINDOW), bytes]).subarray(-WINDOW)
  }
  return { bytes, isWhole: true }
}

function inflateRun(
  compressed: Uint8Array,
  dictionary: Uint8Array,
  most: number,
): { readonly bytes: Uint8Array; readonly taken: number } | undefined {
  try {
    const { buffer, engine } = inflateRawSync(compressed, {
      dictionary: dictionary.subarray(-WINDOW),
      // The four bytes 00 00 ff ff that senders leave out only tell where the message ends.
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.max(most, 1),
      chunkSize: Math.min(Math.max(compressed.length * 4, SMALLEST_CHUNK), LARGEST_CHUNK),
      info: true,
    }) as unknown as { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } }
    return { bytes: buffer, taken: engine.bytesWritten }
  } catch {
    // zlib has no other way to say that bytes are broken, become too many, or refer to what it does not have.
    return undefined
  }
}

/** What is left after a last block: the header of the empty one behind it, whose other bytes are left out. */
function isPadding(rest: Uint8Array, taken: number): boolean {
  return rest.length - taken === 1 && rest[taken] === 0
}

const NOTHING = new Uint8Array(0)
/** RFC 1951 §2: how far back compressed bytes may refer. */
const WINDOW = 32 << 10
const SMALLEST = 1024
const SMALLEST_CHUNK = 1024
const LARGEST_CHUNK = 64 << 10
/** Longest message after decompression; one that would be longer is not inflated. */
const LONGEST_INFLATED = 8 << 20
/** Blocks of a message that are marked as its last. */
const MOST_RUNS = 16
