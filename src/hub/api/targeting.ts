import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { apiFailure } from '../../wire/api.ts'
import { type TargetingRules, targetingChange, targetingView } from '../../wire/targeting.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'

const otherwise = { default: apiFailure }
const tags = ['targeting']

/** Which pods are captured. */
export function targetingRoutes({ control: { targeting } }: ApiContext): FastifyPluginCallbackZod {
  return (app, _options, done) => {
    app.get('/targeting', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Rules that say which pods are captured, and all pods with what becomes of them',
        response: { 200: targetingView, ...otherwise },
      },
      handler: () => targeting.get(),
    })

    app.put('/targeting', {
      config: { role: 'operator', action: 'targeting.change' },
      schema: {
        tags,
        summary:
          'Changes these rules; capture filters are tried by the workers first, and nothing changes when one refuses',
        body: targetingChange.strict(),
        response: { 200: targetingView, ...otherwise },
      },
      handler: async (request) => {
        request.note.target = Object.keys(request.body).join(', ')
        const view = await targeting.change(request.body, callerOf(request).name)
        request.note.detail = `version ${view.version}: ${rulesText(view.rules)}`
        return view
      },
    })

    app.post('/targeting/preview', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What other rules would mean; nothing changes',
        body: targetingChange.strict(),
        response: { 200: targetingView, ...otherwise },
      },
      handler: (request) => targeting.preview(request.body),
    })
    done()
  }
}

/** For the audit. */
export function rulesText(rules: TargetingRules): string {
  return Object.entries(rules)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ')
}
