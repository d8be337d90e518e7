/** Keys of `env` that code reads by name, in the order of the alphabet. */
export function envKeysIn(code: string): string[] {
  const withoutComments = code.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '')
  const found = withoutComments.matchAll(/\benv(?:\.([A-Za-z_$][\w$]*)|\[\s*(['"])(.+?)\2\s*\])/g)
  return [...new Set([...found].map(([, name, , quoted]) => name ?? quoted ?? ''))].toSorted()
}
