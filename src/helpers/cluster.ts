import { z } from 'zod'
import { LONGEST_KEY, LONGEST_NAME, MOST_NAMES } from '../shared-state/value.ts'
import { helper, namespace, sandboxHelper, typed } from './helper.ts'

const name = z
  .string()
  .min(1)
  .max(LONGEST_NAME)
  .describe('Name of your choice; other scripts have names of their own')
const from = z
  .object({ agent: z.string().describe('Title of the script') })
  .optional()
  .describe('Whose: `{agent: "Title"}` for that of another script')
const again =
  'Begins again at nothing, on all nodes. What another node adds at the same moment may count or not: let one node do it, such as the hub.'

export const cluster = namespace(
  'cluster',
  'What scripts share between all nodes: each adds where it runs, all read the same. Adding takes no time worth mentioning and may be done for every entry; others read it a moment later, the script itself at once.',
  {},
)

export const clusterCounter = namespace('cluster.counter', 'Sums.', {
  add: sandboxHelper({
    doc: `Adds to a sum, or takes from it. A script may have ${MOST_NAMES.counter} of them.`,
    params: { name, by: z.number().optional().describe('1 when it is absent; may be negative') },
    returns: z.void(),
    example: `function onItemCaptured(data) {\n  cluster.counter.add('calls')\n  cluster.counter.add('bytes', data.requestSize + data.responseSize)\n}`,
  }),
  value: helper({
    doc: 'The sum over all nodes; 0 when nobody has added anything.',
    params: { name, from },
    returns: z.number(),
    example: `cluster.counter.add('starts')\nconsole.log('nodes have started', cluster.counter.value('starts'), 'times')`,
    run: ({ name, from }, host) => host.shared.counter(name, from?.agent),
  }),
  reset: helper({
    effect: 'shared',
    doc: again,
    params: { name },
    returns: z.void(),
    example: `jobs.schedule('new day', '0 0 0 * * *', function () {\n  if (utils.nodeName() === 'hub') cluster.counter.reset('calls')\n})`,
    run: ({ name }, host) => host.shared.reset('counter', name),
  }),
})

export const clusterTopk = namespace('cluster.topk', 'The most frequent of many keys.', {
  add: sandboxHelper({
    doc: `Counts a key. Each node keeps 1,000 keys, and those that are seldom make room for others. A script may have ${MOST_NAMES.topk} names.`,
    params: {
      name,
      key: z.string().max(LONGEST_KEY).describe('What is counted'),
      by: z.number().optional().describe('1 when it is absent; more than 0'),
    },
    returns: z.void(),
    example: `function onItemCaptured(data) {\n  cluster.topk.add('clients', data.src.ip, data.requestSize)\n}`,
  }),
  top: helper({
    doc: 'The keys that have the most over all nodes, largest first. A count is never too high, and too low by `error` at most: 0 as long as no node has had more than 1,000 keys, else no more than a thousandth of all that was added.',
    params: {
      name,
      k: z.number().int().min(1).max(1000).default(10).describe('How many'),
      from,
    },
    returns: z.array(z.object({ key: z.string(), count: z.number(), error: z.number() })),
    example: `cluster.topk.add('paths', '/cart', 3)\ncluster.topk.top('paths', 5).forEach(function (each) {\n  console.log(each.key, each.count)\n})`,
    run: ({ name, k, from }, host) => [...host.shared.top(name, k, from?.agent)],
  }),
  reset: helper({
    effect: 'shared',
    doc: again,
    params: { name },
    returns: z.void(),
    example: `if (utils.nodeName() === 'hub') cluster.topk.reset('clients')`,
    run: ({ name }, host) => host.shared.reset('topk', name),
  }),
})

export const clusterUnique = namespace('cluster.unique', 'How many different values there are.', {
  add: sandboxHelper({
    doc: `Notes a value. A script may have ${MOST_NAMES.unique} names.`,
    params: { name, value: typed('any').describe('Text; what JSON says of an object or a list') },
    returns: z.void(),
    example: `function onItemCaptured(data) {\n  cluster.unique.add('clients', data.src.ip)\n}`,
  }),
  count: helper({
    doc: 'About how many different values all nodes have noted together: by HyperLogLog, off by 0.8 % on average, and hardly ever by more than 2.4 %.',
    params: { name, from },
    returns: z.number(),
    example: `cluster.unique.add('users', 'ann')\ncluster.unique.add('users', 'ann')\nconsole.log(cluster.unique.count('users'), 'users')`,
    run: ({ name, from }, host) => host.shared.unique(name, from?.agent),
  }),
  reset: helper({
    effect: 'shared',
    doc: again,
    params: { name },
    returns: z.void(),
    example: `if (utils.nodeName() === 'hub') cluster.unique.reset('clients')`,
    run: ({ name }, host) => host.shared.reset('unique', name),
  }),
})

const summary = z.object({
  count: z.number(),
  sum: z.number(),
  min: z.number(),
  max: z.number(),
  mean: z.number(),
  p50: z.number(),
  p90: z.number(),
  p95: z.number(),
  p99: z.number(),
})

export const clusterQuantile = namespace('cluster.quantile', 'How numbers are spread, such as latencies.', {
  add: sandboxHelper({
    doc: `Notes a number. A script may have ${MOST_NAMES.quantile} names.`,
    params: { name, value: z.number().describe('Any finite number') },
    returns: z.void(),
    example: `function onItemCaptured(data) {\n  cluster.quantile.add('latency ' + data.protocol.name, data.elapsedTime / 1000)\n}`,
  }),
  at: helper({
    doc: 'The number that a share of all is not above, over all nodes: by DDSketch, within 1 % of it; 0 and 1 give the least and the largest. Null when there are none.',
    params: {
      name,
      q: z.number().min(0).max(1).describe('0.5 for the median, 0.99 for the 99th percentile'),
      from,
    },
    returns: z.number().nullable(),
    example: `cluster.quantile.add('latency', 12)\nconsole.log('99 of 100 take no more than', cluster.quantile.at('latency', 0.99), 'ms')`,
    run: ({ name, q, from }, host) => host.shared.quantile(name, q, from?.agent),
  }),
  summary: helper({
    doc: 'Count, sum, least, largest and mean, which are exact, and usual percentiles, over all nodes. Null when there are no numbers.',
    params: { name, from },
    returns: summary.nullable(),
    example: `var latency = cluster.quantile.summary('latency')\nif (latency) console.log(latency.count, 'calls, median', latency.p50, 'ms, worst', latency.max, 'ms')`,
    run: ({ name, from }, host) => host.shared.summary(name, from?.agent),
  }),
  reset: helper({
    effect: 'shared',
    doc: again,
    params: { name },
    returns: z.void(),
    example: `if (utils.nodeName() === 'hub') cluster.quantile.reset('latency')`,
    run: ({ name }, host) => host.shared.reset('quantile', name),
  }),
})
