import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReportsPage, ReportView } from '../../../src/wire/reports.ts'
import { api, download } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
import { fileNameOf, pathOf } from './report-list.ts'

const KEY = ['reports']

/** The reports of all nodes, as they are written. */
export function useReports() {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<ReportsPage>('/reports', { signal }),
    refetchInterval: EVERY_MS,
  })
}

/** What a report says; it never changes. */
export function useContent(report: ReportView) {
  return useQuery({
    queryKey: ['report', report.node, report.id],
    queryFn: async ({ signal }) => await (await api.fetch(pathOf(report), { signal })).text(),
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: FORGET_MS,
  })
}

/** Deletes reports, and says so. */
export function useDelete(onDone: () => void): (reports: readonly ReportView[]) => void {
  const queries = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: (reports: readonly ReportView[]) =>
      Promise.all(reports.map((report) => api.delete(pathOf(report)))),
    onSuccess: (_, reports) => {
      notifyDone(`${reports[0]?.name} was deleted.`)
      onDone()
    },
    onError: (error) => notifyFailure('Not all was deleted', error),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  })
  return mutate
}

export function fetchReport(report: ReportView): void {
  download(pathOf(report), fileNameOf(report)).catch((error: unknown) =>
    notifyFailure(`${report.name} was not downloaded`, error),
  )
}

const EVERY_MS = 5000
/** They may be large. */
const FORGET_MS = 60_000
