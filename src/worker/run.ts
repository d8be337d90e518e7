import { Worker as Thread } from 'node:worker_threads'
import type { Agent } from '../agent/agents.ts'
import type { EntryMarks } from '../agent/answers.ts'
import {
  AgentGroup,
  type AgentResult,
  type GroupClock,
  type GroupObserver,
  type GroupOptions,
} from '../agent/group.ts'
import type { MadeCounters } from '../agent/host/protocol.ts'
import { type CaptureOptions, isLive } from '../capture/index.ts'
import type { KnownChange } from '../cluster/objects.ts'
import { Mistake } from '../mistake/mistake.ts'
import {
  type CaptureDone,
  type CaptureStats,
  CONTROL,
  CONTROL_BYTES,
  type FromCapture,
  type MarkedAddress,
  type SelectionOrder,
  type ToCapture,
} from './capture-messages.ts'
import type { CaptureThreadData } from './capture-thread.ts'
import type { FoundSockets } from './processes/found-process.ts'
import { takeCaptureThread } from './thread.ts'

export interface RunOptions extends Omit<GroupOptions, 'traffic' | 'hub'> {
  readonly source: CaptureOptions
  readonly capture: Pick<
    CaptureThreadData,
    'pipeline' | 'enabled' | 'spool' | 'record' | 'selection' | 'identities'
  >
  /** How often is looked which processes have which connections, ms; 0 = never. */
  readonly processesEveryMs?: number
  /** Where this worker is known to be, as its entries say; workers of one cluster must differ. */
  readonly address?: WorkerAddress
  /** Every job runs once more when the capture has ended. */
  readonly finalRun: boolean
  /** Whether agents also run as they would on the hub: if they can tell, always, or never. */
  readonly hub: 'auto' | 'always' | 'never'
  /** When the capture is over, agents stay until `stop`, for those who ask them something, and others may come. */
  readonly lingers?: boolean
}

export interface WorkerAddress {
  /** host:port */
  readonly worker: string
  /** Address of its node. */
  readonly ip: string
}

/** What a run tells while it goes. */
export interface RunObserver extends GroupObserver {
  /** The traffic gave an address a name. */
  learned(seconds: number, ip: string, name: string): void
  progress(bytesRead: number, totalBytes: number, packets: number): void
  /** How the capture does, once a second where entries are kept. */
  stats?(stats: CaptureStats): void
  /** The capture goes on with another filter, or as it was, and why. */
  filtered?(filter: string, complaint: string | undefined): void
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

/** Traffic through agents, from the first packet to the last job, on one machine. */
export class Run {
  readonly #options: RunOptions
  readonly #observer: RunObserver
  readonly #control = new SharedArrayBuffer(CONTROL_BYTES)
  readonly #words = new Int32Array(this.#control)
  /** The agents, for those who ask them something beside the traffic. */
  readonly agents: AgentGroup
  #thread: Thread | undefined
  #processes: Thread | undefined
  /** What the thread is told when it is there. */
  readonly #early: ToCapture[] = []
  readonly #stopped = Promise.withResolvers<void>()

  constructor(options: RunOptions, observer: RunObserver) {
    this.#options = options
    this.#observer = observer
    this.agents = this.#createGroup()
  }

  /**
   * Runs to the end of the capture, or until `stop`. Rejects with a Mistake when the input cannot be read at all, or
   * when agents cannot be run.
   */
  async run(): Promise<RunResult> {
    const began = performance.now()
    const { agents } = this
    const messages = this.#startThread()
    try {
      const { ready, done } = await Promise.race([this.#work(messages), agents.failed])
      return {
        description: ready.description,
        live: ready.live,
        capture: done,
        agents: agents.results(),
        made: agents.made,
        discrepancies: agents.discrepancies(),
        restarts: agents.restarts,
        wallMs: performance.now() - began,
      }
    } finally {
      await agents.close()
      await this.#processes?.terminate()
      await this.#thread?.terminate()
    }
  }

  async #work(messages: ThreadMessages) {
    const { agents } = this
    const started = agents.start(messages.ready.then(clockOf))
    started.catch(() => {})
    const ready = await messages.ready
    agents.askAhead()
    await started
    await agents.load()
    agents.log('info', 'worker', 'the capture begins', { source: ready.description })
    agents.begin()
    const done = await messages.done
    await agents.endTraffic()
    agents.dropped(done.dropped)
    // Agents that are stopped now are told of before the end.
    await agents.settled()
    const { packets, entries } = done.counters
    agents.log('info', 'worker', 'the capture ends', { packets, entries })
    await agents.end(this.#options.finalRun, ready.live ? Date.now() : done.counters.lastMs)
    if (this.#options.host.traced === true) await agents.measure()
    if (this.#options.lingers === true) await Promise.race([this.#stopped.promise, agents.failed])
    return { ready, done }
  }

  /** Ends the capture; what was captured is still worked off. */
  stop(): void {
    this.#stopped.resolve()
    Atomics.store(this.#words, CONTROL.stop, 1)
    Atomics.notify(this.#words, CONTROL.acked)
    this.#post({ kind: 'stop' })
  }

  /** A new agent, or a new version of one. The old one keeps running when it does not load: answers why. */
  reload(agent: Agent): Promise<string | undefined> {
    return this.agents.reload(agent)
  }

  /** Whether some version of an agent is loaded. */
  runs(index: number): boolean {
    return this.agents.runs(index)
  }

  /** Stops an agent for good. */
  remove(index: number): Promise<void> {
    return this.agents.remove(index)
  }

  /**
   * All packets that were captured by now can be read afterwards, unless the capture thread has no time for it. Answers why none are
   * kept any more, if so.
   */
  async flushPackets(): Promise<string | undefined> {
    if (this.#thread === undefined || this.#hasEnded) return undefined
    const flushed = Promise.withResolvers<string | undefined>()
    this.#flushes.push(flushed.resolve)
    this.#post({ kind: 'flush' })
    const late = setTimeout(() => flushed.resolve(undefined), FLUSH_MS)
    try {
      return await flushed.promise
    } finally {
      clearTimeout(late)
    }
  }
  readonly #flushes: ((problem: string | undefined) => void)[] = []
  #hasEnded = false

  #createGroup(): AgentGroup {
    const { capture, nodeName, source, address = ALONE } = this.#options
    const traffic = {
      origin: {
        worker: address.worker,
        node: { ip: address.ip, name: nodeName },
        backend: 'path' in source ? 'pcap' : 'af_packet',
      },
      replyTimeoutSeconds: capture.pipeline.replyTimeoutSeconds,
      demand: (demand: Omit<ToCapture & { kind: 'demand' }, 'kind'>) =>
        this.#post({ kind: 'demand', ...demand }),
    }
    return new AgentGroup({ ...this.#options, traffic }, this.#observer)
  }

  /** What agents think of entries that are kept. */
  mark(marks: readonly EntryMarks[]): void {
    this.#post({ kind: 'marks', marks })
  }

  /** Which packets are read from now on. */
  select(order: SelectionOrder): void {
    this.#post({ kind: 'select', ...order })
  }

  /** What changed of addresses of pods, as `POD_MARK` has it. */
  markPods(changed: readonly MarkedAddress[]): void {
    this.#post({ kind: 'pods', changed })
  }

  /** Begins a live capture again with another filter; agents, entries and connections stay. */
  refilter(filter: string): void {
    this.#post({ kind: 'filter', filter })
  }

  /** What has changed in the cluster, for the names of entries. Only what comes while it runs is heard. */
  hear(changes: readonly KnownChange[]): void {
    // In pieces: the capture must not stand still for long.
    for (let at = 0; at < changes.length; at += MOST_CHANGES)
      this.#post({ kind: 'cluster', changes: changes.slice(at, at + MOST_CHANGES) })
  }

  #startThread(): ThreadMessages {
    const { capture, source, nodeName, address = ALONE } = this.#options
    const data: CaptureThreadData = {
      ...capture,
      source,
      worker: address.worker,
      node: { ip: address.ip, name: nodeName },
      control: this.#control,
    }
    const thread = takeCaptureThread()
    thread.postMessage(data)
    for (const message of this.#early.splice(0)) thread.postMessage(message)
    this.#thread = thread
    this.#lookForProcesses()
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
          this.agents.demanded(message.version)
          return
        case 'flushed':
          this.#flushes.shift()?.(message.problem)
          return
        case 'progress':
          this.#observer.progress(message.bytesRead, message.totalBytes, message.packets)
          return
        case 'stats':
          this.#observer.stats?.(message)
          return
        case 'filtered':
          this.#observer.filtered?.(message.filter, message.complaint)
          return
        case 'done':
          this.#hasEnded = true
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

  /** Beside a live capture; without it entries go without processes. */
  #lookForProcesses(): void {
    const { source, processesEveryMs = 0 } = this.#options
    if (!isLive(source) || processesEveryMs === 0) return
    const finder = new Thread(new URL('./processes/process-thread.cjs', import.meta.url), {
      workerData: processesEveryMs,
    })
    finder.unref()
    finder.on('message', (news: FoundSockets) => this.#post({ kind: 'sockets', ...news }))
    finder.on('error', (error) =>
      this.agents.log('warning', 'worker', 'processes are not looked for any more', { error: String(error) }),
    )
    this.#processes = finder
  }

  #frame({ names, ...frame }: Frame): void {
    this.agents.frame({
      ...frame,
      taken: () => {
        for (const { seconds, ip, name } of names) this.#observer.learned(seconds, ip, name)
      },
      done: () => {
        Atomics.add(this.#words, CONTROL.acked, 1)
        Atomics.notify(this.#words, CONTROL.acked)
      },
    })
  }

  #post(message: ToCapture): void {
    if (this.#thread === undefined) this.#early.push(message)
    else this.#thread.postMessage(message)
  }
}

function clockOf({ live, firstMs }: Ready): GroupClock {
  return { live, startMs: live ? Date.now() : (firstMs ?? 0) }
}

/** How long a script waits for packets to be written. */
const FLUSH_MS = 2000
const MOST_CHANGES = 200
const ALONE: WorkerAddress = { worker: '127.0.0.1:48999', ip: '127.0.0.1' }
