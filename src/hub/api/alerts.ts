import type { FastifyReply } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { alertView, severity } from '../../wire/alerts.ts'
import { apiFailure } from '../../wire/api.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'

const params = z.strictObject({ id: z.string().min(1) })
const otherwise = { default: apiFailure }
const tags = ['alerts']

/** What agents have raised by `alert.raise`. */
export function alertRoutes({ control: { alerts } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/alerts', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Alerts, those that were raised last first',
        querystring: z.strictObject({
          state: z.enum(['open', 'closed']).optional(),
          severity: severity.optional(),
          agent: z.string().optional().describe('Identity or title of the agent'),
        }),
        response: { 200: z.array(alertView), ...otherwise },
      },
      handler: async ({ query: { state, severity, agent } }) =>
        (await alerts.list()).filter(
          (each) =>
            (state === undefined || each.state === state) &&
            (severity === undefined || each.severity === severity) &&
            (agent === undefined || each.agent === agent || each.agentTitle === agent),
        ),
    })

    app.get('/alerts/:id', {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One alert', params, response: { 200: alertView, ...otherwise } },
      handler: (request) => alerts.get(request.params.id),
    })

    app.post('/alerts/:id/close', {
      config: { role: 'operator', action: 'alert.close' },
      schema: {
        tags,
        summary: 'Closes an alert; it opens again when it is raised again',
        params,
        response: { 200: alertView, ...otherwise },
      },
      handler: (request) => alerts.close(request.params.id, callerOf(request).name),
    })

    app.get('/alerts/:id/pcap', {
      config: { role: 'operator', action: 'alert.pcap' },
      schema: {
        tags,
        summary: 'The packets that came with an alert: those of the connection of its entry',
        params,
        response: {
          200: {
            description: 'A capture file',
            content: { 'application/vnd.tcpdump.pcap': { schema: z.string().meta({ format: 'binary' }) } },
          },
          ...otherwise,
        },
      },
      handler: async ({ params: { id } }, reply) => {
        return replyWithPcap(reply, id, await alerts.pcap(id))
      },
    })
    done()
  }
}

function replyWithPcap(reply: FastifyReply, id: string, bytes: Uint8Array) {
  return reply
    .header('content-disposition', `attachment; filename="alert-${encodeURIComponent(id)}.pcap"`)
    .type('application/vnd.tcpdump.pcap')
    .send(Buffer.from(bytes))
}
