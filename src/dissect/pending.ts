import type { DissectContext } from './dissector.ts'
import { Queue } from './queue.ts'

/** What is kept of a request while it waits: of its bytes, and beside them. */
export function keptOf(size: number, { wantsBodies, maxBody }: DissectContext): number {
  return MESSAGE_COST + Math.min(size, Math.max(wantsBodies ? maxBody : 0, LONGEST_HEAD))
}

/** In steps: the books on memory need not be touched for each small request. */
export function inSteps(kept: number): number {
  return kept - (kept % STEP)
}

/** What requests keep has to be known, and by which number their replies find them, if by any. */
export interface Waiting {
  readonly id: string | number | undefined
  readonly kept: number
}

/** The requests of a connection that wait for their replies, the oldest first: those without ids, or those with. */
export class PendingRequests<R extends Waiting> {
  readonly #inOrder = new Queue<R>()
  readonly #byId = new Map<string | number, R>()
  #kept = 0

  get length(): number {
    return this.#inOrder.length + this.#byId.size
  }

  /** Bytes that they keep, in steps. */
  get kept(): number {
    return inSteps(this.#kept)
  }

  /** The oldest one without an id, and the one after it. */
  get first(): R | undefined {
    return this.#inOrder.first
  }

  get second(): R | undefined {
    return this.#inOrder.length > 1 ? this.#inOrder.at(1) : undefined
  }

  /** Answers with the one that had the same id. */
  add(request: R): R | undefined {
    const { id } = request
    const earlier = id === undefined ? undefined : this.take(id)
    if (id === undefined) this.#inOrder.push(request)
    else this.#byId.set(id, request)
    this.#kept += request.kept
    return earlier
  }

  take(id: string | number): R | undefined {
    const request = this.#byId.get(id)
    if (request === undefined) return undefined
    this.#byId.delete(id)
    this.#kept -= request.kept
    return request
  }

  takeOldest(): R | undefined {
    const request = this.#inOrder.shift()
    if (request !== undefined) {
      this.#kept -= request.kept
      return request
    }
    if (this.#byId.size === 0) return undefined
    const [id] = this.#byId.keys()
    return this.take(id as string | number)
  }

  /** The newest ones without ids, so many at most. */
  *newest(most: number): Generator<R> {
    const { length } = this.#inOrder
    for (let index = Math.max(0, length - most); index < length; index++) yield this.#inOrder.at(index)
  }
}

/** What a message takes that has no bytes. */
export const MESSAGE_COST = 512
/** As much is kept where nobody wants bodies. */
const LONGEST_HEAD = 8 << 10
const STEP = 4 << 10
