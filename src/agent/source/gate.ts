import { stripTypeScriptTypes } from 'node:module'
import { type Comment, type Node, type Options, type Program, parse } from 'acorn'
import { full } from 'acorn-walk'
import { type Grants, isGrantComment, readGrants } from '../../helpers/grants.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { type AnyNode, childrenOf } from './scope.ts'

export type Language = 'es5' | 'modern'

export interface ParsedAgent {
  /** What runs: the text as it is, or with its types blanked out (positions stay). */
  readonly source: string
  readonly ast: Program
  /** What the comments at its top hold it to. */
  readonly grants: Grants
}

/** What keeps a script from being one, and where. Lines and columns count from 1. */
export class AgentSyntaxMistake extends Mistake {
  readonly line: number
  readonly column: number
  readonly reason: string

  constructor(file: string, line: number, column: number, reason: string, hint: string) {
    super('E_AGENT_SYNTAX', `${file}:${line}:${column}: ${reason}`, { hint })
    this.line = line
    this.column = column
    this.reason = reason
  }
}

/**
 * Lets only scripts of the language pass, as scripts in sloppy mode (agent-api §2.1). Throws an
 * AgentSyntaxMistake with the line in its hint.
 */
export function parseAgent(
  text: string,
  { language, file }: { language: Language; file: string },
): ParsedAgent {
  const source = file.endsWith('.ts') ? stripTypes(text, file) : text
  try {
    const comments: Comment[] = []
    const ast = parse(source, { ...OPTIONS[language], onComment: comments })
    refuseDepth(ast, source, file)
    if (language === 'modern') refuseAsync(ast, source, file)
    return { source, ast, grants: grantsOf({ source, file, ast, comments }) }
  } catch (error) {
    if (!isSyntaxError(error)) throw error
    const module = moduleSyntax(source)
    if (module !== undefined)
      throw syntaxMistake(
        source,
        file,
        module,
        'agents are scripts without import and export: helpers need none',
      )
    throw syntaxMistake(
      source,
      file,
      error.pos,
      plain(error.message),
      language === 'es5' && parses(source) ? MODERN_WAY : '',
    )
  }
}

interface Commented {
  readonly source: string
  readonly file: string
  readonly ast: Program
  readonly comments: readonly Comment[]
}

/** Further down a comment would look as if it held, and would not. */
function grantsOf({ source, file, ast, comments }: Commented): Grants {
  const end = ast.body[0]?.start ?? source.length
  const late = comments.find(({ start, end: to }) => start >= end && isGrantComment(source.slice(start, to)))
  if (late !== undefined)
    throw syntaxMistake(
      source,
      file,
      late.start,
      'grants stand before the code',
      'Move it to the top of the script.',
    )
  const { grants, problem } = readGrants(source.slice(0, end))
  if (problem !== undefined) throw syntaxMistake(source, file, problem.at, problem.reason, problem.hint)
  return grants
}

/** Whoever reads a script that has passed may do so by recursion. */
function refuseDepth(ast: Program, source: string, file: string): void {
  let level: readonly AnyNode[] = [ast as unknown as AnyNode]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST)
      throw syntaxMistake(source, file, level[0]?.start ?? 0, `nested deeper than ${DEEPEST} levels`)
    level = level.flatMap(childrenOf)
  }
}

/** Agents have no event loop: a promise would never be kept. */
function refuseAsync(ast: Program, source: string, file: string): void {
  full(ast, (node) => {
    const what = asyncIn(node)
    if (what !== undefined)
      throw syntaxMistake(
        source,
        file,
        node.start,
        `agents are synchronous: ${what} is not possible, and helpers need none`,
      )
  })
}

function asyncIn(node: Node): string | undefined {
  if (node.type === 'ImportExpression') return 'import()'
  if (node.type === 'AwaitExpression') return 'await'
  if ((node as Node & { async?: boolean }).async === true) return 'an async function'
  return undefined
}

/** Where the first `import` or `export` stands, when they are what keeps this text from being a script. */
function moduleSyntax(source: string): number | undefined {
  let ast: Program
  try {
    ast = parse(source, { ...OPTIONS.modern, sourceType: 'module' })
  } catch {
    return undefined
  }
  return ast.body.find(({ type }) => /^(Import|Export)\w*Declaration$/.test(type))?.start
}

function stripTypes(text: string, file: string): string {
  try {
    return stripTypeScriptTypes(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    const way = error.message.includes('strip-only') ? TYPES_WAY : ''
    throw syntaxMistake(text, file, offsetIn(text, error), plain(error.message), way)
  }
}

/** Where the compiler says that it is: its stack begins with `:LINE`, that line, and carets below the place. */
function offsetIn(text: string, { stack = '' }: Error): number {
  const [head = '', ...shown] = stack.split('\n')
  const number = Number(/:(\d+)$/.exec(head)?.[1] ?? 1)
  const lines = text.split('\n')
  const line = lines[number - 1] ?? ''
  const carets = shown.find((each) => /^ *\^/.test(each))?.indexOf('^') ?? 0
  let column = 0
  // Tabs are four wide there.
  for (let width = 0; column < line.length && width < carets; column++) width += line[column] === '\t' ? 4 : 1
  return lines.slice(0, number - 1).reduce((length, each) => length + each.length + 1, 0) + column
}

function syntaxMistake(
  source: string,
  file: string,
  pos: number,
  reason: string,
  way = '',
): AgentSyntaxMistake {
  const before = source.slice(0, pos).split(LINE_END)
  const line = before.length
  const column = (before.at(-1)?.length ?? 0) + 1
  const text = source.split(LINE_END)[line - 1] ?? ''
  // A minified script is one line: show what is near.
  const from = Math.max(0, column - 1 - LONGEST_EXCERPT / 2)
  const excerpt = text.slice(from, from + LONGEST_EXCERPT).replace(/\p{Cc}/gu, ' ')
  const margin = `${line} | `
  const caret = `${' '.repeat(margin.length - 2)}| ${' '.repeat(column - 1 - from)}^`
  const hint = [`${margin}${excerpt}`, caret, way].filter((each) => each !== '').join('\n')
  return new AgentSyntaxMistake(file, line, column, reason, hint)
}

function parses(source: string): boolean {
  try {
    parse(source, OPTIONS.modern)
    return true
  } catch {
    return false
  }
}

function isSyntaxError(error: unknown): error is SyntaxError & { pos: number } {
  return error instanceof SyntaxError && typeof (error as SyntaxError & { pos?: unknown }).pos === 'number'
}

/** acorn puts the place at the end of its messages. */
function plain(message: string): string {
  return message.replace(/ \(\d+:\d+\)$/, '').trim()
}

const OPTIONS: Readonly<Record<Language, Options>> = {
  es5: { ecmaVersion: 5, sourceType: 'script', locations: true },
  modern: { ecmaVersion: 'latest', sourceType: 'script', locations: true },
}

/** ECMA-262 §12.3 */
const LINE_END = /\r\n|[\n\r\u2028\u2029]/
const LONGEST_EXCERPT = 120
const DEEPEST = 1000
const MODERN_WAY =
  'This is valid in newer JavaScript: allow it with scripting.language: modern (--set scripting.language=modern).'
const TYPES_WAY = 'TypeScript that can be erased: no enums, no namespaces, no parameter properties.'
