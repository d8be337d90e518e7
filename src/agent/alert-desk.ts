import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { alertId } from '../helpers/alert.ts'
import type { Alerting, PacketStore, RaisedAlert } from '../helpers/helper.ts'
import { Mistake } from '../mistake/mistake.ts'
import type { AlertRaised } from '../wire/alerts.ts'
import { worst } from '../wire/severity.ts'
import type { SentAlert } from './broker.ts'
import { wholePackets } from './whole-packets.ts'

export interface AlertDeskOptions {
  readonly packets: PacketStore
  /** A folder for packets on their way. */
  readonly root: string
  /** When alerts close that nothing raises any more, ms. */
  readonly closeAfterMs: number
  /** Hands on what an agent has said: it is sure to arrive then. Throws a Mistake for the script. */
  readonly say: (sent: SentAlert) => void | Promise<void>
}

/** Who raises alerts, and when. */
export interface AlertCall {
  readonly agent: AlertingAgent
  readonly node: string
  /** What time it is for the agent, ms. */
  readonly now: number
  /** Writes a line on its console. */
  readonly warn: (text: string) => void
}

/** Who raises alerts. */
export interface AlertingAgent {
  readonly index: number
  readonly id?: string
  readonly path: string
  readonly title: string
}

/**
 * What agents of a component raise, on its way to the hub. An alert goes at once; when it is raised again within a second, that is
 * counted and said with the next one. Packets go with an alert once in a while, not each time.
 */
export class AlertDesk {
  readonly #options: AlertDeskOptions
  /** By id: what was said lately, and what has come since. */
  readonly #lately = new Map<
    string,
    { agent: AlertingAgent; more: AlertRaised | undefined; timer: NodeJS.Timeout }
  >()
  readonly #packetsAt = new Map<string, number>()
  /** By agent: alerts that may be open, and when each was raised last. */
  readonly #open = new Map<string, Map<string, number>>()

  constructor(options: AlertDeskOptions) {
    this.#options = options
  }

  of({ agent, node, now, warn }: AlertCall): Alerting {
    const identity = agent.id ?? agent.path
    return {
      raise: async (raised) => {
        const id = alertId(identity, raised.key)
        this.#admit(identity, id)
        const lately = this.#lately.get(id)
        const said = this.#said(id, agent, node, raised, now)
        if (lately !== undefined) {
          lately.more = together(lately.more, said)
          return id
        }
        this.#wait(id, agent)
        const pcap = raised.pcap ? await this.#packetsOf(id, raised) : undefined
        await this.#options.say({ said: pcap === undefined ? said : { ...said, pcap }, agent, warn })
        return id
      },
      close: async (key) => {
        const id = alertId(identity, key)
        this.#open.get(identity)?.delete(id)
        await this.#flush(id)
        const said = { said: 'closed', id, node, agentTitle: agent.title, at: now } as const
        await this.#options.say({ said, agent, warn })
      },
    }
  }

  /** An agent that makes a key of everything would fill the hub. */
  #admit(identity: string, id: string): void {
    const open = this.#open.get(identity) ?? new Map<string, number>()
    this.#open.set(identity, open)
    const now = performance.now()
    if (!open.has(id) && open.size >= MOST_OPEN)
      for (const [each, at] of open) if (now >= at + this.#options.closeAfterMs) open.delete(each)
    if (!open.has(id) && open.size >= MOST_OPEN)
      throw new Mistake(
        'E_HELPER_REFUSED',
        `alert.raise: ${MOST_OPEN} alerts of this agent are open on this node: give what is the same trouble the same key, or close some by alert.close`,
      )
    open.set(id, now)
  }

  /** Says what was counted. */
  async close(): Promise<void> {
    for (const id of [...this.#lately.keys()]) {
      await this.#flush(id)
      clearTimeout(this.#lately.get(id)?.timer)
    }
  }

  #said(
    id: string,
    agent: AlertingAgent,
    node: string,
    { key, title, severity, text, labels, entries }: RaisedAlert,
    at: number,
  ): AlertRaised {
    return {
      said: 'raised',
      ...{ id, key, node, at, lastAt: at, count: 1, title, severity, text, labels, entries: [...entries] },
      agent: agent.id ?? agent.path,
      agentTitle: agent.title,
    }
  }

  #wait(id: string, agent: AlertingAgent): void {
    const timer = setTimeout(() => void this.#flush(id), TOGETHER_MS)
    this.#lately.set(id, { agent, more: undefined, timer })
  }

  async #flush(id: string): Promise<void> {
    const lately = this.#lately.get(id)
    if (lately === undefined) return
    clearTimeout(lately.timer)
    this.#lately.delete(id)
    if (lately.more === undefined) return
    this.#wait(id, lately.agent)
    try {
      await this.#options.say({ said: lately.more, agent: lately.agent })
    } catch {
      // It was raised before, and will be again; how often is a little less than it should be.
    }
  }

  /** Packets of the connection of the first entry, in base64; none where none are kept. */
  async #packetsOf(id: string, { entries }: RaisedAlert): Promise<string | undefined> {
    const stream = entries[0]?.stream ?? ''
    if (stream === '' || this.#hadPackets(id)) return undefined
    const path = join(this.#options.root, `alert-${id}.pcap`)
    try {
      if (!(await this.#options.packets.writeStream(stream, path))) return undefined
      this.#packetsAt.set(id, performance.now())
      return Buffer.from(wholePackets(await readFile(path), MOST_PCAP_BYTES)).toString('base64')
    } catch {
      // A full disk: the alert counts more than its packets.
      return undefined
    } finally {
      await rm(path, { force: true })
    }
  }

  #hadPackets(id: string): boolean {
    const at = this.#packetsAt.get(id)
    if (this.#packetsAt.size > MOST_REMEMBERED) this.#packetsAt.clear()
    return at !== undefined && performance.now() < at + PACKETS_EVERY_MS
  }
}

/** Raised several times: the last one says what it is, the first one when it began. */
function together(before: AlertRaised | undefined, said: AlertRaised): AlertRaised {
  if (before === undefined) return said
  return {
    ...said,
    at: before.at,
    count: before.count + said.count,
    severity: worst(before.severity, said.severity),
    entries: [...before.entries, ...said.entries].slice(0, MOST_ENTRIES),
  }
}

/** Alerts that an agent may have open on one node. */
const MOST_OPEN = 1000
const TOGETHER_MS = 1000
const PACKETS_EVERY_MS = 60_000
const MOST_ENTRIES = 20
const MOST_PCAP_BYTES = 384 << 10
const MOST_REMEMBERED = 10_000
