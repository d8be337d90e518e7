import { join, resolve } from 'node:path'
import type { Config } from '../../config/index.ts'
import { bytesOf, msOf } from '../../config/quantities.ts'
import { COUNTER_NAMES } from '../../metrics/counters.ts'
import { ReportFolder } from '../../store/report-folder.ts'
import { token } from '../../wire/subjects.ts'

/** The reports of a node: `hub`, or a worker. */
export function openReports({ reports }: Config, node: string): Promise<ReportFolder> {
  return ReportFolder.open({
    folder: join(resolve(reports.folder), token(node)),
    node,
    most: reports.keep,
    mostBytes: bytesOf(reports.maxSize),
    mostAgeMs: msOf(reports.ttl),
  })
}

export function reportCounters({ dropped }: Pick<ReportFolder, 'dropped'>): Record<string, number> {
  return { [COUNTER_NAMES.dropped('reports', 'full')]: dropped }
}
