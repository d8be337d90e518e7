import { callPlace } from '../host/place.ts'
import { IGNORED } from '../host/protocol.ts'
import { type Edit, placeOf } from './edits.ts'
import type { ParsedAgent } from './gate.ts'
import { type AnyNode, isFunction, isNode, walk } from './scope.ts'

/**
 * Marks calls of helpers whose answer the script does not look at, `vendor.slack(…)` as a statement, so that in a hook for
 * traffic they need not be waited for (agent-api §12, Q18), with where they stand. Where a failure would make a difference, in a `try` that does more
 * than print what it catches, calls stay as they are. So do all in a script that has something else by the name of a helper.
 */
export function ignoredResults({ ast, source }: ParsedAgent, helpers: ReadonlySet<string>): Edit[] {
  const root = ast as unknown as AnyNode
  const namespaces = new Set([...helpers].map((path) => path.slice(0, path.indexOf('.'))))
  const edits: Edit[] = []
  let isOwn = false
  walk(root, ({ node, ancestors }) => {
    if (node.type === 'WithStatement' || (node.type === 'Identifier' && node.name === 'eval')) isOwn = true
    if (isBound(node, ancestors, namespaces)) isOwn = true
    if (node.type !== 'ExpressionStatement' || !isUnwatched(ancestors)) return
    for (const call of lastCalls(node.expression as AnyNode)) {
      const callee = call.callee as AnyNode
      const path = pathOf(callee)
      if (path === undefined || !helpers.has(path)) continue
      // Where an error of the engine would say that it arose.
      const place = callPlace(placeOf(source, (callee.property as AnyNode).start))
      edits.push({ start: callee.end, end: callee.end, text: `.${IGNORED}(${place})` })
    }
  })
  return isOwn ? [] : edits
}

/** The name of a namespace stands for anything but itself: it is declared, assigned to, or handed on. */
function isBound(node: AnyNode, ancestors: readonly AnyNode[], names: ReadonlySet<string>): boolean {
  if (node.type !== 'Identifier' || !names.has(node.name as string)) return false
  const parent = ancestors.at(-2) as AnyNode
  if (parent.type === 'Property') return parent.value === node || parent.computed === true
  if (parent.type !== 'MemberExpression') return true
  return parent.object !== node ? parent.computed === true : isTarget(ancestors.slice(0, -1))
}

/** A member, or a member of it, is assigned to or deleted. */
function isTarget(ancestors: readonly AnyNode[]): boolean {
  const [node, around] = [ancestors.at(-1), ancestors.at(-2)]
  if (around?.type === 'MemberExpression' && around.object === node) return isTarget(ancestors.slice(0, -1))
  if (around?.type === 'AssignmentExpression') return around.left === node
  return (
    around?.type === 'UpdateExpression' ||
    (around?.type === 'UnaryExpression' && around.operator === 'delete')
  )
}

/** Calls whose value is that of an expression, or that are done for nothing else: `a && f()`, `a ? f() : g()`, `f(), g()`. */
function lastCalls(node: AnyNode): AnyNode[] {
  switch (node.type) {
    case 'CallExpression':
      return [node]
    case 'LogicalExpression':
      return lastCalls(node.right as AnyNode)
    case 'ConditionalExpression':
      return [node.consequent, node.alternate].flatMap((each) => lastCalls(each as AnyNode))
    case 'SequenceExpression':
      return (node.expressions as AnyNode[]).flatMap(lastCalls)
    case 'UnaryExpression':
      return node.operator === 'void' ? lastCalls(node.argument as AnyNode) : []
    default:
      return []
  }
}

/** `vendor.kinesis.put`; undefined for anything but a chain of names. */
function pathOf(node: AnyNode): string | undefined {
  if (node.type === 'Identifier') return node.name as string
  if (node.type !== 'MemberExpression' || node.computed === true || node.optional === true) return undefined
  const object = pathOf(node.object as AnyNode)
  return object === undefined ? undefined : `${object}.${(node.property as AnyNode).name as string}`
}

/** Nothing that the script does depends on whether a statement fails: none of the `try`s around it does more than print. */
function isUnwatched(ancestors: readonly AnyNode[]): boolean {
  for (let at = ancestors.length - 2; at >= 0; at--) {
    const around = ancestors[at] as AnyNode
    if (isFunction(around)) return true
    if (around.type !== 'TryStatement' || around.block !== ancestors[at + 1]) continue
    if (isNode(around.handler) && !onlyPrints(around.handler.body as AnyNode)) return false
  }
  return true
}

function onlyPrints(block: AnyNode): boolean {
  return (block.body as AnyNode[]).every((statement) => {
    if (statement.type === 'EmptyStatement') return true
    if (statement.type !== 'ExpressionStatement') return false
    const call = statement.expression as AnyNode
    return call.type === 'CallExpression' && pathOf(call.callee as AnyNode)?.startsWith('console.') === true
  })
}
