import vm from 'node:vm'
import type { Side } from '../../dissect/dissector.ts'
import type { Layout } from '../../entry/layout.ts'
import type { DissectorSettings } from './agent-protocol.ts'
import { type BootstrapHost, bootstrap, type MakerSource, type Realm } from './bootstrap.ts'
import { bytesView } from './bytes-view.ts'
import { type Exported, PendingExports } from './exports.ts'
import { Faults } from './faults.ts'
import { makerSource, packetMakerSource } from './makers.ts'
import { placeOfCall, withPlace } from './place.ts'
import { podView } from './pod-view.ts'
import { type HostConfig, IGNORED, type Line, type LoadAgent, type SlotCounters, THIS } from './protocol.ts'
import type { JobScope } from './scheduler.ts'
import { readSettings } from './settings.ts'
import { PendingShares } from './shared.ts'
import type { SharedObject } from './shared-object.ts'
import { Tracer } from './trace.ts'

/** What a slot needs from the sandbox around it. */
export interface SlotHost {
  readonly config: HostConfig
  /** What time it is for an agent, ms since the epoch. */
  now(slot: Slot): number
  print(slot: Slot, level: Line['level'], text: string): void
  call(slot: Slot, path: string, args: string, place: number): string
  /** Answers the task that it replaces; 0 for none. */
  schedule(slot: Slot, task: ScheduledTask): number
  jobs(slot: Slot, what: string, tag: string): string
  timer(slot: Slot, task: number, ms: number, repeat: boolean): void
  clearTimer(slot: Slot, task: number): void
  hubAction(slot: Slot, action: string, object: string | undefined): void
  /** What an agent wrote on an entry, as JSON text. */
  mark(item: number, marks: string): void
  match(slot: Slot, query: string, entry: string): boolean
  validate(query: string): boolean
  /** Still at work; tells the watchdog from time to time. */
  progress(): void
  shared(component: LoadAgent['component']): SharedObject<number>
  /** It has added something by `cluster.*`. */
  shares(slot: Slot): void
  /** It has exported something by `prometheus.*`. */
  exports(slot: Slot): void
}

/** What `jobs.schedule` says. */
export interface ScheduledTask {
  readonly tag: string
  readonly cron: string
  readonly limit: number
  readonly scope: JobScope
  readonly task: number
}

/** As V8 says it. */
const STACK_OVERFLOW = /^RangeError: Maximum call stack/
const ERROR = /^\w*Error\b/
const WITHOUT_IT = /^TypeError: Cannot read properties of (null|undefined)/

/** An agent in its realm, on one component. */
export class Slot {
  readonly agent: LoadAgent
  readonly counters: SlotCounters
  /** Names of the hooks that it defined while loading. */
  hooks: readonly string[] = []
  /** Dissectors that it defined while loading, in this order. */
  readonly dissectors: DissectorSettings[] = []
  /**
   * The item and the packet at hand or next, and failures in a row of either hook, written by the realm as it goes;
   * where items and packets end, read by it; and whether an item has ever gone well, which it writes.
   */
  readonly position = new Int32Array(7)
  /** It is in the middle of an event, or was stopped in it. */
  #isGiven = false
  #countedItems = 0
  #countedPackets = 0
  /** What it was given last. */
  given: 'items' | 'packets' = 'items'
  readonly wantsItems: boolean
  readonly wantsPackets: boolean
  /** Jobs and timers that may still run because the capture stood still for long; what is due beyond is left out. */
  ticksLeft = MOST_TICKS_OF_SILENCE
  /** Another version has taken its place, or it was removed. */
  isUnloaded = false
  /** What it does, call by call; undefined where nothing is traced. */
  readonly tracer: Tracer | undefined
  /** What it has added by `cluster.*`. */
  readonly shares = new PendingShares(() => this.#host.shares(this))
  /** What it exports by `prometheus.*`. */
  readonly exports = new PendingExports(
    () => this.#host.exports(this),
    (level, text) => this.#host.print(this, level, text),
  )
  /** Layouts it has makers for. */
  layoutsVersion = -1
  readonly #host: SlotHost
  #realm: Realm | undefined
  #context: vm.Context | undefined
  #buildPackets: ((...columns: unknown[]) => (at: number) => object) | undefined
  readonly #faults: Faults
  /** Messages seen before, and how often since they were last printed. */
  readonly #repeats = new Map<string, number>()
  #queryLayouts: readonly Layout[] | undefined
  /** What is left of what one call may print, and wait for helpers. */
  #lines = 0
  #bytes = 0
  #waitMs = 0
  /** What is left of what it may print before anybody has got it. */
  #batchBytes = 0
  /** The event at which `#lines`, `#bytes` and `#waitMs` were last filled up. */
  #filledAtItem = 0
  #filledAtPacket = 0

  constructor(agent: LoadAgent, host: SlotHost) {
    this.agent = agent
    this.#host = host
    this.wantsItems = agent.wantedItem.length > 0
    this.wantsPackets = agent.wantedPacket.length > 0
    this.#faults = new Faults(agent.file)
    this.counters = { ...newCounters(agent.slot), faults: this.#faults.list }
    this.tracer = host.config.traced ? new Tracer() : undefined
    // Its own microtask queue is one that nothing ever runs: what an agent puts there cannot come back as a call.
    this.#context = vm.createContext(vm.constants.DONT_CONTEXTIFY, {
      codeGeneration: { strings: false, wasm: false },
      microtaskMode: 'afterEvaluate',
    })
    this.#realm = this.#boot(this.#context)
  }

  /** The realm, for as long as it is referred to: to tell contexts apart when memory is measured. */
  get context(): vm.Context | undefined {
    return this.#context
  }

  /** Runs the script once. Answers what went wrong, or "". */
  start(): string {
    const { source, file } = this.agent
    // In a script, `var console = console || {}` leaves a global as it is: as a parameter it begins like one.
    const vars = this.agent.vars.filter((name) => this.#live.hasGlobal(name))
    const lookup = hookLookup(this.#host.config.hooks, source)
    const run = vm.compileFunction(source + lookup, [THIS, ...vars], { ...this.#within(), filename: file })
    this.#startCalls()
    const failure = this.#live.start(run, vars)
    if (failure !== '') return this.#located(failure)
    this.hooks = this.#host.config.hooks.filter((_, hook) => this.#live.has(hook))
    return ''
  }

  /** Whether a script has refused to run on the hub: what it threw is no error (agent-api §11, row 30). */
  declines(failure: string): boolean {
    const isError = failure === '' || this.counters.stopped !== '' || ERROR.test(failure)
    return this.agent.component === 'hub' && !isError
  }

  setLayouts(version: number, layouts: readonly Layout[]): void {
    if (!this.wantsItems) return
    this.layoutsVersion = version
    const source = makerSource(layouts, new Set(this.agent.wantedItem))
    const make = vm.compileFunction(source, [], this.#within())() as MakerSource
    this.#live.setMakers(make)
  }

  /** The next event that it has not had, or the one that it was stopped in. */
  get nextItem(): number {
    return this.position[0] as number
  }

  get nextPacket(): number {
    return this.position[1] as number
  }

  /** Where the events that it may be given for now end. */
  get itemLimit(): number {
    return this.position[4] as number
  }

  get packetLimit(): number {
    return this.position[5] as number
  }

  startBatch(): void {
    this.position[0] = this.position[1] = 0
    this.#failedOutsideAt = -1
    this.#countedItems = this.#countedPackets = 0
    this.#madeCharacters = 0
    this.#fillUpBatch()
  }

  limit(items: number, packets: number): void {
    this.position[4] = items
    this.position[5] = packets
  }

  /** While it is given events: they end here, but not before the one at hand. */
  lowerLimit(items: number, packets: number): void {
    const atItem = this.nextItem + (this.given === 'items' ? 1 : 0)
    const atPacket = this.nextPacket + (this.given === 'packets' ? 1 : 0)
    this.position[4] = Math.min(this.itemLimit, Math.max(items, atItem))
    this.position[5] = Math.min(this.packetLimit, Math.max(packets, atPacket))
  }

  skipToLimit(): void {
    this.position[0] = Math.max(this.nextItem, this.itemLimit)
    this.position[1] = Math.max(this.nextPacket, this.packetLimit)
    this.#countedItems = this.nextItem
    this.#countedPackets = this.nextPacket
  }

  /** The event in which it was stopped counts as delivered: it has seen it. */
  countDelivered(): void {
    if (this.counters.stopped !== '' && this.#isGiven) {
      const at = this.given === 'items' ? 0 : 1
      this.position[at] = (this.position[at] as number) + 1
    }
    this.#isGiven = false
    const items = this.wantsItems ? this.nextItem - this.#countedItems : 0
    const packets = this.wantsPackets ? this.nextPacket - this.#countedPackets : 0
    if (items > 0) this.tracer?.called('onItemCaptured', items, 0)
    if (packets > 0) this.tracer?.called('onPacketCaptured', packets, 0)
    this.counters.items += items
    this.counters.packets += packets
    this.counters.calls += items + packets
    this.#countedItems = this.nextItem
    this.#countedPackets = this.nextPacket
  }

  /** Items from the next one on. */
  items(rows: readonly (readonly unknown[])[], to: number): void {
    this.#fillUp(1)
    this.given = 'items'
    this.#isGiven = true
    this.#isGiven = this.#live.items(rows, this.nextItem, to, this.position)
  }

  packets(columns: readonly unknown[], to: number): void {
    this.#fillUp(1)
    if (this.#buildPackets === undefined) {
      const source = packetMakerSource(new Set(this.agent.wantedPacket))
      const build = vm.compileFunction(source, [], this.#within())
      this.#buildPackets = build() as (...columns: unknown[]) => (at: number) => object
    }
    const maker = this.#live.packetMaker(this.#buildPackets, columns)
    this.given = 'packets'
    this.#isGiven = true
    this.#isGiven = this.#live.packets(maker, this.nextPacket, to, this.position)
  }

  /** Runs a job or a timer. Answers what went wrong, or "". */
  task(id: number, once: boolean): string {
    this.#startCalls(JOB_CALLS)
    const failure = this.#live.task(id, once)
    return failure === '' ? '' : this.#located(failure)
  }

  forget(id: number): void {
    this.#live.forget(id)
  }

  call(hook: string, texts: readonly (string | undefined)[]): void {
    this.#startCalls()
    this.counters.calls++
    this.#live.call(this.#host.config.hooks.indexOf(hook), texts)
  }

  /** Whether the bytes, a character each, are of the protocol of a dissector. What it throws is told, and means no. */
  probe(dissector: number, text: string, from: Side): 'match' | 'reject' | 'unsure' {
    this.#fillUp(1)
    const answer = this.#live.probe(dissector, text, from)
    if (answer === 'match' || answer === 'unsure' || answer === 'reject') {
      this.#failures.probe = 0
      return answer
    }
    this.#dissectorFailed(dissector, 'probe', answer)
    return 'reject'
  }

  /** What the dissector makes of the bytes, as JSON; "" for nothing, `false` when it throws, which is told. */
  parse(dissector: number, session: number, text: string, from: Side): string {
    this.#fillUp(1)
    const answer = this.#live.parse(dissector, session, text, from)
    this.#madeCharacters += answer.length
    if (this.#madeCharacters > MOST_MADE)
      this.stop('its dissector makes far more of the traffic than there is')
    if (answer[0] !== '!') return answer
    this.#dissectorFailed(dissector, 'parse', answer.slice(1))
    return 'false'
  }

  /** The dissector's answer made sense. */
  parsed(): void {
    this.#failures.parse = 0
  }

  endSession(session: number): void {
    this.#live.endSession(session)
  }

  complain(dissector: number, problem: string): void {
    this.#dissectorFailed(dissector, 'parse', problem)
  }

  #dissectorFailed(dissector: number, what: 'probe' | 'parse', failure: string): void {
    const { name } = this.dissectors[dissector] as DissectorSettings
    this.counters.errors++
    this.fault(`dissector ${name}: ${what}`, this.#located(failure))
    const failures = ++this.#failures[what]
    if (failures < this.#host.config.budgets.failures) return
    this.stop(`dissector ${name} failed ${failures} times in a row: ${failure.split('\n', 1)[0]}`)
  }
  /** In a row. */
  readonly #failures = { probe: 0, parse: 0 }
  /** Of the batch at hand. */
  #madeCharacters = 0

  /**
   * Lets the agent see an entry on its way to a person. Answers what it made of it as JSON text, or `unchanged`,
   * `hidden`, or `half`: it failed after it had begun to change it.
   */
  query(row: readonly unknown[], layouts: readonly Layout[], text: string, filter: string): string {
    this.#startCalls()
    this.counters.calls++
    if (this.#queryLayouts !== layouts) {
      const source = vm.compileFunction(
        makerSource(layouts, new Set(['*'])),
        [],
        this.#within(),
      )() as MakerSource
      this.#live.setQueryMakers(source)
      this.#queryLayouts = layouts
    }
    return this.#live.query(row, text, filter)
  }

  /** Errors that were counted but not printed. */
  flushRepeats(): void {
    for (const [text, times] of this.#repeats) {
      if (times > 0) this.#host.print(this, 'error', `${text} (${times} more like it)`)
      this.#repeats.set(text, 0)
    }
  }

  stop(reason: string): void {
    if (this.counters.stopped === '') this.counters.stopped = reason
  }

  /** Lets go of everything that the script holds. Only the counters are left. */
  dispose(): void {
    this.#realm = undefined
    this.#context = undefined
    this.#buildPackets = undefined
  }

  get #live(): Realm {
    if (this.#realm === undefined)
      throw new Error(`agent "${this.agent.title}" is used after it was disposed of`)
    return this.#realm
  }

  #within(): { parsingContext: vm.Context } {
    return { parsingContext: this.#context as vm.Context }
  }

  #boot(context: vm.Context): Realm {
    const { config } = this.#host
    const hook = (name: string) => config.hooks.indexOf(name)
    const make = BOOT.runInContext(context) as (host: BootstrapHost, settings: unknown) => Realm
    return make(this.#bootstrapHost(), {
      nodeName: this.agent.component === 'hub' ? 'hub' : config.nodeName,
      env: JSON.stringify(config.env),
      virtualTime: config.virtualTime,
      sharesThis: this.agent.sharesThis,
      thisInMessages: `${THIS}(...)`,
      bytes: this.agent.bodies === 'bytes',
      removed: REMOVED,
      isES5: config.language === 'es5',
      stubs: config.stubs,
      ignored: IGNORED,
      itemHook: hook('onItemCaptured'),
      packetHook: hook('onPacketCaptured'),
      queryHook: hook('onItemQueried'),
      podHook: hook('onPodEvent'),
      marks: config.query !== null || config.marks,
      longestValue: LONGEST_VALUE,
      longestLine: LONGEST_LINE,
      longestCall: LONGEST_CALL,
      longestMarks: LONGEST_MARKS,
      longestAnswer: LONGEST_ANSWER,
      longestArray: LONGEST_ARRAY,
      longestText: LONGEST_TEXT,
      mostCharacters: MOST_CHARACTERS,
      mostLocales: MOST_LOCALES,
      longestWork: LONGEST_WORK,
      longestNormal: LONGEST_NORMAL,
      mostComparisons: MOST_COMPARISONS,
    })
  }

  #bootstrapHost(): BootstrapHost {
    const host = this.#host
    const shared = host.shared(this.agent.component)
    return {
      print: (level, line) => {
        this.print(LEVELS[level] as Line['level'], line)
        return undefined
      },
      call: (path, args, place) => host.call(this, path, args, place),
      now: () => host.now(this),
      schedule: (tag, cron, limit, isCluster, task) =>
        host.schedule(this, { tag, cron, limit, scope: isCluster ? 'cluster' : 'node', task }),
      jobs: (what, tag) => host.jobs(this, what, tag),
      timer: (task, ms, repeat) => {
        host.timer(this, task, ms, repeat)
        return undefined
      },
      clearTimer: (task) => {
        host.clearTimer(this, task)
        return undefined
      },
      hubAction: (action, object) => {
        host.hubAction(this, action, object)
        return undefined
      },
      mark: (at, marks) => {
        host.mark(at, marks)
      },
      count: (name, by) => this.shares.count(name, by),
      countKey: (name, key, by) => this.shares.countKey(name, key, by),
      countUnique: (name, value) => this.shares.countUnique(name, value),
      measure: (name, value) => this.shares.measure(name, value),
      exported: (path, how, name, help, value, labels, mode, buckets) =>
        this.exports.put({
          path,
          how: how as Exported['how'],
          name,
          help,
          value,
          labels,
          mode: mode as Exported['mode'],
          buckets,
        }),
      match: (query, entry) => host.match(this, query, entry),
      validate: (query) => host.validate(query),
      dissector: (settings) => this.#define(readSettings(settings, host.config.protocols)),
      failed: (hook, message, stack) => this.#failed(hook, message, stack),
      progress: () => host.progress(),
      sharedHas: (key) => shared.has(key),
      sharedGet: (key) => shared.get(key),
      sharedSet: (key, value) => {
        shared.set(this.agent.slot, key, value)
      },
      sharedDelete: (key) => {
        shared.delete(key)
      },
      sharedKeys: () => JSON.stringify(shared.keys()),
    }
  }

  /** Answers its number. */
  #define(settings: DissectorSettings): number {
    if (this.dissectors.some(({ name }) => name === settings.name))
      throw new Error(`dissector: this script has one called "${settings.name}" already`)
    return this.dissectors.push(settings) - 1
  }

  #failed(hook: number, message: string, stack: string): boolean {
    const name = this.#host.config.hooks[hook] as string
    this.counters.errors++
    this.fault(name, this.#located(`${message}\n${stack}`))
    if (this.counters.stopped !== '') return true
    const failures = this.#hopelessFailures(name, message)
    if (failures < this.#host.config.budgets.failures) return false
    this.stop(`${name} failed ${failures} times in a row: ${message}`)
    return true
  }

  /**
   * Failures in a row that end in a stop. A hook for entries that has worked goes on: it may fail for a while, as long as a
   * service does not reply, without anything wrong in it but that. Those of calls outside are the fault of others, and who reads what
   * entries of another protocol do not have waits for one that has it. Each that fills the whole stack is hostile.
   */
  #hopelessFailures(hook: string, message: string): number {
    if (hook === 'onPacketCaptured') return this.position[3] as number
    if (hook !== 'onItemCaptured') return 0
    const failures = this.position[2] as number
    if (STACK_OVERFLOW.test(message)) return failures
    if (this.#failedOutsideAt === this.nextItem || WITHOUT_IT.test(message)) this.#excused++
    return this.position[6] === 1 ? 0 : failures - this.#excused
  }
  /** Of an agent that has never worked. */
  #excused = 0
  /** The item in whose hook a call outside has failed last. */
  #failedOutsideAt = -1

  failedOutside(): void {
    if (this.given === 'items') this.#failedOutsideAt = this.nextItem
  }

  /** Something of it has failed, `where` says what: tells it. */
  fault(where: string, message: string): void {
    this.tracer?.failed(where)
    this.report(`${where}: ${message}`)
  }

  /** A call that it did not wait for has failed. */
  callFailed(message: string, place: number): void {
    this.counters.errors++
    this.report(withPlace(message, this.agent.file, placeOfCall(place)))
  }

  /** A job of it has run so long, without what it waited for helpers. */
  computed(what: string, ms: number): void {
    if (ms < this.#host.config.budgets.slowJobMs) return
    const seconds = (ms / 1000).toFixed(1)
    this.tellOnce('warn', `${what} takes long, ${seconds} s this time: all agents here wait for it`, what)
  }

  /** For what is no error, and the same each time; so is what has the same key. */
  tellOnce(level: 'info' | 'warn', text: string, key = text): void {
    if (this.#told.has(key) || this.#told.size >= MOST_DIFFERENT_ERRORS) return
    this.#told.add(key)
    this.#host.print(this, level, text)
  }
  readonly #told = new Set<string>()

  /** Prints an error, and the same one again only as a number. */
  report(text: string): void {
    this.#faults.note(text)
    const times = this.#repeats.get(text)
    if (times !== undefined) this.#repeats.set(text, times + 1)
    else {
      if (this.#repeats.size >= MOST_DIFFERENT_ERRORS) {
        const [oldest] = this.#repeats
        if (oldest !== undefined) this.#repeats.delete(oldest[0])
      }
      this.#repeats.set(text, 0)
      this.#host.print(this, 'error', text)
    }
  }

  /** The message, with where in the script it arose: the first line of the stack that lies in it. */
  #located(failure: string): string {
    const [message, ...stack] = failure.split('\n')
    for (const line of stack) {
      const at = line.lastIndexOf(`${this.agent.file}:`)
      if (at < 0) continue
      const place = /^:(\d+):(\d+)/.exec(line.slice(at + this.agent.file.length))
      if (place === null) continue
      const row = Number(place[1])
      const column = this.#column(row, Number(place[2]))
      return withPlace(hintFor(message as string, this.#host.config.env), this.agent.file, {
        line: row,
        column,
      })
    }
    return hintFor(message as string, this.#host.config.env)
  }

  #column(row: number, column: number): number {
    let shift = 0
    for (const [line, at, length] of this.agent.insertions)
      if (line === row && at + shift < column) shift += length
    return column - shift
  }

  /** Before a call that is none of those for a batch. */
  #startCalls(times = 1): void {
    this.#fillUp(times)
    this.#fillUpBatch()
  }

  #fillUpBatch(): void {
    this.#batchBytes = MOST_CALLS_BYTES * this.#host.config.budgets.bytesPerCall
  }

  #fillUp(times: number): void {
    const { linesPerCall, bytesPerCall, waitMsPerCall } = this.#host.config.budgets
    this.#lines = linesPerCall * times
    this.#bytes = bytesPerCall * times
    this.#waitMs = waitMsPerCall * times
    this.#filledAtItem = this.position[0] as number
    this.#filledAtPacket = this.position[1] as number
  }

  /** The realm goes from event to event by itself: where it is now tells that another call has begun. */
  #noticeNextCall(): void {
    if (this.position[0] !== this.#filledAtItem || this.position[1] !== this.#filledAtPacket) this.#fillUp(1)
  }

  /** Prints a line. An agent that floods its console is stopped: throws into it, and the slot is marked. */
  print(level: Line['level'], line: string): void {
    this.#noticeNextCall()
    this.#lines--
    this.#bytes -= line.length
    this.#batchBytes -= line.length
    if (this.#lines < 0 || this.#bytes < 0 || this.#batchBytes < 0) {
      this.stop('it flooded the console: too many lines in one call')
      throw new Error('the console is flooded: too many lines in one call')
    }
    this.#host.print(this, level, line)
  }

  /** As all others here have had to wait as well, it is told when that is much: not for `waited` to throw. */
  heldUp(path: string, ms: number): void {
    const now = performance.now()
    if (now > this.#heldUpFrom + HELD_UP_WITHIN_MS) {
      this.#heldUpFrom = now
      this.#heldUpMs = 0
    }
    this.#heldUpMs += ms
    if (this.#heldUpMs < MUCH_HELD_UP_MS || now < this.#toldAt + HELD_UP_EVERY_MS) return
    this.#toldAt = now
    const seconds = (this.#heldUpMs / 1000).toFixed(1)
    const isQueued = this.#host.config.stubs.some((stub) => stub.path === path && stub.isQueued)
    const way = isQueued
      ? `; ${path}.queue, or a call whose answer it does not look at, is not waited for`
      : ''
    this.#host.print(
      this,
      'warn',
      `${path}: within ten seconds of traffic this agent has waited ${seconds} s for helpers, and all agents here with it${way}`,
    )
  }
  #heldUpFrom = Number.NEGATIVE_INFINITY
  #heldUpMs = 0
  #toldAt = Number.NEGATIVE_INFINITY

  /** A helper has kept it waiting. Who has waited for too long in one call is stopped: throws into it. */
  waited(ms: number): void {
    this.#noticeNextCall()
    this.counters.waitMicros += Math.round(ms * 1000)
    this.#waitMs -= ms
    if (this.#waitMs >= 0) return
    this.stop('it waited for helpers for too long in one call')
    throw new Error('helpers have taken too long in this call')
  }
}

/**
 * Makes the inside of a realm; compiled once for all of them. Strict, so that no caller, arguments or function of ours
 * can be had from a stack.
 */
const BOOT = new vm.Script(
  `'use strict'; (host, settings) => (${bootstrap.toString()})(host, settings, (${bytesView.toString()})(), (${podView.toString()})())`,
  { filename: 'remora' },
)

export function newCounters(slot: number): SlotCounters {
  return {
    slot,
    items: 0,
    packets: 0,
    calls: 0,
    errors: 0,
    jobRuns: 0,
    jobErrors: 0,
    micros: 0,
    waitMicros: 0,
    heapBytes: 0,
    missedItems: 0,
    missedPackets: 0,
    pods: 0,
    missedPods: 0,
    stopped: '',
    faults: [],
  }
}

/**
 * Looks hooks up by number when they are called, so that one assigned later counts as well (agent-api §2.4). Those that
 * the script does not name can only be on the shared `this`, and are another script's.
 */
function hookLookup(hooks: readonly string[], source: string): string {
  const cases = hooks.flatMap((name, at) =>
    source.includes(name) ? `case ${at}: return typeof ${name} === 'function' ? ${name} : undefined` : [],
  )
  return `\n;return function (hook) { switch (hook) { ${cases.join('; ')} } }`
}

/** Bare use of a key of `env` is the commonest slip in public scripts (agent-api §2.6). */
function hintFor(message: string, env: Readonly<Record<string, unknown>>): string {
  const name = /^ReferenceError: (\S+) is not defined/.exec(message)?.[1]
  return name !== undefined && Object.hasOwn(env, name) ? `${message}; did you mean env.${name}?` : message
}

const LEVELS = ['log', 'error', 'warn', 'info', 'debug', 'clear'] as const

/** Not in ES5, and each a way to memory outside the heap, to code that runs later, or into the host. */
const REMOVED = [
  'ArrayBuffer',
  'SharedArrayBuffer',
  'Atomics',
  'DataView',
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float16Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'WebAssembly',
  'Intl',
  'Proxy',
  'Reflect',
  'WeakRef',
  'FinalizationRegistry',
  'Promise',
  'ShadowRealm',
  'AsyncDisposableStack',
  'Temporal',
]

/** Characters of one value and of one line on the console. */
const LONGEST_VALUE = 16 << 10
const LONGEST_LINE = 64 << 10
/** Characters of JSON: several bytes each, they must fit into a frame (`LONGEST_UP`). */
const LONGEST_CALL = 12 << 20
const LONGEST_MARKS = 64 << 10
/** Every agent that reads the entry gets a copy of what is in it. */
const LONGEST_ANSWER = 256 << 10
/** Elements and characters that native functions may be asked to run over. */
const LONGEST_ARRAY = 1 << 20
const LONGEST_TEXT = 1 << 25
const MOST_CHARACTERS = 1 << 16
const MOST_LOCALES = 100
const LONGEST_WORK = 1 << 22
const LONGEST_NORMAL = 1 << 15
const MOST_COMPARISONS = 2 ** 29
/** A job may print as much as so many hooks: reports are longer than what a hook says. It may wait as much longer. */
const JOB_CALLS = 10
/** What the calls of one batch may print together, as so many times what one may. */
const MOST_CALLS_BYTES = 16
const HELD_UP_WITHIN_MS = 10_000
const MUCH_HELD_UP_MS = 2000
const HELD_UP_EVERY_MS = 60_000
const MOST_DIFFERENT_ERRORS = 50
/** Characters that a dissector may answer to the bytes of a batch, which are 256 KiB or little more. */
const MOST_MADE = 16 << 20
/** More than five hours, second by second. */
const MOST_TICKS_OF_SILENCE = 20_000
