import type { NodeView } from '../../../src/wire/views.ts'
import { formatDuration } from '../../lib/format.ts'

export interface NodeState {
  readonly level: 'good' | 'warn' | 'bad'
  /** In a few words; the first is the worst. */
  readonly words: readonly string[]
}

/** Whether all is well with a node, and what is not. */
export function stateOf({ silentMs, skewMs, agents, health }: NodeView): NodeState {
  const bad = silentMs >= SILENT_MS ? [`Silent for ${formatDuration(silentMs)}`] : []
  const failed = agents.filter(({ state }) => state !== 'running').length
  const { restarts } = health
  const warn = [
    ...(Math.abs(skewMs) > SKEW_MS ? [`Clock is ${skewText(skewMs)}`] : []),
    ...(failed > 0 ? [`${failed} ${failed === 1 ? 'agent does' : 'agents do'} not run`] : []),
    ...(typeof restarts === 'number' && restarts > 0 ? [`Started anew ${restarts} times`] : []),
  ]
  const words = [...bad, ...warn]
  if (words.length === 0) return { level: 'good', words: ['All is well'] }
  return { level: bad.length > 0 ? 'bad' : 'warn', words }
}

/** How far a clock is from that of the hub: `in step`, `3 s ahead`. */
export function skewText(skewMs: number): string {
  if (Math.abs(skewMs) < IN_STEP_MS) return 'in step'
  return `${formatDuration(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead' : 'behind'}`
}

/** As in `src/wire/nodes.ts`. */
const SKEW_MS = 2000
/** The hub hears of nodes once a second. */
const SILENT_MS = 3000
const IN_STEP_MS = 100
