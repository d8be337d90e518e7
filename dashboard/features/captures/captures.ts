import { useQuery, useQueryClient } from '@tanstack/react-query'
import { create } from 'zustand'
import type { ApiFailure } from '../../../src/wire/api.ts'
import type { CaptureView } from '../../../src/wire/captures.ts'
import { ApiError, addressOf, api, token } from '../../lib/api.ts'

interface Captures {
  /** Size that a capture may have. */
  readonly mostBytes: number
  readonly captures: readonly CaptureView[]
}

/** What was uploaded to this hub; looked at often while something is read. */
export function useCaptures(isWanted: boolean) {
  return useQuery({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<Captures>('/captures', { signal }),
    enabled: isWanted,
    refetchInterval: ({ state: { data } }) =>
      data?.captures.some(({ state }) => state === 'reading') === true ? READING_MS : false,
  })
}

export function useRemoveCapture() {
  const queries = useQueryClient()
  return async (id: string): Promise<void> => {
    await api.delete(`/captures/${encodeURIComponent(id)}`)
    await queries.invalidateQueries({ queryKey: KEY })
  }
}

/** A file on its way to the hub. */
export interface Upload {
  readonly key: number
  readonly name: string
  /** From 0 to 1. */
  readonly part: number
  /** What the hub has made of it, once it is there. */
  readonly id: string | undefined
  readonly failure: string | undefined
  cancel(): void
}

interface Uploads {
  readonly uploads: readonly Upload[]
  add(upload: Upload): void
  change(key: number, change: Partial<Upload>): void
  remove(key: number): void
}

export const useUploads = create<Uploads>((set) => ({
  uploads: [],
  add: (upload) => set(({ uploads }) => ({ uploads: [...uploads, upload] })),
  change: (key, change) =>
    set(({ uploads }) => ({
      uploads: uploads.map((each) => (each.key === key ? { ...each, ...change } : each)),
    })),
  remove: (key) => set(({ uploads }) => ({ uploads: uploads.filter((each) => each.key !== key) })),
}))

/** Uploads files, all at once; how they do stands in `useUploads`. */
export function useOpenCaptures() {
  const queries = useQueryClient()
  return (files: readonly File[]) => {
    for (const file of files) {
      upload(file, () => void queries.invalidateQueries({ queryKey: KEY }))
    }
  }
}

let next = 0

function upload(file: File, onDone: () => void): void {
  const { add, change } = useUploads.getState()
  const key = next++
  // What fetch cannot: to say how far it is.
  const request = new XMLHttpRequest()
  const fail = (failure: string) => change(key, { failure })
  add({ key, name: file.name, part: 0, id: undefined, failure: undefined, cancel: () => request.abort() })
  request.upload.onprogress = ({ loaded, total }) => change(key, { part: total === 0 ? 0 : loaded / total })
  request.onerror = () => fail('The hub does not answer.')
  request.onload = () => {
    const answer = answerOf(request)
    if (answer instanceof ApiError) return fail([answer.message, answer.hint].filter(Boolean).join('. '))
    change(key, { part: 1, id: answer.id })
    onDone()
  }
  request.open('POST', addressOf('/captures', { name: file.name.slice(0, LONGEST_NAME) || 'capture.pcap' }))
  request.setRequestHeader('Content-Type', 'application/octet-stream')
  const own = token.get()
  if (own !== undefined) request.setRequestHeader('Authorization', `Bearer ${own}`)
  request.send(file)
}

function answerOf({ status, responseText }: XMLHttpRequest): CaptureView | ApiError {
  try {
    const answer = JSON.parse(responseText)
    return status === 201 ? (answer as CaptureView) : new ApiError(status, answer as ApiFailure)
  } catch {
    return new ApiError(status, { code: 'E_INTERNAL', message: `The hub answered with HTTP ${status}.` })
  }
}

const KEY = ['captures']
const READING_MS = 700
const LONGEST_NAME = 200
