import { z } from 'zod'

/** Where entries are asked for. */
export const entriesSource = z
  .string()
  .max(200)
  .optional()
  .describe('Instead of what workers keep now: `capture:<id>`, those of an uploaded capture')

/** What somebody wants to see of the entries that workers keep. */
export const entriesQuery = z.object({
  filter: z.string().default('').describe('KFL v1 or CEL; "" matches all'),
  limit: z.coerce.number().int().min(1).max(10_000).default(100),
  /** Newest first. Go on behind where the page before ended. */
  cursor: z.string().optional(),
  from: z.coerce.number().optional().describe('Not before, ms since the epoch'),
  to: z.coerce.number().optional().describe('Not after, ms since the epoch'),
  source: entriesSource,
})

/**
 * Part of a page as one worker answers it, newest first: a line of JSON with `entriesAnswer`, then one entry a line, so
 * that who passes them on need not read them.
 */
export const entriesAnswer = z.object({
  node: z.string(),
  /** Of each entry that follows: its time, ms since the epoch, for those who merge. */
  times: z.array(z.number()),
  /** Of each entry: the cursor of an answer that begins with it, whatever has come meanwhile. */
  starts: z.array(z.string()),
  /** Where to go on; null at the end. */
  cursor: z.string().nullable(),
  scanned: z.number().describe('Entries that were looked at'),
  /** Entries that the store had and has dropped, by reason, since it was opened. */
  dropped: z.record(z.string(), z.number()),
})

/** To all workers, every second while somebody watches: matching entries are wanted on `live.<id>`. */
export const liveRequest = z.object({
  id: z.string(),
  filter: z.string(),
  /** Entries a second beyond which a worker drops some, and counts them. */
  mostPerSecond: z.number(),
})

/** Entries on `live.<id>`: a line of JSON with this, then one entry a line. */
export const liveBatch = z.object({
  node: z.string(),
  count: z.number().int(),
  /** Matching entries that were not sent since the last batch: the worker, or the way to it, was behind. */
  dropped: z.number().int(),
})

export type EntriesQuery = z.infer<typeof entriesQuery>
export type EntriesAnswer = z.infer<typeof entriesAnswer>
export type LiveRequest = z.infer<typeof liveRequest>
