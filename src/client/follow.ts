import { ZodError } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { Backoff } from '../waiting/backoff.ts'
import { pause } from '../waiting/pause.ts'
import type { StreamRequest } from '../wire/api.ts'
import { type Connection, incomprehensible } from './connection.ts'
import type { ConnectionEvents } from './hub-client.ts'
import { Stream } from './stream.ts'

export interface Follower<T> {
  /** What to ask for, each time that a connection is made. */
  request(): StreamRequest
  /** What a message has. Throws what the hub refuses. */
  read(message: string): readonly T[]
}

export interface Retry {
  /** How long to wait after the first failure; twice as long after each that follows … */
  readonly firstMs: number
  /** … and so long at most. */
  readonly mostMs: number
}

/**
 * What comes, over as many connections as it takes. The first one has to succeed; what the hub refuses ends it, and so
 * does the signal.
 */
export async function* follow<T>(
  connection: Connection,
  follower: Follower<T>,
  events: ConnectionEvents,
  { retry, signal }: { readonly retry: Retry; readonly signal: AbortSignal },
): AsyncIterable<T> {
  const backoff = new Backoff(retry.firstMs, retry.mostMs)
  let isLost = false
  let wasConnected = false
  while (!signal.aborted) {
    try {
      for await (const value of once(connection, follower, signal)) {
        if (value === 'connected') {
          if (wasConnected) events.restored()
          wasConnected = true
          isLost = false
          backoff.reset()
        } else yield* value
      }
    } catch (error) {
      if (signal.aborted) return
      if (!wasConnected || isFinal(error)) throw error
      if (!isLost) events.lost(error instanceof Error ? error.message : String(error))
      isLost = true
      await pause(backoff.next(), signal)
    }
  }
}

/** All that comes over one connection; always ends with an error. */
async function* once<T>(
  connection: Connection,
  follower: Follower<T>,
  signal: AbortSignal,
): AsyncIterable<'connected' | readonly T[]> {
  const stream = await Stream.open(connection, signal)
  try {
    stream.send(follower.request())
    const first = read(connection, follower, await stream.next(signal))
    yield 'connected'
    yield first
    for (;;) yield read(connection, follower, await stream.next(signal))
  } finally {
    stream.close()
  }
}

function read<T>(connection: Connection, follower: Follower<T>, message: string): readonly T[] {
  try {
    return follower.read(message)
  } catch (error) {
    throw isUnreadable(error) ? incomprehensible(connection, error) : error
  }
}

const isUnreadable = (error: unknown) => error instanceof SyntaxError || error instanceof ZodError

/** What a hub refuses it refuses again; but that it cannot be reached passes, and so does the bus behind it. */
function isFinal(error: unknown): boolean {
  return error instanceof Mistake && !PASSING.has(error.code)
}

const PASSING: ReadonlySet<string> = new Set(['E_HUB_UNREACHABLE', 'E_BUS', 'E_BUS_NO_ANSWER'])
