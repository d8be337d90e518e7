import { useRef, useState } from 'react'
import { useNavigate } from 'react-router'
import type { AgentView } from '../../../src/wire/views.ts'
import { ApiError } from '../../lib/api.ts'
import { notifyDone, notifyFailure } from '../../lib/notify.ts'
import { type Editing, hear, isDirty, saved } from './editing.ts'
import { placeInReason } from './faults.ts'
import { agentsApi } from './queries.ts'
import type { useEditing } from './use-editing.ts'

interface Options {
  readonly edit: ReturnType<typeof useEditing>
  /** Undefined: it is stored as a new one. */
  readonly agent: AgentView | undefined
  readonly onConflict: () => void
  /** The hub does not take it, because of what is there. */
  readonly onRefused: (line: number, column: number) => void
}

/** Stores what was written, one time after another. */
export function useSave({ edit, agent, onConflict, onRefused }: Options) {
  const navigate = useNavigate()
  const [isSaving, setSaving] = useState(false)
  const isLeaving = useRef(false)

  const leave = (go: () => void) => {
    isLeaving.current = true
    go()
  }

  const create = async ({ text }: Editing, active: boolean) => {
    const { title, code } = text
    const made = await agentsApi.create(title.trim() === '' ? { code } : { title, code }, active)
    edit.dropDraft()
    notifyDone(`“${made.title}” is stored${made.active ? ' and active' : ''}`)
    leave(() => void navigate(`/agents/${made.id}`, { replace: true }))
  }

  const update = async (editing: Editing, active: boolean | undefined) => {
    const { base, text } = editing
    if (base === undefined) return
    const change = { ...text, ifVersion: base.version, ...(active === undefined ? {} : { active }) }
    try {
      const stored = await agentsApi.save(base.id, change)
      edit.setEditing((before) => saved(before, stored))
      notifyDone(`Version ${stored.version} is stored${active === true ? ' and active' : ''}`)
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'E_CONFLICT') throw error
      // Another version, or another agent with this title: the hub knows.
      const newest = await agentsApi.get(base.id)
      if (newest.version === base.version) throw error
      edit.setEditing((before) => hear(before, newest))
      onConflict()
    }
  }

  /** Answers whether it is stored. */
  const run = async (active?: boolean, editing: Editing = edit.editing): Promise<boolean> => {
    if (isSaving || (agent !== undefined && !isDirty(editing) && active === undefined)) return !isSaving
    setSaving(true)
    try {
      if (editing !== edit.editing) edit.setEditing(editing)
      if (agent === undefined) await create(editing, active === true)
      else await update(editing, active)
      return true
    } catch (error) {
      notifyFailure('The agent is not stored', error)
      const place = error instanceof ApiError ? placeInReason(error.message) : undefined
      if (place !== undefined) onRefused(place.line, place.column)
      return false
    } finally {
      setSaving(false)
    }
  }

  return { run, isSaving, leave, isLeaving }
}
