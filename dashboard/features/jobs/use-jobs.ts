import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { JobAnswer, JobOrder, JobSelector } from '../../../src/wire/jobs.ts'
import { api } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
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

const EVERY_MS = 1000
