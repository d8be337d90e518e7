/** How far ahead of ours a clock is, ms: at least and at most. */
export interface ClockLead {
  readonly low: number
  readonly high: number
}

/**
 * How far the clocks of nodes are off, by what their kubelets say of when something happened, which was between two moments by our
 * clock. A clock that may be right is taken for right.
 */
export class NodeClocks {
  readonly #leads = new Map<string, ClockLead>()

  /** Something happened from `after` to `before` by our clock, and from `low` to `high` by that of the node; ms. */
  note(node: string, { low, high }: ClockLead, after: number, before: number): void {
    const told = { low: low - before, high: high - after }
    const known = this.#leads.get(node) ?? told
    const both = { low: Math.max(known.low, told.low), high: Math.min(known.high, told.high) }
    // It was set since.
    this.#leads.set(node, both.low > both.high ? told : both)
  }

  of(node: string): ClockLead {
    const lead = this.#leads.get(node)
    return lead === undefined || (lead.low <= 0 && lead.high >= 0) ? RIGHT : lead
  }

  forget(node: string): void {
    this.#leads.delete(node)
  }
}

const RIGHT: ClockLead = { low: 0, high: 0 }
