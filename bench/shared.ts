/**
 * What `cluster.*` costs: nanoseconds of one call of `add` in a job that does nothing else, in a real sandbox, less those of
 * the loop around it, beside the call of a helper that does nothing (`utils.nodeName`); then what applying, writing and
 * reading takes outside. `node bench/shared.ts`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readAgents } from '../src/agent/agents.ts'
import { SandboxLauncher } from '../src/agent/launcher.ts'
import { configOf } from '../src/cli/options.ts'
import { entryProtocols } from '../src/dissectors/index.ts'
import { readShared } from '../src/shared-state/kinds.ts'
import { TopKeys } from '../src/shared-state/top-keys.ts'
import { SharedState } from '../src/store/shared-state.ts'
import { Broker } from '../src/worker/broker.ts'
import { Run } from '../src/worker/run.ts'
import { runOptions } from '../src/worker/run-options.ts'
import { print } from './measure.ts'

const SAMPLE = fileURLToPath(new URL('../samples/sample.pcap', import.meta.url))
const CALLS = 100_000
const BODIES = {
  nothing: '',
  'utils.nodeName()': 'utils.nodeName()',
  'cluster.counter.add': "cluster.counter.add('calls')",
  'cluster.topk.add': "cluster.topk.add('clients', keys[n & 1023])",
  'cluster.unique.add': "cluster.unique.add('clients', keys[n & 1023])",
  'cluster.quantile.add': "cluster.quantile.add('latency', n)",
}

const folder = mkdtempSync(join(tmpdir(), 'remora-bench-'))
try {
  print(await adds())
  print(outside())
} finally {
  rmSync(folder, { recursive: true })
}

/** One agent for each; its account says how long its jobs took. */
async function adds(): Promise<string[][]> {
  const files = Object.entries(BODIES).map(([name, body], at) => {
    const file = join(folder, `${at}.js`)
    writeFileSync(file, agentFor(name, body))
    return file
  })
  const { config } = configOf({ set: [`scripting.data=${join(folder, 'data')}`] })
  const broker = new Broker(config, 'bench')
  const options = runOptions(config, {
    source: { path: SAMPLE },
    agents: readAgents(files, { language: 'es5', protocols: entryProtocols }),
    launcher: new SandboxLauncher(),
    broker,
    nodeName: 'bench',
    finalRun: false,
    hub: 'never',
    query: null,
    verifyChecksums: false,
  })
  const { agents } = await new Run(options, {
    line: ({ text, level }) => level === 'error' && console.error(text),
    entry: () => {},
    progress: () => {},
    learned: () => {},
    call: (call) => broker.call(call),
    shared: (...added) => broker.share(...added),
  }).run()
  await broker.close()
  const nanos = agents.map(({ account }) => (account.micros * 1000) / (account.jobRuns * CALLS))
  const [loop = 0] = nanos
  return agents.map(({ agent }, at) => [agent.title, `${((nanos[at] ?? 0) - loop).toFixed(0)} ns`])
}

function agentFor(name: string, body: string): string {
  return `// ${name}
var keys = []
for (var k = 0; k < 1024; k++) keys.push('10.0.' + (k >> 8) + '.' + (k & 255))
jobs.schedule('many', '*/10 * * * * *', function () { for (var n = 0; n < ${CALLS}; n++) { ${body} } })`
}

/** What a batch of a busy agent, and what a read of a hundred nodes takes on the main thread. */
function outside(): string[][] {
  const top = new TopKeys()
  for (let at = 0; at < 1000; at++) top.add(`10.0.${at >> 8}.${at & 255}`, at + 1)
  const json: unknown = JSON.parse(JSON.stringify(top))
  const state = new SharedState({ node: 'a', boot: 'b' })
  const agent = { id: 'id', title: 'bench' }
  const parts = Array.from({ length: 100 }, () => readShared('topk', json))
  return [
    ['apply one counter', time(() => state.apply(agent, [{ kind: 'counter', name: 'calls', value: 1 }]))],
    [
      'apply 1,000 keys',
      time(() => state.apply(agent, [{ kind: 'topk', name: 'clients', value: json }]), 200),
    ],
    ['read a counter', time(() => state.of(agent).counter('calls'))],
    ['read the top 10 of 1,000 keys', time(() => state.of(agent).top('clients', 10), 200)],
    [
      'merge 1,000 keys of 100 nodes',
      time(() => {
        const all = new TopKeys()
        for (const part of parts) if (part !== undefined) all.merge(part)
      }, 20),
    ],
  ]
}

function time(run: () => void, times = 20_000): string {
  for (let n = 0; n < times / 10; n++) run()
  const began = performance.now()
  for (let n = 0; n < times; n++) run()
  return `${(((performance.now() - began) * 1000) / times).toFixed(1)} µs`
}
