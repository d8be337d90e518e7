import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { AlertView } from '../../wire/alerts.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { table } from '../table.ts'
import { distance, fitted, plural, printable, printableLines } from '../text.ts'

interface AlertFlags extends HubFlags {
  readonly all?: boolean
  readonly json?: boolean
}

export function alertsCommand(): Command {
  const alerts = new Command('alerts').description('See and close what agents have raised by alert.raise.')
  const commands = [
    new Command('list')
      .description('Open alerts, those that were raised last first.')
      .option('--all', 'closed ones, too')
      .option('--json', 'print a line of JSON for each alert')
      .action((flags: AlertFlags) => withHub(flags, (hub) => list(hub, flags))),
    new Command('show')
      .description('One alert with its entries.')
      .argument('<id>', 'its id, or the beginning of it')
      .option('--json', 'print it as JSON')
      .action((id: string, flags: AlertFlags) => withHub(flags, (hub) => show(hub, id, flags))),
    new Command('close')
      .description('Close an alert. It opens again when it is raised again.')
      .argument('<id>', 'its id, or the beginning of it')
      .action((id: string, flags: AlertFlags) => withHub(flags, (hub) => close(hub, id))),
  ]
  for (const command of commands) alerts.addCommand(addHubOptions(command))
  return alerts
}

async function list(hub: HubClient, { all, json }: AlertFlags): Promise<void> {
  const alerts = (await hub.alerts()).filter(({ state }) => all === true || state === 'open')
  if (json === true) for (const alert of alerts) await printJson({ type: 'alert', ...alert })
  else if (alerts.length > 0) print(alertsTable(alerts, Date.now()))
  else note(all === true ? 'no alerts' : 'no alert is open; --all shows those that are closed')
}

function alertsTable(alerts: readonly AlertView[], now: number): string {
  const rows = alerts.map(({ id, severity, state, title, agentTitle, count, lastAt, nodes }) => [
    id.slice(0, SHORT_ID),
    severity,
    state,
    fitted(title, 40),
    fitted(agentTitle, 20),
    count,
    nodes.length === 1 ? fitted(nodes[0] as string, 12) : plural(nodes.length, 'node'),
    distance(lastAt, now),
  ])
  return table([['id', 'severity', 'state', 'title', 'agent', 'raised', 'on', 'last'], ...rows], '')
}

async function show(hub: HubClient, id: string, { json }: AlertFlags): Promise<void> {
  const alert = await find(hub, id)
  if (json === true) await printJson({ type: 'alert', ...alert })
  else print(alertText(alert))
}

function alertText(alert: AlertView): string {
  const { severity, title, text, key, agentTitle, state, count, nodes, labels, entries, pcapBytes } = alert
  const time = (ms: number | undefined) => (ms === undefined ? 'never' : new Date(ms).toISOString())
  const facts: [string, string][] = [
    ['id', alert.id],
    ['key', printable(key)],
    ['agent', printable(agentTitle)],
    [
      'state',
      alert.closedBy === undefined
        ? state
        : `${state} by ${printable(alert.closedBy)}, ${time(alert.closedAt)}`,
    ],
    [
      'raised',
      `${plural(count, 'time')} from ${time(alert.openedAt)} to ${time(alert.lastAt)} on ${nodes.map(printable).join(', ')}`,
    ],
    [
      'notices',
      alert.notifiedAt === undefined
        ? 'none'
        : `the last at ${time(alert.notifiedAt)}; ${alert.suppressed} held back`,
    ],
    ...Object.entries(labels).map(([name, value]): [string, string] => [printable(name), printable(value)]),
    ...(pcapBytes === 0
      ? []
      : [['packets', `${pcapBytes} bytes: GET /api/v1/alerts/${alert.id}/pcap`] as [string, string]]),
  ]
  const seen = entries.map((entry) => [
    time(entry.timestamp),
    entry.protocol,
    `${entry.source} -> ${entry.destination}`,
    fitted(entry.summary, 60),
    entry.status,
    entry.id,
  ])
  return [
    `[${severity}] ${printable(title)}`,
    ...(text === '' ? [] : [printableLines(text)]),
    '',
    table(facts),
    ...(seen.length === 0 ? [] : ['', table(seen)]),
  ].join('\n')
}

async function close(hub: HubClient, id: string): Promise<void> {
  const { title, closedBy } = await hub.closeAlert((await find(hub, id)).id)
  print(`closed "${printable(title)}" by ${printable(closedBy ?? '')}`)
}

/** By the beginning of its id, as `list` shows it. */
async function find(hub: HubClient, id: string): Promise<AlertView> {
  const found = (await hub.alerts()).filter((each) => each.id.startsWith(id))
  const [alert, ...others] = found
  if (alert === undefined)
    throw new Mistake('E_NOT_FOUND', `there is no alert ${id}`, {
      hint: 'remora alerts list --all shows all',
    })
  if (others.length > 0)
    throw new Mistake('E_USAGE', `${found.length} alerts begin with ${id}: give more of it`)
  return alert
}

const SHORT_ID = 8
