import type { Bucket, Kept } from '../../bus/bus.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { pause } from '../../waiting/pause.ts'
import {
  type AlertRules,
  type Change,
  closed,
  closedByAgent,
  isOver,
  type Notice,
  raised,
} from '../../wire/alert-rules.ts'
import {
  ALERT_PREFIX,
  type AlertSaid,
  type AlertView,
  alertKey,
  alertView,
  pcapKey,
} from '../../wire/alerts.ts'
import { decode, encode } from '../../wire/codec.ts'
import type { AlertControl } from './control.ts'

export interface AlertsOptions {
  /** `BUCKETS.alerts` */
  readonly bucket: Bucket
  readonly rules: AlertRules
  /** Closed ones are kept up to so many in all; the oldest go first. */
  readonly keep: number
  /** Whether any channel wants to be told. */
  readonly concerns: (notice: Notice, alert: AlertView) => boolean
  /** Tells channels. What it cannot hand on it reports itself. */
  readonly notify: (notice: Notice, alert: AlertView) => void
  readonly report: (error: unknown) => void
  readonly now?: () => number
}

/** The alerts of all nodes: each hub knows them, the one that leads takes what agents say and closes those that are over. */
export class Alerts implements AlertControl {
  readonly #options: AlertsOptions
  readonly #now: () => number
  readonly #known = new Map<string, AlertView>()
  readonly #current = Promise.withResolvers<void>()
  readonly #abort = new AbortController()
  readonly #watching: Promise<void>
  /** `notified`: channels were told; `suppressed`: they were not, as they had been lately; `refused`: raised when their agent had too many open already. */
  readonly counters = { raised: 0, notified: 0, suppressed: 0, refused: 0 }

  constructor(options: AlertsOptions) {
    this.#options = options
    this.#now = options.now ?? Date.now
    this.#watching = this.#watch()
  }

  /** Those that were raised last first. */
  async list(): Promise<AlertView[]> {
    await this.#current.promise
    return [...this.#known.values()].sort((a, b) => b.lastAt - a.lastAt)
  }

  async get(id: string): Promise<AlertView> {
    await this.#current.promise
    const alert = this.#known.get(id)
    if (alert === undefined) throw notFound(id)
    return alert
  }

  async pcap(id: string): Promise<Uint8Array> {
    await this.get(id)
    const kept = await this.#options.bucket.get(pcapKey(id))
    if (kept === undefined) throw new Mistake('E_NOT_FOUND', 'no packets came with this alert')
    return kept.value
  }

  async close(id: string, by: string): Promise<AlertView> {
    const alert = await this.#change(id, (before) => {
      if (before === undefined) throw notFound(id)
      return closed(before, this.#now(), by)
    })
    return alert as AlertView
  }

  /** What an agent has said. Rejects with `E_BUS` when it could not be kept: it has to be said again. */
  async take(said: AlertSaid): Promise<void> {
    if (said.said === 'closed') {
      await this.#change(said.id, (before) =>
        before === undefined ? undefined : closedByAgent(before, said, this.#now()),
      )
      return
    }
    this.counters.raised += said.count
    if (this.#known.get(said.id)?.state !== 'open' && this.#openOf(said.agent) >= MOST_OPEN) {
      this.counters.refused += said.count
      return
    }
    if (said.pcap !== undefined)
      await this.#options.bucket.put(pcapKey(said.id), Buffer.from(said.pcap, 'base64'))
    await this.#change(said.id, (before) => raised(before, said, this.#now(), this.#options.rules))
  }

  #openOf(agent: string): number {
    let open = 0
    for (const each of this.#known.values()) if (each.agent === agent && each.state === 'open') open++
    return open
  }

  /** Closes what is over, and lets go of the oldest that are closed. By the hub that leads, from time to time. */
  async sweep(): Promise<void> {
    const { rules, keep, bucket } = this.#options
    const all = await this.list()
    for (const each of all)
      if (isOver(each, this.#now(), rules))
        await this.#change(each.id, (before) =>
          before !== undefined && isOver(before, this.#now(), rules)
            ? closed(before, this.#now(), 'time')
            : undefined,
        )
    for (const { id } of all.filter(({ state }) => state === 'closed').slice(keep)) {
      await bucket.delete(pcapKey(id))
      await bucket.delete(alertKey(id))
    }
  }

  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#watching
  }

  /** One after another. */
  #change(
    id: string,
    change: (before: AlertView | undefined) => Change | undefined,
  ): Promise<AlertView | undefined> {
    const changed = this.#changing.then(() => this.#changeNow(id, change))
    this.#changing = changed.catch(() => {}) // Whoever asked for it hears of it.
    return changed
  }
  #changing: Promise<unknown> = Promise.resolve()

  /** Another hub may change it at the same time: who comes second looks again. */
  async #changeNow(
    id: string,
    change: (before: AlertView | undefined) => Change | undefined,
  ): Promise<AlertView | undefined> {
    const { bucket } = this.#options
    for (let attempt = 1; ; attempt++) {
      const kept = await bucket.get(alertKey(id))
      const before = viewIn(kept)
      const changed = change(before)
      if (changed === undefined) return undefined
      const { notice } = changed
      const isTold = notice !== undefined && this.#options.concerns(notice, changed.alert)
      const alert = isTold ? changed.alert : { ...changed.alert, notifiedAt: before?.notifiedAt }
      try {
        const value = encode(alert)
        if (kept === undefined) await bucket.create(alertKey(id), value)
        else await bucket.update(alertKey(id), value, kept.revision)
      } catch (error) {
        if (!(error instanceof Mistake) || error.code !== 'E_CONFLICT' || attempt === MOST_ATTEMPTS)
          throw error
        continue
      }
      this.#known.set(id, alert)
      if (notice === undefined) this.counters.suppressed++
      else if (isTold) {
        this.counters.notified++
        this.#options.notify(notice, alert)
      }
      return alert
    }
  }

  async #watch(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      try {
        for await (const change of this.#options.bucket.watch({ prefix: ALERT_PREFIX, signal })) {
          if (change.kind === 'current') this.#current.resolve()
          else if (change.kind === 'delete') this.#known.delete(change.key.slice(ALERT_PREFIX.length))
          else this.#learn(change)
        }
      } catch (error) {
        this.#options.report(error)
      }
      await pause(AGAIN_MS, signal)
    }
  }

  #learn(kept: Kept): void {
    const alert = viewIn(kept)
    if (alert !== undefined) this.#known.set(alert.id, alert)
  }
}

function viewIn(kept: Kept | undefined): AlertView | undefined {
  return kept === undefined ? undefined : decode(alertView, kept.value)
}

function notFound(id: string): Mistake {
  return new Mistake('E_NOT_FOUND', `there is no alert ${id}`)
}

/** Alerts that an agent may have open on all nodes. */
const MOST_OPEN = 5000
const MOST_ATTEMPTS = 10
const AGAIN_MS = 1000
