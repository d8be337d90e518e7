import type { FastifyPluginCallbackZod } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { describedProtocols } from '../../dissectors/described.ts'
import { describeShape } from '../../entry/described.ts'
import { commonFields, protocolFields } from '../../entry/schema.ts'
import { completions } from '../../filter/completions.ts'
import { validateFilter } from '../../filter/index.ts'
import { apiFailure } from '../../wire/api.ts'
import { filterFields, filterVerdict, protocolsView } from '../../wire/filters.ts'
import type { ApiContext } from './context.ts'
import { replyWithJson } from './failures.ts'

const tags = ['entries']
const otherwise = { default: apiFailure }

/** Filters, and what there is to be filtered. */
export function filterRoutes({ config, now }: ApiContext): FastifyPluginCallbackZod {
  const macros = config.tap.customMacros
  // Nothing of them changes while the hub runs, and they are large.
  const protocols = once(protocolsText)
  const fields = once(async () => JSON.stringify(completions(await describedProtocols(), macros)))
  return (app, _options, done) => {
    app.get('/filter/validate', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'Whether a filter can be read; where and what is wrong with it',
        querystring: z.strictObject({ q: z.string() }),
        response: { 200: filterVerdict, ...otherwise },
      },
      handler: async ({ query }) => {
        const verdict = validateFilter(query.q, { prefer: 'kfl2', macros, now: now() })
        return { ...verdict, warnings: [...verdict.warnings] }
      },
    })

    app.get('/filter/fields', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'All that filters can be written of, in each of the two languages',
        response: { 200: filterFields, ...otherwise },
      },
      handler: async (_request, reply) => replyWithJson(reply, await fields()),
    })

    app.get('/protocols', {
      config: { role: 'viewer' },
      schema: {
        tags,
        summary: 'What entries can be of, how it is drawn, and the fields that it has',
        response: { 200: protocolsView, ...otherwise },
      },
      handler: async (_request, reply) => replyWithJson(reply, await protocols()),
    })
    done()
  }
}

async function protocolsText(): Promise<string> {
  const common = Object.entries({ ...commonFields, protocol: protocolFields })
  return JSON.stringify({
    common: Object.fromEntries(common.map(([name, shape]) => [name, describeShape(shape)] as const)),
    protocols: await describedProtocols(),
  })
}

function once(make: () => Promise<string>): () => Promise<string> {
  let made: Promise<string> | undefined
  return () => {
    made ??= make()
    return made
  }
}
