import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { apiFailure } from '../../wire/api.ts'
import { type Identity, identity, type SettingView, settingView } from '../../wire/identity.ts'
import { callerOf } from './access.ts'
import type { ApiContext } from './context.ts'

/** Who asks, and whom: what a page needs to know first. */
export function identityRoutes({ config, settings, version }: ApiContext): FastifyPluginCallbackZod {
  const tags = ['hub']
  const isTokenNeeded = config.hub.tokens.length > 0
  return (app, _options, done) => {
    app.get('/me', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Whose token this is, and what it may do; 401 when there has to be one',
        response: { 200: identity, default: apiFailure },
      },
      handler: async (request): Promise<Identity> => {
        const { name, role } = callerOf(request)
        return { name, role, version, isTokenNeeded }
      },
    })

    app.get('/settings', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Every setting of this hub, and where it came from; secrets are masked',
        response: { 200: z.array(settingView), default: apiFailure },
      },
      handler: async (): Promise<SettingView[]> => [...settings],
    })
    done()
  }
}
