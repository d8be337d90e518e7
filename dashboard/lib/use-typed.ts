import { useState } from 'react'

/**
 * Text of a field that is kept elsewhere, such as in the address, which takes it a moment later: what is typed meanwhile is not
 * lost, and what comes from there replaces it.
 */
export function useTyped(kept: string, keep: (text: string) => void): [string, (text: string) => void] {
  const [typed, setTyped] = useState({ text: kept, kept, isAhead: false })
  if (typed.kept !== kept) {
    const isOwn = typed.isAhead && kept !== typed.text
    setTyped({ text: isOwn ? typed.text : kept, kept, isAhead: isOwn })
  }
  const type = (text: string) => {
    setTyped({ text, kept, isAhead: text !== kept })
    keep(text)
  }
  return [typed.text, type]
}
