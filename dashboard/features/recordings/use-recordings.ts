import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import type { RecordingDraft, RecordingView } from '../../../src/wire/recordings.ts'
import { api, saveAs } from '../../lib/api.ts'
import { notifyDone, notifyFailure, notifyWarning } from '../../lib/notify.ts'
import { counted } from './recording-list.ts'

const KEY = ['recordings']

/** All recordings, as they change. */
export function useRecordings() {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<readonly RecordingView[]>('/recordings', { signal }),
    refetchInterval: EVERY_MS,
  })
}

export function useCreate(onCreated: (recording: RecordingView) => void) {
  const queries = useQueryClient()
  return useMutation({
    mutationFn: (draft: Partial<RecordingDraft>) => api.post<RecordingView>('/recordings', draft),
    onSuccess: async (recording) => {
      await queries.invalidateQueries({ queryKey: KEY })
      onCreated(recording)
    },
  })
}

/** Ends or deletes some, and says what became of it. */
export function useEndings() {
  const queries = useQueryClient()
  const refresh = () => queries.invalidateQueries({ queryKey: KEY })
  const stop = useMutation({
    mutationFn: (names: readonly string[]) => each(names, (path) => api.post(`${path}/stop`)),
    onSuccess: (_, names) =>
      notifyDone(`${counted(names.length, 'recording was', 'recordings were')} stopped.`),
    onError: (error) => notifyFailure('Not all was stopped', error),
    onSettled: refresh,
  })
  const remove = useMutation({
    mutationFn: (names: readonly string[]) => each(names, (path) => api.delete(path)),
    onSuccess: (_, names) =>
      notifyDone(`${counted(names.length, 'recording was', 'recordings were')} deleted.`),
    onError: (error) => notifyFailure('Not all was deleted', error),
    onSettled: refresh,
  })
  return { stop: stop.mutate, remove: remove.mutate }
}

/** Fetches a file of a recording. `fetching`: those that are on their way, as `name/what`. */
export function useFiles() {
  const [fetching, setFetching] = useState<readonly string[]>([])
  const fetchFile = async (name: string, what: 'pcap' | 'download') => {
    const key = `${name}/${what}`
    setFetching((before) => [...before, key])
    try {
      const answer = await api.fetch(`${pathOf(name)}/${what}`)
      saveAs(await answer.blob(), fileName(answer) ?? name)
      const missing = answer.headers.get('x-remora-missing')
      if (missing !== null)
        notifyWarning(
          'Not all of it',
          `Nothing is in it of ${decodeURIComponent(missing)}: no answer from there.`,
        )
    } catch (error) {
      notifyFailure(`${name} was not downloaded`, error)
    } finally {
      setFetching((before) => before.filter((each) => each !== key))
    }
  }
  return { fetching, fetchFile: (name: string, what: 'pcap' | 'download') => void fetchFile(name, what) }
}

async function each(names: readonly string[], act: (path: string) => Promise<unknown>): Promise<void> {
  const done = await Promise.allSettled(names.map((name) => act(pathOf(name))))
  const failed = done.find((result) => result.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function pathOf(name: string): string {
  return `/recordings/${encodeURIComponent(name)}`
}

function fileName({ headers }: Response): string | undefined {
  return /filename="([^"]+)"/.exec(headers.get('content-disposition') ?? '')?.[1]
}

const EVERY_MS = 2000
