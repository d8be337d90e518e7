import { createHash } from 'node:crypto'
import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Mistake } from '../../../mistake/mistake.ts'
import { apiFailure } from '../../../wire/api.ts'
import type { AgentView } from '../../../wire/views.ts'
import { callerOf } from '../access.ts'
import type { ApiContext } from '../context.ts'
import { NotDone } from '../failures.ts'
import { refuseLongCode } from '../routes.ts'

const script = z.object({ index: z.number().int(), title: z.string(), code: z.string(), active: z.boolean() })
const scriptIndex = z.object({ index: z.string().regex(/^\d{1,9}$/, 'expected the index of a script') })
const upload = z.object({ path: z.string().optional(), title: z.string(), code: z.string() })
const indexed = z.object({ index: z.number().int() })
const otherwise = { default: apiFailure }

/** Agents as the commands of Kubeshark know them: by index, and uploaded by title (agent-api §7.2). */
export function scriptRoutes({ control }: ApiContext): FastifyPluginCallbackZod {
  const tags = ['as on Kubeshark']
  return (app, _options, done) => {
    app.get('/scripts', {
      config: { role: 'viewer' },
      schema: { tags, summary: 'All scripts', response: { 200: z.array(script), ...otherwise } },
      handler: async () => (await control.agents()).map((agent) => scriptOf(agent)),
    })

    app.post('/scripts', {
      config: { role: 'author', action: 'agent.upload' },
      schema: {
        tags,
        summary: 'Puts a script in the place of the one of its title; a new one when there is none',
        body: upload,
        response: { 200: indexed, ...otherwise },
      },
      handler: async (request) => {
        const { title, code, path } = request.body
        request.note.target = title
        refuseLongCode(code)
        const { name } = callerOf(request)
        const source = path === undefined ? {} : { source: { path, hash: sha256(code), syncedBy: name } }
        const known = title === UNTITLED ? undefined : await withTitle(title)
        const { index } =
          known === undefined
            ? await control.createAgent({ title, code, ...source }, name)
            : await control.updateAgent(known.id, { code, ...source }, name)
        request.note.detail = `index ${index}`
        return { index }
      },
    })

    app.put('/scripts/:index', {
      config: { role: 'author', action: 'agent.update' },
      schema: {
        tags,
        summary: 'Another title and other code',
        params: scriptIndex,
        body: upload.partial({ title: true }),
        response: { 200: indexed, ...otherwise },
      },
      handler: async (request) => {
        const { title, code } = request.body
        refuseLongCode(code)
        const change = { code, ...(title === undefined ? {} : { title }) }
        const { id } = await at(request.params.index)
        const { index } = await control.updateAgent(id, change, callerOf(request).name)
        return { index }
      },
    })

    app.delete('/scripts/:index', {
      config: { role: 'author', action: 'agent.delete' },
      schema: {
        tags,
        summary: 'Deletes a script',
        params: scriptIndex,
        response: { 200: indexed, ...otherwise },
      },
      handler: async (request) => {
        const { id, index } = await at(request.params.index)
        await control.deleteAgent(id, callerOf(request).name)
        return { index }
      },
    })

    for (const [verb, active] of [['activate', true] as const, ['deactivate', false] as const])
      app.post(`/scripts/:index/${verb}`, {
        config: { role: 'operator', action: `agent.${verb}` },
        schema: {
          tags,
          summary: active ? 'Runs a script' : 'Runs a script no longer',
          params: scriptIndex,
          response: { 200: indexed, ...otherwise },
        },
        handler: async (request) => {
          const { id } = await at(request.params.index)
          const { index } = await control.updateAgent(id, { active }, callerOf(request).name)
          return { index }
        },
      })

    app.post('/scripts/done', {
      config: { role: 'author' },
      schema: {
        tags,
        summary: 'End of a first upload; nothing waits for it',
        response: { 200: z.object({}), ...otherwise },
      },
      handler: async () => ({}),
    })

    app.post('/scripts/env', {
      config: { role: 'admin', action: 'env.set' },
      schema: {
        tags,
        summary: 'Other values for env; they cannot be read here',
        body: z.record(z.string(), z.unknown()),
        response: { 200: z.object({}), ...otherwise },
      },
      handler: async (request) => {
        if (control.setEnv === undefined)
          throw new NotDone('env cannot be changed while the hub runs', 'Set scripting.env.')
        request.note.detail = `${Object.keys(request.body).length} values`
        await control.setEnv(request.body, callerOf(request).name)
        return {}
      },
    })
    done()
  }

  async function withTitle(title: string): Promise<AgentView | undefined> {
    return (await control.agents()).find((agent) => agent.title === title)
  }

  /** By index alone: a title may look like one. */
  async function at(index: string): Promise<AgentView> {
    const agent = (await control.agents()).find((each) => each.index === Number(index))
    if (agent === undefined) throw new Mistake('E_NOT_FOUND', `there is no script ${index}`)
    return agent
  }
}

function scriptOf({ index, title, code, active }: AgentView) {
  return { index, title, code, active }
}

function sha256(code: string): string {
  return createHash('sha256').update(code).digest('hex')
}

/** Scripts without a title, of which there may be many. */
const UNTITLED = 'New Script'
