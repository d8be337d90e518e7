import { z } from 'zod'
import { apiFailure } from './api.ts'

/** What became of the packets of a capture so far. */
export const captureCounts = z.object({
  packets: z.number(),
  entries: z.number(),
  /** What was not read or not kept, by where and why; what is 0 is left out. */
  lost: z.record(z.string(), z.number()).describe('What was not read or not kept, by where and why'),
  firstMs: z.number().nullable().describe('Time of the first packet, ms since the epoch'),
  lastMs: z.number().nullable(),
})

/** A capture that somebody has uploaded. Its entries are those of the source `capture:<id>`. */
export const captureView = captureCounts.extend({
  id: z.string(),
  name: z.string().describe('As it was uploaded'),
  bytes: z.number().describe('Size of the file'),
  uploadedAt: z.string().describe('RFC 3339'),
  uploadedBy: z.string(),
  state: z.enum(['reading', 'ready', 'failed']),
  progress: z.number().describe('What part of it was read, from 0 to 1'),
  problems: z.array(z.string()).describe('What was odd about the file'),
  failure: apiFailure.optional().describe('Why it could not be read'),
})

/** To the process that reads a capture. */
export const readCaptureOrder = z.object({
  file: z.string(),
  entries: z.string().describe('Folder for the entries'),
  packets: z.string().describe('Folder for the packets'),
  mostBytes: z.number().describe('Disk for each of the two'),
  worker: z.string().describe('Who saw the entries, in their identities'),
  /** What the configuration says of reading traffic. */
  tap: z.record(z.string(), z.unknown()),
})

/** What it says. */
export const readCaptureNews = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), part: z.number(), counts: captureCounts }),
  z.object({ kind: z.literal('done'), counts: captureCounts, problems: z.array(z.string()) }),
  z.object({ kind: z.literal('mistake'), failure: apiFailure }),
])

export type CaptureCounts = z.infer<typeof captureCounts>
export type CaptureView = z.infer<typeof captureView>
export type ReadCaptureOrder = z.infer<typeof readCaptureOrder>
export type ReadCaptureNews = z.infer<typeof readCaptureNews>
