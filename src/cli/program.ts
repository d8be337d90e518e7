import { runCommandLine } from './command-line.ts'
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
import { policiesCommand } from './commands/policies.ts'
import { reportsCommand } from './commands/reports.ts'
import { runCommand } from './commands/run.ts'
import { scriptsCommand } from './commands/scripts.ts'
import { tapCommand } from './commands/tap.ts'
import { targetingCommand } from './commands/targeting.ts'
import { testCommand } from './commands/test.ts'
import { trialCommand } from './commands/trial.ts'
import { workerCommand } from './commands/worker.ts'

/** Reads the command line and does what it says. */
export function main(): Promise<void> {
  return runCommandLine({
    name: 'remora',
    description: 'Runs your JavaScript on network traffic.',
    commands: COMMANDS,
    internal: INTERNAL,
  })
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
  policiesCommand,
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
