import { nearest } from '../../mistake/nearest.ts'
import type { ParsedAgent } from './gate.ts'
import { GLOBALS, topLevel } from './names.ts'
import {
  type AnyNode,
  declaredIn,
  functionAround,
  isFunction,
  isReference,
  type Place,
  walk,
} from './scope.ts'

/** Something in a script that will not work, or likely not as meant. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly rule: string
  readonly message: string
  /** The line, and a way out. */
  readonly hint?: string
}

export interface LintOptions {
  readonly file: string
  readonly hooks: readonly string[]
  /** Path of a helper → how many arguments it takes. */
  readonly helpers: ReadonlyMap<string, { readonly min: number; readonly max: number }>
  /** Keys of `scripting.env`. */
  readonly env: readonly string[]
}

/** Unknown hooks and helpers, wrong numbers of arguments, names that nobody declares, and common slips. Runs nothing. */
export function lintAgent({ ast }: ParsedAgent, options: LintOptions): Problem[] {
  return new Linter(ast as unknown as AnyNode, options).problems()
}

class Linter {
  readonly #root: AnyNode
  readonly #options: LintOptions
  readonly #declared: ReadonlySet<string>
  /** Names that come to be when they are assigned to, or to `this`. */
  readonly #assigned = new Set<string>()
  readonly #read = new Set<string>()
  readonly #namespaces: ReadonlySet<string>
  readonly #problems: Problem[] = []

  constructor(root: AnyNode, options: LintOptions) {
    this.#root = root
    this.#options = options
    this.#declared = declaredIn(topLevel(root))
    this.#namespaces = new Set([...options.helpers.keys()].map((path) => path.split('.')[0] as string))
    walk(root, (place) => {
      const { node } = place
      if (node.type === 'MemberExpression' && isTarget(place, 'AssignmentExpression', 'left')) {
        const { object, property, computed } = node as AnyNode & Record<'object' | 'property', AnyNode>
        // What a script puts on `this` is there without it as well.
        if (object.type === 'ThisExpression' && computed !== true) this.#assigned.add(property.name as string)
      }
      if (!isReference(place)) return
      const name = node.name as string
      if (isTarget(place, 'AssignmentExpression', 'left')) this.#assigned.add(name)
      else if (!isTarget(place, 'VariableDeclarator', 'id') && !isTarget(place, 'FunctionDeclaration', 'id'))
        this.#read.add(name)
    })
  }

  problems(): Problem[] {
    walk(this.#root, (place) => {
      const { node } = place
      if (node.type === 'CallExpression') this.#call(place)
      else if (node.type === 'BinaryExpression') this.#operator(place)
      else if (node.type === 'Identifier' && isReference(place)) this.#name(place)
    })
    return this.#problems.sort((a, b) => a.line - b.line || a.column - b.column)
  }

  #name(place: Place): void {
    const { node, ancestors } = place
    const name = node.name as string
    const value = valueGiven(place)
    if (value !== undefined) {
      this.#hook(place, name, value)
      return
    }
    if (this.#isKnown(name) || isLocal(name, ancestors)) return
    const parent = ancestors.at(-2) as AnyNode
    // This is how scripts ask whether there is one.
    if (parent.type === 'UnaryExpression' && parent.operator === 'typeof') return
    const hint = this.#options.env.includes(name)
      ? `; did you mean env.${name}?`
      : suggestion(name, [...this.#declared, ...this.#namespaces])
    this.#report(node, 'warning', 'undeclared', `${name} is not declared${hint}`)
  }

  #isKnown(name: string): boolean {
    return (
      this.#declared.has(name) || this.#assigned.has(name) || this.#namespaces.has(name) || GLOBALS.has(name)
    )
  }

  /** A name of the top level that gets a value: hooks are functions, and functions that look like hooks are hooks. */
  #hook({ node, ancestors }: Place, name: string, value: AnyNode): void {
    const around = functionAround(ancestors, ancestors.length - (value === ancestors.at(-2) ? 2 : 1))
    if (around !== undefined) return
    const { hooks } = this.#options
    if (hooks.includes(name)) {
      if (isPlainValue(value))
        this.#report(node, 'warning', 'hook-not-a-function', `${name} is no function: it is not called`)
    } else if (/^on[A-Z]/.test(name) && isFunction(value) && !this.#read.has(name))
      this.#report(node, 'error', 'unknown-hook', `there is no hook ${name}${suggestion(name, hooks)}`)
  }

  #call({ node: call, ancestors }: Place): void {
    const path = pathOf(call.callee as AnyNode)
    const namespace = path?.split('.')[0] as string
    if (path === 'String.match')
      this.#report(call, 'warning', 'string-match', 'String.match is no function; did you mean kfl.match?')
    if (path === undefined || !this.#namespaces.has(namespace)) return
    if (this.#declared.has(namespace) || isLocal(namespace, ancestors)) return
    const { helpers } = this.#options
    const arity = helpers.get(path)
    const given = call.arguments as AnyNode[]
    if (arity === undefined) {
      if (path.includes('.')) {
        const hint = suggestion(path, [...helpers.keys()])
        this.#report(call, 'error', 'unknown-helper', `there is no helper ${path}${hint}`)
      }
    } else if (given.some(({ type }) => type === 'SpreadElement')) return
    else if (given.length < arity.min)
      this.#report(
        call,
        'error',
        'arguments',
        `${path} needs ${counted(arity.min)}, and gets ${given.length}`,
      )
    else if (given.length > arity.max)
      this.#report(
        call,
        'warning',
        'arguments',
        `${path} takes ${counted(arity.max)}, and gets ${given.length}`,
      )
  }

  #operator(place: Place): void {
    const { node } = place
    const operator = node.operator as string
    const sides = [node.left, node.right] as AnyNode[]
    if (operator === '&' || operator === '|') {
      if (isCondition(place) && !sides.some(looksLikeBits)) {
        const message = `${operator} combines bits; did you mean ${operator}${operator}?`
        this.#report(node, 'warning', 'bitwise-condition', message)
      }
    } else if (/^[<>!=]/.test(operator) && sides.some(isElapsedTime)) {
      const limit = sides.find(({ type, value }) => type === 'Literal' && typeof value === 'number')?.value
      // Who compares it with 500 most likely means milliseconds.
      if (limit !== undefined && (limit as number) > 0 && (limit as number) < SMALL_ELAPSED) {
        const message = `elapsedTime is in microseconds: ${limit} is ${(limit as number) / 1000} ms`
        this.#report(node, 'warning', 'elapsed-time-unit', message)
      }
    }
  }

  #report(node: AnyNode, severity: Problem['severity'], rule: string, message: string): void {
    const { line, column } = (node.loc as { start: { line: number; column: number } }).start
    this.#problems.push({ file: this.#options.file, line, column: column + 1, severity, rule, message })
  }
}

function isLocal(name: string, ancestors: readonly AnyNode[]): boolean {
  return ancestors.some((each) => isFunction(each) && declaredIn(each).has(name))
}

/** Whether it stands where this kind of parent names what it declares or assigns to. */
function isTarget({ node, ancestors }: Place, type: string, key: string): boolean {
  const parent = ancestors.at(-2)
  return parent?.type === type && parent[key] === node
}

/** What a declaration or an assignment gives to the name that it is of; undefined when it is of none. */
function valueGiven(place: Place): AnyNode | undefined {
  const parent = place.ancestors.at(-2) as AnyNode
  if (isTarget(place, 'FunctionDeclaration', 'id')) return parent
  if (isTarget(place, 'VariableDeclarator', 'id')) return (parent.init as AnyNode | null) ?? undefined
  if (isTarget(place, 'AssignmentExpression', 'left')) return parent.right as AnyNode
  return undefined
}

/** Never a function, whatever happens. */
function isPlainValue({ type }: AnyNode): boolean {
  return /^(Literal|TemplateLiteral|ObjectExpression|ArrayExpression|BinaryExpression)$/.test(type)
}

function isCondition({ node, ancestors }: Place): boolean {
  const parent = ancestors.at(-2) as AnyNode
  return (
    parent.test === node ||
    parent.type === 'LogicalExpression' ||
    (parent.type === 'UnaryExpression' && parent.operator === '!')
  )
}

/** Numbers, masks, and constants in capitals. */
function looksLikeBits({ type, name, value, operator }: AnyNode): boolean {
  if (type === 'Identifier') return /^[A-Z][A-Z\d_]*$/.test(name as string)
  return (
    typeof value === 'number' || (type === 'BinaryExpression' && /^(<<|>>|[&|^])/.test(operator as string))
  )
}

function isElapsedTime({ type, computed, property }: AnyNode): boolean {
  return (
    type === 'MemberExpression' &&
    computed !== true &&
    /^[eE]lapsedTime$/.test((property as AnyNode).name as string)
  )
}

/** `vendor.kinesis.put`; undefined when it is not a chain of plain names. */
export function pathOf(callee: AnyNode): string | undefined {
  if (callee.type === 'Identifier') return callee.name as string
  if (callee.type !== 'MemberExpression' || callee.computed === true) return undefined
  const object = pathOf(callee.object as AnyNode)
  return object === undefined ? undefined : `${object}.${(callee.property as AnyNode).name as string}`
}

function suggestion(name: string, candidates: readonly string[]): string {
  // Names of a letter or two are close to anything.
  const close = name.length > 2 ? nearest(name, candidates) : undefined
  return close === undefined ? '' : `; did you mean ${close}?`
}

function counted(count: number): string {
  return `${count} argument${count === 1 ? '' : 's'}`
}

/** Microseconds. */
const SMALL_ELAPSED = 1000
