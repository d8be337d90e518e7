/**
 * Damages the packets of captures and the conversations in them in every way it knows, for as long as it is told, and reports
 * what fails, is counted wrong or takes too long: `node scripts/fuzz.ts [--seconds 600] [--seed 1] [FOLDER …]`. Exits with 1
 * when there was something.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { dissectors } from '../src/dissectors/index.ts'
import { Mistake } from '../src/mistake/mistake.ts'
import { damage } from '../src/testing/mutate.ts'
import { damageFrames, damageNumbers } from '../src/testing/mutate-packets.ts'
import {
  everything,
  type Frame,
  type Recorded,
  type ReplayedFrames,
  recordConversations,
  recordFrames,
  replay,
  replayFrames,
} from '../src/testing/recorded.ts'
import { ROOT } from './imports.ts'

/** What is damaged: a conversation, or packets. */
interface Subject {
  readonly what: string
  read(seed: number, options: Limits): ReplayedFrames
}

interface Limits {
  readonly wantsBodies: boolean
  readonly memory: number
  readonly maxBody: number
}

/** No conversation of the corpus takes a tenth of it whole. */
const MOST_MS = 5000
/** What takes as long will not end. */
const HANGS_MS = 60_000
/** More of a capture tell nothing new. */
const MOST_FRAMES = 2000

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: 'string', default: '600' }, seed: { type: 'string', default: '1' } },
})
const seconds = numberOf('seconds', values.seconds)
const firstSeed = numberOf('seed', values.seed)
const folders =
  positionals.length > 0
    ? positionals
    : [process.env.REMORA_CORPUS ?? join(ROOT, '../shared/corpus'), join(ROOT, 'test/captures')]
for (const folder of folders) if (!existsSync(folder)) leave(`no such folder: ${folder}`)

const subjects: Subject[] = []
for (const path of folders.flatMap(capturesBelow)) {
  try {
    const conversations = await recordConversations(path)
    subjects.push(
      ...conversations.map((conversation, at) => ofConversation(path, at, conversation)),
      ofPackets(path, await recordFrames(path, MOST_FRAMES)),
    )
  } catch (error) {
    // Files that are no captures are for those who read files.
    if (!(error instanceof Mistake)) throw error
  }
}
if (subjects.length === 0) leave(`no captures in ${folders.join(', ')}`)
console.log(`${subjects.length} conversations and captures of ${folders.join(', ')}`)

const watch = watchman()
const until = performance.now() + seconds * 1000
const failures = new Map<string, string>()
let runs = 0
let bytes = 0
let slowest = { ms: 0, what: '' }
for (let seed = firstSeed; performance.now() < until; seed++)
  for (const [at, subject] of subjects.entries()) {
    if (performance.now() >= until) break
    attempt(subject, at, seed)
  }
await watch.end()

if (runs === 0) leave('there was no time for a single run')
console.log(
  `${runs} runs, ${(bytes / 1e6).toFixed(0)} MB; the slowest took ${slowest.ms.toFixed(0)} ms: ${slowest.what}`,
)
for (const [failure, what] of failures) console.log(`FAILED ${what}\n${failure}\n`)
console.log(failures.size === 0 ? 'nothing found' : `${failures.size} different failures`)
process.exitCode = failures.size === 0 ? 0 : 1

function attempt(subject: Subject, at: number, seed: number): void {
  const what = `${subject.what}, seed ${seed}`
  const began = performance.now()
  watch.begin(what)
  try {
    const read = subject.read(seed * 104729 + at, {
      wantsBodies: seed % 3 !== 0,
      memory: seed % 5 === 0 ? 4096 : 64 << 20,
      maxBody: seed % 2 === 0 ? 100 : 1 << 20,
    })
    for (const { request, response, dissector } of read.exchanges) {
      everything([request, response])
      dissector.summarize(request as never, response as never, request as never)
    }
    const skipped = Object.values(read.counters.skipped).reduce((sum, each) => sum + each, 0)
    if (read.counters.dissected + skipped + read.unread !== read.bytes)
      note(
        `${read.bytes} bytes, ${read.counters.dissected} dissected, ${skipped} skipped, ${read.unread} unread`,
        what,
      )
    bytes += read.bytes
  } catch (error) {
    note((error as Error).stack ?? String(error), what)
  }
  runs++
  const ms = performance.now() - began
  if (ms > slowest.ms) slowest = { ms, what }
  if (ms > MOST_MS) note(`took ${ms.toFixed(0)} ms`, what)
}

function ofConversation(path: string, at: number, conversation: Recorded): Subject {
  return {
    what: `${path}, conversation ${at}`,
    read: (seed, limits) => ({
      ...replay(conversation, damage(conversation.events, seed), dissectors, limits),
      unread: 0,
    }),
  }
}

function ofPackets(path: string, frames: readonly Frame[]): Subject {
  return {
    what: `${path}, packets`,
    read: (seed, limits) => {
      const maxConnections = seed % 7 === 0 ? 2 : 100_000
      return replayFrames(
        damageFrames(frames, seed),
        dissectors,
        { ...limits, maxConnections },
        damageNumbers(seed),
      )
    },
  }
}

/** Ends all with a word when a run does not end: a thread that is busy for ever cannot say so itself. */
function watchman() {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads')
    let timer
    parentPort.on('message', (what) => {
      clearTimeout(timer)
      timer = setTimeout(() => {
        require('node:fs').writeSync(1, 'HANGS ' + what + '\\n')
        process.kill(process.pid, 'SIGKILL')
      }, ${HANGS_MS})
    })`,
    { eval: true },
  )
  return { begin: (what: string) => worker.postMessage(what), end: () => worker.terminate() }
}

/** One of each kind: what stands before the first line of ours in the stack. */
function note(failure: string, what: string): void {
  const kind = failure
    .split('\n')
    .slice(0, 3)
    .join('\n')
    .replace(/\d+ (?=bytes|dissected|skipped|unread|ms)/g, 'so many ')
  if (!failures.has(kind)) failures.set(kind, `${what}\n${failure.split('\n').slice(0, 8).join('\n')}`)
}

function numberOf(name: string, text: string): number {
  const number = Number(text)
  return text !== '' && number >= 0 ? number : leave(`--${name} is a number, not ${text}`)
}

function leave(why: string): never {
  console.error(why)
  process.exit(2)
}

function capturesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => /\.(pcap|pcapng|snoop)$/.test(path) && statSync(path).isFile())
    .sort()
}
