import { writeSync } from 'node:fs'
import { Command } from 'commander'
import { version } from '../helpers/version.ts'
import { Mistake } from '../mistake/mistake.ts'
import { agentsCommand } from './commands/agents.ts'
import { alertsCommand } from './commands/alerts.ts'
import { auditCommand } from './commands/audit.ts'
import { checkCommand } from './commands/check.ts'
import { configCommand } from './commands/config.ts'
import { consoleCommand } from './commands/console.ts'
import { doctorCommand } from './commands/doctor.ts'
import { entriesCommand } from './commands/entries.ts'
import { hubCommand } from './commands/hub.ts'
import { jobsCommand } from './commands/jobs.ts'
import { nodesCommand } from './commands/nodes.ts'
import { outboxCommand } from './commands/outbox.ts'
import { reportsCommand } from './commands/reports.ts'
import { runCommand } from './commands/run.ts'
import { scriptsCommand } from './commands/scripts.ts'
import { tapCommand } from './commands/tap.ts'
import { targetingCommand } from './commands/targeting.ts'
import { testCommand } from './commands/test.ts'
import { trialCommand } from './commands/trial.ts'
import { workerCommand } from './commands/worker.ts'
import { printableLines } from './text.ts'

/** Reads the command line and does what it says. */
export async function main(): Promise<void> {
  // Whoever read our output has gone, as in `remora run … | head`.
  process.stdout.on('error', (error) => endOfOutput('standard output', error))
  process.stderr.on('error', (error) => endOfOutput('standard error', error))
  const program = new Command('remora')
    .description('Runs your JavaScript on network traffic.')
    .version(version())
    .showHelpAfterError('        see remora --help')
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'remora: ')) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  for (const make of COMMANDS) {
    const command = make()
    program.addCommand(command, { hidden: INTERNAL.has(make) })
    settle(command, program, `remora ${command.name()}`)
  }
  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    // It may quote what others have written.
    console.error(`remora: ${printableLines(error.message)}`)
    if (error.hint !== undefined)
      console.error(printableLines(`        ${error.hint.replaceAll('\n', '\n        ')}`))
    process.exitCode = 2
  }
}

/** What holds for the program holds for its commands, and for theirs. */
function settle(command: Command, parent: Command, words: string): void {
  command.copyInheritedSettings(parent).showHelpAfterError(`        see ${words} --help`)
  for (const inner of command.commands) settle(inner, command, `${words} ${inner.name()}`)
}

function endOfOutput(name: string, error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(CLOSED_PIPE)
  try {
    writeSync(2, `remora: ${name} cannot be written: ${error.message}\n`)
  } finally {
    process.exit(2)
  }
}

/** In the order of `--help`. */
const COMMANDS = [
  runCommand,
  tapCommand,
  workerCommand,
  hubCommand,
  checkCommand,
  testCommand,
  scriptsCommand,
  agentsCommand,
  consoleCommand,
  alertsCommand,
  outboxCommand,
  auditCommand,
  reportsCommand,
  jobsCommand,
  entriesCommand,
  nodesCommand,
  targetingCommand,
  configCommand,
  doctorCommand,
  trialCommand,
]

/** What our own programs start. */
const INTERNAL: ReadonlySet<unknown> = new Set([trialCommand])

/** What a shell says of a program that SIGPIPE has ended. */
const CLOSED_PIPE = 128 + 13
