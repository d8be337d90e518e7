import type { Node } from 'acorn'

/** A node with the ones around it, outermost first, itself last. */
export interface Place {
  readonly node: AnyNode
  readonly ancestors: readonly AnyNode[]
}

/** acorn's nodes, read by property name: what is there depends on `type`. */
export type AnyNode = Node & Readonly<Record<string, unknown>>

export function isNode(value: unknown): value is AnyNode {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

/** Calls `visit` for a node and all below it. */
export function walk(node: AnyNode, visit: (place: Place) => void, above: readonly AnyNode[] = []): void {
  const ancestors = [...above, node]
  visit({ node, ancestors })
  for (const child of childrenOf(node)) walk(child, visit, ancestors)
}

/** The nodes directly below a node, in no order in particular. */
export function childrenOf(node: AnyNode): AnyNode[] {
  return Object.values(node).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? value : [],
  )
}

export function isFunction(node: AnyNode): boolean {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  )
}

/** The function that a node is directly in: the last function above it. */
export function functionAround(
  ancestors: readonly AnyNode[],
  below = ancestors.length - 1,
): AnyNode | undefined {
  for (let at = below - 1; at >= 0; at--) if (isFunction(ancestors[at] as AnyNode)) return ancestors[at]
  return undefined
}

/** Whether this identifier is a reference to a variable, and not a property name, a key or a label. */
export function isReference({ node, ancestors }: Place): boolean {
  if (node.type !== 'Identifier') return false
  const parent = ancestors.at(-2)
  if (parent === undefined) return true
  switch (parent.type) {
    case 'MemberExpression':
      return parent.object === node || parent.computed === true
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
      return parent.value === node || parent.computed === true
    case 'LabeledStatement':
    case 'BreakStatement':
    case 'ContinueStatement':
      return false
    default:
      return true
  }
}

/** Names that are a function's own all through it: its parameters, its own name, `var`s, and functions. */
export function hoistedIn(func: AnyNode): ReadonlySet<string> {
  return namesIn(func, false)
}

/** The same, and the names that a block, a `catch` or a class within it declares for itself. */
export function declaredIn(func: AnyNode): ReadonlySet<string> {
  return namesIn(func, true)
}

function namesIn(func: AnyNode, ofBlocks: boolean): ReadonlySet<string> {
  const names = new Set<string>()
  const { id, body } = func
  if (func.type === 'FunctionExpression' && isNode(id)) names.add(id.name as string)
  for (const param of (func.params as AnyNode[] | undefined) ?? []) addPattern(names, param)
  const visit = (node: AnyNode, depth: number): void => {
    if (isFunction(node) && depth > 0) {
      // In a block it is the block's first of all (ECMA-262 annex B.3.2).
      if (node.type === 'FunctionDeclaration' && isNode(node.id) && (depth === 1 || ofBlocks))
        names.add(node.id.name as string)
      return
    }
    if (node.type === 'VariableDeclaration' && (node.kind === 'var' || ofBlocks))
      for (const { id: pattern } of node.declarations as AnyNode[]) addPattern(names, pattern as AnyNode)
    if (ofBlocks && node.type === 'CatchClause' && isNode(node.param)) addPattern(names, node.param)
    if (ofBlocks && /^Class/.test(node.type) && isNode(node.id)) names.add(node.id.name as string)
    if (node.type === 'StaticBlock' && !ofBlocks) return
    for (const child of childrenOf(node)) visit(child, depth + 1)
  }
  if (isNode(body)) visit(body, body.type === 'BlockStatement' ? 0 : 1)
  return names
}

/** The names that a pattern binds; not those that its default values mention. */
function addPattern(names: Set<string>, pattern: AnyNode): void {
  switch (pattern.type) {
    case 'Identifier':
      names.add(pattern.name as string)
      return
    case 'AssignmentPattern':
      addPattern(names, pattern.left as AnyNode)
      return
    case 'RestElement':
      addPattern(names, pattern.argument as AnyNode)
      return
    case 'Property':
      addPattern(names, pattern.value as AnyNode)
      return
    case 'ArrayPattern':
      for (const element of pattern.elements as (AnyNode | null)[])
        if (element !== null) addPattern(names, element)
      return
    case 'ObjectPattern':
      for (const property of pattern.properties as AnyNode[]) addPattern(names, property)
  }
}
