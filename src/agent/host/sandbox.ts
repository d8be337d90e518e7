import { readSync, writeSync } from 'node:fs'
import { getHeapStatistics } from 'node:v8'
import type { EntryOrigin, Exchange } from '../../entry/entry.ts'
import type { Layout } from '../../entry/layout.ts'
import type { Protocol } from '../../entry/protocol.ts'
import { compileFilter, type Filter, FilterCache, validateFilter } from '../../filter/index.ts'
import { WORKERS_ONLY } from '../../mistake/workers-only.ts'
import type { EntryMarks, JobFigures, JobRun, JobsAnswer } from '../answers.ts'
import { AgentDissection, type AgentReader, agentRow } from './agent-dissection.ts'
import type { DissectorSettings } from './agent-protocol.ts'
import { type Frame, FrameReader, frameOf, writeFrame } from './frames.ts'
import {
  type AckMessage,
  type ActionErrand,
  BATCH_FIXED,
  CALL,
  CALLS,
  calendarMs,
  DOWN,
  type ErrandMessage,
  type FailedCall,
  type HostConfig,
  type HostEvent,
  HUB_ACTION,
  type JobErrand,
  type JobsErrand,
  type JobsOrder,
  type LayoutsMessage,
  type Line,
  type LoadAgent,
  type LogMessage,
  type MadeCounters,
  type Marks,
  MEANT_AT,
  MOST_CALLS_AT_ONCE,
  type OutputMessage,
  PACKET_COLUMNS,
  type PodEvent,
  type PodsMessage,
  type QueryErrand,
  type SlotCounters,
  type SlotShares,
  UP,
} from './protocol.ts'
import { changedPaths, EntryQuery, emptied, Passage, type QueriedEntry, StoredEntries } from './query.ts'
import { RELAYED } from './relayed.ts'
import { type Due, type Job, Scheduler } from './scheduler.ts'
import { SharedObject } from './shared-object.ts'
import { type ScheduledTask, Slot, type SlotHost } from './slot.ts'

/** Packets and entries of a batch, as the slots get them. */
interface Batch {
  readonly seq: number
  readonly version: number
  readonly rows: readonly (readonly unknown[])[]
  /** Packets of the batch that came before item i, and when it came (ms). */
  readonly positions: Uint32Array
  readonly itemTimes: Float64Array
  readonly packets: number
  /** When packet i came (ms). */
  readonly packetTimes: Float64Array
  /** Columns as the packet makers take them. */
  readonly columns: readonly unknown[]
  /** The capture has come to here (ms). */
  readonly untilMs: number
}

/** A call of a helper that nobody waits for, on its way out. */
interface LaterCall {
  readonly slot: Slot
  /** Where it stands in the script, see `callPlace`. */
  readonly place: number
  /** `CallMessage` */
  readonly text: string
}

/** A call that several agents get. */
interface Broadcast {
  readonly hook: 'onHubAction' | 'onLogCall' | 'onPodEvent'
  /** Who gets it: all of a component, or these slots. */
  readonly to: 'worker' | 'hub' | readonly number[]
  readonly args: readonly (string | undefined)[]
  /** Who called hub.action, when, and the event in whose hook. */
  readonly sender: Slot | undefined
  readonly ms: number
  readonly key: number | undefined
  /** It is not told before its time. */
  readonly isTimed?: boolean
  /** The next slot to be told. */
  slot: number
}

/** An errand, and how far it has got. */
interface PendingErrand extends ErrandMessage {
  broadcast: Broadcast | undefined
  /** When its job was started. */
  beganMs: number | undefined
  /** The next of its entries, the one that is on its way, and how it goes. */
  at: number
  entry: QueriedEntry | undefined
  passage: Passage | undefined
  /** Characters of the entries so far. */
  characters: number
  isMeasured: boolean
}

const NOT_BEGUN = {
  broadcast: undefined,
  beganMs: undefined,
  at: 0,
  entry: undefined,
  passage: undefined,
  characters: 0,
  isMeasured: false,
}

/** Where the work on a batch stands. Every step is noted before it is taken: what is interrupted is not tried again. */
interface Work {
  batch: Batch
  item: number
  packet: number
  toItem: number
  toPacket: number
  /** The next slot to get the events up to there. */
  slot: number
  /** The next item to be queried, and the entry that is on its way. */
  queried: number
  entry: QueriedEntry | undefined
  phase: 'dissect' | 'cut' | 'events' | 'due' | 'done'
  /** What has come out of the dissectors of agents. */
  made: Made | undefined
  /** When all is done, every job runs once more. */
  finalRun: boolean
}

/** The items of a batch, those that dissectors of agents have read among the others. */
interface Made {
  /** The next row of the batch to be looked at. */
  row: number
  readonly rows: (readonly unknown[])[]
  readonly positions: number[]
  readonly times: number[]
  items: number
  readonly entries: Map<string, number>
}

/** What an agent has run of its jobs and timers since the last event. */
interface Pace {
  runs: number
  /** When the last of each `MOST_TICKS` was due (ms). */
  at: number
}

/**
 * All agents of one sandbox process: gives them events in order, runs their jobs in between at the right moment, and
 * answers each frame. Synchronous from end to end; nothing here ever runs a microtask.
 */
export class Sandbox implements SlotHost {
  config: HostConfig = undefined as unknown as HostConfig
  readonly #frames = new FrameReader(DATA)
  readonly #replies = new FrameReader(BRIDGE)
  readonly #scheduler = new Scheduler<Slot>()
  readonly #shared = { worker: new SharedObject<number>(), hub: new SharedObject<number>() }
  #filters = new FilterCache(MOST_FILTERS)
  /** Words that stand for filters: those of the configuration, and names of protocols that agents read. */
  #macros: HostConfig['macros'] = {}
  #slots: Slot[] = []
  /** Every realm that was made and may still be there, oldest first. */
  #contexts: { readonly slot: Slot; readonly context: WeakRef<object> }[] = []
  #measureAbove = Number.POSITIVE_INFINITY
  /** By version: batches that were made for an earlier demand are still on their way when a new one comes. */
  readonly #layouts = new Map<
    number,
    Pick<LayoutsMessage, 'dissectors'> & { readonly layouts: readonly Layout[] }
  >()
  #nowMs = 0
  #work: Work | undefined
  /** Frame whose acknowledgement is due. */
  #owes: number | undefined
  #running: Slot | undefined
  /** Those whose counters are not what the last acknowledgement said: agents that do nothing cost nothing. */
  readonly #changed = new Set<Slot>()
  #startedAt = 0
  #markedAt = 0
  #marks = 0
  readonly #mark = Buffer.alloc(16)
  #lines: Line[] = []
  /** Lines of the events at hand, to be put in the order of the events. */
  #eventLines: { key: number; line: Line }[] = []
  #inEvents = false
  /** What every agent of a component is to hear, oldest first. */
  readonly #broadcasts: Broadcast[] = []
  #entries: string[] = []
  #query: EntryQuery | undefined
  #dissection = undefined as unknown as AgentDissection
  /** By item of the batch at hand. */
  readonly #marksOf = new Map<number, Marks>()
  #calls = 0
  #ended = false

  /**
   * Works until the other end is gone, or memory wants measuring. May be interrupted at any point, and called again
   * after `interrupted` or `measured`.
   */
  run(): 'gone' | 'measure' {
    this.#settle()
    for (;;) {
      if (this.#wantsMeasure || getHeapStatistics().used_heap_size > this.#measureAbove) return 'measure'
      const frame = this.#frames.next()
      if (frame === undefined) return 'gone'
      this.#handle(frame)
      this.#settle()
    }
  }

  /**
   * How much each realm holds, the youngest first, as V8 lists them. Stops agents that hold more than they may, and
   * the largest if all together are too many.
   */
  measured(sizes: readonly number[]): void {
    const alive = this.#contexts.filter(({ context }) => context.deref() !== undefined).reverse()
    const held = new Map<Slot, number>()
    if (alive.length === sizes.length)
      for (const [at, { slot }] of alive.entries()) held.set(slot, sizes[at] as number)
    this.#contexts = this.#contexts.filter(({ context }) => context.deref() !== undefined)
    for (const slot of this.#slots) held.set(slot, (held.get(slot) ?? 0) + this.#sharedBytesOf(slot))
    this.#noteHeld(held)
    const { memoryMb } = this.config.budgets
    const most = memoryMb * 2 ** 20
    for (const [slot, bytes] of held)
      if (bytes > most) this.#evict(slot, bytes, `more than the ${memoryMb} MB that an agent may`)
    const left = [...held].filter(([slot]) => slot.counters.stopped === '').sort((a, b) => b[1] - a[1])
    const total = left.reduce((sum, [, bytes]) => sum + bytes, 0)
    const [largest] = left
    if (total > this.config.budgets.allMb * 2 ** 20 && largest !== undefined)
      this.#evict(...largest, 'the most of all agents, which together hold too much')
    // Also what none of them holds: it must not be measured again for nothing.
    const used = getHeapStatistics().used_heap_size
    this.#measureAbove = Math.max(total * 1.5 + OWN_HEAP, OWN_HEAP + most, used + GROWTH)
  }

  #noteHeld(held: ReadonlyMap<Slot, number>): void {
    if (this.#errand !== undefined) this.#errand.isMeasured = true
    for (const slot of this.#slots) {
      slot.counters.heapBytes = held.get(slot) ?? 0
      this.#changed.add(slot)
    }
  }

  #sharedBytesOf({ agent }: Slot): number {
    return this.#shared[agent.component].bytesOf(agent.slot)
  }

  #evict(slot: Slot, bytes: number, why: string): void {
    slot.stop(`it holds ${Math.round(bytes / (1 << 20))} MB of memory, ${why}`)
    slot.dispose()
    this.#changed.add(slot)
    this.#scheduler.forget(slot)
    this.#shared[slot.agent.component].forget(slot.agent.slot)
    // An earlier version, which something still refers to, is no news to anybody.
    if (!this.#slots.includes(slot)) return
    writeFrame(DATA, UP.stopped, 0, { slot: slot.agent.slot, reason: slot.counters.stopped })
  }

  /** An interrupt came: stops the agent that was running. False when none was, and the state cannot be trusted. */
  interrupted(): boolean {
    const slot = this.#running
    if (slot === undefined) return false
    this.#running = undefined
    const { entry } = this.#work ?? {}
    if (entry !== undefined) this.#query?.passage.interrupted(entry, slot)
    const stored = this.#errand?.entry
    if (stored !== undefined) this.#errand?.passage?.interrupted(stored, slot)
    const earlier = slot.counters.stopped
    slot.stop('it was interrupted')
    this.#afterSlice(slot)
    this.#task = 0
    this.#inTimer = false
    this.#momentMs = undefined
    this.#telling = undefined
    // What it was reading is for the next one to look at.
    if (this.#dissection.interrupted() && this.#work?.made !== undefined) this.#work.made.row--
    if (!this.#slots.includes(slot)) this.#forget(slot)
    writeFrame(DATA, UP.stopped, 0, { slot: slot.agent.slot, reason: earlier })
    return true
  }

  #handle(frame: Frame): void {
    switch (frame.type) {
      case DOWN.config:
        this.config = json(frame)
        this.#nowMs = this.config.startMs
        this.#scheduler.clock = this.config.virtualTime ? undefined : Date.now
        this.#macros = this.config.macros
        this.#query = this.#openQuery()
        this.#dissection = new AgentDissection(this.config.origin, this.config.replyTimeoutSeconds)
        this.#measureAbove = OWN_HEAP + this.config.budgets.memoryMb * 2 ** 20
        writeFrame(DATA, UP.ready, frame.seq, {})
        return
      case DOWN.load:
        this.#load(json(frame))
        return
      case DOWN.unload:
        this.#unload((json(frame) as { slot: number }).slot)
        return
      case DOWN.layouts: {
        const message: LayoutsMessage = json(frame)
        this.#layouts.set(message.version, message as LayoutsMessage & { layouts: readonly Layout[] })
        return
      }
      case DOWN.batch:
        this.#owes = frame.seq
        this.#made = undefined
        this.#work = newWork(readBatch(frame), this.#dissection.isWaiting)
        for (const slot of this.#slots) slot.startBatch()
        this.#marksOf.clear()
        this.#forgetLayouts(this.#work.batch.version)
        return
      case DOWN.tick:
        this.#owes = frame.seq
        this.#work = newWork(emptyBatch((json(frame) as { nowMs: number }).nowMs))
        return
      case DOWN.end: {
        const { finalRun, untilMs } = json(frame) as { finalRun: boolean; untilMs: number | null }
        this.#owes = frame.seq
        this.#ended = true
        this.#work = { ...newWork(emptyBatch(calendarMs(untilMs ?? this.#nowMs))), finalRun }
        return
      }
      case DOWN.stored:
        this.#stored = new StoredEntries(json(frame))
        return
      case DOWN.errand:
        this.#owes = frame.seq
        this.#errand = { ...json<ErrandMessage>(frame), ...NOT_BEGUN }
        return
      case DOWN.log: {
        const { level, component, record } = json(frame) as LogMessage
        const time = new Date(this.#nowMs).toISOString()
        const args = [JSON.stringify(level), JSON.stringify(JSON.stringify({ level, time, ...record }))]
        this.#broadcasts.push({
          hook: 'onLogCall',
          to: component,
          args,
          sender: undefined,
          ms: this.#nowMs,
          key: undefined,
          slot: 0,
        })
        this.#owes = frame.seq
        this.#work = newWork(emptyBatch(this.#nowMs))
        return
      }
      case DOWN.pods: {
        const { slots, events, isTimed } = json<PodsMessage>(frame)
        for (const event of events) this.#broadcasts.push({ ...podBroadcast(slots, event), isTimed })
        this.#owes = frame.seq
        const untilMs = isTimed ? this.#nowMs : (events.at(-1)?.ms ?? 0)
        this.#work = newWork(emptyBatch(Math.max(this.#nowMs, untilMs)))
        return
      }
    }
  }

  #layoutsOf({ version }: Batch): readonly Layout[] {
    return this.#layouts.get(version)?.layouts ?? []
  }

  #forgetLayouts(before: number): void {
    for (const version of this.#layouts.keys()) if (version < before) this.#layouts.delete(version)
  }

  /** Finishes the work at hand and acknowledges it. Safe to enter again after an interrupt. */
  #settle(): void {
    if (this.#work !== undefined) {
      this.#proceed(this.#work)
      if (this.config.marks && this.#marksOf.size > 0) this.#collectMarks(this.#work.batch)
    }
    this.#work = undefined
    if (this.#wantsMeasure) return
    if (this.#errand !== undefined) this.#answer = this.#run(this.#errand)
    this.#errand = undefined
    if (this.#owes === undefined) return
    this.#sendCalls()
    if (this.#ended) this.#sayLastWords()
    this.#sendOutput()
    const shared = this.#takeShares()
    const ack: AckMessage = {
      seq: this.#owes,
      lines: this.#lines,
      slots: [...this.#changed].map(countersOf),
      nextDueMs: finite(this.#scheduler.nextDue),
      entries: this.#entries,
      marks: this.#marked,
      heapBytes: getHeapStatistics().used_heap_size,
      ...(this.#made === undefined ? {} : { made: this.#made }),
      ...(this.#answer === undefined ? {} : { answer: this.#answer }),
      ...this.#takeTold(),
      ...(shared === undefined ? {} : { shared: [shared] }),
    }
    this.#owes = undefined
    this.#answer = undefined
    this.#made = undefined
    this.#changed.clear()
    this.#lines = []
    this.#entries = []
    this.#marked = []
    writeFrame(DATA, UP.ack, ack.seq, ack)
  }

  get #wantsMeasure(): boolean {
    return this.#errand?.errand.kind === 'measure' && !this.#errand.isMeasured
  }

  /** Does what is asked for beside the traffic. Safe to enter again after an interrupt. */
  #run(pending: PendingErrand): unknown {
    const { errand } = pending
    switch (errand.kind) {
      case 'action':
        return this.#deliver(pending, errand)
      case 'jobs':
        return this.#ordered(errand)
      case 'job':
        return this.#runOrdered(pending, errand)
      case 'query':
        return this.#queryStored(pending, errand)
      case 'measure':
        return undefined
    }
  }
  #errand: PendingErrand | undefined
  #answer: unknown

  #deliver(pending: PendingErrand, { action, object, meta }: ActionErrand): undefined {
    const said = pending.isAgain ? { ...meta, redelivered: true } : meta
    pending.broadcast ??= {
      hook: 'onHubAction',
      to: 'hub',
      args: [JSON.stringify(action), object, JSON.stringify(said)],
      sender: undefined,
      ms: this.#clockMs,
      key: undefined,
      slot: 0,
    }
    this.#tellAll(pending.broadcast)
    this.#note(undefined)
  }

  #queryStored(pending: PendingErrand, { filter, entries }: QueryErrand): undefined {
    pending.passage ??= new Passage(filter)
    const { passage } = pending
    for (; pending.at < entries.length; pending.at++) {
      pending.entry ??= this.#stored.begin(entries[pending.at] as string)
      const { entry } = pending
      const isShown = entry !== undefined && this.#queryOne(passage, entry, this.#stored.layouts)
      pending.entry = undefined
      this.#entries.push(isShown ? this.#bounded(pending, passage.finish(entry)) : '')
    }
    this.#note(undefined)
  }
  #stored = new StoredEntries([])

  /** What agents make of the entries of one errand must cross to the outside. */
  #bounded(pending: PendingErrand, text: string): string {
    const shown = pending.characters + text.length > MOST_SHOWN ? emptied(text) : text
    pending.characters += shown.length
    return shown
  }

  #ordered({ order, index, tag }: JobsErrand): JobsAnswer {
    const scheduler = this.#scheduler
    const isForAll = index === undefined && tag === undefined
    const jobs = scheduler
      .all()
      .filter(
        (job) => (index ?? job.owner.agent.index) === job.owner.agent.index && (tag ?? job.tag) === job.tag,
      )
    if (order === 'run') scheduler.runSoon(jobs)
    if (order === 'stop') {
      if (isForAll) scheduler.stop()
      else scheduler.pause(jobs)
    }
    if (order === 'start') {
      if (isForAll) scheduler.start(this.#clockMs)
      scheduler.resume(jobs, this.#clockMs)
    }
    const answer = {
      running: scheduler.running,
      jobs: jobs.slice(0, MOST_LISTED).map((job) => this.#figures(job)),
    }
    if (order === 'remove') this.#removeJobs(jobs)
    return answer
  }

  #figures(job: Job<Slot>): JobFigures {
    const { owner, task, tag, cron, limit, scope, runs, failures, lastRun, lastDurationMs, lastError } = job
    return {
      slot: owner.agent.slot,
      task,
      tag,
      cron,
      limit,
      scope,
      status: this.#scheduler.statusOf(job),
      runs,
      failures,
      lastRun,
      lastDurationMs,
      lastError: lastError?.slice(0, LONGEST_TAG) ?? null,
      nextRun: this.#scheduler.nextRunOf(job, this.#clockMs),
    }
  }

  /** How often it may run is for who orders it to say. */
  #runOrdered(pending: PendingErrand, { slot: place, tag, dueMs }: JobErrand): JobRun {
    const slot = this.#slots.find(({ agent }) => agent.slot === place)
    const failed = (error: string) => ({ ok: false, error, durationMs: 0 })
    if (slot === undefined) return failed('its agent does not run')
    if (slot.counters.stopped !== '') return failed(slot.counters.stopped)
    if (pending.beganMs !== undefined) return failed('it was interrupted')
    const job = this.#scheduler.jobOf(slot, tag)
    if (job === undefined) return failed(`there is no job "${tag}"`)
    pending.beganMs = performance.now()
    job.runs++
    const failure = this.#runTask({ job, at: dueMs }) ?? 'its agent was stopped'
    this.#note(undefined)
    return { ok: failure === '', error: failure, durationMs: job.lastDurationMs ?? 0 }
  }

  /** For those outside, with the next acknowledgement. */
  #tell(event: HostEvent): void {
    const key = event.kind === 'order' ? JSON.stringify(event) : `${event.slot} ${event.tag}`
    // What is removed was told of before, or is one of the jobs that there are.
    const isNew = event.kind !== 'removed' && !this.#told.has(key)
    if (isNew && this.#told.size >= MOST_TOLD) throw new Error('too many orders and jobs at once')
    // What is told last counts, in the order of that.
    this.#told.delete(key)
    this.#told.set(key, event)
  }
  readonly #told = new Map<string, HostEvent>()

  #takeTold(): { told?: readonly HostEvent[] } {
    if (this.#told.size === 0) return {}
    const told = [...this.#told.values()]
    this.#told.clear()
    return { told }
  }

  /** What time it is between two frames. */
  get #clockMs(): number {
    return Math.max(this.#nowMs, this.#scheduler.clock?.() ?? this.#nowMs)
  }

  /** Ahead of the acknowledgement, all that does not fit into its frame. */
  #sendOutput(): void {
    let characters = 0
    let part: OutputMessage = { lines: [], entries: [], marks: [] }
    const add = (text: string) => {
      characters += text.length
      if (characters < FRAME_CHARACTERS) return
      writeFrame(DATA, UP.output, 0, part)
      characters = text.length
      part = { lines: [], entries: [], marks: [] }
    }
    for (const line of this.#lines) {
      add(line.text)
      part.lines.push(line)
    }
    for (const entry of this.#entries) {
      add(entry)
      part.entries.push(entry)
    }
    for (const marks of this.#marked) {
      add(JSON.stringify(marks))
      part.marks.push(marks)
    }
    this.#lines = part.lines
    this.#entries = part.entries
    this.#marked = part.marks
  }

  /** What agents have added and exported. Those of the last one are for the acknowledgement; each may be large. */
  #takeShares(): SlotShares | undefined {
    let last: SlotShares | undefined
    for (const slot of new Set([...this.#sharing, ...this.#exporting])) {
      if (last !== undefined)
        writeFrame(DATA, UP.output, 0, { lines: [], entries: [], marks: [], shared: [last] })
      const deltas = slot.shares.take()
      const exported = this.#exporting.has(slot) ? slot.exports.take() : undefined
      last = { slot: slot.agent.slot, deltas, ...(exported === undefined ? {} : { exported }) }
    }
    this.#sharing.clear()
    this.#exporting.clear()
    return last
  }
  readonly #sharing = new Set<Slot>()
  readonly #exporting = new Set<Slot>()

  shares(slot: Slot): void {
    this.#sharing.add(slot)
  }

  exports(slot: Slot): void {
    this.#exporting.add(slot)
  }

  /**
   * An agent is to read what it has written itself, and what others here have written before: on a capture, when a job runs
   * must not depend on where batches end. What is too much for one frame is for a later one.
   */
  #sharesBefore(slot: Slot, path: string): string {
    if (!path.startsWith('cluster.') || this.#sharing.size === 0) return ''
    let text = ''
    for (const each of new Set([slot, ...this.#sharing])) {
      if (text.length > FRAME_CHARACTERS) break
      if (!this.#sharing.delete(each)) continue
      const shares: SlotShares = { slot: each.agent.slot, deltas: each.shares.take() }
      text += `${text === '' ? '' : ','}${JSON.stringify(shares)}`
    }
    return `,"shared":[${text}]`
  }

  /** By the names that entries have for those who keep them. */
  #collectMarks(batch: Batch): void {
    const layouts = this.#layoutsOf(batch)
    for (const [item, { passed, failed, tags }] of this.#marksOf) {
      const row = batch.rows[item] as readonly unknown[]
      const name = nameIn(row, layouts)
      if (name === undefined) continue
      this.#marked.push({
        ...name,
        ...(passed === undefined ? {} : { passed }),
        ...(failed === undefined ? {} : { failed }),
        ...(tags === undefined ? {} : { tags }),
      })
    }
    this.#marksOf.clear()
  }
  #marked: EntryMarks[] = []

  #sayLastWords(): void {
    for (const slot of this.#slots) {
      const left = this.#waiting.get(slot)?.actions ?? 0
      if (left > 0)
        slot.report(`onHubAction: ${left} actions came after the end: agents answer each other without one`)
      slot.flushRepeats()
    }
    this.#broadcasts.length = 0
    this.#waiting.clear()
  }

  /** Events up to the next job, the job, and so on to the end of the batch. */
  #proceed(work: Work): void {
    if (work.phase === 'dissect') this.#dissect(work)
    const { batch } = work
    while (work.phase !== 'done') {
      if (work.phase === 'cut') {
        const due = Math.max(Math.min(this.#scheduler.nextDue, this.#nextTimed()), this.#nowMs)
        const all = due > batch.untilMs
        work.toItem = all ? batch.rows.length : firstFrom(batch.itemTimes, work.item, batch.rows.length, due)
        work.toPacket = all ? batch.packets : firstFrom(batch.packetTimes, work.packet, batch.packets, due)
        work.slot = 0
        work.phase = 'events'
      }
      if (work.phase === 'events') {
        this.#events(work)
        work.item = work.toItem
        work.packet = work.toPacket
        work.phase = 'due'
      }
      this.#runDue(work)
      work.phase = isOver(work) ? 'done' : 'cut'
      if (work.phase !== 'done') continue
      this.#advance(batch.untilMs)
      if (!work.finalRun) continue
      work.finalRun = false
      work.phase = 'cut'
      this.#scheduler.runAllOnceMore()
    }
  }

  /** When the next broadcast is due that waits for its time. */
  #nextTimed(): number {
    return Math.min(...this.#broadcasts.map(({ isTimed, ms }) => (isTimed === true ? ms : Infinity)))
  }

  /** Gives dissectors of agents what was relayed for them, and puts the entries that they read in its place. */
  #dissect(work: Work): void {
    const { batch } = work
    work.made ??= { row: 0, rows: [], positions: [], times: [], items: 0, entries: new Map() }
    const { made } = work
    while (made.row < batch.rows.length) {
      const at = made.row++
      const row = batch.rows[at] as readonly unknown[]
      if (row[0] === RELAYED) {
        this.#momentMs = batch.itemTimes[at] as number
        this.#dissection.relayed(row)
      } else {
        this.#dissection.time(Math.floor((batch.itemTimes[at] as number) / 1000))
        this.#addRow(batch, at, row, made)
      }
    }
    this.#momentMs = undefined
    this.#note(undefined)
    this.#made = {
      items: made.items,
      entries: Object.fromEntries(made.entries),
      ...this.#dissection.takeCounters(),
    }
    work.batch = {
      ...batch,
      rows: made.rows,
      positions: Uint32Array.from(made.positions),
      itemTimes: Float64Array.from(made.times),
    }
    work.made = undefined
    work.phase = 'cut'
  }
  #made: MadeCounters | undefined

  #addRow({ positions, itemTimes }: Batch, at: number, row: readonly unknown[], made: Made): void {
    made.rows.push(row)
    made.positions.push(positions[at] as number)
    made.times.push(itemTimes[at] as number)
  }

  /** A dissector of an agent has read an entry. */
  #emit(slot: Slot, name: string, exchange: Exchange, origin: EntryOrigin): void {
    const { batch, made } = this.#work as Work
    const layouts = this.#layouts.get(batch.version)
    const place = layouts?.dissectors.find((each) => each.slot === slot.agent.slot && each.name === name)
    if (layouts === undefined || place === undefined || made === undefined) return
    const { fields } = layouts.layouts[place.layout] as Layout
    const { abbr } = exchange.dissector.protocols[0] as Protocol
    made.items++
    count(made.entries, abbr)
    this.#addRow(batch, made.row - 1, agentRow(place.layout, fields, exchange, origin), made)
  }

  #readersOf(slot: Slot): AgentReader[] {
    return slot.dissectors.map((settings, at) => ({
      settings,
      get isGone() {
        return slot.counters.stopped !== '' || slot.isUnloaded
      },
      probe: (text, from) => this.#within(slot, () => slot.probe(at, text, from)),
      parse: (session, text, from) => this.#within(slot, () => slot.parse(at, session, text, from)),
      parsed: () => slot.parsed(),
      forget: (session) => slot.endSession(session),
      complain: (problem) => slot.complain(at, problem),
      emit: (exchange, origin) => this.#emit(slot, settings.name, exchange, origin),
    }))
  }

  #within<Answer>(slot: Slot, run: () => Answer): Answer {
    this.#enter(slot, 'dissectors')
    const answer = run()
    this.#leave(slot)
    return answer
  }

  #events(work: Work): void {
    const { batch } = work
    this.#inEvents = true
    this.#batch = batch
    while (work.slot < this.#slots.length) {
      const slot = this.#slots[work.slot++] as Slot
      this.#slice(slot, batch, work)
    }
    if (this.#query !== undefined && work.queried < work.toItem) {
      // What takes time from here on is not the last agent.
      this.#note(undefined)
      this.#queryEntries(this.#query, work)
    }
    this.#inEvents = false
    this.#advance(
      Math.max(lastBefore(batch.itemTimes, work.toItem), lastBefore(batch.packetTimes, work.toPacket)),
    )
  }

  /**
   * The events of one slot: packets and items in the order in which they came. What it has had already, it had ahead
   * of others: somebody after it has set a timer.
   */
  #slice(slot: Slot, batch: Batch, work: Work): void {
    slot.limit(work.toItem, work.toPacket)
    const items = slot.wantsItems ? work.toItem - slot.nextItem : 0
    const packets = slot.wantsPackets ? work.toPacket - slot.nextPacket : 0
    if (items <= 0 && packets <= 0) return
    if (slot.counters.stopped !== '') {
      this.#miss(slot)
      return
    }
    if (items > 0 && slot.layoutsVersion !== batch.version)
      slot.setLayouts(batch.version, this.#layoutsOf(batch))
    this.#inSlice = true
    this.#enter(slot, items > 0 ? 'onItemCaptured' : 'onPacketCaptured')
    if (packets <= 0) slot.items(batch.rows, work.toItem)
    else if (items <= 0) slot.packets(batch.columns, work.toPacket)
    else this.#merged(slot, batch)
    this.#leave(slot)
  }
  #inSlice = false
  #batch: Batch | undefined

  /** An agent with both hooks gets each entry right after the packet that completed it. */
  #merged(slot: Slot, batch: Batch): void {
    while (slot.counters.stopped === '') {
      const item = slot.nextItem
      if (item >= slot.itemLimit) {
        this.#spend(slot, 'onPacketCaptured')
        slot.packets(batch.columns, slot.packetLimit)
        return
      }
      const position = batch.positions[item] as number
      if (slot.nextPacket < position && slot.nextPacket < slot.packetLimit) {
        this.#spend(slot, 'onPacketCaptured')
        slot.packets(batch.columns, position)
        this.#spend(slot, 'onItemCaptured')
        continue
      }
      let to = item + 1
      while (to < slot.itemLimit && (batch.positions[to] as number) <= position) to++
      slot.items(batch.rows, to)
    }
  }

  #miss(slot: Slot): void {
    slot.counters.missedItems += slot.wantsItems ? Math.max(0, slot.itemLimit - slot.nextItem) : 0
    slot.counters.missedPackets += slot.wantsPackets ? Math.max(0, slot.packetLimit - slot.nextPacket) : 0
    slot.skipToLimit()
    this.#changed.add(slot)
  }

  /** `what`: hook or job, for the books on each where all is traced. */
  #enter(slot: Slot, what: string): void {
    this.#note(slot)
    this.#running = slot
    this.#changed.add(slot)
    this.#startedAt = performance.now()
    this.#spentAt = this.#startedAt
    this.#doing = what
  }
  #doing = ''
  #spentAt = 0

  /** What the slot has done until now is over; from now on it does `next`. */
  #spend({ tracer }: Slot, next: string): void {
    if (tracer === undefined) return
    const now = performance.now()
    tracer.called(this.#doing, 0, Math.round((now - this.#spentAt) * 1000))
    this.#doing = next
    this.#spentAt = now
  }

  #leave(slot: Slot): void {
    if (performance.now() - this.#markedAt > LATE_MS) this.#note(undefined)
    this.#running = undefined
    this.#afterSlice(slot)
  }

  /** Brings the slot's counters up to date; also after an interrupt, when only part of its events were delivered. */
  #afterSlice(slot: Slot): void {
    slot.counters.micros += Math.round((performance.now() - this.#startedAt) * 1000)
    this.#spend(slot, '')
    if (!this.#inSlice) return
    this.#inSlice = false
    slot.countDelivered()
    if (slot.counters.stopped !== '') this.#miss(slot)
  }

  /** Writes who is running to where the watchdog looks, so that it can name the culprit even if we die. */
  #note(slot: Slot | undefined): void {
    const before = this.#marks
    const isLate = this.#running !== undefined && performance.now() - this.#markedAt > LATE_MS
    this.#marks = (before + 1) >>> 0
    this.#mark.writeUInt32LE(this.#marks, 0)
    this.#mark.writeInt32LE(slot === undefined ? -1 : slot.agent.slot, 4)
    this.#mark.writeUInt32LE(this.#task, 8)
    writeSync(PROGRESS, this.#mark, 0, 16, 0)
    if (isLate) this.#awaitInterrupt(before)
    this.#markedAt = performance.now()
  }

  /**
   * An interrupt that is on its way must not hit whoever comes next. The watchdog says for which mark it means to send
   * one, then looks whether that mark still stands; we change the mark, then look what it says: one of both sees it.
   */
  #awaitInterrupt(mark: number): void {
    const meant = Buffer.alloc(4)
    do readSync(PROGRESS, meant, 0, 4, MEANT_AT)
    while (meant.readUInt32LE(0) === mark)
  }
  /** Number of the job or timer that is running; 0: none is. */
  #task = 0

  /** Time has passed in which the agent was not at work; it is still the same call. */
  #waited(): void {
    if (performance.now() - this.#markedAt <= MARK_EVERY_MS) return
    this.#mark.writeUInt32LE(++this.#waits >>> 0, 12)
    writeSync(PROGRESS, this.#mark, 0, 16, 0)
    this.#markedAt = performance.now()
  }
  #waits = 0

  progress(): void {
    if (performance.now() - this.#markedAt > MARK_EVERY_MS) this.#note(this.#running)
  }

  /**
   * Runs what is due by now, and tells what has been said by now, in the order of time. May be interrupted in the middle.
   * Agents that do either without end take turns with the traffic, and do not keep those waiting who do little.
   */
  #runDue(work: Work): void {
    const now = this.#inReach(work)
    const said = new Map<Slot, number>()
    const paces = new Map<Slot, Pace>()
    for (;;) {
      const broadcast = this.#broadcasts.find(
        ({ sender, isTimed, ms }) =>
          (isTimed !== true || ms <= now || this.#ended) &&
          (said.get(sender as Slot) ?? 0) < this.#mostSaid(sender),
      )
      const isSaid = broadcast !== undefined && (broadcast.ms <= now || isOver(work))
      const due = this.#scheduler.take(isSaid ? Math.min(now, broadcast.ms) : now, this.#nowMs)
      if (due !== undefined) {
        this.#sortLines(work)
        this.#advance(due.at)
        this.#runTask(due)
        const { owner } = 'job' in due ? due.job : due.timer
        const pace = paces.get(owner) ?? { runs: 0, at: Number.NEGATIVE_INFINITY }
        paces.set(owner, pace)
        if (this.#isEnough(owner, pace, due.at)) this.#scheduler.rest(owner, now)
      } else if (isSaid) {
        if (broadcast.isTimed === true) this.#sortLines(work)
        this.#tellAll(broadcast)
        this.#broadcasts.splice(this.#broadcasts.indexOf(broadcast), 1)
        if (broadcast.sender !== undefined) {
          count(said, broadcast.sender)
          this.#isTold(broadcast.sender, broadcast.args)
        }
      } else break
    }
    this.#sortLines(work)
    this.#note(undefined)
  }

  /** Whether a slot has run often enough between two events: it may catch up with a long silence, not for ever. */
  #isEnough(slot: Slot, pace: Pace, at: number): boolean {
    if (++pace.runs % MOST_TICKS !== 0) return false
    const timePasses = at > pace.at
    pace.at = at
    const before = slot.ticksLeft
    slot.ticksLeft -= MOST_TICKS
    if (before >= 0 && slot.ticksLeft < 0)
      this.print(
        slot,
        'warn',
        'the capture stands still for so long that jobs and timers are left out in its gaps',
      )
    return !timePasses || slot.ticksLeft < 0
  }

  #isTold(sender: Slot, args: Broadcast['args']): void {
    const waiting = this.#waiting.get(sender)
    if (waiting === undefined) return
    waiting.actions--
    waiting.characters -= charactersOf(args)
    if (waiting.actions === 0) this.#waiting.delete(sender)
  }
  /** What of each sender has not been told yet. */
  readonly #waiting = new Map<Slot, { actions: number; characters: number }>()

  /** Actions of an agent that are told between two events: few of those that were answers to others. */
  #mostSaid(sender: Slot | undefined): number {
    if (sender === undefined || this.#ended) return MOST_ACTIONS
    return sender.agent.component === 'hub' ? MOST_ANSWERS_AT_ONCE : MOST_AT_ONCE
  }

  /** Jobs may run up to the next event that is still to come, or else up to the end of the batch. */
  #inReach(work: Work): number {
    const { batch } = work
    const nextItem =
      work.item < batch.rows.length ? (batch.itemTimes[work.item] as number) : Number.POSITIVE_INFINITY
    const nextPacket =
      work.packet < batch.packets ? (batch.packetTimes[work.packet] as number) : Number.POSITIVE_INFINITY
    return Math.min(batch.untilMs, nextItem, nextPacket)
  }

  /** Answers what went wrong, or "" for nothing; undefined when the agent is stopped. */
  #runTask(due: Due<Slot>): string | undefined {
    const isJob = 'job' in due
    const { owner: slot, task } = isJob ? due.job : due.timer
    if (slot.counters.stopped !== '') {
      this.#scheduler.forget(slot)
      return undefined
    }
    const began = performance.now()
    const waitedBefore = slot.counters.waitMicros
    this.#task = task
    this.#inTimer = !isJob
    this.#momentMs = due.at
    const what = isJob ? `job "${due.job.tag}"` : 'timer'
    slot.tracer?.called(what, 1, 0)
    this.#enter(slot, what)
    const failure = slot.task(task, !isJob && due.timer.every === 0)
    this.#leave(slot)
    this.#task = 0
    this.#inTimer = false
    if (isJob) {
      const durationMs = Math.round((performance.now() - began) * 1000) / 1000
      this.#scheduler.ran(due.job, { at: due.at, durationMs, failure })
      // The traffic of a capture file waits, too.
      if (!this.config.virtualTime)
        slot.computed(what, durationMs - (slot.counters.waitMicros - waitedBefore) / 1000)
      this.#jobDone(slot, due, failure)
    } else if (failure !== '') this.#taskFailed(slot, 'timer', failure)
    this.#momentMs = undefined
    return failure
  }
  /** What time it is for who is running, outside the hooks for events. */
  #momentMs: number | undefined

  #jobDone(slot: Slot, { job }: Due<Slot> & { job: Job<Slot> }, failure: string): void {
    const { tag, cron, limit } = job
    slot.counters.jobRuns++
    const args = [JSON.stringify(tag), JSON.stringify(cron), JSON.stringify(limit)]
    if (failure === '') {
      if (this.#hears(slot, 'onJobPassed')) this.#call(slot, 'onJobPassed', args)
      return
    }
    this.#taskFailed(slot, `job "${tag}"`, failure)
    slot.counters.jobErrors++
    if (this.#hears(slot, 'onJobFailed')) this.#call(slot, 'onJobFailed', [...args, JSON.stringify(failure)])
  }

  #taskFailed(slot: Slot, what: string, failure: string): void {
    // Public scripts schedule the same jobs everywhere, and mean workers.
    if (slot.agent.component === 'hub' && failure.startsWith(`Error: ${WORKERS_ONLY}`)) {
      slot.tellOnce('info', `${what} is for workers: ${WORKERS_ONLY}`)
      return
    }
    slot.counters.errors++
    slot.fault(what, failure)
  }

  #hears(slot: Slot, hook: string): boolean {
    return slot.counters.stopped === '' && slot.hooks.includes(hook)
  }

  #call(slot: Slot, hook: string, texts: readonly (string | undefined)[]): void {
    slot.tracer?.called(hook, 1, 0)
    this.#enter(slot, hook)
    slot.call(hook, texts)
    this.#leave(slot)
  }

  #tellAll(broadcast: Broadcast): void {
    const { hook, to, args } = broadcast
    this.#momentMs = broadcast.ms
    this.#telling = broadcast
    while (broadcast.slot < this.#slots.length) {
      const slot = this.#slots[broadcast.slot++] as Slot
      const isMeant = typeof to === 'string' ? slot.agent.component === to : to.includes(slot.agent.slot)
      if (!isMeant) continue
      const hears = this.#hears(slot, hook)
      if (hook === 'onPodEvent') this.#countPod(slot, hears)
      if (hears) this.#call(slot, hook, args)
    }
    this.#telling = undefined
    this.#momentMs = undefined
  }
  #telling: Broadcast | undefined

  #countPod(slot: Slot, hears: boolean): void {
    if (hears) slot.counters.pods++
    else slot.counters.missedPods++
    this.#changed.add(slot)
  }

  /** Entries on their way to a person: every agent with onItemQueried may change or hide them. */
  #queryEntries(query: EntryQuery, work: Work): void {
    const layouts = this.#layoutsOf(work.batch)
    for (; work.queried < work.toItem; work.queried++) {
      this.#queried = work.queried
      const row = work.batch.rows[work.queried] as readonly unknown[]
      work.entry ??= query.begin(row, layouts, this.#marksOf.get(work.queried))
      if (work.entry !== undefined) {
        const isShown = this.#queryOne(query.passage, work.entry, layouts)
        const text = isShown ? query.passage.finish(work.entry) : undefined
        if (text !== undefined) this.#entries.push(text)
        if (this.config.traced) this.#traceQueried(work.entry, text, nameIn(row, layouts))
      }
      work.entry = undefined
    }
    this.#queried = undefined
  }
  /** The item at hand while entries are queried. */
  #queried: number | undefined

  /** What onItemQueried has made of an entry; undefined: it is hidden. */
  #traceQueried({ original }: QueriedEntry, text: string | undefined, name: EntryName | undefined): void {
    if (name === undefined) return
    if (text === undefined) this.#marked.push({ ...name, queried: 'hidden' })
    else {
      const shown = JSON.parse(text)
      const changes = changedPaths(original, shown)
      const written = {
        ...(changes.includes('passed') && shown.passed === true ? { passed: true } : {}),
        ...(changes.includes('failed') && shown.failed === true ? { failed: true } : {}),
        ...(changes.includes('tags') ? { tags: shown.tags } : {}),
      }
      if (changes.length > 0) this.#marked.push({ ...name, ...written, queried: 'changed', changes })
    }
  }

  #queryOne(passage: Passage, entry: QueriedEntry, layouts: readonly Layout[]): boolean {
    while (entry.slot < this.#slots.length) {
      const slot = this.#slots[entry.slot++] as Slot
      if (slot.agent.component === 'hub' || !this.#hears(slot, 'onItemQueried')) continue
      slot.tracer?.called('onItemQueried', 1, 0)
      this.#enter(slot, 'onItemQueried')
      const shown = passage.pass(entry, slot, layouts)
      this.#leave(slot)
      if (!shown) return false
    }
    return true
  }

  #advance(ms: number): void {
    if (ms > this.#nowMs) this.#nowMs = ms
  }

  /** Puts out the lines of the events that everybody has had by now. */
  #sortLines({ batch, item, packet }: Work): void {
    if (this.#eventLines.length === 0) return
    const before = Math.min(
      item < batch.rows.length ? itemKey(batch, item) : Number.POSITIVE_INFINITY,
      packet < batch.packets ? packetKey(packet) : Number.POSITIVE_INFINITY,
    )
    this.#eventLines.sort((a, b) => a.key - b.key)
    const later = this.#eventLines.findIndex(({ key }) => key >= before)
    const now = this.#eventLines.splice(0, later < 0 ? this.#eventLines.length : later)
    for (const { line } of now) this.#lines.push(line)
  }

  /** The new version takes the place of the old one only once it has loaded. */
  #load(agent: LoadAgent): void {
    let slot: Slot | undefined
    let failure: string
    try {
      slot = new Slot(agent, this)
      this.#contexts.push({ slot, context: new WeakRef(slot.context as object) })
      this.#enter(slot, 'loading')
      failure = slot.start()
      this.#leave(slot)
    } catch (thrown) {
      this.#running = undefined
      failure = (thrown as Error).message
    }
    this.#note(undefined)
    this.#sendCalls()
    if (slot !== undefined && slot.counters.stopped !== '') failure = slot.counters.stopped
    const isDeclined = slot?.declines(failure) === true
    if (isDeclined) this.#unload(agent.slot)
    if (failure === '' && slot !== undefined) this.#put(slot)
    else if (slot !== undefined) this.#forget(slot)
    const shared = this.#takeShares()
    writeFrame(DATA, UP.loaded, 0, {
      slot: agent.slot,
      ...(failure === ''
        ? { hooks: slot?.hooks, dissectors: slot?.dissectors }
        : { [isDeclined ? 'declined' : 'error']: failure }),
      lines: this.#lines,
      heapBytes: getHeapStatistics().used_heap_size,
      ...this.#takeTold(),
      ...(shared === undefined ? {} : { shared: [shared] }),
    })
    this.#lines = []
  }

  #put(slot: Slot): void {
    const before = this.#slots.find((each) => each.agent.slot === slot.agent.slot)
    if (before !== undefined) slot.exports.follow(before.exports)
    this.#unload(slot.agent.slot)
    this.#slots.push(slot)
    this.#slots.sort((a, b) => a.agent.slot - b.agent.slot)
    this.#setReaders()
    this.#warnOfRivals(slot)
  }

  /** Of dissectors that claim the same, it is the first that reads. */
  #warnOfRivals(slot: Slot): void {
    if (slot.agent.component === 'hub') return
    const others = this.#slots.filter((other) => other !== slot && other.agent.component === 'worker')
    for (const other of others)
      for (const theirs of other.dissectors)
        for (const mine of slot.dissectors) {
          const common = commonOf(mine, theirs)
          const order = other.agent.slot < slot.agent.slot ? 'before' : 'after'
          if (common !== undefined)
            this.print(
              slot,
              'warn',
              `dissector ${mine.name}: ${common} is also that of ${theirs.name} in "${other.agent.title}", which is asked ${order} it`,
            )
        }
  }

  #unload(place: number): void {
    for (const slot of this.#slots) if (slot.agent.slot === place) this.#forget(slot)
    this.#slots = this.#slots.filter((slot) => slot.agent.slot !== place)
    this.#setReaders()
  }

  /** Those of agents on the hub read nothing. */
  #setReaders(): void {
    const slots = this.#slots.filter(({ agent }) => agent.component === 'worker')
    this.#dissection.setReaders(slots.flatMap((slot) => this.#readersOf(slot)))
    this.#learnWords(slots.flatMap(({ dissectors }) => dissectors))
  }

  /** In filters the name of a protocol stands for its entries. */
  #learnWords(dissectors: readonly DissectorSettings[]): void {
    if (dissectors.length === 0) return
    const words = dissectors.map(({ name }) => [name, `protocol.name == "${name}"`])
    this.#macros = { ...Object.fromEntries(words), ...this.config.macros }
    this.#filters = new FilterCache(MOST_FILTERS)
    if (this.config.query !== null) this.#asked = this.#compiled(this.config.query.filter)
  }

  #forget(slot: Slot): void {
    slot.isUnloaded = true
    this.#exporting.delete(slot)
    this.#scheduler.forget(slot)
    this.#changed.delete(slot)
  }

  // --- what the realms ask for ---------------------------------------------------------------------------------

  now(slot: Slot): number {
    return Math.floor(this.#nowOf(slot))
  }

  /** In a hook it is the moment of its event, whatever else happens in the batch. */
  #nowOf(slot: Slot): number {
    if (this.#momentMs !== undefined) return this.#momentMs
    return this.#inEvents ? Math.max(this.#nowMs, this.#eventMs(slot)) : this.#nowMs
  }

  #eventMs({ given, position }: Slot): number {
    const { itemTimes, packetTimes } = this.#batch as Batch
    if (this.#queried !== undefined) return itemTimes[this.#queried] as number
    return (
      given === 'items' ? itemTimes[position[0] as number] : packetTimes[position[1] as number]
    ) as number
  }

  print(slot: Slot, level: Line['level'], text: string): void {
    const line = { slot: slot.agent.slot, level, text, ...this.#tracedNow(slot) }
    const key = this.#keyOf(slot)
    if (key === undefined) this.#lines.push(line)
    else this.#eventLines.push({ key, line })
  }

  #tracedNow(slot: Slot): Pick<Line, 'at' | 'entry'> {
    if (!this.config.traced) return {}
    const entry = this.#entryAt(slot)
    return { at: this.now(slot), ...(entry === undefined ? {} : { entry }) }
  }

  /** Id of the entry in whose hook the slot is. */
  #entryAt({ given, position }: Slot): string | undefined {
    if (this.#telling !== undefined || !this.#inEvents) return undefined
    const batch = this.#batch as Batch
    if (this.#queried === undefined && given !== 'items') return undefined
    const row = batch.rows[this.#queried ?? (position[0] as number)]
    if (row === undefined) return undefined
    const id = fieldOf(this.#layoutsOf(batch)[row[0] as number]?.fields ?? [], row, 'id')
    return typeof id === 'string' ? id : undefined
  }

  /** Orders what is printed and said by the event in whose hook it was; what follows from that comes right after it. */
  #keyOf({ given, position }: Slot): number | undefined {
    if (this.#telling !== undefined) return this.#telling.key
    if (!this.#inEvents) return undefined
    const batch = this.#batch as Batch
    if (this.#queried !== undefined) return itemKey(batch, this.#queried)
    return given === 'items' ? itemKey(batch, position[0] as number) : packetKey(position[1] as number)
  }

  call(slot: Slot, path: string, args: string, place: number): string {
    // Whoever catches what it is stopped with is not to wait for more.
    if (slot.counters.stopped !== '') throw new Error('this agent was stopped')
    if (place > 0 && this.#isForOutbox(path)) return this.#callLater(slot, path, args, place)
    this.#sendCalls(slot)
    const call = this.#callText(slot, path, args)
    const began = performance.now()
    const seq = this.#frame(CALL, call)
    const reply = this.#answerTo(seq, (warning) => slot.print('warn', warning))
    const waitedMs = performance.now() - began
    if (this.#isHurried) slot.heldUp(path, waitedMs)
    slot.waited(waitedMs)
    if (reply[0] !== 'e') return reply.slice(1)
    slot.failedOutside()
    throw new Error(reply.slice(1))
  }

  #callText(slot: Slot, path: string, args: string): string {
    const inErrand = this.#errand === undefined ? '' : ',"isInErrand":true'
    const entry = this.#entryAt(slot)
    const ofEntry = entry === undefined ? '' : `,"entry":${JSON.stringify(entry)}`
    const more = inErrand + ofEntry + this.#sharesBefore(slot, path)
    return `{"slot":${slot.agent.slot},"path":${JSON.stringify(path)},"args":${args},"nowMs":${this.now(slot)}${more}}`
  }

  /** What a script queues, and calls in a hook for traffic: the outbox can have them, when nobody looks at the answer. */
  #isForOutbox(path: string): boolean {
    if (this.config.ignoredResults !== 'queue') return false
    return this.#isInTraffic || path.endsWith('.queue')
  }

  get #isInTraffic(): boolean {
    return this.#inEvents && this.#telling === undefined && this.#queried === undefined
  }

  /** In traffic that does not wait for agents. */
  get #isHurried(): boolean {
    return !this.config.virtualTime && this.#isInTraffic
  }

  /** Several go over the bridge together: a round trip for each takes longer than to keep it. */
  #callLater(slot: Slot, path: string, args: string, place: number): string {
    const text = this.#callText(slot, path, args)
    this.#later.push({ slot, place, text })
    this.#laterCharacters += text.length
    const isMuch = this.#later.length >= MOST_CALLS_AT_ONCE || this.#laterCharacters >= FRAME_CHARACTERS
    if (isMuch) this.#sendCalls(slot)
    return ''
  }

  /** Before all that must come after them. `within`: the agent that waits. Safe to enter again after an interrupt. */
  #sendCalls(within?: Slot): void {
    const calls = this.#later
    if (calls.length === 0) return
    const began = performance.now()
    const seq = this.#frame(CALLS, `[${calls.map(({ text }) => text).join(',')}]`)
    this.#later = []
    this.#laterCharacters = 0
    const reply = this.#answerTo(seq, (warning) => {
      const at = warning.indexOf(' ')
      calls[Number(warning.slice(0, at))]?.slot.print('warn', warning.slice(at + 1))
    })
    for (const [at, message] of JSON.parse(reply.slice(1)) as FailedCall[]) {
      const { slot, place } = calls[at] as LaterCall
      slot.callFailed(message, place)
      this.#changed.add(slot)
    }
    within?.waited(performance.now() - began)
  }
  #later: LaterCall[] = []
  #laterCharacters = 0

  /** To be sent by `#answerTo`. Answers its number. */
  #frame(type: number, payload: string): number {
    // Of a call whose agent was interrupted in the middle.
    this.#sendRest()
    const seq = ++this.#calls >>> 0
    this.#sending = frameOf(type, seq, Buffer.from(payload))
    this.#sent = 0
    return seq
  }

  /** `warn` takes what comes before the answer. */
  #answerTo(seq: number, warn: (text: string) => void): string {
    this.#sendRest()
    for (;;) {
      const frame = this.#replies.next()
      if (frame === undefined) throw new Error('Remora is gone')
      // The answers to calls that were broken off are for nobody.
      if (frame.seq !== seq) continue
      const reply = text(frame.bytes, frame.start, frame.end)
      if (reply[0] === 'w') {
        warn(reply.slice(1))
        continue
      }
      this.#waited()
      return reply
    }
  }

  #sendRest(): void {
    const bytes = this.#sending
    while (this.#sent < bytes.length)
      this.#sent += writeSync(BRIDGE, bytes, this.#sent, bytes.length - this.#sent)
  }
  #sending: Uint8Array = new Uint8Array(0)
  #sent = 0

  schedule(slot: Slot, { tag, cron, limit, scope, task }: ScheduledTask): number {
    if (tag.length > LONGEST_TAG || cron.length > LONGEST_TAG)
      throw new Error(`jobs.schedule: tag and cron may have ${LONGEST_TAG} characters`)
    const fields = cron.trim().split(/\s+/).length
    if (fields === 5 && !cron.startsWith('@'))
      slot.print('warn', `jobs.schedule: "${cron}" has five fields, so it runs at second 0 of a minute`)
    const isHeld = scope === 'cluster' && this.config.clusterJobs
    const earlier = this.#scheduler.jobOf(slot, tag)
    let replaced: number
    try {
      replaced = this.#scheduler.schedule(
        { owner: slot, tag, cron, limit, scope, isHeld, task },
        this.#nowOf(slot),
      )
      this.#cutAt(slot, this.#scheduler.nextDue)
    } catch (thrown) {
      throw new Error(`jobs.schedule: ${(thrown as Error).message}`)
    }
    const place = slot.agent.slot
    if (isHeld) this.#tell({ kind: 'scheduled', slot: place, tag, cron, limit })
    else if (earlier?.isHeld === true) this.#tell({ kind: 'removed', slot: place, tag })
    slot.print(
      'info',
      `Scheduled the job: "${tag}" for cron: "${cron}" (limit: ${limit === 0 ? 'infinite' : limit})`,
    )
    return replaced
  }

  jobs(slot: Slot, what: string, tag: string): string {
    const scheduler = this.#scheduler
    switch (what) {
      case 'list':
        return JSON.stringify(scheduler.all().map((job) => job.tag))
      case 'run':
      case 'runAll':
        scheduler.runSoon(this.#jobsMeant(slot, what, tag))
        this.#cutAt(slot, this.#nowOf(slot))
        break
      case 'remove':
      case 'removeAll':
        this.#removeJobs(this.#jobsMeant(slot, what, tag))
        break
      case 'start':
        this.#refuseAcross('jobs.scheduler.start')
        this.#order(slot, { order: 'start' })
        scheduler.start(this.#nowMs)
        break
      case 'stop':
        this.#refuseAcross('jobs.scheduler.stop')
        this.#order(slot, { order: 'stop' })
        scheduler.stop()
        break
      default:
        return String(scheduler.running)
    }
    return ''
  }

  /** Those of the script that asks, or of everybody. What it wants of them is told, as it means all nodes. */
  #jobsMeant(slot: Slot, what: 'run' | 'runAll' | 'remove' | 'removeAll', tag: string): readonly Job<Slot>[] {
    const isOfOne = what === 'run' || what === 'remove'
    const meant = isOfOne ? this.#scheduler.jobsTagged(slot, tag) : this.#scheduler.all()
    const own = meant.filter(({ owner }) => owner === slot)
    const isOwn = !this.config.jobsAcrossAgents || (isOfOne && own.length > 0)
    const order = what === 'run' || what === 'runAll' ? 'run' : 'remove'
    this.#order(slot, { order, ...(isOwn ? { index: slot.agent.index } : {}), ...(isOfOne ? { tag } : {}) })
    return isOwn ? own : meant
  }

  #order(slot: Slot, order: JobsOrder): void {
    if (this.config.clusterJobs) this.#tell({ kind: 'order', slot: slot.agent.slot, order })
  }

  #refuseAcross(path: string): void {
    if (!this.config.jobsAcrossAgents)
      throw new Error(`${path}: it is for the jobs of all agents, which scripting.jobsAcrossAgents forbids`)
  }

  #removeJobs(jobs: readonly Job<Slot>[]): void {
    this.#scheduler.remove(jobs)
    for (const { owner, task, tag, isHeld } of jobs) {
      owner.forget(task)
      if (isHeld) this.#tell({ kind: 'removed', slot: owner.agent.slot, tag })
    }
  }

  /** One that is set by a timer is due in a millisecond or later: what sets itself again lets time pass. */
  timer(slot: Slot, task: number, ms: number, repeat: boolean): void {
    const delay = this.#inTimer ? Math.max(ms, 1) : ms
    const now = this.#nowOf(slot)
    this.#scheduler.addTimer({ owner: slot, task, delay, every: repeat ? Math.max(ms, 1) : 0 }, now)
    this.#cutAt(slot, now + delay)
  }

  /** Something new is due among the events that are being handed out: those from then on have to wait for it. */
  #cutAt(slot: Slot, ms: number): void {
    const work = this.#work
    if (!this.#inSlice || work === undefined || ms > work.batch.untilMs) return
    const { batch } = work
    work.toItem = firstFrom(batch.itemTimes, work.item, work.toItem, ms)
    work.toPacket = firstFrom(batch.packetTimes, work.packet, work.toPacket, ms)
    slot.lowerLimit(work.toItem, work.toPacket)
  }
  #inTimer = false

  clearTimer(slot: Slot, task: number): void {
    this.#scheduler.clearTimer(slot, task)
  }

  hubAction(slot: Slot, action: string, object: string | undefined): void {
    if (object !== undefined && object.length > LARGEST_ACTION)
      throw new Error(`hub.action: the object has ${object.length} characters, more than ${LARGEST_ACTION}`)
    if (this.config.actions === 'outside') {
      this.#actOutside(slot, action, object)
      return
    }
    if (this.config.actions === 'told') this.#actOutside(slot, action, object)
    const { agent } = slot
    const meta = JSON.stringify({
      node: agent.component === 'hub' ? 'hub' : this.config.nodeName,
      script: agent.index,
      title: agent.title,
      time: this.now(slot),
    })
    const args = [JSON.stringify(action), object, meta]
    const waiting = this.#waiting.get(slot) ?? { actions: 0, characters: 0 }
    if (waiting.actions >= MOST_ACTIONS || waiting.characters > MOST_ACTION_CHARACTERS)
      throw new Error('hub.action: too many actions at once')
    waiting.actions++
    waiting.characters += charactersOf(args)
    this.#waiting.set(slot, waiting)
    const [ms, key] = [this.#nowOf(slot), this.#keyOf(slot)]
    // After what was said before that.
    const at = this.#broadcasts.findLastIndex((each) => each.ms <= ms) + 1
    const broadcast = { hook: 'onHubAction', to: 'hub', args, sender: slot, ms, key, slot: 0 } as const
    this.#broadcasts.splice(at, 0, broadcast)
  }

  #actOutside(slot: Slot, action: string, object: string | undefined): void {
    const bytes = object === undefined ? 0 : Buffer.byteLength(object)
    if (bytes > LARGEST_ACTION)
      throw new Error(`hub.action: the object has ${bytes} bytes, more than ${LARGEST_ACTION}`)
    if (action.length > LONGEST_TAG)
      throw new Error(`hub.action: the action may have ${LONGEST_TAG} characters`)
    this.call(slot, HUB_ACTION, JSON.stringify(object === undefined ? [action] : [action, object]), 0)
  }

  mark(item: number, text: string): void {
    const before = this.#marksOf.get(item)
    const { passed, failed, tags } = JSON.parse(text) as Marks
    const marks = {
      ...before,
      ...(passed === true ? { passed } : {}),
      ...(failed === true ? { failed } : {}),
      ...(tags === undefined ? {} : { tags: joinTags(before?.tags, tags) }),
    }
    this.#marksOf.set(item, marks)
  }

  #openQuery(): EntryQuery | undefined {
    const { query } = this.config
    if (query === null) return undefined
    const asked = this.#compiled(query.filter)
    this.#asked = asked
    return new EntryQuery({ ...asked, matches: (entry) => (this.#asked ?? asked).matches(entry) })
  }
  /** The filter of the query, with the words that are known by now. */
  #asked: Filter | undefined

  #compiled(filter: string): Filter {
    return compileFilter(filter, { prefer: 'kfl1', macros: this.#macros, now: this.#nowMs })
  }

  match(slot: Slot, query: string, entry: string): boolean {
    return this.#filters
      .get(query, { prefer: 'kfl1', macros: this.#macros, now: this.now(slot) })
      .matches(JSON.parse(entry))
  }

  validate(query: string): boolean {
    return validateFilter(query, { prefer: 'kfl1', macros: this.#macros }).valid
  }

  shared(component: LoadAgent['component']): SharedObject<number> {
    return this.#shared[component]
  }
}

function commonOf(a: DissectorSettings, b: DissectorSettings): string | undefined {
  if (a.name === b.name) return 'its name'
  const port = a.transport === b.transport ? a.ports.find((each) => b.ports.includes(each)) : undefined
  return port === undefined ? undefined : `${a.transport} port ${port}`
}

/** Tags of several agents: lists one after another, objects on top of each other. */
function joinTags(before: unknown, tags: unknown): unknown {
  if (Array.isArray(before) && Array.isArray(tags)) return [...new Set([...before, ...tags])]
  const areObjects = [before, tags].every((each) => typeof each === 'object' && each !== null)
  return areObjects && !Array.isArray(before) ? { ...(before as object), ...(tags as object) } : tags
}

function countersOf({ counters, tracer }: Slot): SlotCounters {
  return tracer === undefined ? counters : { ...counters, trace: tracer.trace }
}

function podBroadcast(to: readonly number[], { ms, event, pod, meta, reason }: PodEvent): Broadcast {
  const args = [JSON.stringify(event), pod, meta, reason]
  return { hook: 'onPodEvent', to, args, sender: undefined, ms, key: undefined, slot: 0 }
}

/** What an entry is called by those who keep it; its id where all is traced. */
type EntryName = Pick<EntryMarks, 'stream' | 'index' | 'id'>

function nameIn(row: readonly unknown[], layouts: readonly Layout[]): EntryName | undefined {
  const { fields } = layouts[row[0] as number] ?? { fields: [] }
  const [stream, index, id] = ['stream', 'index', 'id'].map((name) => fieldOf(fields, row, name))
  if (typeof stream !== 'string' || typeof index !== 'number') return undefined
  return typeof id === 'string' ? { stream, index, id } : { stream, index }
}

/** A field of an entry, out of its row. */
function fieldOf(fields: Layout['fields'], row: readonly unknown[], name: string): unknown {
  const crossing = fields.filter(({ kind }) => kind !== 'constant')
  const at = crossing.findIndex((field) => field.name === name)
  return at < 0 ? undefined : row[at + 1]
}

function text(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('utf8', start, end)
}

function json<T>(frame: Frame): T {
  return JSON.parse(text(frame.bytes, frame.start, frame.end)) as T
}

/** See `BATCH_FIXED`, and `worker/batcher.ts`, which writes it. */
function readBatch(frame: Frame): Batch {
  const { bytes, start } = frame
  const version = bytes.readUInt32LE(start)
  const items = bytes.readUInt32LE(start + 4)
  const packets = bytes.readUInt32LE(start + 8)
  const itemBytes = bytes.readUInt32LE(start + 12)
  const untilMs = bytes.readDoubleLE(start + 16)
  let at = bytes.byteOffset + start + BATCH_FIXED
  const f64 = (length: number) => {
    const column = new Float64Array(bytes.buffer, at, length)
    at += length * 8
    return column
  }
  const u32 = (length: number) => {
    const column = new Uint32Array(bytes.buffer, at, length)
    at += length * 4
    return column
  }
  const columns = bytes.readUInt32LE(start + 24)
  const has = (column: number) => ((columns & column) === 0 ? 0 : packets)
  const itemTimes = f64(items)
  const packetTimes = f64(packets)
  const seconds = f64(has(PACKET_COLUMNS.timestamp))
  const positions = u32(items)
  const nanos = u32(has(PACKET_COLUMNS.timestamp))
  const captured = u32(has(PACKET_COLUMNS.captured))
  const lengths = u32(has(PACKET_COLUMNS.length))
  const flags = new Uint8Array(bytes.buffer, at, has(PACKET_COLUMNS.flags))
  at += flags.length - bytes.byteOffset
  const rows = items > 0 ? JSON.parse(text(bytes, at, at + itemBytes)) : []
  const rest = text(bytes, at + itemBytes, frame.end)
  const extras = rest === '' ? [] : JSON.parse(rest)
  return {
    seq: frame.seq,
    version,
    rows,
    positions,
    itemTimes,
    packets,
    packetTimes,
    columns: [seconds, nanos, captured, lengths, flags, extras],
    untilMs,
  }
}

function isOver({ batch, item, packet }: Work): boolean {
  return item >= batch.rows.length && packet >= batch.packets
}

/** Orders events: a packet comes before the items that it completes, and after those before it. */
function itemKey({ positions }: Batch, item: number): number {
  return (positions[item] as number) * EVENTS + 1 + item
}

function packetKey(packet: number): number {
  return (packet + 1) * EVENTS
}

function count<Key>(times: Map<Key, number>, key: Key): number {
  const now = (times.get(key) ?? 0) + 1
  times.set(key, now)
  return now
}

function emptyBatch(untilMs: number): Batch {
  const none = new Float64Array(0)
  const positions = new Uint32Array(0)
  return {
    seq: 0,
    version: -1,
    rows: [],
    positions,
    itemTimes: none,
    packets: 0,
    packetTimes: none,
    columns: [],
    untilMs,
  }
}

function newWork(batch: Batch, isWaiting = false): Work {
  return {
    batch,
    item: 0,
    packet: 0,
    toItem: 0,
    toPacket: 0,
    slot: 0,
    queried: 0,
    entry: undefined,
    phase: isWaiting || batch.rows.some((row) => row[0] === RELAYED) ? 'dissect' : 'cut',
    made: undefined,
    finalRun: false,
  }
}

/** Index of the first event at or after `ms`, from `from` on. Times may go back: the first that reaches it counts. */
function firstFrom(times: Float64Array, from: number, to: number, ms: number): number {
  let at = from
  while (at < to && (times[at] as number) < ms) at++
  return at
}

function lastBefore(times: Float64Array, to: number): number {
  return to === 0 || times.length === 0 ? Number.NEGATIVE_INFINITY : (times[to - 1] as number)
}

function charactersOf(texts: readonly (string | undefined)[]): number {
  return texts.reduce((sum, text) => sum + (text?.length ?? 0), 0)
}

function finite(ms: number): number | null {
  return ms === Number.POSITIVE_INFINITY ? null : ms
}

/** Heap of the sandbox itself, and of garbage that waits to be collected. */
const OWN_HEAP = 48 << 20
/** Of the heap, before it is measured again. */
const GROWTH = 16 << 20
/** File descriptors, as `launch.ts` hands them over. */
const DATA = 3
const BRIDGE = 4
const PROGRESS = 5
const MARK_EVERY_MS = 10
/** A call that took less has not been looked at twice, let alone been interrupted. */
const LATE_MS = 2
/** Keeps events of one packet in the order of their items. */
const EVENTS = 1 << 20
/** Jobs and timers of an agent that run between two events at least, and at one moment at most. */
const MOST_TICKS = 1000
/** Filters of agents that are kept compiled. */
const MOST_FILTERS = 100
const LONGEST_TAG = 1000
/** Characters of the entries that come of one errand, about. */
const MOST_SHOWN = 32 << 20
/** Jobs in one answer. */
const MOST_LISTED = 5000
/** Jobs and orders that are told with one acknowledgement. */
const MOST_TOLD = 2000
const LARGEST_ACTION = 1 << 20
/** Calls of hub.action of one agent that wait. */
const MOST_ACTIONS = 10_000
const MOST_ACTION_CHARACTERS = 16 << 20
/** Of these, those that are delivered between two events; the rest after the next ones. */
const MOST_AT_ONCE = 1000
/** The same for actions that hub agents send, which may be answers to each other. */
const MOST_ANSWERS_AT_ONCE = 100
/** Characters of lines and entries that go out in one frame, about. */
const FRAME_CHARACTERS = 4 << 20
