import { z } from 'zod'
import { Mistake } from '../../mistake/mistake.ts'
import { type HelperHost, helper } from '../helper.ts'
import { attributed } from './attributes.ts'
import { destinationOf, destinationOptions, textIn } from './destination.ts'
import type { send } from './export.ts'
import type { Temporality } from './messages.ts'
import { type Call, exporting, resourceOptions, type Sending } from './options.ts'
import { ownResource } from './resource.ts'
import type { Measured } from './series.ts'
import { nanosOf, time } from './times.ts'

const params = {
  name: z.string().min(1).max(255).describe('Name, such as orders.failed'),
  value: z.number().describe('What is added to a counter, set in a gauge, or counted in a histogram'),
  options: z
    .strictObject({
      type: z.enum(['counter', 'updown', 'gauge', 'histogram']).optional(),
      unit: z.string().max(63).optional(),
      description: z.string().optional(),
      attributes: z.record(z.string(), z.unknown()).optional(),
      temporality: z.enum(['cumulative', 'delta']).optional(),
      bounds: z.array(z.number()).max(200).optional(),
      time: time.optional(),
      ...resourceOptions,
      ...destinationOptions,
    })
    .default({})
    .describe(
      'type: gauge by default; unit as UCUM has it; attributes; temporality: that of the configuration by default; bounds of the buckets of a histogram; time: ms or RFC 3339, now by default; service, resource; endpoint, protocol, headers, compression',
    ),
}

const HELPER = 'otel.metric'

export const metric = helper({
  ...exporting(HELPER, 'metrics', sendingBy),
  doc: 'Sends a measured value over OTLP. Counters and histograms are summed here, by name and attributes, and the sum is sent. Returns when the receiver has it; throws if it does not take it.',
  params,
  example: `try {\n  otel.metric('orders.failed', 1, { type: 'counter', attributes: { shop: 'eu' }, endpoint: 'http://127.0.0.1:9' })\n} catch (error) {\n  console.error(error)\n}`,
})

function sendingBy(how: typeof send): Sending<typeof params, Measured> {
  return {
    itemOf: measuredBy,
    async send(measured, options, host) {
      const { protocol, url } = destinationOf(HELPER, 'metrics', options, host)
      const owner = { agent: host.agent.id ?? host.agent.title, destination: `${protocol} ${url.href}` }
      await host.metricSeries.record(owner, measured, (items) =>
        how({ helper: HELPER, signal: 'metrics', items }, options, host),
      )
    },
  }
}

function measuredBy({ args: { name, value, options }, at }: Call<typeof params>, host: HelperHost): Measured {
  const { type = 'gauge', unit, description, bounds = USUAL_BOUNDS } = options
  if (type === 'counter' && value < 0)
    throw new Mistake('E_HELPER_ARGUMENT', `${HELPER}: value: a counter only rises, found ${value}`, {
      hint: "Use { type: 'updown' } for what goes down, too.",
    })
  if (bounds.some((bound, place) => place > 0 && bound <= (bounds[place - 1] ?? 0)))
    throw new Mistake('E_HELPER_ARGUMENT', `${HELPER}: options.bounds: expected rising numbers`)
  return {
    name,
    value,
    type,
    temporality: options.temporality ?? temporalityOf(type, host),
    ...{ description, unit },
    attributes: attributed(options.attributes ?? {}).attributes,
    resource: ownResource(options, host),
    bounds: type === 'histogram' ? bounds : [],
    at: nanosOf(HELPER, 'options.time', options.time ?? at),
  }
}

/** `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`; what goes up and down is never a delta by preference. */
function temporalityOf(type: Measured['type'], { env, otel }: HelperHost): Temporality {
  if (type === 'updown') return 'cumulative'
  const preferred = textIn(env, 'OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE')?.toLowerCase()
  if (preferred === 'delta' || preferred === 'lowmemory') return 'delta'
  return preferred === 'cumulative' ? 'cumulative' : (otel.temporality ?? 'cumulative')
}

/** Of the SDKs: ms of a request, mostly. */
const USUAL_BOUNDS = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10_000]
