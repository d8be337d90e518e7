import { useQuery } from '@tanstack/react-query'
import type { FilterFields } from '../../../src/wire/filters.ts'
import { api } from '../../lib/api.ts'
import type { FilterField } from './completion.ts'

/** What a filter may name, as the hub knows it; nothing until it has answered. */
export function useFilterFields(): readonly FilterField[] {
  const { data } = useQuery({
    queryKey: ['filter-fields'],
    queryFn: async () => fieldsOf(await api.get<FilterFields>('/filter/fields')),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
  return data ?? NONE
}

const NONE: readonly FilterField[] = []

/** What both languages call the same is there once, unless it means something else in each. */
function fieldsOf({ kfl1, kfl2 }: FilterFields): readonly FilterField[] {
  const docs = new Map(kfl2.map(({ label, doc }) => [label, doc]))
  const inBoth = new Set(kfl1.filter(({ label, doc }) => docs.get(label) === doc).map(({ label }) => label))
  return [
    ...kfl1.filter(isName).map((each) => fieldOf(each, inBoth.has(each.label) ? {} : { language: 'kfl1' })),
    ...kfl2
      .filter(({ label }) => !inBoth.has(label))
      .filter(isName)
      .map((each) => fieldOf(each, { language: 'kfl2' })),
  ]
}

type Completion = FilterFields['kfl1'][number]

const isName = ({ kind }: Completion) => kind === 'field' || kind === 'word'

function fieldOf(
  { label, kind, type, doc, values }: Completion,
  language: Pick<FilterField, 'language'>,
): FilterField {
  return { path: label, kind: kind === 'word' ? 'word' : kindOf(type), doc, values, ...language }
}

function kindOf(type: string): FilterField['kind'] {
  if (type === 'string') return 'text'
  if (type === 'number') return 'number'
  if (type === 'boolean') return 'flag'
  if (type.endsWith('[]')) return 'list'
  return type.startsWith('{ [') ? 'map' : 'any'
}
