import { Alert, Text } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import type { TargetingRules, TargetingView } from '../../../src/wire/targeting.ts'
import { Foot } from '../../components/listing/foot.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { SearchBox } from '../../components/search-box.tsx'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { formatDateTime, formatNumber } from '../../lib/format.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import classes from './capture.module.css'
import { PodTable } from './pod-table.tsx'
import { countsText, found, isSame, namespacesOf } from './rules.ts'
import { RulesForm } from './rules-form.tsx'
import { usePreview, useSave, useTargeting } from './use-targeting.ts'

/** Which pods are captured, and what other rules would change about that. */
export function CapturePage() {
  const { data: view, error, refetch } = useTargeting()
  const [address, go] = useAddress()
  const [searched, search] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  return (
    <>
      <PageHeader title="Capture">
        <SearchBox what="pods" fields="Name, namespace, node" value={searched} onChange={search} />
      </PageHeader>
      {view !== undefined ? (
        <Rules view={view} searched={searched} />
      ) : error !== null ? (
        <ErrorState title="The rules cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : (
        <LoadingState what="the rules" />
      )}
    </>
  )
}

interface Props {
  readonly view: TargetingView
  readonly searched: string
}

function Rules({ view, searched }: Props) {
  const mayChange = useMay('operator')
  const [draft, setDraft] = useState<Draft>()
  const rules = draft?.rules ?? view.rules
  const isChanged = !isSame(rules, view.rules)
  const [asked] = useDebouncedValue(isChanged ? rules : undefined, PREVIEW_MS)
  const preview = usePreview(isChanged ? asked : undefined)
  const save = useSave(() => setDraft(undefined))
  const discard = () => {
    setDraft(undefined)
    save.reset()
  }
  const previewed = isChanged && preview.error === null ? preview.data : undefined
  const shown = previewed ?? view
  const pods = found(shown.pods, searched)
  return (
    <>
      <div className={classes.page}>
        <RulesForm
          rules={rules}
          namespaces={namespacesOf(view.pods)}
          isChanged={isChanged}
          isSaving={save.isPending}
          mayChange={mayChange}
          error={save.error ?? (isChanged ? preview.error : null)}
          other={isChanged && draft !== undefined && draft.version !== view.version ? view.author : undefined}
          onKeep={() => {
            save.reset()
            setDraft({ rules, version: view.version })
          }}
          onChange={(change) => {
            save.reset()
            setDraft((before) => ({
              version: before?.version ?? view.version,
              rules: { ...(before?.rules ?? view.rules), ...change },
            }))
          }}
          onSave={() => save.mutate({ rules, version: draft?.version ?? view.version })}
          onDiscard={discard}
        />
        <div className={classes.pods}>
          <Text size="sm" role="status" className={classes.counts}>
            {previewed === undefined ? 'Captured: ' : 'Would be captured: '}
            {countsText(shown)}.
            {shown.counts.pods > shown.pods.length &&
              ` The first ${formatNumber(shown.pods.length)} are listed here.`}
          </Text>
          {shown.warning !== '' && (
            <Alert color="yellow" variant="light" className={classes.warning}>
              {shown.warning}
            </Alert>
          )}
          {view.pods.length === 0 ? (
            <NoPods cluster={view.cluster} />
          ) : pods.length === 0 ? (
            <EmptyState title="No pod has these words" />
          ) : (
            <PodTable pods={pods} />
          )}
        </div>
      </div>
      <Foot>
        Version {view.version}, by {view.author}
        {view.version > 0 && `, ${formatDateTime(view.at)}`}.
      </Foot>
    </>
  )
}

function NoPods({ cluster }: Pick<TargetingView, 'cluster'>) {
  if (cluster === 'off')
    return (
      <EmptyState title="There is no cluster">
        Rules about pods need one: see <code>kubernetes.enabled</code>. Capture filter and sampling work
        without.
      </EmptyState>
    )
  return <EmptyState title="No pods are known yet">They come from the hub that leads.</EmptyState>
}

/** What somebody has changed and not saved, and which version it began with. */
interface Draft {
  readonly rules: TargetingRules
  readonly version: number
}

const PREVIEW_MS = 300
