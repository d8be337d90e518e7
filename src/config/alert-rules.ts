import type { AlertRules } from '../wire/alert-rules.ts'
import type { Config } from './index.ts'
import { msOf } from './quantities.ts'

/** When alerts are told of, and when they close. */
export function alertRules({ scripting: { alerts } }: Config): AlertRules {
  return { suppressMs: msOf(alerts.suppressFor), closeAfterMs: msOf(alerts.closeAfter) }
}
