import type { ServerResponse } from 'node:http'

/**
 * Aborts when the client goes away before it has its answer. Fastify's own signal does so as soon as the body of the
 * request has been read.
 */
export function whenGone({ raw }: { readonly raw: ServerResponse }): AbortSignal {
  const gone = new AbortController()
  raw.once('close', () => {
    if (!raw.writableFinished) gone.abort()
  })
  return gone.signal
}
