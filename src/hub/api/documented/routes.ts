import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { validateFilter } from '../../../filter/index.ts'
import { apiFailure } from '../../../wire/api.ts'
import { targetingRules } from '../../../wire/targeting.ts'
import { callerOf } from '../access.ts'
import type { ApiContext } from '../context.ts'
import { NotDone } from '../failures.ts'
import { findEntry, findEntryOfStream } from '../find-entry.ts'
import { whenGone } from '../gone.ts'
import { captureFile, packetsOfEntry, replyWithPackets } from '../packet-file-reply.ts'
import { plainTargets, targeted } from '../routes.ts'
import { rulesText } from '../targeting.ts'
import { fieldsOf, rowOf, wrapperOf } from './rows.ts'

const tags = ['as on Kubeshark']
const otherwise = { default: apiFailure }

/** What tools for Kubeshark ask (agent-api §10.3), but for scripts and WebSockets. */
export function documentedRoutes(context: ApiContext): FastifyPluginCallbackZod {
  const { control, config, version, now } = context
  return (app, _options, done) => {
    app.get('/echo', {
      config: { role: 'anyone' },
      schema: {
        tags,
        summary: 'Whether the hub is there',
        response: { 200: { content: { 'text/plain': { schema: z.string() } } }, ...otherwise },
      },
      handler: async (_request, reply) => {
        reply.type('text/plain')
        return 'Remora'
      },
    })

    app.get('/metadata/version', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Version of Remora',
        response: { 200: z.object({ ver: z.string() }), ...otherwise },
      },
      handler: async () => ({ ver: version }),
    })

    app.get('/query/validate', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Whether a filter can be read',
        querystring: z.object({ q: z.string().default('') }),
        response: { 200: z.object({ valid: z.boolean(), message: z.string() }), ...otherwise },
      },
      handler: async ({ query }) => {
        const { customMacros: macros } = config.tap
        const { valid, message } = validateFilter(query.q, { prefer: 'kfl2', macros, now: now() })
        return { valid, message }
      },
    })

    app.get('/item/:worker/:id', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'An entry with what a detail view draws, or one part of that',
        params: z.object({ worker: z.string().min(1), id: z.string().min(1) }),
        querystring: z.object({
          q: z.string().optional().describe('Taken, and not needed here'),
          field: z.enum(['protocol', 'representation', 'data', 'base']).optional(),
        }),
        response: { 200: z.unknown(), ...otherwise },
      },
      handler: async ({ params, query }, reply) => {
        const text = await findEntry(control, `${params.worker}/${params.id}`, whenGone(reply))
        const wrapper = wrapperOf(fieldsOf(text))
        return query.field === undefined ? wrapper : wrapper[query.field]
      },
    })

    for (const url of ['/pods/targeted', '/pods/targetted'])
      for (const method of ['GET', 'POST'] as const)
        app.route({
          method,
          url,
          config: { role: 'viewer' },
          schema: { tags, summary: 'Pods that are captured', response: { 200: targeted, ...otherwise } },
          handler: async () => {
            const { targets, excluded } = await control.targeted()
            return plainTargets(targets, excluded)
          },
        })

    app.post('/pods/regex', {
      config: { role: 'operator', action: 'targeting.change' },
      schema: {
        tags,
        summary: 'Captures pods whose names match, in these namespaces; answers those that are captured then',
        body: z.object({
          // Who says nothing does not mean all pods.
          regex: targetingRules.shape.regex.unwrap(),
          namespaces: targetingRules.shape.namespaces.nullish(),
        }),
        response: { 200: targeted, ...otherwise },
      },
      handler: async (request) => {
        const { regex, namespaces } = request.body
        const change = { regex, namespaces: namespaces ?? [] }
        const { rules, version } = await control.targeting.change(change, callerOf(request).name)
        request.note.detail = `version ${version}: ${rulesText(rules)}`
        const { targets, excluded } = await control.targeted()
        return plainTargets(targets, excluded)
      },
    })

    app.get('/pcaps/download/:worker/:id', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'Packets of a connection, by its stream or by one of its entries, as a capture file',
        params: z.object({
          worker: z.string().min(1),
          id: z.string().min(1).describe('`000000000042.pcap`, or `000000000042.pcap-1`'),
        }),
        response: captureFile,
      },
      handler: async ({ params: { worker, id } }, reply) => {
        const signal = whenGone(reply)
        const text = /-\d+$/.test(id)
          ? await findEntry(control, `${worker}/${id}`, signal)
          : await findEntryOfStream(control, { worker, stream: id }, signal)
        const open = await packetsOfEntry(control, text, { signal })
        return replyWithPackets(reply, [open], { name: id, streams: 1, cut: undefined })
      },
    })

    app.get('/pcaps/total-tcp-streams', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'TCP connections that workers know now',
        response: { 200: z.object({ total: z.number() }), ...otherwise },
      },
      handler: async () => {
        const counts = control.nodes().map(({ counters }) => counters[LIVE_STREAMS] ?? 0)
        return { total: counts.reduce((sum, count) => sum + count, 0) }
      },
    })

    app.post('/settings/dissection', {
      config: { role: 'admin', action: 'settings.dissection' },
      schema: {
        tags,
        summary: 'Dissection is always on; turning it off is answered with 501',
        body: z.object({ enabled: z.boolean() }),
        response: { 200: z.object({ enabled: z.boolean() }), ...otherwise },
      },
      handler: async ({ body }) => {
        if (!body.enabled) throw dissectionStays()
        return { enabled: true }
      },
    })
    done()
  }
}

/** What of the access for models makes sense without them. */
export function mcpRoutes({ control }: ApiContext): FastifyPluginCallbackZod {
  const switched = z.object({ success: z.boolean(), enabled: z.boolean() })
  return (app, _options, done) => {
    app.get('/mcp/dissection', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Whether traffic is dissected',
        response: { 200: z.object({ enabled: z.boolean() }), ...otherwise },
      },
      handler: async () => ({ enabled: true }),
    })

    app.post('/mcp/dissection/enable', {
      config: { role: 'admin', action: 'settings.dissection' },
      schema: { tags, summary: 'It is on anyhow', response: { 200: switched, ...otherwise } },
      handler: async () => ({ success: true, enabled: true }),
    })

    app.post('/mcp/dissection/disable', {
      config: { role: 'admin', action: 'settings.dissection' },
      schema: { tags, summary: 'Answered with 501', response: { 200: switched, ...otherwise } },
      handler: async () => {
        throw dissectionStays()
      },
    })

    app.get('/mcp/calls', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Entries, newest first',
        querystring: z.object({
          kfl: z.string().default(''),
          limit: z.coerce.number().int().min(1).max(1000).default(100),
          format: z.enum(['compact', 'full', 'raw']).default('compact'),
          start: z.coerce.number().optional().describe('Not before, ms since the epoch'),
          end: z.coerce.number().optional().describe('Not after, ms since the epoch'),
          group_by: z.string().optional().describe('Answered with 501'),
          db: z.string().optional().describe('Answered with 501'),
        }),
        response: {
          200: z.object({ total: z.number(), calls: z.array(z.record(z.string(), z.unknown())) }),
          ...otherwise,
        },
      },
      handler: async ({ query }, reply) => {
        const { kfl, limit, format, start, end, group_by, db } = query
        if (group_by !== undefined || db !== undefined)
          throw new NotDone('calls are not grouped, and there are no other stores')
        const from = start === undefined ? {} : { from: start }
        const to = end === undefined ? {} : { to: end }
        const { entries } = await control.entries({ filter: kfl, limit, ...from, ...to }, whenGone(reply))
        const calls = entries.map((text) => ({
          ...(format === 'compact' ? rowOf(fieldsOf(text)) : fieldsOf(text)),
        }))
        return { total: calls.length, calls }
      },
    })

    app.post('/mcp/tools/get_api_call_details', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'One entry',
        body: z.object({ id: z.string().describe('<worker>/<stream>-<index>') }),
        response: { 200: z.record(z.string(), z.unknown()), ...otherwise },
      },
      handler: async ({ body }, reply) => ({
        ...fieldsOf(await findEntry(control, body.id, whenGone(reply))),
      }),
    })
    done()
  }
}

/** What Kubeshark has and this hub does not: told in words, so that nobody looks for the mistake on their side. */
export function missingRoutes(): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    for (const [method, url, why] of MISSING)
      app.route({
        method,
        url,
        config: { role: 'viewer' },
        schema: { tags, summary: `Not done here: ${why}`, response: { 501: apiFailure, ...otherwise } },
        handler: async () => {
          throw new NotDone(`this hub does not do that: ${why}`)
        },
      })
    done()
  }
}

function dissectionStays(): NotDone {
  return new NotDone(
    'dissection cannot be turned off while workers run',
    'Leave protocols out with tap.enabledDissectors.',
  )
}

/** Counter of a worker's status. */
const LIVE_STREAMS = 'liveTcpStreams'

const PACKETS =
  'GET /api/v1/pcap?filter=… has the packets of all entries that match, recordings have names as well'
const TARGETS = 'what is captured is set with PUT /api/v1/targeting'
const LICENCE = 'there are no licences'
const MODELS = 'models use GET /mcp/calls, and the API under /api/v1'

const MISSING = [
  ['POST', '/pcaps/merge', PACKETS],
  ['GET', '/pcaps/replay/:worker/:id', 'traffic is not sent again'],
  ['GET', '/pcaps/name-resolution-history', 'entries have the names of their addresses'],
  ['POST', '/pcaps/set-storage-limit', 'the limit is tap.storageLimit'],
  ['POST', '/pods/target/*', TARGETS],
  ['POST', '/pods/worker', TARGETS],
  ['GET', '/license', LICENCE],
  ['POST', '/license', LICENCE],
  ['GET', '/mcp', MODELS],
  ['POST', '/mcp/tools/call', MODELS],
] as const
