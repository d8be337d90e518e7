import { useEffect, useState } from 'react'
import { detectLanguage, type FilterLanguage } from '../../../src/filter/language.ts'
import { api } from '../../lib/api.ts'

/** What the hub says of a filter. */
export interface FilterCheck {
  readonly text: string
  readonly state: 'empty' | 'checking' | 'good' | 'bad' | 'unknown'
  readonly message: string
  /** Where in the text it goes wrong, from 0. */
  readonly column: number | undefined
}

/** Asks the hub, a moment after the last change. */
export function useFilterCheck(text: string): FilterCheck {
  const [checked, setChecked] = useState<FilterCheck>(EMPTY)
  useEffect(() => {
    if (text.trim() === '') return
    const end = new AbortController()
    const timer = setTimeout(() => void checkFilter(text, end.signal).then(setChecked, () => {}), DEBOUNCE_MS)
    return () => {
      clearTimeout(timer)
      end.abort()
    }
  }, [text])
  if (text.trim() === '') return EMPTY
  return checked.text === text ? checked : { ...checked, text, state: 'checking' }
}

/** Rejects only when it was aborted. */
export async function checkFilter(text: string, signal?: AbortSignal): Promise<FilterCheck> {
  if (text.trim() === '') return EMPTY
  try {
    const { valid, message } = await api.get<{ valid: boolean; message: string }>('/filter/validate', {
      query: { q: text },
      ...(signal === undefined ? {} : { signal }),
    })
    const place = /^(\d+):(\d+): /.exec(message)
    return {
      text,
      state: valid ? 'good' : 'bad',
      message: message.slice(place?.[0].length ?? 0),
      column: valid || place === null ? undefined : offsetOf(text, Number(place[1]), Number(place[2])),
    }
  } catch (error) {
    if (signal?.aborted === true) throw error
    return {
      text,
      state: 'unknown',
      message: error instanceof Error ? error.message : String(error),
      column: undefined,
    }
  }
}

/** The language that a hub takes it for; undefined where it has signs of both. */
export function languageOf(text: string): FilterLanguage | undefined {
  try {
    return detectLanguage(text, 'kfl1', {}).language
  } catch {
    return undefined
  }
}

/** Lines and columns begin at 1, and those of a filter in one language behind its prefix. */
function offsetOf(text: string, line: number, column: number): number {
  const prefix = /^\s*kfl[12]:/.exec(text)?.[0].length ?? 0
  const before = text
    .slice(prefix)
    .split('\n')
    .slice(0, line - 1)
    .reduce((sum, each) => sum + each.length + 1, 0)
  return Math.min(prefix + before + column - 1, text.length)
}

const EMPTY: FilterCheck = { text: '', state: 'empty', message: '', column: undefined }
const DEBOUNCE_MS = 200
