/** How high the panel below the code may be, of a page of this height. */
export function clampHeight(height: number, page: number): number {
  const most = Math.max(LEAST, page - LEAST_ABOVE)
  return Math.round(Math.min(most, Math.max(LEAST, height)))
}

/** What a key does to it; undefined: nothing. */
export function heightByKey(key: string, height: number, page: number): number | undefined {
  const wanted = { ArrowUp: height + STEP, ArrowDown: height - STEP, Home: page, End: 0 }[key]
  return wanted === undefined ? undefined : clampHeight(wanted, page)
}

const LEAST = 34
const LEAST_ABOVE = 200
const STEP = 24
