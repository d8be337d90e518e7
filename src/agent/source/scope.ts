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
  for (const key of Object.keys(node)) {
    const value = node[key]
    if (isNode(value)) walk(value, visit, ancestors)
    else if (Array.isArray(value)) for (const each of value) if (isNode(each)) walk(each, visit, ancestors)
  }
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

/** Names that a function declares: parameters, its own name, `var`s, functions, and blocks' names within it. */
export function declaredIn(func: AnyNode): ReadonlySet<string> {
  const names = new Set<string>()
  const id = func.id
  if (func.type === 'FunctionExpression' && isNode(id)) names.add(id.name as string)
  for (const param of (func.params as AnyNode[] | undefined) ?? []) addPattern(names, param)
  const body = func.body
  const visit = (node: AnyNode, top: boolean): void => {
    if (!top && isFunction(node)) {
      const inner = node.id
      if (node.type === 'FunctionDeclaration' && isNode(inner)) names.add(inner.name as string)
      return
    }
    if (node.type === 'VariableDeclarator') addPattern(names, node.id as AnyNode)
    if (node.type === 'CatchClause' && isNode(node.param)) addPattern(names, node.param)
    if (node.type === 'ClassDeclaration' && isNode(node.id)) names.add(node.id.name as string)
    for (const key of Object.keys(node)) {
      const value = node[key]
      if (isNode(value)) visit(value, false)
      else if (Array.isArray(value)) for (const each of value) if (isNode(each)) visit(each, false)
    }
  }
  if (isNode(body)) visit(body, body.type === 'BlockStatement')
  return names
}

function addPattern(names: Set<string>, pattern: AnyNode): void {
  walk(pattern, (place) => {
    if (isReference(place)) names.add(place.node.name as string)
  })
}
