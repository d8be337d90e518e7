import type { JobAnswer, JobView } from '../../../src/wire/jobs.ts'

/** Jobs of one agent, by tag. */
export interface JobGroup {
  readonly agent: string
  readonly index: number
  readonly title: string
  readonly tags: readonly JobTag[]
}

/** The jobs of an agent with one tag: one on each node, or one for all. */
export interface JobTag {
  readonly tag: string
  readonly jobs: readonly JobView[]
}

/** Whether a node starts jobs at their times. */
export interface NodeScheduler {
  readonly node: string
  readonly isRunning: boolean
}

export interface JobTotals {
  readonly jobs: number
  readonly running: number
  readonly paused: number
  readonly failing: number
}

/** All jobs, in the order of their agents, tags and nodes, as far as every word that is looked for stands in them. */
export function groupsOf(answers: readonly JobAnswer[], searched = ''): readonly JobGroup[] {
  const jobs = answers.flatMap((answer) => answer.jobs).filter((job) => hasWords(job, searched))
  const ordered = jobs.toSorted(
    (one, other) => one.index - other.index || compare(one.tag, other.tag) || compare(one.node, other.node),
  )
  return [...Map.groupBy(ordered, ({ agent }) => agent)].map(([agent, own]) => ({
    agent,
    index: own[0]?.index ?? 0,
    title: own[0]?.title ?? '',
    tags: [...Map.groupBy(own, ({ tag }) => tag)].map(([tag, jobs]) => ({ tag, jobs })),
  }))
}

export function schedulersOf(answers: readonly JobAnswer[]): readonly NodeScheduler[] {
  return answers
    .map(({ node, running }) => ({ node, isRunning: running }))
    .toSorted((one, other) => compare(one.node, other.node))
}

export function totalsOf(answers: readonly JobAnswer[]): JobTotals {
  const jobs = answers.flatMap((answer) => answer.jobs)
  const count = (holds: (job: JobView) => boolean) => jobs.filter(holds).length
  return {
    jobs: jobs.length,
    running: count(({ status }) => status === 'running'),
    paused: count(({ status }) => status === 'paused'),
    failing: count(({ lastError }) => lastError !== null),
  }
}

/** What was done, in a sentence. */
export function orderDone(order: 'run' | 'remove' | 'start' | 'stop', answers: readonly JobAnswer[]): string {
  const nodes = answers.map(({ node }) => node).join(', ')
  if (nodes === '') return 'No node answered'
  const { length } = answers.flatMap(({ jobs }) => jobs)
  const jobs = `${length} job${length === 1 ? '' : 's'}`
  switch (order) {
    case 'run':
      return `Asked ${jobs} to run`
    case 'remove':
      return `Deleted ${jobs}`
    case 'start':
      return `Started on ${nodes}`
    case 'stop':
      return `Stopped on ${nodes}`
  }
}

/** Nodes that are there and have not answered. */
export function silentNodes(nodes: readonly string[], answers: readonly JobAnswer[]): readonly string[] {
  return [...new Set(nodes)].filter((name) => !answers.some(({ node }) => node === name)).toSorted(compare)
}

/** Of a job among all: several agents may have its tag, each node may have one of its own. */
export function jobKey({ agent, tag, node, scope }: JobView): string {
  return JSON.stringify(scope === 'cluster' ? [agent, tag] : [agent, tag, node])
}

/** `in 12 s`, `in 3 min 5 s`, `in 2 h 5 min`, `in 3 d 4 h`; `now` when it is due. */
export function countdown(at: number, now: number): string {
  const seconds = Math.ceil((at - now) / 1000)
  return seconds <= 0 ? 'now' : `in ${span(seconds)}`
}

/** `12 s ago` */
export function since(at: number, now: number): string {
  const seconds = Math.floor((now - at) / 1000)
  return seconds <= 0 ? 'just now' : `${span(seconds)} ago`
}

/** `0.4 ms`, `35 ms`, `1.2 s`, `3 min 5 s` */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`
  if (ms < 1000) return `${Math.round(ms)} ms`
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : span(Math.round(ms / 1000))
}

/** The two largest units of a time. */
function span(seconds: number): string {
  for (const [at, [unit, size]] of UNITS.entries()) {
    if (seconds < size) continue
    const [below, smaller] = UNITS[at + 1] ?? ['', 0]
    const rest = smaller === 0 ? 0 : Math.floor((seconds % size) / smaller)
    return `${Math.floor(seconds / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${below}`}`
  }
  return '0 s'
}

function hasWords({ title, tag, node, cron, scope }: JobView, searched: string): boolean {
  const text = `${title} ${tag} ${node} ${cron} ${scope === 'cluster' ? 'cluster' : ''}`.toLowerCase()
  return searched
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word))
}

function compare(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true })
}

const UNITS: readonly (readonly [unit: string, seconds: number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
]
