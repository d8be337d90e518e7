import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import type { EntryStream } from '../control.ts'

const end = z.object({ ip: z.string(), port: z.string() })
/** Agents may have changed an entry: what they have taken away is not there. */
const shape = z.object({
  stream: z.string(),
  node: z.object({ name: z.string() }),
  timestamp: z.number(),
  src: end.optional().catch(undefined),
  dst: end.optional().catch(undefined),
})

/** Where the packets of an entry (JSON text) are; undefined when it does not say. */
export function streamOf(text: string): EntryStream | undefined {
  const { data } = shape.safeParse(JSON.parse(text))
  if (data === undefined) return undefined
  const { stream, node, timestamp, src, dst } = data
  const ends = src === undefined || dst === undefined ? {} : { ends: [src, dst] satisfies [unknown, unknown] }
  return { stream, node: node.name, atMs: timestamp, ...ends }
}

/** The same for an entry whose packets somebody wants. Throws `E_NOT_FOUND` when it does not say. */
export function streamOfEntry(text: string): EntryStream {
  const stream = streamOf(text)
  if (stream !== undefined) return stream
  throw new Mistake(
    'E_NOT_FOUND',
    'the entry does not say which packets are its own: an agent has changed it',
  )
}

/** Each stream once, as its oldest entry names it. */
export function streamsOf(texts: readonly string[]): EntryStream[] {
  const streams = new Map<string, EntryStream>()
  for (const text of texts) {
    const stream = streamOf(text)
    if (stream === undefined) continue
    const { node, stream: name, ends } = stream
    const key = JSON.stringify([node, name, ends?.map(({ ip, port }) => `${ip} ${port}`).sort()])
    const known = streams.get(key)
    if (known === undefined || known.atMs > stream.atMs) streams.set(key, stream)
  }
  return [...streams.values()]
}
