import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { ApiContext } from './context.ts'

/** For those who start and stop hubs; they have no token. */
export function healthRoutes({ control }: ApiContext): FastifyPluginCallbackZod {
  const tags = ['hub']
  const readiness = z.object({ ready: z.boolean(), reasons: z.array(z.string()) })
  return (app, _options, done) => {
    app.get('/healthz', {
      config: { role: 'anyone' },
      schema: { tags, summary: 'Whether the hub lives', response: { 200: z.object({ alive: z.boolean() }) } },
      handler: async () => ({ alive: true }),
    })
    app.get('/readyz', {
      config: { role: 'anyone' },
      schema: {
        tags,
        summary: 'Whether the hub can do its work, and why not',
        response: { 200: readiness, 503: readiness },
      },
      handler: async (_request, reply) => {
        const { ready, reasons } = control.ready()
        return reply.status(ready ? 200 : 503).send({ ready, reasons: [...reasons] })
      },
    })
    done()
  }
}
