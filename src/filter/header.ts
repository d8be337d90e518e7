/** A header by its name, whatever its case; exactly as it is written first. */
export function headerIn(headers: unknown, name: string): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined
  if (Object.hasOwn(headers, name)) return (headers as Record<string, unknown>)[name]
  const found = Object.keys(headers).find((each) => each.toLowerCase() === name.toLowerCase())
  return found === undefined ? undefined : (headers as Record<string, unknown>)[found]
}
