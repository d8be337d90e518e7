import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiFailure } from '../../wire/api.ts'
import { callSelector, type OutboxOrder, outboxAnswer } from '../../wire/outbox.ts'
import type { ApiContext } from './context.ts'

const node = z.string().optional().describe('Of this node alone')
const selection = z.strictObject({ ...callSelector.shape, node })
const response = { 200: z.array(outboxAnswer), default: apiFailure }
const tags = ['outbox']

/** Calls of helpers that agents have queued. */
export function outboxRoutes({ control: { outboxes } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    for (const [path, order, summary] of [
      ['/outbox', 'list', 'Queued calls that wait, by key, node by node; oldest first'],
      ['/outbox/dead', 'dead', 'Queued calls that were given up, node by node; newest first'],
    ] as const)
      app.get(path, {
        config: { role: 'viewer' },
        schema: { tags, summary, querystring: z.strictObject({ node }), response },
        handler: ({ query }) => outboxes.order({ order, selector: {} }, query.node),
      })

    app.post('/outbox/retry', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Calls that were given up wait again; answers how many',
        body: selection,
        response,
      },
      handler: (request) => {
        const { node: of, ...selector } = request.body
        request.note = { action: 'outbox.retry', target: JSON.stringify(request.body) }
        return outboxes.order({ order: 'retry', selector: selector satisfies OutboxOrder['selector'] }, of)
      },
    })

    app.post('/outbox/drop', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Deletes queued calls: those that were given up, or those that wait; answers how many',
        body: selection.extend({ which: z.enum(['dead', 'waiting']) }),
        response,
      },
      handler: (request) => {
        const { node: of, which, ...selector } = request.body
        request.note = { action: 'outbox.drop', target: JSON.stringify(request.body) }
        return outboxes.order({ order: `drop-${which}`, selector }, of)
      },
    })
    done()
  }
}
