import type { Opening, Paired, Side } from '../../dissect/dissector.ts'
import { feed } from '../../testing/feed.ts'
import { plain } from '../http/test-messages.ts'
import { http2 } from './dissector.ts'

type Chunks = Parameters<typeof feed>[1]
type Context = Parameters<typeof feed>[2]

/** Joined midway. */
export const MIDWAY: Partial<Opening> = { isWhole: false }

/** What the parsers make of it, one after another. */
export function exchangesOf(
  chunks: Chunks,
  context?: Context,
  opening?: Partial<Opening>,
): readonly Paired[] {
  return feed(http2, chunks, context, opening).exchanges
}

/** The same, an exchange a line: `1 GET /a 200`, with what is missing as `?`, `…` behind what is incomplete, and why. */
export function told(chunks: Chunks, context?: Context, opening?: Partial<Opening>): string[] {
  return exchangesOf(chunks, context, opening).map(({ request, response, error }) => {
    const { method, path, incomplete: isCut } = fields(request)
    const { status, incomplete } = fields(response)
    const asked = request === null ? '?' : `${method} ${path}${isCut ? '…' : ''}`
    const answered = response === null ? '?' : `${status}${incomplete ? '…' : ''}`
    const id = request?.id ?? response?.id
    return `${id} ${asked} ${answered}${error === undefined || error === null ? '' : ` (${error.msg})`}`
  })
}

/** Everything that agents can see of it. */
export function seen(chunks: Chunks, context?: Context, opening?: Partial<Opening>): unknown {
  const { exchanges, invalid } = feed(http2, chunks, context, opening)
  const half = (side: Side, found: Paired['request']) =>
    found && { id: found.id, size: found.size, message: plain(side, found.message) }
  return {
    exchanges: exchanges.map(({ request, response, error }) => ({
      request: half('client', request),
      response: half('server', response),
      error,
    })),
    invalid,
  }
}

function fields(found: Paired['request']): Readonly<Record<string, unknown>> {
  return (found?.message ?? {}) as Readonly<Record<string, unknown>>
}
