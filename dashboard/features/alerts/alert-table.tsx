import { Group } from '@mantine/core'
import { IconCircleCheck, IconFileDownload } from '@tabler/icons-react'
import type { AlertView } from '../../../src/wire/alerts.ts'
import { AgentLink } from '../../components/agent-link.tsx'
import { IconAction } from '../../components/icon-action.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { AlertDetails } from './alert-details.tsx'
import classes from './alerts.module.css'
import { SeverityWord } from './severity.tsx'
import { fetchPackets } from './use-alerts.ts'

interface Props {
  readonly alerts: readonly AlertView[]
  /** Id of the one whose details are shown; "" for none. */
  readonly opened: string
  readonly onOpen: (id: string) => void
  readonly onClose: (id: string) => void
  readonly mayOperate: boolean
}

/** Alerts, a line each; more of each is a click away. */
export function AlertTable(props: Props) {
  const { alerts, opened } = props
  return (
    <Listing
      label="Alerts"
      columns={columnsOf(props)}
      rows={alerts}
      keyOf={({ id }) => id}
      below={(alert) => (alert.id === opened ? <AlertDetails alert={alert} /> : undefined)}
      toneOf={({ state }) => (state === 'closed' ? 'muted' : undefined)}
    />
  )
}

function columnsOf({ opened, onOpen, onClose, mayOperate }: Props): readonly Column<AlertView>[] {
  return [
    { name: 'Severity', width: 100, cell: ({ severity }) => <SeverityWord severity={severity} /> },
    {
      name: 'Title',
      title: ({ title }) => title,
      cell: ({ id, title }) => (
        <RowOpener of={title} isOpen={id === opened} onToggle={() => onOpen(id === opened ? '' : id)}>
          <span className={classes.name}>{title}</span>
        </RowOpener>
      ),
    },
    { name: 'State', width: 70, cell: ({ state }) => state },
    {
      name: 'Agent',
      width: 160,
      title: ({ agentTitle }) => agentTitle,
      cell: ({ agent, agentTitle }) => <AgentLink id={agent} title={agentTitle} />,
    },
    { name: 'Raised', width: 76, isRight: true, cell: ({ count }) => formatNumber(count) },
    {
      name: 'On',
      width: 100,
      title: ({ nodes }) => nodes.join(', '),
      cell: ({ nodes }) => (nodes.length === 1 ? nodes[0] : `${nodes.length} nodes`),
    },
    { name: 'Last', width: 176, isRight: true, cell: ({ lastAt }) => formatDateTime(lastAt) },
    ...(mayOperate ? [{ name: 'Actions', width: 84, isRight: true, cell: actions }] : []),
  ]

  function actions(alert: AlertView) {
    const { id, title, state, pcapBytes } = alert
    return (
      <Group gap={2} wrap="nowrap" justify="flex-end">
        <IconAction
          label={`Download the packets of ${title} (pcap)`}
          isDisabled={pcapBytes === 0}
          onClick={() => fetchPackets(alert)}
        >
          <IconFileDownload size={16} />
        </IconAction>
        <IconAction label={`Close ${title}`} isDisabled={state === 'closed'} onClick={() => onClose(id)}>
          <IconCircleCheck size={16} />
        </IconAction>
      </Group>
    )
  }
}
