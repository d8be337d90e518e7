/**
 * A million entries in the store of a worker: what appending costs, how soon the first page of a query is there, and how long
 * looking at all of them takes, against jq on the same entries as JSON lines.
 *
 *     node bench/entries.ts [entries] [folder]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, mkdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openEntryReader, openEntryWriter } from '../src/store/entries/index.ts'
import { varied } from '../src/testing/varied-entries.ts'
import { entriesQuery } from '../src/wire/entries.ts'
import { median, print, ratio } from './measure.ts'
import { sampleEntries } from './sample-entries.ts'

interface Question {
  readonly filter: string
  /** The same for jq. */
  readonly jq: string
}

const QUESTIONS: readonly Question[] = [
  { filter: 'response.status == 500', jq: '.response.status? == 500' },
  { filter: 'http && status_code >= 500', jq: '.protocol.name == "http" and .response.status >= 500' },
  { filter: 'http and response.status >= 500', jq: '.protocol.name == "http" and .response.status >= 500' },
  { filter: 'dst.name == "nobody.test" && true', jq: '.dst.name == "nobody.test"' },
  {
    filter: 'http && path.startsWith("/api/v9")',
    jq: '.protocol.name == "http" and (.request.path | startswith("/api/v9"))',
  },
  { filter: 'elapsed_time > 59990000', jq: '.elapsedTime > 59990000' },
  { filter: 'src.ip == "10.0.0.1" && dns', jq: '.src.ip == "10.0.0.1" and .protocol.name == "dns"' },
  {
    filter: 'kfl2:http && response.content.text.contains("no such needle")',
    jq: '.protocol.name == "http" and (.response.content.text | contains("no such needle"))',
  },
  {
    filter: 'response.content.text.contains("item 77123")',
    jq: '.response.content.text? // "" | contains("item 77123")',
  },
]

const LIMITS = { signal: new AbortController().signal, mostBytes: 64 << 20 }
const ms = (time: number) => `${time.toFixed(0)} ms`
const seconds = (time: number) => `${(time / 1000).toFixed(1)} s`
const megabytes = (bytes: number) => `${(bytes / (1 << 20)).toFixed(0)} MiB`
const count = Number(process.argv[2] ?? 1_000_000)
const base = process.argv[3] ?? join(tmpdir(), 'remora-bench-entries')
const lines = join(base, `${count}.jsonl`)
const folder = join(base, `${count}.store`)

if (!existsSync(lines)) await make()
await compare()

async function make(): Promise<void> {
  rmSync(base, { recursive: true, force: true })
  mkdirSync(base, { recursive: true })
  const file = createWriteStream(lines)
  const writer = openEntryWriter({ folder, ttlMs: 1e12, mostBytes: 1e12 })
  let appending = 0
  let begun = performance.now()
  for (const { atMs, json } of varied(sampleEntries(), count, 1)) {
    const before = performance.now()
    writer.append(atMs, json)
    appending += performance.now() - before
    if (!file.write(`${json}\n`)) {
      await Promise.all([once(file, 'drain'), writer.flush()])
    }
  }
  await new Promise((resolve) => file.end(resolve))
  await writer.flush()
  console.log(`made in ${seconds(performance.now() - begun)}`)
  begun = performance.now()
  await writer.settle()
  console.log(`columns ready ${seconds(performance.now() - begun)} later`)
  const { kept, bytes, dropped } = writer.counters
  console.log(
    `append: ${((appending * 1000) / count).toFixed(2)} µs an entry; ${kept} kept, ${JSON.stringify(dropped)}`,
  )
  console.log(`JSON lines ${megabytes(statSync(lines).size)}, store ${megabytes(bytes)}`)
  await writer.close()
}

async function compare(): Promise<void> {
  const rows = [
    [
      'filter',
      'matches',
      'first page, cold',
      'first page',
      'all of it',
      'jq',
      'ratio',
      'CPU',
      'CPU of jq',
      'ratio',
    ],
  ]
  const only = process.env.ONLY
  for (const question of QUESTIONS) {
    if (only !== undefined && !question.filter.includes(only)) continue
    const row = await measured(question)
    console.log(row.join('  '))
    rows.push(row)
  }
  print(rows)
  console.log(`peak memory ${megabytes(process.resourceUsage().maxRSS * 1024)}`)
}

async function measured({ filter, jq }: Question): Promise<string[]> {
  const reader = openEntryReader({ folder, prefer: 'kfl1', macros: {} })
  try {
    // Threads and modules are there; the columns of this filter are not.
    await reader.page(entriesQuery.parse({ filter: 'redis and udp', limit: 1, from: 1, to: 2 }), LIMITS)
    const cold = await timed(() => reader.page(entriesQuery.parse({ filter }), LIMITS))
    const first: number[] = []
    for (let round = 0; round < 5; round++)
      first.push(await timed(() => reader.page(entriesQuery.parse({ filter }), LIMITS)))
    let matches = 0
    const before = process.cpuUsage()
    const all = await timed(async () => {
      let cursor: string | undefined
      do {
        const page = await reader.page(entriesQuery.parse({ filter, limit: 10_000, cursor }), LIMITS)
        matches += page.entries.length
        cursor = page.cursor ?? undefined
      } while (cursor !== undefined)
    })
    const { user, system } = process.cpuUsage(before)
    const cpu = (user + system) / 1000
    const other = await runJq(jq)
    const firsts = [ms(cold), ms(median(first))]
    const walls = [ms(all), ms(other.wallMs), ratio(other.wallMs / all)]
    return [filter, String(matches), ...firsts, ...walls, ms(cpu), ms(other.cpuMs), ratio(other.cpuMs / cpu)]
  } finally {
    await reader.close()
  }
}

/** Its time, and that of the processor, which tells more on a machine that others use, too. */
async function runJq(select: string): Promise<{ wallMs: number; cpuMs: number }> {
  if (process.env.JQ === '0') return { wallMs: Number.NaN, cpuMs: Number.NaN }
  const begun = performance.now()
  const child = spawn('bash', [
    '-c',
    'jq -c "$1" "$2" > /dev/null; times',
    'bash',
    `select(${select})`,
    lines,
  ])
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await once(child, 'close')
  const times = said.trim().split('\n').at(-1) ?? ''
  const cpuMs = [...times.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60_000 + Number(s) * 1000,
    0,
  )
  return { wallMs: performance.now() - begun, cpuMs }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await run()
  return performance.now() - begun
}
