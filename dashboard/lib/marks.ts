import { create } from 'zustand'

/** By path of a screen: what is new there, in words, as `12 unread lines`. Shown as a dot in the navigation. */
type Marks = Readonly<Record<string, string | undefined>>

export const useMarks = create<Marks>(() => ({}))

/** undefined: nothing is. */
export function mark(path: string, what: string | undefined): void {
  useMarks.setState({ [path]: what })
}
