import { stripTypeScriptTypes } from 'node:module'
import { type Node, type Options, type Program, parse } from 'acorn'
import { full } from 'acorn-walk'
import { Mistake } from '../../mistake/mistake.ts'

export type Language = 'es5' | 'modern'

export interface ParsedAgent {
  /** What runs: the text as it is, or with its types blanked out (positions stay). */
  readonly source: string
  readonly ast: Program
}

/**
 * Lets only scripts of the language pass, as scripts in sloppy mode (agent-api §2.1). Throws E_AGENT_SYNTAX with
 * `file:line:column: message`, and the line in its hint.
 */
export function parseAgent(
  text: string,
  { language, file }: { language: Language; file: string },
): ParsedAgent {
  const source = file.endsWith('.ts') ? stripTypes(text, file) : text
  try {
    const ast = parse(source, OPTIONS[language])
    if (language === 'modern') refuseAsync(ast, source, file)
    return { source, ast }
  } catch (error) {
    if (!isSyntaxError(error)) throw error
    const modern = language === 'es5' && parses(source)
    throw syntaxMistake(source, file, error.pos, plain(error.message), modern)
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
        false,
      )
  })
}

function asyncIn(node: Node): string | undefined {
  if (node.type === 'ImportExpression') return 'import()'
  if (node.type === 'AwaitExpression') return 'await'
  if ((node as Node & { async?: boolean }).async === true) return 'an async function'
  return undefined
}

function stripTypes(text: string, file: string): string {
  try {
    return stripTypeScriptTypes(text)
  } catch (error) {
    throw new Mistake('E_AGENT_SYNTAX', `${file}: ${(error as Error).message.trim()}`, {
      cause: error,
      hint: 'TypeScript that can be erased: no enums, no namespaces, no parameter properties',
    })
  }
}

function syntaxMistake(source: string, file: string, pos: number, message: string, modern: boolean): Mistake {
  const before = source.slice(0, pos).split('\n')
  const line = before.length
  const column = (before.at(-1)?.length ?? 0) + 1
  const text = source.split('\n')[line - 1] ?? ''
  const excerpt = `${line} | ${text}\n${' '.repeat(String(line).length)} | ${' '.repeat(column - 1)}^`
  const way = modern
    ? '\nThis is valid in newer JavaScript: allow it with scripting.language: modern (--set scripting.language=modern).'
    : ''
  return new Mistake('E_AGENT_SYNTAX', `${file}:${line}:${column}: ${message}`, { hint: excerpt + way })
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
