import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type AlertEntry, severity } from '../wire/alerts.ts'
import { helper, namespace, typed } from './helper.ts'

const entry = typed('Entry')

const raisedAlert = z.object({
  title: z.string().min(1).max(300),
  severity: severity.default('warning'),
  key: z.string().min(1).max(300).optional(),
  text: z.string().max(10_000).default(''),
  labels: z.record(z.string(), z.string()).default({}),
  entry: entry.optional(),
  entries: z.array(entry).max(20).default([]),
  pcap: z.boolean().default(true),
})

export const alert = namespace('alert', 'Alerts: opened, repeated, closed, and told to whom they concern.', {
  raise: helper({
    effect: 'hub',
    doc: 'Raises an alert. Under the same `key` (the title, when there is none) it is the same alert: it is opened once, counted each time, and channels (`scripting.alerts.channels`) are told when it opens, gets worse, goes on after `suppressFor`, or closes. It keeps what the entries were, and the packets of the connection of the first one, up to 384 KiB, unless `pcap` is false. It closes by `alert.close`, by a person, or when nothing has raised it for `closeAfter`. Answers its id.',
    params: {
      alert: raisedAlert.describe(
        'Title, severity, key, text, labels; `entry: data` or `entries`: what it is about',
      ),
    },
    returns: z.string(),
    example: `alert.raise({ title: 'Checkout fails', severity: 'critical', key: 'checkout', labels: { team: 'shop' } })`,
    async run({ alert: { key, entry: first, entries, ...more } }, host) {
      const said = [...(first === undefined ? [] : [first]), ...entries].flatMap(alertEntry)
      return await host.alerts.raise({ ...more, key: key ?? more.title, entries: said })
    },
  }),

  close: helper({
    effect: 'hub',
    doc: 'Closes the alert that this agent has raised under a key. One that is closed, or was never raised, stays as it is.',
    params: { key: z.string().min(1).describe('The key that it was raised with, or its title') },
    returns: z.void(),
    example: `alert.close('checkout')`,
    async run({ key }, host) {
      await host.alerts.close(key)
    },
  }),
})

/** The same for the same agent and key, on all nodes. */
export function alertId(agent: string, key: string): string {
  return createHash('sha256').update(`${agent}\0${key}`).digest('hex').slice(0, 20)
}

/** What is remembered of an entry; of what is none, nothing. */
function alertEntry(data: unknown): AlertEntry[] {
  const read = entryShape.safeParse(data)
  if (!read.success) return []
  const { id, stream, timestamp, protocol, src, dst, request, response } = read.data
  return [
    {
      id,
      stream,
      timestamp,
      protocol: protocol.abbr ?? protocol.name,
      source: endOf(src),
      destination: endOf(dst),
      summary: [request?.method, request?.path ?? request?.summary]
        .filter((each) => each !== undefined)
        .join(' ')
        .slice(0, 300),
      status: String(response?.status ?? ''),
    },
  ]
}

const end = z.object({
  name: z.string().catch(''),
  namespace: z.string().catch(''),
  ip: z.string().catch(''),
  port: z.union([z.string(), z.number()]).catch(''),
})

const message = z
  .object({
    method: z.coerce.string().optional().catch(undefined),
    path: z.coerce.string().optional().catch(undefined),
    summary: z.string().optional().catch(undefined),
    status: z.union([z.string(), z.number()]).optional().catch(undefined),
  })
  .nullish()
  .catch(undefined)

/** The part of an entry (agent-api §5.1) that alerts remember. */
const entryShape = z.object({
  id: z.string().catch(''),
  stream: z.string().catch(''),
  timestamp: z.number().catch(0),
  protocol: z.object({ name: z.string(), abbr: z.string().optional() }),
  src: end,
  dst: end,
  request: message,
  response: message,
})

function endOf({ name, namespace, ip, port }: z.output<typeof end>): string {
  const who = name === '' ? `${ip}:${port}` : `${name}:${port}`
  return namespace === '' ? who : `${who} (${namespace})`
}
