import type { Mistake } from '../mistake/mistake.ts'
import type { AgentRecord, AgentVersion } from '../wire/agents.ts'

/**
 * Where the records of an agent book lie. All that is there has one revision, and a change happens in one step or not at all:
 * whoever writes has read before, and when somebody else wrote in between, reads again. So changes of different agents are
 * merged, and rules that are about several (indexes, titles) hold.
 */
export interface Shelf {
  /** For logs and `doctor`. */
  readonly description: string
  /** What is there now. What others than Remora have changed there is a version of its own by then. */
  read(): Promise<Shelved>
  /** False when something was changed since `base` was read: nothing happens then. */
  write(base: Shelved, change: ShelfChange): Promise<boolean>
  /** Versions that are kept of an agent, newest first, the present one included. */
  versions(record: AgentRecord): Promise<readonly AgentVersion[]>
  /** Now, and whenever something may have changed, whoever did it; often close together comes once. Ends with the signal. */
  changes(signal: AbortSignal): AsyncIterable<void>
  close(): Promise<void>
}

export interface Shelved {
  /** In order of index. */
  readonly records: readonly AgentRecord[]
  /** Titles (or names of files) of agents that are active as soon as they exist. */
  readonly activeTitles: readonly string[]
  /** How that reads when these titles are known, too: where it is not certain where one ends. */
  activeTitlesWith?(names: ReadonlySet<string>): readonly string[]
  /** What cannot be read; all else can be used. */
  readonly damaged: readonly Damage[]
  readonly revision: string
}

export interface Damage {
  /** Whose index is not given to another. */
  readonly index?: number
  readonly id?: string
  readonly mistake: Mistake
}

/** One agent at most is changed at a time. */
export interface ShelfChange {
  readonly put?: AgentRecord
  /** When `put` is a new version: what its history keeps of it. */
  readonly version?: AgentVersion
  /** Identity of the agent that goes, with its history. */
  readonly remove?: string
  readonly activeTitles?: readonly string[]
}

/** What holds on every shelf. */
export interface StoreRules {
  /** The title that a script gives itself; `path` is that of its file, or "". */
  titleOf(code: string, path: string): string
  /** How many versions of an agent are kept, the present one included; at least that one is. */
  readonly keep: number
  now(): Date
  /** Told what a person should know: damage, and what others changed. */
  warn(text: string): void
}
