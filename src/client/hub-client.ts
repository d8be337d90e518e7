import type { AgentChange, AgentDraft, AgentVersion } from '../wire/agents.ts'
import type { AlertView } from '../wire/alerts.ts'
import type { AuditRecord } from '../wire/audit.ts'
import type { ConsoleFilter, ConsoleLine } from '../wire/console.ts'
import type { EffectsPage, EffectsQuery } from '../wire/effects.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import type { JobAnswer, JobOrder } from '../wire/jobs.ts'
import type { OutboxAnswer, OutboxOrder } from '../wire/outbox.ts'
import type {
  PolicyList,
  PolicyPreview,
  PolicyRemoved,
  PolicyRuleText,
  PolicySuggestion,
} from '../wire/policies.ts'
import type { ReportsPage } from '../wire/reports.ts'
import type { TargetingChange, TargetingView } from '../wire/targeting.ts'
import type { AgentView, EntriesPage, LivePart, NodeView } from '../wire/views.ts'

/**
 * The HTTP interface of a hub, for commands. What a hub refuses is the Mistake that it answered; a hub that cannot be
 * reached is `E_HUB_UNREACHABLE`.
 */
export interface HubClient {
  /** For people: where it is. */
  readonly url: string
  agents(): Promise<readonly AgentView[]>
  /** By identity, index or title. */
  agent(name: string): Promise<AgentView>
  createAgent(draft: AgentDraft): Promise<AgentView>
  updateAgent(name: string, change: AgentChange): Promise<AgentView>
  deleteAgent(name: string, ifVersion?: number): Promise<void>
  history(name: string): Promise<readonly AgentVersion[]>
  rollback(name: string, version: number): Promise<AgentView>
  nodes(): Promise<readonly NodeView[]>
  /** Titles and file names that are active as soon as they exist (`scripting.active`). */
  activeTitles(): Promise<readonly string[]>
  console(filter: ConsoleFilter): Promise<readonly ConsoleLine[]>
  /** Lines as they come; reconnects by itself, without losing or repeating a line, and tells of it. Ends with the signal. */
  followConsole(
    filter: ConsoleFilter,
    events: ConnectionEvents,
    signal: AbortSignal,
  ): AsyncIterable<ConsoleLine>
  /** Agents now and after each change; reconnects by itself. */
  followAgents(events: ConnectionEvents, signal: AbortSignal): AsyncIterable<readonly AgentView[]>
  jobs(order: JobOrder): Promise<readonly JobAnswer[]>
  /** Of all nodes, or of one. */
  targeting(): Promise<TargetingView>
  /** What other rules would mean. */
  previewTargeting(change: TargetingChange): Promise<TargetingView>
  changeTargeting(change: TargetingChange): Promise<TargetingView>
  outbox(order: OutboxOrder, node?: string): Promise<readonly OutboxAnswer[]>
  entries(query: EntriesQuery): Promise<EntriesPage>
  live(filter: string, events: ConnectionEvents, signal: AbortSignal): AsyncIterable<LivePart>
  alerts(): Promise<readonly AlertView[]>
  closeAlert(id: string): Promise<AlertView>
  reports(): Promise<ReportsPage>
  /** What a report says. */
  report(node: string, id: string): Promise<string>
  deleteReport(node: string, id: string): Promise<void>
  /** What agents have put in force. */
  policies(): Promise<PolicyList>
  removePolicy(name: string): Promise<PolicyRemoved>
  /** What a policy would have cut; `window` such as 1h. */
  previewPolicy(rule: PolicyRuleText, window: string): Promise<PolicyPreview>
  suggestPolicies(filter: string, window: string): Promise<PolicySuggestion>
  audits(last: number): Promise<readonly AuditRecord[]>
  /** What agents have done, newest first. */
  effects(query: EffectsQuery): Promise<EffectsPage>
  status(): Promise<Readonly<Record<string, unknown>>>
  close(): Promise<void>
}

export interface ConnectionEvents {
  lost(why: string): void
  restored(): void
}
