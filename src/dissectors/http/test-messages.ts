import type { Side } from '../../dissect/dissector.ts'
import type { ObjectShape } from '../../entry/shape.ts'
import { type Fed, feed } from '../../testing/feed.ts'
import { http } from './dissector.ts'
import { type HttpRequest, type HttpResponse, requestShape, responseShape } from './messages.ts'

type Chunks = Parameters<typeof feed>[1]
type Context = Parameters<typeof feed>[2]

/** What the client sent, in one piece. */
export function readRequests(wire: string | Uint8Array, context?: Context): readonly HttpRequest[] {
  return requestsOf(feed(http, [['client', wire]], context))
}

/** What the server sent, in one piece, up to where it closed. */
export function readReplies(wire: string | Uint8Array, context?: Context): readonly HttpResponse[] {
  return repliesOf(
    feed(
      http,
      [
        ['server', wire],
        ['server', null],
      ],
      context,
    ),
  )
}

export function firstRequest(wire: string | Uint8Array, context?: Context): HttpRequest {
  return only(readRequests(wire, context))
}

export function firstReply(wire: string | Uint8Array, context?: Context): HttpResponse {
  return only(readReplies(wire, context))
}

export function requestsOf(fed: Fed): readonly HttpRequest[] {
  return fed.messages.filter(({ side }) => side === 'client').map(({ message }) => message as HttpRequest)
}

export function repliesOf(fed: Fed): readonly HttpResponse[] {
  return fed.messages.filter(({ side }) => side === 'server').map(({ message }) => message as HttpResponse)
}

/** Everything that agents can see of what was fed, as plain data. */
export function seen(chunks: Chunks, context?: Context): unknown {
  const { messages, switched, invalid } = feed(http, chunks, context)
  return { messages: messages.map(({ side, message }) => plain(side, message)), switched, invalid }
}

export function plain(side: Side, message: unknown): Record<string, unknown> {
  return fieldsOf(side === 'client' ? requestShape : responseShape, message)
}

function fieldsOf(shape: ObjectShape, value: unknown): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(shape.fields).map(([name, field]) => {
      const inner = (value as Record<string, unknown>)[name]
      if (field.kind === 'object') return [name, inner === null ? null : fieldsOf(field, inner)]
      return [name, field.kind === 'map' ? { ...(inner as object) } : inner]
    }),
  )
}

function only<M>(messages: readonly M[]): M {
  const [message] = messages
  if (message === undefined) throw new Error('no message was read')
  return message
}
