import type { AgentView } from '../../../src/wire/views.ts'
import { formatBytes, formatCount, formatRate } from '../../lib/format.ts'
import classes from './agent-page.module.css'
import { StatusWord } from './status-word.tsx'
import { droppedIn } from './summary.ts'

/** How the agent does on each node. */
export function NodeTable({ agent }: { readonly agent: AgentView }) {
  if (agent.nodes.length === 0)
    return (
      <p className={classes.quiet}>
        {agent.active
          ? 'No node has said anything of this agent yet.'
          : 'An agent that is not active runs nowhere.'}
      </p>
    )
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th>Node</th>
          <th>State</th>
          <th className={classes.number}>Version</th>
          <th className={classes.number}>Calls</th>
          <th className={classes.number}>Calls/s</th>
          <th className={classes.number}>Errors</th>
          <th className={classes.number}>Jobs run</th>
          <th className={classes.number}>CPU</th>
          <th className={classes.number}>Memory</th>
          <th className={classes.number}>Received</th>
          <th className={classes.number}>Dropped</th>
        </tr>
      </thead>
      <tbody>
        {agent.nodes.map((state) => (
          <tr key={`${state.node} ${state.component}`}>
            <td>
              {state.node}
              {state.component === 'hub' && state.node !== 'hub' && ' (hub)'}
            </td>
            <td>
              <StatusWord
                status={state.state === 'declined' ? 'inactive' : state.state}
                word={WORDS[state.state]}
              />
              {state.reason !== '' && <div className={classes.reason}>{state.reason}</div>}
            </td>
            <td className={classes.number}>{state.version === 0 ? 'none' : state.version}</td>
            <td className={classes.number}>{formatCount(state.calls)}</td>
            <td className={classes.number}>{formatRate(state.callsPerSecond)}</td>
            <td className={`${classes.number} ${state.errors > 0 ? classes.bad : ''}`}>
              {formatCount(state.errors)}
            </td>
            <td className={classes.number}>{formatCount(state.jobRuns)}</td>
            <td className={classes.number}>{(state.cpu * 100).toFixed(1)} %</td>
            <td className={classes.number}>{formatBytes(state.memoryBytes)}</td>
            <td className={classes.number}>{formatCount(state.received)}</td>
            <td className={`${classes.number} ${droppedIn(state.dropped) > 0 ? classes.bad : ''}`}>
              {droppedText(state.dropped)}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function droppedText(dropped: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(dropped).filter(([, count]) => count > 0)
  return reasons.length === 0
    ? '0'
    : reasons.map(([reason, count]) => `${formatCount(count)} ${reason}`).join(', ')
}

const WORDS = {
  running: 'Running',
  failed: 'Failed',
  stopped: 'Stopped',
  declined: 'Not on the hub',
} as const
