import { Mistake } from '../mistake/mistake.ts'
import type { PolicyAnswer, PolicyAsker, PolicyOrder } from '../wire/policies.ts'

/** Where there is no hub: nothing is in force, nothing is known of earlier, and blocking is switched off. */
export const NO_POLICIES: PolicyAsker = {
  async ask<Ask extends PolicyOrder['ask']>(
    order: Extract<PolicyOrder, { readonly ask: Ask }>,
  ): Promise<PolicyAnswer<Ask>> {
    const answers: Answers = {
      apply: { applied: false, text: DISABLED, name: '', expires: '', notes: [] },
      unblock: { removed: false, text: DISABLED },
      list: { enabled: false, place: 'hosts', policies: [] },
      preview: { rule: '', ...nothingSeen(), ...NOTHING_CUT },
      suggest: { ...nothingSeen(), flows: 0, policies: [], rules: [] },
    }
    const answer: unknown = answers[order.ask]
    if (answer === undefined) throw new Mistake('E_HELPER_REFUSED', `policy.${order.ask}: there is no hub`)
    return answer as PolicyAnswer<Ask>
  },
}

type Answers = { readonly [Ask in PolicyOrder['ask']]?: PolicyAnswer<Ask> }

function nothingSeen() {
  const now = Date.now()
  return { from: now, to: now, complete: false, notes: ['there is no hub'] }
}

const DISABLED = 'blocking is disabled'
const NOTHING_CUT = {
  requests: { seen: 0, cut: 0 },
  flows: [],
  moreFlows: 0,
  entries: [],
  moreEntries: 0,
}
