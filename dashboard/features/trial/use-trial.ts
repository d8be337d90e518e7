import { useMutation } from '@tanstack/react-query'
import { useLocation } from 'react-router'
import { create } from 'zustand'
import type { TrialAnswer, TrialRequest, TrialSource } from '../../../src/wire/trials.ts'
import { api, saveAs } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'

export interface Tried {
  readonly code: string
  readonly source: TrialSource
  readonly answer: TrialAnswer
}

interface Kept {
  /** Address of the agent. */
  readonly path: string
  readonly source: TrialSource
  readonly tried: Tried | undefined
}

/** Of the agent that was tried last: other tabs of its page may be looked at meanwhile. */
const useKept = create<Kept>(() => nothingFor(''))

/** Runs code on the hub without saving it, one at a time; what came of it stays until the next has. */
export function useTrial() {
  const { pathname } = useLocation()
  const kept = useKept()
  const { source, tried } = kept.path === pathname ? kept : nothingFor(pathname)
  const keep = (change: Partial<Kept>) =>
    useKept.setState((now) => ({ ...(now.path === pathname ? now : nothingFor(pathname)), ...change }))
  const running = useMutation({
    mutationFn: (request: TrialRequest) => api.post<TrialAnswer>('/trials', request),
    onSuccess: (answer, { code, source: on }) => keep({ tried: { code, source: on, answer } }),
  })
  const making = useMutation({
    mutationFn: async (id: string) => {
      const answer = await api.fetch(`/trials/${id}/fixture`, { method: 'POST' })
      const name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '')?.[1]
      saveAs(await answer.blob(), name ?? 'agent.test.json')
    },
    onSuccess: () => notifyDone('The test is downloaded. Run it with: remora test'),
    onError: (error) => notifyFailure('No test could be made', error),
  })
  return {
    source,
    setSource: (wanted: TrialSource) => keep({ source: wanted }),
    tried,
    error: running.error,
    isRunning: running.isPending,
    run: (request: TrialRequest) => {
      if (!running.isPending) running.mutate(request)
    },
    isMaking: making.isPending,
    makeTest: (id: string) => making.mutate(id),
  }
}

function nothingFor(path: string): Kept {
  return { path, source: { kind: 'recent', seconds: 300, filter: '' }, tried: undefined }
}
