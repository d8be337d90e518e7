import { compileTargeting } from '../../cluster/targeting.ts'
import type { Config } from '../../config/index.ts'
import { Mistake } from '../../mistake/mistake.ts'
import { type TargetingRules, targetingRules } from '../../wire/targeting.ts'

/** Which pods are captured, as the configuration says. Throws `E_CONFIG_VALUE` where that cannot be read. */
export function targetingRulesOf({ tap }: Config): TargetingRules {
  const { regex, namespaces, excludedNamespaces, bpfOverride, misc } = tap
  const read = targetingRules.safeParse({
    ...{ regex, namespaces, excludedNamespaces, bpfOverride },
    sampleRate: misc.trafficSampleRate,
  })
  if (!read.success)
    throw new Mistake(
      'E_CONFIG_VALUE',
      `tap.${read.error.issues[0]?.path.join('.')}: ${read.error.issues[0]?.message}`,
    )
  try {
    compileTargeting(read.data)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    throw new Mistake('E_CONFIG_VALUE', error.message, {
      ...(error.hint !== undefined && { hint: error.hint }),
    })
  }
  return read.data
}
