import type { ReadOptions, Stream, StreamMessage } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'

/** A stream to which appending fails for a while: before it is done, or when nobody knows any more whether it was. */
export class UnsureStream implements Stream {
  readonly #stream: Stream
  fails: () => 'before' | 'after' | 'no' = () => 'no'
  attempts = 0

  constructor(stream: Stream) {
    this.#stream = stream
  }

  async append(...append: Parameters<Stream['append']>): Promise<void> {
    this.attempts++
    const fails = this.fails()
    if (fails === 'before') throw new Mistake('E_BUS', 'nobody is there')
    await this.#stream.append(...append)
    if (fails === 'after') throw new Mistake('E_BUS', 'nobody answers')
  }

  consume(...consume: Parameters<Stream['consume']>): Promise<void> {
    return this.#stream.consume(...consume)
  }

  read(options: ReadOptions): AsyncIterable<StreamMessage> {
    return this.#stream.read(options)
  }
}
