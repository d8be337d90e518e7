import assert from 'node:assert/strict'
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
  readonly request: { readonly headers?: Readonly<Record<string, string>> } | null
  readonly response: { readonly status?: number; readonly content?: { readonly text: string } } | null
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
  /** A capture; that of the shop by default. */
  readonly traffic?: Buffer
  /** Text of an agent, changed: for what people are meant to switch on in it. */
  readonly edit?: (code: string) => string
}

/** Runs files, or folders of them, by the real program. Paths are those below `AGENTS`. */
export async function outcomeOf(paths: readonly string[], loading: Loading = {}): Promise<Outcome> {
  const { env = {}, dryRun = true, entries = false, set = [], traffic = shopTraffic(), edit } = loading
  return await withFiles({ 'remora.yaml': JSON.stringify({ scripting: { env } }) }, async (folder) => {
    writeFileSync(join(folder, 'shop.pcap'), traffic)
    const { code, stdout, stderr } = await remora(
      [
        'run',
        ...paths.map((path) => (edit === undefined ? join(AGENTS, path) : edited(folder, path, edit))),
        ...['--pcap', 'shop.pcap', '--json', '--hub', 'always', '--node-name', 'w1', '--no-final-run'],
        ...(dryRun ? ['--dry-run'] : []),
        ...(entries ? ['--entries'] : []),
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

/** What agents find in `env`. None of it may be seen anywhere but where it belongs. */
export const ENV = {
  APICALLS_KFL: 'http and response.status == 500',
  RECORDING_KFL: 'http',
  APICALLS_S3_BUCKET: 'calls',
  S3_BUCKET: 'caps',
  AWS_REGION: 'eu-west-1',
  SLACK_AUTH_TOKEN: 'xoxb-planted',
  SLACK_CHANNEL_ID: 'C0123456789',
  INFLUXDB_URL: 'http://127.0.0.1:9',
  INFLUXDB_TOKEN: 'planted-influx',
  INFLUXDB_ORGANIZATION: 'shop',
  INFLUXDB_ORG: 'shop',
  INFLUXDB_BUCKET: 'calls',
  INFLUXDB_MEASUREMENT: 'calls',
  ZAP_SERVER_URL: 'http://127.0.0.1:9',
  ZAP_APIKEY: 'planted-zap',
}

/** Loads a file on a worker and on a hub; nothing of the engine may go wrong, whatever the agent does. */
export async function load(path: string, loading: Loading = {}): Promise<Outcome> {
  const outcome = await outcomeOf([path], { ...loading, env: { ...ENV, ...loading.env } })
  assert.equal(outcome.code, 0, outcome.stderr)
  assert.deepEqual(outcome.discrepancies, [])
  assert.equal(outcome.restarts, 0)
  assert.deepEqual(
    outcome.agents.map(({ component }) => component),
    ['worker', 'hub'],
  )
  return outcome
}

/** `w1: text`, and `w1 error: text` for levels other than `log`. */
export function said({ lines }: Outcome, node = ''): string[] {
  return lines
    .filter((line) => line.node.startsWith(node))
    .map(({ node, level, text }) => `${node}${level === 'log' ? '' : ` ${level}`}: ${text}`)
}

/** What helpers were asked for, without those that only prepare. */
export function sent({ effects }: Outcome, helper: string): Readonly<Record<string, string>>[] {
  return effects
    .filter((effect) => effect.helper === helper)
    .map(({ arguments: given }) => Object.fromEntries(given.map(({ name, value }) => [name, value])))
}

export function states({ agents }: Outcome): string[] {
  return agents.map(({ state }) => state)
}

export function titleOf({ agents }: Outcome): string | undefined {
  return agents[0]?.title
}
