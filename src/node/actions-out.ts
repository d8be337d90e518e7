import type { SentAction } from '../agent/broker.ts'
import type { Outbox } from '../bus/outbox.ts'
import { COUNTER_NAMES } from '../metrics/counters.ts'
import type { HubAction } from '../wire/actions.ts'
import { encode } from '../wire/codec.ts'
import { STREAMS, token } from '../wire/subjects.ts'

/**
 * What agents of a node send by `hub.action`, on its way to the hub. It is safe on the disk of the node when `send` returns, and
 * goes on its way when the bus can be reached.
 */
export class ActionsOut {
  readonly #outbox: Outbox
  readonly #node: string

  constructor(outbox: Outbox, node: string) {
    this.#outbox = outbox
    this.#node = node
  }

  /** Throws a Mistake for the script. */
  send({ agent, nowMs, action, object }: SentAction): void {
    const { id: agentId = '', index, title } = agent
    this.#outbox.push(`${STREAMS.actions}.${token(this.#node)}`, (id) => {
      const sent: HubAction = {
        id,
        node: this.#node,
        agent: agentId,
        index,
        title,
        at: nowMs,
        action,
        ...(object === undefined ? {} : { object }),
      }
      return encode(sent)
    })
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
