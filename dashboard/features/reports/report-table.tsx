import { Anchor, Group } from '@mantine/core'
import { IconFileDownload, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import type { ReportView } from '../../../src/wire/reports.ts'
import { AgentLink } from '../../components/agent-link.tsx'
import { confirm } from '../../components/confirm.tsx'
import { IconAction } from '../../components/icon-action.tsx'
import { InnerTable } from '../../components/listing/inner-table.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatBytes, formatDateTime, formatNumber } from '../../lib/format.ts'
import { placeOf, type ReportGroup } from './report-list.ts'
import classes from './reports.module.css'
import { fetchReport } from './use-reports.ts'

interface Props {
  readonly groups: readonly ReportGroup[]
  readonly onDelete: (reports: readonly ReportView[]) => void
  readonly mayOperate: boolean
}

/** Reports, a line for each name; older versions are a click away. */
export function ReportTable(props: Props) {
  const [opened, setOpened] = useState('')
  return (
    <Listing
      label="Reports"
      columns={columnsOf(props, opened, setOpened)}
      rows={props.groups}
      keyOf={({ key }) => key}
      below={({ key, newest, older }) =>
        key === opened && older.length > 0 ? <Versions name={newest.name} reports={older} /> : undefined
      }
    />
  )
}

function columnsOf(
  { onDelete, mayOperate }: Props,
  opened: string,
  onOpen: (key: string) => void,
): readonly Column<ReportGroup>[] {
  return [
    {
      name: 'Name',
      title: ({ newest }) => newest.name,
      cell: ({ key, newest, older }) =>
        older.length === 0 ? (
          <span className={classes.only}>
            <ReportLink report={newest}>{newest.name}</ReportLink>
          </span>
        ) : (
          <RowOpener
            of={newest.name}
            isOpen={key === opened}
            onToggle={() => onOpen(key === opened ? '' : key)}
          >
            <ReportLink report={newest}>{newest.name}</ReportLink>
          </RowOpener>
        ),
    },
    { name: 'Format', width: 100, cell: ({ newest }) => newest.format },
    {
      name: 'Agent',
      width: 180,
      title: ({ newest }) => newest.title,
      cell: ({ newest }) => <AgentLink id={newest.agent} title={newest.title} />,
    },
    { name: 'Node', width: 110, title: ({ newest }) => newest.node, cell: ({ newest }) => newest.node },
    { name: 'Version', width: 80, isRight: true, cell: ({ newest }) => formatNumber(newest.version) },
    { name: 'Size', width: 90, isRight: true, cell: ({ newest }) => formatBytes(newest.bytes) },
    { name: 'Written', width: 176, isRight: true, cell: ({ newest }) => formatDateTime(newest.at) },
    { name: 'Actions', width: 84, isRight: true, cell: actions },
  ]

  function actions({ newest, older }: ReportGroup) {
    const { name, node } = newest
    const versions = older.length === 0 ? 'It is' : `All ${older.length + 1} versions of it are`
    return (
      <Group gap={2} wrap="nowrap" justify="flex-end">
        <IconAction label={`Download ${name}`} onClick={() => fetchReport(newest)}>
          <IconFileDownload size={16} />
        </IconAction>
        {mayOperate && (
          <IconAction
            label={`Delete ${name}`}
            onClick={() =>
              confirm({
                title: `Delete ${name}?`,
                text: `${versions} deleted on ${node}. This cannot be undone.`,
                act: 'Delete',
                onConfirm: () => onDelete([newest, ...older]),
              })
            }
          >
            <IconTrash size={16} />
          </IconAction>
        )}
      </Group>
    )
  }
}

function Versions({ name, reports }: { readonly name: string; readonly reports: readonly ReportView[] }) {
  return (
    <InnerTable
      label={`Older versions of ${name}`}
      columns={[
        {
          name: 'Older version',
          cell: (report) => <ReportLink report={report}>{`${name}, version ${report.version}`}</ReportLink>,
        },
        { name: 'Size', isRight: true, cell: ({ bytes }) => formatBytes(bytes) },
        { name: 'Written', isRight: true, cell: ({ at }) => formatDateTime(at) },
      ]}
      rows={reports}
      keyOf={placeOf}
    />
  )
}

function ReportLink({ report, children }: { readonly report: ReportView; readonly children: string }) {
  return (
    <Anchor component={Link} to={`/reports?report=${encodeURIComponent(placeOf(report))}`} inherit>
      {children}
    </Anchor>
  )
}
