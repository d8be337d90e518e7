import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiFailure } from '../../wire/api.ts'
import {
  duration,
  policyList,
  policyPreview,
  policyRemoved,
  policyRuleText,
  policySuggestion,
} from '../../wire/policies.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'
import { whenGone } from './gone.ts'

const otherwise = { default: apiFailure }
const tags = ['policies']
const window = duration.default('1h').describe('How far back to look, such as 30m')

/** What agents have put in force by `policy.apply`, and what a policy would do. */
export function policyRoutes({ control: { policies } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/policies', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Policies in force: who has applied them and why, until when, and how much they have cut',
        response: { 200: policyList, ...otherwise },
      },
      handler: (_request, reply) => policies.ask({ ask: 'list' }, whenGone(reply)),
    })

    app.delete('/policies/:name', {
      config: { role: 'operator', action: 'policy.remove' },
      schema: {
        tags,
        summary: 'Lifts a policy before its time is over',
        params: z.strictObject({ name: z.string().min(1).max(253) }),
        response: { 200: policyRemoved, ...otherwise },
      },
      handler: (request, reply) => {
        const { name } = request.params
        request.note = { target: name }
        const by = { agent: '', title: callerOf(request).name, node: 'hub', index: 0 }
        return policies.ask({ ask: 'remove', name, by }, whenGone(reply))
      },
    })

    app.post('/policies/preview', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What a policy would have cut of what was seen; nothing is put in force',
        body: z.strictObject({
          rule: policyRuleText.describe(
            'A NetworkPolicy, { policy }, { block } or { allow }, or several together as { all: [ … ] }',
          ),
          window,
        }),
        response: { 200: policyPreview, ...otherwise },
      },
      handler: ({ body }, reply) => policies.ask({ ask: 'preview', ...body }, whenGone(reply)),
    })

    app.post('/policies/suggest', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Policies under which all that was seen could have been',
        body: z.strictObject({
          filter: z.string().max(10_000).default('').describe('KFL v1 or CEL; "" takes all'),
          window,
        }),
        response: { 200: policySuggestion, ...otherwise },
      },
      handler: ({ body }, reply) => policies.ask({ ask: 'suggest', ...body }, whenGone(reply)),
    })
    done()
  }
}
