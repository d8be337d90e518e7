import type { HelperBroker } from '../../agent/broker.ts'
import { COUNTER_NAMES } from '../../metrics/counters.ts'

/** Series that agents exported and that were not taken. */
export function exportCounters({
  exportsDropped,
}: Pick<HelperBroker, 'exportsDropped'>): Record<string, number> {
  const counts = Object.entries(exportsDropped)
  return Object.fromEntries(counts.map(([why, count]) => [COUNTER_NAMES.dropped('prometheus', why), count]))
}
