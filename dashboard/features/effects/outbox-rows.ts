import type { DeadCall, OutboxAnswer, OutboxFigures, OutboxLane } from '../../../src/wire/outbox.ts'
import type { NodeView } from '../../../src/wire/views.ts'
import { visibleLine } from '../../lib/visible-text.ts'
import type { EffectsPlace } from './effects-place.ts'

/** Queued calls of one agent by one helper on one node. */
export interface WaitingRow {
  readonly key: string
  readonly node: string
  readonly agent: string
  readonly title: string
  readonly helper: string
  readonly waiting: number
  /** When the oldest that waits came, ms since the epoch; undefined: nothing waits. */
  readonly oldest: number | undefined
  /** When the next attempt is, ms since the epoch. */
  readonly due: number | undefined
  /** Why calls wait; "" when none has failed. */
  readonly error: string
  /** Calls that were given up and are kept. */
  readonly dead: number
  /** What waits, by destination; oldest first, not all of them when there are very many. */
  readonly lanes: readonly OutboxLane[]
  /** Since the outbox was made; undefined: its node has not said it yet. */
  readonly figures: OutboxFigures | undefined
}

export interface DeadRow extends DeadCall {
  readonly key: string
  /** Where it goes, by its helper: of all calls in a row. */
  readonly lane: string
  readonly node: string
}

type Of = Pick<EffectsPlace, 'agent' | 'helper'>
type Caller = Pick<WaitingRow, 'node' | 'agent' | 'title' | 'helper'>

/** A row for each that has ever queued a call; those that wait and fail first. */
export function waitingRows(
  nodes: readonly Pick<NodeView, 'node' | 'outbox'>[],
  lists: readonly OutboxAnswer[],
  dead: readonly DeadRow[],
  of: Of,
): WaitingRow[] {
  const rows = new Map<string, Caller & { figures?: OutboxFigures; lanes: OutboxLane[]; dead: number }>()
  const rowOf = (node: string, { agent, title, helper }: Omit<Caller, 'node'>) => {
    const key = JSON.stringify([node, agent, helper])
    const row = rows.get(key) ?? { node, agent, title, helper, lanes: [], dead: 0 }
    rows.set(key, row)
    return row
  }
  for (const { node, outbox = [] } of nodes)
    for (const figures of outbox) rowOf(node, figures).figures = figures
  for (const { node, lanes } of lists) for (const lane of lanes) rowOf(node, lane).lanes.push(lane)
  for (const call of dead) rowOf(call.node, call).dead++
  return Array.from(rows, ([key, { figures, lanes, ...row }]) => ({
    ...row,
    key,
    lanes,
    figures,
    ...sumOf(figures, lanes),
  }))
    .filter((row) => isOf(row, of))
    .sort(
      (one, other) =>
        Number(other.error !== '') - Number(one.error !== '') ||
        other.waiting - one.waiting ||
        other.dead - one.dead ||
        one.title.localeCompare(other.title) ||
        one.key.localeCompare(other.key),
    )
}

/** Lanes are as they were when they were asked for, figures as they were a second ago. */
function sumOf(figures: OutboxFigures | undefined, lanes: readonly OutboxLane[]) {
  const failing = lanes
    .filter(({ error }) => error !== '')
    .sort((one, other) => other.failures - one.failures)
  const oldest = figures?.oldest ?? Math.min(...lanes.map((lane) => lane.oldest))
  const dues = lanes.map(({ due }) => due)
  return {
    waiting: figures?.waiting ?? lanes.reduce((sum, { waiting }) => sum + waiting, 0),
    oldest: Number.isFinite(oldest) ? oldest : undefined,
    due: dues.length === 0 ? undefined : Math.min(...dues),
    error: failing[0]?.error ?? '',
  }
}

/** Of all nodes, newest first. */
export function deadRows(answers: readonly OutboxAnswer[]): DeadRow[] {
  return answers
    .flatMap(({ node, component, dead }) =>
      dead.map((call) => ({ ...call, lane: call.key, key: `${node} ${component} ${call.id}`, node })),
    )
    .sort((one, other) => other.diedAt - one.diedAt)
}

/** Whether it is of the agent (its identity or title) and the helper that are looked at. */
export function isOf({ agent, title, helper }: Omit<Caller, 'node'>, of: Of): boolean {
  return (
    (of.agent === '' || agent === of.agent || title === of.agent) &&
    (of.helper === '' || helper === of.helper)
  )
}

/** Nodes that are there and did not answer. */
export function silentNodes(
  nodes: readonly Pick<NodeView, 'node'>[],
  answers: readonly OutboxAnswer[],
): string[] {
  const answered = new Set(answers.map(({ node }) => node))
  return [...new Set(nodes.map(({ node }) => node))].filter((node) => !answered.has(node))
}

/** What became of an order. */
export function orderDone(
  order: 'retry' | 'drop-dead' | 'drop-waiting',
  answers: readonly OutboxAnswer[],
): string {
  const count = answers.reduce((sum, answer) => sum + answer.count, 0)
  if (count === 0) return 'There is no such call any more.'
  return `${counted(count, 'call')} ${DONE[order](count)}.`
}

/** In one line, which servers have a part in; beside the helper that it is about it need not begin with its name. */
export function withoutHelper(message: string, helper: string): string {
  const text = visibleLine(message)
  return text.startsWith(`${helper}: `) ? text.slice(helper.length + 2) : text
}

/** `1 call`, `2 calls`. */
export function counted(count: number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${count === 1 ? '' : 's'}`
}

const DONE = {
  retry: (count: number) => (count === 1 ? 'waits again' : 'wait again'),
  'drop-dead': (count: number) => (count === 1 ? 'was discarded' : 'were discarded'),
  'drop-waiting': (count: number) => (count === 1 ? 'was discarded' : 'were discarded'),
} as const
