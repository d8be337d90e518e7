import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { REPOSITORY, remora, withFiles } from '../../src/testing/remora.ts'
import type { Effect } from '../../src/wire/trials.ts'
import { shopTraffic } from './traffic.ts'

/** Agents with the shape of those that are public, and with their own bugs. */
export const AGENTS = join(REPOSITORY, 'test/public-agents/agents')

/** What became of agents on the traffic, once as on a worker and once as on a hub. */
export interface Outcome {
  readonly lines: readonly Line[]
  /** What would have been sent, with `dryRun`. */
  readonly effects: readonly Effect[]
  readonly entries: readonly Entry[]
  readonly agents: readonly AgentSummary[]
  readonly discrepancies: readonly string[]
  readonly restarts: number
  readonly code: number | null
  readonly stderr: string
}

interface Line {
  readonly node: string
  readonly index: number
  readonly level: string
  readonly text: string
}

interface Entry {
  readonly protocol: { readonly name: string }
  readonly response: { readonly status?: number } | null
  readonly passed: boolean
  readonly failed: boolean
}

interface AgentSummary {
  readonly index: number
  readonly title: string
  readonly file: string
  readonly component: string
  readonly state: string
  readonly reason: string
  readonly calls: number
  readonly errors: number
  readonly jobRuns: number
}

export interface Loading {
  readonly env?: Readonly<Record<string, string>>
  /** Records effects instead of having them; true by default. */
  readonly dryRun?: boolean
  readonly entries?: boolean
  readonly set?: readonly string[]
  /** Text of an agent, changed: for what people are meant to switch on in it. */
  readonly edit?: (code: string) => string
}

/** Runs files, or folders of them, by the real program. Paths are those below `AGENTS`. */
export async function outcomeOf(paths: readonly string[], loading: Loading = {}): Promise<Outcome> {
  const { env = {}, dryRun = true, entries = false, set = [], edit } = loading
  return await withFiles({ 'remora.yaml': '' }, async (folder) => {
    writeFileSync(join(folder, 'shop.pcap'), shopTraffic())
    const { code, stdout, stderr } = await remora(
      [
        'run',
        ...paths.map((path) => (edit === undefined ? join(AGENTS, path) : edited(folder, path, edit))),
        ...['--pcap', 'shop.pcap', '--json', '--hub', 'always', '--node-name', 'w1', '--no-final-run'],
        ...(dryRun ? ['--dry-run'] : []),
        ...(entries ? ['--entries'] : []),
        ...Object.entries(env).flatMap(([name, value]) => ['--set-string', `scripting.env.${name}=${value}`]),
        ...set.flatMap((each) => ['--set', each]),
      ],
      { cwd: folder },
    )
    return { ...told(stdout), code, stderr }
  })
}

function edited(folder: string, path: string, edit: (code: string) => string): string {
  const target = join(folder, path.replaceAll('/', '-'))
  writeFileSync(target, edit(readFileSync(join(AGENTS, path), 'utf8')))
  return target
}

function told(stdout: string): Omit<Outcome, 'code' | 'stderr'> {
  const all = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
  const of = (type: string) => all.filter((each) => each.type === type)
  const [summary] = of('summary')
  return {
    lines: of('console').filter(({ text }) => !String(text).startsWith('Scheduled the job: ')),
    effects: of('effect'),
    entries: of('entry').map(({ entry }) => entry),
    agents: summary?.agents ?? [],
    discrepancies: summary?.ledger.discrepancies ?? ['there is no summary'],
    restarts: summary?.restarts ?? 0,
  }
}
