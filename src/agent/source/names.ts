import type { ParsedAgent } from './gate.ts'
import { type AnyNode, declaredIn, hoistedIn, isFunction, isReference, walk } from './scope.ts'

/** What scripts have without declaring it. */
export const GLOBALS: ReadonlySet<string> = new Set(
  (
    'Array Boolean Date Error EvalError Function Infinity JSON Math NaN Number Object RangeError ReferenceError RegExp String ' +
    'SyntaxError TypeError URIError decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite isNaN ' +
    'parseFloat parseInt undefined arguments env globalThis Map Set WeakMap WeakSet Symbol BigInt'
  ).split(' '),
)

/** Names that the top level of a script declares: `var`s and functions. */
export function topLevelNames({ ast }: ParsedAgent): string[] {
  return [...hoistedIn(topLevel(ast as unknown as AnyNode))]
}

/** A script as a function: what it declares is its own. */
export function topLevel(ast: AnyNode): AnyNode {
  const body = { ...ast, type: 'BlockStatement' }
  return { type: 'Program', start: 0, end: 0, params: [], body } as unknown as AnyNode
}

/** Whether a script uses a name that may come from another one: neither its own nor there for everybody. */
export function usesUndeclared({ ast }: ParsedAgent, helpers: ReadonlySet<string>): boolean {
  const root = ast as unknown as AnyNode
  const own = declaredIn(topLevel(root))
  const declared = new Map<AnyNode, ReadonlySet<string>>()
  const declaredBy = (func: AnyNode) => {
    const names = declared.get(func) ?? declaredIn(func)
    declared.set(func, names)
    return names
  }
  let found = false
  walk(root, (place) => {
    if (found || !isReference(place)) return
    const name = place.node.name as string
    if (own.has(name) || GLOBALS.has(name) || helpers.has(name)) return
    found = !place.ancestors.some((each) => isFunction(each) && declaredBy(each).has(name))
  })
  return found
}
