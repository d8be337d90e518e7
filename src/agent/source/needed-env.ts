import type { ParsedAgent } from './gate.ts'
import { pathOf } from './lint.ts'
import { topLevel } from './names.ts'
import { type AnyNode, declaredIn, isFunction, isNode, isReference, type Place, walk } from './scope.ts'

/** A name of `env` that a script reads as if it were set. */
export interface NeededEnv {
  readonly name: string
  /** Where these are set: that is asked first. */
  readonly when: readonly string[]
}

/**
 * Names of `env` that a script reads as if they were set, in the order in which it does (agent-api §11, row 28). Not those that
 * it asks for anywhere, also by way of a variable: in conditions, `env.X || 'else'`, `typeof`, comparisons with `==` and the
 * like; nor those that only go where a helper needs nothing, or become a property, which may be absent. `helpers`: how many
 * arguments each needs.
 */
export function neededEnv(
  { ast }: ParsedAgent,
  helpers: ReadonlyMap<string, { readonly min: number }>,
): NeededEnv[] {
  const root = ast as unknown as AnyNode
  if (declaredIn(topLevel(root)).has('env')) return []
  const reads: { readonly name: string; readonly conditions: readonly AnyNode[] }[] = []
  const asked = new Set<string>()
  /** Names that variables hold. */
  const held = new Map<string, string[]>()
  const askedVariables = new Set<string>()
  walk(root, (place) => {
    const { node } = place
    if (node.type === 'Identifier' && isReference(place)) {
      if (mayBeMissing(place, helpers)) askedVariables.add(node.name as string)
      return
    }
    const name = nameRead(place)
    if (name === undefined) return
    if (node.optional === true || mayBeMissing(place, helpers)) asked.add(name)
    else reads.push({ name, conditions: conditionsOf(place.ancestors) })
    const variable = variableGiven(place)
    if (variable !== undefined) held.set(variable, [...(held.get(variable) ?? []), name])
  })
  for (const variable of askedVariables) for (const name of held.get(variable) ?? []) asked.add(name)
  return reads
    .filter(({ name }) => !asked.has(name))
    .map(({ name, conditions }) => ({
      name,
      when: [...new Set(conditions.flatMap((condition) => namesIn(condition, held)))],
    }))
}

/** What decides whether a place is reached, as far as that can be seen: tests around it, and those that leave before it. */
function conditionsOf(ancestors: readonly AnyNode[]): AnyNode[] {
  return ancestors.flatMap((around, at) => {
    const inner = ancestors[at + 1]
    if (inner === undefined) return []
    if (around.type === 'LogicalExpression') return around.right === inner ? [around.left as AnyNode] : []
    if (isNode(around.test)) return around.test === inner ? [] : [around.test]
    if (!Array.isArray(around.body)) return []
    const before = (around.body as AnyNode[]).slice(0, around.body.indexOf(inner))
    return before.filter(leaves).map(({ test }) => test as AnyNode)
  })
}

function leaves({ type, consequent }: AnyNode): boolean {
  if (type !== 'IfStatement') return false
  const { type: kind, body } = consequent as AnyNode
  const last = kind === 'BlockStatement' ? (body as AnyNode[]).at(-1)?.type : kind
  return /^(Return|Throw|Continue|Break)Statement$/.test(last ?? '')
}

/** Names of `env` in an expression, also those that variables in it hold. */
function namesIn(expression: AnyNode, held: ReadonlyMap<string, readonly string[]>): string[] {
  const names: string[] = []
  walk(expression, (place) => {
    const name = nameRead(place)
    if (name !== undefined) names.push(name)
    else if (isReference(place)) names.push(...(held.get(place.node.name as string) ?? []))
  })
  return names
}

/** NAME of `env.NAME` and `env['NAME']`, unless it is assigned to or deleted. */
function nameRead({ node, ancestors }: Place): string | undefined {
  if (node.type !== 'MemberExpression') return undefined
  const { object, property, computed } = node as AnyNode & Record<'object' | 'property', AnyNode>
  if (object.type !== 'Identifier' || object.name !== 'env') return undefined
  if (ancestors.some((each) => isFunction(each) && declaredIn(each).has('env'))) return undefined
  const parent = ancestors.at(-2)
  if (parent?.type === 'AssignmentExpression' && parent.left === node) return undefined
  if (parent?.type === 'UpdateExpression' || parent?.operator === 'delete') return undefined
  const name = computed === true ? property.value : property.name
  return typeof name === 'string' ? name : undefined
}

/** Whether a value stands where the script is prepared for nothing. */
function mayBeMissing(
  { node, ancestors }: Place,
  helpers: ReadonlyMap<string, { readonly min: number }>,
): boolean {
  const parent = ancestors.at(-2)
  if (parent === undefined) return false
  switch (parent.type) {
    case 'LogicalExpression':
    case 'SwitchStatement':
      return true
    case 'UnaryExpression':
      return parent.operator !== '+' && parent.operator !== '-' && parent.operator !== '~'
    case 'BinaryExpression':
      // `&` and `|` are there for `&&` and `||`.
      return /^([!=]==?|[&|])$/.test(parent.operator as string)
    case 'MemberExpression':
      return parent.object === node && parent.optional === true
    case 'CallExpression':
      return isOptionalArgument(node, parent, helpers)
    case 'Property':
      return parent.value === node
    default:
      return parent.test === node
  }
}

function isOptionalArgument(
  node: AnyNode,
  call: AnyNode,
  helpers: ReadonlyMap<string, { readonly min: number }>,
): boolean {
  const path = pathOf(call.callee as AnyNode)
  const at = (call.arguments as AnyNode[]).indexOf(node)
  if (path === undefined || at === -1) return false
  return path === 'Boolean' || at >= (helpers.get(path)?.min ?? Number.POSITIVE_INFINITY)
}

function variableGiven({ node, ancestors }: Place): string | undefined {
  const parent = ancestors.at(-2)
  if (parent?.type === 'VariableDeclarator' && parent.init === node) return nameOf(parent.id)
  if (parent?.type === 'AssignmentExpression' && parent.right === node) return nameOf(parent.left)
  return undefined
}

function nameOf(pattern: unknown): string | undefined {
  const { type, name } = pattern as AnyNode
  return type === 'Identifier' ? (name as string) : undefined
}
