/**
 * What it costs a worker to remember who has connected to whom: µs of CPU for each entry, in all threads and in the main one, beside what
 * it costs to keep the entry.
 *
 *     node bench/flows.ts [entries]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { SeenEntries } from '../src/policy/seen.ts'
import { openEntryReader, openEntryWriter } from '../src/store/entries/index.ts'
import { FlowLog } from '../src/store/flow-log.ts'
import { varied } from '../src/testing/varied-entries.ts'
import { Flows } from '../src/worker/flows.ts'
import { median, print } from './measure.ts'
import { sampleEntries } from './sample-entries.ts'

interface Cost {
  readonly all: number
  readonly main: number
  readonly seen: number
}

const count = Number(process.argv[2] ?? 100_000)
const BATCH = 1000
const ROUNDS = 3
const entries = [...varied(sampleEntries(), count, 1)]
const [without, withLog]: [Cost[], Cost[]] = [[], []]
for (let round = 0; round < ROUNDS; round++) {
  without.push(await keep(false))
  withLog.push(await keep(true))
}
const of = (costs: readonly Cost[], which: 'all' | 'main') => median(costs.map((each) => each[which]))
const row = (what: string, which: 'all' | 'main') => {
  const [before, after] = [of(without, which), of(withLog, which)]
  return [what, before.toFixed(1), after.toFixed(1), `${(((after - before) / before) * 100).toFixed(0)} %`]
}
const reader = new SeenEntries()
const requests = entries.filter(({ json }) => reader.read(JSON.parse(json))?.isReport === false).length
const found = withLog.map(({ seen }) => seen).join(', ')
console.log(`${count} entries, ${requests} of them requests; in the log after each round: ${found}`)
print([
  ['µs an entry', 'kept', 'and remembered', 'more'],
  row('all threads', 'all'),
  row('main thread', 'main'),
])

/** Keeps all of them, as fast as they come by in a worker that is not behind. */
async function keep(remembers: boolean): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), 'remora-bench-flows-'))
  const writer = openEntryWriter({ folder: join(folder, 'entries'), ttlMs: 1e12, mostBytes: 1e12 })
  const reader = openEntryReader({ folder: join(folder, 'entries'), prefer: 'kfl2', macros: {} })
  const log = new FlowLog({ folder: join(folder, 'flows'), mostBytes: 64 << 20, keepMs: 1e12 })
  const cluster = { onChanges: () => () => {} }
  const flows = remembers ? new Flows({ reader, log, cluster }, (error) => console.error(error)) : undefined
  // The thread that follows takes a moment to begin.
  const begun = await reader.connections()
  await sleep(500)
  begun.stop()
  const [all, main] = [process.cpuUsage(), process.threadCpuUsage()]
  for (let at = 0; at < entries.length; at += BATCH) {
    for (const { atMs, json } of entries.slice(at, at + BATCH)) writer.append(atMs, json)
    await writer.flush()
    await sleep(60)
  }
  await sleep(1500)
  const spent = { all: process.cpuUsage(all), main: process.threadCpuUsage(main) }
  const seen = remembers ? requestsIn(log) : 0
  if (flows === undefined) log.close()
  await flows?.close()
  await reader.close()
  await writer.close()
  rmSync(folder, { recursive: true })
  return { all: each(spent.all), main: each(spent.main), seen }
}

function requestsIn(log: FlowLog): number {
  let sum = 0
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page = log.page(0, after)
    for (const flow of page.flows) sum += flow.count
    after = page.next
  }
  return sum
}

function each({ user, system }: NodeJS.CpuUsage): number {
  return (user + system) / count
}
