import type { AgentView } from '../../../src/wire/views.ts'

/** What somebody writes, and of which version it was made. */
export interface Text {
  readonly title: string
  readonly code: string
}

/** What another part of the dashboard does with the code that is being written. */
export interface TrialProps {
  readonly code: string
  readonly title: string
  readonly onGoToLine: (line: number, column?: number) => void
}

export interface Editing {
  /** The stored agent, as it was when this began or was saved; undefined for one that is not stored yet. */
  readonly base: (Text & { readonly id: string; readonly version: number }) | undefined
  readonly text: Text
  /** Somebody else has stored another version meanwhile. */
  readonly theirs: AgentView | undefined
}

export function beginWith(agent: AgentView): Editing {
  return { base: baseOf(agent), text: textOf(agent), theirs: undefined }
}

export function beginNew(text: Text): Editing {
  return { base: undefined, text, theirs: undefined }
}

export function isDirty({ base, text }: Editing): boolean {
  return base === undefined ? text.code.trim() !== '' : base.code !== text.code || base.title !== text.title
}

/** The hub has told of the agent: what nobody has touched follows; what somebody has is theirs to decide. */
export function hear(editing: Editing, agent: AgentView): Editing {
  const { base, theirs } = editing
  if (base === undefined || agent.id !== base.id || agent.version <= base.version) return editing
  if (theirs !== undefined && theirs.version >= agent.version) return editing
  // What was saved here did not load, and was taken back: its author has to see it, to mend it.
  if (agent.failure?.version === base.version) return { ...editing, base: baseOf(agent) }
  const isSame = agent.code === editing.text.code && agent.title === editing.text.title
  return !isDirty(editing) || isSame ? beginWith(agent) : { ...editing, theirs: agent }
}

/** What was written is stored now. What was typed while that happened stays. */
export function saved(editing: Editing, agent: AgentView): Editing {
  return { base: baseOf(agent), text: editing.text, theirs: undefined }
}

/** To go on from their version with one's own text: saving it replaces theirs. */
export function overTheirs(editing: Editing, text = editing.text): Editing {
  const { theirs } = editing
  return theirs === undefined ? editing : { base: baseOf(theirs), text, theirs: undefined }
}

function baseOf({ id, version, title, code }: AgentView) {
  return { id, version, title, code }
}

function textOf({ title, code }: Text): Text {
  return { title, code }
}

/** `Top talkers`, or `Top talkers 2` when there is one already. */
export function freeTitle(title: string, taken: readonly string[]): string {
  if (!taken.includes(title)) return title
  for (let number = 2; ; number++) if (!taken.includes(`${title} ${number}`)) return `${title} ${number}`
}
