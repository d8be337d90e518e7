import type { Command } from '../lib/commands.ts'

interface Press {
  readonly key: string
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  readonly defaultPrevented: boolean
  readonly target: unknown
}

/**
 * The command whose keys were pressed; and, where it was the first of two keys, which: to be handed in with the next press.
 * Nothing while somebody types, but for what has `mod` (Ctrl, or Cmd) in it.
 */
export function pressed(
  event: Press,
  before: string | undefined,
  commands: ReadonlyMap<string, Command>,
): { readonly command?: Command; readonly pending?: string } {
  const isMod = event.ctrlKey || event.metaKey
  if (event.defaultPrevented || event.altKey || (!isMod && isTypedInto(event.target))) return {}
  const key = `${isMod ? 'mod+' : ''}${event.key}`
  const all = [...commands.values()].filter(({ keys }) => keys !== undefined)
  const two = before === undefined ? undefined : all.find(({ keys }) => keys === `${before} ${key}`)
  const command = two ?? all.find(({ keys }) => keys === key)
  if (command !== undefined) return { command }
  return all.some(({ keys }) => keys?.startsWith(`${key} `)) ? { pending: key } : {}
}

function isTypedInto(target: unknown): boolean {
  if (typeof target !== 'object' || target === null || !('tagName' in target)) return false
  const isEditable = 'isContentEditable' in target && target.isContentEditable === true
  return isEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(String(target.tagName))
}
