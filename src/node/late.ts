import type { Bucket, Change, ReadOptions, Stream, StreamMessage } from '../bus/bus.ts'
import { pause } from '../waiting/pause.ts'

/** A stream that can be used before the bus has been reached for the first time: what is done with it waits until then. */
export function lateStream(stream: Promise<Stream>): Stream {
  heard(stream)
  return {
    append: async (...append) => (await stream).append(...append),
    consume: async (...consume) => (await stream).consume(...consume),
    async *read(options: ReadOptions): AsyncIterable<StreamMessage> {
      yield* (await stream).read(options)
    },
  }
}

/** The same for a bucket. */
export function lateBucket(bucket: Promise<Bucket>): Bucket {
  heard(bucket)
  return {
    get: async (...get) => (await bucket).get(...get),
    put: async (...put) => (await bucket).put(...put),
    create: async (...create) => (await bucket).create(...create),
    update: async (...update) => (await bucket).update(...update),
    delete: async (...given) => (await bucket).delete(...given),
    keys: async (...keys) => (await bucket).keys(...keys),
    async *watch(options): AsyncIterable<Change> {
      yield* (await bucket).watch(options)
    },
  }
}

/** It may never come: whoever uses it is told. */
function heard(promise: Promise<unknown>): void {
  promise.catch(() => {})
}

/** Tries again, every second, until it succeeds; undefined when the signal aborts before. */
export async function untilDone<T>(
  attempt: () => Promise<T>,
  failed: (error: unknown) => void,
  signal: AbortSignal,
): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await attempt()
    } catch (error) {
      failed(error)
      await pause(AGAIN_MS, signal)
    }
  }
  return undefined
}

const AGAIN_MS = 1000
