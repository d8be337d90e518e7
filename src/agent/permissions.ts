import type { Config } from '../config/index.ts'
import { bytesOf, msOf } from '../config/quantities.ts'
import type { Egress, EgressOptions, EgressRules } from '../helpers/egress.ts'
import { checkGrants, type Grants, Rates, rateOf, type WantedEffect } from '../helpers/grants.ts'
import type { Agent } from './agents.ts'

/** Who asks for something. Remora itself is held to nothing by a header. */
type Asking = Pick<Agent, 'index' | 'id' | 'path' | 'title'> & Partial<Pick<Agent, 'grants'>>
type OperatorGrant = Config['scripting']['grants'][number]

/** What agents may do: what their headers say, and what the operator says of them. Both must allow. */
export class Permissions {
  readonly #grants: readonly OperatorGrant[]
  readonly #rates = new Rates()
  #refused = 0
  /** By agent, as long as its code is the same. */
  readonly #ways = new WeakMap<object, Egress>()

  constructor({ scripting }: Pick<Config, 'scripting'>) {
    this.#grants = scripting.grants
  }

  /** Effects that were refused by grants and rates. */
  get refused(): number {
    return this.#refused
  }

  /** Throws E_HELPER_REFUSED. `nowMs`: the clock of the agent; absent for what has been counted when it was called. */
  check(agent: Asking, wanted: WantedEffect, way: Egress, nowMs: number | undefined): void {
    const { grants: said = {} } = agent
    const operator = this.#operatorsFor(agent)
    try {
      checkGrants(said, wanted, 'script')
      checkGrants(operator, wanted, 'operator')
      way.checkHosts(wanted.target?.hosts ?? [])
      const rates = [...(said.rates ?? []), ...(operator.rates ?? [])]
      if (nowMs !== undefined) this.#rates.take(keyOf(agent), wanted.helper, rates, nowMs)
    } catch (error) {
      this.#refused++
      throw error
    }
  }

  /** The way out for an agent. */
  wayOf(agent: Asking, egress: Egress): Egress {
    const known = this.#ways.get(agent) ?? egress.under(this.#rulesOf(agent))
    this.#ways.set(agent, known)
    return known
  }

  #rulesOf(agent: Asking): EgressRules {
    const { hosts, loopback, metadata } = this.#operatorsFor(agent)
    const lists = [
      { allow: agent.grants?.hosts, by: 'the header of the script' },
      { allow: hosts, by: 'scripting.grants' },
    ]
    return {
      agent: keyOf(agent),
      hosts: lists.flatMap(({ allow, by }) => (allow === undefined ? [] : [{ allow, by }])),
      loopback,
      metadata,
    }
  }

  /** Each list of its own, or else the one for all. Remora itself is no agent. */
  #operatorsFor({ title, index }: Asking): Grants & Pick<OperatorGrant, 'loopback' | 'metadata'> {
    if (index < 0) return {}
    const everybody = this.#grants.filter(({ agent }) => agent === '*')
    const own = this.#grants.filter(({ agent }) => agent === title)
    const { rates, ...lists } = Object.assign({}, ...[...everybody, ...own].map(given)) as OperatorGrant
    return rates === undefined ? lists : { ...lists, rates: rates.flatMap((rate) => rateOf(rate) ?? []) }
  }
}

function given(grant: OperatorGrant): Partial<OperatorGrant> {
  return Object.fromEntries(Object.entries(grant).filter(([, value]) => value !== undefined))
}

function keyOf({ id, path }: Asking): string {
  return id ?? path
}

/** What the configuration says of the way out. */
export function egressOptions({ scripting, internetConnectivity }: Config): EgressOptions {
  const { allow, deny, loopback, timeout, totalTimeout, maxReply, perHost, perAgent, maxWaiting } =
    scripting.egress
  return {
    allow,
    deny,
    internetConnectivity,
    loopback: loopback === 'auto' ? !isInKubernetes() : loopback === 'allow',
    timeoutMs: msOf(timeout),
    totalMs: msOf(totalTimeout),
    largestReplyBytes: bytesOf(maxReply),
    mostPerHost: perHost,
    mostPerAgent: perAgent,
    mostWaiting: maxWaiting,
  }
}

/** Beside others there, the loopback leads to what is meant for their pod or node alone. */
function isInKubernetes(): boolean {
  return (process.env.KUBERNETES_SERVICE_HOST ?? '') !== ''
}
