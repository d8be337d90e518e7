import type { TrialOutcome } from '../wire/trials.ts'

/** What comes of a trial in which nothing happens. */
export function trialOutcomeOf(changes: Partial<TrialOutcome> = {}): TrialOutcome {
  const fate = { received: 0, delivered: 0, dropped: 0 }
  return {
    title: 'tried',
    ended: 'complete',
    notes: [],
    source: { description: '', entries: 0, packets: 0, firstMs: null, lastMs: null, unreadable: 0 },
    console: { lines: [], dropped: 0 },
    calls: [],
    faults: [],
    effects: { list: [], dropped: 0 },
    marks: { list: [], dropped: 0 },
    stored: { files: [], shared: [], metrics: [] },
    events: { entries: fate, packets: fate },
    cost: {
      ...{ wallMs: 1, cpuMs: 0, microsPerEvent: null, heapBytes: 0, peakBytes: 0 },
      budget: { hookMs: 150, jobMs: 30_000, memoryMb: 64 },
    },
    ...changes,
  }
}
