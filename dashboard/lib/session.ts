import { useQuery } from '@tanstack/react-query'
import { ApiError, api } from './api.ts'

/** As `src/hub/api/roles.ts` has them: each may do all that those before it may. */
const ROLES = ['viewer', 'operator', 'author', 'admin'] as const
export type Role = (typeof ROLES)[number]

export interface Me {
  readonly name: string
  readonly role: Role
  /** Of Remora. */
  readonly version: string
}

/** Who looks at the page. `isAnonymous`: the hub wants a token first. */
export function useSession() {
  const query = useQuery({
    queryKey: ['me'],
    queryFn: () => api.get<Me>('/me'),
    retry: (failures, error) => !(error instanceof ApiError && error.status === 401) && failures < 3,
    staleTime: Number.POSITIVE_INFINITY,
  })
  const isAnonymous = query.error instanceof ApiError && query.error.status === 401
  return { me: query.data, error: query.error, isAnonymous, retry: query.refetch }
}

/** Whether this person may do what takes a role. For what is shown: the hub decides. */
export function useMay(needed: Role): boolean {
  const { me } = useSession()
  return me !== undefined && ROLES.indexOf(me.role) >= ROLES.indexOf(needed)
}
