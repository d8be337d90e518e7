import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, encode } from '../wire/codec.ts'
import type { NodeStatus } from '../wire/nodes.ts'
import { type OutboxAnswer, type OutboxOrder, outboxAnswer } from '../wire/outbox.ts'
import { SUBJECTS } from '../wire/subjects.ts'

export interface OutboxesOptions {
  readonly bus: Pick<Bus, 'request'>
  /** Programs of which something was heard lately. */
  readonly nodes: () => readonly Pick<NodeStatus, 'node' | 'boot' | 'component'>[]
}

/** The queued calls of helpers of all programs. */
export class Outboxes {
  readonly #options: OutboxesOptions

  constructor(options: OutboxesOptions) {
    this.#options = options
  }

  /** To all programs, or those of one node; `hub`: all hubs. Those that do not answer in time are missing. */
  async order(order: OutboxOrder, node?: string): Promise<OutboxAnswer[]> {
    const nodes = this.#options.nodes()
    const meant = nodes.filter(
      (each) => node === undefined || each.node === node || (node === 'hub' && each.component === 'hub'),
    )
    if (node !== undefined && meant.length === 0)
      throw new Mistake('E_NOT_FOUND', `there is no node ${node}`, {
        hint: `nodes: ${nodes.map((each) => each.node).join(', ')}`,
      })
    const answers = await Promise.all(meant.map(({ boot }) => this.#ask(boot, order)))
    return answers.flatMap((answer, at) =>
      answer === undefined ? [] : [{ ...answer, node: meant[at]?.node ?? answer.node }],
    )
  }

  async #ask(boot: string, order: OutboxOrder): Promise<OutboxAnswer | undefined> {
    try {
      const answer = await this.#options.bus.request(SUBJECTS.outbox(boot), encode(order), {
        timeoutMs: order.order === 'list' || order.order === 'dead' ? ASK_MS : CHANGE_MS,
      })
      return decode(outboxAnswer, answer)
    } catch (error) {
      if (error instanceof Mistake && ['E_BUS_NO_ANSWER', 'E_BUS'].includes(error.code)) return undefined
      throw error
    }
  }
}

const ASK_MS = 5000
/** Of a hundred thousand calls, some seconds. */
const CHANGE_MS = 30_000
