import { z } from 'zod'
import { readRule, readRules, ruleInWords } from '../policy/rule.ts'
import {
  duration,
  policyApplied,
  policyList,
  policyPreview,
  policyRemoved,
  policyRuleText,
  policySuggestion,
} from '../wire/policies.ts'
import { helper, namespace } from './helper.ts'

const window = duration.default('1h').describe('How far back to look')

const wanted = z
  .strictObject({
    policy: z.record(z.string(), z.json()).optional(),
    block: z.record(z.string(), z.json()).optional(),
    allow: z.record(z.string(), z.json()).optional(),
    ttl: duration.optional(),
    reason: z.string().max(1000).default(''),
    nodes: z.array(z.string().min(1)).max(1000).optional(),
  })
  .transform(({ ttl, reason, nodes, ...said }) => ({
    rule: Object.fromEntries(
      Object.entries(said).flatMap(([key, each]) => (each === undefined ? [] : [[key, each] as const])),
    ),
    ...(ttl === undefined ? {} : { ttl }),
    reason,
    ...(nodes === undefined ? {} : { nodes }),
  }))

export const policy = namespace(
  'policy',
  'Network policies: suggested, tried on what was seen, and put in force for a while.',
  {
    suggest: helper({
      doc: 'Policies under which all that was seen could have been: NetworkPolicies for pods, one for each workload, and rules by addresses for hosts without Kubernetes. With a filter only of entries that match it, as far back as entries are kept. `from` and `complete` say how much of the time is known.',
      params: {
        filter: z.string().default('').describe('KFL v1 or CEL; "" takes all'),
        window,
      },
      returns: policySuggestion,
      example: `var seen = policy.suggest('', '24h')\nconsole.log(seen.policies.length, 'policies,', seen.rules.length, 'rules of', seen.flows, 'connections')`,
      run: ({ filter, window: back }, { policies }) => policies.ask({ ask: 'suggest', filter, window: back }),
    }),

    preview: helper({
      doc: 'What a policy would have cut of what was seen: who would not have reached whom, how many requests, and the ids of those entries that are still kept. `from` and `complete` say how much of the time is known.',
      params: {
        policy: policyRuleText.describe(
          'A NetworkPolicy, `{ policy }`, `{ block: { pod, namespace } }`, without Kubernetes `{ block: { from, to, ports } }` or `{ allow: { to, from, ports } }`, or several together as `{ all: [ … ] }`',
        ),
        window,
      },
      returns: policyPreview,
      example: `var cut = policy.preview({ block: { from: '203.0.113.7' } }, '1h')\nconsole.log(cut.requests.cut, 'of', cut.requests.seen, 'requests')`,
      async run({ policy: text, window: back }, { policies }) {
        readRules(text)
        return policies.ask({ ask: 'preview', rule: text, window: back })
      },
    }),

    apply: helper({
      effect: 'hub',
      doc: 'Puts a policy in force until its `ttl` is over (`scripting.enforcement.ttl` by default), it is removed, or the script is deactivated. The same rule again makes it last longer. Answers its name. Without `scripting.allowEnforcement` nothing is done: `applied` is false, and `text` is `blocking is disabled`. Refuses what would cut the API server, DNS, NATS or Remora itself.',
      params: {
        options: wanted.describe(
          '`policy`, `block` or `allow`; `ttl`, `reason`, and `nodes`: workers, by default all',
        ),
      },
      returns: policyApplied,
      example: `var done = policy.apply({ block: { from: '203.0.113.7' }, ttl: '10m', reason: 'a scanner' })\nconsole.log(done.text)`,
      target: ({ options }) => ({ text: ruleInWords(readRule(options.rule)), hosts: [] }),
      rehearsed: ({ options }, host) => ({
        applied: true,
        text: `${ruleInWords(readRule(options.rule))}: rehearsed`,
        name: host.randomName(),
        expires: '',
        notes: [],
      }),
      run: ({ options }, { policies }) => policies.ask({ ask: 'apply', ...options, by: policies.by }),
    }),

    remove: helper({
      effect: 'hub',
      doc: 'Lifts a policy before its time is over.',
      params: { name: z.string().min(1).describe('As policy.apply and policy.list say it') },
      returns: policyRemoved,
      example: `policy.list().policies.forEach(function (each) { policy.remove(each.name) })`,
      rehearsed: () => ({ removed: true, text: 'rehearsed' }),
      run: ({ name }, { policies }) => policies.ask({ ask: 'remove', name, by: policies.by }),
    }),

    list: helper({
      doc: 'Policies in force, those first that are over first: who has applied them and why, until when, and how much they have cut, where that is counted.',
      params: {},
      returns: policyList,
      example: `policy.list().policies.forEach(function (each) { console.log(each.name, each.summary, each.reason) })`,
      run: (_, { policies }) => policies.ask({ ask: 'list' }),
    }),
  },
)
