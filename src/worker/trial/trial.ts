import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { type Agent, storedAgent } from '../../agent/agents.ts'
import { AgentGroup, type AgentResult, type GroupObserver } from '../../agent/group.ts'
import type { SandboxLauncher } from '../../agent/launcher.ts'
import { agentSettings } from '../../agent/settings.ts'
import type { Config } from '../../config/index.ts'
import type { ProtoSchema } from '../../dissect/protos.ts'
import { knownProtocols } from '../../dissectors/known.ts'
import { scratchFolder } from '../../store/scratch-folder.ts'
import { SharedState } from '../../store/shared-state.ts'
import { TRIAL_LIMITS, type TrialOrder, type TrialOutcome } from '../../wire/trials.ts'
import { Broker } from '../broker.ts'
import { Run } from '../run.ts'
import { runOptions } from '../run-options.ts'
import { chunksOf, EntryFrames, type TimedEntry, timedEntry } from './entry-frames.ts'
import { exportedIn } from './exported.ts'
import { FixedPods } from './fixed-pods.ts'
import { TrialRecord } from './record.ts'
import { storedFiles } from './stored-files.ts'

export interface TrialTools {
  readonly config: Config
  readonly launcher: SandboxLauncher
  /** What `tap.grpc.protos` names. */
  readonly protos?: ProtoSchema | undefined
  /** How long it may take, ms. */
  readonly mostMs?: number
}

/** What has been fed by now. */
interface Feed {
  /** Ends it: what was fed is worked off. */
  stop(): void
  /** Resolves when all is over. Rejects with a Mistake when the input cannot be read. */
  readonly done: Promise<TrialOutcome['source']>
  readonly group: AgentGroup
}

/**
 * Runs an agent in a sandbox on entries that were kept, or on a capture, by their clock. Nothing that it does leaves the
 * machine: effects are recorded, and files go to a folder that is gone afterwards.
 */
export async function runTrial(order: TrialOrder, tools: TrialTools): Promise<TrialOutcome> {
  const folder = scratchFolder('trial')
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    return await new Trial(order, tools, join(folder, 'data')).run()
  } finally {
    remove()
    process.off('exit', remove)
  }
}

class Trial {
  readonly #order: TrialOrder
  readonly #tools: TrialTools
  readonly #folder: string
  readonly #config: Config
  readonly #shared = new SharedState({ node: NODE, boot: '' })
  readonly #broker: Broker
  readonly #record: TrialRecord
  readonly #agent: Agent
  readonly #pods: FixedPods
  #peakBytes = 0

  constructor(order: TrialOrder, tools: TrialTools, folder: string) {
    this.#order = order
    this.#tools = tools
    this.#folder = folder
    this.#config = trialConfig(tools.config, order, folder)
    this.#record = new TrialRecord((text) => this.#broker.masked(text))
    const rehearse = this.#record.effect.bind(this.#record)
    this.#pods = new FixedPods(order.pods ?? [])
    const history = { pods: this.#pods.recent }
    this.#broker = new Broker(this.#config, NODE, undefined, this.#shared, { rehearse, history })
    this.#agent = agentOf(order)
  }

  async run(): Promise<TrialOutcome> {
    const began = performance.now()
    const feed = this.#order.input.kind === 'capture' ? this.#capture() : this.#entries()
    try {
      const { source, ended } = await this.#within(feed)
      return this.#outcome(feed.group, source, { ended, wallMs: performance.now() - began })
    } finally {
      await feed.group.close()
      await this.#broker.close()
    }
  }

  /** Ends what takes too long, or is too much; who does not end then is left behind. */
  async #within({ done, stop, group }: Feed) {
    const { mostMs = TRIAL_LIMITS.ms } = this.#tools
    let ended: TrialOutcome['ended'] = 'complete'
    const late = Promise.withResolvers<undefined>()
    const end = (why: 'time' | 'entries') => {
      if (ended === 'complete') stop()
      ended = ended === 'complete' ? why : ended
    }
    const timers = [
      setTimeout(() => end('time'), mostMs),
      setTimeout(() => late.resolve(undefined), mostMs + GRACE_MS),
      setInterval(() => {
        this.#measure(group.pid)
        if (receivedIn(group.results()) > TRIAL_LIMITS.entries) end('entries')
      }, LOOK_MS),
    ]
    try {
      const source = await Promise.race([done, late.promise])
      done.catch(() => {})
      this.#measure(group.pid)
      return { source: source ?? NO_SOURCE, ended }
    } finally {
      for (const timer of timers) clearTimeout(timer)
    }
  }

  /** The whole program on a file. */
  #capture(): Feed {
    const { config: _, launcher, protos } = this.#tools
    const { path, description } = this.#order.input
    const options = runOptions(this.#config, {
      source: { path },
      agents: [this.#agent],
      launcher,
      broker: this.#broker,
      nodeName: NODE,
      finalRun: true,
      hub: 'auto',
      query: this.#query,
      verifyChecksums: false,
      protos,
    })
    const observer = {
      ...this.#observer(),
      progress: () => {},
      learned: (...name: Parameters<Broker['learn']>) => this.#broker.learn(...name),
    }
    const run = new Run({ ...options, pods: this.#pods, host: { ...options.host, ...REHEARSED } }, observer)
    const done = run.run().then(({ capture: { counters } }) => ({
      description,
      entries: Object.values(counters.entries).reduce((sum, count) => sum + count, 0),
      packets: counters.packets,
      firstMs: counters.firstMs,
      lastMs: counters.lastMs,
      unreadable: 0,
    }))
    return { done, stop: () => run.stop(), group: run.agents }
  }

  /** Entries that were kept, as if they were captured now, by their own clock. */
  #entries(): Feed {
    let frames = new EntryFrames(-1, new Set(), 0)
    let seq = 0
    const settings = agentSettings(this.#config, this.#tools.launcher)
    const group: AgentGroup = new AgentGroup(
      {
        ...settings,
        host: { ...settings.host, ...REHEARSED },
        agents: [this.#agent],
        nodeName: NODE,
        hub: 'auto',
        query: this.#query,
        pods: this.#pods,
        traffic: {
          origin: { worker: '', node: { ip: '127.0.0.1', name: NODE }, backend: 'kept' },
          replyTimeoutSeconds: 0,
          demand: ({ version, items }) => {
            frames = new EntryFrames(version, new Set(items), seq)
            group.demanded(version)
          },
        },
      },
      this.#observer(),
    )
    const stopping = new AbortController()
    const feed = async () => {
      const entries = entriesIn(this.#order.input.path)
      const [first] = entries
      const last = entries.at(-1)
      const firstMs = first?.ms ?? this.#pods.firstMs ?? Date.now()
      await group.start({
        live: false,
        startMs: Math.floor(Math.min(firstMs, this.#pods.firstMs ?? firstMs)),
      })
      await group.load()
      group.begin()
      const window = new Window()
      let fed = 0
      let unreadable = 0
      for (const chunk of chunksOf(entries)) {
        if (stopping.signal.aborted) break
        await window.room()
        const { bytes, items } = frames.frame(chunk)
        seq++
        fed += chunk.length
        if (this.#agent.wantedItem.length > 0) unreadable += chunk.length - items
        window.enter()
        group.frame({ frame: bytes, items, packets: 0, ...NOTHING_DROPPED, done: () => window.leave() })
      }
      await group.endTraffic()
      await group.settled()
      await group.end(!stopping.signal.aborted, endMs(last?.ms, this.#pods.lastMs))
      await group.measure()
      const { description } = this.#order.input
      return {
        ...{ description, entries: fed, packets: 0, unreadable },
        firstMs: first?.ms ?? null,
        lastMs: last?.ms ?? null,
      }
    }
    const done = Promise.race([feed(), group.failed])
    return { done, stop: () => stopping.abort(), group }
  }

  /** Entries come back for onItemQueried alone. */
  get #query(): { readonly filter: string } | null {
    return this.#order.code.includes('onItemQueried') ? { filter: '' } : null
  }

  #observer(): GroupObserver {
    const record = this.#record
    return {
      line: (line) => record.line(line),
      entry: () => {},
      call: (call) => this.#broker.call(call),
      shared: (...added) => this.#broker.share(...added),
      // What an agent that was stopped has exported is shown, too.
      exported: (...told) => this.#broker.exported(...told),
      marks: (marks) => record.marks(marks),
      traced: (...traced) => record.traced(...traced),
    }
  }

  #measure(pid: number | undefined): void {
    this.#peakBytes = Math.max(this.#peakBytes, pid === undefined ? 0 : peakOf(pid))
  }

  #outcome(
    group: AgentGroup,
    source: TrialOutcome['source'],
    { ended, wallMs }: Pick<TrialOutcome, 'ended'> & { wallMs: number },
  ): TrialOutcome {
    const results = group.results()
    const events = { entries: fateOf(results, 'items'), packets: fateOf(results, 'packets') }
    const micros = results.reduce((sum, { account }) => sum + account.micros, 0)
    const recorded = this.#record.outcome({ worker: NODE, hub: 'hub' })
    const loadErrors = results.flatMap(({ loadError }) => (loadError === undefined ? [] : [loadError]))
    // Scripts may refuse to run on one component.
    const loadError = loadErrors.length === results.length ? loadErrors[0] : undefined
    const stopped = results.find(({ account }) => account.stopped !== '')?.account.stopped
    const delivered = events.entries.delivered + events.packets.delivered
    const inHooks = recorded.calls.filter(({ name }) => PER_EVENT.has(name))
    return {
      title: this.#order.title,
      ...(loadError === undefined ? {} : { loadError: this.#broker.masked(loadError) }),
      ...(stopped === undefined ? {} : { stopped }),
      ended,
      notes: this.#notes(source),
      source,
      ...recorded,
      faults: faultsOf(results, (text) => this.#broker.masked(text)),
      stored: {
        files: storedFiles(this.#folder).map((file) => ({
          ...file,
          path: this.#broker.masked(file.path),
          head: this.#broker.masked(file.head),
        })),
        shared: this.#shared.values().map(({ kind, name, value }) => ({ kind, name, value })),
        metrics: exportedIn(this.#broker.exportedText()),
      },
      events,
      cost: {
        wallMs: Math.round(wallMs),
        cpuMs: micros / 1000,
        microsPerEvent:
          delivered === 0
            ? null
            : Math.round((inHooks.reduce((sum, each) => sum + each.micros, 0) / delivered) * 10) / 10,
        heapBytes: results.reduce((sum, { account }) => sum + account.heapBytes, 0),
        peakBytes: this.#peakBytes,
        budget: budgetOf(this.#config),
      },
    }
  }

  #notes({ unreadable, entries, packets }: TrialOutcome['source']): string[] {
    const { input, code } = this.#order
    const notes: string[] = []
    if (input.kind === 'entries' && /\bonPacketCaptured\b/.test(code))
      notes.push('onPacketCaptured was not called: workers keep entries, not packets. Try it on a capture.')
    if (input.kind === 'entries' && /\bpcap\s*\./.test(code))
      notes.push('pcap.* found no packets: workers keep entries. Try it on a capture.')
    if (this.#order.pods === undefined && /\bonPodEvent\b/.test(code))
      notes.push('onPodEvent was not called: a test may have changes of pods in `pods`.')
    if (unreadable > 0)
      notes.push(
        `${unreadable} entries were left out: their protocols are read by dissectors of other agents.`,
      )
    if (entries + packets === 0) notes.push('There was nothing to run on.')
    return notes
  }
}

/** Frames on their way to the sandbox: no more than so many. */
class Window {
  #inside = 0
  #free = Promise.withResolvers<void>()

  async room(): Promise<void> {
    while (this.#inside >= MOST_FRAMES) {
      this.#free = Promise.withResolvers<void>()
      await this.#free.promise
    }
  }

  enter(): void {
    this.#inside++
  }

  leave(): void {
    this.#inside--
    this.#free.resolve()
  }
}

/** The later one of both; null where there is neither. */
function endMs(one: number | undefined, other: number | undefined): number | null {
  const last = Math.max(one ?? Number.NEGATIVE_INFINITY, other ?? Number.NEGATIVE_INFINITY)
  return Number.isFinite(last) ? last : null
}

function agentOf({ code, title, language }: TrialOrder): Agent {
  return storedAgent(
    { id: 'trial', index: 0, title, version: 1, code },
    { language, protocols: knownProtocols },
  )
}

function trialConfig(config: Config, { env, language }: TrialOrder, folder: string): Config {
  const dataQuotaMb = Math.min(config.scripting.dataQuotaMb, TRIAL_LIMITS.fileBytes >> 20)
  return { ...config, scripting: { ...config.scripting, env, language, data: folder, dataQuotaMb } }
}

function entriesIn(path: string): TimedEntry[] {
  const entries: TimedEntry[] = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    const entry = line === '' ? undefined : timedEntry(line, entries.at(-1)?.ms ?? 0)
    if (entry !== undefined) entries.push(entry)
  }
  return entries
}

function fateOf(
  results: readonly AgentResult[],
  kind: 'items' | 'packets',
): TrialOutcome['events']['entries'] {
  const fates = results.map(({ account }) => account[kind])
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  return {
    received: sum(fates.map(({ received }) => received)),
    delivered: sum(fates.map(({ delivered }) => delivered)),
    dropped: sum(fates.flatMap(({ dropped }) => Object.values(dropped))),
  }
}

/** Of all components: the same code fails at the same places. */
function faultsOf(results: readonly AgentResult[], masked: (text: string) => string): TrialOutcome['faults'] {
  const sums = new Map<string, TrialOutcome['faults'][number]>()
  for (const fault of results.flatMap(({ account }) => account.faults)) {
    const key = `${fault.line}:${fault.column} ${fault.message}`
    sums.set(key, {
      ...fault,
      message: masked(fault.message),
      count: fault.count + (sums.get(key)?.count ?? 0),
    })
  }
  return [...sums.values()].sort((a, b) => b.count - a.count)
}

function receivedIn(results: readonly AgentResult[]): number {
  return results.reduce((sum, { account }) => sum + account.items.received, 0)
}

function budgetOf({ scripting: { budgets } }: Config): TrialOutcome['cost']['budget'] {
  return { hookMs: budgets.hookMs, jobMs: budgets.jobMs, memoryMb: budgets.memoryMb }
}

/** The most resident memory that a process ever had; 0 without /proc. */
function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024
  } catch {
    return 0
  }
}

/** A name that is the same each time, so that what scripts print can be compared. */
const NODE = 'worker-1'
const REHEARSED = { actions: 'told', marks: true, traced: true } as const
const NOTHING_DROPPED = { dropped: { items: 0, packets: 0, relayed: 0 }, taken: () => {} }
const NO_SOURCE: TrialOutcome['source'] = {
  ...{ description: '', entries: 0, packets: 0, unreadable: 0 },
  ...{ firstMs: null, lastMs: null },
}
const PER_EVENT: ReadonlySet<string> = new Set(['onItemCaptured', 'onPacketCaptured'])
const MOST_FRAMES = 16
const LOOK_MS = 100
/** For what was on its way when the time was up. */
const GRACE_MS = 3000
