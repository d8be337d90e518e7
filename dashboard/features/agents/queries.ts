import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { AgentVersion } from '../../../src/wire/agents.ts'
import type { AgentTemplate, CodeCheck, ScriptingInfo } from '../../../src/wire/authoring.ts'
import type { AgentView } from '../../../src/wire/views.ts'
import { api } from '../../lib/api.ts'
import type { Text } from './editing.ts'

const pathOf = (id: string) => `/agents/${encodeURIComponent(id)}`

/** What can be done with stored agents. All reject with `ApiError`. */
export const agentsApi = {
  get: (id: string) => api.get<AgentView>(pathOf(id)),
  create: (text: Partial<Text> & Pick<Text, 'code'>, active: boolean) =>
    api.post<AgentView>('/agents', { ...text, active }),
  save: (id: string, change: Text & { readonly ifVersion: number; readonly active?: boolean }) =>
    api.patch<AgentView>(pathOf(id), change),
  switch: (id: string, active: boolean) =>
    api.post<AgentView>(`${pathOf(id)}/${active ? 'activate' : 'deactivate'}`),
  delete: (id: string) => api.delete(pathOf(id)),
  rollback: (id: string, version: number) => api.post<AgentView>(`${pathOf(id)}/rollback`, { version }),
}

export function useTemplates(isWanted = true) {
  return useQuery({
    queryKey: ['templates'],
    queryFn: () => api.get<AgentTemplate[]>('/templates'),
    staleTime: Number.POSITIVE_INFINITY,
    enabled: isWanted,
  })
}

export function useScripting() {
  return useQuery({
    queryKey: ['scripting'],
    queryFn: () => api.get<ScriptingInfo>('/scripting'),
    staleTime: Number.POSITIVE_INFINITY,
  })
}

/** What the hub thinks of code; of the code before, while it thinks. */
export function useCheck(code: string) {
  return useQuery({
    queryKey: ['check', code],
    queryFn: ({ signal }) => api.post<CodeCheck>('/agents/check', { code }, { signal }),
    placeholderData: keepPreviousData,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  })
}

/** Versions that are kept, newest first; asked for anew with each. */
export function useHistory(id: string, version: number) {
  return useQuery({
    queryKey: ['history', id, version],
    queryFn: () => api.get<AgentVersion[]>(`${pathOf(id)}/history`),
    placeholderData: keepPreviousData,
  })
}
