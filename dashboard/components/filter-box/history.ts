/** What is kept in a browser; `localStorage` is one, and may refuse. */
export interface Drawer {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** Filters that were applied, newest first, each once. */
export function filterHistory(drawer: Drawer): readonly string[] {
  try {
    const kept: unknown = JSON.parse(drawer.getItem(KEY) ?? '[]')
    return Array.isArray(kept) ? kept.filter((each) => typeof each === 'string').slice(0, MOST) : []
  } catch {
    return []
  }
}

/** The history with this one, which is kept where that is possible. */
export function remember(drawer: Drawer, filter: string): readonly string[] {
  const text = filter.trim()
  const before = filterHistory(drawer)
  if (text === '' || text.length > LONGEST) return before
  const all = [text, ...before.filter((each) => each !== text)].slice(0, MOST)
  try {
    drawer.setItem(KEY, JSON.stringify(all))
  } catch {
    // A browser that keeps nothing, or is full: the filter is applied all the same.
  }
  return all
}

const KEY = 'remora.filters'
const MOST = 50
const LONGEST = 4000
