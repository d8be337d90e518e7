import { Anchor, Button } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { Foot } from '../../components/listing/foot.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { SearchBox } from '../../components/search-box.tsx'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { formatBytes, formatNumber } from '../../lib/format.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import { groupsOf, placeOf } from './report-list.ts'
import { ReportPage } from './report-page.tsx'
import { ReportTable } from './report-table.tsx'
import { useDelete, useReports } from './use-reports.ts'

/** What agents have written for people: all of it, or one report. */
export function ReportsPage() {
  const reports = useReports()
  const [address] = useAddress()
  const place = address.get('report')
  const opened = reports.data?.reports.find((report) => placeOf(report) === place)
  if (opened !== undefined) return <ReportPage key={place} report={opened} />
  return <AllReports reports={reports} isGone={place !== null && !reports.isPending} />
}

interface Props {
  readonly reports: ReturnType<typeof useReports>
  /** The one that is asked for is not there. */
  readonly isGone: boolean
}

function AllReports({ reports: { data, error, isPending, refetch }, isGone }: Props) {
  const [address, go] = useAddress()
  const [searched, search] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  const { reports = NONE, missing = [] } = data ?? {}
  const groups = useMemo(() => groupsOf(reports, searched), [reports, searched])
  const mayOperate = useMay('operator')
  const remove = useDelete(() => go({ report: undefined }))
  const bytes = reports.reduce((sum, report) => sum + report.bytes, 0)
  return (
    <>
      <PageHeader title="Reports">
        <SearchBox what="reports" fields="Name, agent, node or format" value={searched} onChange={search} />
      </PageHeader>
      {error !== null ? (
        <ErrorState title="The reports cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the reports" />
      ) : isGone ? (
        <EmptyState title="This report is not there any more">
          <Button size="xs" variant="default" onClick={() => go({ report: undefined })}>
            Show all reports
          </Button>
        </EmptyState>
      ) : groups.length === 0 ? (
        <NoReports isSearched={reports.length > 0} onShowAll={() => search('')} />
      ) : (
        <ReportTable groups={groups} onDelete={remove} mayOperate={mayOperate} />
      )}
      <Foot>
        {formatNumber(groups.length)} {groups.length === 1 ? 'report' : 'reports'}; {formatBytes(bytes)} with
        all versions{missing.length > 0 && `; no answer from ${missing.join(', ')}`}.
      </Foot>
    </>
  )
}

interface NoneProps {
  readonly isSearched: boolean
  readonly onShowAll: () => void
}

function NoReports({ isSearched, onShowAll }: NoneProps) {
  if (isSearched)
    return (
      <EmptyState title="No report is like that">
        <Button size="xs" variant="default" onClick={onShowAll}>
          Show all reports
        </Button>
      </EmptyState>
    )
  return (
    <EmptyState title="No agent has written a report">
      Agents write them with <code>{"report.write('week.html', '<h1>The week</h1>')"}</code>: pages, Markdown,
      CSV or JSON.{' '}
      <Anchor component={Link} to="/agents" underline="always">
        Go to the agents
      </Anchor>
    </EmptyState>
  )
}

const NONE: NonNullable<ReturnType<typeof useReports>['data']>['reports'] = []
