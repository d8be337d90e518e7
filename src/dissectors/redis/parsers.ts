import type { Parser, Step } from '../../dissect/dissector.ts'
import { Command, InlineCommand, Reply } from './messages.ts'
import { ValueReader } from './reader.ts'
import type { Session } from './session.ts'
import { Snapshot } from './snapshot.ts'
import { ARRAY, CR, LF } from './walker.ts'

/** Reads commands: arrays of strings, and lines as people type them and `redis-cli --pipe` sends them. */
export class CommandParser implements Parser<AnyCommand> {
  readonly #reader = new ValueReader(true)
  readonly #session: Session
  /** Bytes of an unfinished line that were searched for its end. */
  #searched = 0

  constructor(session: Session) {
    this.#session = session
  }

  next(bytes: Uint8Array, start: number, end: number): Step<AnyCommand> {
    if (this.#reader.isBetween && start < end && bytes[start] !== ARRAY) return this.#line(bytes, start, end)
    const read = this.#reader.read(bytes, start, end)
    if (!(read instanceof Uint8Array)) return read
    return this.#command(new Command(read), this.#reader.taken)
  }

  #line(bytes: Uint8Array, start: number, end: number): Step<AnyCommand> {
    let at = start + this.#searched
    const longest = Math.min(end, start + LONGEST_INLINE)
    while (at < longest && bytes[at] !== LF) at++
    if (!beginsLine(bytes, start, at))
      return { kind: 'invalid', reason: 'neither an array nor a line of text' }
    if (at === longest && longest === end) {
      this.#searched = at - start
      return { kind: 'incomplete', need: end - start + 1 }
    }
    if (at === longest) return { kind: 'invalid', reason: 'line too long' }
    this.#searched = 0
    const lineEnd = at > start && bytes[at - 1] === CR ? at - 1 : at
    return this.#command(new InlineCommand(bytes.subarray(start, lineEnd)), at + 1 - start)
  }

  /** Empty commands are allowed, and have no reply. */
  #command(message: AnyCommand, length: number): Step<AnyCommand> {
    if (message.command === '') return { kind: 'partial', length }
    const hasReply = this.#session.expectsReply(message)
    return hasReply
      ? { kind: 'message', message, length }
      : { kind: 'message', message, length, id: 'no-reply' }
  }
}

/** Reads replies, and what the server sends without being asked. */
export class ReplyParser implements Parser<Reply> {
  readonly #reader = new ValueReader(false)
  readonly #session: Session
  #snapshot: Snapshot | undefined

  constructor(session: Session) {
    this.#session = session
  }

  next(bytes: Uint8Array, start: number, end: number): Step<Reply> {
    const step = this.#snapshot?.next(bytes, start, end)
    if (step !== undefined) return step
    this.#snapshot = undefined
    // A server that prepares the answer to a replica shows in this way that it is alive.
    if (start < end && bytes[start] === LF && this.#reader.isBetween) return { kind: 'skip', length: 1 }
    const read = this.#reader.read(bytes, start, end)
    if (!(read instanceof Uint8Array)) return read
    if (this.#session.beginsSnapshot(read)) this.#snapshot = new Snapshot()
    const event = this.#session.eventIn(read)
    const message = new Reply(read, event)
    const length = this.#reader.taken
    if (this.#session.answers(read, event)) return { kind: 'message', message, length }
    return { kind: 'message', message, length, id: 'push' }
  }
}

type AnyCommand = Command | InlineCommand

/** `[start, end)` is empty or begins as commands do: with a letter and what else is found in words. */
function beginsLine(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < Math.min(end, start + FIRST_WORD); at++) {
    const byte = bytes[at] as number
    if (byte === CR || (byte === SPACE && at > start)) return true
    const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a
    if (!isLetter && (at === start || byte < SPACE || byte > 0x7e)) return false
  }
  return true
}

/** As in Redis: `PROTO_INLINE_MAX_SIZE`. */
const LONGEST_INLINE = 64 << 10
/** Bytes of a line that are looked at to tell it from noise. */
const FIRST_WORD = 32
const SPACE = 0x20
