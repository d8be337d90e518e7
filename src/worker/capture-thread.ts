import { parentPort } from 'node:worker_threads'
import { type CaptureOptions, isLive } from '../capture/index.ts'
import { ClockOffset } from '../cluster/clock-offset.ts'
import { Identities, type IdentityLimits } from '../cluster/identities.ts'
import type { KnownChange } from '../cluster/objects.ts'
import { dissectorsNamed, entryProtocols, protocolsNamed } from '../dissectors/index.ts'
import type { EntryOrigin } from '../entry/entry.ts'
import { EntryTexts } from '../entry/text.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { PacketBatch } from '../packet/batch.ts'
import type { EntryWriter } from '../store/entries/entry-store.ts'
import { openEntryWriter } from '../store/entries/index.ts'
import type { LogLimits } from '../store/entries/log.ts'
import { Batcher } from './batcher.ts'
import {
  type CaptureDone,
  type CaptureStats,
  CONTROL,
  type FromCapture,
  LIVE_WINDOW,
  NOTHING_DROPPED,
  type SelectionOrder,
  TIME_WINDOW,
  type ToCapture,
  WINDOW,
} from './capture-messages.ts'
import { type HeldCounters, HeldEntries } from './held-entries.ts'
import { DnsNames } from './names.ts'
import { type EventSink, Pipeline, type PipelineOptions } from './pipeline.ts'
import { KnownProcesses } from './processes/known-processes.ts'
import { Recorder } from './recorder.ts'
import { Selection } from './selection.ts'
import { SourceInTurn } from './source-in-turn.ts'
import { type SpoolOptions, SpoolWriter } from './spool/index.ts'

/** What the thread is told first. */
export interface CaptureThreadData {
  readonly source: CaptureOptions
  readonly pipeline: Omit<
    PipelineOptions,
    'dissectors' | 'conversations' | 'chunks' | 'payloads' | 'names' | 'spool' | 'selection'
  >
  /** Which packets are read to begin with. */
  readonly selection: SelectionOrder
  readonly enabled: readonly string[]
  /** Keep the packets of connections here, for pcap.*. */
  readonly spool: SpoolOptions | undefined
  /** Keep every entry here, for those who ask for it later. */
  readonly record?: LogLimits | undefined
  readonly worker: string
  readonly node: { readonly ip: string; readonly name: string }
  /** How long is remembered who had an address, and how long entries wait for that to be known, ms. */
  readonly identities: IdentityLimits & { readonly waitMs: number }
  /** Shared with the main thread, see `CONTROL`. */
  readonly control: SharedArrayBuffer
}

/** The thread that reads, decodes, reassembles and dissects; it never runs anything that a user wrote. */
class CaptureThread {
  readonly #control: Int32Array
  readonly #source: SourceInTurn
  readonly #selection = new Selection()
  readonly #names = new DnsNames()
  readonly #origin: Origin
  readonly #identities: Identities
  readonly #offset = new ClockOffset()
  readonly #held: HeldEntries | undefined
  readonly #processes: KnownProcesses
  readonly #spool: SpoolWriter | undefined
  readonly #batcher: Batcher
  readonly #store: EntryWriter | undefined
  readonly #pipeline: Pipeline
  #sent = 0
  #dropped = { ...NOTHING_DROPPED }
  readonly #droppedInAll = { ...NOTHING_DROPPED }
  #live = false
  #go: (() => void) | undefined
  #flushTimer: NodeJS.Timeout | undefined
  #progressAt = 0

  constructor(data: CaptureThreadData) {
    this.#control = new Int32Array(data.control)
    this.#source = new SourceInTurn(data.source, (filter, complaint) =>
      post({ kind: 'filtered', filter, complaint }),
    )
    this.#selection.set(data.selection)
    const origin: Origin = {
      worker: data.worker,
      node: data.node,
      backend: 'path' in data.source ? 'pcap' : 'af_packet',
      nameOf: (ip: string) => this.#names.nameOf(ip, this.#identities.changedAt(ip)),
    }
    this.#origin = origin
    const { waitMs } = data.identities
    this.#identities = new Identities(data.identities)
    this.#processes = new KnownProcesses(this.#identities)
    this.#batcher = new Batcher(
      entryProtocols,
      protocolsNamed(data.enabled),
      origin,
      (frame, items, packets, relayed) => this.#send(frame, items, packets, relayed),
    )
    this.#spool = data.spool === undefined ? undefined : new SpoolWriter(data.spool)
    const pipeline = {
      ...data.pipeline,
      ...dissectorsNamed(data.enabled),
      names: this.#names,
      spool: this.#spool,
      selection: this.#selection,
    }
    // Whoever finds an entry may ask for its packets at once.
    this.#store =
      data.record === undefined ? undefined : openEntryWriter(data.record, () => this.#spool?.flush())
    const sink: EventSink =
      this.#store === undefined
        ? this.#batcher
        : new Recorder(this.#batcher, this.#store, new EntryTexts(entryProtocols, origin))
    if (waitMs > 0 && isLive(data.source))
      this.#held = new HeldEntries(sink, this.#identities, {
        waitMs,
        now: () => performance.now(),
        isOfOtherNode: (exchange) => this.#selection.isEntryOfOtherNode(exchange),
      })
    this.#pipeline = new Pipeline(pipeline, this.#held ?? sink)
    port.on('message', (message: ToCapture) => this.#receive(message))
  }

  async run(): Promise<void> {
    const source = this.#source
    this.#live = source.live
    const { description, live } = source
    const demanded = new Promise<void>((resolve) => {
      this.#go = resolve
    })
    const batches = source.packets()[Symbol.asyncIterator]()
    // A file says when its time begins; a quiet interface may be silent for hours.
    const first = batches.next()
    post({ kind: 'ready', description, live, firstMs: live ? null : firstTime(await first) })
    let batch = await first
    await demanded
    const clock = live ? setInterval(() => this.#onQuiet(), QUIET_MS) : undefined
    const held = this.#held && setInterval(() => this.#letGo(), LET_GO_MS)
    const stats =
      this.#store === undefined
        ? undefined
        : setInterval(() => post({ kind: 'stats', ...this.#stats(source) }), QUIET_MS)
    while (batch.done !== true && !this.#stopped()) {
      this.#pipeline.push(batch.value)
      this.#afterBatch(source)
      // Messages are only seen between batches; a file is read without ever waiting.
      await new Promise(setImmediate)
      batch = await batches.next()
    }
    clearInterval(clock)
    clearInterval(held)
    clearInterval(stats)
    clearTimeout(this.#flushTimer)
    this.#pipeline.finish()
    this.#held?.finish()
    this.#batcher.flush(true)
    this.#spool?.close()
    if (batch.done !== true) await batches.return?.()
    await this.#store?.close()
    // Also of a file that was read before anybody asked.
    if (stats !== undefined) post({ kind: 'stats', ...this.#stats(source) })
    post({ kind: 'done', ...this.#done(source) })
  }

  /** Where nothing happens, requests wait for replies too. Packets may be on their way for a while. */
  #onQuiet(): void {
    this.#pipeline.advance(Math.floor((Date.now() - LATEST_MS) / 1000))
    this.#flushTimer ??= setTimeout(() => this.#flushSoon(), FLUSH_MS)
  }

  /** Entries that were held back need nothing more to wait for. */
  #letGo(): void {
    if (this.#held?.advance() === true) this.#flushTimer ??= setTimeout(() => this.#flushSoon(), FLUSH_MS)
  }

  #afterBatch(source: SourceInTurn): void {
    if (this.#live) this.#flushTimer ??= setTimeout(() => this.#flushSoon(), FLUSH_MS)
    else this.#batcher.idle()
    const now = performance.now()
    if (now - this.#progressAt < PROGRESS_MS) return
    this.#progressAt = now
    const { bytesRead, totalBytes } = source.progress
    post({ kind: 'progress', bytesRead, totalBytes, packets: this.#pipeline.packets })
  }

  #flushSoon(): void {
    this.#flushTimer = undefined
    this.#batcher.flush(true)
  }

  /**
   * Hands a frame to the main thread. From a file, waits while the sandboxes are behind; a live capture must not
   * wait: it drops what agents have no time for, and counts it. False when it did.
   */
  #send(frame: Uint8Array, items: number, packets: number, relayed: number): boolean {
    const control = this.#control
    if (this.#live) {
      if (this.#sent - Atomics.load(control, CONTROL.acked) >= LIVE_WINDOW) {
        this.#dropped.items += items
        this.#dropped.packets += packets
        this.#dropped.relayed += relayed
        this.#droppedInAll.items += items
        this.#droppedInAll.packets += packets
        this.#droppedInAll.relayed += relayed
        return false
      }
    } else {
      // Mere time takes no room. What is kept for pcap.* must not be far ahead of the agents.
      const window = items + packets > 0 || this.#spool !== undefined ? WINDOW : TIME_WINDOW
      for (;;) {
        const acked = Atomics.load(control, CONTROL.acked)
        if (this.#sent - acked < window || this.#stopped()) break
        Atomics.wait(control, CONTROL.acked, acked, 1000)
      }
    }
    this.#sent++
    this.#spool?.flush()
    const dropped = this.#dropped
    this.#dropped = { ...NOTHING_DROPPED }
    port.postMessage(
      { kind: 'frame', frame, items, packets, dropped, names: this.#names.takeNew() } satisfies FromCapture,
      [frame.buffer as ArrayBuffer],
    )
    return true
  }

  #receive(message: ToCapture): void {
    if (message.kind === 'demand') {
      this.#batcher.setDemand({
        version: message.version,
        items: new Set(message.items),
        packets: new Set(message.packets),
        relays: message.dissectors.length > 0,
      })
      this.#pipeline.relayTo(message.dissectors)
      post({ kind: 'demand', version: message.version })
      this.#go?.()
    } else if (message.kind === 'flush') {
      this.#spool?.flush()
      post({ kind: 'flushed', problem: this.#spool?.problem })
    } else if (message.kind === 'cluster') {
      this.#hear(message.changes)
      // Where there is no cluster, nobody asks for it.
      this.#origin.identityOf ??= (...of) => this.#identities.find(...of)
      if (this.#live) this.#origin.mayChange ??= (...of) => this.#identities.mayChange(...of)
    } else if (message.kind === 'sockets') {
      this.#processes.apply(message)
      this.#origin.processOf ??= (end, peer) => this.#processes.find(end, peer)
    } else if (message.kind === 'marks') {
      for (const { stream, index, ...marks } of message.marks) this.#store?.mark(stream, index, marks)
    } else if (message.kind === 'select') this.#selection.set(message)
    else if (message.kind === 'pods') this.#selection.mark(message.changed)
    else if (message.kind === 'filter') this.#source.refilter(message.filter)
    else {
      this.#source.stop()
      this.#go?.()
    }
  }

  /** Times of the hub are those of another clock than that of the packets. */
  #hear(changes: readonly KnownChange[]): void {
    const now = Date.now()
    for (const { at } of changes) this.#offset.note(at, now)
    const { ms } = this.#offset
    for (const change of changes)
      this.#identities.apply(ms === 0 ? change : { ...change, at: change.at + ms })
    this.#held?.hear()
  }

  #stopped(): boolean {
    return Atomics.load(this.#control, CONTROL.stop) !== 0 && !this.#live
  }

  #stats(source: SourceInTurn): CaptureStats {
    return {
      counters: this.#pipeline.counters(),
      losses: source.losses(),
      store: this.#store?.counters,
      spool: this.#spool?.counters,
      droppedInAll: this.#droppedInAll,
      names: {
        ...(this.#held?.counters ?? NOTHING_HELD),
        known: this.#identities.size,
        forgotten: this.#identities.forgotten,
      },
    }
  }

  #done(source: SourceInTurn): CaptureDone {
    return {
      ...this.#stats(source),
      skipped: source.skipped,
      problems: [...source.problems, ...(this.#spool?.problem === undefined ? [] : [this.#spool.problem])],
      dropped: this.#dropped,
    }
  }
}

type Origin = { -readonly [Key in keyof EntryOrigin]: EntryOrigin[Key] }

function firstTime(batch: IteratorResult<PacketBatch>): number | null {
  if (batch.done === true || batch.value.count === 0) return null
  return (batch.value.seconds[0] as number) * 1000 + (batch.value.nanos[0] as number) / 1e6
}

function post(message: FromCapture): void {
  port.postMessage(message)
}

if (parentPort === null) throw new Error('capture-thread.ts is started as a worker thread')
const port = parentPort
/** How long a live event may wait for others to travel with. */
const FLUSH_MS = 10
const PROGRESS_MS = 100
/** How often time passes without packets, and how late they may be. */
const QUIET_MS = 1000
const LATEST_MS = 2000
/** How often entries that are held back are looked at. */
const LET_GO_MS = 25
const NOTHING_HELD: HeldCounters = { waiting: 0, waited: 0, inVain: 0, hurried: 0, ofOtherNode: 0 }

port.once('message', (data: CaptureThreadData) => {
  // What it needs to begin with, such as its folder, may not be there.
  Promise.try(() => new CaptureThread(data).run()).then(
    () => port.close(),
    (error: unknown) => {
      if (!(error instanceof Mistake)) throw error
      post({ kind: 'mistake', code: error.code, message: error.message, hint: error.hint })
      port.close()
    },
  )
})
