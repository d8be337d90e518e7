import { z } from 'zod'
import { namespace, sandboxHelper } from '../helper.ts'

const name = z
  .string()
  .min(1)
  .max(200)
  .describe('Name of the metric, without a prefix; what Prometheus does not allow becomes `_`')
const description = z.string().describe('What it tells, for the `# HELP` line')
const labels = z
  .record(z.string(), z.unknown())
  .optional()
  .describe('Names and values, such as `{s_path: "/cart"}`: each combination is a series of its own')
const type = z.number()
const value = z.number()
const status = z.string().describe('`ok`, or why it is not exported')
const again = z.string().optional().describe('What it tells; the first one counts')

export const prometheus = namespace(
  'prometheus',
  'Metrics of your own, on the `/metrics` of the worker (port 49100) or the hub (9100), with a label `agent`. Calls take no time worth mentioning and may be made for every entry. Series are gone when the script is removed or stopped.',
  {
    metric: sandboxHelper({
      doc: 'Exports a value. Of a counter (type 1) it is the total so far, which replaces the one before. Should it fall, all further values of that series are taken for what came since the last call, and are added up; a line on the console says so.',
      params: {
        name,
        description,
        type: type.describe('1 for a counter, 2 for a gauge, 3 for neither'),
        value,
        labels,
      },
      returns: status,
      example: `var requests = 0\nfunction onItemCaptured(data) {\n  prometheus.metric('requests_seen', 'Requests so far', 1, ++requests)\n}`,
    }),
    vector: sandboxHelper({
      doc: 'The same, with labels.',
      params: { name, description, type: type.describe('1 for a counter, 2 for a gauge'), value, labels },
      returns: status,
      example: `prometheus.vector('performance', 'Mean latency (ms)', 2, 12.5, { s_namespace: 'shop', s_path: '/cart/7' })`,
    }),
    inc: sandboxHelper({
      doc: 'Adds to a counter.',
      params: {
        name,
        by: value.optional().describe('1 when it is absent; 0 or more'),
        labels,
        description: again,
      },
      returns: z.void(),
      example: `function onItemCaptured(data) {\n  prometheus.inc('calls', 1, { protocol: data.protocol.name })\n}`,
    }),
    set: sandboxHelper({
      doc: 'Sets a gauge.',
      params: { name, value, labels, description: again },
      returns: z.void(),
      example: `prometheus.set('queue_length', 42, { queue: 'orders' })`,
    }),
    observe: sandboxHelper({
      doc: 'Notes a value in a histogram.',
      params: {
        name,
        value,
        labels,
        buckets: z
          .array(z.number())
          .optional()
          .describe(
            'Upper bounds, rising; those of the first call count. 0.005 to 10 when they are absent: seconds',
          ),
        description: again,
      },
      returns: z.void(),
      example: `function onItemCaptured(data) {\n  prometheus.observe('latency_seconds', data.elapsedTime / 1000000, { service: data.dst.name }, [0.01, 0.1, 1])\n}`,
    }),
  },
  {
    counterMode: {
      doc: 'What values of counters are in `metric` and `vector`: the `total` so far, or the `delta` since the last call. Undefined, as it begins: it is found out, series by series.',
      type: "'total' | 'delta' | undefined",
    },
  },
)
