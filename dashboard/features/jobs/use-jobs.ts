import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { JobAnswer, JobOrder, JobSelector } from '../../../src/wire/jobs.ts'
import { api } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
import { useWatched } from '../../lib/watched.ts'
import { orderDone } from './job-groups.ts'

export type Order = Exclude<JobOrder['order'], 'list'>
export type GiveOrder = (order: Order, selector: JobSelector) => void

/** The jobs of all nodes that answer, once a second while the page can be seen. */
export function useJobs() {
  return useQuery({
    queryKey: ['jobs'],
    queryFn: ({ signal }) => api.get<readonly JobAnswer[]>('/jobs', { signal }),
    refetchInterval: EVERY_MS,
  })
}

/** Tells nodes what to do with jobs, and says what became of it. */
export function useOrders(): { readonly give: GiveOrder; readonly isGiving: boolean } {
  const queries = useQueryClient()
  const { mutate, isPending } = useMutation({
    mutationFn: (order: { readonly order: Order; readonly selector: JobSelector }) =>
      api.post<readonly JobAnswer[]>('/jobs/order', order),
    onSuccess: (answers, { order }) => notifyDone(orderDone(order, answers)),
    onError: (error) => notifyFailure('Nothing was done with jobs', error),
    onSettled: () => queries.invalidateQueries({ queryKey: ['jobs'] }),
  })
  return { give: (order, selector) => mutate({ order, selector }), isGiving: isPending }
}

/** The clock of the hub, as often as a countdown needs it. */
export function useHubClock(): number {
  const skewMs = useWatched((watched) => watched.skewMs)
  const [now, setNow] = useState(() => Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), TICK_MS)
    return () => clearInterval(timer)
  }, [])
  return now + skewMs
}

const EVERY_MS = 1000
const TICK_MS = 500
