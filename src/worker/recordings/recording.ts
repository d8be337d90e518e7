import type { EntryMarks } from '../../agent/answers.ts'
import type { EntryReader, EntryWriter, FilterSettings } from '../../store/entries/entry-store.ts'
import { openEntryReader, openEntryWriter } from '../../store/entries/index.ts'
import { pause } from '../../waiting/pause.ts'
import { phaseAt, type RecordingPhase } from '../../wire/recording-schedule.ts'
import type { RecordingPart, RecordingPlan } from '../../wire/recordings.ts'
import type { ConnectionPackets } from '../spool/index.ts'
import { ConnectionCopies } from './connection-copies.ts'
import { PacketFiles, packetFilesIn, removePacketFiles } from './packet-files.ts'
import { countPackets } from './packet-index.ts'
import { pastEntries } from './past-entries.ts'
import { RecordingFolder, type Remembered } from './recording-file.ts'
import { Taking } from './taking.ts'

export interface RecordingOptions extends FilterSettings {
  readonly folder: string
  /** Entries of this worker; undefined when it keeps none. */
  readonly reader: EntryReader | undefined
  readonly packets: ConnectionPackets
  /** What is captured has the times of a file, not of the clock. */
  readonly isFile: boolean
}

/** A recording on this worker. `step` does what is due by the clock; steps follow one another. */
export class Recording {
  plan: RecordingPlan
  readonly #options: RecordingOptions
  readonly #folder: RecordingFolder
  readonly #copies: ConnectionCopies
  #state: Remembered
  #session: Session | undefined
  #marks: LateMarks = []
  #written = ''
  #writtenAt = 0
  #reader: { readonly reader: EntryReader; usedAt: number } | undefined

  constructor(plan: RecordingPlan, options: RecordingOptions) {
    this.plan = plan
    this.#options = options
    this.#folder = new RecordingFolder(options.folder)
    this.#copies = new ConnectionCopies(options.packets)
    const state = this.#folder.read()
    this.#state = state?.id === plan.id ? state : { ...NOTHING, id: plan.id }
  }

  get part(): Omit<RecordingPart, 'node'> {
    const { since: _, ...part } = this.#state
    return part
  }

  get isRecording(): boolean {
    return this.#session !== undefined
  }

  get packetsFolder(): string {
    return this.#folder.packets
  }

  names() {
    return this.#folder.names()
  }

  /** What agents think of entries; they come before or after those. */
  mark(marks: readonly EntryMarks[], now: number): void {
    if (this.#session === undefined) return
    for (const each of marks) this.#marks.push({ at: now, marks: each })
    this.#marks = this.#marks.slice(-MOST_MARKS)
  }

  /** What is due now. `room`: bytes that are left for all recordings. */
  async step(now: number, room: number): Promise<void> {
    const phase = phaseAt(this.plan, now)
    try {
      if (this.#state.since === 0) await this.#clear()
      if (this.#state.state === 'recording' && this.#session === undefined) await this.#goOn(phase, now)
      if (this.plan.lastMs !== undefined) await this.#takePast(this.plan.lastMs, now, room)
      await this.#follow(phase, now, room)
    } catch (error) {
      await this.#fail(reasonOf(error))
    }
    await this.#remember(now)
    if (this.#reader !== undefined && now - this.#reader.usedAt > READER_IDLE_MS) await this.#closeReader()
  }

  /** Entries that it has; undefined when it never had any. */
  entries(now: number): EntryReader | undefined {
    if (this.#state.since === 0 || this.#state.state === 'expired') return undefined
    this.#reader ??= {
      reader: openEntryReader({ ...this.#options, folder: this.#folder.entries }),
      usedAt: now,
    }
    this.#reader.usedAt = now
    return this.#reader.reader
  }

  /** Puts it down; it goes on when the worker comes again. */
  async close(): Promise<void> {
    await this.#closeSession().catch((error: unknown) => this.#note('failed', reasonOf(error)))
    await this.#remember(Number.POSITIVE_INFINITY)
    await this.#closeReader()
  }

  async remove(): Promise<void> {
    await this.#closeSession(false).catch(() => {})
    await this.#closeReader()
    await this.#folder.remove()
  }

  async #follow(phase: RecordingPhase, now: number, room: number): Promise<void> {
    const session = this.#session
    if (session !== undefined) {
      const isOver = phase.kind !== 'recording' || phase.since !== session.since
      await this.#keepUp(session, now, isOver ? Number.POSITIVE_INFINITY : room)
      if (!isOver) return
      await this.#closeSession()
      this.#note(phase.kind === 'scheduled' ? 'waiting' : 'done')
    }
    if (phase.kind === 'recording') {
      if (this.#state.since !== phase.since) await this.#begin(phase.since, now, room)
    } else if (phase.kind === 'expired') await this.#expire()
    else if (phase.kind === 'scheduled') await this.#letGo(now)
    else if (this.#state.state === 'waiting') this.#note('done')
  }

  /** What lies there is of another recording that had this name. */
  async #clear(): Promise<void> {
    const before = this.#folder.read()
    if (before !== undefined && before.id !== this.plan.id) await this.#folder.remove()
  }

  /** The worker has died, or was stopped, in the middle of it. */
  async #goOn(phase: RecordingPhase, now: number): Promise<void> {
    const { since } = this.#state
    const packets = await countPackets(this.#folder.packets)
    this.#state = { ...this.#state, packets }
    if (this.plan.lastMs === undefined) await this.#begin(since, now, Number.POSITIVE_INFINITY)
    else this.#note('failed', 'the worker ended in the middle')
    if (phase.kind !== 'recording') await this.#remember(now)
  }

  async #begin(since: number, now: number, room: number): Promise<void> {
    const { reader } = this.#options
    this.#state = { ...this.#state, since }
    if (reader === undefined) throw new Stop('this worker keeps no entries (entries.store is off)')
    if (room <= 0) throw new Stop(NO_ROOM)
    const session = this.#open(since, now)
    this.#session = session
    this.#note('recording')
    const begun = Promise.withResolvers<void>()
    session.following = this.#followEntries(session, reader, begun.resolve)
    await this.#remember(now)
    await Promise.race([begun.promise, pause(BEGIN_MS, session.abort.signal)])
  }

  #open(since: number, now: number): Session {
    const { durationMs, expirationMs } = this.plan
    const writer = openEntryWriter({
      folder: this.#folder.entries,
      // Those of earlier days go first; the last ones with all the rest.
      ttlMs: durationMs + expirationMs,
      mostBytes: Number.POSITIVE_INFINITY,
    })
    return {
      since,
      writer,
      taking: new Taking(this.plan, this.#options, writer, this.#copies),
      files: new PacketFiles(this.#folder.packets, now),
      packetsBefore: this.#state.packets,
      bytesBefore: sum(packetFilesIn(this.#folder.packets).map(({ bytes }) => bytes)),
      lostBefore: this.#state.lostEntries,
      cutBefore: this.#state.cutConnections - this.#copies.cut,
      missed: 0,
      abort: new AbortController(),
      following: Promise.resolve(),
      namesAt: 0,
    }
  }

  async #followEntries(session: Session, reader: EntryReader, begun: () => void): Promise<void> {
    const { signal } = session.abort
    while (!signal.aborted) {
      try {
        for await (const { entries, dropped } of reader.follow(this.plan.filter, signal, begun)) {
          session.missed += dropped
          session.taking.take(entries)
        }
      } catch {
        // The thread that reads has ended; another one takes over.
        await pause(AGAIN_MS, signal)
      }
    }
  }

  /** Copies packets, and looks whether there is still room. */
  async #keepUp(session: Session, now: number, room: number): Promise<void> {
    const { writer, files } = session
    const isEnough = room > 0 && (await this.#copies.copyTo(files, room))
    this.#writeMarks(writer, now)
    if (now - session.namesAt > NAMES_MS) await this.#keepNames(session, now)
    this.#count(session)
    if (writer.counters.dropped['disk-full'] !== undefined) throw new Stop('the disk is full')
    if (!isEnough) throw new Stop(NO_ROOM)
  }

  /** An entry of the spool follows its entry: what agents say of one that is not there yet would be lost. */
  #writeMarks(writer: EntryWriter, now: number): void {
    const due = this.#marks.filter(({ at }) => now - at >= MARKS_MS)
    this.#marks = this.#marks.slice(due.length)
    for (const { marks } of due) {
      const { stream, index, ...rest } = marks
      if (this.#copies.follows(stream)) writer.mark(stream, index, rest)
    }
  }

  async #keepNames(session: Session, now: number): Promise<void> {
    session.namesAt = now
    const names = await this.#options.packets.nameHistory()
    if (Object.keys(names).length > 0) this.#folder.addNames(names)
  }

  #count(session: Session): void {
    const { kept, waiting, bytes, dropped } = session.writer.counters
    const { expired: _, ...lost } = dropped
    this.#state = {
      ...this.#state,
      entries: kept + waiting,
      packets: session.packetsBefore + session.files.packets,
      bytes: bytes + session.bytesBefore + session.files.bytes,
      lostEntries: session.lostBefore + session.missed + sum(Object.values(lost)),
      cutConnections: session.cutBefore + this.#copies.cut,
    }
  }

  async #closeSession(isCopying = true): Promise<void> {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    // What was captured last is on its way.
    await pause(LATE_MS)
    session.abort.abort()
    await session.following
    try {
      await session.writer.flush()
      // What came last has its packets, too.
      if (isCopying) await this.#copies.copyTo(session.files, Number.POSITIVE_INFINITY)
      this.#writeMarks(session.writer, Number.POSITIVE_INFINITY)
      await this.#keepNames(session, 0)
    } finally {
      this.#copies.unfollowAll()
      await session.files.close().catch(() => {})
      await session.writer.close()
      this.#count(session)
    }
  }

  /** Entries that are kept already, instead of those that come. */
  async #takePast(lastMs: number, now: number, room: number): Promise<void> {
    const { reader, isFile } = this.#options
    const { startAt } = this.plan
    if (this.#state.since !== 0) return
    this.#state = { ...this.#state, since: startAt }
    if (now - startAt > PAST_TOO_LATE_MS) throw new Stop('the worker came too late for it')
    if (reader === undefined) throw new Stop('this worker keeps no entries (entries.store is off)')
    const session = this.#open(startAt, now)
    this.#session = session
    this.#note('recording')
    await this.#remember(now)
    const past = { filter: this.plan.filter, lastMs, now: isFile ? undefined : startAt }
    for await (const entries of pastEntries(reader, past)) {
      session.taking.take(entries)
      await session.writer.flush()
      await this.#keepUp(session, now, room)
    }
    await this.#closeSession()
    this.#note('done')
  }

  async #letGo(now: number): Promise<void> {
    if (this.#state.state === 'failed') return
    this.#note('waiting')
    const { durationMs, expirationMs } = this.plan
    const before = now - durationMs - expirationMs
    if (!removePacketFiles(this.#folder.packets, before)) return
    const session = this.#open(this.#state.since, now)
    await session.writer.close()
    this.#count({ ...session, packetsBefore: await countPackets(this.#folder.packets) })
  }

  async #expire(): Promise<void> {
    if (this.#state.state === 'expired') return
    await this.#closeReader()
    await this.#folder.removeData()
    this.#state = { ...this.#state, ...NO_DATA, state: 'expired' }
  }

  async #fail(reason: string): Promise<void> {
    await this.#closeSession(false).catch(() => {})
    this.#note('failed', reason)
  }

  #note(state: Remembered['state'], reason = ''): void {
    if (this.#state.state === 'failed' && state === 'done') return
    this.#state = { ...this.#state, state, reason }
  }

  /** When something has changed; what is only counted, not each time. */
  async #remember(now: number): Promise<void> {
    const { state, since, reason } = this.#state
    const text = JSON.stringify({ state, since, reason })
    if (text === this.#written && now - this.#writtenAt < COUNTS_MS) return
    if (since === 0) return
    try {
      await this.#folder.write(this.#state)
      this.#written = text
      this.#writtenAt = now
    } catch {
      // What cannot be written now is written later, and said in any case.
    }
  }

  async #closeReader(): Promise<void> {
    const open = this.#reader
    this.#reader = undefined
    await open?.reader.close()
  }
}

/** Recording goes on at one stretch: a day, or less when the worker was away. */
interface Session {
  readonly since: number
  readonly writer: EntryWriter
  readonly taking: Taking
  readonly files: PacketFiles
  readonly packetsBefore: number
  readonly bytesBefore: number
  readonly lostBefore: number
  readonly cutBefore: number
  /** Entries that came too fast. */
  missed: number
  readonly abort: AbortController
  following: Promise<void>
  namesAt: number
}

type LateMarks = { readonly at: number; readonly marks: EntryMarks }[]

/** Why it does not go on, in words for people. */
class Stop extends Error {}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && error.code === 'ENOSPC' ? 'the disk is full' : error.message
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

const NO_DATA = { entries: 0, packets: 0, bytes: 0 }
const NOTHING = {
  ...NO_DATA,
  state: 'waiting',
  reason: '',
  lostEntries: 0,
  cutConnections: 0,
  since: 0,
} as const
const NO_ROOM = 'its recordings take all that they may (recordings.maxSize)'
const AGAIN_MS = 1000
const BEGIN_MS = 5000
/** From the capture into the store, and out of it. */
const LATE_MS = 250
const MARKS_MS = 2000
const MOST_MARKS = 10_000
const NAMES_MS = 10_000
const COUNTS_MS = 2000
const READER_IDLE_MS = 60_000
/** Whoever learns of it later has other minutes. */
const PAST_TOO_LATE_MS = 60_000
