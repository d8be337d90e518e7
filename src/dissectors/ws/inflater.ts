import { constants, inflateRawSync } from 'node:zlib'

/** What became of compressed bytes. */
export interface Inflated {
  readonly bytes: Uint8Array
  /** All that there was; else the bytes are broken, too many, or refer to what was not seen. */
  readonly isWhole: boolean
}

/**
 * Undoes the compression of one direction (RFC 7692 §7.2.2). Messages may refer to the last bytes of those before them,
 * so these are kept, also where peers agreed not to: some do it all the same. After a loss they are not there: zlib
 * refuses what would refer to them, so what it takes is right, and from there on they are known again.
 */
export class Inflater {
  /** How far back messages refer, in bytes. */
  readonly #window: number
  /** The first `#length` bytes are those in front of the next message. */
  #known: Uint8Array = NOTHING
  #length = 0

  constructor(window: number) {
    this.#window = window
  }

  /** Bytes of memory. */
  get memory(): number {
    return this.#known.length
  }

  /** A message, or the beginning of one whose end is missing: then what follows may refer to what was not seen. */
  inflate(compressed: Uint8Array, isCut: boolean): Inflated {
    const { bytes, isWhole } = inflateAll(compressed, this.#known.subarray(0, this.#length))
    if (!isWhole || isCut) {
      this.forget()
      return { bytes, isWhole: false }
    }
    this.#remember(bytes)
    return { bytes, isWhole }
  }

  /** A message was not seen whole, or memory has run out. */
  forget(): void {
    this.#known = NOTHING
    this.#length = 0
  }

  #remember(bytes: Uint8Array): void {
    const added = bytes.length > this.#window ? bytes.subarray(bytes.length - this.#window) : bytes
    const kept = Math.min(this.#length, this.#window - added.length)
    const length = kept + added.length
    const known =
      length <= this.#known.length ? this.#known : new Uint8Array(Math.min(length * 2, this.#window))
    known.set(this.#known.subarray(this.#length - kept, this.#length))
    known.set(added, kept)
    this.#known = known
    this.#length = length
  }
}

/** Blocks may be marked as the last one though more follow (RFC 7692 §7.2.3.4): then zlib stops, and has to go on. */
function inflateAll(compressed: Uint8Array, dictionary: Uint8Array): Inflated {
  const runs: Uint8Array[] = []
  let length = 0
  let known = dictionary
  let isWhole = true
  for (let at = 0; at < compressed.length; ) {
    const rest = at === 0 ? compressed : compressed.subarray(at)
    const run = runs.length < MOST_RUNS ? inflateRun(rest, known, LONGEST_INFLATED - length) : undefined
    isWhole = run !== undefined
    if (run === undefined) break
    runs.push(run.bytes)
    length += run.bytes.length
    if (run.taken === rest.length || run.taken === 0 || isPadding(rest, run.taken)) break
    at += run.taken
    known = endOf(known, run.bytes)
  }
  const [first = NOTHING] = runs
  return { bytes: runs.length > 1 ? Buffer.concat(runs, length) : first, isWhole }
}

/** As much as may be referred to of bytes that follow on each other. */
function endOf(before: Uint8Array, bytes: Uint8Array): Uint8Array {
  const all = bytes.length < LARGEST_WINDOW ? Buffer.concat([before, bytes]) : bytes
  return all.subarray(-LARGEST_WINDOW)
}

function inflateRun(
  compressed: Uint8Array,
  dictionary: Uint8Array,
  most: number,
): { readonly bytes: Uint8Array; readonly taken: number } | undefined {
  try {
    const { buffer, engine } = inflateRawSync(compressed, {
      dictionary,
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
/** RFC 1951 §2 */
export const LARGEST_WINDOW = 32 << 10
const SMALLEST_CHUNK = 1024
const LARGEST_CHUNK = 64 << 10
/** Longest message after decompression; one that would be longer is not inflated. */
const LONGEST_INFLATED = 8 << 20
/** Blocks of a message that are marked as its last. */
const MOST_RUNS = 16
