import type { ReportFormat, ReportView } from '../../../src/wire/reports.ts'

/** What an agent has written under one name on one node. */
export interface ReportGroup {
  readonly key: string
  readonly newest: ReportView
  /** Versions before it, newest first. */
  readonly older: readonly ReportView[]
}

/** The newest first; `searched`: words of name, agent, node and format. */
export function groupsOf(reports: readonly ReportView[], searched = ''): ReportGroup[] {
  const groups = new Map<string, ReportView[]>()
  for (const report of reports) {
    const key = JSON.stringify([report.node, report.agent, report.name])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [report])
    else group.push(report)
  }
  return Array.from(groups, ([key, versions]) => {
    const [newest, ...older] = versions.sort(byAge)
    return newest === undefined ? [] : [{ key, newest, older }]
  })
    .flat()
    .filter(({ newest }) => hasWords(newest, searched))
    .sort((one, other) => byAge(one.newest, other.newest))
}

/** How a report is called in addresses. */
export function placeOf({ node, id }: Pick<ReportView, 'node' | 'id'>): string {
  return `${node}/${id}`
}

export function pathOf({ node, id }: Pick<ReportView, 'node' | 'id'>): string {
  return `/reports/${encodeURIComponent(node)}/${encodeURIComponent(id)}`
}

/** As a file: with an ending that says what it is. */
export function fileNameOf({ name, format }: Pick<ReportView, 'name' | 'format'>): string {
  return /\.(html?|md|markdown|csv|json)$/i.test(name) ? name : `${name}${ENDINGS[format]}`
}

function byAge(one: ReportView, other: ReportView): number {
  return other.at - one.at || other.version - one.version
}

function hasWords({ name, title, node, format }: ReportView, searched: string): boolean {
  const text = `${name} ${title} ${node} ${format}`.toLowerCase()
  return searched
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

const ENDINGS: Readonly<Record<ReportFormat, string>> = {
  html: '.html',
  markdown: '.md',
  csv: '.csv',
  json: '.json',
}
