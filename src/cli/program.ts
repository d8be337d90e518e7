import { Command } from 'commander'
import { Mistake } from '../mistake/mistake.ts'
import { checkCommand } from './commands/check.ts'
import { configCommand } from './commands/config.ts'
import { doctorCommand } from './commands/doctor.ts'
import { runCommand } from './commands/run.ts'
import { version } from './version.ts'

/** Reads the command line and does what it says. */
export async function main(): Promise<void> {
  const program = new Command('remora')
    .description('Runs your JavaScript on network traffic.')
    .version(version())
    .showHelpAfterError('(see remora --help)')
    .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2))
  for (const command of [runCommand, checkCommand, configCommand, doctorCommand])
    program.addCommand(command())
  try {
    await program.parseAsync()
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    console.error(`remora: ${error.message}`)
    if (error.hint !== undefined) console.error(`        ${error.hint.replaceAll('\n', '\n        ')}`)
    process.exitCode = 2
  }
}
