/** What JSON from the wire says, parsed; null where it is nested too deeply: all that passes it on goes down by recursion. */
export function ofBearableDepth(value: unknown): unknown {
  return isDeeper(value, DEEPEST) ? null : value
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isDeeper(each, levels - 1))
}

/** Objects and arrays in each other. The parser takes any number of them. */
const DEEPEST = 64
