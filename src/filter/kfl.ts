import { Mistake } from '../mistake/mistake.ts'
import type { Condition } from './condition.ts'
import { parseDatetime } from './datetime.ts'
import { headerIn } from './header.ts'
import { kflMacros } from './kfl-macros.ts'
import { syntaxError, type Token, tokenize } from './kfl-tokens.ts'
import { safeRegex } from './regex.ts'
import { Spellings, spellingsOf } from './spellings.ts'
import { KFL_HELPERS, KFL_KEYWORDS } from './vocabulary.ts'

export interface KflOptions {
  /** Words that stand for filters. */
  readonly macros: Readonly<Record<string, string>>
  /** `now()`, ms since the epoch. */
  readonly now: number
}

export interface CompiledKfl {
  matches(entry: unknown): boolean
  readonly limit: number | undefined
  readonly redactions: readonly string[]
  readonly warnings: readonly string[]
  readonly conditions: readonly Condition[]
}

/** What an expression is for an entry. `MISSING` makes everything up to the nearest parenthesis false. */
type Evaluate = (entry: unknown) => unknown
const MISSING = Symbol('missing')
/** Values of a `[*]` selector: operators try each; only equality takes two of them as wholes. */
class Each {
  readonly values: readonly unknown[]
  constructor(values: readonly unknown[]) {
    this.values = values
  }
}

/** KFL v1 (agent-api §6.1, §6.2). Throws E_FILTER_SYNTAX with `line:column: message`. */
export function compileKfl(source: string, options: KflOptions): CompiledKfl {
  const parser = new Parser(tokenize(source), options, 0)
  const evaluate = parser.whole()
  return {
    matches: (entry) => truthy(evaluate(entry)),
    limit: parser.limit,
    redactions: parser.redactions,
    warnings: parser.warnings,
    conditions: parser.conditionsOf(evaluate),
  }
}

class Parser {
  limit: number | undefined
  readonly redactions: string[] = []
  readonly warnings: string[] = []
  readonly #tokens: readonly Token[]
  readonly #options: KflOptions
  readonly #depth: number
  /** Of expressions that cannot be true without them. */
  readonly #conditions = new Map<Evaluate, readonly Condition[]>()
  readonly #literals = new Map<Evaluate, string | number>()
  /** Where selectors lead; "" for somewhere in the entry. */
  readonly #paths = new Map<Evaluate, string>()
  #at = 0
  #nesting = 0

  constructor(tokens: readonly Token[], options: KflOptions, depth: number) {
    this.#tokens = tokens
    this.#options = options
    this.#depth = depth
  }

  conditionsOf(expression: Evaluate): readonly Condition[] {
    return this.#conditions.get(expression) ?? []
  }

  /** Empty matches everything. */
  whole(): Evaluate {
    if (this.#isEnd()) return () => true
    const expression = this.#expression()
    if (!this.#isEnd()) throw this.#unexpected()
    return expression
  }

  /** A missing selector anywhere in it makes all of it false. */
  #expression(): Evaluate {
    if (++this.#nesting > DEEPEST) throw syntaxError(this.#peek, 'nested too deeply')
    const inner = this.#logical()
    this.#nesting--
    const outer: Evaluate = (entry) => {
      const value = inner(entry)
      return value === MISSING ? false : value
    }
    this.#conditions.set(outer, this.conditionsOf(inner))
    const literal = this.#literals.get(inner)
    if (literal !== undefined) this.#literals.set(outer, literal)
    return outer
  }

  /** `and` and `or` have the same rank and lean to the right: `a and b or c` is `a and (b or c)`. */
  #logical(): Evaluate {
    const operands = [this.#equality()]
    const operators: string[] = []
    while (this.#peek.kind === 'word' && (this.#peek.text === 'and' || this.#peek.text === 'or')) {
      operators.push(this.#next().text)
      operands.push(this.#equality())
    }
    if (new Set(operators).size > 1)
      this.warnings.push(
        '"and" and "or" are mixed: they have the same rank and lean to the right; use parentheses',
      )
    let result = operands.at(-1) as Evaluate
    for (let at = operators.length - 1; at >= 0; at--) {
      const left = operands[at] as Evaluate
      const right = result
      const isAnd = operators[at] === 'and'
      result = (entry) => {
        const value = left(entry)
        if (value === MISSING) return MISSING
        if (truthy(value) !== isAnd) return !isAnd
        return right(entry)
      }
      if (isAnd) this.#conditions.set(result, [...this.conditionsOf(left), ...this.conditionsOf(right)])
    }
    return result
  }

  #equality(): Evaluate {
    const left = this.#comparison()
    const token = this.#peek
    if (token.kind !== 'symbol' || !['==', '!=', '==='].includes(token.text)) return left
    if (token.text === '===') this.warnings.push('"===" means "==" here')
    this.#next()
    const right = this.#equality()
    const wanted = token.text !== '!='
    const result = binary(left, right, (a, b) => {
      if (a instanceof Each && b instanceof Each) return equal(a.values, b.values) === wanted
      if (a instanceof Each || b instanceof Each) return anyPair(a, b, equal) === wanted
      return equal(a, b) === wanted
    })
    if (wanted) this.#note(result, left, '==', right)
    return result
  }

  /** A field is compared with what the filter says: it cannot be true without that. */
  #note(expression: Evaluate, field: Evaluate, test: Condition['test'], with_: Evaluate): void {
    const path = this.#paths.get(field)
    const value = this.#literals.get(with_)
    if (path !== undefined && value !== undefined) this.#conditions.set(expression, [{ path, test, value }])
  }

  #comparison(): Evaluate {
    const left = this.#unary()
    const token = this.#peek
    if (token.kind !== 'symbol' || !['>', '>=', '<', '<='].includes(token.text)) return left
    this.#next()
    const right = this.#comparison()
    const compare = ORDER[token.text] as (a: number, b: number) => boolean
    const result = binary(left, right, (a, b) => anyPair(a, b, (x, y) => compare(toNumber(x), toNumber(y))))
    this.#note(result, left, token.text as Condition['test'], right)
    return result
  }

  #unary(): Evaluate {
    const token = this.#peek
    if (token.kind !== 'symbol' || (token.text !== '!' && token.text !== '-')) return this.#primary()
    this.#next()
    if (++this.#nesting > DEEPEST) throw syntaxError(token, 'nested too deeply')
    const inner = this.#unary()
    this.#nesting--
    return (entry) => {
      const value = inner(entry)
      if (value === MISSING) return MISSING
      return token.text === '!' ? !truthy(value) : -toNumber(value)
    }
  }

  #primary(): Evaluate {
    const token: Token = this.#next()
    switch (token.kind) {
      case 'number': {
        const value = Number(token.text)
        const literal: Evaluate = () => value
        this.#literals.set(literal, value)
        return literal
      }
      case 'text': {
        const text = spellingsOf(token.text)
        const value = text instanceof Spellings ? new Each(text.texts) : text
        const literal: Evaluate = () => value
        if (typeof text === 'string') this.#literals.set(literal, text)
        return literal
      }
      case 'regex': {
        const regex = safeRegex(token.text, token)
        return () => regex
      }
      case 'word':
        return this.#word(token)
      case 'symbol':
        if (token.text === '(') {
          const inner = this.#expression()
          this.#expect(')')
          return inner
        }
    }
    throw this.#unexpected(token)
  }

  #word(token: Token): Evaluate {
    if (token.text === 'true') return () => true
    if (token.text === 'false') return () => false
    if (token.text === 'nil') return () => null
    const isCall = this.#is('(')
    if (isCall && GLOBAL_HELPERS.has(token.text)) return this.#helper(token)
    if (!isCall && !this.#is('.') && !this.#is('[') && !this.#is('..')) {
      const macro = this.#macro(token)
      if (macro !== undefined) return macro
    }
    if (isCall) {
      this.#parameters()
      this.warnings.push(`${token.line}:${token.column}: there is no helper ${token.text}`)
      return () => MISSING
    }
    return this.#selector(pathFrom(token.text), token.text)
  }

  /** `request.headers["X"]`, `questions[0].name`, `answers[*].ip`, and the methods of a value at the end. */
  #selector(first: Evaluate, name: string): Evaluate {
    let current = first
    let last = name
    let path: string | undefined = name
    for (;;) {
      const look = last === 'headers' ? header : property
      last = ''
      if (path !== undefined) this.#paths.set(current, path)
      if (this.#is('..')) {
        this.#next()
        const name = this.#expectWord()
        current = descend(current, name)
        path &&= ''
      } else if (this.#is('.')) {
        this.#next()
        if (this.#is('*')) {
          this.#next()
          current = step(current, (value) => new Each(valuesOf(value)))
          path &&= ''
          continue
        }
        last = this.#expectWord()
        if (this.#is('(')) {
          current = this.#method(current, last, path !== undefined)
          path = undefined
        } else {
          current = look(current, last)
          path &&= `${path}.${last}`
        }
      } else if (this.#is('[')) {
        this.#next()
        const token = this.#next()
        path &&= ''
        if (token.kind === 'symbol' && token.text === '*')
          current = step(current, (value) => new Each(valuesOf(value)))
        else if (token.kind === 'number' || token.kind === 'text') current = look(current, token.text)
        else throw this.#unexpected(token)
        this.#expect(']')
      } else return current
    }
  }

  /** `isField`: the value is as the entry has it. */
  #method(value: Evaluate, name: string, isField: boolean): Evaluate {
    const token = this.#peek
    const parameters = this.#parameters()
    const [argument] = parameters
    switch (name) {
      case 'startsWith':
      case 'endsWith':
      case 'contains': {
        if (argument === undefined) throw syntaxError(token, `${name} needs a text`)
        const test = TEXT_TESTS[name] as (text: string, part: string) => boolean
        const result = binary(value, argument, (a, b) =>
          anyPair(a, b, (text, part) => test(toText(text), toText(part))),
        )
        if (isField) this.#note(result, value, name, argument)
        return result
      }
      case 'json':
        return step(value, parsedJson)
      case 'xml':
        return step(value, parsedXml)
      default:
        this.warnings.push(`${token.line}:${token.column}: there is no helper ${name}`)
        return () => MISSING
    }
  }

  #helper({ text: name, ...place }: Token): Evaluate {
    const parameters = this.#parameters()
    const constant = (at: number) => parameters[at]?.(null)
    const { now } = this.#options
    const unit = UNIT_MS[name]
    if (unit !== undefined) {
      const time = now + unit * toNumber(constant(0) ?? 0)
      return () => time
    }
    switch (name) {
      case 'now':
        return () => now
      case 'datetime': {
        const time = parseDatetime(toText(constant(0) ?? ''))
        return time === undefined ? () => MISSING : () => time
      }
      case 'limit':
      case 'rlimit':
        this.limit = toNumber(constant(0) ?? 0)
        return () => true
      case 'redact':
        for (let at = 0; at < parameters.length; at++) this.redactions.push(toText(constant(at)))
        return () => true
      case 'record': {
        const record = toText(constant(0) ?? '')
        return (entry) => read(entry, 'record') === record
      }
      default:
        throw syntaxError(place, `${name} is no helper`)
    }
  }

  #macro(token: Token): Evaluate | undefined {
    const custom = Object.hasOwn(this.#options.macros, token.text)
      ? this.#options.macros[token.text]
      : undefined
    if (custom !== undefined) {
      if (this.#depth > DEEPEST_MACRO) throw syntaxError(token, `the macro ${token.text} contains itself`)
      const inner = this.#expanded(token, custom)
      return (entry) => {
        const value = inner(entry)
        return value === MISSING ? false : value
      }
    }
    const macro = Object.hasOwn(kflMacros, token.text) ? kflMacros[token.text] : undefined
    if (macro === undefined) return undefined
    const [field, ...values] = macro
    const result: Evaluate = (entry) => values.includes(read(read(entry, 'protocol'), field) as string)
    this.#conditions.set(result, [{ path: `protocol.${field}`, test: 'in', value: values }])
    return result
  }

  /** What is wrong within a macro is told where the filter names it. */
  #expanded(token: Token, macro: string): Evaluate {
    try {
      return new Parser(tokenize(macro), this.#options, this.#depth + 1).whole()
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      const why = error.message.replace(/^\d+:\d+: /, '')
      throw syntaxError(token, this.#depth > 0 ? why : `in the macro ${token.text}: ${why}`)
    }
  }

  #parameters(): Evaluate[] {
    this.#expect('(')
    const parameters: Evaluate[] = []
    while (!this.#is(')')) {
      if (parameters.length > 0) this.#expect(',')
      if (this.#peek.kind === 'word' && this.#tokens[this.#at + 1]?.text === ':') this.#at += 2
      parameters.push(this.#expression())
    }
    this.#next()
    return parameters
  }

  get #peek(): Token {
    return this.#tokens[this.#at] as Token
  }

  #isEnd(): boolean {
    return this.#peek.kind === 'end'
  }

  #next(): Token {
    const token = this.#peek
    if (token.kind !== 'end') this.#at++
    return token
  }

  #is(symbol: string): boolean {
    return this.#peek.kind === 'symbol' && this.#peek.text === symbol
  }

  #expect(symbol: string): void {
    if (!this.#is(symbol)) throw this.#unexpected()
    this.#next()
  }

  #expectWord(): string {
    if (this.#peek.kind !== 'word') throw this.#unexpected()
    return this.#next().text
  }

  #unexpected(token = this.#peek) {
    return syntaxError(
      token,
      token.kind === 'end'
        ? 'unexpected end of the filter'
        : `unexpected token ${JSON.stringify(token.text)}`,
    )
  }
}

function pathFrom(name: string): Evaluate {
  return property((entry) => entry, name)
}

function property(from: Evaluate, name: string): Evaluate {
  return step(from, (value) => {
    const inner = read(value, name)
    return inner === undefined ? MISSING : inner
  })
}

function header(from: Evaluate, name: string): Evaluate {
  return step(from, (value) => {
    const inner = headerIn(value, name)
    return inner === undefined ? MISSING : inner
  })
}

/** Applies to a value, or to each of several; those without it drop out. */
function step(from: Evaluate, apply: (value: unknown) => unknown): Evaluate {
  return (entry) => {
    const value = from(entry)
    if (value === MISSING) return MISSING
    if (!(value instanceof Each)) return apply(value)
    const results = value.values.map(apply).filter((each) => each !== MISSING)
    return results.length === 0
      ? MISSING
      : new Each(results.flatMap((each) => (each instanceof Each ? each.values : [each])))
  }
}

/** Every value of that name at any depth. */
function descend(from: Evaluate, name: string): Evaluate {
  return step(from, (value) => {
    const found: unknown[] = []
    const visit = (inner: unknown, depth: number): void => {
      if (typeof inner !== 'object' || inner === null || depth > DEEPEST || found.length > MOST_FOUND) return
      for (const key of Object.keys(inner)) {
        const each = (inner as Record<string, unknown>)[key]
        if (key === name) found.push(each)
        visit(each, depth + 1)
      }
    }
    visit(value, 0)
    return found.length === 0 ? MISSING : new Each(found)
  })
}

/** Names are matched exactly, but those of headers. */
function read(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  return (value as Record<string, unknown>)[name]
}

function binary(left: Evaluate, right: Evaluate, apply: (a: unknown, b: unknown) => unknown): Evaluate {
  return (entry) => {
    const a = left(entry)
    if (a === MISSING) return MISSING
    const b = right(entry)
    return b === MISSING ? MISSING : apply(a, b)
  }
}

function anyPair(a: unknown, b: unknown, test: (a: unknown, b: unknown) => boolean): boolean {
  const as = a instanceof Each ? a.values : [a]
  const bs = b instanceof Each ? b.values : [b]
  return as.some((x) => bs.some((y) => test(x, y)))
}

/** Compares what the two look like as text; a regex matches anywhere. */
function equal(a: unknown, b: unknown): boolean {
  if (a instanceof RegExp) return a.test(toText(b).slice(0, LONGEST_MATCHED))
  if (b instanceof RegExp) return b.test(toText(a).slice(0, LONGEST_MATCHED))
  return toText(a) === toText(b)
}

function toText(value: unknown): string {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return 'null'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function toNumber(value: unknown): number {
  const number =
    typeof value === 'number' ? value : typeof value === 'boolean' ? (value ? 1 : 0) : Number(toText(value))
  return Number.isNaN(number) ? 0 : number
}

function truthy(value: unknown): boolean {
  if (value === MISSING || value === null || value === undefined) return false
  if (typeof value === 'number') return value > 0
  if (typeof value === 'string') return value !== ''
  if (typeof value === 'boolean') return value
  if (value instanceof Each) return value.values.some(truthy)
  return Array.isArray(value) ? value.length > 0 : true
}

function valuesOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value
  return typeof value === 'object' && value !== null ? Object.values(value) : []
}

function parsedJson(value: unknown): unknown {
  const text = toText(value)
  for (const candidate of [text, fromBase64(text)]) {
    if (candidate === undefined) continue
    try {
      return JSON.parse(candidate)
    } catch {
      // Not this form; perhaps the other.
    }
  }
  return MISSING
}

function fromBase64(text: string): string | undefined {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, 'base64').toString('utf8') : undefined
}

/** Elements as objects of their children; text is itself. Enough for selecting, no entities, no namespaces. */
function parsedXml(value: unknown): unknown {
  const text = toText(value)
  const root: Record<string, unknown> = {}
  const stack: { name: string; children: Record<string, unknown>; text: string }[] = [
    { name: '', children: root, text: '' },
  ]
  for (const [, close, name, selfClosing, characters] of text.matchAll(XML_TOKEN)) {
    const top = stack.at(-1) as (typeof stack)[number]
    if (characters !== undefined) top.text += characters.trim()
    else if (name === undefined) continue
    else if (close !== '') {
      if (stack.length < 2 || top.name !== name) return MISSING
      stack.pop()
      const parent = stack.at(-1) as (typeof stack)[number]
      parent.children[name] = Object.keys(top.children).length > 0 ? top.children : top.text
    } else if (selfClosing === '/') top.children[name] = ''
    else if (stack.length > DEEPEST) return MISSING
    else stack.push({ name, children: Object.create(null) as Record<string, unknown>, text: '' })
  }
  return stack.length === 1 && Object.keys(root).length > 0 ? root : MISSING
}

const ORDER: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
}
const TEXT_TESTS: Readonly<Record<string, (text: string, part: string) => boolean>> = {
  startsWith: (text, part) => text.startsWith(part),
  endsWith: (text, part) => text.endsWith(part),
  contains: (text, part) => text.includes(part),
}
const UNIT_MS: Readonly<Record<string, number>> = {
  seconds: 1000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
  weeks: 7 * 86_400_000,
  months: 30 * 86_400_000,
  years: 365 * 86_400_000,
}
const GLOBAL_HELPERS: ReadonlySet<string> = new Set(Object.keys(KFL_HELPERS))
/** Words that mean something where they stand alone. */
export const isWord = (text: string): boolean => KEYWORDS.has(text) || Object.hasOwn(kflMacros, text)

const KEYWORDS: ReadonlySet<string> = new Set(Object.keys(KFL_KEYWORDS))
const XML_TOKEN = /<(?:\?[^>]*\?|!--[\s\S]*?--|![^>]*|(\/?)([A-Za-z_][\w.:-]*)[^>]*?(\/?))>|([^<]+)/g
const DEEPEST = 100
const DEEPEST_MACRO = 10
const MOST_FOUND = 10_000
/** Characters of a text that a regular expression looks at. */
const LONGEST_MATCHED = 1 << 20
