import { useQuery } from '@tanstack/react-query'
import { api } from '../../lib/api.ts'
import type { FilterField } from './completion.ts'

/** What a filter may name, as the hub knows it; nothing until it has answered. */
export function useFilterFields(): readonly FilterField[] {
  const { data } = useQuery({
    queryKey: ['filter-fields'],
    queryFn: () => api.get<readonly FilterField[]>('/filter/fields'),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  return data ?? NONE
}

const NONE: readonly FilterField[] = []
