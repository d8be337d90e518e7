import type { AlertView } from '../../../src/wire/alerts.ts'
import { rankOf } from '../../../src/wire/severity.ts'

/** Those in whose words, agent, key, nodes or labels the text is; open ones first, the worst of them first. */
export function found(alerts: readonly AlertView[], searched: string, isAll: boolean): AlertView[] {
  const wanted = searched.trim().toLowerCase()
  return alerts
    .filter(({ state }) => isAll || state === 'open')
    .filter((alert) => wanted === '' || wordsOf(alert).includes(wanted))
    .sort(
      (a, b) =>
        Number(a.state === 'closed') - Number(b.state === 'closed') ||
        (a.state === 'open' ? rankOf(b.severity) - rankOf(a.severity) : 0) ||
        b.lastAt - a.lastAt,
    )
}

function wordsOf({ title, text, key, agentTitle, severity, nodes, labels }: AlertView): string {
  const labelled = Object.entries(labels).map(([name, value]) => `${name}: ${value}`)
  return [title, text, key, agentTitle, severity, ...nodes, ...labelled].join('\n').toLowerCase()
}

/** `3 open (1 critical, 2 warning), 7 closed` */
export function summary(alerts: readonly AlertView[]): string {
  const open = alerts.filter(({ state }) => state === 'open')
  const kinds = new Map<string, number>()
  for (const { severity } of [...open].sort((a, b) => rankOf(b.severity) - rankOf(a.severity)))
    kinds.set(severity, (kinds.get(severity) ?? 0) + 1)
  const words = [...kinds].map(([severity, count]) => `${count} ${severity}`).join(', ')
  return `${open.length} open${words === '' ? '' : ` (${words})`}, ${alerts.length - open.length} closed`
}
