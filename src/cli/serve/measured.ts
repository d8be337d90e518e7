import type { HelperCall } from '../../agent/group.ts'
import type { HelperOutcome, Metrics } from '../../metrics/metrics.ts'
import { Mistake } from '../../mistake/mistake.ts'

/** Answers helper calls, and counts and times them. */
export function measured(
  call: (call: HelperCall) => Promise<unknown>,
  metrics: Pick<Metrics, 'helperCalled'>,
): (call: HelperCall) => Promise<unknown> {
  return async (asked) => {
    const began = performance.now()
    let outcome: HelperOutcome = 'ok'
    try {
      return await call(asked)
    } catch (error) {
      outcome = error instanceof Mistake && REFUSALS.has(error.code) ? 'refused' : 'failed'
      throw error
    } finally {
      metrics.helperCalled(asked.path, outcome, (performance.now() - began) / 1000)
    }
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['E_HELPER_REFUSED', 'E_HELPER_ARGUMENT', 'E_TOO_LARGE'])
