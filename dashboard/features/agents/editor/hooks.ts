/** A hook as the typings declare it. */
export interface HookDeclaration {
  readonly name: string
  /** Of the function: `OnItemCaptured`. */
  readonly type: string
  readonly params: readonly string[]
  /** Text of its doc comment, without the stars. */
  readonly doc: string
}

/** Hooks that typings (`remora.d.ts`) declare: types of functions that are named like them. */
export function hooksIn(typings: string): HookDeclaration[] {
  return [...typings.matchAll(DECLARATION)].map(([, comment = '', type = '', params = '']) => ({
    name: `${type.charAt(0).toLowerCase()}${type.slice(1)}`,
    type,
    params: namesIn(params),
    doc: comment.replace(/^[ \t]*\* ?/gm, '').trim(),
  }))
}

/** `a: string, b: { c: number }` → a, b. */
function namesIn(params: string): string[] {
  const names: string[] = []
  let depth = 0
  let start = 0
  for (let at = 0; at <= params.length; at++) {
    const character = params[at] ?? ','
    if ('{([<'.includes(character)) depth++
    else if ('})]>'.includes(character)) depth--
    else if (character === ',' && depth === 0) {
      const name = /^\s*(\w+)\??:/.exec(params.slice(start, at))?.[1]
      if (name !== undefined) names.push(name)
      start = at + 1
    }
  }
  return names
}

const DECLARATION = /\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\ntype (On[A-Z]\w*) = \((.*)\) => /g
