import { writeSync } from 'node:fs'
import { Command } from 'commander'
import { version } from '../helpers/version.ts'
import { Mistake } from '../mistake/mistake.ts'
import { printableLines } from './text.ts'

export interface CommandLine {
  /** As people write it: `remora`. */
  readonly name: string
  readonly description: string
  /** In the order of `--help`. */
  readonly commands: readonly (() => Command)[]
  /** Those of them that people need not know. */
  readonly internal?: ReadonlySet<unknown>
  /** Adds what all commands have. */
  readonly prepare?: (program: Command) => void
}

/** Reads the command line and does what it says: mistakes are printed without a stack, and end it with 2. */
export async function runCommandLine(line: CommandLine): Promise<void> {
  const { name, description, commands, internal = new Set(), prepare } = line
  // Whoever read our output has gone, as in `remora run … | head`.
  process.stdout.on('error', (error) => endOfOutput('standard output', error))
  process.stderr.on('error', (error) => endOfOutput('standard error', error))
  const program = new Command(name)
    .description(description)
    .version(version())
    .showHelpAfterError(`        see ${name} --help`)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'remora: ')) })
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  prepare?.(program)
  for (const make of commands) {
    const command = make()
    program.addCommand(command, { hidden: internal.has(make) })
    settle(command, program, `${name} ${command.name()}`)
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

/** What a shell says of a program that SIGPIPE has ended. */
const CLOSED_PIPE = 128 + 13
