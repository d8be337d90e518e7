import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { findAgentFiles } from '../../agent/agents.ts'
import { parseAgent } from '../../agent/source/gate.ts'
import { lintAgent, type Problem } from '../../agent/source/lint.ts'
import { agentTitle } from '../../agent/source/title.ts'
import { helperArity } from '../../helpers/dispatch.ts'
import { HOOKS } from '../../helpers/hooks.ts'
import { namespaces } from '../../helpers/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { addConfigOptions, type ConfigFlags, configOf } from '../options.ts'

export function checkCommand(): Command {
  const command = new Command('check')
    .description('Check agents without running them: syntax, language, titles, hooks and helpers.')
    .argument('<agents...>', 'script files, or folders that hold them')
    .option('--json', 'print findings as JSON lines')
    .action(check)
  return addConfigOptions(command)
}

function check(paths: string[], flags: ConfigFlags & { json?: boolean }): void {
  const { config } = configOf(flags)
  const { language, env } = config.scripting
  const files = findAgentFiles(paths, language)
  const problems: Problem[] = []
  const titles = new Map<string, string>()
  for (const file of files) {
    const source = readFileSync(file, 'utf8')
    try {
      const program = parseAgent(source, { language, file })
      problems.push(
        ...lintAgent(program, {
          file,
          hooks: HOOKS,
          helpers: helperArity(namespaces),
          env: Object.keys(env),
        }),
      )
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      console.error(error.message)
      if (error.hint !== undefined) console.error(`  ${error.hint.replaceAll('\n', '\n  ')}`)
      process.exitCode = 2
      continue
    }
    const title = agentTitle(source, file)
    const other = titles.get(title)
    if (other !== undefined)
      problems.push({
        file,
        line: 1,
        column: 1,
        severity: 'warning',
        rule: 'same-title',
        message: `${other} has the same title, "${title}"`,
      })
    titles.set(title, file)
  }
  for (const problem of problems) print(problem, flags.json === true)
  if (problems.some(({ severity }) => severity === 'error')) process.exitCode = 2
  if (flags.json !== true)
    console.log(
      `${files.length} agents checked, ${problems.length === 0 ? 'no problems' : `${problems.length} problems`}`,
    )
}

function print(problem: Problem, json: boolean): void {
  const { file, line, column, severity, message, rule } = problem
  if (json) console.log(JSON.stringify(problem))
  else console.error(`${file}:${line}:${column}: ${severity}: ${message} (${rule})`)
}
