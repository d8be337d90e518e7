import {
  closeSync,
  constants,
  createReadStream,
  lstatSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs'
import { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { setImmediate as nextTurn, setTimeout } from 'node:timers/promises'
import { Mistake } from '../mistake/mistake.ts'
import type { PacketBatch } from '../packet/batch.ts'
import { formatOf, HEAD_LENGTH, refuse } from './format.ts'
import { CaptureParser } from './parser.ts'
import type { Losses, PacketSource, Progress, Skipped } from './source.ts'
import { unpack } from './unpack.ts'

/** Opens a capture file: pcap or pcapng, as it is or compressed, or a pipe of the same. */
export function openFile(path: string): PacketSource {
  const stats = statOf(path)
  if (stats.isDirectory())
    throw new Mistake('E_CAPTURE_OPEN', `${path} is a folder, not a capture file`, {
      hint: 'Name one file in it.',
    })
  // What is read from a pipe is gone: its format shows when the reading begins.
  // Those of a shell, `<(zcat a.gz)`, are links, and have their writer.
  if (lstatSync(path).isFIFO())
    return new StreamSource(`pipe ${path}`, path, 0, (signal) => openPipe(path, signal))
  if (!stats.isFile()) return new StreamSource(`pipe ${path}`, path, 0, () => createReadStream(path))

  const head = headOf(path)
  const format = formatOf(head)
  if (format === 'other') throw refuse(path, head)
  if (format === 'pcap' || format === 'pcapng') return new FileSource(path, stats.size)
  return new StreamSource(`file ${path}`, path, stats.size, () => createReadStream(path))
}

/** Reads a capture from `stream`, for example `process.stdin`, which it destroys when it is done. */
export function openStream(stream: Readable, name = 'standard input'): PacketSource {
  return new StreamSource(name, name, 0, () => stream)
}

/** What all sources of bytes have: a parser, and what it says. */
abstract class ParsedSource implements PacketSource {
  readonly description: string
  readonly live = false
  protected readonly parser: CaptureParser
  protected bytesRead = 0
  readonly #totalBytes: number
  #begun = false

  constructor(description: string, name: string, totalBytes: number) {
    this.description = description
    this.parser = new CaptureParser(name)
    this.#totalBytes = totalBytes
  }

  packets(signal: AbortSignal): AsyncIterable<PacketBatch> {
    if (this.#begun) throw new Error(`${this.description} is read already`)
    this.#begun = true
    return this.read(signal)
  }

  protected abstract read(signal: AbortSignal): AsyncGenerator<PacketBatch, void, void>

  get progress(): Progress {
    return { bytesRead: this.bytesRead, totalBytes: this.#totalBytes }
  }

  losses(): Losses {
    return this.parser.notes.losses
  }

  get skipped(): Skipped {
    return this.parser.notes.skipped
  }

  get problems(): readonly string[] {
    return this.parser.notes.problems
  }

  protected complain(problem: string): void {
    this.parser.notes.problems.push(problem)
  }
}

/** An ordinary file, read straight into the parser's buffer: several times as fast as a stream. */
class FileSource extends ParsedSource {
  readonly #path: string

  constructor(path: string, size: number) {
    super(`file ${path}`, path, size)
    this.#path = path
  }

  protected async *read(signal: AbortSignal): AsyncGenerator<PacketBatch, void, void> {
    const file = open(this.#path)
    try {
      while (!signal.aborted && !this.parser.stopped) {
        const length = this.#fill(file)
        if (length === 0) return this.parser.end()
        for (const batch of this.parser.filled(length)) {
          yield batch
          if (signal.aborted) return
        }
        // Synchronous reads never wait: signals, timers and sockets get their turn here.
        await nextTurn()
      }
    } finally {
      closeSync(file)
    }
  }

  #fill(file: number): number {
    try {
      const length = readSync(file, this.parser.room())
      this.bytesRead += length
      return length
    } catch (error) {
      this.complain(unreadable(error, this.bytesRead))
      return 0
    }
  }
}

/** Bytes that come when they come: standard input, a pipe, a compressed file. */
class StreamSource extends ParsedSource {
  readonly #path: string
  readonly #open: (signal: AbortSignal) => Readable | Promise<Readable>

  constructor(
    description: string,
    path: string,
    size: number,
    open: (signal: AbortSignal) => Readable | Promise<Readable>,
  ) {
    super(description, path, size)
    this.#path = path
    this.#open = open
  }

  protected async *read(signal: AbortSignal): AsyncGenerator<PacketBatch, void, void> {
    if (signal.aborted) return
    const stream = await this.#open(signal)
    if (signal.aborted) stream.destroy()
    const stop = () => stream.destroy()
    signal.addEventListener('abort', stop, { once: true })
    let isEmpty = true
    try {
      // What was told to stop has not broken off.
      const complain = (problem: string) => signal.aborted || this.complain(problem)
      for await (const bytes of unpack(this.#chunks(stream, signal), complain)) {
        isEmpty = false
        for (const batch of this.parser.push(bytes)) {
          yield batch
          if (signal.aborted) return
        }
        if (this.parser.stopped) return
      }
      if (signal.aborted) return
      if (isEmpty && this.problems[0] !== undefined) throw nothingIn(this.#path, this.problems[0])
      this.parser.end()
    } finally {
      signal.removeEventListener('abort', stop)
      stream.destroy()
    }
  }

  async *#chunks(stream: Readable, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    try {
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        this.bytesRead += chunk.length
        yield chunk
      }
    } catch (error) {
      if (signal.aborted) return
      if (this.bytesRead === 0) throw cannotOpen(this.#path, error)
      this.complain(unreadable(error, this.bytesRead))
    }
  }
}

/**
 * A pipe with a name, once somebody writes to it. Opening it plainly would wait for that in a place where nothing can
 * end the wait.
 */
async function openPipe(path: string, signal: AbortSignal): Promise<Readable> {
  const file = open(path, constants.O_RDONLY | constants.O_NONBLOCK)
  let first = arrived(file)
  while (first.length === 0 && !signal.aborted) {
    await setTimeout(WRITER_POLL_MS)
    first = arrived(file)
  }
  const stream = new Socket({ fd: file, readable: true, writable: false })
  if (first !== 'nothing yet') stream.unshift(first)
  return stream
}

/** What is in a pipe: no bytes when it has had no writer yet. */
function arrived(file: number): Uint8Array | 'nothing yet' {
  const bytes = new Uint8Array(FIRST_BYTES)
  try {
    return bytes.subarray(0, readSync(file, bytes))
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return 'nothing yet'
    throw error
  }
}

const WRITER_POLL_MS = 50
const FIRST_BYTES = 64 * 1024

function statOf(path: string): Stats {
  try {
    return statSync(path)
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

function headOf(path: string): Uint8Array {
  const file = open(path)
  try {
    const head = new Uint8Array(HEAD_LENGTH)
    return head.subarray(0, readSync(file, head))
  } catch (error) {
    throw cannotOpen(path, error)
  } finally {
    closeSync(file)
  }
}

function open(path: string, flags: number = constants.O_RDONLY): number {
  try {
    return openSync(path, flags)
  } catch (error) {
    throw cannotOpen(path, error)
  }
}

function cannotOpen(path: string, cause: unknown): Mistake {
  const code = codeOf(cause)
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new Mistake('E_CAPTURE_OPEN', `there is no file ${path}`, { hint: 'Check the path.', cause })
  if (code === 'EACCES' || code === 'EPERM')
    return new Mistake('E_CAPTURE_OPEN', `${path} may not be read`, {
      hint: `Give yourself the right: chmod +r ${path}`,
      cause,
    })
  return new Mistake('E_CAPTURE_OPEN', `${path} cannot be read: ${wordsOf(cause)}`, { cause })
}

function nothingIn(path: string, problem: string): Mistake {
  return new Mistake('E_CAPTURE_FORMAT', `nothing of ${path} can be read: ${problem}`, {
    hint: 'Copy it again, or capture it again.',
  })
}

function unreadable(error: unknown, bytesRead: number): string {
  return `reading stopped after ${bytesRead} bytes: ${wordsOf(error)}`
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
