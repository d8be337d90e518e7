import { writeFileSync } from 'node:fs'
import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { ReportView } from '../../wire/reports.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { table } from '../table.ts'
import { distance, fitted, printable } from '../text.ts'

interface ReportFlags extends HubFlags {
  readonly node?: string
  readonly output?: string
  readonly json?: boolean
}

export function reportsCommand(): Command {
  const reports = new Command('reports').description(
    'See and fetch what agents have written by report.write.',
  )
  const which = 'its id, or its name: then the newest'
  const commands = [
    new Command('list')
      .description('Reports on all nodes, the newest first.')
      .option('--json', 'print a line of JSON for each report')
      .action((flags: ReportFlags) => withHub(flags, (hub) => list(hub, flags))),
    new Command('get')
      .description('Print a report, or write it to a file.')
      .argument('<report>', which)
      .option('-o, --output <file>', 'write it there')
      .action((report: string, flags: ReportFlags) => withHub(flags, (hub) => get(hub, report, flags))),
    new Command('delete')
      .description('Delete one report; other versions of it stay.')
      .argument('<report>', which)
      .action((report: string, flags: ReportFlags) => withHub(flags, (hub) => remove(hub, report, flags))),
  ]
  for (const command of commands)
    reports.addCommand(addHubOptions(command.option('--node <name>', 'on this node')))
  return reports
}

async function list(hub: HubClient, { json, node }: ReportFlags): Promise<void> {
  const { reports, missing } = await hub.reports()
  const wanted = reports.filter((each) => node === undefined || each.node === node)
  if (json === true) for (const report of wanted) await printJson({ type: 'report', ...report })
  else if (wanted.length > 0) print(reportsTable(wanted, Date.now()))
  else note('no reports')
  if (missing.length > 0) note(`no answer from ${missing.map(printable).join(', ')}`)
}

function reportsTable(reports: readonly ReportView[], now: number): string {
  const rows = reports.map(({ id, name, version, title, node, format, bytes, at }) => [
    id,
    fitted(name, 32),
    version,
    format,
    bytes,
    fitted(title, 20),
    fitted(node, 12),
    distance(at, now),
  ])
  return table([['id', 'name', 'version', 'format', 'bytes', 'agent', 'on', 'written'], ...rows], '')
}

async function get(hub: HubClient, wanted: string, flags: ReportFlags): Promise<void> {
  const { node, id, name } = await find(hub, wanted, flags)
  const content = await hub.report(node, id)
  if (flags.output === undefined) {
    process.stdout.write(content)
    return
  }
  try {
    writeFileSync(flags.output, content)
  } catch (error) {
    throw new Mistake('E_USAGE', `${flags.output} cannot be written: ${(error as Error).message}`)
  }
  note(`${printable(name)} is in ${flags.output}`)
}

async function remove(hub: HubClient, wanted: string, flags: ReportFlags): Promise<void> {
  const { node, id, name, version } = await find(hub, wanted, flags)
  await hub.deleteReport(node, id)
  print(`deleted ${printable(name)}, version ${version} on ${printable(node)}`)
}

/** Ids are those of nodes: two nodes may have the same one. */
async function find(hub: HubClient, wanted: string, { node }: ReportFlags): Promise<ReportView> {
  const { reports } = await hub.reports()
  const here = reports.filter((each) => node === undefined || each.node === node)
  const byId = here.filter(({ id }) => id === wanted)
  if (byId.length > 1)
    throw new Mistake(
      'E_USAGE',
      `there is a report ${wanted} on ${byId.map((each) => each.node).join(', ')}`,
      {
        hint: 'Say which by --node NAME.',
      },
    )
  const found = byId[0] ?? here.find(({ name }) => name === wanted)
  if (found === undefined)
    throw new Mistake('E_NOT_FOUND', `there is no report ${wanted}`, {
      hint: 'remora reports list shows all',
    })
  return found
}
