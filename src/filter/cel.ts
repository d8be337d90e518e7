import { type ASTNode, Environment } from '@marcbachmann/cel-js'
import type { Mistake } from '../mistake/mistake.ts'
import { nearest } from '../mistake/nearest.ts'
import { type Fields, fields, MEMBERS, VARIABLES } from './cel-variables.ts'
import { type Condition, TEXT_TESTS } from './condition.ts'
import { headerIn } from './header.ts'
import { type Place, syntaxError } from './kfl-tokens.ts'
import { safeRegex } from './regex.ts'
import { Spellings, spellingsOf } from './spellings.ts'
import type { CEL_FUNCTIONS, CEL_MACROS } from './vocabulary.ts'

/** Variables of `exists(x, …)` and the like, innermost first. */
interface Scope {
  readonly name: string
  value: unknown
  readonly outer: Scope | undefined
}
type Evaluate = (entry: Fields, scope: Scope | undefined) => unknown
interface Node {
  readonly op: string
  readonly args: unknown
  /** Where it begins, or its operator is … */
  readonly pos?: number
  /** … and where it ends. */
  readonly end?: number
}

const grammar = new Environment({ unlistedVariablesAreDyn: true })

/**
 * A CEL filter on entries (agent-api §6.3). The library parses; evaluation is ours, so that what an entry does not have
 * is an empty value and numbers are numbers, as people expect of a filter. Throws E_FILTER_SYNTAX.
 */
export function compileCel(source: string, now: number): CompiledCel {
  if (source.trim() === '') return { matches: () => true, conditions: [] }
  const tree = parse(source) as unknown as Node
  const evaluate = new Compiler(source, now).compile(tree, new Set(), 0)
  return { matches: (entry) => truthy(evaluate(fields(entry), undefined)), conditions: conditionsOf(tree) }
}

export interface CompiledCel {
  matches(entry: unknown): boolean
  readonly conditions: readonly Condition[]
}

/** Of `a && b` those of both; of `request.path.contains("text")` that. */
function conditionsOf({ op, args }: Node): readonly Condition[] {
  if (op === '&&') return (args as Node[]).flatMap(conditionsOf)
  if (op === 'id') return PROTOCOLS[args as string] ?? []
  if (op === 'rcall') {
    const [name, object, [part]] = args as [string, Node, Node[]]
    return TEXT_TESTS.has(name) ? comparison(object, name as Condition['test'], part) : []
  }
  if (!['==', '<', '<=', '>', '>='].includes(op)) return []
  const [left, right] = args as [Node, Node]
  return comparison(left, op as Condition['test'], right)
}

function comparison(field: Node, test: Condition['test'], literal: Node | undefined): readonly Condition[] {
  const path = pathOf(field)
  const value = typeof literal?.args === 'bigint' ? Number(literal.args) : literal?.args
  if (path === undefined || literal?.op !== 'value') return []
  if (typeof value !== 'string' && typeof value !== 'number') return []
  if (typeof value === 'string' ? spellingsOf(value) instanceof Spellings : TEXT_TESTS.has(test)) return []
  // Where it is not HTTP they are nothing, whatever the field is there.
  if (field.op === 'id' && HTTP_ONLY.has(field.args as string) && mayBeNothing(test, value)) return []
  return [{ path, test, value }]
}

/** Whether the test can be true of what is not there. */
function mayBeNothing(test: Condition['test'], value: string | number): boolean {
  if (value === '' || value === 0) return test !== '>'
  return test === '<' || test === '<=' || (typeof value === 'number' && value < 0)
}

/** Where the value of a field is in the entry, as it is or as the empty value of its kind. */
function pathOf(node: Node): string | undefined {
  if (node.op === 'id')
    return Object.hasOwn(PATHS, node.args as string) ? PATHS[node.args as string] : undefined
  if (node.op !== '.' && node.op !== '.?') return undefined
  const [object, name] = node.args as [Node, string]
  if (object.op !== 'id' || !ENDS.has(object.args as string)) return pathInWhole(node)
  return END_TEXTS.has(name) ? `${String(object.args)}.${name}` : undefined
}

/** Of what an entry has as it is. */
function pathInWhole({ op, args }: Node): string | undefined {
  if (op === 'id') return WHOLE_FIELDS.has(args as string) ? (args as string) : undefined
  if (op !== '.' && op !== '.?') return undefined
  const [object, name] = args as [Node, string]
  const path = pathInWhole(object)
  return path === undefined ? undefined : `${path}.${name}`
}

function parse(source: string): ASTNode {
  try {
    return grammar.parse(source).ast
  } catch (error) {
    const { message, range } = error as Error & { range?: { start: number; end: number } }
    const { start, end } = range ?? { start: 0, end: source.length }
    throw syntaxError(
      placeOf(source, start, Math.max(end - start, 0)),
      (message.split('\n')[0] ?? '').toLowerCase(),
    )
  }
}

class Compiler {
  readonly #source: string
  readonly #now: number

  constructor(source: string, now: number) {
    this.#source = source
    this.#now = now
  }

  compile(node: Node, locals: ReadonlySet<string>, depth: number): Evaluate {
    if (depth > DEEPEST) throw this.#mistake(node, 'nested too deeply')
    const inner = (each: unknown) => this.compile(each as Node, locals, depth + 1)
    const { op, args } = node
    switch (op) {
      case 'value': {
        const value = typeof args === 'bigint' ? Number(args) : unsigned(args)
        const either = typeof value === 'string' ? spellingsOf(value) : value
        return () => either
      }
      case 'id':
        return this.#variable(node, args as string, locals)
      case '.':
      case '.?': {
        const [object, name] = args as [Node, string]
        const direct = directMember(object, name, locals)
        if (direct !== undefined) return direct
        const read = inner(object)
        const look = isHeaders(object) ? headerIn : member
        return (entry, scope) => look(read(entry, scope), name)
      }
      case '[]':
      case '[?]': {
        const [object, key] = (args as Node[]).map(inner) as [Evaluate, Evaluate]
        const look = isHeaders((args as Node[])[0] as Node) ? headerIn : member
        return (entry, scope) => look(object(entry, scope), String(key(entry, scope)))
      }
      case 'list': {
        const items = (args as Node[]).map(inner)
        return (entry, scope) => items.map((item) => item(entry, scope))
      }
      case 'map': {
        const pairs = (args as [Node, Node][]).map(([key, value]) => [inner(key), inner(value)] as const)
        return (entry, scope) =>
          Object.fromEntries(pairs.map(([key, value]) => [String(key(entry, scope)), value(entry, scope)]))
      }
      case '&&':
      case '||': {
        const [left, right] = (args as Node[]).map(inner) as [Evaluate, Evaluate]
        return op === '&&'
          ? (entry, scope) => truthy(left(entry, scope)) && truthy(right(entry, scope))
          : (entry, scope) => truthy(left(entry, scope)) || truthy(right(entry, scope))
      }
      case '!_': {
        const value = inner(args)
        return (entry, scope) => !truthy(value(entry, scope))
      }
      case '-_': {
        const value = inner(args)
        return (entry, scope) => -Number(value(entry, scope))
      }
      case '?:': {
        const [test, yes, no] = (args as Node[]).map(inner) as [Evaluate, Evaluate, Evaluate]
        return (entry, scope) => (truthy(test(entry, scope)) ? yes(entry, scope) : no(entry, scope))
      }
      case 'call':
      case 'rcall':
        return this.#call(node, locals, depth)
    }
    const apply = op === '/' && !(args as Node[]).some(isDouble) ? wholeQuotient : OPERATORS[op]
    if (apply === undefined) throw this.#mistake(node, `"${op}" is not possible in a filter`)
    const [left, right] = (args as Node[]).map(inner) as [Evaluate, Evaluate]
    return (entry, scope) => apply(left(entry, scope), right(entry, scope))
  }

  #variable(node: Node, name: string, locals: ReadonlySet<string>): Evaluate {
    if (locals.has(name))
      return (_entry, scope) => {
        let at = scope
        while (at !== undefined && at.name !== name) at = at.outer
        return at?.value
      }
    const read = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined
    if (read === undefined) {
      const close = nearest(name, Object.keys(VARIABLES))
      throw this.#mistake(
        node,
        `there is no variable ${name}${close === undefined ? '' : `; did you mean ${close}?`}`,
      )
    }
    return read
  }

  #call(node: Node, locals: ReadonlySet<string>, depth: number): Evaluate {
    const isMethod = node.op === 'rcall'
    const [name, ...rest] = node.args as [string, ...unknown[]]
    const parameters = (isMethod ? [rest[0], ...(rest[1] as Node[])] : (rest[0] as Node[])) as Node[]
    if (isMethod && MACROS.has(name)) return this.#macro(node, name, parameters, locals, depth)
    const [first, second, third] = parameters.map((each) => this.compile(each, locals, depth + 1))
    if (name === 'matches' && first !== undefined && second !== undefined)
      return this.#matches(parameters[1] as Node, first, second)
    if (name === 'now' && !isMethod) {
      const time = this.#now
      return () => time
    }
    const run = Object.hasOwn(FUNCTIONS, name) ? FUNCTIONS[name] : undefined
    if (run === undefined || first === undefined) throw this.#mistake(node, `there is no function ${name}`)
    return (entry, scope) => run(first(entry, scope), second?.(entry, scope), third?.(entry, scope))
  }

  #matches(pattern: Node, text: Evaluate, source: Evaluate): Evaluate {
    const place = this.#place(pattern)
    if (pattern.op === 'value' && typeof pattern.args === 'string') {
      const regex = safeRegex(pattern.args, place)
      return (entry, scope) => regex.test(String(text(entry, scope) ?? '').slice(0, LONGEST_MATCHED))
    }
    return (entry, scope) =>
      safeRegex(String(source(entry, scope)), place).test(
        String(text(entry, scope) ?? '').slice(0, LONGEST_MATCHED),
      )
  }

  /** `list.exists(x, test)` and its like. */
  #macro(
    node: Node,
    name: string,
    [list, variable, body]: Node[],
    locals: ReadonlySet<string>,
    depth: number,
  ): Evaluate {
    if (list === undefined || variable?.op !== 'id' || body === undefined)
      throw this.#mistake(node, `${name} takes a name and an expression`)
    const local = variable.args as string
    const items = this.compile(list, locals, depth + 1)
    const test = this.compile(body, new Set([...locals, local]), depth + 1)
    const run = LIST_MACROS[name] as ListMacro
    return (entry, outer) => {
      const scope: Scope = { name: local, value: undefined, outer }
      return run(itemsOf(items(entry, outer)), (item) => {
        scope.value = item
        return test(entry, scope)
      })
    }
  }

  #mistake(node: Node, message: string): Mistake {
    return syntaxError(this.#place(node), message)
  }

  #place({ pos = 0, end = pos }: Node): Place {
    return placeOf(this.#source, pos, end - pos)
  }
}

function placeOf(source: string, offset: number, length: number): Place {
  const lines = source.slice(0, offset).split('\n')
  return { line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, offset, length }
}

/** `2u` comes as an object of the library. */
function unsigned(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const number = Number(value)
  return Number.isNaN(number) ? value : number
}

function member(object: unknown, key: string): unknown {
  if (typeof object !== 'object' || object === null) return undefined
  return Object.hasOwn(object, key) || !Array.isArray(object)
    ? (object as Record<string, unknown>)[key]
    : undefined
}

/** `request.path`, without all of the request. */
function directMember({ op, args }: Node, name: string, locals: ReadonlySet<string>): Evaluate | undefined {
  if (op !== 'id' || locals.has(args as string) || !Object.hasOwn(MEMBERS, args as string)) return undefined
  return MEMBERS[args as string]?.(name)
}

/** `request.headers` and its like. */
function isHeaders({ op, args }: Node): boolean {
  return (op === '.' || op === '.?') && (args as [Node, string])[1] === 'headers'
}

function itemsOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  return typeof value === 'object' && value !== null ? Object.keys(value) : []
}

/** Says that it is no whole number: numbers of entries are, and only those are told apart in a division. */
function isDouble({ op, args }: Node): boolean {
  switch (op) {
    case 'value':
      return typeof args === 'number'
    case 'call':
      return (args as unknown[])[0] === 'double'
    case '-_':
      return isDouble(args as Node)
    case '+':
    case '-':
    case '*':
    case '/':
      return (args as Node[]).some(isDouble)
    default:
      return false
  }
}

/** Rounded towards zero; by zero it is nothing, and no comparison with it is true. */
function wholeQuotient(a: unknown, b: unknown): number {
  const [dividend, divisor] = [Number(a ?? 0), Number(b ?? 0)]
  if (divisor === 0) return Number.NaN
  const quotient = dividend / divisor
  return Number.isInteger(dividend) && Number.isInteger(divisor) ? Math.trunc(quotient) : quotient
}

/** Barewords mean that something is there. */
function truthy(value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false
  if (Array.isArray(value)) return value.length > 0
  return typeof value !== 'object' || Object.keys(value).length > 0
}

/** Absent values are equal to the empty value of the other's kind. */
function equal(a: unknown, b: unknown): boolean {
  if (a === undefined || a === null) return isEmpty(b)
  if (b === undefined || b === null) return equal(b, a)
  if (b instanceof Spellings) return b.texts.some((text) => equal(a, text))
  if (a instanceof Spellings) return equal(b, a)
  if (typeof a === 'object' || typeof b === 'object') return JSON.stringify(a) === JSON.stringify(b)
  return (
    a === b ||
    (typeof a !== typeof b && typeof a !== 'boolean' && typeof b !== 'boolean' && String(a) === String(b))
  )
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return value === undefined || value === null || value === '' || value === 0 || value === false
}

function order(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  return Number(a ?? 0) - Number(b ?? 0)
}

const OPERATORS: Readonly<Record<string, (a: unknown, b: unknown) => unknown>> = {
  '==': equal,
  '!=': (a, b) => !equal(a, b),
  '<': (a, b) => order(a, b) < 0,
  '<=': (a, b) => order(a, b) <= 0,
  '>': (a, b) => order(a, b) > 0,
  '>=': (a, b) => order(a, b) >= 0,
  '+': (a, b) =>
    typeof a === 'string' || typeof b === 'string'
      ? `${a ?? ''}${b ?? ''}`
      : Array.isArray(a)
        ? [...a, ...itemsOf(b)]
        : Number(a ?? 0) + Number(b ?? 0),
  '-': (a, b) => Number(a ?? 0) - Number(b ?? 0),
  '*': (a, b) => Number(a ?? 0) * Number(b ?? 0),
  '/': (a, b) => Number(a ?? 0) / Number(b ?? 0),
  '%': (a, b) => Number(a ?? 0) % Number(b ?? 0),
  in: (a, b) =>
    Array.isArray(b)
      ? b.some((each) => equal(each, a))
      : typeof b === 'object' && b !== null && Object.hasOwn(b, String(a)),
}

type CelFunction = (a: unknown, b: unknown, c: unknown) => unknown
const FUNCTIONS: Readonly<Record<string, CelFunction>> = {
  size: (value) => (typeof value === 'string' ? value.length : itemsOf(value).length),
  contains: (text, part) =>
    Array.isArray(text) ? text.some((each) => equal(each, part)) : String(text ?? '').includes(String(part)),
  startsWith: (text, part) => String(text ?? '').startsWith(String(part)),
  endsWith: (text, part) => String(text ?? '').endsWith(String(part)),
  map_get: (map, key, otherwise) => headerIn(map, String(key)) ?? otherwise,
  timestamp: (text) => (typeof text === 'number' ? text : Date.parse(String(text))),
  duration: (text) => durationMs(String(text)),
  int: (value) => Math.trunc(Number(value ?? 0)),
  uint: (value) => Math.trunc(Number(value ?? 0)),
  double: (value) => Number(value ?? 0),
  string: (value) => (value === undefined || value === null ? '' : String(value)),
  bool: (value) => truthy(value),
  has: (value) => truthy(value),
} satisfies Record<Exclude<keyof typeof CEL_FUNCTIONS, 'now' | 'matches'>, CelFunction>

function durationMs(text: string): number {
  let ms = 0
  for (const [, amount, unit] of text.matchAll(/(-?\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g))
    ms += Number(amount) * (UNIT_MS[unit as string] ?? 0)
  return ms
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

type ListMacro = (items: unknown[], test: (item: unknown) => unknown) => unknown
const LIST_MACROS: Readonly<Record<string, ListMacro>> = {
  exists: (items, test) => items.some((item) => truthy(test(item))),
  all: (items, test) => items.every((item) => truthy(test(item))),
  exists_one: (items, test) => items.filter((item) => truthy(test(item))).length === 1,
  filter: (items, test) => items.filter((item) => truthy(test(item))),
  map: (items, test) => items.map(test),
} satisfies Record<keyof typeof CEL_MACROS, ListMacro>
const MACROS: ReadonlySet<string> = new Set(Object.keys(LIST_MACROS))
const WHOLE_FIELDS: ReadonlySet<string> = new Set([
  'request',
  'response',
  'protocol',
  'capture',
  'node',
  'error',
])
/** Variables that are a field of the entry, or the empty value of its kind. */
const PATHS: Readonly<Record<string, string>> = {
  status_code: 'response.status',
  method: 'request.method',
  path: 'request.path',
  url: 'request.url',
  elapsed_time: 'elapsedTime',
  timestamp: 'timestamp',
  index: 'index',
  id: 'id',
  stream: 'stream',
  worker: 'worker',
}
const HTTP_ONLY: ReadonlySet<string> = new Set(['status_code', 'method', 'path', 'url'])
const ENDS: ReadonlySet<string> = new Set(['src', 'dst'])
const END_TEXTS: ReadonlySet<string> = new Set(['ip', 'name', 'namespace'])
const PROTOCOLS: Readonly<Record<string, readonly Condition[]>> = {
  ...Object.fromEntries(
    [
      'http',
      'dns',
      'tcp',
      'udp',
      'redis',
      'kafka',
      'amqp',
      'tlsx',
      'ws',
      'mysql',
      'postgresql',
      'mongodb',
    ].map((name) => [name, [{ path: 'protocol.name', test: 'in', value: [name] }]]),
  ),
  http2: [{ path: 'protocol.abbr', test: 'in', value: ['HTTP/2'] }],
  grpc: [{ path: 'protocol.abbr', test: 'in', value: ['gRPC'] }],
  gql: [{ path: 'protocol.abbr', test: 'in', value: ['GQL'] }],
}
const DEEPEST = 100
const LONGEST_MATCHED = 1 << 20
