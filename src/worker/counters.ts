import { COUNTER_NAMES, COUNTERS } from '../metrics/counters.ts'
import type { CaptureStats } from './capture-messages.ts'

/** What the capture has counted, by the names of a node's status. */
export function captureCounters({ counters, losses, store }: CaptureStats): Record<string, number> {
  const { decode, reassembly, dissection, entries } = counters
  const { dropped, protocol } = COUNTER_NAMES
  const named: Record<string, number> = {
    [COUNTERS.packets]: counters.packets,
    [COUNTERS.packetsLost]: sum(losses),
    [COUNTERS.bytes]: counters.bytes,
    [COUNTERS.streamsDropped]: reassembly.evictions,
    [COUNTERS.items]: sum(entries),
  }
  for (const [name, count] of Object.entries(entries)) named[protocol(name)] = count
  for (const [by, count] of Object.entries(losses)) named[dropped('capture', by)] = count ?? 0
  for (const [reason, count] of Object.entries(decode.malformed)) named[dropped('decoder', reason)] = count
  for (const [reason, count] of Object.entries(dissection.skipped))
    named[dropped('dissection', reason)] = count
  if (store === undefined) return named
  named[COUNTERS.entriesStored] = store.kept
  named[COUNTERS.entriesBytes] = store.bytes
  named[COUNTER_NAMES.queue('entries')] = store.waiting
  for (const [reason, count] of Object.entries(store.dropped)) named[dropped('store', reason)] = count
  return named
}

function sum(counts: Readonly<Record<string, number | undefined>>): number {
  return Object.values(counts).reduce((total: number, count) => total + (count ?? 0), 0)
}
