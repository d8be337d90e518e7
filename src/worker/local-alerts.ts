import type { SentAlert } from '../agent/broker.ts'
import { type AlertRules, closedByAgent, type Notice, raised } from '../wire/alert-rules.ts'
import type { AlertView } from '../wire/alerts.ts'

/** Alerts of a run without a hub: kept while it goes, and told on the consoles of the agents that raise them. */
export class LocalAlerts {
  readonly #rules: AlertRules
  readonly #known = new Map<string, AlertView>()

  constructor(rules: AlertRules) {
    this.#rules = rules
  }

  take({ said, warn }: SentAlert): void {
    const before = this.#known.get(said.id)
    if (said.said === 'closed' && before === undefined) return
    const now = said.said === 'closed' ? said.at : said.lastAt
    const { alert, notice } =
      said.said === 'closed'
        ? closedByAgent(before as AlertView, said, now)
        : raised(before, said, now, this.#rules)
    this.#known.set(alert.id, alert)
    if (notice !== undefined) warn?.(lineOf(notice, alert))
  }
}

function lineOf(notice: Notice, { severity, title, key, text, count, pcapBytes }: AlertView): string {
  const packets = pcapBytes === 0 ? '' : `, with ${pcapBytes} bytes of packets`
  const times = count === 1 ? '' : `, ${count} times`
  const named = key === title ? '' : ` (${key})`
  return `alert ${WORDS[notice]}: [${severity}] ${title}${named}${times}${packets}${text === '' ? '' : `\n${text}`}`
}

const WORDS: Readonly<Record<Notice, string>> = {
  opened: 'opened',
  worse: 'got worse',
  again: 'goes on',
  closed: 'closed',
}
