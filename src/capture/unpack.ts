import type { Transform } from 'node:stream'
import { createGunzip, createZstdDecompress } from 'node:zlib'
import { formatOf, MAGIC_LENGTH } from './format.ts'

/** Compressed bytes given to zlib at once. They become 16 MiB at most, all of which wait for the reader. */
const SLICE = 16 * 1024

/**
 * The bytes of `chunks`, unpacked if they start like gzip or zstd, of which several may follow each other. When the
 * compressed data break off or are damaged, the bytes before that arrive and `complain` is told what happened.
 */
export async function* unpack(
  chunks: AsyncIterable<Uint8Array>,
  complain: (problem: string) => void,
): AsyncGenerator<Uint8Array, void, void> {
  let unpacker: Unpacker | 'none' | undefined
  let head: Uint8Array = new Uint8Array(0)
  try {
    for await (const chunk of chunks) {
      let bytes = chunk
      if (unpacker === undefined) {
        bytes = head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
        if (head.length < MAGIC_LENGTH) continue
        unpacker = unpackerFor(head)
      }
      if (unpacker === 'none') yield bytes
      else yield* unpacker.push(bytes)
      if (unpacker !== 'none' && unpacker.isDone) break
    }
    if (unpacker === undefined && head.length > 0) yield head
    if (unpacker === undefined || unpacker === 'none') return
    yield* unpacker.end()
    if (unpacker.failure !== undefined) complain(unpacker.failure)
  } finally {
    if (unpacker !== undefined && unpacker !== 'none') unpacker.close()
  }
}

function unpackerFor(head: Uint8Array): Unpacker | 'none' {
  const format = formatOf(head)
  if (format === 'gzip') return new Unpacker(createGunzip(), 'gzip')
  if (format === 'zstd') return new Unpacker(createZstdDecompress(), 'zstd')
  return 'none'
}

/**
 * Drives a zlib stream by hand: piping or iterating it would throw away what it had unpacked before an error, which
 * for a capture that was cut off is all there is.
 */
class Unpacker {
  readonly #stream: Transform
  readonly #format: string
  #unpacked: Uint8Array[] = []
  #ended = false
  /** Set once: what is wrong with the compressed data. */
  failure: string | undefined

  /** It takes no more: something is wrong, or the data have ended and what follows them is no more of the same. */
  get isDone(): boolean {
    return this.#ended || this.failure !== undefined
  }

  constructor(stream: Transform, format: string) {
    this.#stream = stream
    this.#format = format
    stream.on('data', (bytes: Uint8Array) => this.#unpacked.push(bytes))
    stream.on('error', (error: NodeJS.ErrnoException) => this.#fail(error))
    stream.on('end', () => {
      this.#ended = true
    })
  }

  async *push(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
    for (let at = 0; at < bytes.length && !this.isDone; at += SLICE) {
      await this.#settled((done) => this.#stream.write(bytes.subarray(at, at + SLICE), done))
      yield* this.#take()
    }
  }

  async *end(): AsyncGenerator<Uint8Array, void, void> {
    if (this.isDone) return
    await this.#settled(() => this.#stream.end())
    yield* this.#take()
  }

  close(): void {
    this.#stream.destroy()
  }

  /** Waits until `work` is done or the stream has ended or failed. */
  #settled(work: (done: (error?: Error | null) => void) => void): Promise<void> {
    return new Promise((resolve) => {
      const done = (error?: Error | null) => {
        if (error) this.#fail(error)
        this.#stream.off('error', done).off('end', done)
        resolve()
      }
      this.#stream.once('error', done).once('end', done)
      work(done)
    })
  }

  #take(): Uint8Array[] {
    const unpacked = this.#unpacked
    this.#unpacked = []
    return unpacked
  }

  #fail(error: NodeJS.ErrnoException): void {
    this.failure ??=
      error.code === 'Z_BUF_ERROR'
        ? `the ${this.#format} data break off: the file was not written to its end`
        : `the ${this.#format} data are damaged (${error.message}) and were read up to there`
  }
}
