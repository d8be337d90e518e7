/**
 * How soon a store of agents answers when it has many: a folder, NATS, and a config map, whose API server is a fake in this
 * process, so that its work counts, too.
 *
 *     node bench/store.ts [agents] [saves]
 *
 * `create`, `save`, `list`: until they are done. `watch`: from a save to the news of it at another program's store.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { agentTitle } from '../src/agent/source/title.ts'
import { openNatsBus } from '../src/bus/nats.ts'
import { KubernetesClient } from '../src/kubernetes/client.ts'
import type { AgentStore } from '../src/store/agent-store.ts'
import { openBucketStore } from '../src/store/bucket-shelf.ts'
import { openConfigMapStore } from '../src/store/config-map/config-map-shelf.ts'
import { openFolderStore } from '../src/store/folder/folder-shelf.ts'
import { freePort, untilListening } from '../src/testing/ports.ts'
import type { AgentRecord } from '../src/wire/agents.ts'
import { BUCKETS } from '../src/wire/subjects.ts'
import { FakeKubernetes } from '../test/kube/fake-kubernetes.ts'
import { median, print } from './measure.ts'
import { ended, machine, natsSettings } from './real-hub.ts'

type Open = () => Promise<AgentStore>

const agents = Number(process.argv[2] ?? 500)
const saves = Number(process.argv[3] ?? 20)
const rules = { titleOf: agentTitle, keep: 20, now: () => new Date(), warn: console.error }
const ends: (() => unknown)[] = []
const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
async function natsStores(): Promise<Open> {
  const port = await freePort()
  const server = spawn(
    'nats-server',
    ['-a', '127.0.0.1', '-p', `${port}`, '-js', '-sd', join(folder, 'nats')],
    {
      stdio: 'ignore',
    },
  )
  ends.push(() => ended(server, 'SIGTERM'))
  await untilListening(port, server)
  return async () => {
    const bus = await openNatsBus({ settings: natsSettings(`nats://127.0.0.1:${port}`) })
    ends.push(() => bus.close())
    return openBucketStore(await bus.bucket({ name: BUCKETS.agents }), {
      ...rules,
      description: bus.description,
    })
  }
}

async function configMapStores(): Promise<Open> {
  const fake = await FakeKubernetes.start({ after: (end) => void ends.push(end as () => unknown) })
  return async () => {
    const client = new KubernetesClient(fake.access())
    ends.push(() => client.close())
    return openConfigMapStore({ ...rules, client, name: 'remora-config-map' })
  }
}

async function measure(name: string, open: Open): Promise<string[]> {
  const [store, other] = [await open(), await open()]
  const begun = performance.now()
  for (let at = 0; at < agents; at++) await store.create({ title: `Agent ${at}`, code: codeOf(at) }, 'bench')
  const created = (performance.now() - begun) / agents
  const news = new News(other)
  await news.has((records) => records.length === agents)
  const lists: number[] = []
  for (let at = 0; at < 5; at++) lists.push(await timed(() => store.list()))
  const records = await store.list()
  const [saved, watched]: [number[], number[]] = [[], []]
  const cpu = process.cpuUsage()
  for (let at = 0; at < saves; at++) {
    const { id = '' } = records[(at * 37) % records.length] ?? {}
    const from = performance.now()
    const { version } = await store.update(id, { code: codeOf(agents + at) }, 'bench')
    saved.push(performance.now() - from)
    await news.has((all) => all.some((each) => each.id === id && each.version === version))
    watched.push(performance.now() - from)
  }
  const { user, system } = process.cpuUsage(cpu)
  await news.close()
  await Promise.all([store.close(), other.close()])
  const ms = (time: number) => `${time.toFixed(1)} ms`
  const both = (all: readonly number[]) => [ms(median(all)), ms(Math.max(...all))]
  const cpuEach = ms((user + system) / 1000 / saves)
  return [name, ms(created), ms(median(lists)), ...both(saved), ...both(watched), cpuEach]
}

/** What the watch of a store has told last. */
class News {
  readonly #end = new AbortController()
  readonly #watching: Promise<void>
  #last: readonly AgentRecord[] = []
  #told = () => {}

  constructor(store: AgentStore) {
    this.#watching = this.#watch(store)
  }

  async has(isThere: (records: readonly AgentRecord[]) => boolean): Promise<void> {
    while (!isThere(this.#last))
      await new Promise<void>((resolve) => {
        this.#told = resolve
      })
  }

  async close(): Promise<void> {
    this.#end.abort()
    await this.#watching
  }

  async #watch(store: AgentStore): Promise<void> {
    for await (const records of store.watch(this.#end.signal)) {
      this.#last = records
      this.#told()
    }
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** About half a kilobyte: a config map has room for a thousand of them. */
function codeOf(number: number): string {
  return `// Agent of the benchmark
var text = "text ${number}"
var counts = {}
function onItemCaptured(data) {
  if (data.protocol.name !== "http") return
  var key = data.dst.name + " " + data.response.status
  counts[key] = (counts[key] || 0) + 1
}
jobs.schedule("report", "*/30 * * * * *", function () { console.log(JSON.stringify(counts)) })
`
}

// Behind the class, which is not there before.
try {
  console.log(`${agents} agents; ${machine()}`)
  const rows = [['store', 'create', 'list', 'save p50', 'save max', 'watch p50', 'watch max', 'CPU a save']]
  rows.push(
    await measure('folder', async () => openFolderStore({ ...rules, folder: join(folder, 'agents') })),
  )
  rows.push(await measure('NATS', await natsStores()))
  rows.push(await measure('config map', await configMapStores()))
  print(rows)
  console.log(machine())
} finally {
  for (const end of ends.reverse()) await end()
  rmSync(folder, { recursive: true, force: true })
}
