import type { AgentChange, AgentDraft, AgentVersion } from '../wire/agents.ts'
import type { AuditRecord } from '../wire/audit.ts'
import type { CaptureView } from '../wire/captures.ts'
import type { ConsoleFilter, ConsoleLine } from '../wire/console.ts'
import type { EffectsPage, EffectsQuery } from '../wire/effects.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import type { JobAnswer, JobOrder } from '../wire/jobs.ts'
import type { MapView } from '../wire/map.ts'
import type { OpenPackets, WantedStream } from '../wire/packets.ts'
import type { PolicyAsker } from '../wire/policies.ts'
import type { AgentView, EntriesPage, HubEvent, LivePart, NodeView, SharedValue } from '../wire/views.ts'
import type { AlertControl } from './alerts/control.ts'
import type { Outboxes } from './outboxes.ts'
import type { RecordingControl } from './recordings/control.ts'
import type { ReportControl } from './reports.ts'
import type { MapQuestion } from './service-maps.ts'
import type { TargetingControl } from './targeting.ts'

/** All that a hub can be told and asked: the HTTP interface stands in front of it. Mistakes are for who asks. */
export interface HubControl {
  agents(): Promise<readonly AgentView[]>
  /** By identity, index or title. Rejects with `E_NOT_FOUND`. */
  agent(name: string): Promise<AgentView>
  /** Refuses what is not in the language (`E_AGENT_SYNTAX`, with line and column): nothing is stored then. */
  createAgent(draft: AgentDraft, by: string): Promise<AgentView>
  updateAgent(name: string, change: AgentChange, by: string): Promise<AgentView>
  deleteAgent(name: string, by: string, ifVersion?: number): Promise<void>
  history(name: string): Promise<readonly AgentVersion[]>
  rollback(name: string, version: number, by: string): Promise<AgentView>

  /** Titles and file names that are active as soon as they exist (`scripting.active`, and what was activated). */
  activeTitles(): Promise<readonly string[]>

  /** Workers and hubs of which something was heard lately. */
  nodes(): readonly NodeView[]

  /** Lines that are kept, and with `follow` those that come; `lost` is told of how many went that were not read in time. */
  console(
    filter: ConsoleFilter,
    follow: boolean,
    signal: AbortSignal,
    lost?: (lines: number) => void,
  ): AsyncIterable<ConsoleLine>
  /** Empties the console of an agent, or of all. */
  clearConsole(agent: string | undefined): Promise<void>

  /** To all nodes, or the one that the selector names. Nodes that do not answer in time are missing. */
  jobs(order: JobOrder): Promise<readonly JobAnswer[]>

  /** Calls of helpers that agents have queued. */
  readonly outboxes: Outboxes

  /** Entries that are kept on all workers, or in the source that the query names, newest first. */
  entries(query: EntriesQuery, signal: AbortSignal): Promise<EntriesPage>
  /** Whether entries of this source have not been through `onItemQueried`: they are as secret as packets. */
  isRaw(source: string | undefined): boolean
  /**
   * Packets of the streams of entries, place by place; of each one that it can ask. Rejects with `E_NOT_FOUND` when that is
   * none.
   */
  packets(
    wanted: readonly EntryStream[],
    source: string | undefined,
    signal: AbortSignal,
  ): Promise<readonly OpenPackets[]>
  /** Captures that were uploaded; absent where none are taken. */
  readonly captures?: CaptureControl | undefined
  /** Entries as they come. */
  live(filter: string, signal: AbortSignal): AsyncIterable<LivePart>
  /** Who talks to whom, as it is, about once a second. */
  map(question: MapQuestion, signal: AbortSignal): AsyncIterable<MapView>

  readonly recordings: RecordingControl
  readonly alerts: AlertControl
  /** What agents have written by `report.write`. */
  readonly reports: ReportControl
  /** What agents have put in force, and what that would do. */
  readonly policies: PolicyAsker

  /** Which pods are captured. */
  readonly targeting: TargetingControl

  /** What agents share by `cluster.*`: by agent and name. */
  shared(): Promise<readonly SharedValue[]>
  targeted(): Promise<{ readonly targets: readonly unknown[]; readonly excluded: readonly unknown[] }>
  /** Gives agents other values for `env`, instead of all that they had. Absent where that cannot be done. */
  setEnv?(env: Readonly<Record<string, unknown>>, by: string): Promise<void>
  /** Something changed: agents, nodes. For those who show it. */
  events(signal: AbortSignal): AsyncIterable<HubEvent>

  /** Whether the hub can do its work, and why not. */
  ready(): { readonly ready: boolean; readonly reasons: readonly string[] }
  health(): Record<string, unknown>
  audit(record: AuditRecord): Promise<void>
  audits(last: number): Promise<readonly AuditRecord[]>
  /** What agents have done, on all nodes. */
  effects(query: EffectsQuery): Promise<EffectsPage>
}

/** A stream, as an entry names it, and the node that has seen it. */
export interface EntryStream extends WantedStream {
  readonly node: string
}

export interface CaptureControl {
  /** Size that a capture may have. */
  readonly mostBytes: number
  /** The newest first. */
  list(): readonly CaptureView[]
  /**
   * Keeps a capture and begins to read it. Rejects with `E_CAPTURE_FORMAT` when it looks like none, and with `E_TOO_LARGE`.
   */
  add(name: string, body: AsyncIterable<Uint8Array>, by: string): Promise<CaptureView>
  remove(id: string): Promise<void>
}
