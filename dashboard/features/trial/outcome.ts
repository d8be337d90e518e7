import type { Effect, TrialOutcome } from '../../../src/wire/trials.ts'
import type { KeptLine } from '../../components/console/line-buffer.ts'
import { formatBytes, formatDuration, formatMicros, formatNumber } from '../../lib/format.ts'

/** What a trial came to, in a few words each: `349 entries`, `3 requests not sent`. */
export interface Finding {
  readonly text: string
  readonly tone: 'plain' | 'good' | 'warn' | 'bad'
}

/** First whether all is well, then how much was done. */
export function findingsOf(outcome: TrialOutcome): readonly Finding[] {
  const { source, effects, marks, faults, cost } = outcome
  const errors = outcome.calls.reduce((sum, each) => sum + each.errors, 0)
  return [
    verdictOf(outcome, errors),
    plain(source.packets > 0 ? `${many(source.packets, 'packet')}, ${entriesOf(source)}` : entriesOf(source)),
    ...(errors > 0 ? [{ text: errorsText(errors, faults.length), tone: 'bad' } as const] : []),
    ...effectFindings(effects),
    ...(marks.list.length > 0 ? [plain(`${many(total(marks), 'entry', 'entries')} marked or changed`)] : []),
    plain(formatDuration(cost.wallMs)),
  ]
}

function verdictOf({ loadError, stopped, ended }: TrialOutcome, errors: number): Finding {
  if (loadError !== undefined) return { text: 'Does not load', tone: 'bad' }
  if (stopped !== undefined) return { text: 'Was stopped', tone: 'bad' }
  if (ended === 'time') return { text: 'Ended after 30 seconds', tone: 'warn' }
  if (ended === 'entries') return { text: 'Ended after 50,000 entries', tone: 'warn' }
  return errors > 0 ? { text: 'Has errors', tone: 'warn' } : { text: 'Ran without errors', tone: 'good' }
}

function entriesOf({ entries }: TrialOutcome['source']): string {
  return many(entries, 'entry', 'entries')
}

/** By what would have become of them. */
function effectFindings(effects: TrialOutcome['effects']): Finding[] {
  const of = (kind: Effect['kind']) => effects.list.filter((effect) => effect.kind === kind).length
  const words: Readonly<Record<Effect['kind'], readonly [string, string]>> = {
    network: ['request not sent', 'requests not sent'],
    file: ['file operation', 'file operations'],
    hub: ['action for the hub', 'actions for the hub'],
    shared: ['reset of shared values', 'resets of shared values'],
  }
  const kinds = Object.entries(words) as [Effect['kind'], readonly [string, string]][]
  return kinds.flatMap(([kind, [one, more]]) => (of(kind) === 0 ? [] : [plain(many(of(kind), one, more))]))
}

function errorsText(errors: number, places: number): string {
  return places > 0 ? `${many(errors, 'error')} at ${many(places, 'place')}` : many(errors, 'error')
}

/** A share of a budget, in words. */
export interface CostLine {
  readonly label: string
  readonly value: string
  readonly words: string
  /** 0 to 1 and beyond, of what is allowed; undefined where nothing is. */
  readonly share: number | undefined
}

/** What an agent costs, and whether that is much. */
export function costOf({ cost, calls, events, stopped }: TrialOutcome): readonly CostLine[] {
  const perEvent = cost.microsPerEvent
  const delivered = events.entries.delivered + events.packets.delivered
  const event = events.packets.delivered > events.entries.delivered ? 'packet' : 'entry'
  const perCall = slowestOf(calls.filter(({ name }) => !name.startsWith('job ')))
  const job = slowestOf(calls.filter(({ name }) => name.startsWith('job ')))
  const budget = cost.budget
  return [
    ...(perEvent === null
      ? []
      : [
          {
            label: `For each ${event}`,
            value: formatMicros(perEvent),
            words: `${formatNumber(delivered)} were delivered. At ${event === 'entry' ? '100' : '10,000'} a second this takes ${coreShare(perEvent, event)} of one core.`,
            share: undefined,
          },
        ]),
    ...(perCall === undefined
      ? []
      : [
          {
            label: 'Slowest hook, on average',
            value: formatMicros(perCall.micros),
            words: `${perCall.name}; one call may take ${formatDuration(budget.hookMs)} of CPU time.`,
            share: perCall.micros / 1000 / budget.hookMs,
          },
        ]),
    ...(job === undefined
      ? []
      : [
          {
            label: 'Slowest job, on average',
            value: formatMicros(job.micros),
            words: `${job.name}; one run may take ${formatDuration(budget.jobMs)}.`,
            share: job.micros / 1000 / budget.jobMs,
          },
        ]),
    {
      label: 'Memory that it holds',
      value: formatBytes(cost.heapBytes),
      words:
        stopped === undefined
          ? `It may hold ${budget.memoryMb} MiB. What grows with the traffic will grow on.`
          : 'It was stopped, and has let go of all that it held.',
      share: cost.heapBytes / (budget.memoryMb << 20),
    },
    ...(cost.peakBytes === 0
      ? []
      : [
          {
            label: 'Memory of the sandbox, at most',
            value: formatBytes(cost.peakBytes),
            words: 'The whole process, which is there for all agents of a node together.',
            share: undefined,
          },
        ]),
    {
      label: 'Time in the agent',
      value: formatDuration(cost.cpuMs),
      words: 'In all, with the time that it waited for helpers.',
      share: undefined,
    },
  ]
}

function coreShare(micros: number, event: string): string {
  const share = (micros * (event === 'entry' ? 100 : 10_000)) / 1e4
  return share < 0.1 ? 'less than 0.1 %' : `${formatNumber(share, share < 10 ? 1 : 0)} %`
}

function slowestOf(
  calls: TrialOutcome['calls'],
): { readonly name: string; readonly micros: number } | undefined {
  const means = calls
    .filter(({ calls: times }) => times > 0)
    .map(({ name, micros, calls: times }) => ({ name, micros: micros / times }))
  return means.sort((a, b) => b.micros - a.micros)[0]
}

/** Lines as consoles show them. */
export function consoleOf({ console, title }: TrialOutcome): readonly KeptLine[] {
  return console.lines.map(({ level, text, at, node, place }, index) => ({
    line: {
      ...{ id: String(index), at, node, agent: TRIED, index: 0, title, level, text },
      ...(place === undefined ? {} : { place }),
    },
    ofAgent: index + 1,
    ofAll: index + 1,
  }))
}

/** JSON as people read it. */
export function prettyJson(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

/** `value` of an argument without its quotes, for a line. */
export function shortValue(json: string): string {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : json
  } catch {
    return json
  }
}

function many(count: number, one: string, more = `${one}s`): string {
  return `${formatNumber(count)} ${count === 1 ? one : more}`
}

function plain(text: string): Finding {
  return { text, tone: 'plain' }
}

function total({ list, dropped }: { readonly list: readonly unknown[]; readonly dropped: number }): number {
  return list.length + dropped
}

/** Identity that lines of a trial have. */
const TRIED = 'trial'
