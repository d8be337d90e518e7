import type { FastifyReply } from 'fastify'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiFailure } from '../../wire/api.ts'
import { type ReportFormat, type ReportView, reportId, reportsPage } from '../../wire/reports.ts'
import type { ApiContext } from './context.ts'
import { whenGone } from './gone.ts'

const params = z.strictObject({ node: z.string().min(1), id: reportId })
const otherwise = { default: apiFailure }
const tags = ['reports']

/** What agents have written by `report.write`. */
export function reportRoutes({ control: { reports } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/reports', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Reports of agents on all nodes, the newest first',
        response: {
          200: reportsPage,
          ...otherwise,
        },
      },
      handler: async (_request, reply) => {
        const { reports: all, missing } = await reports.list(whenGone(reply))
        return { reports: [...all], missing: [...missing] }
      },
    })

    app.get('/reports/:node/:id', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'A report, as a file: what is in it comes from the traffic, and nothing of it may run here',
        params,
        response: { 200: FILE, ...otherwise },
      },
      handler: async ({ params: { node, id } }, reply) => {
        const { report, content } = await reports.read(node, id, whenGone(reply))
        return replyWithReport(reply, report, content)
      },
    })

    app.delete('/reports/:node/:id', {
      config: { role: 'operator', action: 'report.delete' },
      schema: { tags, summary: 'Deletes a report', params, response: { 204: z.undefined(), ...otherwise } },
      handler: async (request, reply) => {
        const { node, id } = request.params
        request.note = { target: `${node}/${id}` }
        await reports.delete(node, id, whenGone(reply))
        return reply.status(204).send()
      },
    })
    done()
  }
}

/** Should a browser show it all the same, it is nobody's page: without scripts, and of no origin. */
function replyWithReport(reply: FastifyReply, { name, format }: ReportView, content: Buffer): FastifyReply {
  return reply
    .header('content-disposition', attachmentOf(name, format))
    .header(
      'content-security-policy',
      "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    )
    .header('x-content-type-options', 'nosniff')
    .type(`${TYPES[format]}; charset=utf-8`)
    .send(content)
}

const TYPES: Readonly<Record<ReportFormat, string>> = {
  html: 'text/html',
  markdown: 'text/markdown',
  csv: 'text/csv',
  json: 'application/json',
}

const ENDINGS: Readonly<Record<ReportFormat, string>> = {
  html: '.html',
  markdown: '.md',
  csv: '.csv',
  json: '.json',
}

const FILE = {
  description: 'The report',
  content: Object.fromEntries(
    Object.values(TYPES).map((type) => [type, { schema: z.string().meta({ format: 'binary' }) }]),
  ),
}

/** Names are of letters of any language, digits and few signs: RFC 6266 wants two forms of them. */
function attachmentOf(name: string, format: ReportFormat): string {
  const ending = ENDINGS[format]
  const whole = /\.(html?|md|markdown|csv|json)$/i.test(name) ? name : `${name}${ending}`
  const plain = whole.replace(/[^\w.-]+/g, '_')
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(whole)}`
}
