import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { PolicyList, PolicyRemoved, PolicyView } from '../../../src/wire/policies.ts'
import { api } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'

const KEY = ['policies']

/** What agents have put in force, as it is now. */
export function usePolicies() {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<PolicyList>('/policies', { signal }),
    refetchInterval: EVERY_MS,
  })
}

/** Lifts a policy, and says so. */
export function useRemove(): (policy: PolicyView) => void {
  const queries = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: ({ name }: PolicyView) => api.delete<PolicyRemoved>(`/policies/${encodeURIComponent(name)}`),
    onSuccess: (_, { summary }) => notifyDone(`${summary} was lifted.`),
    onError: (error) => notifyFailure('The policy was not lifted', error),
    onSettled: () => queries.invalidateQueries({ queryKey: KEY }),
  })
  return mutate
}

const EVERY_MS = 2000
