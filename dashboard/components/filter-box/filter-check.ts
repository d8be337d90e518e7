import { useEffect, useState } from 'react'
import type { FilterLanguage } from '../../../src/filter/language.ts'
import type { FilterVerdict } from '../../../src/wire/filters.ts'
import { api } from '../../lib/api.ts'

/** What the hub says of a filter. */
export interface FilterCheck {
  readonly text: string
  readonly state: 'empty' | 'checking' | 'good' | 'bad' | 'unknown'
  readonly message: string
  /** Which language it was read in. */
  readonly language: FilterLanguage | undefined
  /** Which characters are wrong. */
  readonly place: { readonly offset: number; readonly length: number } | undefined
  /** What is possible and hardly meant. */
  readonly warning: string | undefined
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
    const { valid, message, hint, language, at, warnings } = await api.get<FilterVerdict>(
      '/filter/validate',
      {
        query: { q: text },
        ...(signal === undefined ? {} : { signal }),
      },
    )
    return {
      text,
      state: valid ? 'good' : 'bad',
      message: [message.replace(/^\d+:\d+: /, ''), hint ?? ''].filter((each) => each !== '').join('; '),
      language,
      place: at,
      warning: warnings[0],
    }
  } catch (error) {
    if (signal?.aborted === true) throw error
    const message = error instanceof Error ? error.message : String(error)
    return { ...EMPTY, text, state: 'unknown', message }
  }
}

const EMPTY: FilterCheck = {
  text: '',
  state: 'empty',
  message: '',
  language: undefined,
  place: undefined,
  warning: undefined,
}
const DEBOUNCE_MS = 200
