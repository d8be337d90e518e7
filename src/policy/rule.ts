import { z } from 'zod'
import { Mistake } from '../mistake/mistake.ts'
import { type HostRule, hostRuleInWords, hostRuleText, readHostRule } from './host-rule.ts'
import { type NetworkPolicy, readNetworkPolicy } from './network-policy.ts'

/** What can be applied, previewed and suggested. */
export type PolicyRule =
  | { readonly kind: 'network'; readonly policy: NetworkPolicy }
  /** Cuts a pod off from everything. */
  | { readonly kind: 'pod'; readonly namespace: string; readonly pod: string }
  | { readonly kind: 'host'; readonly rule: HostRule }

const podText = z.strictObject({ pod: z.string().min(1).max(253), namespace: z.string().min(1).max(63) })
const ruleText = z.union([
  z.strictObject({ policy: z.looseObject({}) }),
  z.strictObject({ block: z.union([podText, hostRuleText]) }),
  z.strictObject({ allow: hostRuleText }),
])

/** `{ policy }`, `{ block }`, `{ allow }`, or a NetworkPolicy as it is. Throws `E_REQUEST` with the path of what is wrong. */
export function readRule(value: unknown): PolicyRule {
  if (isRecord(value) && 'kind' in value) return { kind: 'network', policy: readNetworkPolicy(value) }
  const read = ruleText.safeParse(value)
  if (!read.success) throw noRule(value, read.error)
  const { data } = read
  if ('policy' in data) return { kind: 'network', policy: readNetworkPolicy(data.policy) }
  if ('allow' in data) return { kind: 'host', rule: readHostRule('allow', data.allow) }
  if ('pod' in data.block) return { kind: 'pod', ...data.block }
  return { kind: 'host', rule: readHostRule('block', data.block) }
}

/** One rule, or several as `{ all: [rule, …] }`. Throws `E_REQUEST` with the place of what is wrong. */
export function readRules(value: unknown): readonly PolicyRule[] {
  if (!isRecord(value) || !('all' in value)) return [readRule(value)]
  const { all, ...more } = value
  if (!Array.isArray(all) || all.length === 0 || all.length > MOST_RULES || Object.keys(more).length > 0)
    throw new Mistake('E_REQUEST', `all: expected a list of 1 to ${MOST_RULES} rules, and nothing else`, {
      hint: 'Such as { all: policy.suggest("", "1h").policies }.',
    })
  return all.map((each, at) => {
    try {
      return readRule(each)
    } catch (error) {
      if (!(error instanceof Mistake)) throw error
      const { code, message, hint } = error
      throw new Mistake(code, `all[${at}]: ${message}`, hint === undefined ? {} : { hint })
    }
  })
}

/** For people, in a line: the rule, or how many there are. */
export function rulesInWords(rules: readonly PolicyRule[]): string {
  const [only, ...more] = rules
  return only === undefined || more.length > 0 ? `${rules.length} policies together` : ruleInWords(only)
}

/** For people, in a line. */
export function ruleInWords(rule: PolicyRule): string {
  switch (rule.kind) {
    case 'network':
      return `NetworkPolicy ${rule.policy.metadata.namespace}/${rule.policy.metadata.name}`
    case 'pod':
      return `block pod ${rule.namespace}/${rule.pod}`
    case 'host':
      return hostRuleInWords(rule.rule)
  }
}

function noRule(value: unknown, error: z.ZodError): Mistake {
  const kinds = isRecord(value) ? ['policy', 'block', 'allow'].filter((each) => each in value) : []
  if (kinds.length !== 1)
    return new Mistake('E_REQUEST', 'a rule is { policy }, { block } or { allow }, one of them', {
      hint: "Such as { block: { from: '203.0.113.7' } }, or a NetworkPolicy.",
    })
  const [kind = ''] = kinds
  const why = kind === 'block' || kind === 'allow' ? detail(value, kind) : error.issues[0]?.message
  return new Mistake('E_REQUEST', `${kind}: ${why ?? 'it makes no sense'}`, {
    hint: 'A rule has from, to and ports: addresses, networks, and ports such as 80 or udp/53; or pod and namespace.',
  })
}

/** What is wrong with the form that was most likely meant. */
function detail(value: unknown, kind: string): string | undefined {
  const said = isRecord(value) ? value[kind] : undefined
  const schema = isRecord(said) && 'pod' in said ? podText : hostRuleText
  const [issue] = schema.safeParse(said).error?.issues ?? []
  if (issue === undefined) return undefined
  return issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const MOST_RULES = 1000
