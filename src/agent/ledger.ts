import type { AgentFault } from '../wire/agents.ts'
import type { AckMessage, SlotCounters } from './host/protocol.ts'

/** What became of the events of one kind that were meant for an agent. */
export interface Fate {
  /** `received` = `delivered` + `filtered` + `sampled` + the sum of `dropped`. */
  received: number
  delivered: number
  filtered: number
  sampled: number
  readonly dropped: Record<DropReason, number>
}

export const DROP_REASONS = {
  'queue-full': 'The sandbox was behind, and neither a live capture nor a cluster waits.',
  stopped: 'The agent had been stopped.',
} as const

export type DropReason = keyof typeof DROP_REASONS

export interface AgentAccount {
  readonly items: Fate
  readonly packets: Fate
  /** Changes of pods. */
  readonly pods: Fate
  calls: number
  errors: number
  jobRuns: number
  jobErrors: number
  /** Time spent in it, and what of that it has waited for helpers. */
  micros: number
  waitMicros: number
  /** Heap that it held when that was last measured. */
  heapBytes: number
  /** Console lines. */
  lines: number
  stopped: string
  /** Errors of what was loaded last, by place. */
  faults: readonly AgentFault[]
}

/**
 * The books on every slot. `received` is counted where events are sent, `delivered` and `stopped` where agents run,
 * `queue-full` where frames are dropped: that they add up is a fact, not a definition.
 */
export class Ledger {
  readonly #accounts = new Map<number, AgentAccount>()
  /** What earlier versions of an agent, and earlier processes of the sandbox, had reported at their end. */
  readonly #base = new Map<number, SlotCounters>()
  readonly #latest = new Map<number, SlotCounters>()
  /** Slots that the sandbox does not have any more: their events are dropped on this side. */
  readonly #absent = new Set<number>()

  /** An agent was loaded into a slot, for the first time or again: its counts begin, or go on. */
  open(slot: number): void {
    const account = this.account(slot)
    this.#accounts.set(slot, account)
    account.stopped = ''
    account.faults = []
    this.#absent.delete(slot)
    this.#settle(slot)
  }

  account(slot: number): AgentAccount {
    return this.#accounts.get(slot) ?? newAccount()
  }

  /** Whoever gets the slot next begins with nothing. Only when all that was sent to it has been worked off. */
  close(slot: number): void {
    const account = this.#accounts.get(slot)
    if (account !== undefined) this.#lost.delete(account)
    this.#accounts.delete(slot)
    this.#base.delete(slot)
    this.#latest.delete(slot)
    this.#absent.delete(slot)
  }

  printed(slot: number): void {
    const account = this.account(slot)
    this.#accounts.set(slot, account)
    account.lines++
  }

  sent(slot: number, items: number, packets: number): void {
    const account = this.account(slot)
    account.items.received += items
    account.packets.received += packets
    if (this.#absent.has(slot)) this.#missed(account, items, packets)
  }

  queueFull(slot: number, items: number, packets: number): void {
    const account = this.account(slot)
    account.items.received += items
    account.packets.received += packets
    account.items.dropped['queue-full'] += items
    account.packets.dropped['queue-full'] += packets
  }

  /** Changes of pods are on their way. */
  sentPods(slot: number, pods: number): void {
    const account = this.account(slot)
    this.#accounts.set(slot, account)
    account.pods.received += pods
  }

  /** Their process died before it had told of them: another one gets them anew. */
  lostPods(slot: number, pods: number): void {
    const account = this.#accounts.get(slot)
    if (account !== undefined) account.pods.received -= pods
  }

  droppedPods(slot: number, pods: number): void {
    this.sentPods(slot, pods)
    this.account(slot).pods.dropped['queue-full'] += pods
  }

  acked({ slots }: AckMessage): void {
    for (const counters of slots) {
      this.#latest.set(counters.slot, counters)
      this.#bring(counters.slot)
    }
  }

  stopped(slot: number, reason: string): void {
    const account = this.account(slot)
    if (account.stopped === '') account.stopped = reason
  }

  /**
   * A new process has taken over. `unacked` events of each slot are sent again to the slots that are left; for the
   * others they are lost.
   */
  restarted(unacked: (slot: number) => { items: number; packets: number }): void {
    for (const [slot, account] of this.#accounts) {
      this.#settle(slot)
      if (account.stopped !== '') this.left(slot, unacked(slot))
    }
  }

  /** The sandbox does not have a slot any more: its unacknowledged events are lost, and those to come. */
  left(slot: number, { items, packets }: { items: number; packets: number }): void {
    if (this.#absent.has(slot)) return
    this.#absent.add(slot)
    this.#missed(this.account(slot), items, packets)
  }

  /** What was counted so far was counted by a predecessor. */
  #settle(slot: number): void {
    const latest = this.#latest.get(slot)
    if (latest !== undefined) this.#base.set(slot, add(this.#base.get(slot), latest))
    this.#latest.delete(slot)
  }

  /** What does not add up, in words; empty when all is well. */
  discrepancies(): string[] {
    const found: string[] = []
    for (const [slot, { items, packets, pods }] of this.#accounts) {
      for (const [kind, fate] of [
        ['items', items],
        ['packets', packets],
        ['pods', pods],
      ] as const) {
        const { received, delivered, filtered, sampled, dropped } = fate
        const accounted = delivered + filtered + sampled + dropped['queue-full'] + dropped.stopped
        if (received !== accounted)
          found.push(`slot ${slot}: ${received} ${kind} received, ${accounted} accounted for`)
      }
    }
    return found
  }

  #missed(account: AgentAccount, items: number, packets: number): void {
    account.items.dropped.stopped += items
    account.packets.dropped.stopped += packets
    const lost = this.#lost.get(account) ?? { items: 0, packets: 0 }
    this.#lost.set(account, { items: lost.items + items, packets: lost.packets + packets })
  }
  readonly #lost = new Map<AgentAccount, { items: number; packets: number }>()

  #bring(slot: number): void {
    const total = add(this.#base.get(slot), this.#latest.get(slot) as SlotCounters)
    const account = this.account(slot)
    const lost = this.#lost.get(account) ?? { items: 0, packets: 0 }
    account.items.delivered = total.items
    account.packets.delivered = total.packets
    account.pods.delivered = total.pods
    account.pods.dropped.stopped = total.missedPods
    account.items.dropped.stopped = total.missedItems + lost.items
    account.packets.dropped.stopped = total.missedPackets + lost.packets
    account.calls = total.calls
    account.errors = total.errors
    account.jobRuns = total.jobRuns
    account.jobErrors = total.jobErrors
    account.micros = total.micros
    account.waitMicros = total.waitMicros
    account.heapBytes = total.heapBytes
    account.faults = total.faults
    if (account.stopped === '' && total.stopped !== '') account.stopped = total.stopped
  }
}

function newAccount(): AgentAccount {
  const fate = (): Fate => ({
    received: 0,
    delivered: 0,
    filtered: 0,
    sampled: 0,
    dropped: { 'queue-full': 0, stopped: 0 },
  })
  return {
    items: fate(),
    packets: fate(),
    pods: fate(),
    calls: 0,
    errors: 0,
    jobRuns: 0,
    jobErrors: 0,
    micros: 0,
    waitMicros: 0,
    heapBytes: 0,
    lines: 0,
    stopped: '',
    faults: [],
  }
}

function add(a: SlotCounters | undefined, b: SlotCounters): SlotCounters {
  if (a === undefined) return b
  return {
    slot: b.slot,
    items: a.items + b.items,
    packets: a.packets + b.packets,
    calls: a.calls + b.calls,
    errors: a.errors + b.errors,
    jobRuns: a.jobRuns + b.jobRuns,
    jobErrors: a.jobErrors + b.jobErrors,
    micros: a.micros + b.micros,
    waitMicros: a.waitMicros + b.waitMicros,
    heapBytes: b.heapBytes,
    missedItems: a.missedItems + b.missedItems,
    missedPackets: a.missedPackets + b.missedPackets,
    pods: a.pods + b.pods,
    missedPods: a.missedPods + b.missedPods,
    stopped: b.stopped,
    faults: b.faults,
  }
}
