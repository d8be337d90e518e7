import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { agentChange, agentDraft, agentVersion, MOST_CODE_BYTES } from '../../wire/agents.ts'
import { apiFailure, pageHead } from '../../wire/api.ts'
import { auditRecord } from '../../wire/audit.ts'
import { consoleFilter, consoleLine } from '../../wire/console.ts'
import { effectsPage, effectsQuery } from '../../wire/effects.ts'
import { entriesQuery, entriesSource } from '../../wire/entries.ts'
import { joinEntries } from '../../wire/entry-lines.ts'
import { jobAnswer, jobOrder, jobSelector } from '../../wire/jobs.ts'
import { agentView, nodeView, sharedValue } from '../../wire/views.ts'
import { callerOf, requireRawAccess } from './access.ts'
import type { ApiContext } from './context.ts'
import { replyWithJson } from './failures.ts'
import { findEntry } from './find-entry.ts'
import { whenGone } from './gone.ts'

type Routes = FastifyPluginCallbackZod

const agentParams = z.strictObject({ agent: z.string().min(1).describe('Identity, index or title') })
const none = z.undefined()
/** What every route may answer instead. */
const otherwise = { default: apiFailure }

/** Agents: what there is, what it was, what is to be. */
export function agentRoutes({ control }: ApiContext): Routes {
  return (app, _options, done) => {
    const tags = ['agents']
    app.get('/agents', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'All agents, with how they do on each node',
        response: { 200: z.array(agentView), ...otherwise },
      },
      handler: async () => [...(await control.agents())],
    })

    app.post('/agents', {
      config: { role: 'author', action: 'agent.create' },
      schema: {
        tags,
        summary: 'A new agent; refused when its code is not in the language',
        body: z.strictObject(agentDraft.shape),
        response: { 201: agentView, ...otherwise },
      },
      handler: async (request, reply) => {
        request.note.target = request.body.title ?? request.body.source?.path ?? ''
        refuseLongCode(request.body.code)
        const agent = await control.createAgent(request.body, callerOf(request).name)
        request.note = { target: agent.id, detail: `"${agent.title}", index ${agent.index}` }
        return reply.status(201).send(agent)
      },
    })

    app.get('/agents/:agent', {
      config: { role: 'viewer' },
      schema: { tags, summary: 'One agent', params: agentParams, response: { 200: agentView, ...otherwise } },
      handler: (request) => control.agent(request.params.agent),
    })

    app.patch('/agents/:agent', {
      config: { role: 'author', action: 'agent.update' },
      schema: {
        tags,
        summary: 'Other code, another title, or whether it is active',
        params: agentParams,
        body: z.strictObject(agentChange.shape),
        response: { 200: agentView, ...otherwise },
      },
      handler: async (request) => {
        request.note.detail = `${Object.keys(request.body).join(', ')}`
        refuseLongCode(request.body.code)
        const agent = await control.updateAgent(request.params.agent, request.body, callerOf(request).name)
        request.note.detail += `; version ${agent.version}`
        return agent
      },
    })

    app.delete('/agents/:agent', {
      config: { role: 'author', action: 'agent.delete' },
      schema: {
        tags,
        summary: 'Deletes an agent',
        params: agentParams,
        querystring: z.strictObject({
          ifVersion: z.coerce.number().int().optional().describe('Refused when it is another one by now'),
        }),
        response: { 204: none, ...otherwise },
      },
      handler: async (request, reply) => {
        await control.deleteAgent(request.params.agent, callerOf(request).name, request.query.ifVersion)
        return reply.status(204).send()
      },
    })

    app.get('/agents/:agent/history', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Versions that are kept, newest first',
        params: agentParams,
        response: { 200: z.array(agentVersion), ...otherwise },
      },
      handler: async (request) => [...(await control.history(request.params.agent))],
    })

    app.post('/agents/:agent/rollback', {
      config: { role: 'author', action: 'agent.rollback' },
      schema: {
        tags,
        summary: 'A new version with the code and the title of an old one',
        params: agentParams,
        body: z.strictObject({ version: z.number().int().positive() }),
        response: { 200: agentView, ...otherwise },
      },
      handler: (request) => {
        const { version } = request.body
        request.note.detail = `to version ${version}`
        return control.rollback(request.params.agent, version, callerOf(request).name)
      },
    })

    for (const [verb, active] of [['activate', true] as const, ['deactivate', false] as const])
      app.post(`/agents/:agent/${verb}`, {
        config: { role: 'operator', action: `agent.${verb}` },
        schema: {
          tags,
          summary: active ? 'Runs an agent' : 'Runs an agent no longer',
          params: agentParams,
          response: { 200: agentView, ...otherwise },
        },
        handler: (request) => control.updateAgent(request.params.agent, { active }, callerOf(request).name),
      })

    app.get('/active-titles', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Titles and file names that are active as soon as they exist',
        response: { 200: z.array(z.string()), ...otherwise },
      },
      handler: async () => [...(await control.activeTitles())],
    })

    app.get('/shared', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What agents share by cluster.*',
        response: { 200: z.array(sharedValue), ...otherwise },
      },
      handler: async () => [...(await control.shared())],
    })
    done()
  }
}

/** Console and jobs of agents. */
export function operationRoutes({ control }: ApiContext): Routes {
  return (app, _options, done) => {
    app.get('/console', {
      config: { role: 'viewer' },
      schema: {
        tags: ['console'],
        summary: 'Lines that are kept, oldest first',
        querystring: z.strictObject(consoleFilter.shape),
        response: { 200: z.object({ lines: z.array(consoleLine) }), ...otherwise },
      },
      handler: async ({ query }, reply) => ({
        lines: await Array.fromAsync(
          control.console(
            { ...query, last: Math.min(query.last ?? MOST_LINES, MOST_LINES) },
            false,
            whenGone(reply),
          ),
        ),
      }),
    })

    app.delete('/console', {
      config: { role: 'operator', action: 'console.clear' },
      schema: {
        tags: ['console'],
        summary: 'Empties the console of an agent, or of all',
        querystring: z.strictObject({ agent: z.string().optional().describe('Identity, index or title') }),
        response: { 204: none, ...otherwise },
      },
      handler: async (request, reply) => {
        request.note.target = request.query.agent ?? 'all'
        await control.clearConsole(request.query.agent)
        return reply.status(204).send()
      },
    })

    app.get('/jobs', {
      config: { role: 'viewer' },
      schema: {
        tags: ['jobs'],
        summary: 'Jobs, node by node',
        querystring: z.strictObject(jobSelector.shape),
        response: { 200: z.array(jobAnswer), ...otherwise },
      },
      handler: async ({ query }) => [...(await control.jobs({ order: 'list', selector: query }))],
    })

    app.post('/jobs/order', {
      config: { role: 'operator' },
      schema: {
        tags: ['jobs'],
        summary: 'Runs, removes, starts or stops jobs; answers those that it was about',
        body: z.strictObject({ ...jobOrder.shape, selector: z.strictObject(jobSelector.shape) }),
        response: { 200: z.array(jobAnswer), ...otherwise },
      },
      handler: async (request) => {
        const { order, selector } = request.body
        if (order !== 'list') request.note = { action: `job.${order}`, target: JSON.stringify(selector) }
        return [...(await control.jobs(request.body))]
      },
    })
    done()
  }
}

/** Entries. */
export function entryRoutes({ control }: ApiContext): Routes {
  return (app, _options, done) => {
    app.get('/entries', {
      config: { role: 'viewer' },
      schema: {
        tags: ['entries'],
        summary: 'Entries that are kept, newest first; each is on a line of its own',
        querystring: z.strictObject(entriesQuery.shape),
        response: {
          200: pageHead.extend({ count: z.number().int(), entries: z.array(z.unknown()) }),
          ...otherwise,
        },
      },
      handler: async (request, reply) => {
        const { query } = request
        requireRawAccess(request, control.isRaw(query.source))
        const { entries, cursor, scanned, missing } = await control.entries(query, whenGone(reply))
        return replyWithJson(reply, joinEntries({ cursor, scanned, missing }, entries))
      },
    })

    app.get('/entries/:worker/:id', {
      config: { role: 'viewer' },
      schema: {
        tags: ['entries'],
        summary: 'One entry: worker and id are the parts of its identity',
        params: z.strictObject({ worker: z.string().min(1), id: z.string().min(1) }),
        querystring: z.strictObject({ source: entriesSource }),
        response: { 200: z.looseObject({ id: z.string() }), ...otherwise },
      },
      handler: async (request, reply) => {
        const { params, query } = request
        requireRawAccess(request, control.isRaw(query.source))
        const id = `${params.worker}/${params.id}`
        const text = await findEntry(control, id, whenGone(reply), query.source)
        return replyWithJson(reply, text)
      },
    })
    done()
  }
}

/** The hub itself: nodes, state, audit. */
export function hubRoutes({ control, counters, version }: ApiContext): Routes {
  const tags = ['hub']
  return (app, _options, done) => {
    app.get('/nodes', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Workers and hubs of which something was heard lately',
        response: { 200: z.array(nodeView), ...otherwise },
      },
      handler: async () => [...control.nodes()],
    })

    app.get('/pods/targeted', {
      config: { role: 'viewer' },
      schema: { tags, summary: 'Pods that are captured', response: { 200: targeted, ...otherwise } },
      handler: () => control.targeted().then(({ targets, excluded }) => plainTargets(targets, excluded)),
    })

    app.get('/status', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'How the hub does',
        response: {
          200: z.looseObject({
            version: z.string(),
            ready: z.boolean(),
            reasons: z.array(z.string()).describe('Why it is not'),
            api: z.record(z.string(), z.number()).describe('What this interface refused and dropped'),
          }),
          ...otherwise,
        },
      },
      handler: async () => {
        const { ready, reasons } = control.ready()
        return { ...control.health(), version, ready, reasons: [...reasons], api: { ...counters } }
      },
    })

    app.get('/effects', {
      config: { role: 'operator' },
      schema: {
        tags,
        summary: 'What agents have done outside of their sandboxes on all nodes, and were not allowed to do',
        querystring: effectsQuery.strict(),
        response: { 200: effectsPage, ...otherwise },
      },
      handler: ({ query }) => control.effects(query),
    })

    app.get('/audit', {
      config: { role: 'admin' },
      schema: {
        tags,
        summary: 'The last changes, and attempts, oldest first',
        querystring: z.strictObject({ last: z.coerce.number().int().min(0).max(10_000).default(100) }),
        response: { 200: z.array(auditRecord), ...otherwise },
      },
      handler: async ({ query }) => [...(await control.audits(query.last))],
    })
    done()
  }
}

export const targeted = z.object({ targets: z.array(z.unknown()), excluded: z.array(z.unknown()) })

export function plainTargets(targets: readonly unknown[], excluded: readonly unknown[]) {
  return { targets: [...targets], excluded: [...excluded] }
}

export function refuseLongCode(code: string | undefined): void {
  const bytes = Buffer.byteLength(code ?? '')
  if (bytes > MOST_CODE_BYTES)
    throw new Mistake('E_TOO_LARGE', `the code has ${bytes} bytes, and ${MOST_CODE_BYTES} are taken at most`)
}

/** Of the console in one answer; what follows comes over the stream. */
const MOST_LINES = 10_000
