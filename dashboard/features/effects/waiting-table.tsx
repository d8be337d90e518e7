import { Anchor } from '@mantine/core'
import { IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { AgentLink } from '../../components/agent-link.tsx'
import { confirm } from '../../components/confirm.tsx'
import { IconAction } from '../../components/icon-action.tsx'
import { Facts } from '../../components/listing/facts.tsx'
import { InnerTable } from '../../components/listing/inner-table.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatBytes, formatDateTime, formatDuration, formatNumber } from '../../lib/format.ts'
import classes from './effects.module.css'
import { counted, type WaitingRow, withoutHelper } from './outbox-rows.ts'
import type { GiveOrder } from './use-outbox.ts'

interface Props {
  readonly rows: readonly WaitingRow[]
  /** By the clock of the hub, ms since the epoch. */
  readonly now: number
  readonly onDead: (row: WaitingRow) => void
  readonly give: GiveOrder
  readonly mayOperate: boolean
}

/** What waits to be delivered, a line for each agent, helper and node. */
export function WaitingTable(props: Props) {
  const [opened, setOpened] = useState('')
  return (
    <Listing
      label="Queued calls"
      columns={columnsOf(props, opened, setOpened)}
      rows={props.rows}
      keyOf={({ key }) => key}
      below={(row) => (row.key === opened ? <Details row={row} now={props.now} /> : undefined)}
    />
  )
}

function columnsOf(
  { now, onDead, give, mayOperate }: Props,
  opened: string,
  onOpen: (key: string) => void,
): readonly Column<WaitingRow>[] {
  return [
    {
      name: 'Agent',
      width: 190,
      title: ({ title }) => title,
      cell: ({ key, agent, title, helper, node }) => (
        <RowOpener
          of={`${helper} of ${title} on ${node}`}
          isOpen={key === opened}
          onToggle={() => onOpen(key === opened ? '' : key)}
        >
          <AgentLink id={agent} title={title} />
        </RowOpener>
      ),
    },
    { name: 'Helper', width: 150, title: ({ helper }) => helper, cell: ({ helper }) => helper },
    { name: 'Node', width: 90, title: ({ node }) => node, cell: ({ node }) => node },
    {
      name: 'Waiting',
      width: 80,
      isRight: true,
      cell: ({ waiting }) => (
        <span className={waiting === 0 ? classes.muted : classes.strong}>{formatNumber(waiting)}</span>
      ),
    },
    {
      name: 'Oldest',
      width: 80,
      isRight: true,
      title: ({ oldest }) => (oldest === undefined ? undefined : formatDateTime(oldest)),
      cell: ({ oldest }) => (oldest === undefined ? <Nothing /> : ago(oldest, now)),
    },
    {
      name: 'Next attempt',
      width: 106,
      isRight: true,
      cell: ({ due }) => (due === undefined ? <Nothing /> : until(due, now)),
    },
    {
      name: 'Dead letters',
      width: 100,
      isRight: true,
      cell: (row) =>
        row.dead === 0 ? (
          <span className={classes.muted}>0</span>
        ) : (
          <Anchor
            component="button"
            type="button"
            inherit
            className={classes.bad}
            aria-label={`${counted(row.dead, 'dead letter')} of ${row.title} by ${row.helper}`}
            onClick={() => onDead(row)}
          >
            {formatNumber(row.dead)}
          </Anchor>
        ),
    },
    {
      name: 'Last error',
      title: ({ error }) => error || undefined,
      cell: ({ error, helper, waiting }) =>
        error !== '' ? (
          <span className={classes.bad}>{withoutHelper(error, helper)}</span>
        ) : (
          <span className={classes.muted}>{waiting > 0 ? 'none: under way' : 'nothing waits'}</span>
        ),
    },
    ...(mayOperate
      ? [
          {
            name: 'Actions',
            width: 76,
            isRight: true,
            cell: (row: WaitingRow) => (
              <IconAction
                label={`Discard what waits of ${row.title} by ${row.helper} on ${row.node}`}
                isDisabled={row.waiting === 0}
                onClick={() => askToDiscard(row, give)}
              >
                <IconTrash size={16} />
              </IconAction>
            ),
          },
        ]
      : []),
  ]
}

function Details({ row, now }: { readonly row: WaitingRow; readonly now: number }) {
  const { figures, lanes } = row
  return (
    <div className={classes.details}>
      {figures !== undefined && (
        <Facts
          facts={[
            ['Queued', counted(figures.queued, 'call')],
            ['Delivered', `${formatNumber(figures.delivered)}, in ${counted(figures.attempts, 'attempt')}`],
            ['Given up', formatNumber(figures.dead)],
            ['Discarded', `${formatNumber(figures.dropped)}, by people or for want of room`],
            ['Not taken', `${formatNumber(figures.refused)}, for want of room`],
            ['Waiting', `${counted(figures.waiting, 'call')}, ${formatBytes(figures.waitingBytes)}`],
          ]}
        />
      )}
      {lanes.length > 0 && (
        <InnerTable
          label={`Destinations of ${row.helper} of ${row.title} on ${row.node}`}
          columns={[
            { name: 'To', cell: ({ key }) => <span className={classes.code}>{key}</span> },
            { name: 'Waiting', isRight: true, cell: ({ waiting }) => formatNumber(waiting) },
            { name: 'Oldest', isRight: true, cell: ({ oldest }) => ago(oldest, now) },
            { name: 'Failed', isRight: true, cell: ({ failures }) => formatNumber(failures) },
            { name: 'Next attempt', isRight: true, cell: ({ due }) => until(due, now) },
            { name: 'Last error', cell: ({ error, helper }) => withoutHelper(error, helper) },
          ]}
          rows={lanes.slice(0, MOST_LANES)}
          keyOf={({ key }) => key}
        />
      )}
      {lanes.length > MOST_LANES && (
        <p className={classes.muted}>{counted(lanes.length - MOST_LANES, 'more destination')}.</p>
      )}
    </div>
  )
}

function Nothing() {
  return <span className={classes.muted}>–</span>
}

function askToDiscard({ agent, title, helper, node, waiting }: WaitingRow, give: GiveOrder): void {
  confirm({
    title: `Discard ${counted(waiting, 'call')}?`,
    text: `What ${title} has queued by ${helper} on ${node} is not sent any more, but for what is under way. This cannot be undone.`,
    act: 'Discard',
    onConfirm: () => give('drop-waiting', { agent, helper, node }),
  })
}

function ago(time: number, now: number): string {
  return formatDuration(Math.max(now - time, 0))
}

function until(time: number, now: number): string {
  return time <= now ? 'now' : `in ${formatDuration(time - now)}`
}

const MOST_LANES = 100
