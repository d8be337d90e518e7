import { Button, Select } from '@mantine/core'
import { IconX } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { Tools } from '../../components/tools.tsx'
import { useAgents } from '../../lib/watched.ts'
import classes from './effects.module.css'
import { type EffectsPlace, OUTCOME_WORDS, OUTCOMES } from './effects-place.ts'

interface Props {
  readonly place: EffectsPlace
  readonly onPlace: (change: Partial<EffectsPlace>) => void
  /** Of those that could be shown. */
  readonly callers: Iterable<{ readonly agent: string; readonly title: string; readonly helper: string }>
  /** What can be done with all that is shown. */
  readonly children?: ReactNode
}

/** Of whom effects are shown. */
export function EffectsTools({ place, onPlace, callers, children }: Props) {
  const agents = new Map((useAgents() ?? []).map(({ id, title }) => [id, title]))
  const helpers = new Set<string>()
  for (const { agent, title, helper } of callers) {
    // One that is not stored is known by its title.
    if (!agents.has(agent)) agents.set(agent || title, title)
    helpers.add(helper)
  }
  // What is asked for may be long gone.
  if (place.agent !== '' && !agents.has(place.agent)) agents.set(place.agent, place.agent)
  if (place.helper !== '') helpers.add(place.helper)
  return (
    <Tools>
      <Select
        className={classes.agent ?? ''}
        size="xs"
        aria-label="Agent"
        placeholder="All agents"
        searchable
        clearable
        data={Array.from(agents, ([value, label]) => ({ value, label })).sort((one, other) =>
          one.label.localeCompare(other.label),
        )}
        value={place.agent || null}
        onChange={(agent) => onPlace({ agent: agent ?? '' })}
      />
      <Select
        className={classes.helper ?? ''}
        size="xs"
        aria-label="Helper"
        placeholder="All helpers"
        searchable
        clearable
        data={[...helpers].sort()}
        value={place.helper || null}
        onChange={(helper) => onPlace({ helper: helper ?? '' })}
      />
      {place.view === 'log' && (
        <Select
          size="xs"
          w={150}
          aria-label="Outcome"
          placeholder="All outcomes"
          clearable
          data={OUTCOMES.map((value) => ({ value, label: OUTCOME_WORDS[value] }))}
          value={place.outcome || null}
          onChange={(outcome) => onPlace({ outcome: OUTCOMES.find((each) => each === outcome) ?? '' })}
        />
      )}
      {place.view === 'log' && place.entry !== '' && (
        <Button
          size="xs"
          variant="light"
          title={`Those in the hooks for ${place.entry}: show all`}
          rightSection={<IconX size={12} aria-hidden />}
          onClick={() => onPlace({ entry: '' })}
        >
          Of one entry
        </Button>
      )}
      {children}
    </Tools>
  )
}
