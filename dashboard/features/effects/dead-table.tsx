import { Group } from '@mantine/core'
import { IconRefresh, IconTrash } from '@tabler/icons-react'
import { useState } from 'react'
import { AgentLink } from '../../components/agent-link.tsx'
import { confirm } from '../../components/confirm.tsx'
import { IconAction } from '../../components/icon-action.tsx'
import { Facts } from '../../components/listing/facts.tsx'
import { type Column, Listing } from '../../components/listing/listing.tsx'
import { RowOpener } from '../../components/listing/row-opener.tsx'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { visibleLine, visibleText } from '../../lib/visible-text.ts'
import classes from './effects.module.css'
import { type DeadRow, withoutHelper } from './outbox-rows.ts'
import type { GiveOrder } from './use-outbox.ts'

interface Props {
  readonly rows: readonly DeadRow[]
  readonly give: GiveOrder
  readonly mayOperate: boolean
}

/** Calls that were given up, a line each, newest first. */
export function DeadTable(props: Props) {
  const [opened, setOpened] = useState('')
  return (
    <Listing
      label="Dead letters"
      columns={columnsOf(props, opened, setOpened)}
      rows={props.rows}
      keyOf={({ key }) => key}
      below={(call) => (call.key === opened ? <Details call={call} /> : undefined)}
    />
  )
}

function columnsOf(
  { give, mayOperate }: Props,
  opened: string,
  onOpen: (key: string) => void,
): readonly Column<DeadRow>[] {
  return [
    {
      name: 'Given up',
      width: 162,
      title: ({ diedAt }) => formatDateTime(diedAt),
      cell: ({ key, id, diedAt, title }) => (
        <RowOpener
          of={`call ${id} of ${title}`}
          isOpen={key === opened}
          onToggle={() => onOpen(key === opened ? '' : key)}
        >
          <span>{formatDateTime(diedAt).slice(5)}</span>
        </RowOpener>
      ),
    },
    {
      name: 'Agent',
      width: 150,
      title: ({ title }) => title,
      cell: ({ agent, title }) => <AgentLink id={agent} title={title} />,
    },
    { name: 'Helper', width: 145, title: ({ helper }) => helper, cell: ({ helper }) => helper },
    {
      name: 'Target',
      title: ({ lane, reason }) => `${lane}\n${reason}`,
      cell: ({ lane, helper, reason }) => (
        <>
          <span className={classes.code}>{visibleLine(lane)}</span>
          <span className={classes.error}>{withoutHelper(reason, helper)}</span>
        </>
      ),
    },
    { name: 'Node', width: 84, title: ({ node }) => node, cell: ({ node }) => node },
    { name: 'Tried', width: 62, isRight: true, cell: ({ attempts }) => formatNumber(attempts) },
    ...(mayOperate
      ? [
          {
            name: 'Actions',
            width: 84,
            isRight: true,
            cell: (call: DeadRow) => <Actions call={call} give={give} />,
          },
        ]
      : []),
  ]
}

function Actions({ call, give }: { readonly call: DeadRow; readonly give: GiveOrder }) {
  const { id, node, title, helper } = call
  const what = `call ${id} of ${title}`
  return (
    <Group gap={2} wrap="nowrap" justify="flex-end">
      <IconAction label={`Send ${what} again`} onClick={() => give('retry', { id, node })}>
        <IconRefresh size={16} />
      </IconAction>
      <IconAction
        label={`Discard ${what}`}
        onClick={() =>
          confirm({
            title: 'Discard this call?',
            text: `What ${title} wanted to send by ${helper} will never be sent. This cannot be undone.`,
            act: 'Discard',
            onConfirm: () => give('drop-dead', { id, node }),
          })
        }
      >
        <IconTrash size={16} />
      </IconAction>
    </Group>
  )
}

function Details({ call }: { readonly call: DeadRow }) {
  const { id, at, queuedAt, diedAt, attempts, reason, args, lane } = call
  return (
    <Facts
      facts={[
        ['Id', id],
        [
          'To',
          <span className={classes.code} key="to">
            {lane}
          </span>,
        ],
        [
          'Queued',
          formatDateTime(queuedAt) + (at === queuedAt ? '' : `, at ${formatDateTime(at)} of the traffic`),
        ],
        [
          'Given up',
          `${formatDateTime(diedAt)}, after ${formatNumber(attempts)} ${attempts === 1 ? 'attempt' : 'attempts'}`,
        ],
        ['Why', visibleText(reason)],
        [
          'Arguments',
          <pre className={classes.args} key="arguments">
            {visibleText(prettyArgs(args))}
          </pre>,
        ],
      ]}
    />
  )
}

/** They come cut when they are long. */
function prettyArgs(args: string): string {
  try {
    return JSON.stringify(JSON.parse(args), undefined, 2)
  } catch {
    return `${args} …`
  }
}
