import type { Stream } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { encode } from '../wire/codec.ts'
import type { ConsoleLine } from '../wire/console.ts'
import { STREAMS, token } from '../wire/subjects.ts'
import { BoundedQueue } from './bounded-queue.ts'

export type NewLine = Omit<ConsoleLine, 'id' | 'at' | 'node'>

/**
 * Console lines of one node on their way to the hub: in order, a few times a second, kept for a while when the hub cannot
 * be reached. The oldest are dropped beyond that, and counted.
 */
export class ConsoleOut {
  readonly #stream: Stream
  readonly #node: string
  readonly #boot: string
  readonly #waiting = new BoundedQueue<ConsoleLine>({
    mostItems: MOST_WAITING,
    mostSize: MOST_WAITING_LENGTH,
    sizeOf: ({ text }) => text.length,
  })
  /** On its way: when nobody knows whether it has arrived, the very same goes again, which the stream then knows by its id. */
  #part: readonly ConsoleLine[] = []
  readonly #now: () => number
  #number = 0
  #dropped = 0
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> = Promise.resolve()
  #closing = false

  constructor(stream: Stream, node: string, boot: string, now: () => number = Date.now) {
    this.#stream = stream
    this.#node = node
    this.#boot = boot
    this.#now = now
  }

  /** Lines that wait. */
  get depth(): number {
    return this.#waiting.length + this.#part.length
  }

  /** Lines that were never sent. */
  get dropped(): number {
    return this.#dropped
  }

  push(line: NewLine): void {
    const id = `${this.#boot}/${this.#number++}`
    const text = shortened(line.text)
    const gone = this.#waiting.push({ ...line, text, id, node: this.#node, at: this.#now() })
    this.#dropped += gone.length
    this.#timer ??= setTimeout(() => this.#send(), EVERY_MS)
  }

  /**
   * Lines that came of something that may be done again after a crash: under the same id they are printed once. Resolves when
   * they are kept safely, rejects with `E_BUS`.
   */
  async keep(id: string, lines: readonly NewLine[]): Promise<void> {
    if (lines.length === 0) return
    const at = this.#now()
    const sent = lines.map(
      (line, number): ConsoleLine => ({
        ...line,
        text: shortened(line.text),
        id: `${id}/${number}`,
        node: this.#node,
        at,
      }),
    )
    for (const [number, part] of parts(sent).entries())
      await this.#stream.append(this.#subject, encode(part), { id: `${id}/${number}` })
  }

  /** Sends what waits, for as long as `timeoutMs`. */
  async close(timeoutMs: number): Promise<void> {
    clearTimeout(this.#timer)
    this.#closing = true
    this.#send()
    const late = new Promise<void>((resolve) => setTimeout(resolve, timeoutMs).unref())
    await Promise.race([this.#sending, late])
    this.#dropped += this.depth
  }

  get #subject(): string {
    return `${STREAMS.console}.${token(this.#node)}`
  }

  #send(): void {
    this.#timer = undefined
    this.#sending = this.#sending.then(() => this.#sendAll())
  }

  async #sendAll(): Promise<void> {
    for (;;) {
      if (this.#part.length === 0) this.#part = this.#takePart()
      const [first] = this.#part
      if (first === undefined) return
      try {
        await this.#stream.append(this.#subject, encode(this.#part), { id: first.id })
      } catch (error) {
        if (isAway(error)) {
          // A line waits until it can be reached, or until its place is needed.
          if (!this.#closing) this.#timer ??= setTimeout(() => this.#send(), AGAIN_MS)
          return
        }
        // It will not be taken the next time either, and others wait behind it.
        this.#dropped += this.#part.length
      }
      this.#part = []
    }
  }

  #takePart(): readonly ConsoleLine[] {
    const [part = []] = parts(this.#waiting.peek(MOST_AT_ONCE))
    this.#waiting.shift(part.length)
    return part
  }
}

/** Cut so that each part fits in a message. */
function parts(lines: readonly ConsoleLine[]): ConsoleLine[][] {
  const cut: ConsoleLine[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const line of lines) {
    const size = Buffer.byteLength(JSON.stringify(line)) + 1
    if (bytes + size > MOST_BYTES) {
      cut.push([])
      bytes = 0
    }
    cut.at(-1)?.push(line)
    bytes += size
  }
  return cut
}

function isAway(error: unknown): boolean {
  return !(error instanceof Mistake) || error.code !== 'E_TOO_LARGE'
}

function shortened(text: string): string {
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
}

const EVERY_MS = 100
const AGAIN_MS = 500
const MOST_WAITING = 20_000
/** Characters of all lines that wait. */
const MOST_WAITING_LENGTH = 16 << 20
const MOST_AT_ONCE = 2000
/** Of one line; an agent may print 1 MiB in one call. */
const LONGEST = 64 << 10
/** Of one message: well below what NATS takes. */
const MOST_BYTES = 512 << 10
