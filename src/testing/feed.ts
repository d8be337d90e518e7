import {
  type Dissector,
  JOINED,
  type Message,
  type Opening,
  type Paired,
  type Parser,
  type Side,
  type Step,
} from '../dissect/dissector.ts'
import type { ObjectShape } from '../entry/shape.ts'

/** What `feed` saw: messages in order with the side that sent them, exchanges that were paired, and what stopped a side. */
export interface Fed {
  readonly messages: { side: Side; message: unknown; id?: string | number }[]
  readonly exchanges: Paired[]
  readonly switched: string | undefined
  readonly invalid: string | undefined
}

/** What a side sends; a number is a gap of so many bytes, null the end of the side. */
export type Chunk = readonly [Side, Uint8Array | string | number | null]

/** A connection that is read from its first byte on. */
export const AT_THE_START: Opening = { ...JOINED, isWhole: true }

/**
 * Drives a dissector's parsers as the engine does, without packets: `chunks` arrive one after another, each from a
 * side, which has received what came before. A chunk of null is the end of that side; a number is a gap of so many bytes.
 */
export function feed<Req extends ObjectShape, Res extends ObjectShape>(
  dissector: Dissector<Req, Res>,
  chunks: readonly Chunk[],
  context = { wantsBodies: true, maxBody: 1 << 20 },
  opening: Partial<Opening> = {},
): Fed {
  const sent = { client: 0, server: 0 }
  let current: Side = 'client'
  const place = {
    get sent() {
      return sent[current] - sides[current].inHand
    },
    get end() {
      return sent[current]
    },
    get heard() {
      return sent[current === 'client' ? 'server' : 'client']
    },
  }
  const parsers = dissector.open(context, { ...AT_THE_START, place, ...opening })
  const sides = { client: new FedSide(parsers.client), server: new FedSide(parsers.server) }
  const fed = {
    messages: [] as Fed['messages'],
    exchanges: [] as Fed['exchanges'],
    switched: undefined as string | undefined,
    invalid: undefined as string | undefined,
  }
  const emit = (side: Side, message: Message<ObjectShape>, id?: string | number) => {
    fed.messages.push(id === undefined ? { side, message } : { side, message, id })
  }

  for (const [from, chunk] of chunks) {
    const side = sides[from]
    sent[from] += typeof chunk === 'number' ? chunk : (chunk?.length ?? 0)
    current = from
    if (side.dead) continue
    if (typeof chunk === 'number') side.gap(chunk)
    else if (chunk === null) side.end(handle(from))
    else side.push(typeof chunk === 'string' ? Buffer.from(chunk, 'latin1') : chunk, handle(from))
  }
  for (let each = parsers.abandon?.(); each !== undefined; each = parsers.abandon?.())
    fed.exchanges.push(each)
  return fed

  function handle(from: Side) {
    return (step: Step<Message<ObjectShape>>) => {
      if (step.kind === 'message') emit(from, step.message, step.id)
      if (step.kind === 'exchange') fed.exchanges.push(step)
      if (step.kind === 'invalid') fed.invalid = step.reason
      if (step.kind === 'switch') {
        if (step.message !== undefined) emit(from, step.message)
        fed.switched = step.to
      }
    }
  }
}

class FedSide {
  readonly #parser: Parser<Message<ObjectShape>>
  #held = Buffer.alloc(0)
  #need = 1
  #skip = 0
  dead = false

  get inHand(): number {
    return this.#held.length
  }

  constructor(parser: Parser<unknown>) {
    this.#parser = parser as Parser<Message<ObjectShape>>
  }

  push(chunk: Uint8Array, handle: (step: Step<Message<ObjectShape>>) => void): void {
    this.#held = Buffer.concat([this.#held, chunk])
    // After a skip, and after an exchange, a parser is asked again, even with nothing in hand.
    let isAskedAgain = false
    while (!this.dead) {
      const skipped = Math.min(this.#skip, this.#held.length)
      this.#held = this.#held.subarray(skipped)
      this.#skip -= skipped
      if (this.#skip > 0) return
      if (skipped > 0) isAskedAgain = true
      if (!isAskedAgain && this.#held.length < this.#need) return
      isAskedAgain = false
      this.#need = 1
      // A copy, as the engine's buffer is reused: a parser that keeps a view fails here.
      const bytes = new Uint8Array(this.#held)
      const step = this.#parser.next(bytes, 0, bytes.length)
      bytes.fill(0xee)
      handle(step)
      if (step.kind === 'incomplete') {
        if (step.need <= this.#held.length)
          throw new Error(`need ${step.need} with ${this.#held.length} here`)
        this.#need = step.need
        return
      }
      if (step.kind === 'invalid' || step.kind === 'switch') this.dead = true
      else if (step.kind === 'skip') this.#skip = step.length
      else {
        if (step.kind === 'partial' && step.length < 1) throw new Error('partial must take bytes')
        this.#held = this.#held.subarray(step.length)
      }
      if ((step.kind === 'skip' && step.length === 0) || step.kind === 'exchange') isAskedAgain = true
    }
  }

  gap(length: number): void {
    const skipped = Math.min(this.#skip, length)
    this.#skip -= skipped
    if (skipped > 0) this.#parser.missed?.()
    const left = length - skipped
    if (left > 0 && (this.#parser.gap?.(left) ?? 0) < left) this.dead = true
  }

  end(handle: (step: Step<Message<ObjectShape>>) => void): void {
    this.dead = true
    for (let last = this.#parser.end?.(true); last !== undefined; last = this.#parser.end?.(true)) {
      if ('message' in last) handle({ kind: 'message', length: 0, ...last })
      else handle({ kind: 'exchange', length: 0, ...last })
    }
  }
}
