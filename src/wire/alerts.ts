import { z } from 'zod'
import { SEVERITIES } from './severity.ts'

export const severity = z.enum(SEVERITIES)

/** An entry as an alert remembers it: enough to know what it was when it is not kept any more. */
export const alertEntry = z.object({
  id: z.string().describe('Its identity, as long as it is kept'),
  stream: z.string(),
  protocol: z.string(),
  timestamp: z.number().describe('ms since the epoch'),
  source: z.string(),
  destination: z.string(),
  summary: z.string().describe('Such as `GET /cart`'),
  status: z.string(),
})
export type AlertEntry = z.infer<typeof alertEntry>

/** What an agent says by `alert.raise`, once or several times within a second. */
export const alertRaised = z.object({
  said: z.literal('raised'),
  id: z.string(),
  key: z.string(),
  agent: z.string().describe('Identity of the agent'),
  agentTitle: z.string(),
  node: z.string(),
  /** Of the first and the last time, ms since the epoch by the clock of the agent. */
  at: z.number(),
  lastAt: z.number(),
  count: z.number().int().min(1),
  title: z.string(),
  severity,
  text: z.string(),
  labels: z.record(z.string(), z.string()),
  entries: z.array(alertEntry),
  /** Packets of the connection of the first entry: a capture file in base64. */
  pcap: z.string().optional(),
})
export type AlertRaised = z.infer<typeof alertRaised>

/** What an agent says by `alert.close`. */
export const alertClosed = z.object({
  said: z.literal('closed'),
  id: z.string(),
  node: z.string(),
  agentTitle: z.string(),
  at: z.number(),
})
export type AlertClosed = z.infer<typeof alertClosed>

export const alertSaid = z.discriminatedUnion('said', [alertRaised, alertClosed])
export type AlertSaid = z.infer<typeof alertSaid>

/** An alert as hubs keep and show it. */
export const alertView = z.object({
  id: z.string().describe('Of agent and key: what is raised again under a key is the same alert'),
  key: z.string(),
  agent: z.string().describe('Identity of the agent that raised it'),
  agentTitle: z.string(),
  title: z.string(),
  severity,
  text: z.string(),
  labels: z.record(z.string(), z.string()),
  state: z.enum(['open', 'closed']),
  openedAt: z.number().describe('ms since the epoch'),
  lastAt: z.number().describe('When it was raised last, by the clock of the agent'),
  heardAt: z.number().describe('When that was heard of, by the clock of the hub'),
  closedAt: z.number().optional(),
  closedBy: z.string().optional().describe('An agent, a person, or `time`: nothing raised it any more'),
  count: z.number().int().describe('How often it was raised since it was opened'),
  nodes: z.array(z.string()),
  entries: z.array(alertEntry).describe('The first ones, and the last'),
  pcapBytes: z.number().int().describe('Size of the packets that came with it; 0: none'),
  notifiedAt: z.number().optional().describe('When channels were told last'),
  suppressed: z.number().int().describe('How often they were not, since they had been told lately'),
})
export type AlertView = z.infer<typeof alertView>

/** The key in the bucket for the alert, and for the packets that came with it. */
export const ALERT_PREFIX = 'alert.'
export const alertKey = (id: string) => `${ALERT_PREFIX}${id}`
export const pcapKey = (id: string) => `pcap.${id}`
