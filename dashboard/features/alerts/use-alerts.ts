import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { AlertView } from '../../../src/wire/alerts.ts'
import { api, download } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'

const KEY = ['alerts']

/** All alerts, as they change. */
export function useAlerts() {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<readonly AlertView[]>('/alerts', { signal }),
    refetchInterval: EVERY_MS,
  })
}

/** Closes an alert, and says so. */
export function useClose(): (id: string) => void {
  const queries = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: (id: string) => api.post<AlertView>(`${pathOf(id)}/close`),
    onSuccess: ({ title }) => notifyDone(`${title} was closed.`),
    onError: (error) => notifyFailure('The alert was not closed', error),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  })
  return mutate
}

export function fetchPackets({ id }: AlertView): void {
  download(`${pathOf(id)}/pcap`, `alert-${id}.pcap`).catch((error: unknown) =>
    notifyFailure('The packets were not downloaded', error),
  )
}

function pathOf(id: string): string {
  return `/alerts/${encodeURIComponent(id)}`
}

const EVERY_MS = 2000
