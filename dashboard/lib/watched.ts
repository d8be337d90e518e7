import { create } from 'zustand'
import type { AgentView, NodeView } from '../../src/wire/views.ts'
import { NodeHistory } from './node-history.ts'
import { stream } from './page-stream.ts'

/** What every screen wants to know as it is now. Undefined until the hub has said it. */
interface Watched {
  readonly agents: readonly AgentView[] | undefined
  readonly nodes: readonly NodeView[] | undefined
  /** How far the hub's clock is ahead of this browser's, ms. */
  readonly skewMs: number
}

export const useWatched = create<Watched>(() => ({ agents: undefined, nodes: undefined, skewMs: 0 }))

/** What nodes have said since the page was opened. */
export const nodeHistory = new NodeHistory()

/** The agents that are stored, with how they do on each node; as they change. */
export const useAgents = () => useWatched(({ agents }) => agents)
/** Workers and hubs, once a second. */
export const useNodes = () => useWatched(({ nodes }) => nodes)

/** Begins to watch; answers how to end it. */
export function watch(): () => void {
  const set = useWatched.setState
  const noteClock = (now: number | undefined) => {
    if (now !== undefined) set({ skewMs: now - Date.now() })
  }
  const ends = [
    stream.subscribe(
      { subscribe: 'agents' },
      {
        onMessage: ({ agents, now }) => {
          noteClock(now)
          if (agents !== undefined) set({ agents })
        },
      },
    ),
    stream.subscribe(
      { subscribe: 'nodes' },
      {
        onMessage: ({ nodes }) => {
          if (nodes === undefined) return
          nodeHistory.note(nodes)
          set({ nodes })
        },
      },
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}
