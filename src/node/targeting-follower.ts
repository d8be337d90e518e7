import type { Bucket } from '../bus/bus.ts'
import { pause } from '../waiting/pause.ts'
import { decode } from '../wire/codec.ts'
import { TARGETING_KEY, type TargetingState, targetingState } from '../wire/targeting.ts'

/** What is in force, and its revision in the bucket. */
export interface KnownTargeting {
  readonly state: TargetingState
  readonly revision: number
}

/** Which pods are to be captured, as the bucket of state has it: follows that, and goes on with what is known while it cannot. */
export class TargetingFollower {
  readonly #bucket: Pick<Bucket, 'watch'>
  readonly #listeners = new Set<() => void>()
  readonly #closing = new AbortController()
  readonly #watching: Promise<void>
  #known: KnownTargeting | undefined
  /** Values that made no sense. */
  malformed = 0

  constructor(bucket: Pick<Bucket, 'watch'>) {
    this.#bucket = bucket
    this.#watching = this.#watch()
  }

  /** Undefined while nothing was read, or nobody has written anything. */
  get known(): KnownTargeting | undefined {
    return this.#known
  }

  /** Answers how to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#watching
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        for await (const change of this.#bucket.watch({ prefix: TARGETING_KEY, signal }))
          if (change.kind === 'put' && change.key === TARGETING_KEY)
            this.#learn(change.value, change.revision)
      } catch {
        // The bus goes on by itself; what it could not watch at all is tried again.
      }
      await pause(AGAIN_MS, signal)
    }
  }

  #learn(value: Uint8Array, revision: number): void {
    const state = decode(targetingState, value)
    if (state === undefined) this.malformed++
    else {
      this.#known = { state, revision }
      for (const listener of this.#listeners) listener()
    }
  }
}

const AGAIN_MS = 1000
