import type { Node, Program } from 'acorn'
import { fullAncestor } from 'acorn-walk'
import { THIS } from './host/protocol.ts'

export interface SharedThis {
  readonly source: string
  /** Where text was put in: line (from 1), column (from 1) in the original, and how much. */
  readonly insertions: readonly (readonly [line: number, column: number, length: number])[]
  /** The script says `this` somewhere. */
  readonly shares: boolean
}

/**
 * Makes `this` in plain function calls the object that all agents share (agent-api §2.5). JavaScript would give the
 * global object of the realm there, which is the agent's own; so every `this` inside a function goes through a
 * function that swaps the two. At the top level `this` is the shared object already.
 */
export function shareThis(source: string, program: Program): SharedThis {
  const places: { readonly node: Node; readonly isMade: boolean }[] = []
  let shares = false
  fullAncestor(program, (node, _state, ancestors) => {
    if (node.type !== 'ThisExpression') return
    shares = true
    if (ancestors.some((each) => each.type.startsWith('Function')))
      places.push({ node, isMade: isMade(ancestors) })
  })
  places.sort((a, b) => a.node.start - b.node.start)

  let text = ''
  let copied = 0
  const insertions: [number, number, number][] = []
  for (const { node, isMade } of places) {
    const instead = isMade ? `(${THIS}(this))` : `${THIS}(this)`
    text += source.slice(copied, node.start) + instead
    copied = node.end
    const { line, column } = placeOf(source, node.start)
    insertions.push([line, column, instead.length - 'this'.length])
  }
  return { source: text + source.slice(copied), insertions, shares }
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

/** Line and column, both from 1. */
function placeOf(source: string, offset: number): { line: number; column: number } {
  let line = 1
  let lineStart = 0
  for (let at = source.indexOf('\n'); at >= 0 && at < offset; at = source.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return { line, column: offset - lineStart + 1 }
}
