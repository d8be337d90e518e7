import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { EffectsPage } from '../../../src/wire/effects.ts'
import { api } from '../../lib/api.ts'
import { useNodes, useWatched } from '../../lib/watched.ts'
import type { EffectsPlace } from './effects-place.ts'
import { type KeptEffects, sinceOf, withAnswer } from './kept-effects.ts'

/** Effects of all nodes, as they come unless they are held. */
export function useEffects({ agent, helper, outcome, entry }: EffectsPlace, isHeld: boolean) {
  const queries = useQueryClient()
  const skews = useNodes()?.map(({ skewMs }) => skewMs) ?? []
  const apartMs = Math.max(0, ...skews) - Math.min(0, ...skews)
  const wanted = { agent, helper, outcome, entry }
  const query = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== ''))
  const queryKey = ['effects', query]
  return useQuery({
    queryKey,
    queryFn: async ({ signal }): Promise<KeptEffects> => {
      const before = queries.getQueryData<KeptEffects>(queryKey)
      const since = sinceOf(before, apartMs)
      // The clock of the hub comes with the agents.
      const { agents, skewMs } = useWatched.getState()
      const askedAt = agents === undefined ? undefined : Date.now() + skewMs
      const page = await api.get<EffectsPage>('/effects', { query: { ...query, since, limit: MOST }, signal })
      return withAnswer(before, { since, limit: MOST, askedAt }, page)
    },
    refetchInterval: isHeld ? false : EVERY_MS,
    structuralSharing: false,
  })
}

const EVERY_MS = 2000
/** As many as the hub answers at once. */
const MOST = 1000
