import type { Flow } from './flow.ts'
import { type HostRule, hostVerdict } from './host-rule.ts'
import { directionsOf, type NetworkPolicy } from './network-policy.ts'
import { verdict } from './verdict.ts'

/** A connection that no policy may cut, and what that is, for the refusal: `the API server`. */
export interface Protected {
  readonly what: string
  readonly flow: Flow
}

/**
 * What a policy cuts by itself that must not be cut. Others that would let it through do not count: they may go first. So a set
 * of policies that are accepted one by one cuts nothing of it either.
 */
export function cutByPolicy(
  protectedFlows: readonly Protected[],
  policy: NetworkPolicy,
): Protected | undefined {
  return protectedFlows.find(({ flow }) => !verdict([policy], flow).allowed)
}

/** The same for a rule about addresses. */
export function cutByRule(protectedFlows: readonly Protected[], rule: HostRule): Protected | undefined {
  return protectedFlows.find(({ flow }) => !hostVerdict([rule], flow))
}

/** Whether it lets a pod talk to nobody at all: who writes that wants it, and does not forget something. */
export function isQuarantine({ spec }: NetworkPolicy): boolean {
  const directions = directionsOf(spec)
  return (
    directions.has('Egress') &&
    directions.has('Ingress') &&
    (spec.egress ?? []).length === 0 &&
    (spec.ingress ?? []).length === 0
  )
}
