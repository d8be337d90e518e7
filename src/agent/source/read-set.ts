import { ENTRY_FIELDS } from '../../helpers/otel/entry-fields.ts'
import type { ParsedAgent } from './gate.ts'
import {
  type AnyNode,
  functionAround,
  hoistedIn,
  isFunction,
  isNode,
  isReference,
  type Place,
  walk,
} from './scope.ts'

/** What a script may read of the object that a hook gets. */
export interface ReadSet {
  /** It cannot be told, or everything. */
  readonly whole: boolean
  /** Dotted paths, such as `request.path`; `response?` when only whether it is there. */
  readonly paths: readonly string[]
}

/** What a property is, below a path of fields: a value, an object with fields, or nothing that we know. */
export type ResolveField = (
  parents: readonly string[],
  property: string,
) => { readonly kind: 'leaf' | 'node' | 'unknown'; readonly name: string }

/**
 * Which fields of its first parameter a hook may read: never fewer than it does, unless it hides what it does by putting
 * the names of V8's reflection together at run time (`f["call" + "er"]`). Everything that is not plainly a
 * chain of property names (`data.request.path`, also through `var request = data.request` and through functions of the
 * script) counts as reading all that hangs below.
 */
export function readSet({ ast }: ParsedAgent, hook: string, resolve: ResolveField): ReadSet {
  const script = new Script(ast as unknown as AnyNode)
  const func = script.hookFunction(hook)
  if (func === undefined) return { whole: true, paths: [] }
  const reader = new Reader(script, func, resolve)
  reader.parameter(func, 0, [])
  return reader.result()
}

/** A script as a whole: its functions, and who mentions what. */
class Script {
  readonly root: AnyNode
  /** Every mention of a name, property names left out. */
  readonly #mentions = new Map<string, Place[]>()
  /** `with` and `eval` make names mean anything, and accessors run on objects that they were not made for. */
  readonly opaque: boolean

  constructor(root: AnyNode) {
    this.root = root
    let opaque = false
    walk(root, (place) => {
      if (place.node.type === 'WithStatement') opaque = true
      if (MAGIC.has((place.node.name ?? place.node.value) as string)) opaque = true
      if (place.node.type === 'MemberExpression' && isMagic(place.node)) opaque = true
      if (!isReference(place)) return
      const name = place.node.name as string
      if (name === 'eval') opaque = true
      const places = this.#mentions.get(name)
      if (places === undefined) this.#mentions.set(name, [place])
      else places.push(place)
    })
    this.opaque = opaque
  }

  mentions(name: string): readonly Place[] {
    return this.#mentions.get(name) ?? []
  }

  /** The one function that the hook can be; undefined when it could be another one. */
  hookFunction(name: string): AnyNode | undefined {
    if (this.opaque) return undefined
    const [place, ...others] = this.mentions(name)
    if (place === undefined || others.length > 0) return undefined
    return this.#declaredBy(place)
  }

  /** The function at the top level of this name, if the name is nothing else, and is only ever called. */
  localFunction(name: string): AnyNode | undefined {
    let found: AnyNode | undefined
    for (const place of this.mentions(name)) {
      const declared = this.#declaredBy(place)
      if (declared !== undefined) {
        if (found !== undefined) return undefined
        found = declared
      } else if (!isCallee(place)) {
        return undefined
      }
    }
    return found
  }

  /** `function name() {}`, `var name = function () {}` or `name = function () {}` at the top level. */
  #declaredBy({ node, ancestors }: Place): AnyNode | undefined {
    const parent = ancestors.at(-2) as AnyNode
    if (
      functionAround(ancestors, ancestors.length - (parent.type === 'FunctionDeclaration' ? 2 : 1)) !==
      undefined
    )
      return undefined
    if (parent.type === 'FunctionDeclaration' && parent.id === node)
      return ancestors.length === 3 ? parent : undefined
    const statement = ancestors.at(-3) as AnyNode
    if (parent.type === 'VariableDeclarator' && parent.id === node && ancestors.length === 4)
      return functionOrNothing(parent.init)
    if (
      parent.type === 'AssignmentExpression' &&
      parent.left === node &&
      parent.operator === '=' &&
      statement.type === 'ExpressionStatement'
    )
      return ancestors.length === 4 ? functionOrNothing(parent.right) : undefined
    return undefined
  }
}

/** Follows one object through the script. */
class Reader {
  readonly #script: Script
  readonly #resolve: ResolveField
  readonly #paths = new Set<string>()
  /** Parameters that are being followed, so that recursion ends. */
  readonly #followed = new Set<string>()
  /** How many variables lead to the one that is being looked at. */
  #depth = 0
  readonly #hook: AnyNode

  constructor(script: Script, hook: AnyNode, resolve: ResolveField) {
    this.#script = script
    this.#hook = hook
    this.#resolve = resolve
  }

  result(): ReadSet {
    if (this.#paths.has('')) return { whole: true, paths: [] }
    return { whole: false, paths: [...this.#paths].sort() }
  }

  /** Whether the object is there will be noticed; what is in it, not. */
  #touch(path: readonly string[]): void {
    if (path.length > 0) this.#paths.add(`${path.join('.')}?`)
  }

  /** The `index`th parameter of a function holds what is at `path`. */
  parameter(func: AnyNode, index: number, path: readonly string[]): void {
    const key = `${func.start} ${index} ${path.join('.')}`
    if (this.#followed.has(key)) return
    this.#followed.add(key)
    const params = func.params as AnyNode[]
    if (usesArguments(func) || params.some((param) => param.type !== 'Identifier')) {
      this.#all(path)
      return
    }
    const param = params[index]
    if (param === undefined) return
    this.#variable(param.name as string, func, path, param)
  }

  /** A variable of a function that holds what is at `path`: every mention of it in there. */
  #variable(name: string, func: AnyNode, path: readonly string[], declaration: AnyNode): void {
    let declarations = 0
    const uses: Place[] = []
    for (const place of this.#script.mentions(name)) {
      if (!place.ancestors.includes(func) || isShadowed(place, name, func)) continue
      if (place.node === declaration) continue
      if (isAssigned(place) || isDeclaration(place)) declarations++
      else uses.push(place)
    }
    // Assigned somewhere else: it may hold another object, and what we follow may be read under another name.
    this.#depth++
    if (declarations > 0 || this.#depth > DEEPEST) this.#all(path)
    else for (const use of uses) this.#use(use, path)
    this.#depth--
  }

  /** The expression at `place` is what lies at `path`: looks at what is done with it. */
  #use(place: Place, path: readonly string[]): void {
    const { node, ancestors } = place
    const parent = ancestors.at(-2) as AnyNode
    const outside: Place = { node: parent, ancestors: ancestors.slice(0, -1) }
    if (parent.type === 'MemberExpression' && parent.object === node) {
      this.#member(outside, path)
      return
    }
    if (isTested(place)) {
      this.#touch(path)
      return
    }
    // `a && b`, `a || b`, `(a, b)`, `c ? a : b`: the value is one of them, so what is done with it counts.
    if (passesThrough(parent, node)) {
      if (parent.type === 'LogicalExpression') this.#touch(path)
      // On the left of `&&` it only goes on when it is not there.
      if (parent.operator === '&&' && parent.left === node) return
      this.#use(outside, path)
      return
    }
    if (parent.type === 'ExpressionStatement') return
    if (parent.type === 'VariableDeclarator' && parent.init === node && this.#alias(outside, path)) return
    if (parent.type === 'CallExpression' && this.#argument(outside, node, path)) return
    if (parent.type === 'ReturnStatement' && path.length === 0 && functionAround(ancestors) === this.#hook)
      return
    this.#all(path)
  }

  #member(place: Place, path: readonly string[]): void {
    const { node, ancestors } = place
    const name = propertyName(node)
    const parent = ancestors.at(-2) as AnyNode
    if (name === undefined) {
      this.#all(path)
      return
    }
    const assigned = parent.type === 'AssignmentExpression' && parent.left === node && parent.operator === '='
    // Setting a field reads nothing, but fails where the object is not there; its own object is the agent's.
    if (assigned) {
      this.#touch(path)
      return
    }
    const field = this.#resolve(path, name)
    // An inherited property could be a getter, and any method sees the whole object.
    if (field.kind === 'unknown' || isCalled(place)) {
      this.#all(path)
      return
    }
    const inner = [...path, field.name]
    if (field.kind === 'leaf') this.#paths.add(inner.join('.'))
    else {
      this.#touch(path)
      this.#use(place, inner)
    }
  }

  /** `var request = data.request`: follows `request`, when it is never anything else. */
  #alias({ node, ancestors }: Place, path: readonly string[]): boolean {
    const id = node.id as AnyNode
    const func = functionAround(ancestors)
    const declaration = ancestors.at(-2) as AnyNode
    const holder = ancestors.at(-3) as AnyNode
    if (id.type !== 'Identifier' || func === undefined || declaration.type !== 'VariableDeclaration')
      return false
    if (holder.type === 'ForInStatement' || holder.type === 'ForOfStatement') return false
    const name = id.name as string
    if (isParameter(func, name)) return false
    this.#variable(name, func, path, id)
    return true
  }

  /**
   * Passed to a function of the script, to `test.pass` and `test.fail`, which read nothing, or to `otel.spanFromEntry`, of which
   * it is known what it reads.
   */
  #argument({ node, ancestors }: Place, argument: AnyNode, path: readonly string[]): boolean {
    const callee = node.callee as AnyNode
    const index = (node.arguments as AnyNode[]).indexOf(argument)
    if (index < 0 || (node.arguments as AnyNode[]).some((each) => each.type === 'SpreadElement')) return false
    if (isTestHelper(callee) && this.#script.mentions('test').every(isMemberOfHelper)) {
      const parent = ancestors.at(-2) as AnyNode
      return (
        parent.type === 'ExpressionStatement' ||
        (parent.type === 'ReturnStatement' && functionAround(ancestors) === this.#hook)
      )
    }
    if (index === 0 && path.length === 0 && isSpanFromEntry(callee) && this.#isOtelItself()) {
      for (const field of ENTRY_FIELDS) this.#paths.add(field)
      return true
    }
    if (callee.type !== 'Identifier') return false
    const name = callee.name as string
    if (isShadowed({ node: callee, ancestors: [...ancestors, callee] }, name, this.#script.root)) return false
    const func = this.#script.localFunction(name)
    if (func === undefined) return false
    this.parameter(func, index, path)
    return true
  }

  /** Nobody has put something else there, or in it. */
  #isOtelItself(): boolean {
    return this.#script.mentions('otel').every(({ ancestors }) => {
      const [holder, around] = [ancestors.at(-2) as AnyNode, ancestors.at(-3) as AnyNode]
      return (
        holder.type === 'MemberExpression' &&
        holder.object === ancestors.at(-1) &&
        (around.type === 'CallExpression' ? around.callee === holder : isSpanFromEntry(around))
      )
    })
  }

  #all(path: readonly string[]): void {
    this.#paths.add(path.join('.'))
  }
}

/** `x.name` or `x['name']`. */
function propertyName(member: AnyNode): string | undefined {
  const property = member.property as AnyNode
  if (member.computed !== true) return property.type === 'Identifier' ? (property.name as string) : undefined
  const value = property.value
  return property.type === 'Literal' && typeof value === 'string' ? value : undefined
}

/** `f.arguments` is another name for what `f` got, and `Object[name]` for anything that MAGIC lists. */
function isMagic(member: AnyNode): boolean {
  const name = propertyName(member)
  const object = member.object as AnyNode
  return (
    name === 'arguments' || (name === undefined && object.type === 'Identifier' && object.name === 'Object')
  )
}

/** Only asked whether it is there: `if (x)`, `!x`, `x && …`, `x == null`, `typeof x`. */
function isTested({ node, ancestors }: Place): boolean {
  const parent = ancestors.at(-2) as AnyNode
  switch (parent.type) {
    case 'IfStatement':
    case 'WhileStatement':
    case 'DoWhileStatement':
    case 'ForStatement':
    case 'ConditionalExpression':
      return parent.test === node
    case 'UnaryExpression':
      return parent.operator === '!' || parent.operator === 'typeof' || parent.operator === 'void'
    case 'BinaryExpression': {
      const other = (parent.left === node ? parent.right : parent.left) as AnyNode
      return /^[!=]==?$/.test(parent.operator as string) && isNothing(other)
    }
    default:
      return false
  }
}

function isNothing(node: AnyNode): boolean {
  return (
    (node.type === 'Literal' && node.value === null && node.regex === undefined) ||
    (node.type === 'Identifier' && node.name === 'undefined')
  )
}

function passesThrough(parent: AnyNode, node: AnyNode): boolean {
  if (parent.type === 'LogicalExpression') return true
  if (parent.type === 'ConditionalExpression') return parent.test !== node
  return parent.type === 'ChainExpression'
}

function isCallee({ node, ancestors }: Place): boolean {
  const parent = ancestors.at(-2) as AnyNode
  return parent.type === 'CallExpression' && parent.callee === node
}

/** Called with its object as `this`: `x.f()`, `(x?.f)()`, a tag of a template. */
function isCalled({ node, ancestors }: Place): boolean {
  const parent = ancestors.at(-2) as AnyNode
  if (parent.type === 'ChainExpression') return isCalled({ node: parent, ancestors: ancestors.slice(0, -1) })
  return parent.callee === node || parent.tag === node
}

function isTestHelper(callee: AnyNode): boolean {
  const object = callee.object as AnyNode | undefined
  return (
    callee.type === 'MemberExpression' &&
    object?.type === 'Identifier' &&
    object.name === 'test' &&
    (propertyName(callee) === 'pass' || propertyName(callee) === 'fail')
  )
}

/** `otel.spanFromEntry`, or its `queue`. */
function isSpanFromEntry(callee: AnyNode): boolean {
  if (callee.type !== 'MemberExpression') return false
  const object = callee.object as AnyNode
  const name = propertyName(callee)
  if (name === 'queue') return isSpanFromEntry(object)
  return object.type === 'Identifier' && object.name === 'otel' && name === 'spanFromEntry'
}

/** `test` is only ever used as `test.pass(…)`: then it is the helper, and nobody has put something else there. */
function isMemberOfHelper(place: Place): boolean {
  const parent = place.ancestors.at(-2) as AnyNode
  const call = place.ancestors.at(-3)
  return isTestHelper(parent) && call?.type === 'CallExpression' && call.callee === parent
}

function functionOrNothing(value: unknown): AnyNode | undefined {
  return isNode(value) && isFunction(value) ? value : undefined
}

/** `arguments` in a function (or arrow functions in it) is another name for its parameters. */
function usesArguments(func: AnyNode): boolean {
  let uses = false
  walk(func, (place) => {
    if (!isReference(place) || place.node.name !== 'arguments') return
    const around = place.ancestors
      .filter(isFunction)
      .filter((each) => each.type !== 'ArrowFunctionExpression')
      .at(-1)
    if (around === func || func.type === 'ArrowFunctionExpression') uses = true
  })
  return uses
}

/** A function between `outer` and the place declares the same name: it is another variable. */
function isShadowed({ node, ancestors }: Place, name: string, outer: AnyNode): boolean {
  const from = ancestors.indexOf(outer) + 1
  return ancestors.some((each, at) => {
    if (at < from || !isFunction(each)) return false
    const below = ancestors[at + 1] as AnyNode
    // Default values of parameters do not see the variables of the body.
    const inDefault = below !== node && (each.params as AnyNode[]).includes(below)
    return !inDefault && hoistedIn(each).has(name)
  })
}

function isParameter(func: AnyNode, name: string): boolean {
  return (func.params as AnyNode[]).some((param) => param.type !== 'Identifier' || param.name === name)
}

function isAssigned({ node, ancestors }: Place): boolean {
  const parent = ancestors.at(-2) as AnyNode
  if (parent.type === 'AssignmentExpression') return parent.left === node
  if (parent.type === 'UpdateExpression') return true
  if (parent.type === 'ForInStatement' || parent.type === 'ForOfStatement') return parent.left === node
  return (
    parent.type === 'AssignmentPattern' || parent.type === 'ArrayPattern' || parent.type === 'RestElement'
  )
}

/** Declared once more: `var data`, `function data() {}`, a parameter of an inner function, `catch (data)`. */
function isDeclaration({ node, ancestors }: Place): boolean {
  const parent = ancestors.at(-2) as AnyNode
  if (parent.type === 'VariableDeclarator') return parent.id === node
  if (isFunction(parent)) return parent.id === node || (parent.params as AnyNode[]).includes(node)
  if (parent.type === 'CatchClause') return parent.param === node
  if (parent.type === 'ClassDeclaration' || parent.type === 'ClassExpression') return parent.id === node
  if (parent.type === 'Property') return ancestors.some((each) => each.type === 'ObjectPattern')
  return false
}

/** Whoever says one of these may put a getter or setter where a field is looked for. */
const MAGIC: ReadonlySet<string> = new Set([
  'defineProperty',
  'defineProperties',
  '__defineGetter__',
  '__defineSetter__',
  '__proto__',
  'setPrototypeOf',
  'caller',
  'callee',
  'prepareStackTrace',
])
const DEEPEST = 100
