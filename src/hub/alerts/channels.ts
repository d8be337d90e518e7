import type { Config } from '../../config/index.ts'
import type { Notice } from '../../wire/alert-rules.ts'
import type { AlertView } from '../../wire/alerts.ts'

export type AlertChannel = Config['scripting']['alerts']['channels'][number]

/** A call of a helper that tells a channel. */
export interface ChannelCall {
  readonly channel: string
  readonly path: string
  readonly args: readonly unknown[]
}

/** What there is to do about an alert, channel by channel. `env` are values that channels name. */
export function callsFor(
  notice: Notice,
  alert: AlertView,
  channels: readonly AlertChannel[],
  env: Readonly<Record<string, unknown>>,
): ChannelCall[] {
  return channels
    .filter((channel) => concerns(channel, notice, alert))
    .map((channel) => ({ channel: channel.name, ...callOf(filledIn(channel, env), notice, alert) }))
}

export function concernsAny(channels: readonly AlertChannel[], notice: Notice, alert: AlertView): boolean {
  return channels.some((channel) => concerns(channel, notice, alert))
}

function concerns({ severities, agents, notices }: AlertChannel, notice: Notice, alert: AlertView): boolean {
  const isOfAgent =
    agents.length === 0 || agents.some((each) => each === alert.agentTitle || each === alert.agent)
  return isOfAgent && severities.includes(alert.severity) && notices.includes(notice)
}

/** `env.NAME` is the value of that name; a name without one stays, so that the error names it. */
function filledIn<Value>(value: Value, env: Readonly<Record<string, unknown>>): Value {
  if (typeof value === 'string' && value.startsWith('env.')) return (env[value.slice(4)] ?? value) as Value
  if (Array.isArray(value)) return value.map((each) => filledIn(each, env)) as Value
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, filledIn(each, env)])) as Value
}

function callOf(channel: AlertChannel, notice: Notice, alert: AlertView): Omit<ChannelCall, 'channel'> {
  const { slack, slackBot, webhook, mail } = channel
  const head = headOf(notice, alert)
  const text = textOf(alert)
  const labels = Object.fromEntries(
    Object.entries(alert.labels).map(([name, value]) => [name, escaped(value)]),
  )
  if (slack !== undefined)
    return {
      path: 'vendor.slack',
      args: [slack.webhook, escaped(head), escaped(text), colorOf(notice, alert)],
    }
  if (slackBot !== undefined)
    return {
      path: 'vendor.slackBot',
      args: [slackBot.token, slackBot.channel, escaped(head), escaped(text), colorOf(notice, alert), labels],
    }
  if (mail !== undefined) return { path: 'vendor.mail', args: [{ ...mail, subject: head, text }] }
  return {
    path: 'vendor.webhook',
    args: ['POST', webhook?.url ?? '', cloudEvent(notice, alert), webhook?.headers ?? {}],
  }
}

/** What comes from the traffic must not mention people or link anywhere: https://docs.slack.dev/messaging/formatting-message-text#escaping */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function headOf(notice: Notice, { severity, title }: AlertView): string {
  return `[${severity}] ${title}${notice === 'opened' ? '' : `: ${WORDS[notice]}`}`
}

const WORDS: Readonly<Record<Exclude<Notice, 'opened'>, string>> = {
  worse: 'got worse',
  again: 'goes on',
  closed: 'closed',
}

function textOf({
  text,
  key,
  agentTitle,
  count,
  nodes,
  openedAt,
  lastAt,
  labels,
  entries,
  closedBy,
}: AlertView): string {
  const lines = [
    ...(text === '' ? [] : [text]),
    `Raised ${count === 1 ? 'once' : `${count} times`} by "${agentTitle}" on ${nodes.join(', ')}, from ${iso(openedAt)} to ${iso(lastAt)}; key ${key}.`,
    ...(closedBy === undefined
      ? []
      : [`Closed by ${closedBy === 'time' ? 'itself: nothing raises it any more' : closedBy}.`]),
    ...Object.entries(labels).map(([name, value]) => `${name}: ${value}`),
    ...entries.slice(0, MOST_ENTRIES).map(entryLine),
  ]
  return lines.join('\n')
}

function entryLine({
  timestamp,
  protocol,
  source,
  destination,
  summary,
  status,
}: AlertView['entries'][number]): string {
  return [iso(timestamp), protocol, `${source} -> ${destination}`, summary, status]
    .filter((each) => each !== '')
    .join('  ')
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}

function colorOf(notice: Notice, { severity }: AlertView): string {
  return notice === 'closed' ? '#2EB67D' : COLORS[severity]
}

const COLORS: Readonly<Record<AlertView['severity'], string>> = {
  info: '#36C5F0',
  warning: '#ECB22E',
  error: '#E8912D',
  critical: '#E01E5A',
}

/** CloudEvents 1.0, as JSON. */
function cloudEvent(notice: Notice, alert: AlertView): object {
  return {
    specversion: '1.0',
    id: `${alert.id}/${alert.openedAt}/${notice}/${alert.count}`,
    source: `remora/agents/${encodeURIComponent(alert.agentTitle)}`,
    type: `remora.alert.${notice}`,
    subject: alert.key,
    time: iso(notice === 'closed' ? (alert.closedAt ?? alert.lastAt) : alert.lastAt),
    datacontenttype: 'application/json',
    data: alert,
  }
}

const MOST_ENTRIES = 5
