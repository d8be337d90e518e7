import { endOf, phaseAt, type RecordingPhase } from '../../wire/recording-schedule.ts'
import type { RecordingPart, RecordingPlan, RecordingState, RecordingView } from '../../wire/recordings.ts'

export interface Seen {
  /** What workers have of it. */
  readonly parts: readonly RecordingPart[]
  readonly isAlive: (node: string) => boolean
  readonly now: number
}

/** A recording as people see it, from its plan and what workers say of their parts. */
export function viewOf(plan: RecordingPlan, { parts, isAlive, now }: Seen): RecordingView {
  const phase = phaseAt(plan, now)
  const nodes = parts
    .map(({ id: _, ...part }) => ({ ...part, isAlive: isAlive(part.node) }))
    .sort((a, b) => (a.node < b.node ? -1 : 1))
  const sum = (count: (part: RecordingPart) => number) =>
    parts.reduce((total, part) => total + count(part), 0)
  const end = endOf(plan)
  return {
    name: plan.name,
    filter: plan.filter,
    state: stateOf(plan, phase, nodes, now),
    reason: nodes
      .filter(({ reason }) => reason !== '')
      .map(({ node, reason }) => `${node}: ${reason}`)
      .join('; '),
    start: plan.startAt,
    end: Number.isFinite(end) ? end : null,
    nextStart: phase.kind === 'scheduled' ? phase.startsAt : null,
    until: phase.kind === 'recording' ? phase.until : null,
    expires: Number.isFinite(end) ? end + plan.expirationMs : null,
    iterations: plan.iterations,
    duration: plan.durationMs / MINUTE_MS,
    expiration: plan.expirationMs / MINUTE_MS,
    lastMinutes: plan.lastMs === undefined ? null : plan.lastMs / MINUTE_MS,
    createdAt: plan.createdAt,
    createdBy: plan.createdBy,
    entries: sum(({ entries }) => entries),
    packets: sum(({ packets }) => packets),
    bytes: sum(({ bytes }) => bytes),
    lostEntries: sum(({ lostEntries }) => lostEntries),
    cutConnections: sum(({ cutConnections }) => cutConnections),
    nodes,
  }
}

function stateOf(
  plan: RecordingPlan,
  phase: RecordingPhase,
  nodes: RecordingView['nodes'],
  now: number,
): RecordingState {
  if (phase.kind === 'expired' || phase.kind === 'scheduled') return phase.kind
  if (nodes.length > 0 && nodes.every(({ state }) => state === 'failed')) return 'failed'
  if (phase.kind === 'recording') return 'recording'
  // Workers bring it to an end, or look for what they have kept.
  if (nodes.some(({ state, isAlive }) => state === 'recording' && isAlive)) return 'recording'
  const isNew = plan.lastMs !== undefined && nodes.length === 0 && now - plan.startAt < ANSWER_MS
  return isNew ? 'recording' : 'done'
}

const MINUTE_MS = 60_000
/** In so long workers say that they have begun. */
const ANSWER_MS = 5000
