import type { AlertClosed, AlertEntry, AlertRaised, AlertView } from './alerts.ts'
import { rankOf, worst } from './severity.ts'

/** What channels are to be told, if anything. */
export type Notice = 'opened' | 'worse' | 'again' | 'closed'

export interface AlertRules {
  /** After channels were told of an alert, they are not told of it again for so long (ms), unless it has become worse. */
  readonly suppressMs: number
  /** An alert that nobody raises closes after so long (ms). */
  readonly closeAfterMs: number
}

export interface Change {
  readonly alert: AlertView
  readonly notice: Notice | undefined
}

/**
 * An alert was raised; `before` is what there was under its id. `now` is the clock of whoever keeps alerts: those of agents may be
 * elsewhere, in a capture even years ago.
 */
export function raised(
  before: AlertView | undefined,
  said: AlertRaised,
  now: number,
  rules: AlertRules,
): Change {
  const isOpen = before?.state === 'open'
  const notice = noticeOf(before, said, now, rules)
  const notified = notice === undefined ? before?.notifiedAt : now
  const { id, key, agent, agentTitle, title, text, labels } = said
  const alert: AlertView = {
    ...{ id, key, agent, agentTitle, title, text, labels },
    severity: isOpen ? worst(before.severity, said.severity) : said.severity,
    state: 'open',
    openedAt: isOpen ? before.openedAt : said.at,
    lastAt: Math.max(before?.lastAt ?? said.lastAt, said.lastAt),
    heardAt: now,
    count: (isOpen ? before.count : 0) + said.count,
    nodes: [...new Set([...(isOpen ? before.nodes : []), said.node])].slice(0, MOST_NODES),
    entries: entriesOf(isOpen ? before.entries : [], said.entries),
    pcapBytes: bytesOf(said.pcap) || (isOpen ? before.pcapBytes : 0),
    ...(notified === undefined ? {} : { notifiedAt: notified }),
    suppressed: (isOpen ? before.suppressed : 0) + (notice === undefined ? said.count : 0),
  }
  return { alert, notice }
}

function noticeOf(
  before: AlertView | undefined,
  said: AlertRaised,
  now: number,
  rules: AlertRules,
): Notice | undefined {
  if (before === undefined) return 'opened'
  if (before.state === 'open' && rankOf(said.severity) > rankOf(before.severity)) return 'worse'
  const isLately = now < (before.notifiedAt ?? Number.NEGATIVE_INFINITY) + rules.suppressMs
  if (isLately) return undefined
  return before.state === 'open' ? 'again' : 'opened'
}

/** By an agent, by a person, or by `time`. One that is closed already stays as it is. */
export function closed(before: AlertView, at: number, by: string): Change {
  if (before.state === 'closed') return { alert: before, notice: undefined }
  return { alert: { ...before, state: 'closed', closedAt: at, closedBy: by }, notice: 'closed' }
}

export function closedByAgent(before: AlertView, { agentTitle }: AlertClosed, now: number): Change {
  return closed(before, now, agentTitle)
}

/** Nobody has raised it for so long that it is over. */
export function isOver({ state, heardAt }: AlertView, now: number, { closeAfterMs }: AlertRules): boolean {
  return state === 'open' && now >= heardAt + closeAfterMs
}

/** The first ones stay, the later ones give way. */
function entriesOf(before: readonly AlertEntry[], more: readonly AlertEntry[]): AlertEntry[] {
  const all = [...new Map([...before, ...more].map((entry) => [entry.id, entry])).values()]
  return all.length <= MOST_ENTRIES
    ? all
    : [...all.slice(0, MOST_FIRST), ...all.slice(MOST_FIRST - MOST_ENTRIES)]
}

function bytesOf(base64: string | undefined): number {
  return base64 === undefined ? 0 : Buffer.byteLength(base64, 'base64')
}

const MOST_ENTRIES = 20
const MOST_FIRST = 5
const MOST_NODES = 100
