import { SegmentedControl } from '@mantine/core'
import { useSearchParams } from 'react-router'
import { PageHeader } from '../../components/page-header.tsx'
import { LoadingState } from '../../components/states.tsx'
import { useNodes } from '../../lib/watched.ts'
import { AgentEvents } from './agent-events.tsx'
import { BlindSpots } from './blind-spots.tsx'
import { Books } from './books.tsx'
import { Capture } from './capture.tsx'
import classes from './health.module.css'
import { Losses } from './losses.tsx'
import { Nodes } from './nodes.tsx'
import { Queues } from './queues.tsx'
import { Settings } from './settings.tsx'

/** How Remora itself does: what it sees, what it loses, and what it was told to do. */
export function HealthPage() {
  const [search, setSearch] = useSearchParams()
  const view = search.get('view') === 'settings' ? 'settings' : 'now'
  return (
    <>
      <PageHeader title="Health">
        <SegmentedControl
          size="xs"
          aria-label="What to show"
          value={view}
          data={[
            { value: 'now', label: 'Nodes and losses' },
            { value: 'settings', label: 'Settings' },
          ]}
          onChange={(chosen) => setSearch(chosen === 'settings' ? { view: chosen } : {})}
        />
      </PageHeader>
      <div className={classes.page}>{view === 'settings' ? <Settings /> : <Now />}</div>
    </>
  )
}

function Now() {
  const nodes = useNodes()
  if (nodes === undefined) return <LoadingState what="nodes" />
  const workers = nodes.filter(({ component }) => component === 'worker')
  return (
    <>
      <Nodes nodes={nodes} />
      <Capture workers={workers} />
      <Losses nodes={nodes} />
      <BlindSpots nodes={workers} />
      <Books workers={workers} />
      <AgentEvents nodes={nodes} />
      <Queues nodes={nodes} />
    </>
  )
}
