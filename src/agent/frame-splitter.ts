import { HEADER } from './host/protocol.ts'

type Receive = (type: number, payload: unknown, seq: number) => void

/** Cuts what comes from a sandbox into frames of JSON. A sandbox is not trusted: `push` throws when it makes no sense. */
export class FrameSplitter {
  readonly #longest: number
  readonly #receive: Receive
  #chunks: Buffer[] = []
  #held = 0
  /** Bytes that are needed to go on. */
  #wanted = HEADER

  /** `longest`: bytes of a payload. */
  constructor(longest: number, receive: Receive) {
    this.#longest = longest
    this.#receive = receive
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.#held < this.#wanted) return
    let bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#held)
    for (;;) {
      this.#wanted = bytes.length < HEADER ? HEADER : this.#sizeOf(bytes)
      if (bytes.length < this.#wanted) break
      const frame = bytes.subarray(0, this.#wanted)
      bytes = bytes.subarray(this.#wanted)
      const payload: unknown = JSON.parse(frame.toString('utf8', HEADER, HEADER + frame.readUInt32LE(0)))
      this.#receive(frame[4] as number, payload, frame.readUInt32LE(8))
    }
    this.#chunks = bytes.length === 0 ? [] : [bytes]
    this.#held = bytes.length
  }

  #sizeOf(bytes: Buffer): number {
    const length = bytes.readUInt32LE(0)
    if (length > this.#longest) throw new Error(`a frame of ${length} bytes`)
    return (HEADER + length + 7) & ~7
  }
}
