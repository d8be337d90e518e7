import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { TargetingRules, TargetingView } from '../../../src/wire/targeting.ts'
import { api } from '../../lib/api.ts'
import { notifyDone } from '../../lib/notify.ts'
import { changeOf, countsText } from './rules.ts'

const KEY = ['targeting']

/** What is in force, as it changes. */
export function useTargeting() {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<TargetingView>('/targeting', { signal }),
    refetchInterval: EVERY_MS,
  })
}

/** What rules would mean that are not in force; with none nothing is asked. */
export function usePreview(rules: TargetingRules | undefined) {
  return useQuery({
    queryKey: [...KEY, 'preview', rules],
    queryFn: ({ signal }) =>
      api.post<TargetingView>('/targeting/preview', changeOf(rules as TargetingRules), { signal }),
    enabled: rules !== undefined,
    placeholderData: keepPreviousData,
    retry: false,
    refetchInterval: EVERY_MS,
  })
}

export function useSave(onSaved: () => void) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: ({ rules, version }: { readonly rules: TargetingRules; readonly version: number }) =>
      api.put<TargetingView>('/targeting', { ...changeOf(rules), ifVersion: version }),
    onSuccess: (view) => {
      queries.setQueryData(KEY, view)
      notifyDone(`Captured from now on: ${countsText(view)}.`)
      onSaved()
    },
  })
}

const EVERY_MS = 3000
