import { helperArity } from '../../helpers/dispatch.ts'
import { HOOKS } from '../../helpers/hooks.ts'
import { namespaces } from '../../helpers/index.ts'
import { AgentSyntaxMistake, type Language, parseAgent } from './gate.ts'
import { lintAgent, type Problem } from './lint.ts'

export interface CheckOptions {
  readonly language: Language
  readonly file: string
  /** Keys of `scripting.env`. */
  readonly env: readonly string[]
}

/** What is wrong with a script, and what likely is; when it is not in the language, that alone. Runs nothing. */
export function checkAgent(source: string, { language, file, env }: CheckOptions): Problem[] {
  try {
    const helpers = helperArity(namespaces)
    return lintAgent(parseAgent(source, { language, file }), { file, hooks: HOOKS, helpers, env })
  } catch (error) {
    if (!(error instanceof AgentSyntaxMistake)) throw error
    const { line, column, reason, hint = '' } = error
    return [{ file, line, column, severity: 'error', rule: SYNTAX, message: reason, hint }]
  }
}

/** Of the problem that keeps a script from being one. */
export const SYNTAX = 'syntax'
