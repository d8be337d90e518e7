import { ActionIcon, Button, SegmentedControl, Tooltip } from '@mantine/core'
import { IconArrowLeft, IconFileDownload } from '@tabler/icons-react'
import { useState } from 'react'
import { Link } from 'react-router'
import type { ReportView } from '../../../src/wire/reports.ts'
import { AgentLink } from '../../components/agent-link.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { ErrorState, LoadingState } from '../../components/states.tsx'
import { formatBytes, formatDateTime } from '../../lib/format.ts'
import { Page, Sheet, Source } from './report-content.tsx'
import classes from './reports.module.css'
import { fetchReport, useContent } from './use-reports.ts'

/** One report, to be read. */
export function ReportPage({ report }: { readonly report: ReportView }) {
  const { name, format, agent, title, node, version, bytes, at } = report
  const { data: text, error, refetch } = useContent(report)
  const [isSource, setSource] = useState(false)
  const shown = SHOWN[format]
  return (
    <>
      <PageHeader title={name}>
        {shown !== undefined && (
          <SegmentedControl
            size="xs"
            aria-label="View"
            data={[
              { value: 'shown', label: shown },
              { value: 'source', label: 'Source' },
            ]}
            value={isSource ? 'source' : 'shown'}
            onChange={(view) => setSource(view === 'source')}
          />
        )}
        <Button
          size="compact-sm"
          variant="default"
          leftSection={<IconFileDownload size={14} aria-hidden />}
          onClick={() => fetchReport(report)}
        >
          Download
        </Button>
      </PageHeader>
      <div className={classes.about}>
        <Tooltip label="All reports">
          <ActionIcon
            component={Link}
            to="/reports"
            size="sm"
            variant="subtle"
            color="gray"
            aria-label="All reports"
          >
            <IconArrowLeft size={16} />
          </ActionIcon>
        </Tooltip>
        <span>
          By <AgentLink id={agent} title={title} /> on {node}, {formatDateTime(at)}, version {version},{' '}
          {formatBytes(bytes)}
        </span>
        {format === 'html' && !isSource && (
          <span className={classes.muted}>Scripts, links and what it would load are switched off.</span>
        )}
      </div>
      {error !== null ? (
        <ErrorState title="The report cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : text === undefined ? (
        <LoadingState what="the report" />
      ) : shown === undefined || isSource ? (
        <Source report={report} text={text} />
      ) : format === 'html' ? (
        <Page report={report} text={text} />
      ) : (
        <Sheet report={report} text={text} />
      )}
    </>
  )
}

/** Formats that are shown as more than their text, and as what. */
const SHOWN: Readonly<Partial<Record<ReportView['format'], string>>> = { html: 'Page', csv: 'Table' }
