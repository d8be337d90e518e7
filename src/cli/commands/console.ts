import { Command } from 'commander'
import { addConsoleOptions, type ConsoleFlags, showConsole } from '../console-output.ts'
import { addHubOptions, withHub } from '../hub-options.ts'

export function consoleCommand(): Command {
  const command = new Command('console')
    .description('Print what agents say, on all nodes: the last lines, and those that come.')
    .option('--agent <name>', 'lines of this agent only: its identity, index or title')
  return addHubOptions(addConsoleOptions(command)).action((flags: ConsoleFlags) =>
    withHub(flags, (hub) => showConsole(hub, flags)),
  )
}
