import type { EntryMarks } from '../agent/answers.ts'
import type { Losses, Skipped } from '../capture/index.ts'
import type { KnownChange } from '../cluster/objects.ts'
import type { RemoteDissector } from '../dissect/relay.ts'
import type { MistakeCode } from '../mistake/mistake.ts'
import type { EntryStoreCounters } from '../store/entries/entry-store.ts'
import type { HeldCounters } from './held-entries.ts'
import type { PipelineCounters } from './pipeline.ts'
import type { FoundSockets } from './processes/found-process.ts'
import type { SpoolCounters } from './spool/index.ts'

/** From the capture thread to the main thread. */
export type FromCapture =
  /** The input is open; waits for a demand. `firstMs`: time of its first packet. */
  | {
      readonly kind: 'ready'
      readonly description: string
      readonly live: boolean
      readonly firstMs: number | null
    }
  /** A batch for the sandboxes, and what had to be dropped before it. */
  | {
      readonly kind: 'frame'
      readonly frame: Uint8Array
      readonly items: number
      readonly packets: number
      readonly dropped: Dropped
      /** Names of addresses learned since the last frame. */
      readonly names: readonly LearnedName[]
    }
  /** Frames from here on are made for this demand. */
  | { readonly kind: 'demand'; readonly version: number }
  /** All packets that were captured before can be read; `problem`: why none are kept any more. */
  | { readonly kind: 'flushed'; readonly problem: string | undefined }
  | {
      readonly kind: 'progress'
      readonly bytesRead: number
      readonly totalBytes: number
      readonly packets: number
    }
  /** Of a run that is watched, once a second. */
  | ({ readonly kind: 'stats' } & CaptureStats)
  /** The capture goes on with another filter, or as it was, and why. */
  | { readonly kind: 'filtered'; readonly filter: string; readonly complaint: string | undefined }
  | ({ readonly kind: 'done' } & CaptureDone)
  | {
      readonly kind: 'mistake'
      readonly code: MistakeCode
      readonly message: string
      readonly hint: string | undefined
    }

/** What a live capture had no time for: events, and bytes for dissectors of agents. */
export interface Dropped {
  readonly items: number
  readonly packets: number
  readonly relayed: number
}

export const NOTHING_DROPPED: Dropped = { items: 0, packets: 0, relayed: 0 }

export interface LearnedName {
  readonly seconds: number
  readonly ip: string
  readonly name: string
}

export interface CaptureStats {
  readonly counters: PipelineCounters
  /** Packets lost before us, by who lost them. */
  readonly losses: Losses
  /** Entries that are kept; undefined when none are. */
  readonly store: EntryStoreCounters | undefined
  /** Packets that are kept for agents; undefined when none asks for packets. */
  readonly spool: SpoolCounters | undefined
  readonly droppedInAll: Dropped
  /** What is known of who has which address, and entries that waited for it. */
  readonly names: HeldCounters & { readonly known: number; readonly forgotten: number }
}

export interface CaptureDone extends CaptureStats {
  /** Parts of the input that could not be read, by reason. */
  readonly skipped: Skipped
  readonly problems: readonly string[]
  /** Dropped after the last frame. */
  readonly dropped: Dropped
}

/** To the capture thread. The first demand starts it. */
export type ToCapture =
  | {
      readonly kind: 'demand'
      readonly version: number
      readonly items: readonly string[]
      readonly packets: readonly string[]
      /** Dissectors of agents, which are shown connections. */
      readonly dissectors: readonly RemoteDissector[]
    }
  | { readonly kind: 'stop' }
  /** Which packets are read from now on. */
  | ({ readonly kind: 'select' } & SelectionOrder)
  /** What changed of addresses of pods: bits of `POD_MARK`, 0 for none. */
  | { readonly kind: 'pods'; readonly changed: readonly MarkedAddress[] }
  /** A live capture begins again with this filter. */
  | { readonly kind: 'filter'; readonly filter: string }
  /** Somebody wants to read packets: answered by `flushed`, in the order in which it was asked. */
  | { readonly kind: 'flush' }
  /** What has changed in the cluster. */
  | { readonly kind: 'cluster'; readonly changes: readonly KnownChange[] }
  /** Which process of this machine has which connection. */
  | ({ readonly kind: 'sockets' } & FoundSockets)
  /** What agents think of entries that are kept. */
  | { readonly kind: 'marks'; readonly marks: readonly EntryMarks[] }

/** Which packets are read. */
export interface SelectionOrder {
  /** Only those from or to pods that are marked as targeted. */
  readonly onlyTargeted: boolean
  /** Percent of the conversations. */
  readonly sampleRate: number
}

export type MarkedAddress = readonly [address: string, mark: number]

/** Indexes into the shared control words. */
export const CONTROL = { acked: 0, stop: 1 } as const
export const CONTROL_BYTES = 8

/** Frames on their way: from a file enough to keep both sides busy; live, what a stall of some seconds needs. */
export const WINDOW = 16
export const LIVE_WINDOW = 512
/** Of frames that only say how far time has come. */
export const TIME_WINDOW = 4096
