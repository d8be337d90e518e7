import { z } from 'zod'

const count = z.number().int().nonnegative()

/** Who talks, or is talked to. */
const mapEnd = z.object({
  name: z.string().describe('"" where it has none, and goes by its address'),
  namespace: z.string(),
  ip: z.string().describe('Of a named one the first that was seen'),
})

const mapProtocol = z.object({
  abbr: z.string().describe('Badge: HTTP, DNS'),
  backgroundColor: z.string(),
  foregroundColor: z.string(),
})

/** To all workers, every second while somebody looks at a map: sums are wanted on `map.<id>`. */
export const mapRequest = z.object({
  id: z.string(),
  filter: z.string(),
  /** Over which time, up to now; 0: over all that is kept. */
  windowMs: z.number().nonnegative(),
  /** Not any more. */
  isOver: z.boolean().default(false),
})

/** `[source, destination, protocol, entries, count, errors, bytesOut, bytesIn, timed, latencyUs, bins]`; the first three are places in the lists beside it, and -1 in what is summed without telling between whom. */
const packedEdge = z.tuple([
  z.number().int(),
  z.number().int(),
  z.number().int(),
  count,
  count,
  count,
  z.number(),
  z.number(),
  count,
  z.number(),
  z.array(z.number().int()).describe('Bin, how many, bin, how many …'),
])

export const packedEdges = z.object({
  ends: z.array(mapEnd),
  protocols: z.array(mapProtocol),
  edges: z.array(packedEdge),
})

/** On `map.<id>`, once a second: all that a worker has summed in the window, in as many parts as it takes. */
export const mapPart = packedEdges.extend({
  node: z.string(),
  /** Parts of the same turn belong together. */
  turn: z.number().int(),
  part: z.number().int(),
  parts: z.number().int(),
  spanMs: z.number().describe('How long the time is that the sums are of'),
  isFilling: z.boolean().describe('Entries that were kept before are still being read'),
  isCut: z.boolean().describe('There were more of those than are read'),
})

const totals = {
  count: count.describe(
    'Requests with their replies, messages, and connections in which nothing was recognised',
  ),
  errors: count.describe('Of them: refused, failed on the other side, or never answered'),
  bytesOut: z.number().describe('From source to destination'),
  bytesIn: z.number().describe('The other way'),
}

/** What went from one to another in one protocol. */
const mapEdge = z.object({
  source: z.number().int().describe('Place in `ends`'),
  destination: z.number().int().describe('Place in `ends`'),
  protocol: z.number().int().describe('Place in `protocols`'),
  ...totals,
  timed: count.describe('Replies of which the time is known'),
  meanUs: z.number(),
  p50Us: z.number(),
  p95Us: z.number(),
})

/** Who talks to whom: sums over what all workers have seen. */
export const mapView = z.object({
  spanMs: z.number().describe('How long the time is that the sums are of, ms'),
  workers: z.array(z.string()).describe('Those whose sums are in it'),
  isFilling: z.boolean().describe('Entries that were kept before are still being read'),
  isCut: z.boolean().describe('There were more of those than are read'),
  ends: z.array(
    mapEnd.extend({
      isByAddress: z.boolean().describe('What had no name and came from or went to `ip` is in it, too'),
    }),
  ),
  protocols: z.array(mapProtocol),
  edges: z.array(mapEdge),
  others: z.object(totals).describe('What is not told apart, since there are too many edges'),
})

export type MapRequest = z.infer<typeof mapRequest>
export type MapPart = z.infer<typeof mapPart>
export type PackedEdges = z.infer<typeof packedEdges>
export type MapEnd = MapView['ends'][number]
export type MapEdge = z.infer<typeof mapEdge>
export type MapView = z.infer<typeof mapView>
