import type { z } from 'zod'
import type { Bus } from '../bus/bus.ts'
import { Mistake } from '../mistake/mistake.ts'
import { decode, encode } from '../wire/codec.ts'
import { POLICY_ANSWERS, type PolicyAnswer, type PolicyAsker, type PolicyOrder } from '../wire/policies.ts'
import { SUBJECTS } from '../wire/subjects.ts'

/** Asks the hub that leads about policies, from wherever we are. */
export class PolicyRequests implements PolicyAsker {
  readonly #bus: Pick<Bus, 'request'>

  constructor(bus: Pick<Bus, 'request'>) {
    this.#bus = bus
  }

  async ask<Ask extends PolicyOrder['ask']>(
    order: Extract<PolicyOrder, { readonly ask: Ask }>,
    signal?: AbortSignal,
  ): Promise<PolicyAnswer<Ask>> {
    const options = { timeoutMs: ANSWER_MS, ...(signal === undefined ? {} : { signal }) }
    const payload = await this.#bus.request(SUBJECTS.policies, encode(order), options)
    const answer = decode<z.ZodType>(POLICY_ANSWERS[order.ask], payload)
    if (answer === undefined)
      throw new Mistake('E_BUS_NO_ANSWER', 'the hub answered about policies with what is not understood')
    return answer as PolicyAnswer<Ask>
  }
}

/** History may be long. */
const ANSWER_MS = 45_000
