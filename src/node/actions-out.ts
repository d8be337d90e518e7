import type { SentAction, SentAlert } from '../agent/broker.ts'
import type { Bus } from '../bus/bus.ts'
import { type Outbox, openOutbox } from '../bus/outbox.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import type { HubAction } from '../wire/actions.ts'
import { encode } from '../wire/codec.ts'
import { STREAMS, token } from '../wire/subjects.ts'
import type { Note } from './note.ts'
import { STREAM_OPTIONS } from './streams.ts'

export interface ActionsOutOptions {
  readonly bus: Bus
  readonly node: string
  /** Of this program alone. */
  readonly folder: string
  readonly note: Note
}

/**
 * What agents of a node send by `hub.action`, on its way to the hub. It is safe on the disk of the node when `send` returns, and
 * goes on its way when the bus can be reached.
 */
export class ActionsOut {
  readonly #outbox: Outbox
  readonly #node: string

  constructor({ bus, node, folder, note }: ActionsOutOptions) {
    this.#node = node
    this.#outbox = openOutbox({
      folder,
      bus,
      stream: STREAM_OPTIONS.actions,
      mostMessages: MOST_WAITING,
      mostBytes: MOST_BYTES,
      onDrop: (count) => note('error', 'actions were dropped: the hub was away for too long', { count }),
      report: (error) => note('warning', 'actions wait to be sent', { error: String(error) }),
    })
  }

  /** What an agent says of an alert goes the same way. Throws a Mistake for the script. */
  alert({ agent, said }: Pick<SentAlert, 'agent' | 'said'>): void {
    this.#push({ agent, nowMs: said.at, action: said.said, object: JSON.stringify(said) }, 'alert')
  }

  /** Throws a Mistake for the script. */
  send(sent: SentAction): void {
    this.#push(sent)
  }

  #push({ agent, nowMs, action, object }: SentByAgent, kind?: 'alert'): void {
    const sender = `${this.#node}/${this.#outbox.boot}`
    const sent: HubAction = {
      id: `${sender}/${this.#outbox.nextNumber(sender)}`,
      node: this.#node,
      agent: agent.id ?? '',
      index: agent.index,
      title: agent.title,
      at: nowMs,
      action,
      ...(object === undefined ? {} : { object }),
      ...(kind === undefined ? {} : { kind }),
    }
    this.#outbox.push(`${STREAMS.actions}.${token(this.#node)}`, encode(sent), sent.id)
  }

  counters(): Record<string, number> {
    const { dropped, queue } = COUNTER_NAMES
    const counts = Object.entries(this.#outbox.dropped).map(([why, count]) => [
      dropped('actions', why),
      count,
    ])
    return { [queue('actions')]: this.#outbox.depth, ...Object.fromEntries(counts) }
  }

  close(): Promise<void> {
    return this.#outbox.close()
  }
}

interface SentByAgent extends Omit<SentAction, 'agent' | 'component'> {
  readonly agent: SentAlert['agent']
}

const MOST_WAITING = 100_000
const MOST_BYTES = 256 << 20
