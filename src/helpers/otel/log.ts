import { z } from 'zod'
import { type HelperHost, helper } from '../helper.ts'
import { anyValue, attributed } from './attributes.ts'
import { destinationOptions } from './destination.ts'
import type { send } from './export.ts'
import type { Exported, LogRecord } from './messages.ts'
import { type Call, exporting, resourceOptions, type Sending } from './options.ts'
import { ownResource } from './resource.ts'
import { nanosOf, time } from './times.ts'
import { checkedId, readContext, traceOptions } from './trace-options.ts'

const SEVERITIES = { trace: 1, debug: 5, info: 9, warn: 13, error: 17, fatal: 21 } as const

const params = {
  body: z.unknown().describe('Text, or any value that JSON has'),
  options: z
    .strictObject({
      severity: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).optional(),
      event: z.string().min(1).optional(),
      attributes: z.record(z.string(), z.unknown()).optional(),
      time: time.optional(),
      ...traceOptions,
      spanId: z.string().optional(),
      ...resourceOptions,
      ...destinationOptions,
    })
    .default({})
    .describe(
      'severity: info by default; event: the name of an event; attributes; time: ms or RFC 3339, now by default; traceparent, or traceId and spanId; service, resource; endpoint, protocol, headers, compression',
    ),
}

const HELPER = 'otel.log'

export const log = helper({
  ...exporting(HELPER, 'logs', sendingBy),
  doc: 'Sends a log record over OTLP. Returns when the receiver has it; throws if it does not take it.',
  params,
  example: `try {\n  otel.log('checkout is failing', { severity: 'error', attributes: { shop: 'eu' }, endpoint: 'http://127.0.0.1:9' })\n} catch (error) {\n  console.error(error)\n}`,
})

function sendingBy(how: typeof send): Sending<typeof params, Exported<LogRecord>> {
  return {
    itemOf: recordOf,
    send: (items, options, host) => how({ helper: HELPER, signal: 'logs', items }, options, host),
  }
}

function recordOf(
  { args: { body, options }, at }: Call<typeof params>,
  host: HelperHost,
): Exported<LogRecord> {
  const { severity = 'info', event, attributes = {} } = options
  const observed = nanosOf(HELPER, 'options.time', at)
  const context = readContext(HELPER, options)
  const spanId =
    options.spanId === undefined ? context?.spanId : checkedId(HELPER, 'options.spanId', options.spanId, 16)
  return {
    resource: ownResource(options, host),
    item: {
      timeUnixNano: options.time === undefined ? observed : nanosOf(HELPER, 'options.time', options.time),
      observedTimeUnixNano: observed,
      severityNumber: SEVERITIES[severity],
      severityText: severity.toUpperCase(),
      body: anyValue(body),
      ...attributed(attributes),
      ...(context === undefined ? {} : { traceId: context.traceId, flags: context.isSampled ? 1 : 0 }),
      ...(context === undefined || !spanId ? {} : { spanId }),
      ...(event === undefined ? {} : { eventName: event }),
    },
  }
}
