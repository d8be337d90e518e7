import type { Node, Program } from 'acorn'
import { fullAncestor } from 'acorn-walk'
import { THIS } from './host/protocol.ts'
import type { Edit } from './source/edits.ts'

export interface SharedThis {
  readonly edits: readonly Edit[]
  /** The script says `this` somewhere. */
  readonly shares: boolean
}

/**
 * Makes `this` in plain function calls the object that all agents share (agent-api §2.5). JavaScript would give the
 * global object of the realm there, which is the agent's own; so every `this` inside a function goes through a
 * function that swaps the two. At the top level `this` is the shared object already.
 */
export function shareThis(program: Program): SharedThis {
  const edits: Edit[] = []
  let shares = false
  fullAncestor(program, (node, _state, ancestors) => {
    if (node.type !== 'ThisExpression') return
    shares = true
    if (!ancestors.some((each) => each.type.startsWith('Function'))) return
    const { start, end } = node
    edits.push({ start, end, text: isMade(ancestors) ? `(${THIS}(this))` : `${THIS}(this)` })
  })
  return { edits, shares }
}

/** `new this.Thing()`: a call there would be taken for what is to be made. Elsewhere a bracket could continue a statement. */
function isMade(ancestors: readonly Node[]): boolean {
  let at = ancestors.length - 1
  while (isObjectOf(ancestors[at - 1], ancestors[at] as Node)) at--
  const made = ancestors[at - 1] as (Node & { readonly callee?: Node }) | undefined
  return made?.type === 'NewExpression' && made.callee === ancestors[at]
}

function isObjectOf(parent: Node | undefined, node: Node): boolean {
  return parent?.type === 'MemberExpression' && (parent as Node & { object?: Node }).object === node
}
