import type { AgentChange, AgentDraft, AgentRecord } from '../../wire/agents.ts'

/** A file that may be an agent, as it was found. */
export interface SeenFile {
  /** Absolute; with user@host the identity of its agent. */
  readonly path: string
  /** Stays the same while the file is renamed, and is no other file's later on. */
  readonly inode: string
  readonly content: Content
}

export type Content =
  | {
      readonly kind: 'script'
      readonly title: string
      readonly code: string
      readonly hash: string
      /** The code is the text of the file, so that it may be written back. */
      readonly isText: boolean
    }
  | { readonly kind: 'broken'; readonly mistake: Told }
  /** Somebody is writing it. */
  | { readonly kind: 'unsettled' }

/** What a person has to read. */
export interface Told {
  readonly message: string
  readonly hint?: string | undefined
}

export interface Problem extends Told {
  /** The same problem has the same key: it is told once. */
  readonly key: string
  readonly path: string
  /** Identity of the agent that stays as it was. */
  readonly agent?: string
  readonly kind: 'syntax' | 'conflict' | 'title' | 'elsewhere' | 'refused' | 'failed' | 'unreadable'
}

export type Action = Create | Update | End | WriteBack

interface Attempt {
  readonly path: string
  /** The same attempt has the same name: what the hub has refused is not tried again at once. */
  readonly attempt: string
}

export interface Create extends Attempt {
  readonly kind: 'create'
  readonly draft: AgentDraft
}

export interface Update extends Attempt {
  readonly kind: 'update'
  readonly agent: AgentRecord
  readonly change: AgentChange
  readonly why: readonly Why[]
}

export interface End extends Attempt {
  readonly kind: 'delete' | 'deactivate'
  readonly agent: AgentRecord
}

/** What was edited on the hub goes into the file, if that is still the one with this hash. */
export interface WriteBack extends Attempt {
  readonly kind: 'write-back'
  readonly agent: AgentRecord
  readonly ifHash: string
}

/** `linked`: the hub had the same code already. */
export type Why = 'changed' | 'retitled' | 'renamed' | 'activated' | 'deactivated' | 'linked'

/** What is remembered from one round to the next; a new session begins with `NOTHING`. */
export interface Memory {
  /** Agents of files that are there, by identity. */
  readonly owned: ReadonlySet<string>
  /** Inodes of files by path, also of those that are missing for a moment. */
  readonly inodes: ReadonlyMap<string, string>
  /** Agents whose files are missing, by identity, and since when. */
  readonly missing: ReadonlyMap<string, number>
  /** Agents to which `--activate` or `--deactivate` was applied: what somebody does later on the hub stays. */
  readonly switched: ReadonlySet<string>
  /** Whether agents were active, by file: who makes them again, for a hub that has lost them, makes them the same. */
  readonly activity: ReadonlyMap<string, boolean>
  /** Agents that are inactive because their file was removed. */
  readonly deactivated: ReadonlySet<string>
}

export const NOTHING: Memory = {
  owned: new Set(),
  inodes: new Map(),
  missing: new Map(),
  switched: new Set(),
  activity: new Map(),
  deactivated: new Set(),
}

export interface SyncOptions {
  readonly onDelete: 'delete' | 'deactivate' | 'keep'
  /** Overwrite what was edited on the hub. */
  readonly force: boolean
  readonly twoWay: boolean
  /** What `--activate` (true) or `--deactivate` (false) says. */
  readonly active?: boolean | undefined
  /** How long a file may be missing before its agent goes. */
  readonly graceMs: number
}

export interface World {
  readonly files: readonly SeenFile[]
  /** All agents of the hub, in order of index. */
  readonly agents: readonly AgentRecord[]
  /** user@host. */
  readonly by: string
  /** Whether a missing file at this path is missing: what is synced has it, and could be read. */
  readonly covers: (path: string) => boolean
  /** Titles and file names that are active as soon as they exist. */
  readonly activeTitles: readonly string[]
  /** Why an attempt was refused not long ago. */
  readonly refused: (attempt: string) => Told | undefined
  readonly now: number
}

export interface Plan {
  /** In the order in which they have to be done. */
  readonly actions: readonly Action[]
  readonly problems: readonly Problem[]
  readonly memory: Memory
  /** When to look again although nothing happens: a period of grace ends, or a file is being written. */
  readonly waitUntil: number | undefined
  /** Files that are as their agents are. */
  readonly upToDate: number
}

export function pathOf({ source }: AgentRecord): string {
  return source?.path ?? ''
}

/** The dashboard's name for a new agent: many may have it. */
export const SHARED_TITLE = 'New Script'
