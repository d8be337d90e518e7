/** What is left of an entry when nobody knows whether its content may be seen; changes it. */
export function withoutBodies(
  entry: Record<string, unknown>,
  type: string,
  msg: string,
): Record<string, unknown> {
  for (const path of ['request', 'response', 'data', 'base']) if (path in entry) entry[path] = null
  entry.error = { type, msg }
  return entry
}
