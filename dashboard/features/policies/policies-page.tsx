import { Anchor, Button } from '@mantine/core'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { Foot } from '../../components/listing/foot.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { SearchBox } from '../../components/search-box.tsx'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { formatNumber } from '../../lib/format.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import { found } from './policy-list.ts'
import { PolicyTable } from './policy-table.tsx'
import { usePolicies, useRemove } from './use-policies.ts'

/** What agents have put in force by `policy.apply`. */
export function PoliciesPage() {
  const { data, error, isPending, refetch } = usePolicies()
  const [address, go] = useAddress()
  const [searched, search] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  const mayOperate = useMay('operator')
  const remove = useRemove()
  const { policies = NONE, enabled = false } = data ?? {}
  const shown = useMemo(() => found(policies, searched), [policies, searched])
  return (
    <>
      <PageHeader title="Policies">
        <SearchBox what="policies" fields="Pod, agent or reason" value={searched} onChange={search} />
      </PageHeader>
      {/* What was in force stays on the screen while the hub is away. */}
      {data === undefined && error !== null ? (
        <ErrorState title="The policies cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the policies" />
      ) : shown.length === 0 ? (
        <NoPolicies isEnabled={enabled} isSearched={policies.length > 0} onShowAll={() => search('')} />
      ) : (
        <PolicyTable
          policies={shown}
          opened={address.get('policy') ?? ''}
          onOpen={(policy) => go({ policy })}
          onRemove={remove}
          mayOperate={mayOperate}
        />
      )}
      {data !== undefined && (
        <Foot>
          {formatNumber(policies.length)} {policies.length === 1 ? 'policy' : 'policies'} in force,{' '}
          {data.place === 'hosts' ? 'by nftables on the workers' : 'as NetworkPolicies'}.
        </Foot>
      )}
    </>
  )
}

interface NoneProps {
  readonly isEnabled: boolean
  readonly isSearched: boolean
  readonly onShowAll: () => void
}

function NoPolicies({ isEnabled, isSearched, onShowAll }: NoneProps) {
  if (isSearched)
    return (
      <EmptyState title="No policy is like that">
        <Button size="xs" variant="default" onClick={onShowAll}>
          Show all policies
        </Button>
      </EmptyState>
    )
  if (!isEnabled)
    return (
      <EmptyState title="Agents may not put policies in force">
        The setting <code>scripting.allowEnforcement</code> is off. They may suggest and preview them all the
        same.
      </EmptyState>
    )
  return (
    <EmptyState title="No policy is in force">
      Agents put them in force with{' '}
      <code>{"policy.apply({ block: { from: data.src.ip }, ttl: '10m', reason: 'a scanner' })"}</code>.{' '}
      <Anchor component={Link} to="/agents" underline="always">
        Go to the agents
      </Anchor>
    </EmptyState>
  )
}

const NONE: NonNullable<ReturnType<typeof usePolicies>['data']>['policies'] = []
