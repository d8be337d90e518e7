import { lazy, Suspense } from 'react'
import { createBrowserRouter, Navigate } from 'react-router'
import { LoadingState } from './components/states.tsx'
import { CaptureDrop } from './features/captures/capture-drop.tsx'
import { SourceMenu } from './features/captures/source-menu.tsx'
import { EntryDownloads } from './features/packets/entry-downloads.tsx'
import type { TrafficSlots } from './features/traffic/traffic-page.tsx'
import { ScreenFailure } from './shell/screen-failure.tsx'
import { Shell } from './shell/shell.tsx'

const TrialPanel = lazy(async () => ({
  default: (await import('./features/trial/trial-panel.tsx')).TrialPanel,
}))

const EntryPackets = lazy(async () => ({
  default: (await import('./features/packets/entry-packets.tsx')).EntryPackets,
}))

const TRAFFIC_SLOTS: TrafficSlots = {
  sources: (chosen, onChoose) => <SourceMenu chosen={chosen} onChoose={onChoose} />,
  packets: (asked) => (
    <Suspense fallback={<LoadingState what="the packets" />}>
      <EntryPackets asked={asked} />
    </Suspense>
  ),
  downloads: (asked) => <EntryDownloads asked={asked} />,
}

/** What stands at which address. Each screen is loaded when it is first opened, the traffic with the page. */
export const router = createBrowserRouter([
  {
    element: (
      <>
        <Shell />
        <CaptureDrop />
      </>
    ),
    errorElement: <ScreenFailure />,
    children: [
      { index: true, element: <Navigate to="/traffic" replace /> },
      {
        errorElement: <ScreenFailure />,
        children: [
          {
            path: '/traffic',
            lazy: async () => {
              const { TrafficPage } = await import('./features/traffic/traffic-page.tsx')
              return { element: <TrafficPage slots={TRAFFIC_SLOTS} /> }
            },
          },
          {
            path: '/agents',
            lazy: async () => ({ Component: (await import('./features/agents/agents-page.tsx')).AgentsPage }),
          },
          {
            path: '/agents/new',
            lazy: async () => {
              const { NewAgentPage } = await import('./features/agents/agent-page.tsx')
              return { element: <NewAgentPage trial={TrialPanel} /> }
            },
          },
          {
            path: '/agents/:id',
            lazy: async () => {
              const { AgentPage } = await import('./features/agents/agent-page.tsx')
              return { element: <AgentPage trial={TrialPanel} /> }
            },
          },
          {
            path: '/console',
            lazy: async () => ({
              Component: (await import('./features/console/console-page.tsx')).ConsolePage,
            }),
          },
          {
            path: '/alerts',
            lazy: async () => ({ Component: (await import('./features/alerts/alerts-page.tsx')).AlertsPage }),
          },
          {
            path: '/effects',
            lazy: async () => ({
              Component: (await import('./features/effects/effects-page.tsx')).EffectsPage,
            }),
          },
          {
            path: '/policies',
            lazy: async () => ({
              Component: (await import('./features/policies/policies-page.tsx')).PoliciesPage,
            }),
          },
          {
            path: '/reports',
            lazy: async () => ({
              Component: (await import('./features/reports/reports-page.tsx')).ReportsPage,
            }),
          },
          {
            path: '/jobs',
            lazy: async () => ({ Component: (await import('./features/jobs/jobs-page.tsx')).JobsPage }),
          },
          {
            path: '/map',
            lazy: async () => ({ Component: (await import('./features/map/map-page.tsx')).MapPage }),
          },
          {
            path: '/recordings',
            lazy: async () => ({
              Component: (await import('./features/recordings/recordings-page.tsx')).RecordingsPage,
            }),
          },
          {
            path: '/capture',
            lazy: async () => ({
              Component: (await import('./features/capture/capture-page.tsx')).CapturePage,
            }),
          },
          {
            path: '/health',
            lazy: async () => ({ Component: (await import('./features/health/health-page.tsx')).HealthPage }),
          },
          {
            path: '*',
            lazy: async () => ({ Component: (await import('./shell/nothing-here.tsx')).NothingHere }),
          },
        ],
      },
    ],
  },
])
