/**
 * Damages the conversations of captures in every way it knows, for as long as it is told, and reports what fails, is counted
 * wrong or takes too long: `node scripts/fuzz.ts [--seconds 600] [--seed 1] [FOLDER …]`. Exits with 1 when there was something.
 */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { dissectors } from '../src/dissectors/index.ts'
import { Mistake } from '../src/mistake/mistake.ts'
import { damage } from '../src/testing/mutate.ts'
import { everything, type Recorded, recordConversations, replay } from '../src/testing/recorded.ts'
import { ROOT } from './imports.ts'

interface Subject {
  readonly path: string
  readonly at: number
  readonly conversation: Recorded
}

/** No conversation of the corpus takes a tenth of it whole. */
const MOST_MS = 5000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string', default: '1' } },
})
const folders =
  positionals.length > 0
    ? positionals
    : [process.env.REMORA_CORPUS ?? join(ROOT, '../shared/corpus'), join(ROOT, 'test/captures')]

const subjects: Subject[] = []
for (const path of folders.flatMap(capturesBelow)) {
  try {
    for (const [at, conversation] of (await recordConversations(path)).entries())
      subjects.push({ path, at, conversation })
  } catch (error) {
    // Files that are no captures are for those who read files.
    if (!(error instanceof Mistake)) throw error
  }
}
console.log(`${subjects.length} conversations of ${folders.join(', ')}`)

const until = performance.now() + Number(values.seconds) * 1000
const failures = new Map<string, string>()
let runs = 0
let bytes = 0
let slowest = { ms: 0, what: '' }
for (let seed = Number(values.seed); performance.now() < until && subjects.length > 0; seed++)
  for (const subject of subjects) {
    if (performance.now() >= until) break
    attempt(subject, seed)
  }

console.log(
  `${runs} runs, ${(bytes / 1e6).toFixed(0)} MB; the slowest took ${slowest.ms.toFixed(0)} ms: ${slowest.what}`,
)
for (const [failure, what] of failures) console.log(`FAILED ${what}\n${failure}\n`)
console.log(failures.size === 0 ? 'nothing found' : `${failures.size} different failures`)
process.exitCode = failures.size === 0 ? 0 : 1

function attempt({ path, at, conversation }: Subject, seed: number): void {
  const what = `${path}, conversation ${at}, seed ${seed}`
  const events = damage(conversation.events, seed * 104729 + at)
  const began = performance.now()
  try {
    const wantsBodies = seed % 3 !== 0
    const memory = seed % 5 === 0 ? 4096 : 64 << 20
    const read = replay(conversation, events, dissectors, {
      wantsBodies,
      memory,
      maxBody: seed % 2 === 0 ? 100 : 1 << 20,
    })
    for (const { request, response, dissector } of read.exchanges) {
      everything([request, response])
      dissector.summarize(request as never, response as never, request as never)
    }
    const skipped = Object.values(read.counters.skipped).reduce((sum, each) => sum + each, 0)
    if (read.counters.dissected + skipped !== read.bytes)
      note(`${read.bytes} bytes, ${read.counters.dissected} dissected, ${skipped} skipped`, what)
    bytes += read.bytes
  } catch (error) {
    note((error as Error).stack ?? String(error), what)
  }
  runs++
  const ms = performance.now() - began
  if (ms > slowest.ms) slowest = { ms, what }
  if (ms > MOST_MS) note(`took ${ms.toFixed(0)} ms`, what)
}

/** One of each kind: what stands before the first line of ours in the stack. */
function note(failure: string, what: string): void {
  const kind = failure
    .split('\n')
    .slice(0, 3)
    .join('\n')
    .replace(/\d+ (?=bytes|dissected|skipped|ms)/g, 'so many ')
  if (!failures.has(kind)) failures.set(kind, `${what}\n${failure.split('\n').slice(0, 8).join('\n')}`)
}

function capturesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => /\.(pcap|pcapng|snoop)$/.test(path) && statSync(path).isFile())
    .sort()
}
