import { runCommandLine } from './command-line.ts'
import { agentsCommand } from './commands/agents.ts'
import { alertsCommand } from './commands/alerts.ts'
import { auditCommand } from './commands/audit.ts'
import { consoleCommand } from './commands/console.ts'
import { entriesCommand } from './commands/entries.ts'
import { jobsCommand } from './commands/jobs.ts'
import { nodesCommand } from './commands/nodes.ts'
import { outboxCommand } from './commands/outbox.ts'
import { policiesCommand } from './commands/policies.ts'
import { reportsCommand } from './commands/reports.ts'
import { scriptsCommand } from './commands/scripts.ts'
import { targetingCommand } from './commands/targeting.ts'
import { clusterOptions } from './hub-options.ts'

/**
 * The plugin of kubectl, which starts `kubectl-remora …` for `kubectl remora …`
 * (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/): the commands that talk to a hub, which is in the cluster unless
 * --hub-url says otherwise. Options of kubectl may stand before the command, too.
 */
await runCommandLine({
  name: 'kubectl remora',
  description: 'Agents of Remora in a cluster: what they do, and what they say.',
  commands: [
    agentsCommand,
    scriptsCommand,
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
  ],
  prepare: (program) => {
    for (const option of clusterOptions()) program.addOption(option)
    program.hook('preAction', (_, command) => {
      const given = program.opts()
      for (const [name, value] of Object.entries({ ...given, inCluster: true }))
        if (command.getOptionValue(name) === undefined) command.setOptionValue(name, value)
    })
  },
})
