import { nearest } from '../../mistake/nearest.ts'
import type { ParsedAgent } from './gate.ts'
import { type AnyNode, declaredIn, isFunction, isNode, isReference, walk } from './scope.ts'

/** Something in a script that will not work, or likely not as meant. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly rule: string
  readonly message: string
}

export interface LintOptions {
  readonly file: string
  readonly hooks: readonly string[]
  /** Path of a helper → how many arguments it takes. */
  readonly helpers: ReadonlyMap<string, { readonly min: number; readonly max: number }>
  /** Keys of `scripting.env`. */
  readonly env: readonly string[]
}

/** Unknown hooks and helpers, wrong numbers of arguments, names that nobody declares, and common slips. */
export function lintAgent({ ast }: ParsedAgent, options: LintOptions): Problem[] {
  const problems: Problem[] = []
  const root = ast as unknown as AnyNode
  const add = (node: AnyNode, severity: Problem['severity'], rule: string, message: string) => {
    const { line, column } = (node.loc as { start: { line: number; column: number } }).start
    problems.push({ file: options.file, line, column: column + 1, severity, rule, message })
  }
  const declared = declaredIn({
    type: 'Program',
    start: 0,
    end: 0,
    params: [],
    body: { ...root, type: 'BlockStatement' },
  } as unknown as AnyNode)
  const implicit = new Set<string>()
  walk(root, ({ node }) => {
    const left = node.left
    if (node.type === 'AssignmentExpression' && isNode(left) && left.type === 'Identifier')
      implicit.add(left.name as string)
  })
  const namespaces = new Set([...options.helpers.keys()].map((path) => path.split('.')[0] as string))

  walk(root, (place) => {
    const { node, ancestors } = place
    if (node.type === 'FunctionDeclaration' && ancestors.length === 2) {
      const name = (node.id as AnyNode).name as string
      if (/^on[A-Z]/.test(name) && !options.hooks.includes(name))
        add(node, 'error', 'unknown-hook', `there is no hook ${name}${suggestion(name, options.hooks)}`)
    }
    if (node.type === 'CallExpression') lintCall(node, declared, namespaces, options, add)
    if (!isReference(place)) return
    const name = node.name as string
    if (declared.has(name) || implicit.has(name) || namespaces.has(name) || GLOBALS.has(name)) return
    if (ancestors.some((each) => isFunction(each) && declaredIn(each).has(name))) return
    const parent = ancestors.at(-2) as AnyNode
    if (parent.type === 'UnaryExpression' && parent.operator === 'typeof') return
    const hint = options.env.includes(name)
      ? `; did you mean env.${name}?`
      : suggestion(name, [...declared, ...namespaces])
    add(node, 'warning', 'undeclared', `${name} is not declared${hint}`)
  })
  return problems.sort((a, b) => a.line - b.line || a.column - b.column)
}

function lintCall(
  call: AnyNode,
  declared: ReadonlySet<string>,
  namespaces: ReadonlySet<string>,
  { helpers }: LintOptions,
  add: (node: AnyNode, severity: Problem['severity'], rule: string, message: string) => void,
): void {
  const path = helperPath(call.callee as AnyNode)
  const namespace = path?.split('.')[0] as string
  if (path === undefined || !namespaces.has(namespace) || declared.has(namespace)) return
  const arity = helpers.get(path)
  if (arity === undefined) {
    if (path.includes('.'))
      add(
        call,
        'error',
        'unknown-helper',
        `there is no helper ${path}${suggestion(path, [...helpers.keys()])}`,
      )
    return
  }
  const given = (call.arguments as AnyNode[]).length
  if (given < arity.min)
    add(call, 'error', 'arguments', `${path} needs ${arity.min} arguments, and gets ${given}`)
  else if (given > arity.max)
    add(call, 'warning', 'arguments', `${path} takes ${arity.max} arguments, and gets ${given}`)
}

/** `vendor.kinesis.put`; undefined when it is not a chain of plain names. */
function helperPath(callee: AnyNode): string | undefined {
  if (callee.type === 'Identifier') return callee.name as string
  if (callee.type !== 'MemberExpression' || callee.computed === true) return undefined
  const object = helperPath(callee.object as AnyNode)
  return object === undefined ? undefined : `${object}.${(callee.property as AnyNode).name as string}`
}

function suggestion(name: string, candidates: readonly string[]): string {
  const close = nearest(name, candidates)
  return close === undefined ? '' : `; did you mean ${close}?`
}

/** What scripts have without declaring it. */
const GLOBALS: ReadonlySet<string> = new Set(
  (
    'Array Boolean Date Error EvalError Function Infinity JSON Math NaN Number Object RangeError ReferenceError RegExp String ' +
    'SyntaxError TypeError URIError decodeURI decodeURIComponent encodeURI encodeURIComponent escape unescape isFinite isNaN ' +
    'parseFloat parseInt undefined arguments env globalThis Map Set WeakMap WeakSet Symbol BigInt'
  ).split(' '),
)
