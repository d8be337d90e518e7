import type { Kind } from '../../shared-state/value.ts'
import type { AgentFault } from '../../wire/agents.ts'
import type { EntryMarks } from '../answers.ts'
import type { DissectorSettings } from './agent-protocol.ts'

/**
 * Messages between the program and a sandbox. A frame is 16 bytes of header (little endian: u32 payload length,
 * u8 type, 3 bytes 0, u32 sequence number, u32 0) and a payload. The header's size keeps payloads aligned for f64.
 */
export const HEADER = 16

/** Frames towards the sandbox, on file descriptor 3. All but BATCH carry JSON. */
export const DOWN = {
  /** `HostConfig`, first of all. */
  config: 1,
  /** `LoadAgent`: (re)loads an agent; answered by `loaded`. */
  load: 2,
  /** `{slot}`: forgets an agent. */
  unload: 3,
  /** `LayoutsMessage`: how the rows of the batches that follow are to be read. */
  layouts: 4,
  /** Packets and entries; answered by `ack`. */
  batch: 5,
  /** `{nowMs}`: time passes without traffic; answered by `ack`. */
  tick: 6,
  /** `{finalRun}`: no more traffic; answered by `ack`. */
  end: 7,
  /** `LogMessage` */
  log: 8,
  /** `Errand`; answered by `ack`, with what it says of it. */
  errand: 9,
  /** The `Layout`s of entries that were kept, the last one of those of unknown protocols. */
  stored: 10,
  /** `PodsMessage`; answered by `ack`. */
  pods: 11,
} as const

/** Frames from the sandbox, on file descriptor 3, all JSON. */
export const UP = {
  ready: 1,
  /** `LoadedMessage` */
  loaded: 2,
  /** `AckMessage` */
  ack: 3,
  /** `OutputMessage`: a part of what an `ack` that follows would have. */
  output: 5,
  /** `{slot, reason}`: an agent was interrupted (no reason: who did it knows), or stopped for what it holds. */
  stopped: 4,
} as const

/**
 * On file descriptor 4: a helper call up (`CallMessage`), and its answer down: text whose first letter is `v`, before
 * the value as JSON (nothing for undefined), or `e`, before the message of the error to throw. Before the answer may
 * come `w` and a warning for the console, so that it stands among the lines of the script where it belongs.
 * Calls whose answer the script does not look at go up several at a time (`CallMessage[]`, up to `MOST_CALLS_AT_ONCE`). Their answer is `v`
 * and those that failed, `FailedCall[]`; a warning is that of a call when its number and a blank stand before it.
 */
export const CALL = 1
export const REPLY = 2
export const CALLS = 3
export const MOST_CALLS_AT_ONCE = 128

export type FailedCall = readonly [call: number, message: string]

/** Path of the helper whose calls go either way, see `HostConfig.actions`. */
export const HUB_ACTION = 'hub.action'

export interface HostConfig {
  readonly nodeName: string
  /** Time comes with the traffic (a capture file), not from the clock. */
  readonly virtualTime: boolean
  /** What time it is when the agents load, ms since the epoch. */
  readonly startMs: number
  readonly env: Readonly<Record<string, unknown>>
  readonly language: 'es5' | 'modern'
  readonly stubs: readonly HelperStub[]
  readonly hooks: readonly string[]
  readonly budgets: {
    /** Heap of one agent, and of all together. */
    readonly memoryMb: number
    readonly allMb: number
    readonly linesPerCall: number
    readonly bytesPerCall: number
    /** Time that one call may wait for helpers. */
    readonly waitMsPerCall: number
    /** Calls of a hook that fail one after another before the agent is stopped. */
    readonly failures: number
    /** What a job may compute before its agent is told that others have waited for it. */
    readonly slowJobMs: number
  }
  readonly macros: Readonly<Record<string, string>>
  /**
   * Where `hub.action` goes: `inside`, to the hub agents of this sandbox; `outside`, to the broker, which sees to it that
   * it comes back as an errand somewhere; `told`: inside, and the broker is told before.
   */
  readonly actions: 'inside' | 'outside' | 'told'
  /** Jobs with scope `cluster` run when they are ordered to; what scripts order of jobs is told, too. */
  readonly clusterJobs: boolean
  /** What agents write on entries is told; these have their stream and index then. */
  readonly marks: boolean
  /**
   * Lines, calls of helpers and marks say of which entry they are, which has its id then; what each hook and job has cost
   * and where it failed is counted, and what onItemQueried does to entries is told as marks are.
   */
  readonly traced: boolean
  /**
   * What becomes of calls whose answer the script does not look at (`ignored-results.ts`), in hooks for traffic, and of all that it
   * queues: they are safe on disk before the acknowledgement of what they were made in, or each is waited for.
   */
  readonly ignoredResults: 'queue' | 'wait'
  /** Scripts may also run, remove and stop jobs of others. */
  readonly jobsAcrossAgents: boolean
  /** What entries of protocols that scripts read have in common. */
  readonly origin: {
    readonly worker: string
    readonly node: { readonly ip: string; readonly name: string }
    readonly backend: string
  }
  /** Seconds that a datagram which a script has read waits for its reply. */
  readonly replyTimeoutSeconds: number
  /** Names, abbreviations and macros of protocols that are known without scripts. */
  readonly protocols: readonly string[]
  /** Entries that match are wanted back, after onItemQueried. "" matches all. */
  readonly query: { readonly filter: string } | null
}

export interface HelperStub {
  readonly path: string
  readonly where: 'sandbox' | 'broker'
  readonly params: readonly string[]
  readonly min: number
  readonly max: number
  /** Its calls can go by way of the outbox. */
  readonly isQueued: boolean
}

export interface LoadAgent {
  /** Place of the agent; the same agent on worker and hub has two. Order of execution. */
  readonly slot: number
  readonly index: number
  readonly title: string
  readonly file: string
  readonly component: 'worker' | 'hub'
  readonly source: string
  /** Where text was put into `source`: line, column and length, so that error positions can be put right. */
  readonly insertions: readonly (readonly [line: number, column: number, length: number])[]
  /** The script says `this`, or names that nobody declares: it gets the shared object. */
  readonly sharesThis: boolean
  /** Variables and functions of its top level. */
  readonly vars: readonly string[]
  /** Fields that it reads: dotted paths as in `Wanted`. */
  readonly wantedItem: readonly string[]
  readonly wantedPacket: readonly string[]
  /** Strings for bodies, or bytes (agent-api §5.5). */
  readonly bodies: 'text' | 'bytes'
}

export interface LoadedMessage {
  readonly slot: number
  /** Names of the hooks that the script defines; undefined when it did not load. */
  readonly hooks?: readonly string[]
  /** Those that the script defines. */
  readonly dissectors?: readonly DissectorSettings[]
  readonly error?: string
  /** What the script threw on a hub, and is no error: it is for workers. Nothing of it runs, and nothing is wrong. */
  readonly declined?: string
  readonly lines: readonly Line[]
  readonly heapBytes: number
  readonly told?: readonly HostEvent[]
  /** What it has added by `cluster.*` while it loaded. */
  readonly shared?: readonly SlotShares[]
}

/** What agents have written on an entry, for those who query it. */
export interface Marks {
  readonly passed?: boolean
  readonly failed?: boolean
  readonly tags?: unknown
}

/** One line of an agent's console. */
export interface Line {
  readonly slot: number
  readonly level: 'log' | 'error' | 'warn' | 'info' | 'debug' | 'clear'
  readonly text: string
  /** Where all is traced: what time it was for the agent (ms), and the id of the entry in whose hook it was. */
  readonly at?: number
  readonly entry?: string
}

/** What agents say while a frame is worked off, when it is too much for one. */
export interface OutputMessage {
  readonly lines: Line[]
  readonly entries: string[]
  readonly shared?: readonly SlotShares[]
  readonly marks: EntryMarks[]
}

/** Something that is asked for beside the traffic. What is said meanwhile is nobody else's. */
export type Errand = ActionErrand | JobsErrand | JobErrand | QueryErrand | MeasureErrand

/** An action for `onHubAction` of every agent on the hub. */
export interface ActionErrand {
  readonly kind: 'action'
  readonly action: string
  /** JSON text; absent: none. */
  readonly object?: string
  readonly meta: ActionMeta
}

/** Third argument of `onHubAction`: who has sent it. */
export interface ActionMeta {
  readonly node: string
  /** Index and title of the agent. */
  readonly script: number
  readonly title: string
  /** ms since the epoch, by the clock of the sender. */
  readonly time: number
  /** It may have been delivered before, to agents that have lost what they made of it. */
  readonly redelivered?: boolean
}

/** What is to be done with jobs; answered by those that it is about, as `JobFigures`. */
export interface JobsErrand extends JobsOrder {
  readonly kind: 'jobs'
}

export interface JobsOrder {
  readonly order: 'list' | 'run' | 'remove' | 'start' | 'stop'
  /** Of this agent, with this tag; what is absent does not limit. */
  readonly index?: number
  readonly tag?: string
}

/** Runs a job of scope `cluster` once. */
export interface JobErrand {
  readonly kind: 'job'
  readonly slot: number
  readonly tag: string
  /** When it is due, ms since the epoch: what time it is for the job. */
  readonly dueMs: number
}

/**
 * Entries that were kept, as JSON text, go through onItemQueried. What comes of each is among the entries of the answer, ""
 * for one that is hidden.
 */
export interface QueryErrand {
  readonly kind: 'query'
  readonly filter: string
  readonly entries: readonly string[]
}

/** Measures how much each agent holds; answered with the counters of all. */
export interface MeasureErrand {
  readonly kind: 'measure'
}

/** What scripts do that is not only theirs. */
export type HostEvent =
  /** A job of scope `cluster` is there, or is there no more. */
  | {
      readonly kind: 'scheduled'
      readonly slot: number
      readonly tag: string
      readonly cron: string
      readonly limit: number
    }
  | { readonly kind: 'removed'; readonly slot: number; readonly tag: string }
  /** It has been done here already. */
  | { readonly kind: 'order'; readonly slot: number; readonly order: JobsOrder }

export interface ErrandMessage {
  readonly errand: Errand
  /** A process that died has had it, too. */
  readonly isAgain: boolean
}

export interface AckMessage {
  readonly seq: number
  readonly lines: readonly Line[]
  /** What each slot that has done something since the last one has done since it was loaded. */
  readonly slots: readonly SlotCounters[]
  /** When the next job or timer is due, ms since the epoch; null = none. */
  readonly nextDueMs: number | null
  readonly entries: readonly string[]
  readonly heapBytes: number
  readonly told?: readonly HostEvent[]
  readonly marks: readonly EntryMarks[]
  /** To an errand. */
  readonly answer?: unknown
  /** What dissectors of agents have made of the batch; undefined when there was nothing for them. */
  readonly made?: MadeCounters
  /** What agents have added by `cluster.*`; undefined when that is nothing. */
  readonly shared?: readonly SlotShares[]
}

/** What an agent has added by `cluster.*` since the last time, and what it has exported by `prometheus.*`. */
export interface SlotShares {
  readonly slot: number
  readonly deltas: readonly SharedDelta[]
  readonly exported?: ExportMessage
}

/** Series that have changed, as they are now. */
export interface ExportMessage {
  /** These are the first of what was loaded: those of an earlier version are gone. */
  readonly begins?: boolean
  readonly series: readonly ExportedSeries[]
  /** Calls for series that are too many. */
  readonly refused?: number
}

export type MetricKind = 'counter' | 'gauge' | 'untyped' | 'histogram'

export interface ExportedSeries {
  /** Among those of the agent. */
  readonly id: number
  /** Of a histogram: how many were observed. A text for what JSON has no number for: `NaN`, `Infinity`. */
  readonly value: number | string
  /** By bucket, each for itself. */
  readonly counts?: readonly number[]
  readonly sum?: number | string
  /** What it is, the first time. */
  readonly is?: {
    readonly name: string
    readonly kind: MetricKind
    readonly help: string
    readonly labels: readonly (readonly [name: string, value: string])[]
    readonly buckets?: readonly number[]
  }
}

export interface SharedDelta {
  readonly kind: Kind
  readonly name: string
  /** As `readShared` takes it. */
  readonly value: unknown
}

/** Of one batch. */
export interface MadeCounters {
  /** Items that were added to those of the batch. */
  readonly items: number
  /** The same by the abbreviation of their protocol. */
  readonly entries: Readonly<Record<string, number>>
  /** Bytes that were read, and those that were not, by reason. */
  readonly dissected: number
  readonly skipped: Readonly<Record<string, number>>
  /** Messages that broke off: why, and how often. */
  readonly invalid: Readonly<Record<string, number>>
}

export interface SlotCounters {
  readonly slot: number
  items: number
  packets: number
  calls: number
  errors: number
  jobRuns: number
  jobErrors: number
  /** Time spent in it, and what of that it has waited for helpers. */
  micros: number
  waitMicros: number
  /** Heap that it held when that was last measured. */
  heapBytes: number
  /** Events that it did not get because it was stopped. */
  missedItems: number
  missedPackets: number
  /** Events of pods that it has had, and that it did not get because it was stopped. */
  pods: number
  missedPods: number
  stopped: string
  readonly faults: readonly AgentFault[]
  /** Where all is traced. */
  trace?: Trace
}

/** What an agent has done since it was loaded: by name of a hook, `job "tag"`, or `timer`. */
export type Trace = Readonly<Record<string, CallCounts>>

export interface CallCounts {
  calls: number
  errors: number
  micros: number
}

export interface CallMessage {
  readonly slot: number
  readonly path: string
  readonly args: readonly unknown[]
  /** What time it is for the script (ms). */
  readonly nowMs: number
  /** It happens in an errand: that of the oldest frame without an acknowledgement. */
  readonly isInErrand?: boolean
  /** Id of the entry in whose hook it is, where entries cross with it. */
  readonly entry?: string
  /** What agents have added by `cluster.*` before; of calls that are about it. */
  readonly shared?: readonly SlotShares[]
}

/** Changes of pods, for the agents in these slots, which have onPodEvent. */
export interface PodsMessage {
  readonly slots: readonly number[]
  readonly events: readonly PodEvent[]
  /** Each waits until it is its time, among the traffic. */
  readonly isTimed: boolean
}

/** One call of onPodEvent: its arguments as JSON text. */
export interface PodEvent {
  /** What time it is for the agent, ms since the epoch. */
  readonly ms: number
  readonly event: string
  readonly pod: string
  readonly meta: string
  /** Absent: the status does not tell. */
  readonly reason?: string
}

/** A line of the log of a component, for onLogCall. */
export interface LogMessage {
  readonly level: 'debug' | 'info' | 'warning' | 'error'
  readonly component: 'worker' | 'hub'
  /** Without its time and level. */
  readonly record: Readonly<Record<string, unknown>>
}

export interface LayoutsMessage {
  readonly version: number
  readonly layouts: readonly unknown[]
  /** Where the layouts of entries are that a dissector of a slot reads. */
  readonly dissectors: readonly { readonly slot: number; readonly name: string; readonly layout: number }[]
}

/**
 * Fixed part of a BATCH payload: u32 version, u32 items, u32 packets, u32 bytes of item text, f64 until (ms),
 * u32 packet columns, u32 0. Then columns, those of eight bytes first: f64 time of items, f64 time of packets,
 * f64 seconds, u32 packets before an item, u32 nanoseconds, u32 captured, u32 length, u8 flags; text of items; text of
 * the other packet fields.
 */
export const BATCH_FIXED = 32

/** Bits of the packet columns that a batch has; times it has always. */
export const PACKET_COLUMNS = { timestamp: 1, captured: 2, length: 4, flags: 8 } as const

/** Where the progress file names the mark whose call is about to be interrupted, a u32; 0 for none. */
export const MEANT_AT = 16

/** Bits of the flags column. */
export const PACKET_FLAGS = { truncated: 1, fragmented: 2 } as const

/** Parameter of the compiled script through which `this` in functions goes, see `this-scope.ts`. */
export const THIS = '__remora_this'

/** Name of the member of a helper that takes calls whose answer the script does not look at, see `ignored-results.ts`. */
export const IGNORED = '__remora_ignored'

/** Stands where fields are listed when a hook is there and reads none. */
export const NO_FIELDS = '-'

/**
 * A time of the capture as jobs, timers and `Date` go by: damaged captures have some that no calendar has, where a second
 * more is no later and no date can be written.
 */
export function calendarMs(ms: number): number {
  return ms > LAST_MS ? LAST_MS : ms < FIRST_MS ? FIRST_MS : ms
}

/** The years 0 to 9999. */
const FIRST_MS = -62_167_219_200_000
const LAST_MS = 253_402_300_799_999
