import { useQuery } from '@tanstack/react-query'
import { valueAt } from '../../../components/filter-box/clause.ts'
import { api } from '../../../lib/api.ts'
import type { FieldShape } from './sections.ts'

/** Of a protocol: what its messages have. */
export type MessageShapes = Readonly<Partial<Record<string, FieldShape>>>

/** What the hub knows of the protocol of an entry; undefined until it has answered, and for protocols of agents. */
export function useProtocolShape(entry: unknown): MessageShapes | undefined {
  const { data } = useQuery({
    queryKey: ['protocols'],
    queryFn: () => api.get<readonly ({ readonly name: string } & MessageShapes)[]>('/protocols'),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  const name = valueAt(entry, ['protocol', 'name'])
  return Array.isArray(data) ? data.find((protocol) => protocol.name === name) : undefined
}
