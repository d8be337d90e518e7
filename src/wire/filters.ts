import { z } from 'zod'

/** Something that can be written in a filter. */
const completion = z.object({
  label: z.string().describe('As it is written; a method follows a value and a dot'),
  kind: z.enum(['field', 'word', 'helper', 'method', 'keyword', 'operator']),
  type: z.string().describe('Of its values; "" of what has none'),
  doc: z.string(),
  protocols: z.array(z.string()).describe('Badges of the protocols that have it; none: all have'),
  values: z.array(z.string()).describe('Values that it has, or may have'),
  example: z.string().optional().describe('A whole filter with it'),
})

/** All that filters can be written of, in each language: KFL v1 and CEL. */
export const filterFields = z.object({ kfl1: z.array(completion), kfl2: z.array(completion) })

/** What is to be said of a filter before it is used. */
export const filterVerdict = z.object({
  valid: z.boolean(),
  message: z.string().describe('What is wrong, with `line:column: ` in front'),
  hint: z.string().optional().describe('How to mend it'),
  language: z.enum(['kfl1', 'kfl2']).describe('Which language it was read in'),
  at: z
    .object({ offset: z.number().int(), length: z.number().int() })
    .optional()
    .describe('Which characters are wrong'),
  warnings: z.array(z.string()).describe('What is possible and hardly meant'),
})

/** What a field is, and what is in it. */
export const fieldView = z.object({
  type: z.string().describe('As the typings spell it'),
  doc: z.string(),
  nullable: z.literal(true).optional(),
  get fields() {
    return z.record(z.string(), fieldView).optional()
  },
})

const descriptorView = z.object({
  name: z.string().describe('Family: http, dns'),
  version: z.string(),
  abbr: z.string().describe('Badge: HTTP, DNS'),
  longName: z.string(),
  macro: z.string().describe('Word for it in filters'),
  backgroundColor: z.string(),
  foregroundColor: z.string(),
  fontSize: z.number(),
  referenceLink: z.string(),
  ports: z.array(z.string()),
  layer4: z.string(),
  layer3: z.string(),
  priority: z.number(),
})

/** What entries of a dissector are called and have. */
export const protocolView = z.object({
  name: z.string().describe('Name of the dissector'),
  protocols: z.array(descriptorView).describe('Each as `protocol` of entries has it'),
  request: fieldView,
  response: fieldView,
  data: fieldView.optional(),
})

/** Everything that entries can be of. */
export const protocolsView = z.object({
  common: z.record(z.string(), fieldView).describe('Fields that all entries have'),
  protocols: z.array(protocolView),
})

export type FilterFields = z.infer<typeof filterFields>
export type FilterVerdict = z.infer<typeof filterVerdict>
export type ProtocolsView = z.infer<typeof protocolsView>
