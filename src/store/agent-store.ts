import type { AgentChange, AgentDraft, AgentFailure, AgentRecord, AgentVersion } from '../wire/agents.ts'

/**
 * Where agents are kept: a folder, NATS, or a config map of Kubernetes, all held to one contract
 * (`src/testing/describe-agent-store.ts`). Every change is made in one step or not at all, whoever else changes something
 * at the same time: what is not about the same agent is merged, what is becomes a conflict.
 */
export interface AgentStore {
  /** For logs and `doctor`. */
  readonly description: string
  /** All agents, in order of index. */
  list(): Promise<readonly AgentRecord[]>
  /** Rejects with `E_NOT_FOUND`. */
  get(id: string): Promise<AgentRecord>
  /**
   * Rejects with `E_TOO_LARGE` beyond the limits of the store, and with `E_CONFLICT` when the title is taken by an agent
   * that is not of the same file (`New Script` may be there often). An agent that is of the same file already
   * (`source.path`) is updated instead: so a file is one agent, also when the answer to its creation was lost.
   */
  create(draft: AgentDraft, by: string): Promise<AgentRecord>
  /**
   * Keeps the id and the index. A version more when code or title change, which the history keeps. Rejects with
   * `E_CONFLICT` when `ifVersion` is given and is not the present one.
   */
  update(id: string, change: AgentChange, by: string, reason?: UpdateReason): Promise<AgentRecord>
  /** Takes its title off the activation list. Rejects with `E_NOT_FOUND`. */
  delete(id: string, by: string, ifVersion?: number): Promise<void>
  /** Newest first, the present one included. */
  history(id: string): Promise<readonly AgentVersion[]>
  /** A new version with the code and the title of an old one. Rejects with `E_NOT_FOUND` when that is not kept any more. */
  rollback(id: string, version: number, by: string, note?: string): Promise<AgentRecord>
  /** Notes that its newest version does not run, and why, or that it does (undefined). No version of its own. */
  setFailure(id: string, failure: AgentFailure | undefined): Promise<void>
  /** Titles of agents that are active, and of those that will be as soon as they exist. */
  activeTitles(): Promise<readonly string[]>
  /** For agents to come: those that are there keep their own switch. */
  setActiveTitles(titles: readonly string[]): Promise<void>
  /**
   * All agents now, and again after each change, whoever made it; changes close together may come as one. Goes on by itself
   * after an outage, and until then says nothing: what was told last holds.
   */
  watch(signal: AbortSignal): AsyncIterable<readonly AgentRecord[]>
  close(): Promise<void>
}

/** Why an agent is changed, when it is not a person who does. */
export interface UpdateReason {
  /** For the history. */
  readonly note?: string
  /** The version that this takes back did not load. In one step with it, so that nobody sees it go without the reason. */
  readonly failure?: AgentFailure
}
