import type { Command } from '../lib/commands.ts'

/** Keys of a command as they stand on a keyboard, in the order in which they are pressed: `mod+f` → `Ctrl F`, `g t` → `g t`. */
export function keyNames(keys: string, isMac: boolean): readonly string[] {
  return keys.split(/[ +]/).map((key) => (key === 'mod' ? (isMac ? '⌘' : 'Ctrl') : key))
}

/** Whether the keys are pressed at once; otherwise one follows the other. */
export function areTogether(keys: string): boolean {
  return keys.includes('+')
}

/** Commands that have keys, group by group; the screens first, then what is on this one. */
export function groupsWithKeys(
  commands: Iterable<Command>,
): readonly (readonly [group: string, commands: readonly Command[]])[] {
  const withKeys = [...commands].filter(({ keys }) => keys !== undefined)
  return [...Map.groupBy(withKeys, ({ group }) => group)]
}
