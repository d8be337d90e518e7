import type { Msg } from '@nats-io/transport-node'
import { createInbox } from '@nats-io/transport-node'
import type { Api } from './nats-link.ts'

/** A message as a consumer of JetStream hands it out. */
export interface Delivered {
  readonly message: Msg
  /** Where it is answered: taken, not taken, or still at work. */
  readonly reply: string
  /** How often it was handed out, this time included. */
  readonly deliveries: number
  readonly streamSequence: number
  /** Goes up by one with each that the consumer hands out. */
  readonly consumerSequence: number
  readonly at: number
  /** How many more the consumer has now. */
  readonly pending: number
}

export interface Pulled {
  readonly messages: readonly Delivered[]
  /** `none`: no more are there now; `broken`: the consumer is not there any more, or cannot be reached. */
  readonly end: 'enough' | 'none' | 'broken'
}

export interface PullOptions {
  readonly most: number
  /** How long to wait for the first one; 0: take what is there. */
  readonly waitMs: number
  /** Breaks it off: an outage, an end. */
  readonly signal: AbortSignal
}

/** Asks a consumer for messages once, and answers with all that have come. */
export function pull(
  { connection, js }: Api,
  stream: string,
  consumer: string,
  { most, waitMs, signal }: PullOptions,
): Promise<Pulled> {
  if (signal.aborted) return Promise.resolve({ messages: [], end: 'broken' })
  return new Promise((resolve) => {
    const messages: Delivered[] = []
    const finish = (end: Pulled['end']) => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
      if (!connection.isClosed()) subscription.unsubscribe()
      resolve({ messages, end })
    }
    const abort = () => finish('broken')
    const take = (error: Error | null, message: Msg) => {
      const next = error === null ? read(message) : 'broken'
      timer.refresh()
      if (next === undefined) return
      if (typeof next === 'string') return finish(next)
      messages.push(next)
      if (messages.length === most || (waitMs === 0 && next.pending === 0))
        finish(next.pending === 0 ? 'none' : 'enough')
    }
    const inbox = createInbox()
    const subscription = connection.subscribe(inbox, { callback: take })
    const timer = setTimeout(abort, Math.min(waitMs, HEARTBEAT_MS) + PATIENCE_MS)
    signal.addEventListener('abort', abort)
    const wanted = waitMs === 0 ? { no_wait: true } : { expires: waitMs * 1e6, ...heartbeat(waitMs) }
    connection.publish(
      `${js.apiPrefix}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      JSON.stringify({ batch: most, ...wanted }),
      {
        reply: inbox,
      },
    )
  })
}

/** Status messages have a code and no place; what is neither is nobody's. */
function read(message: Msg): Delivered | 'none' | 'broken' | undefined {
  const code = message.headers?.code ?? 0
  if (code === 100) return undefined
  if (code === 404 || code === 408) return 'none'
  if (code !== 0) return 'broken'
  return parse(message)
}

/** `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer sequence>.<ns>.<pending>`, with a domain and more in between where there is one. */
function parse(message: Msg): Delivered | undefined {
  const reply = message.reply ?? ''
  const tokens = reply.split('.')
  if (tokens.length < 9 || !reply.startsWith('$JS.ACK.')) return undefined
  const numbers = tokens.slice(tokens.length === 9 ? 4 : 6).map(Number)
  const [deliveries = 0, streamSequence = 0, consumerSequence = 0, ns = 0, pending = 0] = numbers
  if (!Number.isSafeInteger(streamSequence) || streamSequence === 0) return undefined
  return {
    message,
    reply,
    deliveries,
    streamSequence,
    consumerSequence,
    at: Math.floor(ns / 1e6),
    pending,
  }
}

/** A consumer that moves to another server forgets who waits, and says nothing more. */
function heartbeat(waitMs: number): { readonly idle_heartbeat?: number } {
  return waitMs > 2 * HEARTBEAT_MS ? { idle_heartbeat: HEARTBEAT_MS * 1e6 } : {}
}

const HEARTBEAT_MS = 2000
/** How much later than expected a word of the server may come. */
const PATIENCE_MS = 3000
