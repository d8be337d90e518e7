import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { type Arguments, type HelperHost, helper } from '../helper.ts'
import { attributed } from './attributes.ts'
import { destinationOptions } from './destination.ts'
import type { send } from './export.ts'
import {
  type Exported,
  LOCAL_PARENT,
  REMOTE_PARENT,
  SPAN_KINDS,
  type Span,
  type SpanEvent,
  type SpanLink,
  STATUS,
} from './messages.ts'
import { type Call, exporting, resourceOptions, type Sending } from './options.ts'
import { ownResource } from './resource.ts'
import { LATEST, nanosOf, ofMs, time } from './times.ts'
import { idsOf, newIds } from './trace-context.ts'
import { checkedId, readContext, traceOptions } from './trace-options.ts'

const attributes = z.record(z.string(), z.unknown())

const params = {
  name: z.string().min(1).max(255).describe('What it did, without what differs each time: checkout'),
  options: z
    .strictObject({
      kind: z.enum(['internal', 'server', 'client', 'producer', 'consumer']).optional(),
      start: time.optional(),
      end: time.optional(),
      duration: z.number().min(0).optional(),
      status: z.enum(['unset', 'ok', 'error']).optional(),
      message: z.string().optional(),
      attributes: attributes.optional(),
      events: z
        .array(z.strictObject({ name: z.string(), time: time.optional(), attributes: attributes.optional() }))
        .max(128)
        .optional(),
      links: z
        .array(
          z.strictObject({
            ...traceOptions,
            spanId: z.string().optional(),
            attributes: attributes.optional(),
          }),
        )
        .max(128)
        .optional(),
      ...traceOptions,
      spanId: z.string().optional(),
      parentSpanId: z.string().optional(),
      ...resourceOptions,
      ...destinationOptions,
    })
    .default({})
    .describe(
      'kind: internal by default; start, end: ms or RFC 3339; duration: ms; status, message; attributes; events, links; traceparent: of the parent, tracestate; traceId, spanId, parentSpanId; service, resource; endpoint, protocol, headers, compression',
    ),
}

const HELPER = 'otel.span'

export const span = helper({
  ...exporting(HELPER, 'traces', sendingBy),
  doc: 'Sends a span over OTLP. Ids that are not given are made up. Returns when the receiver has it; throws if it does not take it.',
  params,
  example: `try {\n  otel.span('checkout', { duration: 12, attributes: { shop: 'eu' }, endpoint: 'http://127.0.0.1:9' })\n} catch (error) {\n  console.error(error)\n}`,
})

type Args = Arguments<typeof params>
function sendingBy(how: typeof send): Sending<typeof params, Exported<Span>> {
  return {
    itemOf: spanOf,
    send: (items, options, host) => how({ helper: HELPER, signal: 'traces', items }, options, host),
  }
}

function spanOf({ args: { name, options }, at, id }: Call<typeof params>, host: HelperHost): Exported<Span> {
  // What is tried again from the outbox is the same span.
  const made = id === undefined ? newIds() : idsOf('call', id)
  const parent = readContext(HELPER, options)
  const parentSpanId =
    options.parentSpanId === undefined
      ? parent?.spanId
      : checkedId(HELPER, 'options.parentSpanId', options.parentSpanId, 16)
  const { start, end } = intervalOf(options, at)
  const { kind = 'internal', events, links } = options
  return {
    resource: ownResource(options, host),
    item: {
      traceId: parent?.traceId ?? made.traceId,
      spanId:
        options.spanId === undefined ? made.spanId : checkedId(HELPER, 'options.spanId', options.spanId, 16),
      ...(parent?.traceState === undefined ? {} : { traceState: parent.traceState }),
      ...(parentSpanId ? { parentSpanId } : {}),
      flags: (parent?.isSampled === false ? 0 : 1) | (parentSpanId ? REMOTE_PARENT : LOCAL_PARENT),
      name,
      kind: SPAN_KINDS[kind],
      startTimeUnixNano: start,
      endTimeUnixNano: end,
      ...attributed(options.attributes ?? {}),
      ...(events === undefined ? {} : { events: events.map((event) => eventOf(event, end)) }),
      ...(links === undefined ? {} : { links: links.map(linkOf) }),
      ...statusOf(options),
    },
  }
}

/** Only errors have a message (https://opentelemetry.io/docs/specs/otel/trace/api/#set-status); who gives one alone means an error. */
function statusOf({ status, message }: Args['options']): Pick<Span, 'status'> {
  const said = status ?? (message === undefined ? undefined : 'error')
  if (said === undefined) return {}
  return {
    status: { code: STATUS[said], ...(said !== 'error' || message === undefined ? {} : { message }) },
  }
}

/** Whatever two of start, end and duration say; with less it ends now. */
function intervalOf({ start, end, duration }: Args['options'], at: number): { start: bigint; end: bigint } {
  const length = duration === undefined ? undefined : ofMs(duration)
  const first = start === undefined ? undefined : nanosOf(HELPER, 'options.start', start)
  const last =
    end !== undefined
      ? nanosOf(HELPER, 'options.end', end)
      : first !== undefined && length !== undefined
        ? first + length
        : nanosOf(HELPER, 'options.end', at)
  const begin = first ?? last - (length ?? 0n)
  if (begin < 0n || last > LATEST)
    throw new Mistake('E_HELPER_ARGUMENT', `${HELPER}: options.duration: expected ms, found ${duration}`)
  if (begin > last)
    throw new Mistake('E_HELPER_ARGUMENT', `${HELPER}: options: the span ends before it starts`)
  return { start: begin, end: last }
}

function eventOf(
  { name, time, attributes = {} }: NonNullable<Args['options']['events']>[number],
  end: bigint,
): SpanEvent {
  return {
    name,
    timeUnixNano: time === undefined ? end : nanosOf(HELPER, 'options.events.time', time),
    ...attributed(attributes),
  }
}

function linkOf({
  spanId,
  attributes = {},
  ...trace
}: NonNullable<Args['options']['links']>[number]): SpanLink {
  const context = readContext(HELPER, trace)
  const id = spanId === undefined ? context?.spanId : checkedId(HELPER, 'options.links.spanId', spanId, 16)
  if (context === undefined || !id)
    throw new Mistake(
      'E_HELPER_ARGUMENT',
      `${HELPER}: options.links: expected a traceparent, or traceId and spanId`,
    )
  return {
    traceId: context.traceId,
    spanId: id,
    ...(context.traceState === undefined ? {} : { traceState: context.traceState }),
    flags: (context.isSampled ? 1 : 0) | REMOTE_PARENT,
    ...attributed(attributes),
  }
}
