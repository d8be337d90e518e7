import type { MadeCounters } from './host/protocol.ts'

type Numbers = Readonly<Record<string, number>>

/** What dissectors of agents have made of several batches together. */
export function sumMade(a: MadeCounters, b: MadeCounters): MadeCounters {
  return {
    items: a.items + b.items,
    entries: both(a.entries, b.entries),
    dissected: a.dissected + b.dissected,
    skipped: both(a.skipped, b.skipped),
    invalid: both(a.invalid, b.invalid),
  }
}

/** Name by name. Names may be those of what every object has. */
export function both(a: Numbers, b: Numbers): Record<string, number> {
  const total = new Map(Object.entries(a))
  for (const [name, number] of Object.entries(b)) total.set(name, (total.get(name) ?? 0) + number)
  return Object.fromEntries(total)
}

export const NOTHING_MADE: MadeCounters = { items: 0, entries: {}, dissected: 0, skipped: {}, invalid: {} }
