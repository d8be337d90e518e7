/**
 * The recording whose entries a filter wants: `record("name")`, alone or with `and`. One that wants several, or other entries
 * as well, is about none.
 */
export function recordingIn(filter: string): string | undefined {
  const [first, ...others] = [...filter.matchAll(/\brecord\s*\(\s*(["'])([a-z0-9-]+)\1\s*\)/g)]
  if (first === undefined || others.length > 0 || /\bor\b|\bnot\b|\|\||!(?!=)/.test(filter)) return undefined
  return first[2]
}
