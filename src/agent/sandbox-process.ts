import { readSync, writeSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import type { Layout } from '../entry/layout.ts'
import { Mistake } from '../mistake/mistake.ts'
import { type EntryMarks, entryMarks } from './answers.ts'
import { FrameSplitter } from './frame-splitter.ts'
import { frameOf } from './host/frames.ts'
import {
  type AckMessage,
  CALL,
  CALLS,
  type CallMessage,
  DOWN,
  type Errand,
  type ErrandMessage,
  type FailedCall,
  HEADER,
  type HostConfig,
  type HostEvent,
  type LayoutsMessage,
  type Line,
  type LoadAgent,
  type LoadedMessage,
  type LogMessage,
  MEANT_AT,
  MOST_CALLS_AT_ONCE,
  type OutputMessage,
  type PodsMessage,
  REPLY,
  type SlotShares,
  UP,
} from './host/protocol.ts'
import { closeProgress, type Ending, type LaunchedSandbox } from './launch.ts'
import type { SandboxLauncher } from './launcher.ts'
import { ProcessMeter } from './process-meter.ts'

export interface SandboxOptions {
  readonly launcher: SandboxLauncher
  /** Known later than the process can be started: it says when the traffic begins. */
  readonly config: Promise<HostConfig>
  readonly limits: SandboxLimits
}

export interface SandboxLimits {
  /** Memory that one call may take; beyond it the call is interrupted. */
  readonly callMb: number
  /** CPU time of one hook call, one job, one load. */
  readonly hookMs: number
  readonly jobMs: number
}

/** What a sandbox tells those who run it. */
export interface SandboxEvents {
  lines(lines: readonly Line[]): void
  /** Entries as onItemQueried has left them: JSON text. */
  entries(entries: readonly string[]): void
  /** What agents have written on entries. */
  marks?(marks: readonly EntryMarks[]): void
  call(call: CallMessage, context: CallContext): Promise<unknown>
  /**
   * What agents have added by `cluster.*`, before a call that is about it and with acknowledgements. `during`: as for calls.
   */
  shared?(shares: readonly SlotShares[], during: ErrandAttempt | undefined): void
  ack(message: AckMessage): void
  /** A slot has an agent, or another one than before: acknowledgements that come after this are of that one. */
  loaded(slot: number, told: readonly HostEvent[]): void
  /** Scripts have done something that is not only theirs. */
  told?(events: readonly HostEvent[]): void
  /** An agent was interrupted or found guilty of the death of the process; it is not running any more. */
  stopped(slot: number, reason: string): void
  /** The process died and a new one has taken over; agents start from scratch there. */
  restarted(reason: string, culprit: number | undefined): void
  /** An agent does not load in the new process: nothing more is delivered to it. */
  notRevived(slot: number, reason: string): void
}

export interface CallContext {
  /** For the console, before the answer. */
  warn(text: string): void
  /** Nobody looks at the answer: it may go by way of the outbox. */
  readonly isIgnored: boolean
  /** The errand in which it is. */
  readonly during: ErrandAttempt | undefined
}

/** An errand by the name that who gave it knows it by, and which time it is tried. */
export interface ErrandAttempt {
  readonly id: string
  /** From 1 on: one more for each process that died before it was done. */
  readonly attempt: number
}

/** What has come of an errand in the process that has done it, and of nothing else. */
export interface ErrandOutcome {
  readonly answer: unknown
  readonly lines: readonly Line[]
  readonly entries: readonly string[]
  /** The try that has led to it, from 1 on. */
  readonly attempt: number
}

/**
 * One process in which agents run, as the program sees it: sends it frames, answers its calls, watches its clock and
 * its memory, and replaces it when it dies.
 */
export class SandboxProcess {
  readonly #options: SandboxOptions
  readonly #events: SandboxEvents
  #launched: LaunchedSandbox | undefined
  #meter: ProcessMeter | undefined
  #watch: NodeJS.Timeout | undefined
  #reserve: NodeJS.Timeout | undefined
  /** Frames without an acknowledgement, oldest first: to be sent again to a successor. */
  readonly #unacked: Unacked[] = []
  readonly #agents = new Map<number, LoadAgent>()
  /** Those of the batches that may have to be sent again, and of the ones to come. */
  readonly #layouts: LayoutsMessage[] = []
  readonly #loading = new Map<number, (message: LoadedMessage) => void>()
  #ready: (() => void) | undefined
  #seq = 0x80000000
  #mark: Mark = { ...NO_CALL }
  #closing = false
  /** There will be no other process. */
  #isLost = false
  /** The process at hand has answered. */
  #up = false
  /** What waits until a new process has the agents; undefined when none is on its way. */
  #waiting: (() => void)[] | undefined
  #nonsense = ''
  /** Calls of helpers that wait for their answer. */
  #answering = 0
  /** Since the last batch that was worked off. */
  #deaths = 0
  /** The agent that was running when the last one died; undefined since then something was worked off. */
  #suspect: number | undefined
  readonly #failed = Promise.withResolvers<never>()

  constructor(options: SandboxOptions, events: SandboxEvents) {
    this.#options = options
    this.#events = events
    this.#failed.promise.catch(() => {
      this.#isLost = true
      this.#giveUpErrands()
    })
  }

  /** Rejects with a Mistake when there is no sandbox any more and there will be none. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  get pid(): number | undefined {
    return this.#launched?.process.pid
  }

  /** The job or timer that was running when that was last looked at: by its slot, and its number there. */
  get runningTask(): { readonly slot: number; readonly task: number } | undefined {
    const { slot, task } = this.#mark
    return slot < 0 || task === 0 || this.#unacked.length === 0 ? undefined : { slot, task }
  }

  /** Acknowledgements that are outstanding. */
  get behind(): number {
    return this.#unacked.length
  }

  async start(): Promise<void> {
    const launched = this.#options.launcher.launch()
    this.#launched = launched
    this.#up = false
    this.#nonsense = ''
    this.#mark = { ...NO_CALL }
    const { process: child } = launched
    this.#read(child.stdio[3] as Duplex, (type, payload) => this.#receive(type, payload))
    this.#read(child.stdio[4] as Duplex, (type, payload, seq) => {
      if (this.#answering >= MOST_CALLS) throw new Error('more calls than it can wait for')
      if (type === CALL) this.#answer(launched, seq, payload as CallMessage)
      if (type === CALLS) this.#answerAll(launched, seq, payload)
    })
    // They break when the process dies, which is told by its close.
    for (const fd of [3, 4]) (child.stdio[fd] as Duplex).on('error', () => {})
    const gone = launched.ended.then((ending) => {
      this.#gone(launched, ending)
      const { failure, stderr, signal, code } = ending
      throw this.#cannotStart(failure ?? (stderr || `it ended with ${signal ?? code}`))
    })
    const ready = new Promise<void>((resolve) => {
      this.#ready = resolve
    })
    gone.catch(() => {})
    this.#send(DOWN.config, await this.#options.config)
    await Promise.race([ready, gone])
    this.#up = true
    this.#meter = child.pid === undefined ? undefined : new ProcessMeter(child.pid)
    this.#residentMb = this.#meter?.residentMb() ?? 0
    this.#watch = setInterval(() => this.#check(), WATCH_EVERY_MS)
    this.#reserve = setTimeout(() => this.#options.launcher.prepare(), RESERVE_AFTER_MS)
  }

  load(agent: LoadAgent): Promise<LoadedMessage> {
    return new Promise((resolve) => this.#nowOrLater(() => resolve(this.#load(agent))))
  }

  #load(agent: LoadAgent): Promise<LoadedMessage> {
    return new Promise((resolve) => {
      this.#loading.set(agent.slot, (message) => {
        if (message.error === undefined) {
          this.#agents.set(agent.slot, agent)
          this.#events.loaded(agent.slot, message.told ?? [])
        }
        resolve(message)
      })
      this.#send(DOWN.load, agent)
    })
  }

  unload(slot: number): void {
    this.#agents.delete(slot)
    this.#nowOrLater(() => this.#send(DOWN.unload, { slot }))
  }

  layouts(message: LayoutsMessage): void {
    this.#layouts.push(message)
    if (this.#waiting === undefined) this.#send(DOWN.layouts, message)
  }

  /** How entries that were kept are to be read, before any is sent. */
  stored(layouts: readonly Layout[]): void {
    this.#stored = layouts
    if (this.#waiting === undefined) this.#send(DOWN.stored, layouts)
  }
  #stored: readonly Layout[] | undefined

  /** A batch frame as the batcher made it; its own sequence number is in it. */
  batch(frame: Uint8Array, done?: () => void): void {
    const header = Buffer.from(frame.buffer, frame.byteOffset, HEADER + 4)
    const version = header.readUInt32LE(HEADER)
    while (this.#layouts.length > 1 && (this.#oldestVersion ?? version) > (this.#layouts[0]?.version ?? 0))
      this.#layouts.shift()
    this.#sendUnacked({ seq: header.readUInt32LE(8), frame, version, done })
  }

  get #oldestVersion(): number | undefined {
    return this.#unacked.find(({ version }) => version !== undefined)?.version
  }

  tick(nowMs: number): void {
    this.#sendAcked(DOWN.tick, { nowMs })
  }

  log(message: LogMessage): void {
    this.#sendAcked(DOWN.log, message)
  }

  /**
   * Changes of pods, after all that was sent before. Resolves when they have been told; with false when the process died
   * before that, whose successor is not told of them.
   */
  pods(message: PodsMessage): Promise<boolean> {
    const seq = this.#seq++ >>> 0
    const frame = podsFrame(seq, message)
    const told = Promise.withResolvers<boolean>()
    const once = { isLost: false }
    this.#sendUnacked({ seq, frame, version: undefined, once, done: () => told.resolve(!once.isLost) })
    return told.promise
  }

  /**
   * Something beside the traffic, after all that was sent before. Rejects with a Mistake when the sandbox is gone for good
   * before it is done.
   */
  errand(errand: Errand, id = ''): Promise<ErrandOutcome> {
    return new Promise((resolve, reject) => {
      if (this.#closing || this.#isLost) {
        reject(closed())
        return
      }
      const seq = this.#seq++ >>> 0
      const pending: PendingErrand = {
        errand,
        id,
        attempt: 1,
        lines: [],
        entries: [],
        characters: 0,
        resolve,
        reject,
      }
      this.#sendUnacked({
        seq,
        frame: errandFrame(seq, pending),
        version: undefined,
        done: undefined,
        pending,
      })
    })
  }

  /** Resolves when everything that was sent so far has been worked off, and what came of it has been told. */
  settled(): Promise<void> {
    const last = this.#unacked.at(-1)
    if (last === undefined) return Promise.resolve()
    const { done } = last
    return new Promise((resolve) => {
      last.done = () => {
        done?.()
        resolve()
      }
    })
  }

  /** No more traffic: jobs run for the last time. Resolves when everything has been worked off. */
  end(finalRun: boolean, untilMs: number | null): Promise<void> {
    return new Promise((resolve) => this.#sendAcked(DOWN.end, { finalRun, untilMs }, resolve))
  }

  async close(): Promise<void> {
    this.#closing = true
    for (const [slot, loaded] of this.#loading)
      loaded({ slot, error: 'the sandbox was closed', lines: [], heapBytes: 0 })
    this.#loading.clear()
    this.#giveUpErrands()
    clearInterval(this.#watch)
    clearTimeout(this.#reserve)
    this.#options.launcher.close()
    const child = this.#launched?.process
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const closed = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await closed
  }

  #giveUpErrands(): void {
    for (const { pending } of this.#unacked) pending?.reject(closed())
  }

  #cannotStart(why: string): Mistake {
    return new Mistake('E_SANDBOX', `the sandbox does not start: ${why}`, {
      hint: 'run `remora doctor` to see what this machine allows',
    })
  }

  #sendAcked(type: number, payload: unknown, done?: () => void): void {
    const seq = this.#seq++ >>> 0
    const frame = frameOf(type, seq, Buffer.from(JSON.stringify(payload)))
    this.#sendUnacked({ seq, frame, version: undefined, done })
  }

  #sendUnacked(unacked: Unacked): void {
    this.#unacked.push(unacked)
    if (this.#waiting === undefined) this.#write(unacked.frame)
  }

  #nowOrLater(action: () => void): void {
    if (this.#waiting === undefined) action()
    else this.#waiting.push(action)
  }

  #send(type: number, payload: unknown): void {
    this.#write(frameOf(type, 0, Buffer.from(JSON.stringify(payload))))
  }

  #write(frame: Uint8Array): void {
    const stream = this.#launched?.process.stdio[3] as Duplex | undefined
    if (stream?.writable) stream.write(frame)
  }

  /** What comes from a sandbox. It is not trusted: nonsense ends it. */
  #read(stream: Duplex, receive: (type: number, payload: unknown, seq: number) => void): void {
    const { process } = this.#launched as LaunchedSandbox
    const splitter = new FrameSplitter(LONGEST_UP, receive)
    stream.on('data', (chunk: Buffer) => {
      try {
        splitter.push(chunk)
      } catch (error) {
        this.#nonsense = ` after it said what makes no sense: ${(error as Error).message}`
        stream.removeAllListeners('data')
        process.kill('SIGKILL')
      }
    })
  }

  #receive(type: number, payload: unknown): void {
    switch (type) {
      case UP.ready:
        this.#ready?.()
        return
      case UP.loaded: {
        const message = payload as LoadedMessage
        if (message.shared !== undefined) this.#events.shared?.(message.shared, undefined)
        this.#events.lines(message.lines)
        this.#loading.get(message.slot)?.(message)
        this.#loading.delete(message.slot)
        return
      }
      case UP.output:
        this.#output(payload as OutputMessage)
        return
      case UP.ack: {
        const message = payload as AckMessage
        this.#output(message)
        this.#events.ack(message)
        if (message.told !== undefined) this.#events.told?.(message.told)
        this.#done(message)
        this.#deaths = 0
        this.#suspect = undefined
        return
      }
      case UP.stopped: {
        const { slot, reason } = payload as { slot: number; reason: string }
        const why = reason || this.#mark.interrupted
        const loading = this.#loading.get(slot)
        this.#loading.delete(slot)
        if (loading === undefined) this.#stop(slot, why)
        else loading({ slot, error: `stopped while it loaded: ${why}`, lines: [], heapBytes: 0 })
      }
    }
  }

  #done({ seq, answer }: AckMessage): void {
    const at = this.#unacked.findIndex((each) => each.seq === seq)
    for (const { done, pending } of this.#unacked.splice(0, at + 1)) {
      pending?.resolve({ answer, lines: pending.lines, entries: pending.entries, attempt: pending.attempt })
      done?.()
    }
  }

  /** Frames are worked off one after another: it is of the oldest. */
  #output({
    lines,
    entries,
    marks,
    shared,
  }: Pick<AckMessage, 'lines' | 'entries' | 'marks' | 'shared'>): void {
    const pending = this.#unacked[0]?.pending
    if (shared !== undefined) this.#events.shared?.(shared, pending)
    if (pending !== undefined) {
      keep(pending, lines, entries)
      return
    }
    this.#events.lines(lines)
    this.#events.entries(entries)
    if (marks.length > 0) this.#events.marks?.(z.array(entryMarks).parse(marks))
  }

  #stop(slot: number, reason: string): void {
    this.#agents.delete(slot)
    this.#events.stopped(slot, reason)
  }

  #answer(launched: LaunchedSandbox, seq: number, call: CallMessage): void {
    void this.#replying(launched, seq, async (say) => {
      const value = await this.#call(call, { warn: (warning) => say(`w${warning}`), isIgnored: false })
      return value === undefined ? '' : JSON.stringify(value)
    })
  }

  /** They are begun in their order, and the disk is waited for once. */
  #answerAll(launched: LaunchedSandbox, seq: number, calls: unknown): void {
    if (!Array.isArray(calls) || calls.length > MOST_CALLS_AT_ONCE) throw new Error('too many calls at once')
    void this.#replying(launched, seq, async (say) => {
      const answers = await Promise.allSettled(
        calls.map((call: CallMessage, at) =>
          this.#call(call, { warn: (warning) => say(`w${at} ${warning}`), isIgnored: true }),
        ),
      )
      const failed = answers.flatMap((answer, at): FailedCall[] =>
        answer.status === 'rejected' ? [[at, messageOf(answer.reason)]] : [],
      )
      return JSON.stringify(failed)
    })
  }

  async #call(call: CallMessage, how: Pick<CallContext, 'warn' | 'isIgnored'>): Promise<unknown> {
    const during = call.isInErrand === true ? this.#unacked[0]?.pending : undefined
    if (call.shared !== undefined) this.#events.shared?.(call.shared, during)
    return await this.#events.call(call, { ...how, during })
  }

  async #replying(
    launched: LaunchedSandbox,
    seq: number,
    ask: (say: (text: string) => void) => Promise<string>,
  ): Promise<void> {
    const stream = launched.process.stdio[4] as Duplex
    const reply = (text: string) => {
      // One that asks and does not listen would fill our memory.
      if (stream.writableLength > MOST_UNREAD) launched.process.kill('SIGKILL')
      else if (stream.writable) stream.write(frameOf(REPLY, seq, Buffer.from(text)))
    }
    this.#answering++
    try {
      reply(`v${await ask(reply)}`)
    } catch (error) {
      reply(`e${messageOf(error)}`)
    }
    this.#answering--
  }

  /** Looks whether the same call has been running for too long, or memory is growing out of bounds. */
  #check(): void {
    const launched = this.#launched
    const meter = this.#meter
    if (
      launched === undefined ||
      meter === undefined ||
      (this.#unacked.length === 0 && this.#loading.size === 0)
    )
      return
    const cpuMs = meter.cpuMs()
    const mark = this.#mark
    readSync(launched.progressFd, this.#progress, 0, 16, 0)
    const count = this.#progress.readUInt32LE(0)
    const waits = this.#progress.readUInt32LE(12)
    if (count !== mark.count || (waits !== mark.waits && !meter.isExact)) {
      mark.count = count
      mark.waits = waits
      mark.slot = this.#progress.readInt32LE(4)
      mark.task = this.#progress.readUInt32LE(8)
      mark.cpuMs = cpuMs
      // By now the call may have taken much already.
      mark.residentMb = Math.min(this.#residentMb, meter.residentMb())
      mark.tookMb = 0
      mark.interrupted = ''
    }
    this.#residentMb = meter.residentMb()
    mark.tookMb = Math.max(mark.tookMb, this.#residentMb - mark.residentMb)
    if (mark.slot < 0) return
    const { hookMs, jobMs, callMb } = this.#options.limits
    const limit = mark.task > 0 ? jobMs : hookMs
    if (mark.interrupted === '') {
      if (cpuMs - mark.cpuMs > limit)
        this.#interrupt(launched, cpuMs, `it ran for more than ${limit} ms of CPU time in one call`)
      else if (mark.tookMb > callMb)
        this.#interrupt(launched, cpuMs, `it took more than ${callMb} MB of memory in one call`)
    } else if (mark.graceFromMs === undefined) {
      // On a busy machine the signal, and then the thread that breaks off the loop, have to wait for their turn.
      const isBreaking = cpuMs > mark.interruptedCpuMs + SIGNAL_MS && !meter.isWaiting(INTERRUPTER)
      if (isBreaking) mark.graceFromMs = cpuMs
    } else {
      const grace = GRACE_MS.findLast(([megabytes]) => mark.tookMb >= megabytes)?.[1] ?? 0
      if (cpuMs - mark.graceFromMs > grace) launched.process.kill('SIGKILL')
    }
  }
  readonly #progress = Buffer.alloc(16)
  /** When it was last looked at. */
  #residentMb = 0

  #interrupt(launched: LaunchedSandbox, cpuMs: number, reason: string): void {
    this.#mean(launched, this.#mark.count)
    readSync(launched.progressFd, this.#progress, 0, 16, 0)
    if (this.#progress.readUInt32LE(0) !== this.#mark.count) {
      // It has come to an end by itself meanwhile.
      this.#mean(launched, 0)
      return
    }
    this.#mark.interrupted = reason
    this.#mark.interruptedCpuMs = cpuMs
    this.#mark.graceFromMs = undefined
    launched.process.kill('SIGINT')
  }

  /** See `awaitInterrupt` of `host/sandbox.ts`. */
  #mean(launched: LaunchedSandbox, mark: number): void {
    this.#meant.writeUInt32LE(mark, 0)
    writeSync(launched.progressFd, this.#meant, 0, 4, MEANT_AT)
  }
  readonly #meant = Buffer.alloc(4)

  /** The process is gone: names the culprit, and starts another one with the agents that are left. */
  #gone(launched: LaunchedSandbox, ending: Ending): void {
    clearInterval(this.#watch)
    clearTimeout(this.#reserve)
    readSync(launched.progressFd, this.#progress, 0, 16, 0)
    const slot = this.#progress.readInt32LE(4)
    closeProgress(launched.progressFd)
    this.#meter?.close()
    this.#meter = undefined
    // One that never came up is told by `start`.
    if (this.#closing || launched !== this.#launched || !this.#up) return
    const reason = this.#causeOfDeath(ending)
    const running = this.#progress.readUInt32LE(0) > 0 && slot >= 0 ? slot : undefined
    const culprit = this.#isGuilty(running, ending) ? running : undefined
    this.#suspect = running
    this.#launched = undefined
    this.#waiting ??= []
    this.#deaths++
    for (const [slot, loaded] of this.#loading) {
      this.#loading.delete(slot)
      loaded({ slot, error: reason, lines: [], heapBytes: 0 })
    }
    if (culprit !== undefined && this.#agents.has(culprit)) this.#stop(culprit, reason)
    this.#events.restarted(reason, culprit)
    if (culprit === undefined && this.#deaths > MOST_UNEXPLAINED)
      this.#failed.reject(new Mistake('E_SANDBOX', `the sandbox keeps dying: ${reason}`))
    else this.#revive().catch((error: unknown) => this.#failed.reject(error))
  }

  /** Anybody can kill a process, and the agent that was running then may be innocent: it takes two deaths in a row. */
  #isGuilty(running: number | undefined, { signal }: Ending): boolean {
    const byOthers = signal === 'SIGKILL' && this.#mark.interrupted === '' && this.#nonsense === ''
    return !byOthers || running === this.#suspect
  }

  /** A new process gets the agents that are left, and then all that was meant for them meanwhile. */
  async #revive(): Promise<void> {
    await this.start()
    const launched = this.#launched
    for (const agent of [...this.#agents.values()]) {
      if (!this.#agents.has(agent.slot)) continue
      const { error } = await this.#load(agent)
      // It has died again: another one is on its way.
      if (this.#launched !== launched) return
      if (error !== undefined) this.#leaveBehind(agent.slot, error)
    }
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const layouts of this.#layouts) this.#send(DOWN.layouts, layouts)
    if (this.#stored !== undefined) this.#send(DOWN.stored, this.#stored)
    for (const unacked of this.#unacked) this.#write(again(unacked))
    for (const action of waiting) action()
  }

  #leaveBehind(slot: number, reason: string): void {
    this.#agents.delete(slot)
    this.#events.notRevived(slot, reason)
  }

  #causeOfDeath({ code, signal, stderr }: Ending): string {
    if (this.#mark.interrupted !== '') return this.#mark.interrupted
    if (/heap limit|out of memory|Allocation failed/i.test(stderr)) return 'it ran out of memory'
    return `its sandbox died (${signal ?? `exit code ${code}`}${this.#nonsense})`
  }
}

/** A frame that waits for its acknowledgement. */
interface Unacked {
  readonly seq: number
  readonly frame: Uint8Array
  /** Demand that a batch was made for. */
  readonly version: number | undefined
  done: (() => void) | undefined
  readonly pending?: PendingErrand
  /** A successor is not to have it. */
  readonly once?: { isLost: boolean }
}

interface PendingErrand extends ErrandAttempt {
  readonly errand: Errand
  attempt: number
  lines: Line[]
  entries: string[]
  /** In both. */
  characters: number
  resolve(outcome: ErrandOutcome): void
  reject(error: Mistake): void
}

function errandFrame(seq: number, { errand, attempt }: PendingErrand): Buffer {
  const message: ErrandMessage = { errand, isAgain: attempt > 1 }
  return frameOf(DOWN.errand, seq, Buffer.from(JSON.stringify(message)))
}

function podsFrame(seq: number, message: PodsMessage): Buffer {
  return frameOf(DOWN.pods, seq, Buffer.from(JSON.stringify(message)))
}

/** What a process has said of an errand before it died is not what its successor says. */
function again({ seq, frame, pending, once }: Unacked): Uint8Array {
  if (once !== undefined) {
    once.isLost = true
    return podsFrame(seq, { slots: [], events: [], isTimed: false })
  }
  if (pending === undefined) return frame
  pending.lines = []
  pending.entries = []
  pending.characters = 0
  pending.attempt++
  return errandFrame(seq, pending)
}

function keep(pending: PendingErrand, lines: readonly Line[], entries: readonly string[]): void {
  for (const { text } of lines) pending.characters += text.length
  for (const text of entries) pending.characters += text.length
  if (pending.characters > MOST_KEPT) throw new Error('more is said of an errand than it may be')
  pending.lines.push(...lines)
  pending.entries.push(...entries)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function closed(): Mistake {
  return new Mistake('E_SANDBOX', 'the sandbox was closed')
}

/** The call that an agent is in, when it was first seen, and how it is being brought to an end. */
interface Mark {
  /** Counts calls. */
  count: number
  /** Counts waits for helpers. */
  waits: number
  /** −1 between calls. */
  slot: number
  /** Number of the job or timer that it is; 0: it is none. */
  task: number
  cpuMs: number
  residentMb: number
  /** Most memory that it has taken since. */
  tookMb: number
  /** Why it was interrupted; "" when it was not. */
  interrupted: string
  interruptedCpuMs: number
  /** From here on the interrupt was at work; undefined before. */
  graceFromMs: number | undefined
}

const NO_CALL: Readonly<Mark> = {
  count: -1,
  waits: -1,
  slot: -1,
  task: 0,
  cpuMs: 0,
  residentMb: 0,
  tookMb: 0,
  interrupted: '',
  interruptedCpuMs: 0,
  graceFromMs: undefined,
}
const WATCH_EVERY_MS = 5
/**
 * CPU time that an interrupted agent may take to come to an end before its process is killed, by the memory (MB) that its
 * call has taken: copying and collecting that takes long, but does come to an end, and the others keep their variables.
 */
const GRACE_MS = [
  [0, 65],
  [32, 300],
  // Where pages come slowly, an array of 240 MB has taken no more after 300 ms.
  [64, 500],
  [96, 1000],
] as const
/** CPU time after which a process that was sent a signal has got it: more than what the kernel is late to count. */
const SIGNAL_MS = 5
/** Node's thread that `breakOnSigint` starts. */
const INTERRUPTER = 'SigintWatchdog'
/** A frame from the sandbox is cut at the lines and bytes that agents may print; this is far beyond. */
const LONGEST_UP = 64 << 20
/** A sandbox waits for one answer at a time; those to calls that were broken off may be under way as well. */
const MOST_CALLS = 100
/** Bytes of answers that it has not read. */
const MOST_UNREAD = 64 << 20
/** A process in reserve costs memory, and time on a core: short runs do without. */
const RESERVE_AFTER_MS = 2000
const MOST_UNEXPLAINED = 3
/** Characters that are kept until an errand is done; agents may print and show less. */
const MOST_KEPT = 256 << 20
