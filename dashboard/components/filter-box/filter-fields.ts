import { useQuery } from '@tanstack/react-query'
import type { FilterLanguage } from '../../../src/filter/language.ts'
import type { FilterFields } from '../../../src/wire/filters.ts'
import { api } from '../../lib/api.ts'
import type { FilterField } from './completion.ts'

/** What a filter in that language may name, as the hub knows it; nothing until it has answered. */
export function useFilterFields(language: FilterLanguage): readonly FilterField[] {
  const { data } = useQuery({
    queryKey: ['filter-fields'],
    queryFn: async () => fieldsIn(await api.get<FilterFields>('/filter/fields')),
    staleTime: Number.POSITIVE_INFINITY,
  })
  return data?.[language] ?? NONE
}

function fieldsIn({ kfl1, kfl2 }: FilterFields): Readonly<Record<FilterLanguage, readonly FilterField[]>> {
  return { kfl1: kfl1.flatMap(fieldOf), kfl2: kfl2.flatMap(fieldOf) }
}

/** Operators and what follows a value are offered where they fit, by themselves. */
function fieldOf({ label, kind, type, doc, protocols, values }: FilterFields['kfl1'][number]): FilterField[] {
  const of = protocols.length === 0 || protocols.length > MOST_BADGES ? '' : `${protocols.join(', ')}: `
  switch (kind) {
    case 'word':
      return [{ path: label, kind: 'word', doc }]
    case 'helper':
      return [{ path: `${label}(`, kind: 'word', doc }]
    case 'field':
      return [{ path: label, kind: kindOf(type), doc: `${of}${doc}`, values }]
    default:
      return []
  }
}

function kindOf(type: string): FilterField['kind'] {
  if (type.endsWith('[]')) return 'list'
  if (type.startsWith('{')) return 'map'
  return KINDS[type] ?? 'any'
}

const KINDS: Readonly<Record<string, FilterField['kind']>> = {
  string: 'text',
  number: 'number',
  boolean: 'flag',
}
const NONE: readonly FilterField[] = []
const MOST_BADGES = 3
