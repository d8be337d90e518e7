import { z } from 'zod'
import { type Arguments, type HelperHost, helper, typed } from '../helper.ts'
import { destinationOf, destinationOptions, targetOf } from './destination.ts'
import { entrySpan } from './entry-span.ts'
import { type Export, rehearse, send } from './export.ts'
import { batchBy, queueKey, resourceOptions } from './options.ts'

const params = {
  data: typed('Entry').describe('The entry, as a hook gets it'),
  options: z
    .strictObject({
      side: z.enum(['client', 'server']).optional(),
      query: z.enum(['sanitized', 'raw', 'none']).optional(),
      onlySampled: z.boolean().optional(),
      attributes: z.record(z.string(), z.unknown()).optional(),
      ...resourceOptions,
      ...destinationOptions,
    })
    .default({})
    .describe(
      'side: whose span it is, by default that of the server, and of the client for databases; query: of databases, without its values by default; onlySampled: leave out what the trace says is not sampled; attributes; service, resource; endpoint, protocol, headers, compression',
    ),
}

type Args = Arguments<typeof params>

export const spanFromEntry = helper({
  effect: 'network',
  doc: 'Sends the span of an entry over OTLP, named and described by the semantic conventions, as part of the trace that its headers carry. Its ids are the same each time. Returns when the receiver has it; throws if it does not take it.',
  params,
  returns: z.void(),
  target: ({ options }, host) => targetOf(destinationOf(HELPER, 'traces', options, host)),
  queued: {
    key: ({ options }) => queueKey('traces', options),
    batch: batchBy<typeof params>((calls, host) =>
      exported(
        calls.map(({ args }) => args),
        host,
        send,
      ),
    ),
  },
  example: `function onItemCaptured(data) {\n  try {\n    otel.spanFromEntry(data, { endpoint: 'http://127.0.0.1:9' })\n  } catch (error) {\n    console.error(error)\n  }\n}`,
  run: (args, host) => exported([args], host, send),
  rehearsed: (args, host) => exported([args], host, rehearse),
})

const HELPER = 'otel.spanFromEntry'

async function exported(calls: readonly Args[], host: HelperHost, how: typeof send): Promise<void> {
  const items: Export<'traces'>['items'] = calls.flatMap(({ data, options }) => {
    const { exported, context } = entrySpan(HELPER, data, options, host)
    return options.onlySampled === true && context?.isSampled === false ? [] : [exported]
  })
  if (items.length > 0) await how({ helper: HELPER, signal: 'traces', items }, calls[0]?.options ?? {}, host)
}
