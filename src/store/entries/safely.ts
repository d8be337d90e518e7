import type { Filter } from '../../filter/index.ts'

/** A filter that fails on an entry does not match it. */
export function safely(filter: Filter, entry: unknown): boolean {
  try {
    return filter.matches(entry)
  } catch {
    return false
  }
}
