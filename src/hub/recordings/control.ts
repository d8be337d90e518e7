import type { Readable } from 'node:stream'
import type { RecordingDraft, RecordingView } from '../../wire/recordings.ts'
import type { EntrySource } from '../entry-sources.ts'

/** Recordings as a hub is told and asked of them. Mistakes are for who asks. */
export interface RecordingControl extends EntrySource {
  /** The newest first. */
  list(): Promise<readonly RecordingView[]>
  /** Rejects with `E_NOT_FOUND`. */
  get(name: string): Promise<RecordingView>
  /** Rejects with `E_CONFLICT` when there is one of that name, and with `E_FILTER_SYNTAX`. */
  create(draft: RecordingDraft, by: string): Promise<RecordingView>
  /** What was recorded stays until it expires. */
  stop(name: string): Promise<RecordingView>
  delete(name: string): Promise<void>
  /** The packets of all workers, in order of time. */
  pcap(name: string, signal: AbortSignal): Promise<Download>
  /** Packets of each worker, entries and names, as tar.gz. */
  archive(name: string, signal: AbortSignal): Promise<Download>
  close(): Promise<void>
}

export interface Download {
  readonly extension: 'pcap' | 'pcapng' | 'tar.gz'
  /** Workers of which nothing is in it, since they did not answer. */
  readonly missing: readonly string[]
  /** Fails when a worker does not answer any more: what came before is not all. */
  readonly stream: Readable
}
