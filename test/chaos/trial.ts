import { readdirSync } from 'node:fs'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { natsServer } from '../../src/testing/nats-server.ts'
import type { NodeView } from '../../src/wire/views.ts'
import {
  type ActionBooks,
  actionsOf,
  type JobBooks,
  longestSilence,
  printed,
  runsOf,
  stored,
} from './books.ts'
import { residentMiB } from './processes.ts'
import { Remoras } from './remoras.ts'
import type { Supervised } from './supervised.ts'

export type Victim = 'worker' | 'hub' | 'leader' | 'nats'

export interface TrialOptions {
  /** In this order, again and again. */
  readonly victims: readonly Victim[]
  readonly kills: number
  readonly seed: number
  readonly callsPerSecond: number
  /** Between two of them, at most. */
  readonly longestPauseMs: number
  /** SIGTERM instead of SIGKILL. */
  readonly inOrder?: boolean
  readonly tell?: (text: string) => void
}

export interface TrialReport {
  readonly kills: Readonly<Record<string, number>>
  /** From the kill until every program was ready and ran what is deployed, ms, sorted. */
  readonly recoveries: Readonly<Record<string, readonly number[]>>
  readonly actions: Readonly<Record<string, ActionBooks>>
  /** Accepted, and not even in the stream. */
  readonly unstored: readonly string[]
  readonly jobs: JobBooks
  /** What `cluster.counter` said, and what was added as far as anybody knows. */
  readonly counters: Readonly<
    Record<'got' | 'calls' | 'ticks', { readonly said: number; readonly added: number }>
  >
  /** What does not add up. */
  readonly ledger: readonly string[]
  readonly leftovers: readonly string[]
  readonly spooled: readonly string[]
  readonly longestSilenceMs: number
  /** How programs ended that were stopped in order. */
  readonly ends: readonly { readonly name: string; readonly code: number | null; readonly ms: number }[]
  readonly memoryMiB: Readonly<Record<string, readonly [number, number]>>
  readonly load: number
}

/** What of a report is not as it is promised. */
export function flawsOf({
  kills,
  actions,
  jobs,
  counters,
  ledger,
  leftovers,
  spooled,
  ends,
}: TrialReport): string[] {
  const { worker = 0, hub = 0, leader = 0 } = kills
  const { got, calls, ticks } = counters
  const flaws = [...ledger, ...leftovers, ...spooled]
  const hold = (holds: boolean, what: string) => {
    if (!holds) flaws.push(what)
  }
  for (const [node, { lost, doubled, isInOrder, unnoted, accepted }] of Object.entries(actions)) {
    hold(accepted > 0, `${node} has sent nothing`)
    hold(lost.length === 0, `actions of ${node} were lost: ${lost}`)
    hold(doubled.length === 0, `actions of ${node} were doubled: ${doubled}`)
    hold(isInOrder, `actions of ${node} came out of order`)
    hold(unnoted <= worker, `${unnoted} actions of ${node} came that it does not know of`)
  }
  hold(jobs.runs > 0 && jobs.doubled.length === 0, `runs were doubled: ${jobs.doubled}`)
  hold(jobs.skipped.length === 0, `runs were skipped: ${jobs.skipped}`)
  hold(got.said === got.added, `${got.added} arrived, and ${got.said} were counted`)
  // What a worker had not written when it was killed is missing, and it may have died before it could note a call.
  hold(calls.said <= calls.added + worker, `${calls.said} calls were counted, of ${calls.added}`)
  hold(worker > 0 || calls.said === calls.added, `${calls.said} calls were counted, of ${calls.added}`)
  // A run that another node begins anew may have counted before.
  const most = ticks.added + worker + hub + leader
  hold(ticks.said >= ticks.added && ticks.said <= most, `${ticks.said} runs were counted, of ${ticks.added}`)
  for (const { name, code } of ends) hold(code === 0, `${name} ended with ${code}`)
  return flaws
}

/** Undefined, and the test skipped, where nats-server is missing. */
export async function trial(t: TestContext, options: TrialOptions): Promise<TrialReport | undefined> {
  const nats = await natsServer(t)
  if (nats === undefined) return undefined
  const { callsPerSecond } = options
  const remoras = await Remoras.start(t, nats, { hubs: 2, workers: 2, callsPerSecond })
  return new Trial(remoras, options).run()
}

class Trial {
  readonly #remoras: Remoras
  readonly #options: TrialOptions
  readonly #random: () => number
  readonly #kills: Record<string, number> = {}
  readonly #recoveries: Record<string, number[]> = {}
  readonly #ends: { name: string; code: number | null; ms: number }[] = []

  constructor(remoras: Remoras, options: TrialOptions) {
    this.#remoras = remoras
    this.#options = options
    this.#random = randomOf(options.seed)
  }

  async run(): Promise<TrialReport> {
    const remoras = this.#remoras
    await remoras.untilUp(PATIENCE_MS)
    await remoras.deploy(PATIENCE_MS)
    const before = this.#memory()
    for (let at = 0; at < this.#options.kills; at++) await this.#once(at)
    const begun = await this.#entries()
    await setTimeout(RUN_ON_MS)
    for (const { traffic } of remoras.workers) await traffic.stop()
    const ledger = await this.#ledger(begun)
    const after = this.#memory()
    for (const agent of ['Sender', 'Ticker'])
      await remoras.hubs[0]?.client.updateAgent(agent, { active: false })
    const books = await this.#settled()
    for (const program of [...remoras.programs].reverse()) await this.#end(program)
    await setTimeout(LEFT_MS)
    return {
      ...books,
      kills: this.#kills,
      recoveries: Object.fromEntries(
        Object.entries(this.#recoveries).map(([victim, times]) => [victim, times.toSorted((a, b) => a - b)]),
      ),
      ledger,
      leftovers: remoras.programs.flatMap((each) =>
        each.leftovers().map(({ pid, command }) => `${command} (${pid}) of ${each.name}`),
      ),
      spooled: remoras.programs.flatMap(({ name, folder }) =>
        readdirSync(join(folder, 'tmp')).map((file) => `${name}: ${file}`),
      ),
      ends: this.#ends,
      memoryMiB: Object.fromEntries(
        Object.entries(before).map(([name, mib]) => [name, [mib, after[name] ?? 0] as const]),
      ),
      load: loadavg()[1] ?? 0,
    }
  }

  async #once(at: number): Promise<void> {
    const { victims, longestPauseMs, tell } = this.#options
    const victim: Victim = victims[at % victims.length] ?? 'worker'
    await setTimeout(this.#random() * longestPauseMs)
    const from = performance.now()
    await this.#strike(victim)
    await this.#remoras.untilWell(PATIENCE_MS)
    const tookMs = Math.round(performance.now() - from)
    this.#kills[victim] = (this.#kills[victim] ?? 0) + 1
    this.#recoveries[victim] = [...(this.#recoveries[victim] ?? []), tookMs]
    tell?.(`${at + 1}: ${victim}, well again after ${tookMs} ms, load ${loadavg()[0]?.toFixed(1)}`)
  }

  async #strike(victim: Victim): Promise<void> {
    const { nats } = this.#remoras
    const { inOrder = false } = this.#options
    if (victim === 'nats') {
      await (inOrder ? nats.stop() : nats.kill())
      await setTimeout(RESTART_MS)
      await this.#startNats()
      return
    }
    const program = await this.#choose(victim)
    if (!inOrder) return this.#remoras.kill(program)
    this.#remoras.gone(program)
    await this.#end(program)
    program.start()
  }

  /** Its port is one that connections of others may have taken meanwhile: then it is tried again, as a supervisor would. */
  async #startNats(): Promise<void> {
    for (const end = Date.now() + PATIENCE_MS; ; )
      try {
        return await this.#remoras.nats.start()
      } catch (error) {
        this.#options.tell?.(String(error))
        if (Date.now() > end) throw error
      }
  }

  async #choose(victim: Exclude<Victim, 'nats'>): Promise<Supervised> {
    const { hubs, workers } = this.#remoras
    if (victim === 'leader') {
      const leader = await this.#remoras.leader()
      if (leader === undefined) throw new Error('nobody leads')
      return leader.program
    }
    const among = victim === 'hub' ? hubs : workers
    const chosen = among[Math.floor(this.#random() * among.length)]
    if (chosen === undefined) throw new Error('nobody is there')
    return chosen.program
  }

  async #end(program: Supervised): Promise<void> {
    const { code, ms } = await program.stop()
    this.#ends.push({ name: program.name, code, ms: Math.round(ms) })
  }

  /** Of the runs of workers that go on: what was received, and what became of it. Empty when it adds up, be it after a while. */
  async #ledger(begun: ReadonlyMap<string, EntryCounts>): Promise<string[]> {
    for (const end = Date.now() + PATIENCE_MS; ; await setTimeout(500)) {
      const wrong = [...(await this.#eventsAmiss()), ...(await this.#entriesAmiss(begun))]
      if (wrong.length === 0 || Date.now() > end) return wrong
    }
  }

  async #eventsAmiss(): Promise<string[]> {
    const wrong: string[] = []
    for (const { node, agents } of await this.#workers())
      for (const { id, received, delivered, dropped } of agents) {
        const gone = Object.values(dropped).reduce((sum, each) => sum + each, 0)
        if (received !== delivered + gone) wrong.push(`${node} ${id}: ${received} = ${delivered} + ${gone}`)
      }
    return wrong
  }

  /** What is kept of earlier runs counts as kept: so what has come since is compared. */
  async #entriesAmiss(begun: ReadonlyMap<string, EntryCounts>): Promise<string[]> {
    const wrong: string[] = []
    for (const [boot, { node, seen, taken }] of await this.#entries()) {
      const before = begun.get(boot)
      const came = seen - (before?.seen ?? 0)
      const took = taken - (before?.taken ?? 0)
      if (before === undefined || came === 0 || came !== took)
        wrong.push(`${node}: ${came} entries, ${took} kept or dropped`)
    }
    return wrong
  }

  async #entries(): Promise<Map<string, EntryCounts>> {
    const counts = new Map<string, EntryCounts>()
    for (const { node, boot, counters } of await this.#workers()) {
      const { items = 0, 'entries.stored': kept = 0, 'entries.found': found = 0 } = counters
      const { 'queue.entries': waiting = 0 } = counters
      // What earlier runs have left may be found only after this one was asked first.
      const taken = kept + waiting + sumOf(counters, 'dropped.store.') - found
      counts.set(boot, { node, seen: items, taken })
    }
    return counts
  }

  async #workers(): Promise<readonly NodeView[]> {
    const nodes = (await this.#remoras.hubs[0]?.client.nodes()) ?? []
    return nodes.filter(({ component }) => component === 'worker')
  }

  /** When all has come that was sent, or nothing more comes. */
  async #settled() {
    let arrived = -1
    for (let end = Date.now() + PATIENCE_MS; ; await setTimeout(2000)) {
      const books = await this.#books()
      const { got } = books.counters
      const isWhole = Object.values(books.actions).every(({ lost }) => lost.length === 0)
      if ((isWhole && got.said === got.added) || Date.now() > end) return books
      // Much may have been waiting for a hub.
      if (got.added > arrived) end = Date.now() + PATIENCE_MS
      arrived = got.added
    }
  }

  async #books() {
    const { workers, nats, hubs } = this.#remoras
    const [lines, there] = [await printed(nats.url), await stored(nats.url)]
    const actions = Object.fromEntries(
      workers.map(({ node, sent }) => [node, actionsOf(node, sent(), lines)] as const),
    )
    const jobs = runsOf(lines)
    const shared = await sharedOf(hubs[0]?.url ?? '')
    const calls = workers.flatMap(({ sent }) => sent()).filter((each) => each.startsWith('call ')).length
    const got = Object.values(actions).reduce((sum, { arrived }) => sum + arrived, 0)
    const accepted = workers.flatMap(({ node, sent }) => sent().map((each) => `${node} ${each}`))
    return {
      actions,
      unstored: accepted.filter((each) => !there.has(each)),
      jobs,
      counters: {
        got: { said: shared.got ?? 0, added: got },
        calls: { said: shared.calls ?? 0, added: calls },
        ticks: { said: shared.ticks ?? 0, added: jobs.runs },
      },
      longestSilenceMs: longestSilence(lines),
    }
  }

  #memory(): Record<string, number> {
    return Object.fromEntries(this.#remoras.programs.map(({ name, pid }) => [name, residentMiB(pid)]))
  }
}

interface EntryCounts {
  readonly node: string
  readonly seen: number
  /** Kept, waiting for it, or dropped. */
  readonly taken: number
}

async function sharedOf(url: string): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`${url}/api/v1/shared`)
  const values = (await answer.json()) as { name: string; value: number }[]
  return Object.fromEntries(values.map(({ name, value }) => [name, value]))
}

function sumOf(counters: Readonly<Record<string, number>>, start: string): number {
  return Object.entries(counters).reduce(
    (sum, [name, count]) => sum + (name.startsWith(start) ? count : 0),
    0,
  )
}

/** mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const RESTART_MS = 100
const PATIENCE_MS = 120_000
/** What the runs that are there at the end do, by their books. */
const RUN_ON_MS = 3000
/** Who was told to die may take a moment. */
const LEFT_MS = 2000
