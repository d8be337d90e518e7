import { Command } from 'commander'
import { findAgentFiles, readScript } from '../../agent/agents.ts'
import { checkAgent } from '../../agent/source/check.ts'
import type { Problem } from '../../agent/source/lint.ts'
import { agentTitle } from '../../agent/source/title.ts'
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
  const { language } = config.scripting
  const env = Object.keys(config.scripting.env)
  const files = findAgentFiles(paths, language)
  const problems: Problem[] = []
  const titles = new Map<string, string>()
  for (const file of files) {
    const source = readOrSay(file, problems)
    if (source === undefined) continue
    problems.push(...checkAgent(source, { language, file, env }))
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
  const errors = problems.filter(({ severity }) => severity === 'error').length
  if (errors > 0) process.exitCode = 2
  if (flags.json !== true) console.log(verdict(files.length, errors, problems.length - errors))
}

/** One that cannot be read does not keep the others from being checked. */
function readOrSay(file: string, problems: Problem[]): string | undefined {
  try {
    return readScript(file)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    const { message, hint } = error
    const problem = { file, line: 1, column: 1, severity: 'error', rule: 'unreadable', message } as const
    problems.push(hint === undefined ? problem : { ...problem, hint })
    return undefined
  }
}

function print(problem: Problem, json: boolean): void {
  const { file, line, column, severity, message, rule, hint } = problem
  if (json) {
    console.log(JSON.stringify(problem))
    return
  }
  console.error(`${file}:${line}:${column}: ${severity}: ${message} (${rule})`)
  if (hint !== undefined) console.error(`  ${hint.replaceAll('\n', '\n  ')}`)
}

/** `3 agents checked: 1 error, 2 warnings` */
function verdict(agents: number, errors: number, warnings: number): string {
  const found = [counted(errors, 'error'), counted(warnings, 'warning')].filter(
    (each) => !each.startsWith('0'),
  )
  return `${counted(agents, 'agent')} checked${found.length === 0 ? ', no problems' : `: ${found.join(', ')}`}`
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}
