import { useCallback, useEffect, useRef, useState } from 'react'
import type { AgentView } from '../../../src/wire/views.ts'
import { type Draft, Drafts } from './drafts.ts'
import { beginNew, beginWith, type Editing, hear, isDirty, type Text } from './editing.ts'

const drafts = new Drafts(localStorage)

/** Name under which the draft of an agent that is not stored is kept. */
const NEW = 'new'

interface Begin {
  /** The agent as the hub tells of it; undefined for a new one. */
  readonly agent: AgentView | undefined
  /** What a new one begins with; a draft is left alone then. */
  readonly template: Text | undefined
}

/** What is being written, with the draft that this browser keeps of it. */
export function useEditing({ agent, template }: Begin) {
  const name = agent?.id ?? NEW
  const isDropped = useRef(false)
  const [editing, setEditing] = useState(() => begin(agent, template, drafts.of(name)))
  const [restored, setRestored] = useState(() =>
    template === undefined ? restorable(agent, drafts.of(name)) : undefined,
  )

  useEffect(() => {
    if (agent !== undefined) setEditing((before) => hear(before, agent))
  }, [agent])

  const { text, base } = editing
  const isUnsaved = isDirty(editing)
  useEffect(() => {
    if (!isUnsaved) {
      drafts.drop(name)
      return
    }
    const keep = () => drafts.keep(name, { ...text, version: base?.version ?? 0, at: Date.now() })
    const timer = setTimeout(keep, KEEP_MS)
    return () => {
      clearTimeout(timer)
      if (!isDropped.current) keep()
    }
  }, [name, text, base, isUnsaved])

  const change = useCallback(
    (changed: Partial<Text>) => setEditing((before) => ({ ...before, text: { ...before.text, ...changed } })),
    [],
  )
  return {
    editing,
    setEditing,
    change,
    isUnsaved,
    /** The draft that it began with, until somebody has taken note. */
    restored,
    keepDraft: () => setRestored(undefined),
    /** Back to what is stored. */
    discard: () => {
      setRestored(undefined)
      setEditing(agent === undefined ? beginNew({ title: '', code: '' }) : beginWith(agent))
    },
    /** Nothing is kept of it from now on: it is stored, or not wanted. */
    dropDraft: () => {
      isDropped.current = true
      drafts.drop(name)
    },
  }
}

function begin(agent: AgentView | undefined, template: Text | undefined, draft: Draft | undefined): Editing {
  if (template !== undefined) return beginNew(template)
  const usable = restorable(agent, draft)
  if (agent === undefined) return beginNew(usable ?? { title: '', code: '' })
  const editing = beginWith(agent)
  if (usable === undefined) return editing
  const text = { title: usable.title, code: usable.code }
  // Somebody has stored another version since: that is for the author to decide, as if it had come now.
  if (usable.version >= agent.version) return { ...editing, text }
  const base = { id: agent.id, version: usable.version, title: '', code: '' }
  return hear({ base, text, theirs: undefined }, agent)
}

/** A draft that says something else than what is stored. */
function restorable(agent: AgentView | undefined, draft: Draft | undefined): Draft | undefined {
  if (draft === undefined || draft.code.trim() === '') return undefined
  return draft.code === agent?.code && draft.title === agent.title ? undefined : draft
}

const KEEP_MS = 300
