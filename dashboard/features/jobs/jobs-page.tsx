import { Anchor, Button } from '@mantine/core'
import { IconRun, IconTrash } from '@tabler/icons-react'
import { useMemo } from 'react'
import { Link } from 'react-router'
import { confirm } from '../../components/confirm.tsx'
import { Foot } from '../../components/listing/foot.tsx'
import { PageHeader } from '../../components/page-header.tsx'
import { SearchBox } from '../../components/search-box.tsx'
import { EmptyState, ErrorState, LoadingState } from '../../components/states.tsx'
import { useAddress } from '../../lib/address.ts'
import { useOffer } from '../../lib/commands.ts'
import { useHubClock } from '../../lib/hub-clock.ts'
import { useMay } from '../../lib/session.ts'
import { useTyped } from '../../lib/use-typed.ts'
import { useNodes } from '../../lib/watched.ts'
import { groupsOf, schedulersOf, silentNodes, totalsOf } from './job-groups.ts'
import { askToDelete, JobTable } from './job-table.tsx'
import { Schedulers } from './schedulers.tsx'
import { type GiveOrder, useJobs, useOrders } from './use-jobs.ts'

/** What agents do at their times, and how that goes. */
export function JobsPage() {
  const { data: answers = NONE, error, isPending, refetch } = useJobs()
  const [address, go] = useAddress()
  const [searched, search] = useTyped(address.get('q') ?? '', (q) => go({ q }))
  const { give } = useOrders()
  const mayOperate = useMay('operator')
  const nodes = useNodes()
  const now = useHubClock(TICK_MS)
  const groups = useMemo(() => groupsOf(answers, searched), [answers, searched])
  const totals = useMemo(() => totalsOf(answers), [answers])
  const silent = silentNodes(nodes?.map(({ node }) => node) ?? [], answers)

  return (
    <>
      <PageHeader title="Jobs">
        <SearchBox what="jobs" fields="Agent, tag or node" value={searched} onChange={search} />
        {mayOperate && <AllActions answers={answers} give={give} />}
      </PageHeader>
      {error !== null ? (
        <ErrorState title="The jobs cannot be shown" error={error} onRetry={() => void refetch()} />
      ) : isPending ? (
        <LoadingState what="the jobs" />
      ) : (
        <>
          <Schedulers
            schedulers={schedulersOf(answers)}
            silent={silent}
            give={give}
            mayOperate={mayOperate}
          />
          {groups.length > 0 ? (
            <JobTable groups={groups} now={now} give={give} mayOperate={mayOperate} />
          ) : (
            <NoJobs isSearched={totals.jobs > 0} onShowAll={() => search('')} />
          )}
          <Foot>
            {summary(totals)} Jobs that take less than a second always look as if they wait. Times of
            schedules are UTC.
          </Foot>
        </>
      )}
    </>
  )
}

function AllActions({ answers, give }: { readonly answers: typeof NONE; readonly give: GiveOrder }) {
  const count = totalsOf(answers).jobs
  const runAll = () =>
    confirm({
      title: 'Run all jobs?',
      text: `Runs all ${count} jobs of all agents once, on all nodes, beside their times.`,
      act: 'Run all',
      onConfirm: () => give('run', {}),
    })
  const deleteAll = () => askToDelete(`all ${count} jobs of all agents`, () => give('remove', {}))
  useOffer([
    { id: 'jobs run', label: 'Run all jobs', group: 'Jobs', run: runAll },
    { id: 'jobs delete', label: 'Delete all jobs', group: 'Jobs', run: deleteAll },
    { id: 'jobs stop', label: 'Stop all schedulers', group: 'Jobs', run: () => give('stop', {}) },
    { id: 'jobs start', label: 'Start all schedulers', group: 'Jobs', run: () => give('start', {}) },
    ...groupsOf(answers).flatMap(({ agent, title, tags }) =>
      tags.map(({ tag }) => ({
        id: `job ${agent} ${tag}`,
        label: `Run ${tag} of ${title}`,
        group: 'Jobs',
        run: () => give('run', { agent, tag }),
      })),
    ),
  ])
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        disabled={count === 0}
        leftSection={<IconRun size={14} aria-hidden />}
        onClick={runAll}
      >
        Run all
      </Button>
      <Button
        size="compact-sm"
        variant="default"
        disabled={count === 0}
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={deleteAll}
      >
        Delete all
      </Button>
    </>
  )
}

function NoJobs({ isSearched, onShowAll }: { readonly isSearched: boolean; readonly onShowAll: () => void }) {
  if (isSearched)
    return (
      <EmptyState title="No job is called so">
        <Button size="xs" variant="default" onClick={onShowAll}>
          Show all jobs
        </Button>
      </EmptyState>
    )
  return (
    <EmptyState title="No agent has a job">
      Agents make jobs with <code>{"jobs.schedule('tag', '*/10 * * * * *', function () { … })"}</code>.{' '}
      <Anchor component={Link} to="/agents" underline="always">
        Go to the agents
      </Anchor>
    </EmptyState>
  )
}

function summary({ jobs, running, paused, failing }: ReturnType<typeof totalsOf>): string {
  const parts = [
    `${jobs} job${jobs === 1 ? '' : 's'}`,
    ...(running > 0 ? [`${running} running`] : []),
    ...(paused > 0 ? [`${paused} paused`] : []),
    ...(failing > 0 ? [`${failing} failed last`] : []),
  ]
  return `${parts.join(', ')}.`
}

const NONE: ReturnType<typeof useJobs>['data'] & {} = []
/** A countdown needs it so often. */
const TICK_MS = 500
