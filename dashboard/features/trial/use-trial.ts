import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import type { TrialAnswer, TrialRequest, TrialSource } from '../../../src/wire/trials.ts'
import { api, saveAs } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'

export interface Tried {
  readonly code: string
  readonly source: TrialSource
  readonly answer: TrialAnswer
}

/** Runs code on the hub without saving it, one at a time; what came of it stays until the next has. */
export function useTrial() {
  const [tried, setTried] = useState<Tried>()
  const running = useMutation({
    mutationFn: (request: TrialRequest) => api.post<TrialAnswer>('/trials', request),
    onSuccess: (answer, { code, source }) => setTried({ code, source, answer }),
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
