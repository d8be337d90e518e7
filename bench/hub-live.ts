/**
 * Entries a second through a whole hub: workers publish as real ones do, over a real nats-server, to a real hub, from which
 * clients take them over WebSockets. Says what the process of the hub costs, and what its memory does. Bar: 20,000 a second
 * on one core at most, memory flat over ten minutes. Entries have 1 KB, or are whole ones of the sample: 3 KB.
 *
 *     node bench/hub-live.ts [--rate 20000] [--minutes 0.5] [--viewers 1] [--workers 10] [--whole] [--node-flag --cpu-prof]
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import type { Bus } from '../src/bus/bus.ts'
import { openNatsBus } from '../src/bus/nats.ts'
import type { EntryReader, StoredEntry } from '../src/store/entries/entry-store.ts'
import { varied } from '../src/testing/varied-entries.ts'
import { LiveQueries } from '../src/worker/live-queries.ts'
import { print } from './measure.ts'
import { cpuMsOf, ended, forkWorkers, machine, natsSettings, residentMb, startRealHub } from './real-hub.ts'
import { sampleEntries } from './sample-entries.ts'

/** Entries that workers send over and over. */
const POOL = 20_000
const ENTRY_BYTES = 1024
/** How often new ones become visible in the store of a worker. */
const FLUSH_MS = 50

const [first, ...others] = process.argv.slice(2)
if (first === 'worker') await work(others)
else if (first === 'view') view(others[0] ?? '')
else await measure()

async function work([
  natsUrl = '',
  count = '1',
  perSecond = '1',
  isWhole = '',
]: readonly string[]): Promise<void> {
  const pool = [...varied(sampleEntries(), POOL, 1)].map(isWhole === 'whole' ? (each) => each : cut)
  const buses: Bus[] = []
  const live: LiveQueries[] = []
  const read = { entries: 0 }
  for (let at = 0; at < Number(count); at++) {
    const bus = await openNatsBus({ settings: natsSettings(natsUrl) })
    const reader = readerOf(pool, Number(perSecond) / Number(count), read)
    const redact = (_: string, entries: readonly string[]) => Promise.resolve(entries)
    live.push(new LiveQueries({ bus, reader, redact, node: `node-${at}` }))
    buses.push(bus)
  }
  const bytes = pool.reduce((sum, { json }) => sum + json.length, 0) / pool.length
  process.send?.({ bytes })
  process.on('message', () => {
    const sum = (of: (each: LiveQueries) => number) => live.reduce((all, each) => all + of(each), 0)
    const bus = buses.flatMap(({ dropped }) => Object.entries(dropped))
    process.send?.({
      read: read.entries,
      sent: sum(({ sent }) => sent),
      dropped: sum(({ dropped }) => dropped),
      bus,
    })
  })
}

/** Without what it carries, but for a piece, so that it has 1 KB. */
function cut({ atMs, json }: StoredEntry): StoredEntry {
  const { request, response, protocol, ...rest } = JSON.parse(json) as Record<string, unknown>
  const head = JSON.stringify({ ...rest, request: null, response: null, data: { text: '' } })
  const text = JSON.stringify({ request, response }).replaceAll(/["\\]/g, ' ')
  const carried = text.repeat(10).slice(0, Math.max(ENTRY_BYTES - head.length, 0))
  return { atMs, json: `${head.slice(0, -'"}}'.length)}${carried}"}}` }
}

/** The store of a worker whose capture brings so many entries a second. */
function readerOf(pool: readonly StoredEntry[], perSecond: number, read: { entries: number }): EntryReader {
  return {
    page: () => Promise.reject(new Error('nobody asks for pages here')),
    counters: { unreadable: 0, damagedColumns: 0 },
    close: () => Promise.resolve(),
    async *follow(_, signal) {
      const begun = performance.now()
      for (let at = 0; !signal.aborted; ) {
        await setTimeout(FLUSH_MS)
        const due = Math.floor(((performance.now() - begun) / 1000) * perSecond)
        const entries = Array.from(
          { length: due - at },
          (_, n) => pool[(at + n) % pool.length] as StoredEntry,
        )
        at = due
        read.entries += entries.length
        yield { entries, dropped: 0 }
      }
    },
  }
}

/** Takes everything and reads only the heads: what a client costs is not of interest here. */
function view(url: string): void {
  const seen = { entries: 0, dropped: 0, bytes: 0 }
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/stream`)
  socket.on('open', () => socket.send(JSON.stringify({ subscribe: 'entries', id: 'e', filter: '' })))
  socket.on('message', (data: Buffer) => {
    seen.bytes += data.length
    const head = data.toString('latin1', 0, 300)
    seen.entries += Number(/"count":(\d+)/.exec(head)?.[1] ?? 0)
    seen.dropped += Number(/"dropped":(\d+)/.exec(head)?.[1] ?? 0)
  })
  socket.on('close', () => process.exit())
  process.on('message', () => process.send?.(seen))
}

async function measure(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rate: { type: 'string', default: '20000' },
      minutes: { type: 'string', default: '0.5' },
      viewers: { type: 'string', default: '1' },
      workers: { type: 'string', default: '10' },
      whole: { type: 'boolean', default: false },
      'node-flag': { type: 'string', multiple: true, default: [] },
    },
  })
  const rate = Number(values.rate)
  const hub = await startRealHub({ flags: values['node-flag'] })
  const [worker] = await forkWorkers(import.meta.filename, [
    [hub.natsUrl, values.workers, values.rate, values.whole ? 'whole' : ''],
  ])
  const viewers = Array.from({ length: Number(values.viewers) }, () =>
    fork(import.meta.filename, ['view', hub.url]),
  )
  const ask = async () => {
    const answers = viewers.map(async (each) => {
      each.send('?')
      const [answer] = await once(each, 'message')
      return answer as { entries: number; dropped: number; bytes: number }
    })
    const seen = await Promise.all(answers)
    return {
      at: performance.now(),
      cpuMs: cpuMsOf(hub.pid),
      natsMs: cpuMsOf(hub.natsPid),
      memory: residentMb(hub.pid),
      entries: seen.reduce((sum, { entries }) => sum + entries, 0) / seen.length,
      dropped: seen.reduce((sum, { dropped }) => sum + dropped, 0) / seen.length,
      bytes: seen.reduce((sum, { bytes }) => sum + bytes, 0) / seen.length,
    }
  }
  try {
    console.log(`${rate} entries/s of ${values.workers} workers to ${viewers.length} viewers; ${machine()}`)
    await setTimeout(5000)
    const samples = [await ask()]
    const everyMs = Math.max(Number(values.minutes) * 3000, 5000)
    const until = performance.now() + Number(values.minutes) * 60_000
    const rows = [['s', 'entries/s', 'lost', 'KB/entry', 'hub, core', 'nats, core', 'memory MiB', 'load']]
    while (performance.now() < until - 1) {
      await setTimeout(Math.min(everyMs, until - performance.now()))
      const [before, after] = [samples.at(-1) ?? (await ask()), await ask()]
      samples.push(after)
      rows.push(rowOf(samples[0] ?? before, before, after))
      if (process.stdout.isTTY) print(rows)
    }
    print([...rows, rowOf(samples[0] as Sample, samples[0] as Sample, samples.at(-1) as Sample)])
    console.log(`${slope(samples)}; ${await losses(worker)}; ${machine()}`)
  } finally {
    for (const child of viewers) await ended(child, 'SIGTERM')
    if (worker !== undefined) await ended(worker, 'SIGTERM')
    await hub.close()
  }
}

interface Sample {
  readonly at: number
  readonly cpuMs: number
  readonly natsMs: number
  readonly memory: number
  readonly entries: number
  readonly dropped: number
  readonly bytes: number
}

function rowOf(begun: Sample, before: Sample, after: Sample): string[] {
  const ms = after.at - before.at
  return [
    ((after.at - begun.at) / 1000).toFixed(0),
    (((after.entries - before.entries) / ms) * 1000).toFixed(0),
    (after.dropped - before.dropped).toFixed(0),
    ((after.bytes - before.bytes) / (after.entries - before.entries) / 1000).toFixed(2),
    ((after.cpuMs - before.cpuMs) / ms).toFixed(2),
    ((after.natsMs - before.natsMs) / ms).toFixed(2),
    after.memory.toFixed(0),
    machine().split(' ').at(-1) ?? '',
  ]
}

/** MiB a minute, by least squares over what came after the first minute. */
function slope(samples: readonly Sample[]): string {
  const begun = samples[0]?.at ?? 0
  const late = samples.filter(({ at }) => at - begun > 60_000)
  if (late.length < 3) return 'too short for a slope'
  const mean = (of: (sample: Sample) => number) => late.reduce((sum, each) => sum + of(each), 0) / late.length
  const [atMean, memoryMean] = [mean(({ at }) => at), mean(({ memory }) => memory)]
  const above = mean(({ at, memory }) => (at - atMean) * (memory - memoryMean))
  const below = mean(({ at }) => (at - atMean) ** 2)
  return `memory grows by ${((above / below) * 60_000).toFixed(2)} MiB a minute after the first`
}

async function losses(worker: ReturnType<typeof fork> | undefined): Promise<string> {
  if (worker === undefined) return ''
  worker.send('?')
  const [told] = await once(worker, 'message')
  return `workers: ${JSON.stringify(told)}`
}
