import { Anchor, Button, Switch } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { Foot } from '../../components/listing/foot.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { SearchBox } from '../../components/search-box.tsx'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import { found, summary } from './alert-list.ts'
import { AlertTable } from './alert-table.tsx'
import { useAlerts, useClose } from './use-alerts.ts'

/** What agents have raised. */
export function AlertsPage() {
  const { data: alerts = NONE, error, isPending, refetch } = useAlerts()
  const [address, go] = useAddress()
  const [searched, search] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  const isAll = address.get('all') !== null
  const mayOperate = useMay('operator')
  const close = useClose()
  const shown = useMemo(() => found(alerts, searched, isAll), [alerts, searched, isAll])
  const showAll = (all: boolean) => go({ all: all ? '1' : '' })
  return (
    <>
      <PageHeader title="Alerts">
        <Switch
          size="xs"
          label="Closed ones, too"
          checked={isAll}
          onChange={({ currentTarget }) => showAll(currentTarget.checked)}
        />
        <SearchBox what="alerts" fields="Title, agent, label or node" value={searched} onChange={search} />
      </PageHeader>
      {error !== null ? (
        <ErrorState title="The alerts cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the alerts" />
      ) : shown.length === 0 ? (
        <NoAlerts
          are={alerts.length === 0 ? 'none' : searched === '' ? 'closed' : 'others'}
          onShowAll={() => {
            search('')
            showAll(true)
          }}
        />
      ) : (
        <AlertTable
          alerts={shown}
          opened={address.get('alert') ?? ''}
          onOpen={(alert) => go({ alert })}
          onClose={close}
          mayOperate={mayOperate}
        />
      )}
      <Foot>{summary(alerts)}.</Foot>
    </>
  )
}

interface NoAlertsProps {
  readonly are: 'none' | 'closed' | 'others'
  readonly onShowAll: () => void
}

function NoAlerts({ are, onShowAll }: NoAlertsProps) {
  if (are !== 'none')
    return (
      <EmptyState title={are === 'closed' ? 'No alert is open' : 'No alert has these words'}>
        <Button size="xs" variant="default" onClick={onShowAll}>
          Show all alerts
        </Button>
      </EmptyState>
    )
  return (
    <EmptyState title="No agent has raised an alert">
      Agents raise them with{' '}
      <code>{"alert.raise({ title: 'Checkout fails', severity: 'critical', entry: data })"}</code>.{' '}
      <Anchor component={Link} to="/agents" underline="always">
        Go to the agents
      </Anchor>
    </EmptyState>
  )
}

const NONE: NonNullable<ReturnType<typeof useAlerts>['data']> = []
