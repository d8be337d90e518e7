import { until } from './until.ts'

/** Waits until something holds, as `until`, told in the order of a sentence. */
export function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs?: number,
): Promise<void> {
  return until(holds, what, patienceMs)
}
