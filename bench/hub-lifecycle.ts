/**
 * From saving an agent to running it everywhere: a real hub over a real nats-server, and workers that are real but for capture
 * and sandbox, each with a connection of its own. Bar with 50 workers: running everywhere within 2 s.
 *
 *     node bench/hub-lifecycle.ts [workers] [saves] [agents]
 *
 * `answered`: the hub has stored it. `runs`: on the last worker. `shown`: `GET /api/v1/agents` says so of every node. `taken
 * back`: of a version that does not load on one of them, all run the one before; `agreed`: and the hub shows it.
 */
import { setTimeout } from 'node:timers/promises'
import { openHubClient } from '../src/client/open-hub-client.ts'
import type { AgentView } from '../src/wire/views.ts'
import { median, print } from './measure.ts'
import { ended, forkWorkers, machine, shareOfCore, startRealHub, whenTrue } from './real-hub.ts'
import { startSimulatedWorker } from './simulated-worker.ts'

const PROCESSES = 2
const TAKEN_BACK = 5
const PATIENCE_MS = 30_000

interface LoadedMessage {
  readonly node: string
  readonly index: number
  readonly version: number
  readonly text: string
  /** By a clock that all processes share, ms. */
  readonly at: number
}

const now = () => performance.timeOrigin + performance.now()

const [first, ...others] = process.argv.slice(2)
if (first === 'worker') await work(others)
else await measure(Number(first ?? 50), Number(others[0] ?? 30), Number(others[1] ?? 10))

async function work([natsUrl = '', ...nodes]: readonly string[]): Promise<void> {
  const stops = await Promise.all(
    nodes.map((node) =>
      startSimulatedWorker(natsUrl, node, (name, { index, version = 0, source }) => {
        const text = /"(text \d+)"/.exec(source)?.[1] ?? ''
        process.send?.({ node: name, index, version, text, at: now() } satisfies LoadedMessage)
      }),
    ),
  )
  process.send?.('ready')
  process.once('SIGTERM', async () => {
    await Promise.all(stops.map((stop) => stop()))
    process.exit()
  })
}

async function measure(workers: number, saves: number, agents: number): Promise<void> {
  const hub = await startRealHub()
  const client = openHubClient({ url: hub.url, token: undefined })
  const nodes = Array.from({ length: workers }, (_, at) => `node-${at}`)
  const parts = Array.from({ length: PROCESSES }, (_, part) => [
    hub.natsUrl,
    ...nodes.filter((_, at) => at % PROCESSES === part),
  ])
  const children = await forkWorkers(import.meta.filename, parts)
  const running = new Map<string, LoadedMessage>()
  for (const child of children)
    child.on('message', (message: LoadedMessage) => running.set(`${message.node} ${message.index}`, message))
  try {
    console.log(`${workers} workers in ${PROCESSES} processes, ${agents} agents; ${machine()}`)
    const all = await createAgents(client, agents)
    await whenTrue(() => running.size === workers * agents, PATIENCE_MS)
    await sayCost('when nothing changes', hub)
    const agent = all[0] as AgentView
    const bench = { client, agent, nodes, running }
    const saved = []
    for (let at = 0; at < saves; at++) {
      saved.push(await save(bench, at + 1))
      await setTimeout(Math.random() * 1000)
    }
    const taken = []
    for (let at = 0; at < TAKEN_BACK; at++) {
      taken.push(await takeBack(bench, saves + 1 + at, nodes[(at * 7) % nodes.length] as string))
      await setTimeout(Math.random() * 1000)
    }
    print([
      ['ms', 'n', 'p50', 'p95', 'max'],
      ...rows(saved, ['answered', 'runs', 'shown']),
      ...rows(taken, ['taken back', 'agreed']),
    ])
    const abort = new AbortController()
    const events = { lost: () => {}, restored: () => {} }
    const following = drain(client.followAgents(events, abort.signal))
    await sayCost('when somebody watches the agents', hub)
    abort.abort()
    await following
    console.log(machine())
  } finally {
    await client.close()
    await Promise.all(children.map((child) => ended(child, 'SIGTERM')))
    await hub.close()
  }
}

interface Bench {
  readonly client: ReturnType<typeof openHubClient>
  readonly agent: AgentView
  readonly nodes: readonly string[]
  readonly running: ReadonlyMap<string, LoadedMessage>
}

async function createAgents(client: Bench['client'], count: number): Promise<AgentView[]> {
  const views: AgentView[] = []
  for (let at = 0; at < count; at++)
    views.push(await client.createAgent({ title: `Agent ${at}`, code: codeOf(0), active: true }))
  return views
}

/** Like those that people write: it reads a few fields and helpers. */
function codeOf(number: number, refusedOn = ''): string {
  return `// refused on ${refusedOn};
var text = "text ${number}"
var counts = {}
function onItemCaptured(data) {
  if (data.protocol.name !== "http") return
  var key = data.dst.name + " " + data.response.status + "refused on ${refusedOn};"
  counts[key] = (counts[key] || 0) + 1
}
jobs.schedule("report", "*/30 * * * * *", function () { console.log(JSON.stringify(counts)) })
`
}

async function save(bench: Bench, number: number): Promise<Record<string, number>> {
  const { client, agent } = bench
  const begun = now()
  const { version } = await client.updateAgent(agent.id, { code: codeOf(number) })
  const answered = now() - begun
  const shown = isShown(bench, version, begun)
  await whenTrue(() => runsEverywhere(bench, version, `text ${number}`), PATIENCE_MS)
  const runs = lastLoad(bench) - begun
  return { answered, runs, shown: await shown }
}

async function takeBack(bench: Bench, number: number, node: string): Promise<Record<string, number>> {
  const { client, agent, running, nodes } = bench
  const before = running.get(`${nodes[0]} ${agent.index}`)?.text ?? ''
  const begun = now()
  const { version } = await client.updateAgent(agent.id, { code: codeOf(number, node) })
  const agreed = isShown(bench, version + 1, begun)
  await whenTrue(() => runsEverywhere(bench, version + 1, before), PATIENCE_MS)
  return { 'taken back': lastLoad(bench) - begun, agreed: await agreed }
}

function runsEverywhere({ nodes, running, agent }: Bench, version: number, text: string): boolean {
  return nodes.every((node) => {
    const loaded = running.get(`${node} ${agent.index}`)
    return loaded?.version === version && loaded.text === text
  })
}

function lastLoad({ nodes, running, agent }: Bench): number {
  return Math.max(...nodes.map((node) => running.get(`${node} ${agent.index}`)?.at ?? Number.NaN))
}

/** How long until the hub says it of all workers, and of itself. */
async function isShown({ client, agent, nodes }: Bench, version: number, begun: number): Promise<number> {
  await whenTrue(async () => {
    const shown = (await client.agent(agent.id)).nodes.filter(
      (each) => each.version === version && each.state === 'running',
    )
    await setTimeout(20)
    return shown.length === nodes.length + 1
  }, PATIENCE_MS)
  return now() - begun
}

async function sayCost(when: string, { pid, natsPid }: { pid: number; natsPid: number }): Promise<void> {
  await setTimeout(3000)
  const [hub, nats] = await Promise.all([shareOfCore(pid, 10_000), shareOfCore(natsPid, 10_000)])
  console.log(`${when}: hub ${hub.toFixed(3)} of a core, nats-server ${nats.toFixed(3)}`)
}

async function drain(all: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of all);
}

function rows(samples: readonly Record<string, number>[], names: readonly string[]): string[][] {
  return names.map((name) => {
    const all = samples.map((each) => each[name] ?? Number.NaN).sort((a, b) => a - b)
    const at = (share: number) => (all[Math.ceil(share * all.length) - 1] ?? Number.NaN).toFixed(0)
    return [name, String(all.length), median(all).toFixed(0), at(0.95), at(1)]
  })
}
