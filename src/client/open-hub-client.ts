import { z } from 'zod'
import { type AgentChange, type AgentDraft, type AgentVersion, agentVersion } from '../wire/agents.ts'
import { type AlertView, alertView } from '../wire/alerts.ts'
import { liveHead, pageHead } from '../wire/api.ts'
import { type AuditRecord, auditRecord } from '../wire/audit.ts'
import { type ConsoleFilter, type ConsoleLine, consoleLine } from '../wire/console.ts'
import { type EffectsPage, type EffectsQuery, effectsPage } from '../wire/effects.ts'
import type { EntriesQuery } from '../wire/entries.ts'
import { splitEntries } from '../wire/entry-lines.ts'
import { type JobAnswer, type JobOrder, jobAnswer } from '../wire/jobs.ts'
import { type OutboxAnswer, type OutboxOrder, outboxAnswer } from '../wire/outbox.ts'
import {
  type PolicyList,
  type PolicyPreview,
  type PolicyRemoved,
  type PolicyRuleText,
  type PolicySuggestion,
  policyList,
  policyPreview,
  policyRemoved,
  policySuggestion,
} from '../wire/policies.ts'
import { type ReportsPage, reportsPage } from '../wire/reports.ts'
import { type TargetingChange, type TargetingView, targetingView } from '../wire/targeting.ts'
import {
  type AgentView,
  agentView,
  type EntriesPage,
  type LivePart,
  type NodeView,
  nodeView,
} from '../wire/views.ts'
import { type Connection, connectionTo, type HubAddress, incomprehensible } from './connection.ts'
import { ConsoleFollower } from './console-follower.ts'
import { type Follower, follow, type Retry } from './follow.ts'
import type { ConnectionEvents, HubClient } from './hub-client.ts'
import { queryText, Requests } from './requests.ts'
import { readMessage } from './stream.ts'

/** Opens nothing yet: whether there is a hub shows with the first request. Throws `E_USAGE` for what is no address. */
export function openHubClient(address: HubAddress, retry: Retry = RETRY): HubClient {
  return new HttpHubClient(connectionTo(address), retry)
}

const RETRY: Retry = { firstMs: 250, mostMs: 10_000 }

class HttpHubClient implements HubClient {
  readonly #connection: Connection
  readonly #requests: Requests
  readonly #retry: Retry
  readonly #closed = new AbortController()

  constructor(connection: Connection, retry: Retry) {
    this.#connection = connection
    this.#requests = new Requests(connection)
    this.#retry = retry
  }

  get url(): string {
    return this.#connection.via?.name ?? this.#connection.url
  }

  agents(): Promise<AgentView[]> {
    return this.#requests.get('/agents', z.array(agentView))
  }

  agent(name: string): Promise<AgentView> {
    return this.#requests.get(agentPath(name), agentView)
  }

  createAgent(draft: AgentDraft): Promise<AgentView> {
    return this.#requests.send('POST', '/agents', agentView, draft)
  }

  updateAgent(name: string, change: AgentChange): Promise<AgentView> {
    return this.#requests.send('PATCH', agentPath(name), agentView, change)
  }

  async deleteAgent(name: string, ifVersion?: number): Promise<void> {
    await this.#requests.text('DELETE', `${agentPath(name)}${queryText({ ifVersion })}`)
  }

  history(name: string): Promise<AgentVersion[]> {
    return this.#requests.get(`${agentPath(name)}/history`, z.array(agentVersion))
  }

  rollback(name: string, version: number): Promise<AgentView> {
    return this.#requests.send('POST', `${agentPath(name)}/rollback`, agentView, { version })
  }

  nodes(): Promise<NodeView[]> {
    return this.#requests.get('/nodes', z.array(nodeView))
  }

  activeTitles(): Promise<string[]> {
    return this.#requests.get('/active-titles', z.array(z.string()))
  }

  async console(filter: ConsoleFilter): Promise<ConsoleLine[]> {
    const { lines } = await this.#requests.get('/console', z.object({ lines: z.array(consoleLine) }), filter)
    return lines
  }

  followConsole(
    filter: ConsoleFilter,
    events: ConnectionEvents,
    signal: AbortSignal,
  ): AsyncIterable<ConsoleLine> {
    return this.#follow(new ConsoleFollower(filter), events, signal)
  }

  followAgents(events: ConnectionEvents, signal: AbortSignal): AsyncIterable<readonly AgentView[]> {
    const follower: Follower<readonly AgentView[]> = {
      request: () => ({ subscribe: 'agents', id: 'agents' }),
      read: (text) => {
        const { agents } = readMessage(text)
        return agents === undefined ? [] : [agents]
      },
    }
    return this.#follow(follower, events, signal)
  }

  jobs(order: JobOrder): Promise<JobAnswer[]> {
    // To look is allowed to more people than to order.
    if (order.order === 'list') return this.#requests.get('/jobs', z.array(jobAnswer), order.selector)
    return this.#requests.send('POST', '/jobs/order', z.array(jobAnswer), order)
  }

  targeting(): Promise<TargetingView> {
    return this.#requests.get('/targeting', targetingView)
  }

  previewTargeting(change: TargetingChange): Promise<TargetingView> {
    return this.#requests.send('POST', '/targeting/preview', targetingView, change)
  }

  changeTargeting(change: TargetingChange): Promise<TargetingView> {
    return this.#requests.send('PUT', '/targeting', targetingView, change)
  }

  outbox({ order, selector }: OutboxOrder, node?: string): Promise<OutboxAnswer[]> {
    const answers = z.array(outboxAnswer)
    const of = node === undefined ? {} : { node }
    if (order === 'list' || order === 'dead')
      return this.#requests.get(order === 'list' ? '/outbox' : '/outbox/dead', answers, of)
    if (order === 'retry')
      return this.#requests.send('POST', '/outbox/retry', answers, { ...selector, ...of })
    const which = order === 'drop-dead' ? 'dead' : 'waiting'
    return this.#requests.send('POST', '/outbox/drop', answers, { ...selector, ...of, which })
  }

  async entries(query: EntriesQuery): Promise<EntriesPage> {
    const text = await this.#requests.text('GET', `/entries${queryText(query)}`)
    try {
      const { head, entries } = splitEntries(text)
      return { ...pageHead.parse(head), entries }
    } catch (error) {
      throw incomprehensible(this.#connection, error)
    }
  }

  live(filter: string, events: ConnectionEvents, signal: AbortSignal): AsyncIterable<LivePart> {
    const follower: Follower<LivePart> = {
      request: () => ({ subscribe: 'entries', id: 'entries', filter }),
      read: (text) => livePart(text),
    }
    return this.#follow(follower, events, signal)
  }

  reports(): Promise<ReportsPage> {
    return this.#requests.get('/reports', reportsPage)
  }

  report(node: string, id: string): Promise<string> {
    return this.#requests.text('GET', reportPath(node, id))
  }

  async deleteReport(node: string, id: string): Promise<void> {
    await this.#requests.text('DELETE', reportPath(node, id))
  }

  policies(): Promise<PolicyList> {
    return this.#requests.get('/policies', policyList)
  }

  removePolicy(name: string): Promise<PolicyRemoved> {
    return this.#requests.send('DELETE', `/policies/${encodeURIComponent(name)}`, policyRemoved)
  }

  previewPolicy(rule: PolicyRuleText, window: string): Promise<PolicyPreview> {
    return this.#requests.send('POST', '/policies/preview', policyPreview, { rule, window })
  }

  suggestPolicies(filter: string, window: string): Promise<PolicySuggestion> {
    return this.#requests.send('POST', '/policies/suggest', policySuggestion, { filter, window })
  }

  alerts(): Promise<AlertView[]> {
    return this.#requests.get('/alerts', z.array(alertView))
  }

  closeAlert(id: string): Promise<AlertView> {
    return this.#requests.send('POST', `/alerts/${encodeURIComponent(id)}/close`, alertView, {})
  }

  effects(query: EffectsQuery): Promise<EffectsPage> {
    return this.#requests.get('/effects', effectsPage, query)
  }

  audits(last: number): Promise<AuditRecord[]> {
    return this.#requests.get('/audit', z.array(auditRecord), { last })
  }

  status(): Promise<Readonly<Record<string, unknown>>> {
    return this.#requests.get('/status', z.record(z.string(), z.unknown()))
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#requests.close()
  }

  #follow<T>(follower: Follower<T>, events: ConnectionEvents, signal: AbortSignal): AsyncIterable<T> {
    const either = AbortSignal.any([signal, this.#closed.signal])
    return follow(this.#connection, follower, events, { retry: this.#retry, signal: either })
  }
}

function agentPath(name: string): string {
  return `/agents/${encodeURIComponent(name)}`
}

function livePart(text: string): LivePart[] {
  if (!text.includes('"entries":[')) {
    readMessage(text)
    return []
  }
  const { head, entries } = splitEntries(text)
  const { node, dropped } = liveHead.parse(head)
  return [{ node, entries, dropped }]
}

function reportPath(node: string, id: string): string {
  return `/reports/${encodeURIComponent(node)}/${encodeURIComponent(id)}`
}
