import { z } from 'zod'

export const REPORT_FORMATS = ['html', 'markdown', 'csv', 'json'] as const

/** Not more than what fits into a file name, and nothing that leads elsewhere. */
export const reportName = z
  .string()
  .regex(/^[\p{L}\p{N}_](?:[\p{L}\p{N}_ .-]{0,98}[\p{L}\p{N}_-])?$/u, 'a file name of 100 characters at most')

export const reportId = z.string().regex(/^[0-9a-z]{1,40}$/, 'the id of a report')

/** What an agent has written by `report.write`. */
export const reportView = z.object({
  id: z.string().describe('On its node'),
  node: z.string().describe('Name of the worker, or `hub`'),
  agent: z.string().describe('Identity of the agent'),
  title: z.string().describe('What it was called then'),
  name: z.string(),
  format: z.enum(REPORT_FORMATS),
  version: z.number().int().describe('How often the agent has written this name on this node'),
  bytes: z.number().int(),
  at: z.number().describe('When it was written, ms since the epoch'),
})

/** Request to a node. */
export const reportsRequest = z.discriminatedUnion('ask', [
  z.object({ ask: z.literal('list') }),
  /** The piece of the content that begins at this byte. */
  z.object({ ask: z.literal('read'), id: reportId, from: z.number().int().nonnegative() }),
  z.object({ ask: z.literal('delete'), id: reportId }),
])

export const reportsList = z.object({ reports: z.array(reportView) })

/** Head of a piece of a report. */
export const reportPiece = z.object({ report: reportView })

/** Reports of all nodes. */
export const reportsPage = z.object({
  reports: z.array(reportView),
  missing: z.array(z.string()).describe('Nodes that did not answer in time'),
})

export type ReportsPage = z.infer<typeof reportsPage>
export type ReportView = z.infer<typeof reportView>
export type ReportFormat = ReportView['format']
