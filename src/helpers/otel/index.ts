import { namespace } from '../helper.ts'
import { log } from './log.ts'
import { metric } from './metric.ts'
import { span } from './span.ts'
import { spanFromEntry } from './span-from-entry.ts'

export const otel = namespace('otel', 'Metrics, spans and logs for OpenTelemetry, over OTLP.', {
  metric,
  span,
  spanFromEntry,
  log,
})
