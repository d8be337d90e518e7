import type { HelperBroker } from '../../agent/broker.ts'
import { COUNTER_NAMES } from '../../metrics/counters.ts'

/** Series that agents exported and that were not taken, by `prometheus.*` and `otel.metric`. */
export function exportCounters({
  exportsDropped,
  otelValuesRefused,
}: Pick<HelperBroker, 'exportsDropped' | 'otelValuesRefused'>): Record<string, number> {
  const counts = Object.entries(exportsDropped)
  return {
    ...Object.fromEntries(counts.map(([why, count]) => [COUNTER_NAMES.dropped('prometheus', why), count])),
    ...(otelValuesRefused > 0 ? { [COUNTER_NAMES.dropped('otel', 'series')]: otelValuesRefused } : {}),
  }
}
