import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { apiFailure } from '../../wire/api.ts'
import { fixtureText } from '../../wire/fixtures.ts'
import { fixture, trialAnswer, trialRequest } from '../../wire/trials.ts'
import type { Trials } from '../trials.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'
import { replyWithJson } from './failures.ts'
import { whenGone } from './gone.ts'
import { refuseLongCode } from './routes.ts'

/** Agents that are tried out before they are saved, and tests that are made of that. */
export function trialRoutes({ trials }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    const tags = ['trials']
    app.post('/trials', {
      config: { role: 'author', action: 'agent.try' },
      schema: {
        tags,
        summary: 'Runs code that is not saved, on traffic that was, and records what it would do outside',
        body: z.strictObject(trialRequest.shape),
        response: { 200: trialAnswer, default: apiFailure },
      },
      handler: async (request, reply) => {
        const { code, title = '', source } = request.body
        request.note = { target: title, detail: `on ${source.kind} traffic` }
        refuseLongCode(code)
        return required(trials).run(request.body, callerOf(request).name, whenGone(reply))
      },
    })

    app.post('/trials/:id/fixture', {
      config: { role: 'author' },
      schema: {
        tags,
        summary: 'A test of a trial that was: a file for `remora test`',
        params: z.strictObject({ id: z.string().min(1) }),
        response: { 200: fixture, default: apiFailure },
      },
      handler: async (request, reply) => {
        const { name } = callerOf(request)
        const made = await required(trials).fixture(request.params.id, name, whenGone(reply))
        reply.header('content-disposition', `attachment; filename="${fileName(made.title)}"`)
        return replyWithJson(reply, fixtureText(made))
      },
    })
    done()
  }
}

function required(trials: Trials | undefined): Trials {
  if (trials === undefined) throw new Mistake('E_REQUEST', 'agents cannot be tried out here')
  return trials
}

/** `Top talkers!` → `top-talkers.test.json` */
function fileName(title: string): string {
  const words = title.toLowerCase().match(/[a-z0-9]+/g) ?? ['agent']
  return `${words.join('-').slice(0, LONGEST_NAME)}.test.json`
}

const LONGEST_NAME = 80
