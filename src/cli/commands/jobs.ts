import { Command } from 'commander'
import type { HubClient } from '../../client/hub-client.ts'
import { Mistake } from '../../mistake/mistake.ts'
import type { JobAnswer, JobOrder, JobSelector, JobView } from '../../wire/jobs.ts'
import { findAgent } from '../agent-names.ts'
import { addHubOptions, type HubFlags, withHub } from '../hub-options.ts'
import { note, print, printJson } from '../print.ts'
import { table } from '../table.ts'
import { distance, fitted, plural, printable } from '../text.ts'

interface JobFlags extends HubFlags {
  readonly agent?: string
  readonly tag?: string
  readonly node?: string
  readonly all?: boolean
  readonly json?: boolean
}

export function jobsCommand(): Command {
  const jobs = new Command('jobs').description('See, run and remove the jobs of agents.')
  const orders = [
    order('list', 'All jobs, with their last and next runs.'),
    order('run', 'Run jobs now, beside their times.').option('--all', 'of all agents that have such jobs'),
    order('remove', 'Remove jobs, until their agents are loaded again.').option(
      '--all',
      'of all agents that have such jobs',
    ),
    order('start', 'Start jobs at their times again.'),
    order('stop', 'Start no jobs at their times; they stay.'),
  ]
  for (const command of orders) jobs.addCommand(command)
  return jobs
}

function order(name: JobOrder['order'], description: string): Command {
  const command = new Command(name)
    .description(description)
    .option('--agent <name>', 'of this agent: its identity, index or title')
    .option('--tag <tag>', 'with this tag')
    .option('--node <name>', 'on this node')
    .option('--json', 'print a line of JSON for each job')
    .action((flags: JobFlags) => withHub(flags, (hub) => give(hub, name, flags)))
  return addHubOptions(command)
}

async function give(hub: HubClient, name: JobOrder['order'], flags: JobFlags): Promise<void> {
  const selector = await selectorOf(hub, flags)
  if ((name === 'run' || name === 'remove') && flags.all !== true) await refuseMany(hub, name, selector)
  const answers = await hub.jobs({ order: name, selector })
  const jobs = answers.flatMap((answer) => answer.jobs)
  if (flags.json === true) for (const job of jobs) await printJson({ type: 'job', ...job })
  else if (name === 'list') printJobs(jobs, answers)
  else print(doneText(name, jobs, answers))
}

async function selectorOf(hub: HubClient, { agent, tag, node }: JobFlags): Promise<JobSelector> {
  return {
    ...(agent === undefined ? {} : { agent: findAgent(await hub.agents(), agent).id }),
    ...(tag === undefined ? {} : { tag }),
    ...(node === undefined ? {} : { node }),
  }
}

/** Several agents may have a job with one tag: which one is meant has to be said. */
async function refuseMany(hub: HubClient, name: string, selector: JobSelector): Promise<void> {
  const answers = await hub.jobs({ order: 'list', selector })
  const agents = new Map(
    answers
      .flatMap(({ jobs }) => jobs)
      .map(({ agent, index, title }) => [agent, `${index} "${printable(title)}"`]),
  )
  if (agents.size === 0)
    throw new Mistake('E_NOT_FOUND', 'there is no such job', { hint: 'remora jobs list shows all' })
  if (agents.size === 1) return
  throw new Mistake('E_USAGE', `${agents.size} agents have such jobs: ${[...agents.values()].join(', ')}`, {
    hint: `remora jobs ${name} --agent NAME, or --all for all of them`,
  })
}

function printJobs(jobs: readonly JobView[], answers: readonly JobAnswer[]): void {
  print(jobs.length === 0 ? 'no jobs' : jobsTable(jobs, Date.now()))
  for (const { index, title, tag, node, lastError } of jobs)
    if (lastError !== null)
      print(
        `${index} "${fitted(title, 36)}" ${printable(tag)} on ${printable(node)}: ${printable(lastError)}`,
      )
  const stopped = answers.filter(({ running }) => !running).map(({ node }) => node)
  if (stopped.length > 0) note(`jobs are stopped on ${stopped.join(', ')}; remora jobs start starts them`)
}

export function jobsTable(jobs: readonly JobView[], now: number): string {
  const rows = jobs
    .toSorted(inOrder)
    .map((job) => [
      job.index,
      fitted(job.title, 16),
      fitted(job.tag, 14),
      fitted(job.cron, 14),
      job.scope === 'cluster' ? 'cluster' : fitted(job.node, 10),
      job.limit === 0 ? String(job.runs) : `${job.runs} of ${job.limit}`,
      job.failures,
      job.lastRun === null ? '' : distance(job.lastRun, now),
      nextOf(job, now),
    ])
  const head = ['', 'agent', 'tag', 'cron', 'node', 'runs', 'failed', 'last', 'next']
  return table([head, ...rows], '')
}

function nextOf({ status, nextRun }: JobView, now: number): string {
  if (status !== 'waiting' || nextRun === null) return status
  return nextRun <= now ? 'due' : distance(nextRun, now)
}

function inOrder(one: JobView, other: JobView): number {
  return one.index - other.index || one.tag.localeCompare(other.tag) || one.node.localeCompare(other.node)
}

function doneText(name: JobOrder['order'], jobs: readonly JobView[], answers: readonly JobAnswer[]): string {
  const nodes = new Set(answers.filter((each) => each.jobs.length > 0).map(({ node }) => node)).size
  const what = `${plural(jobs.length, 'job')} on ${plural(nodes, 'node')}`
  if (name === 'start' || name === 'stop')
    return `${DONE[name]} on ${answers.map(({ node }) => node).join(', ')}`
  return `${DONE[name]} ${what}`
}

const DONE = { list: '', run: 'ran', remove: 'removed', start: 'started', stop: 'stopped' } as const
