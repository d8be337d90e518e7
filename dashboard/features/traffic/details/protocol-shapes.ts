import { useQuery } from '@tanstack/react-query'
import type { ProtocolsView } from '../../../../src/wire/filters.ts'
import { valueAt } from '../../../components/filter-box/clause.ts'
import { api } from '../../../lib/api.ts'
import type { FieldShape } from './sections.ts'

/** Of an entry: what its messages and all entries have. Nothing until the hub has answered, and of protocols of agents. */
export function useShapes(entry: unknown): Readonly<Record<string, FieldShape | undefined>> {
  const { data } = useQuery({
    queryKey: ['protocols'],
    queryFn: () => api.get<ProtocolsView>('/protocols'),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const abbr = valueAt(entry, ['protocol', 'abbr'])
  const own = data?.protocols.find(({ protocols }) => protocols.some((each) => each.abbr === abbr))
  return { ...data?.common, request: own?.request, response: own?.response, data: own?.data }
}
