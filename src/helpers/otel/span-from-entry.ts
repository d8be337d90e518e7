import { z } from 'zod'
import { helper, typed } from '../helper.ts'
import { destinationOptions } from './destination.ts'
import { entrySpan } from './entry-span.ts'
import type { send } from './export.ts'
import type { Exported, Span } from './messages.ts'
import { exporting, resourceOptions, type Sending } from './options.ts'

const params = {
  data: typed('Entry').describe('The entry, as a hook gets it'),
  options: z
    .strictObject({
      name: z.string().min(1).max(255).optional(),
      side: z.enum(['client', 'server']).optional(),
      query: z.enum(['sanitized', 'raw', 'none']).optional(),
      onlySampled: z.boolean().optional(),
      attributes: z.record(z.string(), z.unknown()).optional(),
      ...resourceOptions,
      ...destinationOptions,
    })
    .default({})
    .describe(
      'name: that of the conventions by default; side: whose span it is, by default that of the server, and of the client for databases; query: of databases, without its values by default; onlySampled: leave out what the trace says is not sampled; attributes; service, resource; endpoint, protocol, headers, compression',
    ),
}

const HELPER = 'otel.spanFromEntry'

export const spanFromEntry = helper({
  ...exporting(HELPER, 'traces', sendingBy),
  doc: 'Sends the span of an entry over OTLP, named and described by the semantic conventions, as part of the trace that its headers carry. Its ids are the same each time. Returns when the receiver has it; throws if it does not take it.',
  params,
  example: `function onItemCaptured(data) {\n  try {\n    otel.spanFromEntry(data, { endpoint: 'http://127.0.0.1:9' })\n  } catch (error) {\n    console.error(error)\n  }\n}`,
})

function sendingBy(how: typeof send): Sending<typeof params, Exported<Span>> {
  return {
    itemOf({ args: { data, options } }, host) {
      const { exported, context } = entrySpan(HELPER, data, options, host)
      return options.onlySampled === true && context?.isSampled === false ? undefined : exported
    },
    send: (items, options, host) => how({ helper: HELPER, signal: 'traces', items }, options, host),
  }
}
