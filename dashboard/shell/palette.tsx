import { Spotlight } from '@mantine/spotlight'
import { useMemo } from 'react'
import { type Command, useCommands } from '../lib/commands.ts'
import { Keys } from './keys.tsx'

/** Everything that can be done, found by typing. */
export function Palette() {
  const all = useCommands((state) => state.all)
  const groups = useMemo(() => byGroup([...all.values()]), [all])
  return (
    <Spotlight
      shortcut="mod + K"
      actions={groups.map(([group, actions]) => ({
        group,
        actions: actions.map(({ id, label, keys, run }) => ({
          id,
          label,
          onClick: run,
          ...(keys === undefined ? {} : { rightSection: <Keys keys={keys} /> }),
        })),
      }))}
      searchProps={{ placeholder: 'What do you want to do?', 'aria-label': 'Search commands' }}
      nothingFound="Nothing is called so"
      scrollable
      maxHeight={420}
    />
  )
}

function byGroup(commands: readonly Command[]): [string, Command[]][] {
  return Object.entries(Object.groupBy(commands, ({ group }) => group)).map(([group, each = []]) => [
    group,
    each,
  ])
}
