import { z } from 'zod'
import { sandboxHelper, typed } from '../helper.ts'

const map = typed('object | null | undefined')

export const joinMaps = sandboxHelper({
  doc: 'A new object with what two have: numbers of one name are added, objects in them are joined in the same way, of all else that of the second counts. null and undefined are as good as `{}`. Neither of the two is changed.',
  params: {
    a: map.optional().describe('An object, such as counts by name'),
    b: map.optional().describe('Another one'),
  },
  returns: z.record(z.string(), typed('any')),
  example: `var total = {}\nfunction onHubAction(action, counts) {\n  if (action === 'dns-counts') total = wrapper.joinMaps(total, counts)\n}`,
})
