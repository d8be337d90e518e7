import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import type { CallSelector, OutboxAnswer } from '../../../src/wire/outbox.ts'
import { api } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
import { deadRows, orderDone } from './outbox-rows.ts'

export type Calls = CallSelector & { readonly node?: string }
export type Order = 'retry' | 'drop-dead' | 'drop-waiting'
/** To the calls of any of these. */
export type GiveOrder = (order: Order, ...calls: readonly Calls[]) => void

/** What waits on all nodes that answer, by destination; as it changes. */
export function useLanes() {
  return useQuery({
    queryKey: [OUTBOX, 'lanes'],
    queryFn: ({ signal }) => api.get<readonly OutboxAnswer[]>('/outbox', { signal }),
    refetchInterval: EVERY_MS,
  })
}

/** Calls that were given up, on all nodes that answer. */
export function useDead(isShown: boolean) {
  const query = useQuery({
    queryKey: [OUTBOX, 'dead'],
    queryFn: ({ signal }) => api.get<readonly OutboxAnswer[]>('/outbox/dead', { signal }),
    refetchInterval: isShown ? EVERY_MS : SELDOM_MS,
  })
  const { data } = query
  return { ...query, rows: useMemo(() => deadRows(data ?? []), [data]) }
}

/** Tells nodes what to do with queued calls, and says what became of it. */
export function useOrders(): GiveOrder {
  const queries = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: async ({ order, calls }: { readonly order: Order; readonly calls: readonly Calls[] }) =>
      (await Promise.all(calls.map((each) => ask(order, each)))).flat(),
    onSuccess: (answers, { order }) => notifyDone(orderDone(order, answers)),
    onError: (error) => notifyFailure('Nothing was done with queued calls', error),
    onSettled: () => queries.invalidateQueries({ queryKey: [OUTBOX] }),
  })
  return (order, ...calls) => mutate({ order, calls })
}

function ask(order: Order, calls: Calls): Promise<readonly OutboxAnswer[]> {
  return order === 'retry'
    ? api.post('/outbox/retry', calls)
    : api.post('/outbox/drop', { ...calls, which: WHICH[order] })
}

const OUTBOX = 'outbox'
const WHICH = { 'drop-dead': 'dead', 'drop-waiting': 'waiting' } as const
const EVERY_MS = 2000
/** They are long, and only counted. */
const SELDOM_MS = 10_000
