import { z } from 'zod'
import { namespace, sandboxHelper, typed } from './helper.ts'

export const kfl = namespace('kfl', 'Filters, in the language of the dashboard.', {
  match: sandboxHelper({
    doc: 'Whether an entry passes a filter. An empty filter passes all; one that cannot be read throws, with its place: `1:5: …`. The two may come in either order.',
    params: {
      query: z.string().describe('The filter'),
      data: typed('Entry').describe('The entry'),
    },
    returns: z.boolean(),
    example: `function onItemCaptured(data) {\n  if (kfl.match('http and response.status == 500', data)) console.log(data.id)\n}`,
  }),
  validate: sandboxHelper({
    doc: 'Whether a filter can be read. Never throws.',
    params: { query: z.string().optional().describe('The filter') },
    returns: z.boolean(),
    example: `if (!kfl.validate('http and')) console.log('unfinished')`,
  }),
})
