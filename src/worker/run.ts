import type { Worker as Thread } from 'node:worker_threads'
import type { Agent } from '../agent/agents.ts'
import { agentProtocol, type DissectorSettings } from '../agent/host/agent-protocol.ts'
import {
  calendarMs,
  type HelperStub,
  type HostConfig,
  type LayoutsMessage,
  type Line,
  type LoadAgent,
  type LogMessage,
  type MadeCounters,
} from '../agent/host/protocol.ts'
import type { SandboxLauncher } from '../agent/launcher.ts'
import { type SandboxLimits, SandboxProcess } from '../agent/sandbox-process.ts'
import type { CaptureOptions } from '../capture/index.ts'
import { knownProtocols } from '../dissectors/known.ts'
import { Mistake } from '../mistake/mistake.ts'
import { layoutsFor } from './batcher.ts'
import {
  type CaptureDone,
  CONTROL,
  CONTROL_BYTES,
  type Dropped,
  type FromCapture,
  type ToCapture,
} from './capture-messages.ts'
import type { CaptureThreadData } from './capture-thread.ts'
import { type AgentAccount, Ledger } from './ledger.ts'
import { takeCaptureThread } from './thread.ts'

export interface RunOptions {
  readonly source: CaptureOptions
  readonly agents: readonly Agent[]
  readonly nodeName: string
  readonly capture: Pick<CaptureThreadData, 'pipeline' | 'enabled' | 'spool'>
  readonly sandbox: {
    readonly launcher: SandboxLauncher
    readonly limits: SandboxLimits
  }
  readonly host: Pick<HostConfig, 'env' | 'language' | 'budgets' | 'macros' | 'hooks'>
  readonly stubs: readonly HelperStub[]
  /** Every job runs once more when the capture has ended. */
  readonly finalRun: boolean
  /** Whether agents also run as they would on the hub: if they can tell, always, or never. */
  readonly hub: 'auto' | 'always' | 'never'
  /** Entries are wanted back, after onItemQueried. */
  readonly query: { readonly filter: string } | null
}

/** What a run tells while it goes. */
export interface RunObserver {
  line(line: ConsoleLine): void
  entry(json: string): void
  /** The traffic gave an address a name. */
  learned(seconds: number, ip: string, name: string): void
  progress(bytesRead: number, totalBytes: number, packets: number): void
  /** A broker helper was called. */
  call(call: HelperCall): Promise<unknown>
}

/** A script wants something that is outside of its sandbox. */
export interface HelperCall {
  readonly agent: Agent
  readonly component: 'worker' | 'hub'
  readonly path: string
  readonly args: readonly unknown[]
  /** What time it is for the script (ms): on a capture file, that of the traffic. */
  readonly nowMs: number
  /** For its console, before the answer. */
  warn(text: string): void
}

/** A line of the console with who said it. */
export interface ConsoleLine {
  /** Node name, or `hub`. */
  readonly node: string
  readonly agent: Agent
  readonly level: Line['level']
  readonly text: string
}

export interface AgentResult {
  readonly agent: Agent
  readonly component: 'worker' | 'hub'
  readonly account: AgentAccount
  /** Why it did not load. */
  readonly loadError: string | undefined
}

export interface RunResult {
  readonly description: string
  readonly live: boolean
  readonly capture: CaptureDone
  readonly agents: readonly AgentResult[]
  /** What dissectors of agents have read. */
  readonly made: MadeCounters
  /** Sums that do not add up: none, or there is a bug. */
  readonly discrepancies: readonly string[]
  readonly restarts: number
  readonly wallMs: number
}

type Frame = FromCapture & { kind: 'frame' }
type Ready = FromCapture & { kind: 'ready' }

interface ThreadMessages {
  readonly ready: Promise<Ready>
  readonly done: Promise<CaptureDone>
}

/** One place where an agent runs. */
interface Place {
  agent: Agent
  readonly slot: number
  readonly component: 'worker' | 'hub'
  hooks: readonly string[]
  dissectors: readonly DissectorSettings[]
  loadError: string | undefined
  /** Its file is gone. */
  gone: boolean
}

/** Traffic through agents, from the first packet to the last job, on one machine. */
export class Run {
  readonly #options: RunOptions
  readonly #observer: RunObserver
  readonly #ledger = new Ledger()
  readonly #control = new SharedArrayBuffer(CONTROL_BYTES)
  readonly #words = new Int32Array(this.#control)
  readonly #places: Place[] = []
  #sandbox: SandboxProcess | undefined
  #thread: Thread | undefined
  #demandVersion = 0
  #inFlight: { items: number; packets: number; slots: readonly number[] }[] = []
  #restarts = 0
  #tick: NodeJS.Timeout | undefined
  readonly #live: boolean
  /** Frames that came while agents were being loaded; undefined when none are. */
  #held: Frame[] | undefined = []
  #demand = ''
  readonly #loaded = Promise.withResolvers<void>()
  /** After the first loading, one after another. */
  #reloading: Promise<unknown> = this.#loaded.promise
  readonly #demanded = new Map<number, () => void>()

  constructor(options: RunOptions, observer: RunObserver) {
    this.#options = options
    this.#observer = observer
    this.#live = !('path' in options.source)
    for (const agent of options.agents) this.#addPlaces(agent)
  }

  /**
   * Runs to the end of the capture, or until `stop`. Rejects with a Mistake when the input cannot be read at all, or
   * when agents cannot be run.
   */
  async run(): Promise<RunResult> {
    const began = performance.now()
    const messages = this.#startThread()
    try {
      const sandbox = this.#createSandbox(messages.ready)
      this.#sandbox = sandbox
      const { ready, done } = await Promise.race([this.#work(sandbox, messages), sandbox.failed])
      return {
        description: ready.description,
        live: ready.live,
        capture: done,
        agents: this.#results(),
        made: this.#made,
        discrepancies: this.#ledger.discrepancies(),
        restarts: this.#restarts,
        wallMs: performance.now() - began,
      }
    } finally {
      clearInterval(this.#tick)
      await this.#sandbox?.close()
      this.#options.sandbox.launcher.close()
      await this.#thread?.terminate()
    }
  }

  async #work(sandbox: SandboxProcess, messages: ThreadMessages) {
    const started = sandbox.start()
    started.catch(() => {})
    const ready = await messages.ready
    // The thread reads ahead while the agents load. Of those that do not, it learns when they have not. What dissectors
    // of agents are to read must be known from the first packet on.
    if (!this.#places.some(({ agent }) => agent.hasDissectors)) void this.#ask(this.#places)
    await started
    for (const place of this.#places) await this.#load(sandbox, place)
    void this.#ask(this.#running())
    this.#log('info', 'worker', 'the capture begins', { source: ready.description })
    this.#release()
    this.#loaded.resolve()
    if (ready.live) this.#tick = setInterval(() => this.#onTick(sandbox), TICK_MS)
    const done = await messages.done
    clearInterval(this.#tick)
    for (const reached of this.#demanded.values()) reached()
    await this.#reloading
    this.#count(done.dropped)
    // Agents that are stopped now are told of before the end.
    await sandbox.settled()
    const { packets, entries } = done.counters
    this.#log('info', 'worker', 'the capture ends', { packets, entries })
    await sandbox.end(this.#options.finalRun, ready.live ? Date.now() : done.counters.lastMs)
    return { ready, done }
  }

  /** Ends the capture; what was captured is still worked off. */
  stop(): void {
    Atomics.store(this.#words, CONTROL.stop, 1)
    Atomics.notify(this.#words, CONTROL.acked)
    this.#post({ kind: 'stop' })
  }

  /** A new version of an agent. The old one keeps running when it does not load: answers why. */
  reload(agent: Agent): Promise<string | undefined> {
    const done = this.#reloading.then(() => this.#reload(agent))
    this.#reloading = done
    return done
  }

  async #reload(agent: Agent): Promise<string | undefined> {
    const sandbox = this.#sandbox as SandboxProcess
    if (!this.#places.some((place) => place.agent.index === agent.index)) this.#addPlaces(agent)
    // Every batch after this one has what the new version reads, and the old one gets every batch before.
    await this.#ask([...this.#running(), ...this.#placesOf(agent).map((place) => ({ ...place, agent }))])
    this.#held ??= []
    let failure: string | undefined
    for (const place of this.#placesOf(agent)) {
      const { agent: before, loadError } = place
      place.agent = agent
      await this.#load(sandbox, place)
      if (place.loadError === undefined) continue
      failure = place.loadError
      // The old version, if there is one, keeps running.
      place.agent = before
      if (before !== agent) place.loadError = loadError
    }
    this.#release()
    void this.#ask(this.#running())
    return failure
  }

  /** Whether some version of an agent is loaded. */
  runs(index: number): boolean {
    return this.#places.some(
      ({ agent, loadError, gone }) => agent.index === index && loadError === undefined && !gone,
    )
  }

  /** Stops an agent for good: its file is gone. */
  remove(index: number): void {
    for (const place of this.#places) {
      if (place.agent.index !== index) continue
      this.#sandbox?.unload(place.slot)
      place.hooks = []
      place.gone = true
      this.#log('info', place.component, 'an agent was removed', nameOf(place.agent))
    }
    void this.#ask(this.#running())
  }

  #running(): Place[] {
    return this.#places.filter((place) => this.#isWorker(place))
  }

  #placesOf({ index }: Agent): Place[] {
    return this.#places.filter((place) => place.agent.index === index)
  }

  #addPlaces(agent: Agent): void {
    const place = (component: 'worker' | 'hub') =>
      this.#places.push({
        agent,
        slot: agent.index * 2 + (component === 'hub' ? 1 : 0),
        component,
        hooks: [],
        dissectors: [],
        loadError: undefined,
        gone: false,
      })
    place('worker')
    const { hub } = this.#options
    if (hub === 'always' || (hub === 'auto' && agent.usesHub)) place('hub')
  }

  #startThread(): ThreadMessages {
    const data: CaptureThreadData = {
      ...this.#options.capture,
      source: this.#options.source,
      worker: WORKER_ADDRESS,
      node: { ip: '127.0.0.1', name: this.#options.nodeName },
      control: this.#control,
    }
    const thread = takeCaptureThread()
    thread.postMessage(data)
    this.#thread = thread
    const ready = Promise.withResolvers<Ready>()
    const done = Promise.withResolvers<CaptureDone>()
    const fail = (error: Error) => {
      ready.reject(error)
      done.reject(error)
    }
    done.promise.catch(() => {})
    thread.on('error', fail)
    thread.on('message', (message: FromCapture) => {
      switch (message.kind) {
        case 'ready':
          ready.resolve(message)
          return
        case 'frame':
          this.#frame(message)
          return
        case 'demand':
          this.#demanded.get(message.version)?.()
          this.#demanded.delete(message.version)
          return
        case 'progress':
          this.#observer.progress(message.bytesRead, message.totalBytes, message.packets)
          return
        case 'done':
          done.resolve(message)
          return
        case 'mistake':
          fail(
            new Mistake(
              message.code,
              message.message,
              message.hint === undefined ? {} : { hint: message.hint },
            ),
          )
      }
    })
    return { ready: ready.promise, done: done.promise }
  }

  #createSandbox(ready: Promise<{ firstMs: number | null }>): SandboxProcess {
    const { capture, sandbox, host, stubs, query, nodeName } = this.#options
    const config = ready.then(
      ({ firstMs }): HostConfig => ({
        ...host,
        nodeName,
        stubs,
        query,
        origin: {
          worker: WORKER_ADDRESS,
          node: { ip: '127.0.0.1', name: nodeName },
          backend: this.#live ? 'af_packet' : 'pcap',
        },
        replyTimeoutSeconds: capture.pipeline.replyTimeoutSeconds,
        protocols: [
          ...new Set(
            knownProtocols.flatMap(({ name, protocols }) => [
              name,
              ...protocols.flatMap((each) => [each.name, each.abbr, each.macro]),
            ]),
          ),
        ],
        virtualTime: !this.#live,
        startMs: this.#live ? Date.now() : calendarMs(firstMs ?? 0),
      }),
    )
    config.catch(() => {})
    return new SandboxProcess(
      { ...sandbox, config },
      {
        lines: (lines) => {
          for (const line of lines) this.#line(line)
        },
        call: ({ slot, path, args, nowMs }, warn) => {
          const place = this.#placeOf(slot)
          if (place === undefined) throw new Error(`there is no slot ${slot}`)
          const { agent, component } = place
          return this.#observer.call({ agent, component, path, args, nowMs, warn })
        },
        entries: (entries) => {
          for (const entry of entries) this.#observer.entry(entry)
        },
        loaded: (slot) => this.#ledger.open(slot),
        ack: (message) => {
          if (message.made !== undefined) this.#add(message.made)
          this.#ledger.acked(message)
        },
        stopped: (slot, reason) => this.#stopped(slot, reason),
        restarted: (reason) => this.#restarted(reason),
        notRevived: (slot, reason) => this.#notRevived(slot, reason),
      },
    )
  }

  async #load(sandbox: SandboxProcess, place: Place): Promise<void> {
    const { agent, slot, component } = place
    const items = component === 'worker' ? agent.wantedItem : []
    const load: LoadAgent = {
      slot,
      index: agent.index,
      title: agent.title,
      file: agent.file,
      component,
      source: agent.source,
      insertions: agent.insertions,
      sharesThis: agent.sharesThis,
      vars: agent.vars,
      wantedItem: items,
      wantedPacket: component === 'worker' ? agent.wantedPacket : [],
      bodies: agent.bodies,
    }
    const loaded =
      agent.problem === undefined
        ? await sandbox.load(load)
        : { hooks: [], dissectors: [], error: agent.problem }
    place.loadError = loaded.error
    if (loaded.error === undefined) {
      place.hooks = loaded.hooks ?? []
      place.dissectors = loaded.dissectors ?? []
      place.gone = false
      this.#log('info', component, 'an agent was loaded', nameOf(agent))
    } else {
      this.#line({ slot, level: 'error', text: loaded.error })
      this.#log('error', component, 'an agent does not load', { ...nameOf(agent), error: loaded.error })
    }
  }

  /**
   * Tells the capture thread, and before it the sandbox, which fields cross from now on. Resolves when every batch
   * that was made for an earlier demand has come.
   */
  #ask(places: readonly Place[]): Promise<void> {
    const items = new Set<string>()
    const packets = new Set<string>()
    for (const { agent, component } of places) {
      if (component === 'hub') continue
      for (const field of agent.wantedItem) items.add(field)
      for (const field of agent.wantedPacket) packets.add(field)
    }
    if (this.#options.query !== null) items.add('*')
    const dissectors = places.flatMap((place) =>
      place.component === 'hub' ? [] : place.dissectors.map((settings) => ({ slot: place.slot, settings })),
    )
    const demand = JSON.stringify([[...items].sort(), [...packets].sort(), dissectors])
    if (demand === this.#demand) return Promise.resolve()
    this.#demand = demand
    const version = this.#demandVersion++
    this.#sandbox?.layouts(layoutsMessage(version, items, dissectors))
    this.#post({
      kind: 'demand',
      version,
      items: [...items],
      packets: [...packets],
      dissectors: dissectors.map(({ settings: { transport, ports } }) => ({ transport, ports })),
    })
    return new Promise((resolve) => this.#demanded.set(version, resolve))
  }

  /** Agents have been loaded: lets the frames through that came meanwhile. */
  #release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const frame of held) this.#frame(frame)
  }

  #frame(message: Frame): void {
    if (this.#held !== undefined) {
      this.#held.push(message)
      return
    }
    const { frame, items, packets, dropped, names } = message
    this.#count(dropped)
    for (const { seconds, ip, name } of names) this.#observer.learned(seconds, ip, name)
    const slots: number[] = []
    for (const place of this.#places) {
      const wanted = [this.#itemsFor(place, items), this.#packetsFor(place, packets)] as const
      if (!this.#isWorker(place)) continue
      slots.push(place.slot)
      if (wanted[0] + wanted[1] > 0) this.#ledger.sent(place.slot, ...wanted)
    }
    this.#inFlight.push({ items, packets, slots })
    this.#sandbox?.batch(frame, () => {
      this.#inFlight.shift()
      Atomics.add(this.#words, CONTROL.acked, 1)
      Atomics.notify(this.#words, CONTROL.acked)
    })
  }

  /** Dissectors of agents have read entries: every agent that takes entries was given these as well. */
  #add(made: MadeCounters): void {
    this.#made = sum(this.#made, made)
    const slots = this.#inFlight[0]?.slots ?? []
    for (const place of this.#places)
      if (slots.includes(place.slot)) this.#ledger.sent(place.slot, this.#itemsFor(place, made.items), 0)
  }
  #made = NOTHING_MADE

  #count(dropped: Dropped): void {
    const { items, packets, relayed } = dropped
    if (items + packets + relayed === 0) return
    this.#warnOfDrops(dropped)
    if (relayed > 0) this.#made = sum(this.#made, { ...NOTHING_MADE, skipped: { 'queue-full': relayed } })
    for (const place of this.#places)
      if (this.#isWorker(place))
        this.#ledger.queueFull(place.slot, this.#itemsFor(place, items), this.#packetsFor(place, packets))
  }

  #warnOfDrops(dropped: object): void {
    const now = performance.now()
    if (now < this.#warnedAt + WARN_EVERY_MS) return
    this.#warnedAt = now
    this.#log('warning', 'worker', 'events are being dropped: agents are too slow', { ...dropped })
  }
  #warnedAt = Number.NEGATIVE_INFINITY

  #isWorker(place: Place): boolean {
    return place.component === 'worker' && place.loadError === undefined && !place.gone
  }

  #itemsFor(place: Place, items: number): number {
    return place.agent.wantedItem.length > 0 ? items : 0
  }

  #packetsFor(place: Place, packets: number): number {
    return place.agent.wantedPacket.length > 0 ? packets : 0
  }

  #onTick(sandbox: SandboxProcess): void {
    if (sandbox.behind < TICKS_BEHIND) sandbox.tick(Date.now())
  }

  #stopped(slot: number, reason: string): void {
    this.#ledger.stopped(slot, reason)
    this.#line({ slot, level: 'error', text: `stopped: ${reason}` })
    const place = this.#placeOf(slot)
    if (place === undefined) return
    place.hooks = []
    this.#log('error', place.component, 'an agent was stopped', { ...nameOf(place.agent), reason })
    // Connections that begin from now on are for others. A reload has asked for more than what runs, and asks again itself.
    place.dissectors = []
    void this.#reloading.then(() => this.#ask(this.#running()))
  }

  #restarted(reason: string): void {
    this.#restarts++
    this.#ledger.restarted((slot) => this.#unackedOf(slot))
    for (const place of this.#places) {
      if (place.loadError !== undefined || this.#ledger.account(place.slot).stopped !== '') continue
      this.#line({ slot: place.slot, level: 'warn', text: `started anew, its variables are lost: ${reason}` })
    }
  }

  #notRevived(slot: number, reason: string): void {
    this.#stopped(slot, reason)
    this.#ledger.left(slot, this.#unackedOf(slot))
  }

  /** Events that were sent to a slot, and of which nobody knows yet what became of them. */
  #unackedOf(slot: number): { items: number; packets: number } {
    const place = this.#placeOf(slot)
    if (place === undefined) return { items: 0, packets: 0 }
    const mine = this.#inFlight.filter((frame) => frame.slots.includes(slot))
    return {
      items: mine.reduce((sum, frame) => sum + this.#itemsFor(place, frame.items), 0),
      packets: mine.reduce((sum, frame) => sum + this.#packetsFor(place, frame.packets), 0),
    }
  }

  /** For agents with onLogCall. */
  #log(level: LogMessage['level'], component: LogMessage['component'], message: string, more: object): void {
    if (!this.#places.some((place) => place.component === component && place.hooks.includes('onLogCall')))
      return
    this.#sandbox?.log({ level, component, record: { message, ...more } })
  }

  #line({ slot, level, text }: Line): void {
    const place = this.#placeOf(slot)
    if (place === undefined) return
    const node = place.component === 'hub' ? 'hub' : this.#options.nodeName
    this.#observer.line({ node, agent: place.agent, level, text })
  }

  #placeOf(slot: number): Place | undefined {
    return this.#places.find((place) => place.slot === slot)
  }

  #results(): AgentResult[] {
    return this.#places.map(({ agent, component, slot, loadError }) => ({
      agent,
      component,
      account: this.#ledger.account(slot),
      loadError,
    }))
  }

  #post(message: ToCapture): void {
    this.#thread?.postMessage(message)
  }
}

/** The layouts of what agents read stand behind those of the protocols that we read. */
function layoutsMessage(
  version: number,
  items: ReadonlySet<string>,
  dissectors: readonly { readonly slot: number; readonly settings: DissectorSettings }[],
): LayoutsMessage {
  const known = layoutsFor(knownProtocols, items)
  const made = layoutsFor(
    dissectors.map(({ settings }) => agentProtocol(settings)),
    items,
  )
  return {
    version,
    layouts: [...known, ...made],
    dissectors: dissectors.map(({ slot, settings: { name } }, at) => ({
      slot,
      name,
      layout: known.length + at,
    })),
  }
}

type Numbers = Readonly<Record<string, number>>

/** Name by name. Names may be those of what every object has. */
export function both(a: Numbers, b: Numbers): Record<string, number> {
  const total = new Map(Object.entries(a))
  for (const [name, number] of Object.entries(b)) total.set(name, (total.get(name) ?? 0) + number)
  return Object.fromEntries(total)
}

function sum(a: MadeCounters, b: MadeCounters): MadeCounters {
  return {
    items: a.items + b.items,
    entries: both(a.entries, b.entries),
    dissected: a.dissected + b.dissected,
    skipped: both(a.skipped, b.skipped),
    invalid: both(a.invalid, b.invalid),
  }
}

function nameOf({ index, title, file }: Agent) {
  return { script: index, title, file }
}

const NOTHING_MADE: MadeCounters = { items: 0, entries: {}, dissected: 0, skipped: {}, invalid: {} }
const WORKER_ADDRESS = '127.0.0.1:48999'
/** Jobs are due on whole seconds; this is how late they may be. */
const TICK_MS = 50
const TICKS_BEHIND = 2
const WARN_EVERY_MS = 1000
