import { z } from 'zod'
import { consoleFilter, consoleLine } from './console.ts'
import { mapView } from './map.ts'
import { agentView, nodeView } from './views.ts'

/** Where the HTTP interface of a hub begins. */
export const API_PATH = '/api/v1'
/** The stream of what comes, over a WebSocket. */
export const STREAM_PATH = `${API_PATH}/stream`

/** What a hub answers instead, when it refuses or fails. */
export const apiFailure = z.object({
  code: z.string().describe('Which kind of mistake: `E_NOT_FOUND`, …; `E_INTERNAL`: none of who asked'),
  message: z.string(),
  hint: z.string().optional().describe('How to mend it'),
})

const streamId = z.string().min(1).max(100).describe('Name of the subscription, as the client likes it')

/** What a client wants to get on the stream … */
export const subscription = z.discriminatedUnion(
  'subscribe',
  [
    z.strictObject({ subscribe: z.literal('entries'), id: streamId, filter: z.string().default('') }),
    z.strictObject({ subscribe: z.literal('console'), id: streamId, ...consoleFilter.shape }),
    z.strictObject({ subscribe: z.literal('agents'), id: streamId }),
    z.strictObject({ subscribe: z.literal('nodes'), id: streamId }),
    z.strictObject({
      subscribe: z.literal('map'),
      id: streamId,
      filter: z.string().default(''),
      window: z
        .number()
        .min(0)
        .max(86_400)
        .default(300)
        .describe('Seconds up to now; 0: all that is kept, and what comes'),
    }),
  ],
  {
    error: ({ code }) =>
      code === 'invalid_union' ? 'expected entries, console, agents, nodes or map' : undefined,
  },
)

/** … and what no longer. */
export const unsubscription = z.strictObject({ unsubscribe: streamId })

/**
 * What a hub says on the stream, but for entries. The first message of a subscription has only `id` and `now`; one with
 * `error` is its last.
 */
export const streamMessage = z.object({
  id: z.string(),
  now: z.number().optional().describe('Clock of the hub, ms since the epoch'),
  lines: z.array(consoleLine).optional(),
  dropped: z
    .number()
    .int()
    .optional()
    .describe('Console lines that this client was too slow for, since the last message'),
  agents: z.array(agentView).optional(),
  nodes: z.array(nodeView).optional(),
  map: mapView.optional(),
  error: apiFailure.optional(),
})

/** Head of a message with entries. */
export const liveHead = z.object({
  id: z.string(),
  node: z.string(),
  dropped: z.number().int().describe('Entries that matched and were lost on the way, since the last message'),
})

/** Head of a page of entries. */
export const pageHead = z.object({
  cursor: z.string().nullable().describe('Where to go on; null at the end'),
  scanned: z.number().describe('Entries that were looked at'),
  missing: z.array(z.string()).describe('Workers that did not answer in time'),
})

export type ApiFailure = z.infer<typeof apiFailure>
export type StreamRequest = z.input<typeof subscription> | z.input<typeof unsubscription>
export type StreamMessage = z.infer<typeof streamMessage>
