import { ActionIcon, Anchor, Group } from '@mantine/core'
import { IconChevronRight, IconCircleCheck, IconFileDownload } from '@tabler/icons-react'
import { Fragment } from 'react'
import { Link } from 'react-router'
import type { AlertView } from '../../../src/wire/alerts.ts'
import { IconAction } from '../../components/icon-action.tsx'
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
export function AlertTable({ alerts, opened, onOpen, ...more }: Props) {
  return (
    <section className={classes.scroller} aria-label="Alerts">
      <table className={`listing ${classes.table}`}>
        <thead>
          <tr>
            {HEADS.map(([head, isNumber]) => (
              <th key={head} scope="col" className={isNumber ? classes.right : undefined}>
                {head}
              </th>
            ))}
            <th scope="col" className={classes.right}>
              Actions
            </th>
          </tr>
        </thead>
        <tbody>
          {alerts.map((alert) => {
            const isOpen = alert.id === opened
            return (
              <Row
                key={alert.id}
                alert={alert}
                isOpen={isOpen}
                onToggle={() => onOpen(isOpen ? '' : alert.id)}
                {...more}
              />
            )
          })}
        </tbody>
      </table>
    </section>
  )
}

interface RowProps extends Pick<Props, 'onClose' | 'mayOperate'> {
  readonly alert: AlertView
  readonly isOpen: boolean
  readonly onToggle: () => void
}

function Row({ alert, isOpen, onToggle, onClose, mayOperate }: RowProps) {
  const { id, title, severity, state, agent, agentTitle, count, nodes, lastAt, pcapBytes } = alert
  return (
    <Fragment>
      <tr data-state={state}>
        <td>
          <SeverityWord severity={severity} />
        </td>
        <td className={classes.title}>
          <span className={classes.named}>
            <ActionIcon
              variant="subtle"
              color="gray"
              size="sm"
              aria-label={`Details of ${title}`}
              aria-expanded={isOpen}
              onClick={onToggle}
            >
              <IconChevronRight size={14} className={classes.chevron} data-open={isOpen} />
            </ActionIcon>
            <span className={classes.name} title={title}>
              {title}
            </span>
          </span>
        </td>
        <td>{state}</td>
        <td>
          <Anchor component={Link} to={`/agents/${encodeURIComponent(agent)}`} inherit c="inherit">
            {agentTitle}
          </Anchor>
        </td>
        <td className={classes.right}>{formatNumber(count)}</td>
        <td>{nodes.length === 1 ? nodes[0] : `${nodes.length} nodes`}</td>
        <td className={classes.right}>{formatDateTime(lastAt).slice(0, 19)}</td>
        <td>
          {mayOperate && (
            <Group gap={2} wrap="nowrap" justify="flex-end">
              <IconAction
                label={`Download the packets of ${title} (pcap)`}
                isDisabled={pcapBytes === 0}
                onClick={() => fetchPackets(alert)}
              >
                <IconFileDownload size={16} />
              </IconAction>
              <IconAction
                label={`Close ${title}`}
                isDisabled={state === 'closed'}
                onClick={() => onClose(id)}
              >
                <IconCircleCheck size={16} />
              </IconAction>
            </Group>
          )}
        </td>
      </tr>
      {isOpen && (
        <tr>
          <td colSpan={HEADS.length + 1} className={classes.more}>
            <AlertDetails alert={alert} />
          </td>
        </tr>
      )}
    </Fragment>
  )
}

const HEADS = [
  ['Severity', false],
  ['Title', false],
  ['State', false],
  ['Agent', false],
  ['Raised', true],
  ['On', false],
  ['Last', true],
] as const
